//! Telling the caller from voices in the background, by loudness.

use super::Vad;
use crate::dsp::level::{FLOOR_DBFS, rms_dbfs};

/// How much of the past says how loud the background is: six seconds, which hold a pause for breath
/// even of somebody who reads aloud.
const MEMORY_SECONDS: usize = 6;
/// Before so much was heard, everybody is the caller.
const LEAST_SECONDS: usize = 1;
/// The share of windows that are quieter than the background. With more, the pauses of somebody who
/// speaks without any for six seconds would be taken for it.
const QUANTILE: f32 = 0.2;
/// How far above the background somebody may be the caller, and is. Measured with six voices at
/// once, 10 dB below the caller: without the gate 51 % of the ends of turns were missed and 19 % of
/// interruptions noticed, with it 3 % and 100 %; on quiet lines, turns ended as before.
const PERHAPS_DB: f32 = 6.0;
const CALLER_DB: f32 = 8.0;
/// How much of the windows before counts for the level of one: that of some 80 ms, a syllable.
const SMOOTHING: f32 = 0.6;
/// Levels are told apart by whole dB from `FLOOR_DBFS` to 0.
const BINS: usize = 97;

/// A detector of speech that only listens to whoever is much louder than the background.
///
/// A room full of people sounds like speech to any detector, and a caller in it would never be done
/// speaking. This takes from the verdict of another detector what is hardly louder than the
/// quietest fifth of the last six seconds. On a quiet line it changes nothing.
#[derive(Debug, Clone)]
pub struct Foreground<V> {
    vad: V,
    history: History,
    /// The energy of late, relative to full scale.
    energy: f32,
}

impl<V: Vad> Foreground<V> {
    /// Whoever is in the foreground, by the verdicts of `vad`.
    pub fn new(vad: V) -> Self {
        let windows = vad.rate_hz() as usize / vad.window().max(1);
        Self { vad, history: History::new(windows), energy: 0.0 }
    }

    /// How loud the background is, in dBFS.
    pub fn background_dbfs(&self) -> f32 {
        self.history.quantile()
    }
}

impl<V: Vad> Vad for Foreground<V> {
    fn rate_hz(&self) -> u32 {
        self.vad.rate_hz()
    }

    fn window(&self) -> usize {
        self.vad.window()
    }

    fn probability(&mut self, samples: &[i16]) -> f32 {
        let probability = self.vad.probability(samples);
        if samples.is_empty() {
            return probability;
        }
        let level = rms_dbfs(samples);
        self.history.push(level);
        self.energy = SMOOTHING * self.energy + (1.0 - SMOOTHING) * 10_f32.powf(level / 10.0);
        if !self.history.is_enough() {
            return probability;
        }
        let above = 10.0 * self.energy.log10() - self.history.quantile();
        probability * ((above - PERHAPS_DB) / (CALLER_DB - PERHAPS_DB)).clamp(0.0, 1.0)
    }

    fn reset(&mut self) {
        self.vad.reset();
        self.history.clear();
        self.energy = 0.0;
    }
}

/// The levels of the last windows, counted by whole dB.
#[derive(Debug, Clone)]
struct History {
    levels: Box<[u8]>,
    next: usize,
    filled: usize,
    least: usize,
    counts: [u16; BINS],
}

impl History {
    fn new(windows_a_second: usize) -> Self {
        let windows = windows_a_second.max(1);
        Self {
            levels: vec![0; windows * MEMORY_SECONDS].into_boxed_slice(),
            next: 0,
            filled: 0,
            least: windows * LEAST_SECONDS,
            counts: [0; BINS],
        }
    }

    fn push(&mut self, level: f32) {
        let bin = bin(level);
        if self.filled == self.levels.len() {
            self.counts[usize::from(self.levels[self.next])] -= 1;
        } else {
            self.filled += 1;
        }
        self.levels[self.next] = bin;
        self.counts[usize::from(bin)] += 1;
        self.next = (self.next + 1) % self.levels.len();
    }

    fn is_enough(&self) -> bool {
        self.filled >= self.least
    }

    fn quantile(&self) -> f32 {
        let below = self.filled as f32 * QUANTILE;
        let mut seen = 0.0;
        let mut level = FLOOR_DBFS;
        for count in self.counts {
            seen += f32::from(count);
            if seen > below {
                break;
            }
            level += 1.0;
        }
        level
    }

    fn clear(&mut self) {
        (self.next, self.filled, self.counts) = (0, 0, [0; BINS]);
    }
}

fn bin(level: f32) -> u8 {
    let above = (level - FLOOR_DBFS).clamp(0.0, (BINS - 1) as f32);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to BINS")]
    let bin = above as u8;
    bin
}
