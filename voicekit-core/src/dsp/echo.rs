//! How much of the incoming audio is the agent's own voice, come back as an echo.
//!
//! On a phone line the agent hears itself: 20 to 40 dB quieter, 50 to 500 ms late, filtered, coded
//! twice, and perhaps under the caller's voice. A detector of speech takes that for a caller.
//! [`Echo`] knows what was sent, finds where and how loud it comes back, and takes from the
//! detector's verdict what the echo explains.
//!
//! # How it works
//!
//! Both directions are split into eight bands, and the level of each is taken every 8 ms. Levels
//! that rise and fall together at one delay between 0 and 640 ms show that there is an echo, and
//! when. Its level in each band is then the usual difference between what came and what was sent,
//! and what comes louder than that is the caller. Nothing is removed from the audio: levels
//! survive codecs, lost packets and drifting clocks that would defeat a canceller.
//!
//! As long as no echo was found, verdicts are passed on as they are; but for the first 0.8 s of
//! outgoing voice in a call, when nothing can be known yet, sound 15 dB below it is held for one.
//!
//! # Driving it
//!
//! 1. [`outgoing`](Echo::outgoing) with all audio that is sent, when it is sent, placed where it is
//!    to be played on the clock of the incoming samples. A constant error in that place is part of
//!    the delay and does no harm. [`cleared`](Echo::cleared) when some of it will not be played.
//! 2. [`near_end`](Echo::near_end) with all audio that comes in, in order.

use std::time::Duration;

use super::level::FLOOR_DBFS;

/// Samples a second, in both directions.
pub const RATE_HZ: u32 = 8_000;

/// Samples from one level to the next: 8 ms, less than a speech sound.
const HOP: usize = 64;
const HOPS_PER_SECOND: f32 = RATE_HZ as f32 / HOP as f32;
const BANDS: usize = 8;
/// The middle of each band, evenly spread over what a telephone carries, as the ear hears it.
const CENTRES_HZ: [f32; BANDS] = [300.0, 450.0, 650.0, 900.0, 1_250.0, 1_700.0, 2_300.0, 3_000.0];
/// Middle over width of a band, so that neighbours touch.
const QUALITY: f32 = 2.0;
/// Levels below this are the noise of mu-law coding, in either direction.
const QUIET_DBFS: f32 = -72.0;
/// The longest delay, in hops.
const LAGS: usize = 80;
/// Hops of outgoing audio that can wait to be played: 2 s, ten times the lead of the pacing.
const AHEAD: usize = 256;
/// Past hops kept, a power of two above `LAGS` and the neighbours of the last.
const PAST: usize = 128;

/// What is sent counts as a voice from this level in some band.
const VOICE_DBFS: f32 = -50.0;

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

/// Before anything can be known, for the first 0.8 s of outgoing voice, an echo is expected at
/// this level below the loudest that was sent. Callers are louder, echoes quieter.
const PROBATION_HOPS: f32 = 100.0;
const PROBATION_DB: f32 = -15.0;

/// Where the level of the echo starts: high, for it falls faster than it rises.
const START_GAIN_DB: f32 = -20.0;
/// The level of the echo is this quantile of the differences: high, because sounds are spread.
const QUANTILE: f32 = 0.7;
/// The step towards it, in dB a hop: for the first half second, and then.
const FAST_DB: f32 = 0.8;
const SLOW_DB: f32 = 0.15;
const FAST_HOPS: f32 = 60.0;
/// So much above the expected level is the caller, from whom little is to be learnt.
const OUTLIER_DB: f32 = 12.0;
const OUTLIER_PACE: f32 = 0.1;
/// How fast an expected echo fades once it ends, in dB a hop: 75 dB a second, a dry room.
const FADE_DB: f32 = 0.6;

/// Where the noise of the line starts, and how fast it may rise, in dB a hop.
const NOISE_START_DBFS: f32 = -60.0;
const NOISE_RISE_DB: f32 = 3.0 / HOPS_PER_SECOND;

/// A band is explained up to this far above what is expected, and not at all from `NEAR_DB` on.
const EXPLAINED_DB: f32 = 4.0;
const NEAR_DB: f32 = 10.0;
/// So many unexplained bands are a caller: a vowel has two or three formants.
const NEAR_BANDS: f32 = 3.0;
/// An echo so far below the noise of the line is not heard.
const MASKED_DB: f32 = -6.0;

type Bands = [f32; BANDS];

