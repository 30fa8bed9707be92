//! A carrier on a bad day.

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::time::Duration;

use voicekit_core::time::Timestamp;

/// How a simulated carrier misbehaves. The default is not at all.
///
/// Chunks of the caller's media are numbered from 1; each is 20 ms.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chaos {
    pub(super) without_start: bool,
    pub(super) vanish: Option<Timestamp>,
    pub(super) stall: Option<(Timestamp, Timestamp)>,
    malformed: VecDeque<(Timestamp, String)>,
    lost: Vec<RangeInclusive<u64>>,
    doubled: Vec<RangeInclusive<u64>>,
    strange: Option<(u64, String)>,
}

impl Chaos {
    /// No misbehaviour.
    pub fn new() -> Self {
        Self::default()
    }

    /// Never sends `start`: media follows `connected` directly.
    #[must_use]
    pub fn without_start(mut self) -> Self {
        self.without_start = true;
        self
    }

    /// Drops the connection at this time without `stop` or a closing handshake.
    #[must_use]
    pub fn vanish_at(mut self, after: Duration) -> Self {
        self.vanish = Some(Timestamp::from(after));
        self
    }

    /// Does not read what the server sends from `after` on for `length`.
    #[must_use]
    pub fn stall_reading(mut self, after: Duration, length: Duration) -> Self {
        let from = Timestamp::from(after);
        self.stall = Some((from, from + length));
        self
    }

    /// Sends this text as a frame at this time.
    #[must_use]
    pub fn send_at(mut self, after: Duration, text: impl Into<String>) -> Self {
        let at = Timestamp::from(after);
        let index = self.malformed.partition_point(|(earlier, _)| *earlier <= at);
        self.malformed.insert(index, (at, text.into()));
        self
    }

    /// Loses these chunks of the caller's media: their numbers are skipped.
    #[must_use]
    pub fn lose(mut self, chunks: RangeInclusive<u64>) -> Self {
        self.lost.push(chunks);
        self
    }

    /// Sends these chunks of the caller's media twice.
    #[must_use]
    pub fn double(mut self, chunks: RangeInclusive<u64>) -> Self {
        self.doubled.push(chunks);
        self
    }

    /// Labels the caller's media with another stream's name from this chunk on.
    #[must_use]
    pub fn strange_stream_from(mut self, chunk: u64, stream: impl Into<String>) -> Self {
        self.strange = Some((chunk, stream.into()));
        self
    }

    pub(super) fn next_malformed(&self) -> Option<Timestamp> {
        self.malformed.front().map(|(at, _)| *at)
    }

    pub(super) fn malformed_by(&mut self, now: Timestamp) -> Vec<String> {
        let due = self.malformed.partition_point(|(at, _)| *at <= now);
        self.malformed.drain(..due).map(|(_, text)| text).collect()
    }

    pub(super) fn copies_of(&self, chunk: u64) -> usize {
        let within = |ranges: &[RangeInclusive<u64>]| ranges.iter().any(|r| r.contains(&chunk));
        if within(&self.lost) {
            return 0;
        }
        if within(&self.doubled) { 2 } else { 1 }
    }

    pub(super) fn stream_of(&self, chunk: u64) -> Option<&str> {
        self.strange.as_ref().filter(|(from, _)| chunk >= *from).map(|(_, name)| name.as_str())
    }
}
