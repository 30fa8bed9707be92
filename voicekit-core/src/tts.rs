//! Speech synthesis: text in, audio out.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;

use crate::audio::{AudioChunk, AudioFormat};
use crate::error::Result;

/// A voice.
///
/// # Contract
///
/// 1. `text` arrives in clauses that are fit to be spoken one by one; concatenated they are the
///    whole text. The end of `text` flushes: the rest is spoken, then the output ends.
/// 2. Audio starts as soon as the first clause allows, while later text is still to come.
/// 3. Audio comes in order, in one of [`TtsInfo::formats`], the same for the whole stream.
/// 4. Dropping the output cancels the work and drops `text`.
/// 5. At most one item is an `Err`, and it is the last.
/// 6. Text without anything to pronounce yields no audio and is no error.
/// 7. A [`Spoken::Word`] comes as soon as its end is known, at the latest with the audio that follows
///    it; audio does not wait for it. Starts never decrease.
#[async_trait]
pub trait Tts: fmt::Debug + Send + Sync + 'static {
    /// What this voice is and gives.
    fn info(&self) -> TtsInfo;

    /// Speaks `text` as it arrives.
    ///
    /// # Errors
    ///
    /// Any [`ErrorKind`](crate::error::ErrorKind); `Config` if the voice does not exist.
    async fn speak(
        &self,
        request: TtsRequest,
        text: BoxStream<'static, String>,
    ) -> Result<BoxStream<'static, Result<Spoken>>>;

    /// Connects ahead of such a request, which saves it the round trips. Does nothing if a
    /// connection waits, and nothing by default.
    ///
    /// # Errors
    ///
    /// As [`speak`](Self::speak). A later request is worth trying all the same.
    async fn warm(&self, _request: &TtsRequest) -> Result<()> {
        Ok(())
    }
}

/// A voice that is shared is a voice.
#[async_trait]
impl<T: Tts + ?Sized> Tts for Arc<T> {
    fn info(&self) -> TtsInfo {
        (**self).info()
    }

    async fn speak(
        &self,
        request: TtsRequest,
        text: BoxStream<'static, String>,
    ) -> Result<BoxStream<'static, Result<Spoken>>> {
        (**self).speak(request, text).await
    }

    async fn warm(&self, request: &TtsRequest) -> Result<()> {
        (**self).warm(request).await
    }
}

/// What a voice is and gives.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TtsInfo {
    /// Its name in errors, logs and traces.
    pub name: &'static str,
    /// The formats it can give, best first.
    pub formats: Vec<AudioFormat>,
    /// Whether it says when each word is spoken ([`Spoken::Word`]).
    pub words: bool,
}

impl TtsInfo {
    /// A voice called `name` that gives `formats`, best first, and no word times.
    pub fn new(name: &'static str, formats: impl Into<Vec<AudioFormat>>) -> Self {
        Self { name, formats: formats.into(), words: false }
    }

    /// The same voice, which says when each word is spoken.
    #[must_use]
    pub fn with_words(mut self) -> Self {
        self.words = true;
        self
    }
}

/// What the caller of [`Tts::speak`] wants.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TtsRequest {
    /// The format wanted, one of [`TtsInfo::formats`].
    pub format: AudioFormat,
    /// The voice, in the service's own terms. Default: the adapter's configuration decides.
    pub voice: Option<String>,
    /// The language, as a BCP 47 tag. Default: `en`.
    pub language: String,
}

impl TtsRequest {
    /// A request for audio in `format`, with the defaults.
    pub fn new(format: AudioFormat) -> Self {
        Self { format, voice: None, language: "en".to_owned() }
    }
}

/// What a voice gives.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Spoken {
    /// Sound that follows the sound before it without a gap.
    Audio(AudioChunk),
    /// Where one word lies.
    Word(SpokenWord),
}

/// Where one word lies in a voice's audio.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpokenWord {
    /// The word as it stands in the text, with its punctuation and without spaces.
    pub text: String,
    /// From the start of this stream's audio to the start of the word.
    pub start: Duration,
    /// From the start of this stream's audio to the end of the word.
    pub end: Duration,
}

impl SpokenWord {
    /// The word `text` from `start` to `end`.
    pub fn new(text: impl Into<String>, start: Duration, end: Duration) -> Self {
        Self { text: text.into(), start, end }
    }
}
