//! Where audio lies: on the connection and in the input.

use std::collections::VecDeque;
use std::time::Duration;

use voicekit_core::time::MediaTime;

/// The most runs remembered. One is added wherever something was left out or filled in.
const MOST_RUNS: usize = 1024;

/// Which samples of a connection are which samples of the input.
#[derive(Debug, Default)]
pub(crate) struct Positions {
    rate_hz: u32,
    runs: VecDeque<Run>,
    sent: u64,
}

/// Samples sent one after the other, in samples.
#[derive(Clone, Copy, Debug)]
struct Run {
    wire: u64,
    input: u64,
    /// How many of the input's they are: none if they were filled in.
    length: u64,
    filled: bool,
}

impl Positions {
    /// A new connection.
    pub(crate) fn restart(&mut self) {
        *self = Self { rate_hz: self.rate_hz, ..Self::default() };
    }

    /// All audio is at this rate.
    pub(crate) fn at(&mut self, rate_hz: u32) -> &mut Self {
        self.rate_hz = rate_hz;
        self
    }

    /// `length` samples of the input from `input` on were sent.
    pub(crate) fn sent(&mut self, input: u64, length: u64) {
        match self.runs.back_mut() {
            Some(run) if !run.filled && run.input + run.length == input => run.length += length,
            _ => self.push(Run { wire: self.sent, input, length, filled: false }),
        }
        self.sent += length;
    }

    /// `length` samples were sent that are not in the input.
    pub(crate) fn filled(&mut self, length: u64) {
        let input = self.runs.back().map_or(0, |run| run.input + run.length);
        if !self.runs.back().is_some_and(|run| run.filled) {
            self.push(Run { wire: self.sent, input, length: 0, filled: true });
        }
        self.sent += length;
    }

    /// Where a time on the connection lies in the input, in samples.
    pub(crate) fn sample(&self, on_connection: Duration) -> u64 {
        let samples = on_connection.as_micros() * u128::from(self.rate_hz) / 1_000_000;
        let wire = u64::try_from(samples).unwrap_or(u64::MAX);
        let after = self.runs.partition_point(|run| run.wire <= wire);
        let run = after.checked_sub(1).and_then(|index| self.runs.get(index));
        run.map_or(0, |run| run.input + (wire - run.wire).min(run.length))
    }

    pub(crate) fn in_input(&self, on_connection: Duration) -> Duration {
        if self.rate_hz == 0 {
            return on_connection;
        }
        MediaTime { samples: self.sample(on_connection), rate_hz: self.rate_hz }.duration()
    }

    fn push(&mut self, run: Run) {
        if self.runs.len() == MOST_RUNS {
            self.runs.pop_front();
        }
        self.runs.push_back(run);
    }
}
