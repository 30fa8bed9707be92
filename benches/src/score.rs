//! How well a detector tells speech from silence, window by window, on labelled recordings.

use std::fmt;

use voicekit_core::codec::mulaw;
use voicekit_core::vad::Vad;

use crate::labels::{Kind, Label};

/// From this probability on, a window counts as speech.
const THRESHOLD: f32 = 0.5;

/// What is done to a recording before it is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Line {
    /// Nothing.
    Studio,
    /// Mu-law.
    Phone,
    /// White noise 10 dB below the caller's speech, then mu-law.
    Noisy,
}

impl Line {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Studio, Self::Phone, Self::Noisy];
    const SNR_DB: f64 = 10.0;

    /// The caller's `samples` at 8 kHz as they come over this line; speech is where `labels` say.
    pub fn carry(self, samples: &[i16], labels: &[Label]) -> Vec<i16> {
        let carried = match self {
            Self::Studio => return samples.to_vec(),
            Self::Phone => samples.to_vec(),
            Self::Noisy => noisy(samples, labels),
        };
        carried.into_iter().map(|s| mulaw::decode_sample(mulaw::encode_sample(s))).collect()
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Studio => "as recorded",
            Self::Phone => "mu-law",
            Self::Noisy => "mu-law, noise at 10 dB",
        })
    }
}

/// Verdicts on windows, each beside the truth.
#[derive(Clone, Debug, Default)]
pub struct Score {
    windows: Vec<(f32, bool)>,
}

impl Score {
    /// Adds the verdicts of a detector that has heard nothing yet on `samples`, at its rate.
    pub fn judge(&mut self, vad: &mut dyn Vad, samples: &[i16], labels: &[Label]) {
        let (rate, window) = (f64::from(vad.rate_hz()), vad.window());
        for (index, samples) in samples.chunks_exact(window).enumerate() {
            let middle = (index as f64 + 0.5) * window as f64 / rate;
            self.windows.push((vad.probability(samples), is_speech(labels, middle)));
        }
    }

    /// Windows so far.
    pub fn windows(&self) -> usize {
        self.windows.len()
    }

    /// The harmonic mean of precision and recall of speech.
    pub fn f1(&self) -> f64 {
        let count = |verdict: bool, truth: bool| {
            let same = |&&(p, t): &&(f32, bool)| (p >= THRESHOLD, t) == (verdict, truth);
            self.windows.iter().filter(same).count() as f64
        };
        let hits = 2.0 * count(true, true);
        hits / (hits + count(true, false) + count(false, true))
    }

    /// How often a window of speech is given a higher probability than one without; a tie is a
    /// half.
    pub fn auc(&self) -> f64 {
        let mut sorted = self.windows.clone();
        sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (mut below, mut wins) = (0.0, 0.0);
        for tied in sorted.chunk_by(|a, b| a.0 == b.0) {
            let speech = tied.iter().filter(|(_, truth)| *truth).count() as f64;
            let other = tied.len() as f64 - speech;
            wins += speech * (below + other / 2.0);
            below += other;
        }
        wins / (below * (sorted.len() as f64 - below))
    }

    /// The largest difference between the probabilities of two detectors of the same windows.
    pub fn apart(&self, other: &Self) -> f32 {
        let pairs = self.windows.iter().zip(&other.windows);
        pairs.map(|(a, b)| (a.0 - b.0).abs()).fold(0.0, f32::max)
    }
}

fn is_speech(labels: &[Label], t: f64) -> bool {
    let within = |kinds: &[Kind]| labels.iter().any(|l| kinds.contains(&l.kind) && l.holds(t));
    within(&[Kind::Speech, Kind::Interruption, Kind::Backchannel]) && !within(&[Kind::Hesitation])
}

/// The same noise each time.
fn noisy(samples: &[i16], labels: &[Label]) -> Vec<i16> {
    let is_spoken = |at: usize| is_speech(labels, at as f64 / 8_000.0);
    let spoken: Vec<f64> = samples
        .iter()
        .enumerate()
        .filter(|(at, _)| is_spoken(*at))
        .map(|(_, &sample)| f64::from(sample).powi(2))
        .collect();
    let level = (spoken.iter().sum::<f64>() / spoken.len().max(1) as f64).sqrt();
    // Even noise of a peak `p` has the level `p / sqrt(3)`.
    let peak = 3_f64.sqrt() * level * 10_f64.powf(-Line::SNR_DB / 20.0);
    let mut state = 1_u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        peak * (f64::from(state >> 8) / f64::from(1 << 23) - 1.0)
    };
    #[expect(clippy::cast_possible_truncation, reason = "a cast from float saturates")]
    let mix = |&sample: &i16| (f64::from(sample) + noise()) as i16;
    samples.iter().map(mix).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(windows: &[(f32, bool)]) -> Score {
        Score { windows: windows.to_vec() }
    }

    #[test]
    fn a_detector_that_is_always_right_scores_one() {
        let score = score(&[(0.9, true), (0.1, false), (0.6, true)]);
        assert_eq!((score.f1(), score.auc()), (1.0, 1.0));
    }

    #[test]
    fn misses_false_alarms_and_ties_count() {
        let score = score(&[(0.9, true), (0.4, true), (0.4, false), (0.7, false)]);
        assert_eq!(score.f1(), 0.5);
        assert_eq!(score.auc(), (2.0 + 0.5) / 4.0);
    }

    #[test]
    fn a_pause_inside_a_turn_is_no_speech() {
        let labels = [
            Label::new(1.0, 3.0, Kind::Speech, "speech"),
            Label::new(1.5, 2.0, Kind::Hesitation, "hesitation"),
        ];
        assert_eq!([0.9, 1.2, 1.7, 2.5].map(|t| is_speech(&labels, t)), [false, true, false, true]);
    }
}
