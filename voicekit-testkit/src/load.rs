//! Parts that cost next to nothing, to measure what everything between them costs.
//!
//! The [`fake`](crate::fake)s note down all they see, which takes time and memory. These keep
//! nothing and allocate nothing while a call goes on: what is measured is voicekit's.
//!
//! ```
//! use std::time::Duration;
//!
//! use voicekit_core::audio::{AudioChunk, AudioFormat};
//! use voicekit_testkit::load;
//!
//! let frame = AudioChunk::silence(AudioFormat::PHONE, Duration::from_millis(20));
//! let line = load::Line::new([frame], Duration::from_secs(60));
//! let ear = load::Recogniser::new("When are you open?");
//! let brain = load::Model::new("From nine to five.");
//! let voice = load::Voice::new(Duration::from_secs(2));
//! ```

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt};
use tokio::time::{Instant, Sleep, sleep_until};
use voicekit_core::asr::{Asr, AsrEvent, AsrInfo, AsrInput, AsrRequest, Transcript};
use voicekit_core::audio::{AudioChunk, AudioFormat};
use voicekit_core::error::Result;
use voicekit_core::llm::{ChatEvent, ChatRequest, Llm, LlmInfo, Usage};
use voicekit_core::time::MediaTime;
use voicekit_core::transport::{
    CallInfo, EndReason, Mark, Transport, TransportCommand, TransportEvent, TransportSink,
};
use voicekit_core::tts::{Spoken, Tts, TtsInfo, TtsRequest};

/// The length of a caller's frame.
const FRAME: Duration = Duration::from_millis(20);
/// The length of a voice's piece.
const PIECE: Duration = Duration::from_millis(200);
/// Marks that may be on their way at once.
const MARKS: usize = 64;

/// A line on which the caller's frames come round and round, every 20 ms, until they hang up.
/// It plays in real time what it is sent, to nobody.
#[derive(Debug)]
pub struct Line {
    info: CallInfo,
    frames: Arc<[AudioChunk]>,
    length: Duration,
}

impl Line {
    /// A call of this length whose caller sends `frames` of 20 ms of mu-law.
    pub fn new(frames: impl Into<Arc<[AudioChunk]>>, length: Duration) -> Self {
        Self { info: CallInfo::new("load"), frames: frames.into(), length }
    }
}

impl Transport for Line {
    fn call(&self) -> &CallInfo {
        &self.info
    }

    fn format(&self) -> AudioFormat {
        AudioFormat::PHONE
    }

    fn split(
        self: Box<Self>,
    ) -> (Box<dyn TransportSink>, BoxStream<'static, Result<TransportEvent>>) {
        let start = Instant::now();
        let speaker = Speaker { plays_until: start, marks: VecDeque::with_capacity(MARKS) };
        let speaker = Arc::new(Mutex::new(speaker));
        let caller = Caller {
            frames: self.frames,
            sent: 0,
            due: start,
            end: start + self.length,
            over: false,
            wake: Box::pin(sleep_until(start)),
            speaker: Arc::clone(&speaker),
        };
        (Box::new(Outward(speaker)), caller.boxed())
    }
}

struct Outward(Arc<Mutex<Speaker>>);

/// What the caller is played.
struct Speaker {
    plays_until: Instant,
    /// Marks, and when they are due.
    marks: VecDeque<(Instant, TransportEvent)>,
}

impl TransportSink for Outward {
    fn poll_send(
        &mut self,
        _: &mut Context<'_>,
        command: &mut Option<TransportCommand>,
    ) -> Poll<Result<()>> {
        let mut speaker = lock(&self.0);
        match command.take() {
            Some(TransportCommand::Audio(chunk)) => {
                speaker.plays_until = speaker.plays_until.max(Instant::now()) + chunk.duration();
            }
            Some(TransportCommand::Mark(mark)) => speaker.mark(mark),
            Some(TransportCommand::Clear) => speaker.clear(),
            Some(TransportCommand::HangUp) | None => {}
        }
        Poll::Ready(Ok(()))
    }
}

impl Speaker {
    fn mark(&mut self, mark: Mark) {
        self.marks.push_back((self.plays_until, TransportEvent::Played(mark)));
    }

    fn clear(&mut self) {
        let now = Instant::now();
        self.plays_until = now;
        for (due, event) in &mut self.marks {
            if let TransportEvent::Played(mark) = *event
                && *due > now
            {
                (*due, *event) = (now, TransportEvent::Cleared(mark));
            }
        }
    }

    fn returned(&mut self, now: Instant) -> Option<TransportEvent> {
        let (due, _) = self.marks.front()?;
        if *due > now {
            return None;
        }
        self.marks.pop_front().map(|(_, event)| event)
    }
}

