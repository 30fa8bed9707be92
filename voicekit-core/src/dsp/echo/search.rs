//! The delay at which the outgoing audio comes back.
//!
//! All delays are compared at once: what varied is kept band by band, latest first, so that the
//! delays of a band lie side by side.

use super::{BANDS, Bands, HOPS_PER_SECOND, QUIET_DBFS, is_voice, ramp};
use crate::dsp::vectorised;

/// The longest delay, in hops.
const LAGS: usize = 80;
/// Past hops kept, a power of two above `LAGS` and the neighbours of the last.
const PAST: usize = 128;
/// Room for hops to be put before those that are kept, until all are moved.
const ROOM: usize = 2 * LAGS;

/// Correlations compared at once, of which `LAGS` are a multiple.
const LANES: usize = 8;

/// How much of the past the search for the delay weighs: 1.5 s, a phrase.
const MEMORY_HOPS: f32 = 1.5 * HOPS_PER_SECOND;
/// Levels vary around their mean of so many hops. About 100 ms keeps the rhythm of sounds, which
/// is the speaker's own, and drops that of syllables, which all speakers share.
const MEAN_HOPS: f32 = 12.0;
/// Correlation of what has nothing in common, after long; measured 0.1 to 0.4. Echoes at −25 dB
/// have 0.6 to 0.9.
const UNRELATED: f32 = 0.38;
/// How much more it may be by chance: this divided by the hops that were compared.
const CHANCE_HOPS: f32 = 25.0;
/// From not believed to believed.
const BELIEF: f32 = 0.1;
/// How long a delay must be the best before it is the delay: 200 ms.
const STEADY_HOPS: usize = 25;
/// Belief lost while both speak: all of it in 4 s.
const FORGET: f32 = 0.25 / HOPS_PER_SECOND;

/// For the first 0.8 s of outgoing voice nothing can be known.
const PROBATION_HOPS: f32 = 100.0;

/// A number for each hop, from some place on, the latest first.
type Past = [f32; ROOM];

/// Finds the delay at which levels of both directions vary together.
#[derive(Debug, Clone)]
pub(super) struct Search {
    sent: Box<[Bands; PAST]>,
    /// The place of the latest hop in it.
    latest: usize,
    /// How each band has varied, and what all have in sum of squares.
    varied: Box<[Past; BANDS]>,
    power: Box<Past>,
    /// The place of the latest hop in these.
    first: usize,
    sent_mean: Mean,
    heard_mean: Mean,
    /// Hops since the last outgoing voice, up to `LAGS`.
    since_voice: usize,
    /// Hops that were compared.
    compared: f32,
    common: [f32; LAGS],
    sent_power: [f32; LAGS],
    heard_power: f32,
    /// The best delay of late, and for how many hops.
    candidate: usize,
    steady: usize,
    /// The delay, in hops, and how much it is believed.
    pub(super) lag: usize,
    pub(super) confidence: f32,
}

impl Search {
    pub(super) fn new() -> Self {
        Self {
            sent: Box::new([[QUIET_DBFS; BANDS]; PAST]),
            latest: 0,
            varied: Box::new([[0.0; ROOM]; BANDS]),
            power: Box::new([0.0; ROOM]),
            first: ROOM - LAGS,
            sent_mean: Mean([QUIET_DBFS; BANDS]),
            heard_mean: Mean([QUIET_DBFS; BANDS]),
            since_voice: LAGS,
            compared: 0.0,
            common: [0.0; LAGS],
            sent_power: [0.0; LAGS],
            heard_power: 0.0,
            candidate: 0,
            steady: 0,
            lag: 0,
            confidence: 0.0,
        }
    }

    pub(super) fn step(&mut self, sent: &Bands, heard: &Bands) {
        self.latest = (self.latest + 1) % PAST;
        self.sent[self.latest] = *sent;
        let varied = self.sent_mean.variation(sent);
        self.keep(&varied);
        let heard = self.heard_mean.variation(heard);
        self.since_voice = if is_voice(sent) { 0 } else { (self.since_voice + 1).min(LAGS) };
        if self.since_voice < LAGS {
            self.compared += 1.0;
            compare(self, &heard);
            self.settle();
        }
    }

