//! What can be set, and its one check.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use voicekit_core::error::Result;
use voicekit_core::time::in_ms;
use voicekit_net::{Check, HttpConfig, RetryPolicy, Secret};

use crate::SERVICE;

const CHECK: Check = Check::new(SERVICE);

/// The global host. Others are `api.us.` and `api.eu.residency.elevenlabs.io`.
const URL: &str = "wss://api.elevenlabs.io";

/// "George", whom the service's own examples use; every account has him.
const VOICE: &str = "JBFqnCBsd6RMkjVDRZzb";

/// The model that the service recommends where latency counts.
const MODEL: &str = "eleven_flash_v2_5";

/// How ElevenLabs speaks.
///
/// [`ElevenLabs::new`](crate::ElevenLabs::new) checks it and names the field, the value and the
/// range of what is wrong. Files write durations as milliseconds, in fields named `…_ms`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ElevenLabsConfig {
    /// The key. Default: none, which the check refuses.
    pub api_key: Secret,
    /// The host with its scheme, `wss://` or, for one of your own, `ws://`; a path in front of
    /// `/v1` may follow. HTTP goes to the same host. Default: `wss://api.elevenlabs.io`.
    pub url: String,
    /// The id of the voice, where the reply names none. Default: `JBFqnCBsd6RMkjVDRZzb`.
    pub voice: String,
    /// The model. `eleven_v3` and later have no socket of this kind and need
    /// [`Route::Http`]. Default: `eleven_flash_v2_5`.
    pub model: String,
    /// The language whatever the call's is, as a BCP 47 tag. It is sent if the model takes one.
    /// Default: the call's.
    pub language: Option<String>,
    /// How the voice sounds. Default: as the voice's owner has set it.
    pub voice_settings: VoiceSettings,
    /// How texts get to the service. Default: [`Route::Socket`].
    pub route: Route,
    /// Whether a reply whose socket is lost twice is finished over HTTP. Default: true.
    pub fallback: bool,
    /// Asks for the times of words. Default: true.
    pub words: bool,
    /// Which text the times are of. Default: [`AlignmentChoice::Given`].
    pub alignment: AlignmentChoice,
    /// How many characters the service gathers before each piece it speaks, 50 to 500 each: fewer
    /// pauses in odd places, later audio. Default: empty, and every clause is spoken as it comes.
    pub chunk_schedule: Vec<u32>,
    /// Whether numbers and abbreviations are written out before they are spoken. Default: the
    /// service decides.
    pub text_normalization: Option<TextNormalization>,
    /// Dictionaries for the pronunciation, at most 3. With them,
    /// [`AlignmentChoice::Normalized`] gives better times. Default: none.
    pub pronunciation: Vec<PronunciationDictionary>,
    /// Makes the voice speak the same text the same way, as far as the model can. Default: none.
    pub seed: Option<u32>,
    /// Whether the text holds SSML. Costs time. Default: false.
    pub ssml: bool,
    /// Whether the service keeps texts and audio. Only enterprise accounts may say false.
    /// Default: true.
    pub logging: bool,
    /// How long making a connection may take: 0.1 s to 60 s, default 5 s.
    #[serde(rename = "connect_timeout_ms", with = "in_ms")]
    pub connect_timeout: Duration,
    /// How long the service may be silent while it owes audio: 0.5 s to 30 s, default 5 s.
    #[serde(rename = "answer_ms", with = "in_ms")]
    pub answer: Duration,
    /// How long a socket is kept for the next reply: 1 s to 170 s, default 150 s. The service
    /// closes it after 180 s.
    #[serde(rename = "idle_ms", with = "in_ms")]
    pub idle: Duration,
    /// How many sockets are kept for the next reply, at most 256. Default: 8.
    pub idle_sockets: usize,
}

/// How a voice sounds. What is not set is as the voice's owner has set it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct VoiceSettings {
    /// 0 (lively) to 1 (even).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stability: Option<f32>,
    /// How close to the original: 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub similarity_boost: Option<f32>,
    /// How much of the original's style is exaggerated: 0 to 1. Costs time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub style: Option<f32>,
    /// Still closer to the original. Costs time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub use_speaker_boost: Option<bool>,
    /// How fast: 0.7 to 1.2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speed: Option<f32>,
}

