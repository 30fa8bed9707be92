//! The voice, and what all its replies share.

use std::sync::Arc;

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_core::tts::{Spoken, Tts, TtsInfo, TtsRequest};
use voicekit_net::{Connector, Endpoint, HttpClient};

use crate::config::{ElevenLabsConfig, Route};
use crate::failure::{classify, naming};
use crate::http::Reading;
use crate::pool::Pool;
use crate::speech::Speaking;
use crate::track::Track;
use crate::voices::{Voice, Voices};
use crate::wire::{FORMATS, format_name, language_code};
use crate::{SERVICE, socket};

/// For how long the service leaves a socket open without text, in seconds: its maximum.
const INACTIVITY: &str = "180";

/// ElevenLabs as a voice. Clones share their sockets.
#[derive(Clone, Debug)]
pub struct ElevenLabs(Arc<Service>);

/// What all replies share.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) config: Arc<ElevenLabsConfig>,
    pub(crate) connector: Connector,
    pub(crate) http: HttpClient,
    pub(crate) pool: Arc<Pool>,
    voices: Voices,
    base: Endpoint,
}

impl ElevenLabs {
    /// A voice as `config` says.
    ///
    /// # Errors
    ///
    /// `Config`, naming the field that is wrong.
    pub fn new(config: ElevenLabsConfig) -> Result<Self> {
        Self::with_connector(config, Connector::new()?)
    }

    /// A voice that is reached by `connector`.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn with_connector(config: ElevenLabsConfig, connector: Connector) -> Result<Self> {
        config.check()?;
        let base = Endpoint::new(SERVICE, &config.url)?
            .with_header("xi-api-key", config.api_key.expose().trim())?;
        let http = HttpClient::new(connector.clone(), config.http()).with_classify(classify);
        let pool = Arc::new(Pool::new(config.idle_sockets));
        let (config, voices) = (Arc::new(config), Voices::default());
        Ok(Self(Arc::new(Service { config, connector, http, pool, voices, base })))
    }

    /// As [`ElevenLabsConfig::from_env`] says: `ELEVENLABS_API_KEY`, `ELEVENLABS_URL`.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn from_env() -> Result<Self> {
        Self::new(ElevenLabsConfig::from_env()?)
    }

    /// The voices that the account can use, in the service's order. The list is kept for five
    /// minutes; however many want it meanwhile, it is asked for once.
    ///
    /// # Errors
    ///
    /// Any [`ErrorKind`]; `Protocol` if the list has no end.
    pub async fn voices(&self) -> Result<Vec<Voice>> {
        self.0.voices.of(&self.0).await
    }
}

#[async_trait]
impl Tts for ElevenLabs {
    fn info(&self) -> TtsInfo {
        let info = TtsInfo::new(SERVICE, FORMATS);
        if self.0.config.words { info.with_words() } else { info }
    }

    /// # Panics
    ///
    /// The output, if it is polled outside of a tokio runtime.
    async fn speak(
        &self,
        request: TtsRequest,
        text: BoxStream<'static, String>,
    ) -> Result<BoxStream<'static, Result<Spoken>>> {
        if !FORMATS.contains(&request.format) {
            let text = format!("{} is none of the formats it gives", request.format);
            return Err(Error::new(ErrorKind::Unsupported, SERVICE, text));
        }
        let service = Arc::clone(&self.0);
        Ok(match service.config.route {
            Route::Socket => {
                let endpoint = service.socket(&request)?;
                let speaking = Speaking::new(service, endpoint, request, text);
                stream::unfold(speaking, |mut speaking| async move {
                    speaking.next().await.map(|item| (item, speaking))
                })
                .boxed()
            }
            Route::Http => {
                let track = Track::new(request.format, service.config.words);
                let reading = Reading::new(service, &request, text, track)?;
                stream::unfold(reading, |mut reading| async move {
                    reading.next().await.map(|item| (item, reading))
                })
                .boxed()
            }
        })
    }

    async fn warm(&self, request: &TtsRequest) -> Result<()> {
        let service = &self.0;
        let voice = service.voice(request);
        match service.config.route {
            Route::Socket => {
                let warmed = socket::warm(service, &service.socket(request)?).await;
                warmed.map_err(|error| naming(error, voice))
            }
            Route::Http => service.http.warm(&service.base).await,
        }
    }
}

impl Service {
    /// The voice that speaks.
    pub(crate) fn voice<'a>(&'a self, request: &'a TtsRequest) -> &'a str {
        request.voice.as_deref().unwrap_or(&self.config.voice)
    }

    /// The language that the service is told.
    pub(crate) fn language(&self, request: &TtsRequest) -> Option<String> {
        let tag = self.config.language.as_ref().unwrap_or(&request.language);
        language_code(&self.config.model, tag)
    }

    /// Where the list of voices is.
    pub(crate) fn voice_list(&self) -> Result<Endpoint> {
        self.base.clone().with_path("v2/voices")?.with_query("page_size", "100")
    }

    /// Where texts are asked to be spoken, with their times or without.
    pub(crate) fn stream(&self, request: &TtsRequest) -> Result<Endpoint> {
        let config = &self.config;
        let route = if config.words { "stream/with-timestamps" } else { "stream" };
        let mut endpoint = self.speech(request, route)?;
        endpoint = endpoint.with_query("output_format", &format_name(request.format))?;
        if !config.logging {
            endpoint = endpoint.with_query("enable_logging", "false")?;
        }
        Ok(endpoint)
    }

    /// The multi-context socket, whose URL says all that it cannot change.
    fn socket(&self, request: &TtsRequest) -> Result<Endpoint> {
        let config = &self.config;
        let mut query = vec![
            ("model_id", config.model.clone()),
            ("output_format", format_name(request.format)),
            // Clauses are fit to be spoken by themselves; the service need not gather them.
            ("auto_mode", config.chunk_schedule.is_empty().to_string()),
            ("inactivity_timeout", INACTIVITY.to_owned()),
        ];
        query.extend(self.language(request).map(|code| ("language_code", code)));
        let flags = [("sync_alignment", config.words), ("enable_ssml_parsing", config.ssml)];
        let set = flags.into_iter().filter(|(_, set)| *set);
        query.extend(set.map(|(name, _)| (name, "true".to_owned())));
        if !config.logging {
            query.push(("enable_logging", "false".to_owned()));
        }
        let normalization = config.text_normalization.map(|choice| choice.name().to_owned());
        query.extend(normalization.map(|name| ("apply_text_normalization", name)));
        query.extend(config.seed.map(|seed| ("seed", seed.to_string())));
        let endpoint = self.speech(request, "multi-stream-input")?;
        query.iter().try_fold(endpoint, |endpoint, (name, value)| endpoint.with_query(name, value))
    }

    fn speech(&self, request: &TtsRequest, route: &str) -> Result<Endpoint> {
        let voice = self.voice(request);
        if voice.trim().is_empty() {
            return Err(Error::new(ErrorKind::Config, SERVICE, "the request's voice is empty"));
        }
        let voice: String = form_urlencoded::byte_serialize(voice.trim().as_bytes()).collect();
        let voice = voice.replace('+', "%20");
        self.base.clone().with_path(&format!("v1/text-to-speech/{voice}/{route}"))
    }
}