/// What is known about the echo.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Estimate {
    /// How likely it is that there is an echo at this delay and level, 0 to 1.
    pub confidence: f32,
    /// How long after its place the outgoing audio comes back.
    pub delay: Duration,
    /// How much quieter it comes back, in dB.
    pub return_loss_db: f32,
    /// The share of the latest audio that the echo does not explain, 0 to 1.
    pub residual: f32,
}

/// The echo of one call. Memory is bounded; nothing is allocated after construction.
#[derive(Debug, Clone)]
pub struct Echo {
    sent: Sent,
    bank: Bank,
    /// Energy of the hop that is being heard, and its samples so far.
    energy: Bands,
    filled: usize,
    hop: u64,
    search: Search,
    path: Path,
    residual: f32,
}

impl Default for Echo {
    fn default() -> Self {
        Self::new()
    }
}

impl Echo {
    /// A line of which nothing is known yet.
    pub fn new() -> Self {
        Self {
            sent: Sent::new(),
            bank: Bank::new(),
            energy: [0.0; BANDS],
            filled: 0,
            hop: 0,
            search: Search::new(),
            path: Path::new(),
            residual: 1.0,
        }
    }

    /// Takes in samples that will be played from `at_sample` on, counted as the incoming ones are.
    /// What is placed in the past, or more than two seconds ahead, is not used.
    pub fn outgoing(&mut self, at_sample: u64, samples: &[i16]) {
        self.sent.push(self.hop, at_sample, samples);
    }

    /// Nothing that was to be played from `at_sample` on will be.
    pub fn cleared(&mut self, at_sample: u64) {
        self.sent.clear(at_sample);
    }

    /// Takes in the samples that came next and gives the probability that the caller spoke in
    /// them, from `probability` that somebody did.
    pub fn near_end(&mut self, samples: &[i16], probability: f32) -> f32 {
        probability * self.incoming(samples).residual
    }

    /// Takes in the samples that came next.
    pub fn incoming(&mut self, samples: &[i16]) -> Estimate {
        let mut rest = samples;
        let (mut unexplained, mut hops) = (0.0, 0.0);
        while !rest.is_empty() {
            let (part, after) = rest.split_at(rest.len().min(HOP - self.filled));
            self.bank.add_energy(part, &mut self.energy);
            self.filled += part.len();
            rest = after;
            if self.filled == HOP {
                unexplained += self.finish_hop();
                hops += 1.0;
            }
        }
        if hops > 0.0 {
            self.residual = unexplained / hops;
        }
        self.estimate()
    }

    /// What is known about the echo.
    pub fn estimate(&self) -> Estimate {
        let delay = HOP as u64 * self.search.lag as u64 * 1_000_000 / u64::from(RATE_HZ);
        Estimate {
            confidence: self.search.confidence,
            delay: Duration::from_micros(delay),
            return_loss_db: self.path.loss_db(),
            residual: self.residual,
        }
    }

    /// The share of the hop that the echo does not explain.
    fn finish_hop(&mut self) -> f32 {
        let heard = levels(&std::mem::take(&mut self.energy));
        self.filled = 0;
        let sent = levels(&self.sent.energy(self.hop));
        self.hop += 1;
        self.search.step(&sent, &heard);
        self.path.step(&self.search, &sent, &heard)
    }
}

/// What was sent and is not yet played.
#[derive(Debug, Clone)]
struct Sent {
    bank: Bank,
    hops: Box<[(u64, Bands)]>,
    end: u64,
}

const NO_HOP: u64 = u64::MAX;

impl Sent {
    fn new() -> Self {
        let hops = vec![(NO_HOP, [0.0; BANDS]); AHEAD].into_boxed_slice();
        Self { bank: Bank::new(), hops, end: 0 }
    }

    fn push(&mut self, current: u64, at_sample: u64, samples: &[i16]) {
        if at_sample != self.end {
            self.bank.rest();
        }
        let (mut at, mut rest) = (at_sample, samples);
        while !rest.is_empty() {
            let (hop, offset) = (at / HOP as u64, remainder(at, HOP));
            let (part, after) = rest.split_at(rest.len().min(HOP - offset));
            if (current..current + AHEAD as u64).contains(&hop) {
                let slot = &mut self.hops[remainder(hop, AHEAD)];
                if slot.0 != hop {
                    *slot = (hop, [0.0; BANDS]);
                }
                self.bank.add_energy(part, &mut slot.1);
            }
            at = at.saturating_add(part.len() as u64);
            rest = after;
        }
        self.end = at;
    }

