//! Going on after the process stood still: a machine that was paused, a process that was stopped, a
//! runtime that was blocked.
//!
//! Session time leaves the standstill out, so that no timer fires as if the caller and the providers
//! had been silent. The caller's audio that has piled up meanwhile is taken in first; it makes up
//! for the time that was left out, so that speech in it has its length. Until it is taken in, and the
//! providers have had a moment to deliver what they have, no timer fires and nothing is sent.

use std::time::Duration;

use tokio::time::Instant;
use voicekit_core::audio::AudioChunk;
use voicekit_core::time::Timestamp;

use super::Call;
use super::clock::Clock;

/// The longest time without a look at the clock.
const LOOK: Duration = Duration::from_millis(500);
/// How much later than expected a look must be to count as a standstill: more than a busy machine
/// delays it, less than a caller's patience.
const STANDSTILL: Duration = Duration::from_secs(1);
/// How long the providers have to deliver what they have, once no piled-up audio is left.
const MOMENT: Duration = Duration::from_millis(250);
/// Audio that follows the piece before it sooner than this is piled up: carriers send a piece every
/// 20 ms.
const BURST: Duration = Duration::from_millis(10);
/// Pieces of piled-up audio after which the recognizer has a turn: fewer than its queue holds.
const TURN: u32 = 100;

/// Notices standstills, and what is left to take in after one.
#[derive(Default)]
pub(super) struct Stall {
    /// When the clock is looked at next, at the latest.
    look: Timestamp,
    late: Option<Late>,
}

/// After a standstill.
struct Late {
    /// What is left out of the clock and may be made up for.
    owed: Duration,
    /// When the last piece of audio came, and how many have.
    last: Instant,
    pieces: u32,
    over: Instant,
}

impl Stall {
    /// Notes that the call waits from `now` until `wake`. Returns until when it may.
    pub(super) fn wait(&mut self, clock: &Clock, wake: Option<Timestamp>) -> Timestamp {
        let now = clock.now();
        self.look = match &self.late {
            Some(late) => now + late.over.saturating_duration_since(clock.real()),
            None => wake.map_or(now + LOOK, |wake| wake.clamp(now, now + LOOK)),
        };
        self.look
    }

    /// Whether the call is behind, and takes in what has piled up.
    pub(super) fn is_late(&self) -> bool {
        self.late.is_some()
    }

    /// Whether what is not the caller's audio has a turn.
    pub(super) fn is_others_turn(&self) -> bool {
        self.late.as_ref().is_some_and(|late| late.pieces % TURN == TURN - 1)
    }

    /// The length of a standstill that has just ended, if there was one.
    fn ended(&self, clock: &Clock) -> Option<Duration> {
        let late = clock.now().since(self.look);
        (late >= STANDSTILL).then_some(late)
    }

    /// Completes at once after a standstill, and otherwise never. Must be polled before anything
    /// else that has waited.
    pub(super) async fn noticed(&self, clock: &Clock) -> Duration {
        match self.ended(clock) {
            Some(length) => length,
            None => {
                std::future::poll_fn(|_| match self.ended(clock) {
                    Some(length) => std::task::Poll::Ready(length),
                    None => std::task::Poll::Pending,
                })
                .await
            }
        }
    }

    fn begin(&mut self, clock: &Clock, length: Duration) {
        clock.leave_out(length);
        let (now, before) = (clock.real(), self.late.take());
        let owed = before.map_or(Duration::ZERO, |late| late.owed) + length;
        self.late = Some(Late { owed, last: now, pieces: 0, over: now + MOMENT });
    }

    /// The caller's audio has come.
    pub(super) fn audio(&mut self, clock: &Clock, chunk: &AudioChunk) {
        let Some(late) = &mut self.late else { return };
        let now = clock.real();
        late.pieces += 1;
        if now.duration_since(late.last) < BURST {
            let made_up = late.owed.min(chunk.duration());
            clock.make_up(made_up);
            late.owed -= made_up;
            late.over = now + MOMENT;
        }
        late.last = now;
    }

    /// Other events have had their turn, or the moment is over.
    pub(super) fn turn_over(&mut self, clock: &Clock) {
        if self.late.as_ref().is_some_and(|late| late.over <= clock.real()) {
            self.late = None;
        } else if let Some(late) = &mut self.late
            && late.pieces % TURN == TURN - 1
        {
            late.pieces += 1;
        }
    }
}

impl Call {
    /// The process stood still for `length`.
    pub(super) fn stood_still(&mut self, length: Duration) {
        tracing::warn!(?length, "the process stood still: the call goes on");
        self.stall.begin(&self.clock, length);
        self.playout.ran_dry(self.clock.now());
        if let Some(hearing) = &mut self.hearing {
            hearing.lost_time();
        }
    }
}
