//! Recognition by Nova: `/v1/listen`.

pub(crate) mod codec;
mod segment;

use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;
use voicekit_core::asr::{Asr, AsrEvent, AsrInfo, AsrInput, AsrRequest, keep_words};
use voicekit_core::error::Result;
use voicekit_net::pump::Chunking;
use voicekit_net::{Connector, Endpoint, Link, PumpConfig, pump};

use self::codec::NovaCodec;
use crate::account::Account;
use crate::config::{NovaConfig, list};
use crate::{SERVICE, listen};

/// The service closes a connection on which nothing comes for 10 s, and wants this every 3 to 5 s.
const KEEP_ALIVE: Duration = Duration::from_secs(4);

/// The last message after `CloseStream` comes within a second or two, or not at all.
const CLOSE: Duration = Duration::from_secs(3);

/// Deepgram's Nova and older models as a recogniser.
#[derive(Debug)]
pub struct Nova {
    config: NovaConfig,
    connector: Connector,
    endpoint: Endpoint,
}

impl Nova {
    /// A recogniser as `config` says.
    ///
    /// # Errors
    ///
    /// `Config`, naming the field that is wrong.
    pub fn new(config: NovaConfig) -> Result<Self> {
        config.check()?;
        let endpoint = config.account.endpoint("v1/listen")?;
        Ok(Self { config, connector: Connector::new()?, endpoint })
    }

    /// The defaults, for the [`Account::from_env`].
    ///
    /// # Errors
    ///
    /// `Config` if a variable is missing or wrong.
    pub fn from_env() -> Result<Self> {
        Self::new(NovaConfig::new(Account::from_env()?))
    }

    /// Makes its connections by `connector`.
    #[must_use]
    pub fn with_connector(mut self, connector: Connector) -> Self {
        self.connector = connector;
        self
    }

    fn endpoint(&self, request: &AsrRequest) -> Result<Endpoint> {
        let config = &self.config;
        let language = config.language.as_ref().unwrap_or(&request.language);
        let has_key_terms = config.model.starts_with("nova-3");
        let terms = if has_key_terms { "keyterm" } else { "keywords" };
        let mut query = config.parameters();
        query.push(("language", language.clone()));
        query.push(("channels", "1".to_owned()));
        query.extend(listen::parameters(request.format));
        query.extend(list(terms, listen::terms(&request.vocabulary)));
        listen::with_parameters(&self.endpoint, query)
    }

    fn pump(&self) -> PumpConfig {
        PumpConfig::default()
            .with_answer(self.config.finalize_timeout)
            .with_close(CLOSE)
            .with_keep_alive(KEEP_ALIVE)
            .with_chunking(Chunking::new(Duration::from_millis(20), Duration::from_millis(100)))
            .with_pace(listen::pace())
            .with_buffer(self.config.replay)
            .with_reconnect(listen::reconnect())
    }
}

#[async_trait]
impl Asr for Nova {
    fn info(&self) -> AsrInfo {
        AsrInfo::new(SERVICE, listen::FORMATS).with_final_latency(self.config.finalize_timeout)
    }

    async fn recognize(
        &self,
        request: AsrRequest,
        input: BoxStream<'static, AsrInput>,
    ) -> Result<BoxStream<'static, Result<AsrEvent>>> {
        listen::check(request.format)?;
        let link = Link::new(self.connector.clone(), self.endpoint(&request)?);
        let codec = NovaCodec::new(&self.config, request.format);
        Ok(keep_words(pump(link, codec, input, self.pump())))
    }
}