    fn keep(&mut self, varied: &Bands) {
        if self.first == 0 {
            self.first = ROOM - LAGS;
            for past in self.varied.iter_mut().chain([&mut *self.power]) {
                past.copy_within(..LAGS, ROOM - LAGS);
            }
        }
        self.first -= 1;
        for (past, varied) in self.varied.iter_mut().zip(varied) {
            past[self.first] = *varied;
        }
        self.power[self.first] = dot(varied, varied);
    }

    /// Settles on the best delay once it has stayed where it is: those of chance wander.
    fn settle(&mut self) {
        let (best, correlation) = best(self);
        self.steady = if best.abs_diff(self.candidate) <= 1 { self.steady + 1 } else { 0 };
        self.candidate = best;
        let chance = UNRELATED + CHANCE_HOPS / self.compared;
        let settled = self.steady >= STEADY_HOPS || best.abs_diff(self.lag) <= 1;
        if settled && correlation > chance {
            self.lag = best;
        }
        let belief = ramp(self.correlation(self.lag), chance, chance + BELIEF);
        self.confidence = belief.max(self.confidence - FORGET);
    }

    #[inline(always)]
    fn correlation(&self, lag: usize) -> f32 {
        self.common[lag] / (self.sent_power[lag] * self.heard_power + 1.0).sqrt()
    }

    pub(super) fn is_on_probation(&self) -> bool {
        self.confidence == 0.0 && self.compared < PROBATION_HOPS
    }

    /// The highest levels around the delay: it lies between hops, and what comes back is spread.
    pub(super) fn sent_at_lag(&self) -> Bands {
        let mut highest = [QUIET_DBFS; BANDS];
        for lag in self.lag.saturating_sub(1)..=self.lag + 1 {
            let levels = &self.sent[self.place(lag)];
            for (highest, level) in highest.iter_mut().zip(levels) {
                *highest = highest.max(*level);
            }
        }
        highest
    }

    /// Where what was sent `lag` hops ago is kept.
    fn place(&self, lag: usize) -> usize {
        (self.latest + PAST - lag) % PAST
    }
}

vectorised! {
    /// Takes in how the bands of what is heard have varied.
    compare = compare_loop(search: &mut Search, heard: &Bands)
}

#[inline(always)]
fn compare_loop(search: &mut Search, heard: &Bands) {
    let share = 1.0 / search.compared.min(MEMORY_HOPS);
    search.heard_power += share * (dot(heard, heard) - search.heard_power);
    let past = search.first..search.first + LAGS;
    let mut common = [0.0; LAGS];
    for (varied, heard) in search.varied.iter().zip(heard) {
        for (common, varied) in common.iter_mut().zip(&varied[past.clone()]) {
            *common += varied * heard;
        }
    }
    approach(&mut search.common, &common, share);
    approach(&mut search.sent_power, &search.power[past], share);
}

vectorised! {
    /// The delay of the highest correlation, the longest of equals, and that correlation.
    best = best_loop(search: &Search) -> (usize, f32)
}

#[inline(always)]
fn best_loop(search: &Search) -> (usize, f32) {
    let correlations: [f32; LAGS] = std::array::from_fn(|lag| search.correlation(lag));
    let (groups, _) = correlations.as_chunks::<LANES>();
    let mut highest = [f32::MIN; LANES];
    for group in groups {
        for (highest, correlation) in highest.iter_mut().zip(group) {
            *highest = larger(*highest, *correlation);
        }
    }
    let highest = highest.into_iter().fold(f32::MIN, larger);
    let lag = correlations.iter().rposition(|correlation| *correlation == highest);
    (lag.unwrap_or_default(), highest)
}

/// The level of late, from which levels vary.
#[derive(Debug, Clone)]
struct Mean(Bands);

impl Mean {
    fn variation(&mut self, levels: &Bands) -> Bands {
        let mut varied = [0.0; BANDS];
        for ((mean, level), varied) in self.0.iter_mut().zip(levels).zip(&mut varied) {
            *mean += (level - *mean) / MEAN_HOPS;
            *varied = level - *mean;
        }
        varied
    }
}

/// Moves each of `means` by this `share` of the way to its value.
#[inline(always)]
fn approach(means: &mut [f32], values: &[f32], share: f32) {
    for (mean, value) in means.iter_mut().zip(values) {
        *mean += share * (value - *mean);
    }
}

/// A comparison, which is one instruction for many numbers; `max` is not.
#[inline(always)]
fn larger(a: f32, b: f32) -> f32 {
    if b > a { b } else { a }
}

#[inline(always)]
fn dot(a: &Bands, b: &Bands) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
