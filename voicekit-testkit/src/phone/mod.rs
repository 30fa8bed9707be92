//! The caller's telephone as a pure machine: what the caller says goes in at given times, what
//! the agent sends is played at real time, and everything is recorded to the sample.
//!
//! [`Phone`] performs no I/O and reads no clock. Session time starts at zero when the line is
//! open; one sample is 125 µs. Audio is 8 kHz mu-law.
//!
//! # Driving it
//!
//! 1. Call [`say`](Phone::say), [`press`](Phone::press), [`play`](Phone::play),
//!    [`mark`](Phone::mark) or [`clear`](Phone::clear) when something happens, and
//!    [`handle_timeout`](Phone::handle_timeout) when [`poll_timeout`](Phone::poll_timeout) is due.
//! 2. Drain [`poll_output`](Phone::poll_output) until it returns `None`.
//! 3. Wait for the next event or timeout. Go to 1.
//!
//! # How it plays
//!
//! Like the buffer of a carrier: audio is appended to one queue and played at real time, at once
//! if the queue is empty. A mark returns when everything queued before it has been played, at once
//! if the queue is empty. Clearing drops what has not been played and returns every outstanding
//! mark.
//!
//! # Invariants
//!
//! - A frame holds what was said in the 20 ms *before* it is given out: nobody hears the future.
//! - What has been played does not change.
//! - Every mark returns exactly once, in order, unless the call ends first.

mod level;
mod report;
mod tone;
mod units;
mod wav;

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use voicekit_core::time::Timestamp;
use voicekit_core::transport::Digit;

use crate::mulaw;
use level::Ear;
use units::{sample_at, time_of};

pub use level::Utterance;
pub(crate) use report::TALKS_ON;
pub use report::{Answer, BargeIn, Report, Turn, Underrun};
pub use tone::{silence, tone};

/// Samples a second.
pub const RATE_HZ: u32 = 8_000;

/// Samples in a frame of 20 ms.
pub const FRAME_SAMPLES: usize = 160;

/// What the phone gives to the line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Output {
    /// The next 20 ms of the caller's sound.
    Frame {
        /// Its number, from 0.
        number: u64,
        /// 160 mu-law codes.
        codes: Vec<u8>,
    },
    /// The caller pressed a key.
    Digit(Digit),
    /// A mark returns.
    Mark {
        /// Its name.
        name: String,
        /// Whether it was cleared; carriers do not tell.
        cleared: bool,
    },
}

/// A clip the caller said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Clip {
    /// What it is called in reports: usually its words.
    pub label: String,
    /// When the clip starts.
    pub start: Timestamp,
    /// When the clip ends.
    pub end: Timestamp,
    /// From the onset to the end of its speech, silence at both ends left out; the whole clip if
    /// it is silent.
    pub speech: Utterance,
}

/// What became of a mark.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MarkRecord {
    /// Its name.
    pub name: String,
    /// When it arrived.
    pub sent: Timestamp,
    /// When all audio before it will have been played, if nothing is cleared.
    pub due: Timestamp,
    /// When it was returned, if it was.
    pub returned: Option<Timestamp>,
    /// Whether a clear returned it.
    pub cleared: bool,
}

/// A `clear` that arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ClearRecord {
    /// When it arrived.
    pub at: Timestamp,
    /// How much audio it dropped.
    pub dropped: Duration,
    /// How many marks it returned.
    pub marks: usize,
    /// When audio arrived next, if any did.
    pub next_audio: Option<Timestamp>,
}

/// Audio that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Arrival {
    /// When it arrived.
    pub at: Timestamp,
    /// When its first sample is played.
    pub played: Timestamp,
    /// How long it lasts.
    pub length: Duration,
}

/// The caller's telephone. See the [module docs](self).
#[derive(Clone, Debug, Default)]
pub struct Phone {
    now: Timestamp,
    ended: Option<Timestamp>,
    /// What the caller says, by sample; silence where it ends.
    caller: Vec<u8>,
    clips: Vec<Clip>,
    digits: VecDeque<(Timestamp, Digit)>,
    pressed: Vec<(Timestamp, Digit)>,
    frames: u64,
    /// What the agent sent, by the sample at which it is played. Its end is the queue's end.
    agent: Vec<u8>,
    ear: Ear,
    /// Stretches in which the queue had run dry, by sample.
    dry: Vec<(usize, usize)>,
    marks: Vec<MarkRecord>,
    /// The first mark that has not been returned.
    outstanding: usize,
    clears: Vec<ClearRecord>,
    arrivals: Vec<Arrival>,
    output: VecDeque<Output>,
}

impl Phone {
    /// A phone whose line opens at time zero.
    pub fn new() -> Self {
        Self::default()
    }

    /// Says 16-bit samples at 8 kHz from `at` on, or from the next sample that has not been sent.
    /// A clip that overlaps an earlier one takes its place. Returns the clip's number.
    pub fn say(&mut self, at: Timestamp, label: impl Into<String>, samples: &[i16]) -> usize {
        self.say_mulaw(at, label, &mulaw::encode(samples))
    }

    /// Says mu-law audio; otherwise as [`say`](Self::say).
    pub fn say_mulaw(&mut self, at: Timestamp, label: impl Into<String>, codes: &[u8]) -> usize {
        let start = sample_at(at).max(self.sent_samples());
        let end = start + codes.len();
        if self.caller.len() < end {
            self.caller.resize(end, mulaw::SILENCE);
        }
        self.caller[start..end].copy_from_slice(codes);
        let (onset, stop) = level::speech_in(codes).unwrap_or((0, codes.len()));
        let speech = Utterance::between(start + onset, start + stop);
        let (label, start, end) = (label.into(), time_of(start), time_of(end));
        self.clips.push(Clip { label, start, end, speech });
        self.clips.len() - 1
    }

