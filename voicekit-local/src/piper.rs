//! Text to speech with a Piper voice, on the processor, without any other program.
//!
//! A [`Piper`] reads a VITS voice as the Piper project publishes them (`NAME.onnx` beside
//! `NAME.onnx.json`; English only). Text is written out in words (numbers, times, money, dates,
//! addresses), turned into phonemes by a lexicon with a fallback on spelling, and synthesised
//! clause by clause.
//!
//! - **Output**: linear 16-bit audio at the voice's own rate, 22,050 Hz for voices of medium
//!   quality, with the times of the words.
//! - **Latency**: a clause is decoded in stretches, the first of 0.4 s, so that sound starts long
//!   before the clause is done. Clauses that have been spoken before come from [`Phrases`].
//! - **Deterministic**: the same text gives the same audio; the noise that the network draws is
//!   seeded when the voice is loaded.
//! - **Needs** a tokio runtime: the network runs on its blocking threads.

mod graph;
mod letters;
mod phonemes;
mod phrases;
mod speech;
pub(crate) mod spoken;
mod voice;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use voicekit_core::audio::AudioFormat;
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_core::tts::{Spoken, Tts, TtsInfo, TtsRequest};

pub use self::phrases::Phrases;
use self::speech::Speech;
use self::voice::Voice;

/// A voice that speaks English. Cloning shares the loaded network.
#[derive(Clone, Debug)]
pub struct Piper {
    voice: Arc<Voice>,
    phrases: Arc<Phrases>,
    name: Arc<str>,
    speaker: u32,
}

/// How a voice is to speak.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PiperConfig {
    /// The name by which [`TtsRequest::voice`] may ask for it. Default: `piper`, or the name of
    /// the file it is loaded from.
    pub name: String,
    /// Which speaker of a voice with several. Default 0.
    pub speaker: u32,
    /// How fast: 2.0 takes half the time. Default 1.0, range 0.5 to 2.0.
    pub speed: f32,
}

impl Default for PiperConfig {
    fn default() -> Self {
        Self { name: "piper".to_owned(), speaker: 0, speed: 1.0 }
    }
}

impl PiperConfig {
    /// The same with another name.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The same with another speaker.
    #[must_use]
    pub fn with_speaker(mut self, speaker: u32) -> Self {
        self.speaker = speaker;
        self
    }

    /// The same with another speed.
    #[must_use]
    pub fn with_speed(mut self, speed: f32) -> Self {
        self.speed = speed;
        self
    }
}

impl Piper {
    /// Loads the voice in `onnx`, whose settings lie beside it under the same name with `.json`
    /// added. Takes about half a second and blocks.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new), and `Config` if a file cannot be read.
    pub fn load(onnx: impl AsRef<Path>) -> Result<Self> {
        let onnx = onnx.as_ref();
        let mut settings = onnx.as_os_str().to_owned();
        settings.push(".json");
        let network = fs::read(onnx).map_err(|error| unreadable(onnx, error))?;
        let settings = fs::read_to_string(&settings)
            .map_err(|error| unreadable(Path::new(&settings), error))?;
        let name = onnx.file_stem().unwrap_or_default().to_string_lossy();
        Self::new(&network, &settings, PiperConfig::default().with_name(name))
    }

    /// The voice in the ONNX file `network` with the settings `json`. Takes about half a second
    /// and blocks.
    ///
    /// # Errors
    ///
    /// `Config` if the network or its settings are not what Piper writes, or a field of `config`
    /// is out of range; `Unsupported` if the voice is not English.
    pub fn new(network: &[u8], json: &str, config: PiperConfig) -> Result<Self> {
        if !(0.5..=2.0).contains(&config.speed) {
            return Err(invalid(format!("speed must be 0.5 to 2.0, not {}", config.speed)));
        }
        let mut voice = Voice::new(network, json)?;
        voice.set_speed(config.speed);
        if !voice.has_speaker(config.speaker) {
            return Err(invalid(format!("the voice has no speaker {}", config.speaker)));
        }
        Ok(Self {
            voice: Arc::new(voice),
            phrases: Arc::default(),
            name: config.name.into(),
            speaker: config.speaker,
        })
    }

    /// The same voice with a store of phrases of another size, or one shared with other voices.
    #[must_use]
    pub fn with_phrases(mut self, phrases: Arc<Phrases>) -> Self {
        self.phrases = phrases;
        self
    }

    /// Speaks `texts` into the store, so that they start at once when they are needed: the
    /// greeting, an apology. Each text is stored clause by clause as it would arrive.
    ///
    /// # Errors
    ///
    /// As [`speak`](Tts::speak).
    pub async fn prepare<'a>(&self, texts: impl IntoIterator<Item = &'a str>) -> Result<()> {
        for text in texts {
            let text = stream::iter([text.to_owned()]).boxed();
            let mut spoken = self.speak(TtsRequest::new(self.format()), text).await?;
            while let Some(part) = spoken.next().await {
                part?;
            }
        }
        Ok(())
    }

    fn format(&self) -> AudioFormat {
        AudioFormat::pcm16(self.voice.rate_hz)
    }
}

#[async_trait]
impl Tts for Piper {
    fn info(&self) -> TtsInfo {
        TtsInfo::new("piper", [self.format()]).with_words()
    }

    async fn speak(
        &self,
        request: TtsRequest,
        text: BoxStream<'static, String>,
    ) -> Result<BoxStream<'static, Result<Spoken>>> {
        if request.format != self.format() {
            let message = format!("gives {}, not {}", self.format(), request.format);
            return Err(Error::new(ErrorKind::Unsupported, "piper", message));
        }
        if request.voice.is_some_and(|voice| *voice != *self.name) {
            return Err(invalid(format!("there is no voice but {:?}", self.name)));
        }
        if !request.language.starts_with("en") {
            return Err(Error::new(ErrorKind::Unsupported, "piper", "speaks English only"));
        }
        Ok(Speech::new(self.clone(), text).into_stream())
    }
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::Config, "piper", message)
}

fn unreadable(path: &Path, error: std::io::Error) -> Error {
    invalid(format!("{} cannot be read", path.display())).with_source(error)
}
