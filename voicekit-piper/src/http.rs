//! Piper's HTTP server: `POST /synthesize` for a clause, the whole of it as a WAV file.
//!
//! The server begins to answer when all is spoken; what is asked for ahead hides that. It takes a
//! voice that it does not have for its default one, so that `GET /voices` is asked first.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::time::timeout;
use voicekit_core::audio::{AudioChunk, Encoding};
use voicekit_core::error::{Error, ErrorKind, Result, Retry};
use voicekit_core::record::wav::Wav;
use voicekit_net::{Connector, Endpoint, HttpClient, HttpConfig, HttpRequest, Refusal};

use crate::config::PiperConfig;
use crate::piper::{Answer, retry};
use crate::{SERVICE, error};

/// The largest answer, in bytes: a minute and more of 48 kHz audio. As many are held as clauses are
/// asked for at once.
const LARGEST: usize = 8 * 1024 * 1024;

#[derive(Debug)]
pub(crate) struct Http {
    config: Arc<PiperConfig>,
    client: HttpClient,
    synthesize: Endpoint,
    voices: Endpoint,
    /// The voice that the server was last seen to have.
    known: Mutex<Option<String>>,
}

impl Http {
    pub(crate) fn new(config: Arc<PiperConfig>, connector: Connector, url: &str) -> Result<Self> {
        let endpoint = Endpoint::new(SERVICE, url)?;
        let limits = HttpConfig::default()
            .with_connect(config.connect)
            // The whole request has a limit of its own.
            .with_first_byte(config.patience(&" ".repeat(1_000)))
            .with_largest_body(LARGEST)
            .with_retry(retry());
        Ok(Self {
            client: HttpClient::new(connector, limits)
                .with_classify(|refusal| Some(classify(refusal))),
            synthesize: endpoint.clone().with_path("synthesize")?,
            voices: endpoint.with_path("voices")?,
            known: Mutex::default(),
            config,
        })
    }

    pub(crate) async fn ask(&self, voice: Option<String>, text: String) -> Result<Answer> {
        let limit = self.config.patience(&text);
        let asking = async {
            if let Some(voice) = &voice {
                self.check_voice(voice).await?;
            }
            let body = self.body(voice.as_deref(), &text);
            let post = HttpRequest::post(self.synthesize.clone()).json(&body)?;
            self.client.send(post).await?.bytes().await
        };
        let file = timeout(limit, asking).await.map_err(|_| {
            let text = format!("no audio within {} ms", limit.as_millis());
            error(ErrorKind::Timeout, text)
        })??;
        let audio = audio(&file)?;
        Ok(stream::once(std::future::ready(Ok(audio))).boxed())
    }

    async fn check_voice(&self, voice: &str) -> Result<()> {
        if self.lock().as_deref() == Some(voice) {
            return Ok(());
        }
        let get = HttpRequest::get(self.voices.clone());
        let voices: BTreeMap<String, Value> = self.client.send(get).await?.json().await?;
        if !voices.contains_key(voice) {
            let text = format!("the server has no voice {voice}");
            return Err(error(ErrorKind::Config, text));
        }
        *self.lock() = Some(voice.to_owned());
        Ok(())
    }

    fn body(&self, voice: Option<&str>, text: &str) -> Value {
        let mut body = json!({ "text": text });
        if let Some(voice) = voice {
            body["voice"] = voice.into();
        }
        if let Some(speaker) = &self.config.speaker {
            match speaker.parse::<u32>() {
                Ok(number) => body["speaker_id"] = number.into(),
                Err(_) => body["speaker"] = speaker.as_str().into(),
            }
        }
        if let Some(scale) = self.config.length_scale {
            body["length_scale"] = scale.into();
        }
        body
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The audio in the server's answer, whatever content type that claims to have.
pub(crate) fn audio(file: &[u8]) -> Result<AudioChunk> {
    let wav = Wav::parse(file).map_err(|wrong| {
        error(ErrorKind::Protocol, format!("the answer cannot be read: {wrong}")).with_source(wrong)
    })?;
    if wav.channels() != 1 || wav.format().encoding != Encoding::Pcm16 {
        let (channels, format) = (wav.channels(), wav.format());
        let text = format!("the voice has {channels} channels of {format}, not one of pcm16");
        return Err(error(ErrorKind::Unsupported, text));
    }
    if wav.is_truncated() {
        tracing::debug!(service = SERVICE, "the answer is shorter than it says");
    }
    AudioChunk::new(wav.format(), wav.data().to_vec())
}

/// A server that is not Piper's has no such route or method; Piper's answers 500 for a text that
/// it cannot speak, which is so every time.
pub(crate) fn classify(refusal: &Refusal) -> Error {
    match refusal.status() {
        404 | 405 => {
            let text = format!("{}: is it Piper's HTTP server?", refusal.summary());
            error(ErrorKind::Config, text).with_detail(refusal.said().unwrap_or_default())
        }
        500 => refusal.error_of(ErrorKind::Rejected).with_retry(Retry::Never),
        _ => refusal.error(),
    }
}