/// The caller's frames, and the marks in between.
struct Caller {
    frames: Arc<[AudioChunk]>,
    sent: usize,
    due: Instant,
    end: Instant,
    over: bool,
    wake: Pin<Box<Sleep>>,
    speaker: Arc<Mutex<Speaker>>,
}

impl Stream for Caller {
    type Item = Result<TransportEvent>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if this.over {
            return Poll::Ready(None);
        }
        loop {
            let now = Instant::now();
            if let Some(mark) = lock(&this.speaker).returned(now) {
                return Poll::Ready(Some(Ok(mark)));
            }
            if now >= this.due {
                return Poll::Ready(Some(Ok(this.frame())));
            }
            this.wake.as_mut().reset(this.due);
            ready!(this.wake.as_mut().poll(cx));
        }
    }
}

impl Caller {
    fn frame(&mut self) -> TransportEvent {
        let frame = self.frames.get(self.sent % self.frames.len().max(1)).cloned();
        let Some(chunk) = frame.filter(|_| self.due < self.end) else {
            self.over = true;
            return TransportEvent::Ended(EndReason::CallerHungUp);
        };
        let rate_hz = AudioFormat::PHONE.rate_hz;
        let samples = (self.sent * AudioFormat::PHONE.bytes_in(FRAME)) as u64;
        self.sent += 1;
        self.due += FRAME;
        TransportEvent::Audio { at: MediaTime { samples, rate_hz }, chunk }
    }
}

/// A recogniser that has understood the same thing whenever it is asked.
#[derive(Clone, Debug)]
pub struct Recogniser(Arc<str>);

impl Recogniser {
    /// One that understands `text`.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }
}

#[async_trait]
impl Asr for Recogniser {
    fn info(&self) -> AsrInfo {
        AsrInfo::new("load", vec![AudioFormat::PHONE])
    }

    async fn recognize(
        &self,
        _: AsrRequest,
        input: BoxStream<'static, AsrInput>,
    ) -> Result<BoxStream<'static, Result<AsrEvent>>> {
        let text = Arc::clone(&self.0);
        let heard = input.filter_map(move |input| {
            let asked = matches!(input, AsrInput::Finalize);
            let last = asked.then(|| Transcript::new(&*text).finalized());
            std::future::ready(last.map(|last| Ok(AsrEvent::Final(last))))
        });
        Ok(heard.boxed())
    }
}

/// A model that always answers the same.
#[derive(Clone, Debug)]
pub struct Model(Arc<str>);

impl Model {
    /// One that answers `text`.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }
}

#[async_trait]
impl Llm for Model {
    fn info(&self) -> LlmInfo {
        LlmInfo::new("load")
    }

    async fn chat(&self, _: ChatRequest) -> Result<BoxStream<'static, Result<ChatEvent>>> {
        let answer = [ChatEvent::Text(self.0.to_string()), ChatEvent::Done(Usage::default())];
        Ok(stream::iter(answer).map(Ok).boxed())
    }
}

/// A voice that takes the same time for everything it is given to say.
#[derive(Clone)]
pub struct Voice {
    piece: AudioChunk,
    length: Duration,
}

impl Voice {
    /// One whose replies last `length`.
    pub fn new(length: Duration) -> Self {
        // Not silence, and as little the voice of anybody.
        let codes: Vec<u8> = (0..AudioFormat::PHONE.bytes_in(PIECE))
            .map(|sample| if sample % 16 < 8 { 0x30 } else { 0xB0 })
            .collect();
        #[expect(clippy::expect_used, reason = "every number of bytes is whole in mu-law")]
        let piece = AudioChunk::new(AudioFormat::PHONE, codes).expect("mu-law");
        Self { piece, length }
    }
}

impl fmt::Debug for Voice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Voice").field("length", &self.length).finish_non_exhaustive()
    }
}

#[async_trait]
impl Tts for Voice {
    fn info(&self) -> TtsInfo {
        TtsInfo::new("load", vec![AudioFormat::PHONE])
    }

    async fn speak(
        &self,
        _: TtsRequest,
        text: BoxStream<'static, String>,
    ) -> Result<BoxStream<'static, Result<Spoken>>> {
        let Self { piece, length } = self.clone();
        let mut left = length;
        let sound = stream::poll_fn(move |_| {
            if left.is_zero() {
                return Poll::Ready(None);
            }
            left = left.saturating_sub(PIECE);
            Poll::Ready(Some(Ok(Spoken::Audio(piece.clone()))))
        });
        // All of the text is taken before anything sounds.
        let silent = text.filter_map(|_| std::future::ready(None));
        Ok(silent.chain(sound).boxed())
    }
}

fn lock(speaker: &Mutex<Speaker>) -> MutexGuard<'_, Speaker> {
    speaker.lock().unwrap_or_else(PoisonError::into_inner)
}
