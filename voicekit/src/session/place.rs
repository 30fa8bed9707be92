//! Where in the call the agent's sound is heard.
//!
//! Sound goes to the carrier and back over a network, so that "now" is not one position. Two
//! differences are measured and used:
//!
//! - how much later than its media time the caller's sound comes, as the quickest of the latest
//!   frames shows. It gives the media time of the carrier's moment that is seen now;
//! - how much later than it was reckoned a mark comes back. This is the way to the carrier and
//!   back: what is sent now is heard so much later.
//!
//! Both are the least of the latest measurements, because what delays a message is added to the way
//! and never taken off it. Sound that is played without a pause keeps its positions without a gap,
//! whatever is measured meanwhile; a new way counts from the next pause on. So the first reply of a
//! call, which no mark has preceded, is placed too early by the time of the way.

use std::collections::VecDeque;
use std::time::Duration;

use voicekit_core::time::{MediaTime, Timestamp};
use voicekit_core::transport::Mark;

/// Frames of which the quickest counts: 10 s, within which the clocks of carriers and machines,
/// 50 ppm apart at most, drift by half a millisecond.
const FRAMES: usize = 500;
/// Marks of which the quickest counts: 10 s of speech at their usual distance.
const MARKS: usize = 20;
/// Marks that are out at once. A carrier that returns none must not fill the memory.
const OUTSTANDING: usize = 64;

/// Places sound on the caller's media time.
pub(super) struct Place {
    rate_hz: u32,
    /// Session time less media time.
    behind: Least,
    /// The way to the carrier and back.
    way: Least,
    /// Until when what was sent plays, unless it was cut.
    plays_until: Option<Timestamp>,
    /// Where it ends.
    end: u64,
    /// The way that its place was reckoned with.
    reckoned: i64,
    /// The marks that are out, and where they would be heard if there were no way.
    marks: VecDeque<(Mark, i64)>,
}

impl Place {
    pub(super) fn new(rate_hz: u32) -> Self {
        Self {
            rate_hz,
            behind: Least::of(FRAMES),
            way: Least::of(MARKS),
            plays_until: None,
            end: 0,
            reckoned: 0,
            marks: VecDeque::with_capacity(OUTSTANDING),
        }
    }

    /// The caller's sound that ends at `end` has come.
    pub(super) fn heard(&mut self, now: Timestamp, end: MediaTime) {
        self.behind.take(micros(now.since_start()) - micros(end.duration()));
    }

    /// Where `samples` of the agent's sound are heard that are sent now, to be played until
    /// `plays_until` by the playout's reckoning.
    pub(super) fn sent(&mut self, plays_until: Timestamp, samples: usize) -> MediaTime {
        let samples = samples as u64;
        let starts = plays_until - self.at(samples).duration();
        if self.plays_until.is_none_or(|ended| ended < starts) {
            self.reckoned = self.way.get();
            self.end = self.heard_at(starts).max(self.end);
        }
        self.plays_until = Some(plays_until);
        let at = self.at(self.end);
        self.end += samples;
        at
    }

    /// How far the agent's sound is heard if the carrier is told now to stop.
    pub(super) fn cut(&mut self, now: Timestamp) -> MediaTime {
        self.plays_until = None;
        self.end = self.end.min(self.heard_at(now));
        self.at(self.end)
    }

    /// Where the call is, as seen now.
    pub(super) fn now(&self, now: Timestamp) -> MediaTime {
        self.at(self.samples(self.media(now)))
    }

    /// A mark was sent after the sound.
    pub(super) fn marked(&mut self, mark: Mark) {
        if self.marks.len() == OUTSTANDING {
            self.marks.pop_front();
        }
        self.marks.push_back((mark, micros(self.at(self.end).duration()) - self.reckoned));
    }

    /// All sound before `mark` has been heard.
    pub(super) fn played(&mut self, now: Timestamp, mark: Mark) {
        if let Some(expected) = self.returned(mark) {
            self.way.take((self.media(now) - expected).max(0));
        }
    }

    /// `mark` came back, heard or not.
    pub(super) fn returned(&mut self, mark: Mark) -> Option<i64> {
        let index = self.marks.iter().position(|(sent, _)| *sent == mark)?;
        self.marks.drain(..=index).next_back().map(|(_, expected)| expected)
    }

    fn heard_at(&self, sent: Timestamp) -> u64 {
        self.samples(self.media(sent) + self.way.get())
    }

    /// Microseconds of media time that the carrier's moment has which is seen at `now`.
    fn media(&self, now: Timestamp) -> i64 {
        micros(now.since_start()) - self.behind.get()
    }

    fn samples(&self, media: i64) -> u64 {
        u64::try_from(media).unwrap_or(0) * u64::from(self.rate_hz) / 1_000_000
    }

    fn at(&self, samples: u64) -> MediaTime {
        MediaTime { samples, rate_hz: self.rate_hz }
    }
}

/// The least of the latest measurements, between `window` and twice as many.
struct Least {
    window: usize,
    taken: usize,
    before: Option<i64>,
    least: Option<i64>,
}

impl Least {
    fn of(window: usize) -> Self {
        Self { window, taken: 0, before: None, least: None }
    }

    fn take(&mut self, value: i64) {
        if self.taken == self.window {
            self.before = self.least.take();
            self.taken = 0;
        }
        self.taken += 1;
        self.least = Some(self.least.map_or(value, |least| least.min(value)));
    }

    /// Zero before the first measurement.
    fn get(&self) -> i64 {
        self.before.into_iter().chain(self.least).min().unwrap_or(0)
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
