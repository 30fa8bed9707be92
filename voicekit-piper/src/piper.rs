//! The voice.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::BoxStream;
use voicekit_core::audio::AudioChunk;
use voicekit_core::error::{ErrorKind, Result};
use voicekit_core::tts::{Spoken, Tts, TtsInfo, TtsRequest};
use voicekit_net::{Connector, RetryPolicy};

use crate::config::{PiperConfig, Server};
use crate::http::Http;
use crate::speaking::Speaking;
use crate::wyoming::Wyoming;
use crate::{SERVICE, error};

/// The server may be starting: it loads its voice for some seconds before it listens.
const RETRIES: [Duration; 5] = [Duration::from_millis(200); 5];

/// The audio of one clause as it comes, mono, in 16 bits and at the voice's rate.
pub(crate) type Answer = BoxStream<'static, Result<AudioChunk>>;

/// A voice on a Piper server. Clones share their connections.
#[derive(Clone, Debug)]
pub struct Piper {
    config: Arc<PiperConfig>,
    way: Way,
}

#[derive(Clone, Debug)]
enum Way {
    Wyoming(Arc<Wyoming>),
    Http(Arc<Http>),
}

impl Piper {
    /// A voice as `config` says.
    ///
    /// # Errors
    ///
    /// `Config`, naming the field that is wrong.
    pub fn new(config: PiperConfig) -> Result<Self> {
        Self::with_connector(config, Connector::new()?)
    }

    /// A voice that is reached by `connector`.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn with_connector(config: PiperConfig, connector: Connector) -> Result<Self> {
        let server = config.check()?;
        let config = Arc::new(config);
        let way = match server {
            Server::Wyoming(url) => {
                let wyoming = Wyoming::new(Arc::clone(&config), connector, &url)?;
                Way::Wyoming(Arc::new(wyoming))
            }
            Server::Http(url) => {
                Way::Http(Arc::new(Http::new(Arc::clone(&config), connector, &url)?))
            }
        };
        Ok(Self { config, way })
    }

    /// As [`PiperConfig::from_env`] says: `PIPER_URL`, `PIPER_VOICE`.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn from_env() -> Result<Self> {
        Self::new(PiperConfig::from_env()?)
    }

    /// Asks for the audio of `text`, which is one line.
    async fn ask(self, voice: Option<String>, text: String) -> Result<Answer> {
        match &self.way {
            Way::Wyoming(wyoming) => wyoming.ask(voice, text).await,
            Way::Http(http) => http.ask(voice, text).await,
        }
    }
}

#[async_trait]
impl Tts for Piper {
    fn info(&self) -> TtsInfo {
        TtsInfo::new(SERVICE, [self.config.format()])
    }

    async fn speak(
        &self,
        request: TtsRequest,
        text: BoxStream<'static, String>,
    ) -> Result<BoxStream<'static, Result<Spoken>>> {
        let format = self.config.format();
        if request.format != format {
            let text = format!("it speaks {format}, not {}", request.format);
            return Err(error(ErrorKind::Unsupported, text));
        }
        let voice = request.voice.or_else(|| self.config.voice.clone());
        let piper = self.clone();
        let ask = move |text| Box::pin(piper.clone().ask(voice.clone(), text)) as _;
        Ok(Speaking::new(text, ask, self.config.concurrency, format).boxed())
    }
}

/// Whether and when a connection that could not be made is tried again.
pub(crate) fn retry() -> RetryPolicy {
    RetryPolicy::after(RETRIES)
}
