//! A service that accepts and never answers fails in time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use futures::channel::mpsc;
use futures::stream::{self, BoxStream};
use tokio::time::{Instant, sleep_until};
use voicekit_core::asr::{Asr, AsrEvent, AsrInfo, AsrInput, AsrRequest};
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_core::llm::{ChatEvent, ChatRequest, Llm, LlmInfo};
use voicekit_core::tts::{Spoken, Tts, TtsInfo, TtsRequest};

/// Faster than anybody speaks, in characters a second: audio shorter than its text at this rate
/// is not all there.
const FASTEST: f64 = 30.0;

/// A part that fails with `Timeout` when it takes longer than [`Limits`].
#[derive(Debug)]
pub struct Timeout<T> {
    part: T,
    limits: Limits,
}

/// How long a part may take. The time that nobody reads its output does not count against it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Until it begins to answer: a model's first event after the question, a voice's first audio
    /// after the first text. A recogniser that takes no audio for so long, once ten seconds of it
    /// wait, is late as well. Default: 2.5 s, so that
    /// another part can still answer before the reply is given up after 8 s.
    pub first: Duration,
    /// Until it goes on: a model's next event, a voice's next audio while some is certainly owed.
    /// Default: 2.5 s.
    pub between: Duration,
    /// A recogniser's transcript after `Finalize`. Default: 1.2 s. The caller has finished by then,
    /// and services answer within half a second.
    pub transcript: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let limit = Duration::from_millis(2_500);
        Self { first: limit, between: limit, transcript: Duration::from_millis(1_200) }
    }
}

impl Limits {
    /// Sets [`first`](Self::first).
    #[must_use]
    pub fn with_first(mut self, limit: Duration) -> Self {
        self.first = limit;
        self
    }

    /// Sets [`between`](Self::between).
    #[must_use]
    pub fn with_between(mut self, limit: Duration) -> Self {
        self.between = limit;
        self
    }

    /// Sets [`transcript`](Self::transcript).
    #[must_use]
    pub fn with_transcript(mut self, limit: Duration) -> Self {
        self.transcript = limit;
        self
    }
}

impl<T> Timeout<T> {
    /// Around `part`, with the default limits.
    pub fn new(part: T) -> Self {
        Self { part, limits: Limits::default() }
    }

    /// Sets the limits.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }
}

fn late(name: &'static str, what: &'static str) -> Error {
    Error::new(ErrorKind::Timeout, name, what)
}

#[async_trait]
impl<T: Llm> Llm for Timeout<T> {
    fn info(&self) -> LlmInfo {
        self.part.info()
    }

    async fn chat(&self, request: ChatRequest) -> Result<BoxStream<'static, Result<ChatEvent>>> {
        let (name, limits) = (self.part.info().name, self.limits);
        let first = Instant::now() + limits.first;
        let none = || late(name, "no answer in time");
        let chat = tokio::time::timeout_at(first, self.part.chat(request));
        let events = chat.await.map_err(|_| none())??;
        let left = if is_late(first) { limits.first } else { first - Instant::now() };
        let state = Some((events, limits.first.min(left), none()));
        let limited = stream::unfold(state, move |state| async move {
            let (mut events, wait, overdue) = state?;
            let Some(event) = within(wait, events.next()).await else {
                return Some((Err(overdue), None));
            };
            let stalled = late(name, "the answer has stalled");
            event.map(|event| (event, Some((events, limits.between, stalled))))
        });
        Ok(limited.boxed())
    }

    async fn warm(&self) -> Result<()> {
        self.part.warm().await
    }
}

#[async_trait]
impl<T: Asr> Asr for Timeout<T> {
    fn info(&self) -> AsrInfo {
        // By then there is a transcript or an error.
        self.part.info().with_final_latency(self.limits.transcript)
    }

    async fn recognize(
        &self,
        request: AsrRequest,
        input: BoxStream<'static, AsrInput>,
    ) -> Result<BoxStream<'static, Result<AsrEvent>>> {
        let (name, limits) = (self.part.info().name, self.limits);
        let (mut forward, input) = Forward::new(input, QUEUE);
        let mut output = self.part.recognize(request, input.boxed()).await?;
        let (asked, stuck) = (Waiting::default(), Waiting::default());
        let noted = (asked.clone(), stuck.clone());
        let events = stream::poll_fn(move |cx| {
            let (asked, stuck) = &noted;
            let is_stuck = forward.poll(cx, |input| {
                if *input == AsrInput::Finalize {
                    asked.since_now();
                }
            });
            if is_stuck {
                stuck.since_now()
            } else {
                stuck.over()
            }
            output.poll_next_unpin(cx)
        });
        let limited = stream::unfold(Some(events), move |events| {
            let (asked, stuck) = (asked.clone(), stuck.clone());
            async move {
                let mut events = events?;
                let event = asked.limit(limits.transcript, None, events.next());
                let Some(Some(event)) = stuck.limit(limits.first, None, event).await else {
                    return Some((Err(late(name, "no transcript in time")), None));
                };
                let event = event?;
                if matches!(&event, Ok(AsrEvent::Final(transcript)) if transcript.finalized) {
                    asked.over();
                }
                Some((event, Some(events)))
            }
        });
        Ok(limited.boxed())
    }
}

#[async_trait]
impl<T: Tts> Tts for Timeout<T> {
    fn info(&self) -> TtsInfo {
        self.part.info()
    }

