//! Which parts to try: what tells one wrapper from another.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use voicekit_core::audio::AudioFormat;
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_core::tts::{Tts, TtsRequest};

use crate::agent::negotiate;

/// One try at a request.
pub(super) struct Attempt<P: ?Sized> {
    pub(super) part: Arc<P>,
    /// How long to wait before it.
    pub(super) wait: Duration,
}

/// How a try failed.
pub(super) struct Failure<'a> {
    pub(super) error: &'a Error,
    /// Whether something had come of it.
    pub(super) begun: bool,
}

/// Which parts to try for one request, and what becomes of them.
pub(super) trait Attempts<P: ?Sized>: Send + 'static {
    /// The first try.
    fn first(&mut self) -> Result<Attempt<P>>;

    /// The next try, or `None` to give up.
    fn next(&mut self, failure: Failure<'_>) -> Option<Attempt<P>>;

    /// The part that is tried has begun to answer.
    fn answered(&mut self, after: Duration) {
        let _ = after;
    }

    /// The part that is tried has done what was asked of it.
    fn completed(&mut self) {}

    /// How fast the voice that is tried speaks, in characters a second, if that is known.
    fn pace(&self) -> Option<f64> {
        None
    }

    /// The voice that is tried has spoken that many characters in that time.
    fn spoke(&mut self, characters: usize, within: Duration) {
        let _ = (characters, within);
    }
}

/// The tries at one request: what an [`Attempts`] chooses, carried out.
pub(super) struct Tries<P: ?Sized, A> {
    pub(super) attempts: A,
    /// What to try next, after a failure.
    next: Option<Attempt<P>>,
}

impl<P: ?Sized, A: Attempts<P>> Tries<P, A> {
    pub(super) fn new(attempts: A) -> Self {
        Self { attempts, next: None }
    }

    /// The part to try, once it may be tried.
    pub(super) async fn part(&mut self) -> Result<Arc<P>> {
        let Attempt { part, wait } = match self.next.take() {
            Some(attempt) => attempt,
            None => self.attempts.first()?,
        };
        if !wait.is_zero() {
            sleep(wait).await;
        }
        Ok(part)
    }

    /// Chooses what to try after `error`; gives it back if there is nothing more.
    pub(super) fn failed(&mut self, error: Error, begun: bool) -> Result<()> {
        self.next = self.attempts.next(Failure { error: &error, begun });
        if self.next.is_some() { Ok(()) } else { Err(error) }
    }
}

/// Whether `wanted` is among the formats of a wrapper, though its parts might be converted to it.
pub(super) fn supported(
    formats: &[AudioFormat],
    wanted: AudioFormat,
    name: &'static str,
) -> Result<()> {
    if formats.contains(&wanted) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Unsupported, name, format!("{wanted} is not among its formats")))
}

/// Connects to the voice that would be tried first, for audio in a format that it has.
pub(super) async fn warm<P: Tts + ?Sized>(
    mut attempts: impl Attempts<P>,
    request: &TtsRequest,
) -> Result<()> {
    let part = attempts.first()?.part;
    let mut request = request.clone();
    request.format = negotiate(&part.info().formats, request.format);
    part.warm(&request).await
}

/// Implements the traits for a wrapper of one part `T` with a field `part` and a method `attempts`.
macro_rules! relayed {
    ($wrapper:ident) => {
        #[async_trait]
        impl<T: Asr> Asr for $wrapper<T> {
            fn info(&self) -> AsrInfo {
                self.part.info()
            }

            async fn recognize(
                &self,
                request: AsrRequest,
                input: BoxStream<'static, AsrInput>,
            ) -> Result<BoxStream<'static, Result<AsrEvent>>> {
                recognition::relay(self.attempts(), &self.info(), request, input)
            }
        }

        #[async_trait]
        impl<T: Llm> Llm for $wrapper<T> {
            fn info(&self) -> LlmInfo {
                self.part.info()
            }

            async fn chat(
                &self,
                request: ChatRequest,
            ) -> Result<BoxStream<'static, Result<ChatEvent>>> {
                Ok(answer::relay(self.attempts(), request))
            }

            async fn warm(&self) -> Result<()> {
                self.attempts().first()?.part.warm().await
            }
        }

        #[async_trait]
        impl<T: Tts> Tts for $wrapper<T> {
            fn info(&self) -> TtsInfo {
                self.part.info()
            }

            async fn speak(
                &self,
                request: TtsRequest,
                text: BoxStream<'static, String>,
            ) -> Result<BoxStream<'static, Result<Spoken>>> {
                speech::relay(self.attempts(), &self.info(), request, text)
            }

            async fn warm(&self, request: &TtsRequest) -> Result<()> {
                $crate::resilience::attempts::warm(self.attempts(), request).await
            }
        }
    };
}

pub(super) use relayed;
