//! Speech recognition: audio in, transcripts out.

mod keep;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;

use crate::audio::{AudioChunk, AudioFormat};
use crate::error::Result;

pub use keep::keep_words;

/// A speech recogniser.
///
/// One value serves many calls; each call opens one stream.
///
/// # Contract
///
/// 1. [`recognize`](Self::recognize) returns without waiting for audio.
/// 2. The end of `input` flushes: what was heard so far is finalised, then the output ends.
/// 3. Dropping the output cancels the work and drops `input`.
/// 4. At most one item is an `Err`, and it is the last.
/// 5. Each stretch of speech yields any number of [`AsrEvent::Interim`] and then one
///    [`AsrEvent::Final`]; an interim replaces the interim before it.
/// 6. After [`AsrInput::Finalize`] exactly one `Final` with [`Transcript::finalized`] set
///    follows, with empty text if nothing was understood, unless the stream fails or ends first.
/// 7. Input is never waited for while output is ready, and output never while input is ready.
/// 8. Words that an [`AsrEvent::Interim`] has shown are never taken back: a later interim or the
///    `Final` may correct them, but where neither has words, the `Final` holds those that were
///    shown. This includes the end of the stream, an error, and a service that was lost and
///    replaced in between. [`keep_words`] does it for a service that does not.
#[async_trait]
pub trait Asr: fmt::Debug + Send + Sync + 'static {
    /// What this recogniser is and takes.
    fn info(&self) -> AsrInfo;

    /// Opens one stream of recognition.
    ///
    /// # Errors
    ///
    /// Any [`ErrorKind`](crate::error::ErrorKind); `Unsupported` if the format is not one of
    /// [`AsrInfo::formats`].
    async fn recognize(
        &self,
        request: AsrRequest,
        input: BoxStream<'static, AsrInput>,
    ) -> Result<BoxStream<'static, Result<AsrEvent>>>;
}

/// A recogniser that is shared is a recogniser.
#[async_trait]
impl<T: Asr + ?Sized> Asr for Arc<T> {
    fn info(&self) -> AsrInfo {
        (**self).info()
    }

    async fn recognize(
        &self,
        request: AsrRequest,
        input: BoxStream<'static, AsrInput>,
    ) -> Result<BoxStream<'static, Result<AsrEvent>>> {
        (**self).recognize(request, input).await
    }
}

/// What a recogniser is and takes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AsrInfo {
    /// Its name in errors, logs and traces.
    pub name: &'static str,
    /// The formats it takes, best first.
    pub formats: Vec<AudioFormat>,
    /// How long after the end of speech its final transcript may take, at the 99th percentile.
    /// Default: 1 s.
    pub final_latency: Duration,
    /// Whether it follows the caller's turns itself and says so ([`AsrEvent::Turn`]).
    /// Default: false.
    pub turns: bool,
}

impl AsrInfo {
    /// A recogniser called `name` that takes `formats`, best first.
    pub fn new(name: &'static str, formats: impl Into<Vec<AudioFormat>>) -> Self {
        Self { name, formats: formats.into(), final_latency: Duration::from_secs(1), turns: false }
    }

    /// Sets [`final_latency`](Self::final_latency).
    #[must_use]
    pub fn with_final_latency(mut self, latency: Duration) -> Self {
        self.final_latency = latency;
        self
    }

    /// Sets [`turns`](Self::turns).
    #[must_use]
    pub fn with_turns(mut self) -> Self {
        self.turns = true;
        self
    }
}

/// What the caller of [`Asr::recognize`] wants.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AsrRequest {
    /// The format of every chunk that will be sent.
    pub format: AudioFormat,
    /// The language spoken, as a BCP 47 tag. Default: `en`.
    pub language: String,
    /// Words to expect: names, products. A recogniser may ignore them. Default: none.
    pub vocabulary: Vec<String>,
}

impl AsrRequest {
    /// A request for audio in `format`, with the defaults.
    pub fn new(format: AudioFormat) -> Self {
        Self { format, language: "en".to_owned(), vocabulary: Vec::new() }
    }
}

/// What a recogniser is fed. Exhaustive on purpose: an adapter decides about each.
///
/// The hints come from the engine's own voice activity detection. A recogniser with its own
/// endpointing may ignore `SpeechStarted` and `SpeechEnded`; none may ignore `Finalize`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "adapters must not silently ignore a new input")]
pub enum AsrInput {
    /// The caller's audio, in order, silence included, in pieces of any length.
    Audio(AudioChunk),
    /// The caller began to speak, up to 200 ms ago.
    SpeechStarted,
    /// The caller paused. More speech may follow in the same utterance: a recogniser that
    /// decodes whole utterances can start now and throw the work away if speech goes on.
    SpeechEnded,
    /// The utterance is over: give the final transcript of what was heard.
    Finalize,
}

/// What a recogniser says.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum AsrEvent {
    /// What the current stretch of speech sounds like so far. It may change.
    Interim(Transcript),
    /// What a stretch of speech was. It will not change.
    Final(Transcript),
    /// What the recogniser's own model of turns says, if it has one: see [`AsrInfo::turns`]. The
    /// words come as `Interim` and `Final` before it.
    Turn(TurnSign),
}

/// What a recogniser that follows turns says about the caller's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the engine must know every sign")]
pub enum TurnSign {
    /// It has begun.
    Started,
    /// It may be over: the latest interim is what a reply can be prepared from.
    EagerEnd,
    /// It was not over.
    Resumed,
    /// It is over; all of its words are final.
    Ended,
}

/// Words that were heard.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Transcript {
    /// The words, with punctuation if the recogniser has it. May be empty.
    pub text: String,
    /// Whether this answers an [`AsrInput::Finalize`].
    pub finalized: bool,
    /// How sure the recogniser is, 0 to 1, if it says.
    pub confidence: Option<f32>,
    /// Where the last word ends in the audio of the stream, from its first sample, if the
    /// recogniser says.
    pub end: Option<Duration>,
}

impl Transcript {
    /// A transcript of `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// Returns whether there is anything in its text besides white space.
    pub fn has_words(&self) -> bool {
        !self.text.trim().is_empty()
    }

    /// Marks it as the answer to an [`AsrInput::Finalize`].
    #[must_use]
    pub fn finalized(mut self) -> Self {
        self.finalized = true;
        self
    }

    /// Sets [`confidence`](Self::confidence).
    #[must_use]
    pub fn with_confidence(mut self, confidence: f32) -> Self {
        self.confidence = Some(confidence);
        self
    }

    /// Sets [`end`](Self::end).
    #[must_use]
    pub fn with_end(mut self, end: Duration) -> Self {
        self.end = Some(end);
        self
    }
}
