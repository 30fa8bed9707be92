//! How long to hold sound back: learnt from how late packets come.

use std::collections::VecDeque;

use crate::time::Timestamp;

/// How much sound may be missing because packets came after their turn: half of the one per cent
/// that is the goal, because learning comes too late for some.
const TOLERATED: f32 = 0.005;
/// Lateness is taken together over half a second: one peak in it costs its excess once, because
/// playing waits for it and is then that much later for whatever follows.
const INTERVAL_US: i64 = 500_000;
/// Sound is made up by frames of 20 ms.
const FRAME_US: i64 = 20_000;
/// How many intervals are remembered: half a minute.
const MEMORY: f32 = 60.0;
/// What is known before anything came: as if so many intervals had been late by `START_US`.
const PRIOR: f32 = 2.0;
const START_US: i64 = 40_000;
/// Delays are told apart by 4 ms, up to 400 ms: more makes a conversation impossible.
const STEP_US: i64 = 4_000;
const STEPS: usize = 100;
/// The longest delay that is chosen or learnt from, in microseconds.
pub(super) const LONGEST_US: i64 = STEP_US * STEPS as i64;
/// The fastest packet is looked for in the last eight quarter-seconds in which anything came. A
/// clock that is 1000 ppm off moves by 2 ms in that time.
const BLOCK_US: i64 = 250_000;
const BLOCKS: usize = 8;

/// What every delay that could be chosen would have cost of late, and so which to choose.
#[derive(Clone)]
pub(super) struct Lateness {
    /// Quarter-seconds in which packets came, and the transit of the fastest in each.
    fastest: VecDeque<(i64, i64)>,
    /// Sound that would be missing in an interval, in microseconds, for each delay.
    missing: [f32; STEPS],
    /// The same for packets of this interval that came out of order.
    reordered: [f32; STEPS],
    /// The latest that came in order in this interval.
    peak_us: i64,
    interval_start_us: Option<i64>,
    intervals: f32,
    /// Packets are what is left of a stall longer than `LONGEST_US`.
    outage: bool,
    target_us: i64,
}

impl Lateness {
    pub(super) fn new() -> Self {
        let mut lateness = Self {
            fastest: VecDeque::with_capacity(BLOCKS + 1),
            missing: [0.0; STEPS],
            reordered: [0.0; STEPS],
            peak_us: 0,
            interval_start_us: None,
            intervals: PRIOR,
            outage: false,
            target_us: START_US,
        };
        for (delay_us, missing) in delays().zip(&mut lateness.missing) {
            *missing = made_up(START_US - delay_us);
        }
        lateness.choose();
        lateness
    }

    /// The transit of the fastest packet of late; `None` before the first.
    pub(super) fn fastest_us(&self) -> Option<i64> {
        self.fastest.iter().map(|&(_, transit)| transit).min()
    }

    /// How long to hold back what came fastest.
    pub(super) fn target_us(&self) -> i64 {
        self.target_us
    }

    /// Learns from a packet of `length_us` that took `transit_us`, counted from its last sample.
    pub(super) fn learn(
        &mut self,
        now: Timestamp,
        transit_us: i64,
        length_us: i64,
        in_order: bool,
    ) {
        let now_us = now_us(now);
        self.note_transit(now_us.div_euclid(BLOCK_US), transit_us);
        let start_us = *self.interval_start_us.get_or_insert(now_us);
        if now_us.saturating_sub(start_us) >= INTERVAL_US {
            self.close_interval();
            self.interval_start_us = Some(now_us);
        }
        let late_us = transit_us.saturating_sub(self.fastest_us().unwrap_or(transit_us));
        self.outage = late_us > LONGEST_US || self.outage && late_us > self.target_us;
        if self.outage {
            return;
        }
        if in_order {
            self.peak_us = self.peak_us.max(late_us);
            return;
        }
        for (delay_us, missing) in delays().zip(&mut self.reordered) {
            if delay_us < late_us {
                *missing += micros(length_us);
            }
        }
    }

    fn note_transit(&mut self, block: i64, transit_us: i64) {
        match self.fastest.back_mut() {
            Some((last, fastest)) if *last == block => *fastest = transit_us.min(*fastest),
            Some(_) | None => self.fastest.push_back((block, transit_us)),
        }
        if self.fastest.len() > BLOCKS {
            self.fastest.pop_front();
        }
    }

    fn close_interval(&mut self) {
        self.intervals = (self.intervals + 1.0).min(MEMORY);
        let weight = 1.0 / self.intervals;
        for (at, delay_us) in delays().enumerate() {
            let missing = made_up(self.peak_us - delay_us) + self.reordered[at];
            self.missing[at] += weight * (missing - self.missing[at]);
        }
        self.peak_us = 0;
        self.reordered = [0.0; STEPS];
        self.choose();
    }

    fn choose(&mut self) {
        let tolerated = TOLERATED * micros(INTERVAL_US);
        let enough = delays().zip(self.missing).find(|&(_, missing)| missing <= tolerated);
        self.target_us = enough.map_or(LONGEST_US, |(delay_us, _)| delay_us);
    }
}

/// The delays that can be chosen.
fn delays() -> impl Iterator<Item = i64> {
    (1..).map(|step| step * STEP_US).take(STEPS)
}

/// A time as a number to reckon with; far from where sums overflow, after 70,000 years.
pub(super) fn now_us(now: Timestamp) -> i64 {
    i64::try_from(now.as_micros()).unwrap_or(i64::MAX).min(i64::MAX / 4)
}

/// What is made up when a packet is late by `excess_us`, in microseconds: whole frames.
fn made_up(excess_us: i64) -> f32 {
    micros((excess_us.max(0) + FRAME_US - 1) / FRAME_US * FRAME_US)
}

fn micros(us: i64) -> f32 {
    us as f32
}
