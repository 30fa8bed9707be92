//! Listening in: a call's sound for whoever follows it beside the conversation, such as a
//! recorder, a supervisor or an analyser.
//!
//! Both directions are placed on one clock, the caller's media time: the caller's sound where the
//! line stamped it, the agent's where the caller hears it. What is heard side by side in the call
//! has the same positions.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use futures::stream::{BoxStream, Stream, StreamExt};

use crate::audio::{AudioChunk, AudioFormat};
use crate::time::{MediaTime, Timestamp};
use crate::transport::CallInfo;

/// What happens to a call's sound.
///
/// Positions count samples since the caller's stream began, at the rate of the line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AudioEvent {
    /// The caller's sound.
    #[non_exhaustive]
    Caller {
        /// Where it starts.
        at: MediaTime,
        /// When it came, on the call's clock.
        came: Timestamp,
        /// The sound.
        chunk: AudioChunk,
    },
    /// The agent's sound, sent a little ahead of the caller's ear.
    #[non_exhaustive]
    Agent {
        /// Where the caller begins to hear it, unless a [`Cut`](Self::Cut) comes first.
        at: MediaTime,
        /// The sound.
        chunk: AudioChunk,
    },
    /// What the agent was to say from here on is not heard.
    #[non_exhaustive]
    Cut {
        /// How far it was heard.
        at: MediaTime,
    },
    /// The listener was too slow: what came here is gone.
    Missed(Missed),
    /// The call is over. What the agent was to say from here on is not heard; nothing follows.
    /// Missing at the end of a stream whose call was abandoned.
    #[non_exhaustive]
    Ended {
        /// How long the call lasted.
        at: MediaTime,
    },
}

impl AudioEvent {
    /// The caller's sound that starts at `at` and came at `came`.
    pub fn caller(at: MediaTime, came: Timestamp, chunk: AudioChunk) -> Self {
        Self::Caller { at, came, chunk }
    }

    /// The agent's sound, heard from `at` on.
    pub fn agent(at: MediaTime, chunk: AudioChunk) -> Self {
        Self::Agent { at, chunk }
    }

    /// What the agent was to say from `at` on is not heard.
    pub fn cut(at: MediaTime) -> Self {
        Self::Cut { at }
    }

    /// The call is over at `at`.
    pub fn ended(at: MediaTime) -> Self {
        Self::Ended { at }
    }
}

/// What a listener that was too slow has missed. A [`AudioEvent::Cut`] among it is not lost: it
/// follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Missed {
    /// The earliest position of it.
    pub from: MediaTime,
    /// Samples of the caller's.
    pub caller: u64,
    /// Samples of the agent's, heard or not.
    pub agent: u64,
}

impl Missed {
    /// So many samples of the caller's and the agent's, the earliest at `from`.
    pub const fn new(from: MediaTime, caller: u64, agent: u64) -> Self {
        Self { from, caller, agent }
    }
}

/// The sound of one call, as one listener hears it: a stream that ends with the call.
///
/// # Contract
///
/// 1. Events come in the order in which they happened; the caller's positions grow.
/// 2. The agent's chunks that follow each other without a pause have positions without a gap.
/// 3. A [`AudioEvent::Cut`] is never missed: where others are, [`AudioEvent::Missed`] says so in
///    their place.
/// 4. [`AudioEvent::Ended`] comes once, as the last event, or not at all.
/// 5. Reading slowly, or not at all, delays nobody. Dropping it ends the listening.
pub struct CallAudio {
    format: AudioFormat,
    events: BoxStream<'static, AudioEvent>,
}

impl CallAudio {
    /// `events` of a line in `format`.
    pub fn new(
        format: AudioFormat,
        events: impl Stream<Item = AudioEvent> + Send + 'static,
    ) -> Self {
        Self { format, events: events.boxed() }
    }

    /// The format of all chunks.
    pub fn format(&self) -> AudioFormat {
        self.format
    }
}

impl Stream for CallAudio {
    type Item = AudioEvent;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<AudioEvent>> {
        self.events.poll_next_unpin(cx)
    }
}

impl fmt::Debug for CallAudio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallAudio").field("format", &self.format).finish_non_exhaustive()
    }
}

/// Whoever listens to calls.
///
/// Implemented by every `Fn(CallInfo, CallAudio) -> impl Future`.
pub trait Listen: Send + Sync + 'static {
    /// Listens to one call, in a task of its own, until `audio` ends and what there is to do with
    /// it is done.
    fn listen(&self, call: CallInfo, audio: CallAudio) -> BoxFuture<'static, ()>;
}

impl<F, Fut> Listen for F
where
    F: Fn(CallInfo, CallAudio) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    fn listen(&self, call: CallInfo, audio: CallAudio) -> BoxFuture<'static, ()> {
        Box::pin(self(call, audio))
    }
}

impl Listen for Arc<dyn Listen> {
    fn listen(&self, call: CallInfo, audio: CallAudio) -> BoxFuture<'static, ()> {
        (**self).listen(call, audio)
    }
}
