//! Going on where sound is missing.

use super::stretch::{fade_in, longest_period, period, sample};

/// Full loudness for so long, then less until nothing is left, as ITU-T G.711 appendix I has it.
const FULL_MS: usize = 10;
const GONE_MS: usize = 60;
/// What comes after a gap is faded in over 5 ms.
const RETURN_PER_S: usize = 200;

/// Repeats the last period of what was played, and falls silent within 60 ms.
#[derive(Clone)]
pub(super) struct Concealer {
    rate_hz: usize,
    /// The last of what was played: twice the longest period.
    played: Vec<i16>,
    /// The period that is repeated in the present gap.
    period: Vec<i16>,
    /// How much of the present gap was filled, if there is one.
    filled: Option<usize>,
}

impl Concealer {
    pub(super) fn new(rate_hz: usize) -> Self {
        Self { rate_hz, played: vec![0; 2 * longest_period(rate_hz)], period: vec![], filled: None }
    }

    /// Fills the next `length` samples of a gap, at the end of `output`; none if it is only jumped
    /// over.
    pub(super) fn fill(&mut self, length: usize, output: &mut Vec<i16>) {
        if self.filled.is_none() {
            self.period = self.last_period(output);
        }
        let filled = self.filled.unwrap_or(0);
        output.extend((filled..filled.saturating_add(length)).map(|at| self.at(at)));
        self.filled = Some(filled.saturating_add(length));
    }

    /// Ends a gap, if there is one: fades what comes after it in.
    pub(super) fn resume(&mut self, samples: &mut [i16]) {
        let Some(filled) = self.filled.take() else { return };
        let fade = samples.len().min(self.rate_hz / RETURN_PER_S);
        let old: Vec<i16> = (filled..filled.saturating_add(fade)).map(|at| self.at(at)).collect();
        fade_in(&mut samples[..fade], &old);
    }

    /// Remembers a frame that is played.
    pub(super) fn remember(&mut self, frame: &[i16]) {
        let kept = self.played.len();
        self.played.extend_from_slice(frame);
        self.played.drain(..self.played.len() - kept);
    }

    /// The gap's sample at `at`.
    fn at(&self, at: usize) -> i16 {
        let (full, gone) = (self.rate_hz * FULL_MS / 1_000, self.rate_hz * GONE_MS / 1_000);
        if at >= gone || self.period.is_empty() {
            return 0;
        }
        let share = (gone - at.max(full)) as f32 / (gone - full) as f32;
        sample(share * f32::from(self.period[at % self.period.len()]))
    }

    /// The last period of what was played and is about to be, `output`.
    fn last_period(&self, output: &[i16]) -> Vec<i16> {
        let kept = self.played.len();
        let recent = output.len().min(kept);
        let mut backwards: Vec<i16> =
            output[output.len() - recent..].iter().rev().copied().collect();
        backwards.extend(self.played[recent..].iter().rev());
        let (length, _) = period(&backwards, kept / 2, self.rate_hz);
        let mut period: Vec<i16> = backwards[..length].iter().rev().copied().collect();
        // Its end leads over to its beginning.
        let fade = length / 4;
        let mut lead: Vec<i16> = backwards[length..length + fade].iter().rev().copied().collect();
        fade_in(&mut lead, &period[length - fade..]);
        period[length - fade..].copy_from_slice(&lead);
        period
    }
}
