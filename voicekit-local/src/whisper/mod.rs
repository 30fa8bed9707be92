//! Whisper tiny.en: speech recognition in pure Rust, on one processor thread.
//!
//! A decode has three parts: a spectrogram of the utterance, the encoder (once over all of it), and
//! the decoder (once a token, greedy). The model was trained on windows of 30 s; here the window
//! is the utterance and `PADDING` of silence, which costs a third to a fifth and, with less than
//! 3 s of padding, would make the model repeat itself.
//!
//! Three guards against its known failures: at most `TOKENS_PER_SECOND` x duration +
//! `TOKENS_BESIDES` tokens, an end that repeats what was said is dropped (`repetition.rs`), and signs
//! that are not speech are never written.
//!
//! # As a recogniser of a call
//!
//! [`Whisper`] is also an [`Asr`](voicekit_core::asr::Asr). It decodes whole utterances, so it needs
//! the hints of a voice activity detector. `SpeechEnded` starts a decode at once, which is thrown
//! away if speech goes on; by the time of `Finalize` the text is usually there. While speech lasts,
//! a second of it and more is decoded as an interim if no other model is at work. An utterance
//! begins half a second before `SpeechStarted` and is cut after [`LONGEST`].

mod asr;
mod decoder;
mod encoder;
mod layers;
mod listener;
mod model;
mod repetition;
mod tokens;
mod weights;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, fs};

use voicekit_core::error::{Error, ErrorKind, Result};

use self::layers::HEAD_WIDTH;
use self::model::Model;
use crate::inference::Lane;
use crate::mel;

const SERVICE: &str = "whisper";
/// The sizes of the model `tiny.en`.
const WIDTH: usize = 384;
const LAYERS: usize = 4;

const fn heads() -> usize {
    WIDTH / HEAD_WIDTH
}

/// The longest utterance that is decoded; of a longer one, the beginning is.
pub const LONGEST: Duration = Duration::from_secs(29);
/// Silence added to the utterance, as far as the model's 30 s reach.
const PADDING: Duration = Duration::from_secs(5);
/// Fast speech is about 4 words, hence 5 to 6 tokens, a second.
const TOKENS_PER_SECOND: usize = 6;
/// Room for punctuation and a mishearing.
const TOKENS_BESIDES: usize = 12;

/// The probability that nobody spoke from which on an utterance is noise. On the recorded speech it
/// is 0.20 at most; on silence, hiss, hum and clicks of half a second to six, 0.86 at least.
const NO_SPEECH: f32 = 0.8;
/// It is noise from this probability on if the model is also this unsure of its words. Source:
/// openai/whisper, `transcribe.py`.
const PERHAPS_NO_SPEECH: f32 = 0.6;
const UNSURE: f32 = -1.0;

/// Tells a decode to stop; asked between layers and tokens.
type Stop<'a> = &'a (dyn Fn() -> bool + Sync);

/// The recogniser. Loading takes 0.3 s and 60 MB; clones share the model, and one value serves all
/// calls.
#[derive(Clone)]
pub struct Whisper {
    model: Arc<Model>,
    lane: Lane,
    interims: bool,
}

/// What an utterance was decoded to.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Decoded {
    /// The words, with punctuation and capital letters; digits where one would write digits.
    pub text: String,
    /// How likely nobody spoke, 0 to 1.
    pub no_speech: f32,
    /// The mean natural logarithm of the probability of each token, at most 0.
    pub mean_log_probability: f32,
}

impl Decoded {
    /// The same without its words if they are more likely a noise that was taken for speech.
    #[must_use]
    pub fn without_noise(self) -> Self {
        let unsure = self.mean_log_probability < UNSURE && self.no_speech >= PERHAPS_NO_SPEECH;
        let noise = self.no_speech >= NO_SPEECH || unsure;
        if noise || !self.text.contains(char::is_alphanumeric) {
            return Self { text: String::new(), ..self };
        }
        self
    }
}

impl Whisper {
    /// Loads `model.bin` (CTranslate2, 16-bit floats) and `tokenizer.json` from `directory`, where
    /// [`Models`](crate::models::Models) puts them.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if a file cannot be read or is not that of tiny.en.
    pub fn load(directory: &Path) -> Result<Self> {
        let weights = read(&directory.join("model.bin"))?;
        let tokenizer = read(&directory.join("tokenizer.json"))?;
        let model = Arc::new(Model::parse(&weights, &tokenizer)?);
        Ok(Self { model, lane: Lane::private(), interims: true })
    }

    /// Does not decode while speech lasts. Default: an interim each second, which costs up to a
    /// third of a processor while somebody speaks.
    #[must_use]
    pub fn without_interims(mut self) -> Self {
        self.interims = false;
        self
    }

    /// Decodes one utterance of linear samples at `rate_hz`, 8,000 or 16,000. Blocks for about a
    /// tenth of the utterance's duration: not for an async task. Does not wait for other models.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`] for another rate.
    pub fn transcribe(&self, samples: &[i16], rate_hz: u32) -> Result<Decoded> {
        let decoded = self.transcribe_until(samples, rate_hz, &|| false)?;
        Ok(decoded.unwrap_or_default())
    }

    /// Like [`transcribe`](Self::transcribe), but gives up with `None` when `stop` says so. It is
    /// asked every few milliseconds.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`] for another rate.
    pub fn transcribe_until(
        &self,
        samples: &[i16],
        rate_hz: u32,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<Option<Decoded>> {
        self.transcribe_on(&self.lane, samples, rate_hz, stop)
    }

    /// Decodes on the thread of `lane`.
    fn transcribe_on(
        &self,
        lane: &Lane,
        samples: &[i16],
        rate_hz: u32,
        stop: Stop<'_>,
    ) -> Result<Option<Decoded>> {
        let audio = mel::wide_band(samples, rate_hz, SERVICE)?;
        match lane.options().thread_pool {
            Some(thread) => Ok(thread.run(|| self.model.decode(&audio, stop))),
            None => Ok(self.model.decode(&audio, stop)),
        }
    }
}

impl fmt::Debug for Whisper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Whisper").field("interims", &self.interims).finish_non_exhaustive()
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|error| {
        let message = format!("cannot read {}", path.display());
        Error::new(ErrorKind::Config, SERVICE, message).with_source(error)
    })
}
