//! What a contract is checked on.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use voicekit_core::audio::{AudioChunk, AudioFormat};
use voicekit_core::dsp::Converter;
use voicekit_core::retrieve::Embedder;

use crate::fake::FakeEmbedder;
use crate::phone::{RATE_HZ, tone};

type Work = dyn Fn() -> usize + Send + Sync;
type Requests = dyn Fn() -> Vec<String> + Send + Sync;

/// An adapter, and what can be seen of it from the service's side.
///
/// Some clauses are about what the adapter does to its service: that work ends when the output is
/// dropped, that nothing is carried over to the next request. Whoever has the service in hand, a
/// scripted server or a fake, says how to look; the closures keep the server alive as well.
pub struct Subject<A> {
    pub(super) adapter: A,
    pub(super) forgetful: Option<A>,
    pub(super) work: Option<Box<Work>>,
    pub(super) requests: Option<Box<Requests>>,
    pub(super) embedder: Arc<dyn Embedder>,
    speech: Option<AudioChunk>,
}

impl<A> Subject<A> {
    /// An adapter of which nothing is seen but what it gives out.
    pub fn new(adapter: A) -> Self {
        let embedder = Arc::new(FakeEmbedder::new());
        Self { adapter, forgetful: None, work: None, requests: None, embedder, speech: None }
    }

    /// How many pieces of work the service has in hand: open connections, answers that are being
    /// given, contexts.
    ///
    /// The number must rise while an output is read and fall back when it is dropped. For that the
    /// service has to take its time: a script pauses between the pieces of its answer.
    #[must_use]
    pub fn with_work(mut self, work: impl Fn() -> usize + Send + Sync + 'static) -> Self {
        self.work = Some(Box::new(work));
        self
    }

    /// Sets a recognizer whose service shows words and then finalizes an utterance without them, at
    /// a `Finalize` and at the end of the audio. Default: words are only checked as far as the
    /// service itself finalizes them.
    #[must_use]
    pub fn with_forgetful(mut self, adapter: A) -> Self {
        self.forgetful = Some(adapter);
        self
    }

    /// What the service was asked so far, oldest first.
    #[must_use]
    pub fn with_requests<T: fmt::Debug>(
        mut self,
        requests: impl Fn() -> Vec<T> + Send + Sync + 'static,
    ) -> Self {
        let requests = move || requests().iter().map(|asked| format!("{asked:?}")).collect();
        self.requests = Some(Box::new(requests));
        self
    }

    /// By which an index embeds questions. Default: [`FakeEmbedder`].
    #[must_use]
    pub fn with_embedder(mut self, embedder: Arc<dyn Embedder>) -> Self {
        self.embedder = embedder;
        self
    }

    /// What a recogniser is given to hear: a second or more of somebody speaking, in one of its
    /// formats. Default: two seconds of a tone in its best format, which suits scripted services.
    #[must_use]
    pub fn with_speech(mut self, speech: AudioChunk) -> Self {
        self.speech = Some(speech);
        self
    }

    /// The speech to be heard by a recogniser whose best format is `best`.
    pub(super) fn speech(&self, best: Option<&AudioFormat>) -> Result<AudioChunk, String> {
        if let Some(speech) = &self.speech {
            return Ok(speech.clone());
        }
        let best = *best.ok_or("it takes no format")?;
        let tone = AudioChunk::from_pcm(RATE_HZ, &tone(Duration::from_secs(2)));
        if tone.format() == best {
            return Ok(tone);
        }
        let speech = Converter::new(tone.format(), best)
            .and_then(|mut converter| converter.process(&tone))
            .map_err(|error| format!("there is no speech in {best}: {error}"))?;
        Ok(speech)
    }
}

impl<A: fmt::Debug> fmt::Debug for Subject<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject").field("adapter", &self.adapter).finish_non_exhaustive()
    }
}