/// How texts get to the service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Route {
    /// Over sockets that are kept from reply to reply: the least latency, and the service hears a
    /// reply as one text.
    #[default]
    Socket,
    /// A request for each clause, with the text before it.
    Http,
}

/// Which text the times of words are of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AlignmentChoice {
    /// The text that was given: `$5`.
    #[default]
    Given,
    /// The text as it was spoken: `five dollars`.
    Normalized,
}

/// Whether numbers and abbreviations are written out before they are spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TextNormalization {
    /// Where the model needs it.
    Auto,
    /// Always; costs time.
    On,
    /// Never.
    Off,
}

/// A dictionary for the pronunciation, as the service knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PronunciationDictionary {
    /// Its id.
    #[serde(rename = "pronunciation_dictionary_id")]
    pub id: String,
    /// The id of its version.
    #[serde(rename = "version_id")]
    pub version: String,
}

impl PronunciationDictionary {
    /// The `version` of the dictionary `id`.
    pub fn new(id: impl Into<String>, version: impl Into<String>) -> Self {
        Self { id: id.into(), version: version.into() }
    }
}

impl Default for ElevenLabsConfig {
    fn default() -> Self {
        Self {
            api_key: Secret::new(""),
            url: URL.to_owned(),
            voice: VOICE.to_owned(),
            model: MODEL.to_owned(),
            language: None,
            voice_settings: VoiceSettings::default(),
            route: Route::default(),
            fallback: true,
            words: true,
            alignment: AlignmentChoice::default(),
            chunk_schedule: Vec::new(),
            text_normalization: None,
            pronunciation: Vec::new(),
            seed: None,
            ssml: false,
            logging: true,
            connect_timeout: Duration::from_secs(5),
            answer: Duration::from_secs(5),
            idle: Duration::from_secs(150),
            idle_sockets: 8,
        }
    }
}

impl ElevenLabsConfig {
    /// The defaults with this key.
    pub fn new(api_key: impl Into<Secret>) -> Self {
        Self { api_key: api_key.into(), ..Self::default() }
    }

    /// The key in `ELEVENLABS_API_KEY`, on the host in `ELEVENLABS_URL` if that is set.
    ///
    /// # Errors
    ///
    /// `Config` if the key is missing, or a variable is not Unicode.
    pub fn from_env() -> Result<Self> {
        let config = Self::new(Secret::from_env(SERVICE, "ELEVENLABS_API_KEY")?);
        Ok(match CHECK.var("ELEVENLABS_URL")? {
            Some(url) => config.with_url(url),
            None => config,
        })
    }

    /// Sets [`url`](Self::url).
    #[must_use]
    pub fn with_url(mut self, url: impl Into<String>) -> Self {
        self.url = url.into();
        self
    }

    /// Sets [`voice`](Self::voice).
    #[must_use]
    pub fn with_voice(mut self, id: impl Into<String>) -> Self {
        self.voice = id.into();
        self
    }

    /// Sets [`model`](Self::model).
    #[must_use]
    pub fn with_model(mut self, model: impl Into<String>) -> Self {
        self.model = model.into();
        self
    }

    /// Sets [`language`](Self::language).
    #[must_use]
    pub fn with_language(mut self, language: impl Into<String>) -> Self {
        self.language = Some(language.into());
        self
    }

    /// Sets [`voice_settings`](Self::voice_settings).
    #[must_use]
    pub fn with_voice_settings(mut self, settings: VoiceSettings) -> Self {
        self.voice_settings = settings;
        self
    }

    /// Sets [`route`](Self::route).
    #[must_use]
    pub fn with_route(mut self, route: Route) -> Self {
        self.route = route;
        self
    }

    /// Sets [`fallback`](Self::fallback).
    #[must_use]
    pub fn with_fallback(mut self, fallback: bool) -> Self {
        self.fallback = fallback;
        self
    }

    /// Sets [`words`](Self::words).
    #[must_use]
    pub fn with_words(mut self, words: bool) -> Self {
        self.words = words;
        self
    }

    /// Sets [`alignment`](Self::alignment).
    #[must_use]
    pub fn with_alignment(mut self, alignment: AlignmentChoice) -> Self {
        self.alignment = alignment;
        self
    }