    fn clear(&mut self, at_sample: u64) {
        let first = at_sample.div_ceil(HOP as u64);
        for slot in self.hops.iter_mut().filter(|slot| slot.0 >= first) {
            slot.0 = NO_HOP;
        }
    }

    fn energy(&self, hop: u64) -> Bands {
        let slot = &self.hops[remainder(hop, AHEAD)];
        if slot.0 == hop { slot.1 } else { [0.0; BANDS] }
    }
}

/// Finds the delay at which levels of both directions vary together.
#[derive(Debug, Clone)]
struct Search {
    sent: Box<[Bands; PAST]>,
    varied: Box<[Bands; PAST]>,
    /// The place of the latest hop in both.
    latest: usize,
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
    lag: usize,
    confidence: f32,
}

impl Search {
    fn new() -> Self {
        Self {
            sent: Box::new([[QUIET_DBFS; BANDS]; PAST]),
            varied: Box::new([[0.0; BANDS]; PAST]),
            latest: 0,
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

    fn step(&mut self, sent: &Bands, heard: &Bands) {
        self.latest = (self.latest + 1) % PAST;
        self.sent[self.latest] = *sent;
        self.varied[self.latest] = self.sent_mean.variation(sent);
        let heard = self.heard_mean.variation(heard);
        self.since_voice = if is_voice(sent) { 0 } else { (self.since_voice + 1).min(LAGS) };
        if self.since_voice < LAGS {
            self.compared += 1.0;
            self.compare(&heard);
            self.settle();
        }
    }

    fn compare(&mut self, heard: &Bands) {
        let share = 1.0 / self.compared.min(MEMORY_HOPS);
        self.heard_power += share * (dot(heard, heard) - self.heard_power);
        for lag in 0..LAGS {
            let varied = &self.varied[self.place(lag)];
            self.common[lag] += share * (dot(varied, heard) - self.common[lag]);
            self.sent_power[lag] += share * (dot(varied, varied) - self.sent_power[lag]);
        }
    }

    /// Settles on the best delay once it has stayed where it is: those of chance wander.
    fn settle(&mut self) {
        let lags = (0..LAGS).map(|lag| (lag, self.correlation(lag)));
        let Some((best, correlation)) = lags.max_by(|a, b| a.1.total_cmp(&b.1)) else { return };
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

    fn correlation(&self, lag: usize) -> f32 {
        self.common[lag] / (self.sent_power[lag] * self.heard_power + 1.0).sqrt()
    }

    fn is_on_probation(&self) -> bool {
        self.confidence == 0.0 && self.compared < PROBATION_HOPS
    }

    /// The highest levels around the delay: it lies between hops, and what comes back is spread.
    fn sent_at_lag(&self) -> Bands {
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

fn is_voice(sent: &Bands) -> bool {
    sent.iter().any(|&level| level > VOICE_DBFS)
}

/// How loud the echo is.
#[derive(Debug, Clone)]
struct Path {
    /// What comes less what was sent, in dB.
    gain: Bands,
    /// The level at which the echo is expected, in dBFS.
    expected: Bands,
    /// The noise of the line, in dBFS.
    noise: Bands,
    /// What comes, smoothed over two hops.
    heard: Bands,
    /// The loudest that was sent.
    loudest: Bands,
    /// Hops that were learnt from.
    learnt: f32,
}

impl Path {
    fn new() -> Self {
        Self {
            gain: [START_GAIN_DB; BANDS],
            expected: [FLOOR_DBFS; BANDS],
            noise: [NOISE_START_DBFS; BANDS],
            heard: [QUIET_DBFS; BANDS],
            loudest: [FLOOR_DBFS; BANDS],
            learnt: 0.0,
        }
    }

    fn loss_db(&self) -> f32 {
        -self.gain.iter().sum::<f32>() / BANDS as f32
    }

    /// Takes in the levels of a hop and gives the share of it that the echo does not explain.
    fn step(&mut self, search: &Search, sent: &Bands, heard: &Bands) -> f32 {
        let returned = search.sent_at_lag();
        let learning = search.confidence > 0.0 && is_voice(&returned);
        self.learnt += f32::from(u8::from(learning));
        let (mut unexplained, mut audible) = (0.0, FLOOR_DBFS);
        for band in 0..BANDS {
            self.heard[band] += 0.5 * (heard[band] - self.heard[band]);
            self.loudest[band] = self.loudest[band].max(sent[band]);
            self.follow_noise(band);
            if learning && returned[band] > VOICE_DBFS {
                self.learn(band, heard[band], heard[band] - returned[band]);
            }
            let comes = if search.is_on_probation() {
                self.loudest[band] + PROBATION_DB
            } else {
                self.gain[band] + returned[band]
            };
            self.expected[band] = comes.max(self.expected[band] - FADE_DB).max(FLOOR_DBFS);
            let known = self.expected[band].max(self.noise[band]);
            unexplained += ramp(self.heard[band] - known, EXPLAINED_DB, NEAR_DB);
            audible = f32::max(audible, self.expected[band] - self.noise[band]);
        }
        let near = (unexplained / NEAR_BANDS).min(1.0);
        let belief = if search.is_on_probation() { 1.0 } else { search.confidence };
        1.0 - belief * ramp(audible, MASKED_DB, 0.0) * (1.0 - near)
    }

    fn follow_noise(&mut self, band: usize) {
        let error = self.heard[band] - self.noise[band];
        self.noise[band] += if error < 0.0 { 0.2 * error } else { error.min(NOISE_RISE_DB) };
    }

    /// Moves the gain of a band towards the quantile. What drowns in noise says only that the echo
    /// is not louder.
    fn learn(&mut self, band: usize, heard: f32, gain: f32) {
        let error = gain - self.gain[band];
        let pace = if self.learnt < FAST_HOPS { FAST_DB } else { SLOW_DB };
        if error < 0.0 {
            self.gain[band] -= (1.0 - QUANTILE) * pace * (-error).min(1.0);
        } else if heard > self.noise[band] + 3.0 {
            let share = if error > OUTLIER_DB { OUTLIER_PACE } else { QUANTILE };
            self.gain[band] += share * pace * error.min(1.0);
        }
    }
}

/// 0 up to `from`, 1 from `to` on, and evenly between.
fn ramp(value: f32, from: f32, to: f32) -> f32 {
    ((value - from) / (to - from)).clamp(0.0, 1.0)
}

/// Band filters of second order, all at once.
#[derive(Debug, Clone)]
struct Bank {
    input: Bands,
    last: Bands,
    before: Bands,
    states: [Bands; 2],
}

impl Bank {
    /// The band-pass of the Audio EQ Cookbook (Bristow-Johnson) with a peak of 0 dB.
    fn new() -> Self {
        let mut bank = Self {
            input: [0.0; BANDS],
            last: [0.0; BANDS],
            before: [0.0; BANDS],
            states: [[0.0; BANDS]; 2],
        };
        for (band, centre) in CENTRES_HZ.into_iter().enumerate() {
            let (sine, cosine) = (std::f32::consts::TAU * centre / RATE_HZ as f32).sin_cos();
            let width = sine / (2.0 * QUALITY);
            bank.input[band] = width / (1.0 + width);
            bank.last[band] = 2.0 * cosine / (1.0 + width);
            bank.before[band] = -(1.0 - width) / (1.0 + width);
        }
        bank
    }

    fn add_energy(&mut self, samples: &[i16], energy: &mut Bands) {
        let [mut one, mut two] = self.states;
        let mut sum = *energy;
        for &sample in samples {
            let sample = f32::from(sample);
            for band in 0..BANDS {
                let driven = self.input[band] * sample;
                let output = driven + one[band];
                one[band] = two[band] + self.last[band] * output;
                two[band] = self.before[band] * output - driven;
                sum[band] += output * output;
            }
        }
        // Numbers too small to hear would be slow to compute with.
        const INAUDIBLE: f32 = 1e-6;
        for state in one.iter_mut().chain(&mut two).filter(|state| state.abs() < INAUDIBLE) {
            *state = 0.0;
        }
        self.states = [one, two];
        *energy = sum;
    }

    fn rest(&mut self) {
        self.states = [[0.0; BANDS]; 2];
    }
}

/// The levels of a hop in dBFS.
fn levels(energy: &Bands) -> Bands {
    const FULL: f32 = 32_768.0 * 32_768.0 * HOP as f32;
    energy.map(|energy| (10.0 * (energy / FULL + 1e-12).log10()).max(QUIET_DBFS))
}

fn remainder(number: u64, divisor: usize) -> usize {
    usize::try_from(number % divisor as u64).unwrap_or_default()
}

fn dot(a: &Bands, b: &Bands) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
