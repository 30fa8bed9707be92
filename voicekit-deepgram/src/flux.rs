//! Recognition by Flux, which follows turns: `/v2/listen`.

pub(crate) mod codec;

use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;
use voicekit_core::asr::{Asr, AsrEvent, AsrInfo, AsrInput, AsrRequest, keep_words};
use voicekit_core::error::Result;
use voicekit_net::pump::Chunking;
use voicekit_net::{Connector, Endpoint, Link, PumpConfig, pump};

use self::codec::FluxCodec;
use crate::account::Account;
use crate::config::{FluxConfig, list};
use crate::{SERVICE, listen};

/// Without audio the service's time stands still, and with it a turn that is open: after this
/// long, silence is sent.
const SILENCE_AFTER: Duration = Duration::from_millis(500);

/// What the service recommends as the size of a piece.
const PIECE: Duration = Duration::from_millis(80);

/// The last message after `CloseStream` comes within a second or two, or not at all.
const CLOSE: Duration = Duration::from_secs(3);

/// Deepgram's Flux as a recogniser that follows turns.
#[derive(Debug)]
pub struct Flux {
    config: FluxConfig,
    connector: Connector,
    endpoint: Endpoint,
}

impl Flux {
    /// A recogniser as `config` says.
    ///
    /// # Errors
    ///
    /// `Config`, naming the field that is wrong.
    pub fn new(config: FluxConfig) -> Result<Self> {
        config.check()?;
        let endpoint = config.account.endpoint("v2/listen")?;
        Ok(Self { config, connector: Connector::new()?, endpoint })
    }

    /// The defaults, for the [`Account::from_env`].
    ///
    /// # Errors
    ///
    /// `Config` if a variable is missing or wrong.
    pub fn from_env() -> Result<Self> {
        Self::new(FluxConfig::new(Account::from_env()?))
    }

    /// Makes its connections by `connector`.
    #[must_use]
    pub fn with_connector(mut self, connector: Connector) -> Self {
        self.connector = connector;
        self
    }

    /// Parameters that it does not know are refused, so that none are shared with Nova's.
    fn endpoint(&self, request: &AsrRequest) -> Result<Endpoint> {
        let mut query = self.config.parameters();
        query.extend(listen::parameters(request.format));
        if self.config.is_multilingual() {
            query.push(("language_hint", request.language.clone()));
            query.extend(list("language_hint", &self.config.language_hints));
        }
        query.extend(list("keyterm", listen::terms(&request.vocabulary)));
        listen::with_parameters(&self.endpoint, query)
    }

    fn pump(&self) -> PumpConfig {
        PumpConfig::default()
            .with_answer(self.config.finalize_timeout)
            .with_close(CLOSE)
            .with_keep_alive(SILENCE_AFTER)
            .with_chunking(Chunking::new(PIECE, 2 * PIECE))
            .with_pace(listen::pace())
            .with_buffer(self.config.replay)
            .with_reconnect(listen::reconnect())
    }
}

#[async_trait]
impl Asr for Flux {
    fn info(&self) -> AsrInfo {
        AsrInfo::new(SERVICE, listen::FORMATS)
            .with_final_latency(self.config.finalize_timeout)
            .with_turns()
    }

    async fn recognize(
        &self,
        request: AsrRequest,
        input: BoxStream<'static, AsrInput>,
    ) -> Result<BoxStream<'static, Result<AsrEvent>>> {
        listen::check(request.format)?;
        let link = Link::new(self.connector.clone(), self.endpoint(&request)?);
        let codec = FluxCodec::new(&self.config, request.format);
        Ok(keep_words(pump(link, codec, input, self.pump())))
    }
}
