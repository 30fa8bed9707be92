//! When everything went in and came out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::tag::Tag;

/// The one clock of the benchmark.
#[expect(clippy::disallowed_methods, reason = "what it measures is real time")]
pub(super) fn now() -> Instant {
    Instant::now()
}

/// All that was sent to voicekit and what became of it. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Stamps(Arc<Mutex<Stamped>>);

/// The stamps of all calls.
#[derive(Debug, Default)]
pub(super) struct Stamped {
    /// The caller's frames, by call and frame.
    pub(super) frames: BTreeMap<(u16, u32), Span>,
    /// Clauses: from the write of the token that completes one to the voice's receipt.
    pub(super) clauses: BTreeMap<Tag, Span>,
    /// Replies, by call and turn: from the voice's first audio to the caller.
    pub(super) voices: BTreeMap<(u16, u16), Span>,
    /// The last frame of the caller's speech in each turn.
    pub(super) turns: BTreeMap<(u16, u16), u32>,
    /// Frames that the voice has sent and the caller has received.
    pub(super) spoken: usize,
    pub(super) heard: usize,
}

/// From here to there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    sent: Instant,
    received: Option<Instant>,
}

impl Span {
    fn since(sent: Instant) -> Self {
        Self { sent, received: None }
    }

    /// How long it took; `None` if it did not arrive.
    pub(super) fn length(&self) -> Option<Duration> {
        Some(self.received?.duration_since(self.sent))
    }
}

impl Stamps {
    /// The carrier writes a frame of the caller's.
    pub(super) fn frame_sent(&self, tag: Tag, at: Instant) {
        let mut stamped = self.lock();
        stamped.frames.insert((tag.call, tag.frame), Span::since(at));
        if tag.piece == 1 {
            stamped.turns.insert((tag.call, tag.turn), tag.frame);
        }
    }

    /// The recogniser has all of a frame.
    pub(super) fn frame_received(&self, tag: Tag, at: Instant) {
        receive(self.lock().frames.get_mut(&(tag.call, tag.frame)), at);
    }

    /// The model writes the token that completes a clause.
    pub(super) fn clause_sent(&self, tag: Tag, at: Instant) {
        self.lock().clauses.insert(tag, Span::since(at));
    }

    /// The voice has a clause.
    pub(super) fn clause_received(&self, tag: Tag, at: Instant) {
        receive(self.lock().clauses.get_mut(&tag), at);
    }

    /// The voice writes so many frames of a clause.
    pub(super) fn audio_sent(&self, tag: Tag, frames: usize, at: Instant) {
        let mut stamped = self.lock();
        stamped.spoken += frames;
        if tag.piece == 0 {
            stamped.voices.insert((tag.call, tag.turn), Span::since(at));
        }
    }

    /// The carrier has a frame of the agent's.
    pub(super) fn audio_received(&self, tag: Tag, at: Instant) {
        let mut stamped = self.lock();
        stamped.heard += 1;
        if tag.piece == 0 && tag.frame == 0 {
            receive(stamped.voices.get_mut(&(tag.call, tag.turn)), at);
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Stamped> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What arrives twice counts as it came first.
fn receive(span: Option<&mut Span>, at: Instant) {
    if let Some(span) = span {
        span.received.get_or_insert(at);
    }
}
