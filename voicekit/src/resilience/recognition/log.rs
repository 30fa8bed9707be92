//! What was heard but not transcribed for good, kept so that it can be heard again.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use tokio::time::Instant;
use voicekit_core::asr::{AsrInput, Transcript};

/// The most audio kept: more than any utterance that is still waited for.
const MOST: Duration = Duration::from_secs(30);

/// The audio kept while nobody speaks: what a recogniser may have begun to understand before
/// anybody says that speech has begun.
const QUIET: Duration = Duration::from_secs(3);

/// The input of one call that may have to be heard again.
pub(super) struct Log(Arc<Mutex<State>>);

struct State {
    source: BoxStream<'static, AsrInput>,
    kept: VecDeque<Kept>,
    /// How many of those kept were read.
    read: usize,
    /// All audio that has come.
    end: Duration,
    /// Whether somebody speaks, and whether some speech is not final.
    speech: bool,
    unsettled: bool,
    /// Whether words were understood that are not final.
    heard: bool,
    over: bool,
    /// The reader that counts. Those before it belong to recognisers that have failed.
    reader: u32,
}

/// An input and where in the audio it lies.
struct Kept {
    input: AsrInput,
    start: Duration,
    end: Duration,
    read_at: Option<Instant>,
}

impl Log {
    pub(super) fn new(source: BoxStream<'static, AsrInput>) -> Self {
        Self(Arc::new(Mutex::new(State {
            source,
            kept: VecDeque::new(),
            read: 0,
            end: Duration::ZERO,
            speech: false,
            unsettled: false,
            heard: false,
            over: false,
            reader: 0,
        })))
    }

    /// What is kept and what is to come, and where in the audio that begins. Readers before it end.
    pub(super) fn reader(&self) -> (Duration, Reader) {
        let mut state = self.state();
        state.reader += 1;
        state.read = 0;
        state.kept.iter_mut().for_each(|kept| kept.read_at = None);
        let base = state.kept.front().map_or(state.end, |kept| kept.start);
        (base, Reader { state: Arc::clone(&self.0), number: state.reader })
    }

    /// Words were understood that are not final.
    pub(super) fn heard(&self) {
        self.state().heard = true;
    }

    /// What was heard up to `transcript` is final. If it answers a question, says how long that
    /// was waited for.
    pub(super) fn settle(&self, transcript: &Transcript) -> Option<Duration> {
        let mut state = self.state();
        state.heard = false;
        state.unsettled = state.speech;
        let asked = state.kept.iter().position(|kept| kept.input == AsrInput::Finalize);
        if transcript.finalized {
            let asked = asked?;
            let waited = state.kept[asked].read_at.map(|at| at.elapsed());
            state.forget(asked + 1);
            return waited;
        }
        let read = state.read.min(asked.unwrap_or(state.read));
        let mut read_by_now = state.kept.iter().take(read);
        let settled = match transcript.end {
            Some(end) => read_by_now.take_while(|kept| kept.end <= end).count(),
            None => {
                let ended = read_by_now.rposition(|kept| kept.input == AsrInput::SpeechEnded);
                ended.map_or(read, |index| index + 1)
            }
        };
        state.forget(settled);
        None
    }

    /// Whether all of the input has come and been read.
    pub(super) fn is_over(&self) -> bool {
        let state = self.state();
        state.over && state.read == state.kept.len()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.0)
    }
}

impl State {
    fn keep(&mut self, input: AsrInput) {
        let start = self.end;
        match &input {
            AsrInput::Audio(chunk) => self.end += chunk.duration(),
            AsrInput::SpeechStarted => (self.speech, self.unsettled) = (true, true),
            AsrInput::SpeechEnded => self.speech = false,
            AsrInput::Finalize => self.unsettled = true,
        }
        self.kept.push_back(Kept { input, start, end: self.end, read_at: None });
        let waited_for = self.unsettled || self.heard;
        let most = if waited_for { MOST } else { QUIET };
        let old = self.kept.iter().take_while(|kept| kept.end + most < self.end).count();
        // What nobody has read is not quiet yet.
        let old = if waited_for { old } else { old.min(self.read) };
        self.forget(old);
    }

    fn forget(&mut self, count: usize) {
        self.kept.drain(..count);
        self.read = self.read.saturating_sub(count);
    }
}

/// Reads what is kept and what is to come. Only the last one made reads anything.
pub(super) struct Reader {
    state: Arc<Mutex<State>>,
    number: u32,
}

impl Stream for Reader {
    type Item = AsrInput;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<AsrInput>> {
        let state = &mut *lock(&self.state);
        if state.reader != self.number {
            return Poll::Ready(None);
        }
        if state.read == state.kept.len() && !state.over {
            match std::task::ready!(state.source.poll_next_unpin(cx)) {
                Some(input) => state.keep(input),
                None => state.over = true,
            }
        }
        let read = state.read;
        let Some(kept) = state.kept.get_mut(read) else { return Poll::Ready(None) };
        kept.read_at = Some(Instant::now());
        let input = kept.input.clone();
        state.read += 1;
        Poll::Ready(Some(input))
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
