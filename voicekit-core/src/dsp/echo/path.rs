//! The level at which the outgoing audio comes back, and what is louder.

use super::search::Search;
use super::{BANDS, Bands, FLOOR_DBFS, HOPS_PER_SECOND, QUIET_DBFS, VOICE_DBFS, is_voice, ramp};

/// While nothing can be known yet, an echo is expected at this level below the loudest that was
/// sent. Callers are louder, echoes quieter.
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

/// How loud the echo is.
#[derive(Debug, Clone)]
pub(super) struct Path {
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
    pub(super) fn new() -> Self {
        Self {
            gain: [START_GAIN_DB; BANDS],
            expected: [FLOOR_DBFS; BANDS],
            noise: [NOISE_START_DBFS; BANDS],
            heard: [QUIET_DBFS; BANDS],
            loudest: [FLOOR_DBFS; BANDS],
            learnt: 0.0,
        }
    }

    pub(super) fn loss_db(&self) -> f32 {
        -self.gain.iter().sum::<f32>() / BANDS as f32
    }

    /// Takes in the levels of a hop and gives the share of it that the echo does not explain.
    pub(super) fn step(&mut self, search: &Search, sent: &Bands, heard: &Bands) -> f32 {
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