    async fn speak(
        &self,
        request: TtsRequest,
        text: BoxStream<'static, String>,
    ) -> Result<BoxStream<'static, Result<Spoken>>> {
        let (name, limits) = (self.part.info().name, self.limits);
        let (mut forward, text) = Forward::new(text, 0);
        let mut output = self.part.speak(request, text.boxed()).await?;
        let owed = Owed::default();
        let noted = owed.clone();
        let spoken = stream::poll_fn(move |cx| {
            forward.poll(cx, |clause| noted.text(clause));
            output.poll_next_unpin(cx)
        });
        let limited = stream::unfold(Some((spoken, false)), move |state| {
            let owed = owed.clone();
            async move {
                let (mut spoken, sounded) = state?;
                let limit = if sounded { limits.between } else { limits.first };
                let item = owed.waiting.limit(limit, Some(Instant::now()), spoken.next()).await;
                let Some(item) = item else {
                    return Some((Err(late(name, "no audio in time")), None));
                };
                let item = item?;
                let audio = match &item {
                    Ok(Spoken::Audio(chunk)) => chunk.duration(),
                    Ok(_) | Err(_) => Duration::ZERO,
                };
                owed.audio(audio);
                Some((item, Some((spoken, sounded || !audio.is_zero()))))
            }
        });
        Ok(limited.boxed())
    }

    async fn warm(&self, request: &TtsRequest) -> Result<()> {
        self.part.warm(request).await
    }
}

/// How late a timer may fire before the process counts as having stood still. What was waited for
/// then has its time again: it may have come, and not been read.
const LATE: Duration = Duration::from_secs(1);

fn is_late(until: Instant) -> bool {
    Instant::now().duration_since(until) >= LATE
}

/// What comes of `next` within `limit`, not counting a standstill of the process.
async fn within<N: Future>(limit: Duration, next: N) -> Option<N::Output> {
    let mut next = std::pin::pin!(next);
    loop {
        let until = Instant::now() + limit;
        tokio::select! {
            biased;
            output = &mut next => return Some(output),
            () = sleep_until(until) => {}
        }
        if !is_late(until) {
            return None;
        }
    }
}

/// Inputs that wait for a recogniser that takes none: at 20 ms a piece, ten seconds.
const QUEUE: usize = 500;

/// Reads a part's input in its stead, so that it is noticed if the part does not.
struct Forward<T> {
    source: Option<BoxStream<'static, T>>,
    part: mpsc::Sender<T>,
}

impl<T: Send + 'static> Forward<T> {
    /// Of `source`, at most `ahead` items and one more wait for the part.
    fn new(source: BoxStream<'static, T>, ahead: usize) -> (Self, mpsc::Receiver<T>) {
        let (part, receiver) = mpsc::channel(ahead);
        (Self { source: Some(source), part }, receiver)
    }

    /// Gives the part what it has room for. Says whether it has none.
    fn poll(&mut self, cx: &mut Context<'_>, mut note: impl FnMut(&T)) -> bool {
        let Some(source) = &mut self.source else { return false };
        loop {
            let item = match self.part.poll_ready(cx) {
                Poll::Ready(Ok(())) => source.poll_next_unpin(cx),
                // It takes no more.
                Poll::Ready(Err(_)) => Poll::Ready(None),
                Poll::Pending => return true,
            };
            match item {
                Poll::Ready(Some(item)) => {
                    note(&item);
                    // There is room.
                    let _ = self.part.start_send(item);
                }
                Poll::Ready(None) => {
                    self.source = None;
                    self.part.disconnect();
                    return false;
                }
                Poll::Pending => return false,
            }
        }
    }
}

/// Since when something has been waited for.
#[derive(Clone, Debug, Default)]
struct Waiting(Arc<Mutex<Option<Instant>>>);

impl Waiting {
    /// From now on, unless it is waited for already.
    fn since_now(&self) {
        self.lock().get_or_insert_with(Instant::now);
    }

    fn over(&self) {
        *self.lock() = None;
    }

    /// From now on, if it is waited for.
    fn again(&self) {
        if let Some(since) = self.lock().as_mut() {
            *since = Instant::now();
        }
    }

    fn since(&self) -> Option<Instant> {
        *self.lock()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What comes of `next`, unless it is waited for longer than `limit`, not counting the time
    /// before `from`.
    async fn limit<N: Future>(
        &self,
        limit: Duration,
        from: Option<Instant>,
        next: N,
    ) -> Option<N::Output> {
        let mut next = std::pin::pin!(next);
        let counted = |since: Instant| from.map_or(since, |from| since.max(from));
        loop {
            let since = self.since();
            // It may begin to be waited for while `next` is.
            let until = since.map_or_else(Instant::now, counted) + limit;
            tokio::select! {
                biased;
                output = &mut next => return Some(output),
                () = sleep_until(until) => {}
            }
            if is_late(until) {
                self.again();
                continue;
            }
            let since = self.since();
            if since.is_some_and(|since| counted(since) + limit <= Instant::now()) {
                return None;
            }
        }
    }
}

/// How much audio a voice owes.
#[derive(Clone, Debug, Default)]
struct Owed {
    waiting: Waiting,
    /// The least that its text lasts, less what was given.
    least: Arc<Mutex<f64>>,
}

impl Owed {
    fn text(&self, clause: &str) {
        let spoken = clause.chars().filter(|c| c.is_alphanumeric()).count();
        if spoken > 0 {
            *self.lock() += f64::from(u32::try_from(spoken).unwrap_or(u32::MAX)) / FASTEST;
            self.waiting.since_now();
        }
    }

    fn audio(&self, given: Duration) {
        if given.is_zero() {
            return;
        }
        let mut least = self.lock();
        *least -= given.as_secs_f64();
        self.waiting.over();
        if *least > 0.0 {
            self.waiting.since_now();
        }
    }

    fn lock(&self) -> MutexGuard<'_, f64> {
        self.least.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
