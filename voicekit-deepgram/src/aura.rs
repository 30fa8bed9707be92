//! Synthesis by Aura: `/v1/speak`.

pub(crate) mod codec;

use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;
use voicekit_core::audio::{AudioFormat, Encoding};
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_core::tts::{Spoken, Tts, TtsInfo, TtsRequest};
use voicekit_net::{Connector, Endpoint, Link, PumpConfig, pump};

use self::codec::AuraCodec;
use crate::account::Account;
use crate::config::AuraConfig;
use crate::{SERVICE, listen};

/// The service's encodings at its sample rates. Its others (A-law and mu-law above 8 kHz) are of
/// no use to a call.
const FORMATS: [AudioFormat; 7] = [
    AudioFormat::PHONE,
    AudioFormat::new(Encoding::ALaw, 8_000),
    AudioFormat::pcm16(8_000),
    AudioFormat::pcm16(16_000),
    AudioFormat::pcm16(24_000),
    AudioFormat::pcm16(32_000),
    AudioFormat::pcm16(48_000),
];

/// How long nothing may come after the last word before the stream ends without the service's
/// close.
const CLOSE: Duration = Duration::from_secs(2);

/// Deepgram's Aura as a voice.
#[derive(Debug)]
pub struct Aura {
    config: AuraConfig,
    connector: Connector,
    endpoint: Endpoint,
}

impl Aura {
    /// A voice as `config` says.
    ///
    /// # Errors
    ///
    /// `Config`, naming the field that is wrong.
    pub fn new(config: AuraConfig) -> Result<Self> {
        config.check()?;
        let endpoint = config.account.endpoint("v1/speak")?;
        Ok(Self { config, connector: Connector::new()?, endpoint })
    }

    /// The defaults, for the [`Account::from_env`].
    ///
    /// # Errors
    ///
    /// `Config` if a variable is missing or wrong.
    pub fn from_env() -> Result<Self> {
        Self::new(AuraConfig::new(Account::from_env()?))
    }

    /// Makes its connections by `connector`.
    #[must_use]
    pub fn with_connector(mut self, connector: Connector) -> Self {
        self.connector = connector;
        self
    }

    fn endpoint(&self, request: &TtsRequest) -> Result<Endpoint> {
        let voice = request.voice.as_ref().unwrap_or(&self.config.voice);
        let mut query = vec![("model", voice.clone())];
        query.extend(listen::parameters(request.format));
        query.extend(self.config.parameters());
        listen::with_parameters(&self.endpoint, query)
    }
}

#[async_trait]
impl Tts for Aura {
    fn info(&self) -> TtsInfo {
        TtsInfo::new(SERVICE, FORMATS)
    }

    async fn speak(
        &self,
        request: TtsRequest,
        text: BoxStream<'static, String>,
    ) -> Result<BoxStream<'static, Result<Spoken>>> {
        if !FORMATS.contains(&request.format) {
            let text = format!("{} is none of the formats it gives", request.format);
            return Err(Error::new(ErrorKind::Unsupported, SERVICE, text));
        }
        let link = Link::new(self.connector.clone(), self.endpoint(&request)?);
        let codec = AuraCodec::new(&self.config, request.format);
        let pump_config = PumpConfig::default()
            .with_answer(self.config.answer)
            .with_close(CLOSE)
            .with_reconnect(listen::reconnect());
        Ok(pump(link, codec, text, pump_config))
    }
}