    /// Sets [`chunk_schedule`](Self::chunk_schedule).
    #[must_use]
    pub fn with_chunk_schedule(mut self, characters: impl Into<Vec<u32>>) -> Self {
        self.chunk_schedule = characters.into();
        self
    }

    /// Sets [`text_normalization`](Self::text_normalization).
    #[must_use]
    pub fn with_text_normalization(mut self, normalization: TextNormalization) -> Self {
        self.text_normalization = Some(normalization);
        self
    }

    /// Sets [`pronunciation`](Self::pronunciation).
    #[must_use]
    pub fn with_pronunciation(mut self, of: impl Into<Vec<PronunciationDictionary>>) -> Self {
        self.pronunciation = of.into();
        self
    }

    /// Sets [`answer`](Self::answer).
    #[must_use]
    pub fn with_answer(mut self, limit: Duration) -> Self {
        self.answer = limit;
        self
    }

    /// Sets [`idle`](Self::idle).
    #[must_use]
    pub fn with_idle(mut self, idle: Duration) -> Self {
        self.idle = idle;
        self
    }

    /// Sets [`idle_sockets`](Self::idle_sockets).
    #[must_use]
    pub fn with_idle_sockets(mut self, most: usize) -> Self {
        self.idle_sockets = most;
        self
    }

    pub(crate) fn check(&self) -> Result<()> {
        CHECK.filled("api_key", self.api_key.expose())?;
        CHECK.filled("voice", &self.voice)?;
        CHECK.filled("model", &self.model)?;
        if self.route == Route::Socket && !has_socket(&self.model) {
            let text =
                format!("model {} needs route = \"http\": it has no such socket", self.model);
            return Err(CHECK.wrong(text));
        }
        self.voice_settings.check()?;
        for characters in &self.chunk_schedule {
            CHECK.within("chunk_schedule", *characters, 50..=500)?;
        }
        CHECK.within("the number of pronunciation", self.pronunciation.len(), 0..=3)?;
        let ms = Duration::from_millis;
        CHECK.within_ms("connect_timeout_ms", self.connect_timeout, ms(100)..=ms(60_000))?;
        CHECK.within_ms("answer_ms", self.answer, ms(500)..=ms(30_000))?;
        CHECK.within_ms("idle_ms", self.idle, ms(1_000)..=ms(170_000))?;
        CHECK.within("idle_sockets", self.idle_sockets, 0..=256)
    }

    pub(crate) fn http(&self) -> HttpConfig {
        // Three attempts in all, as the service recommends when it is busy.
        let retry = RetryPolicy::after([Duration::from_millis(250), Duration::from_millis(500)]);
        HttpConfig::default()
            .with_connect(self.connect_timeout)
            .with_first_byte(self.answer)
            .with_idle(self.answer)
            .with_retry(retry)
    }
}

impl VoiceSettings {
    /// Sets [`stability`](Self::stability).
    #[must_use]
    pub fn with_stability(mut self, stability: f32) -> Self {
        self.stability = Some(stability);
        self
    }

    /// Sets [`similarity_boost`](Self::similarity_boost).
    #[must_use]
    pub fn with_similarity_boost(mut self, boost: f32) -> Self {
        self.similarity_boost = Some(boost);
        self
    }

    /// Sets [`speed`](Self::speed).
    #[must_use]
    pub fn with_speed(mut self, speed: f32) -> Self {
        self.speed = Some(speed);
        self
    }

    fn check(&self) -> Result<()> {
        for (field, value, range) in [
            ("voice_settings.stability", self.stability, 0.0..=1.0),
            ("voice_settings.similarity_boost", self.similarity_boost, 0.0..=1.0),
            ("voice_settings.style", self.style, 0.0..=1.0),
            ("voice_settings.speed", self.speed, 0.7..=1.2),
        ] {
            value.map_or(Ok(()), |value| CHECK.within(field, value, range))?;
        }
        Ok(())
    }
}

/// Whether the service has this model on the multi-context socket: all before `eleven_v3`.
fn has_socket(model: &str) -> bool {
    let generation = model.strip_prefix("eleven_v").and_then(|rest| rest.chars().next());
    !matches!(generation, Some('3'..='9'))
}