    /// Presses a key at `at`, or at once if that has passed.
    pub fn press(&mut self, at: Timestamp, digit: Digit) {
        let index = self.digits.partition_point(|(earlier, _)| *earlier <= at);
        self.digits.insert(index, (at, digit));
    }

    /// The agent's audio arrives.
    pub fn play(&mut self, now: Timestamp, codes: &[u8]) {
        self.handle_timeout(now);
        if self.ended.is_some() || codes.is_empty() {
            return;
        }
        let start = self.agent.len().max(sample_at(now));
        if start > self.agent.len() {
            self.dry.push((self.agent.len(), start));
        }
        self.agent.resize(start, mulaw::SILENCE);
        self.agent.extend_from_slice(codes);
        let length = units::length_of(codes.len());
        self.arrivals.push(Arrival { at: now, played: time_of(start), length });
        if let Some(clear) = self.clears.last_mut() {
            clear.next_audio.get_or_insert(now);
        }
    }

    /// The agent asks to be told when everything queued so far has been played.
    pub fn mark(&mut self, now: Timestamp, name: impl Into<String>) {
        self.handle_timeout(now);
        if self.ended.is_some() {
            return;
        }
        let due = time_of(self.agent.len()).max(now);
        let mark = MarkRecord { name: name.into(), sent: now, due, returned: None, cleared: false };
        self.marks.push(mark);
        self.handle_timeout(now);
    }

    /// The agent drops what has not been played.
    pub fn clear(&mut self, now: Timestamp) {
        self.handle_timeout(now);
        if self.ended.is_some() {
            return;
        }
        let dropped = self.drop_unplayed(now);
        let marks = self.marks.len() - self.outstanding;
        self.clears.push(ClearRecord { at: now, dropped, marks, next_audio: None });
        while self.outstanding < self.marks.len() {
            self.return_mark(now, true);
        }
    }

    /// The call ends: what has not been played is never heard.
    pub fn end(&mut self, now: Timestamp) {
        self.handle_timeout(now);
        if self.ended.is_none() {
            self.drop_unplayed(now);
            self.ended = Some(now);
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due; `None` once the call has ended.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        self.next_due().map(|(at, _)| at)
    }

    /// Does what is due by `now`.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        while let Some((at, due)) = self.next_due()
            && at <= now
        {
            self.now = self.now.max(at);
            match due {
                Due::Mark => self.return_mark(at, false),
                Due::Digit => self.press_next(at),
                Due::Frame => self.send_frame(),
            }
        }
        if self.ended.is_none() {
            self.now = self.now.max(now);
            self.ear.listen(&self.agent, sample_at(self.now));
        }
    }

    /// The next thing the phone gives to the line.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.output.pop_front()
    }

    /// The agent's last utterance as far as it has been heard, to the last 10 ms; it may still be
    /// going on.
    pub fn last_heard(&self) -> Option<Utterance> {
        self.ear.last()
    }

    /// What the caller said and is going to say.
    pub fn clips(&self) -> &[Clip] {
        &self.clips
    }

    /// The clears that have arrived.
    pub fn clears(&self) -> &[ClearRecord] {
        &self.clears
    }

    /// How much of the agent's audio is queued and not yet played.
    pub fn queued(&self) -> Duration {
        time_of(self.agent.len()).since(self.now)
    }

    /// What happened until now.
    pub fn report(&self) -> Report {
        Report::new(self)
    }

    fn sent_samples(&self) -> usize {
        usize::try_from(self.frames).unwrap_or(usize::MAX).saturating_mul(FRAME_SAMPLES)
    }

    fn next_due(&self) -> Option<(Timestamp, Due)> {
        if self.ended.is_some() {
            return None;
        }
        let frame = time_of(self.sent_samples() + FRAME_SAMPLES);
        let mark = self.marks.get(self.outstanding).map(|mark| (mark.due, Due::Mark));
        let digit = self.digits.front().map(|&(at, _)| (at, Due::Digit));
        [mark, digit, Some((frame, Due::Frame))].into_iter().flatten().min_by_key(|&(at, _)| at)
    }

    fn send_frame(&mut self) {
        let start = self.sent_samples();
        let end = (start + FRAME_SAMPLES).min(self.caller.len());
        let mut codes = self.caller.get(start..end).unwrap_or_default().to_vec();
        codes.resize(FRAME_SAMPLES, mulaw::SILENCE);
        self.output.push_back(Output::Frame { number: self.frames, codes });
        self.frames += 1;
    }

    fn press_next(&mut self, at: Timestamp) {
        if let Some((_, digit)) = self.digits.pop_front() {
            self.pressed.push((at.max(self.now), digit));
            self.output.push_back(Output::Digit(digit));
        }
    }

    fn return_mark(&mut self, at: Timestamp, cleared: bool) {
        let mark = &mut self.marks[self.outstanding];
        self.outstanding += 1;
        mark.returned = Some(at);
        mark.cleared = cleared;
        self.output.push_back(Output::Mark { name: mark.name.clone(), cleared });
    }

    fn drop_unplayed(&mut self, now: Timestamp) -> Duration {
        let played = sample_at(now);
        let dropped = self.agent.len().saturating_sub(played);
        self.agent.truncate(played);
        self.ear.cut(&self.agent, played);
        units::length_of(dropped)
    }
}

/// What is due next.
#[derive(Clone, Copy, Debug)]
enum Due {
    /// All audio before the first outstanding mark has been played.
    Mark,
    /// A key is pressed.
    Digit,
    /// 20 ms of the caller's sound are complete.
    Frame,
}
