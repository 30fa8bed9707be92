//! Voice activity by loudness over an adaptive noise floor.

use std::f32::consts::TAU;
use std::time::Duration;

use super::Vad;
use crate::dsp::level::FLOOR_DBFS;
use crate::error::{Error, ErrorKind, Result};

/// Where the noise floor starts: louder than the noise of most lines (it falls at once), quieter
/// than a caller who speaks first.
const START_DBFS: f32 = -40.0;
/// The lowest noise floor. The idle noise of mu-law lies about here; a voice is 20 dB louder.
const LOWEST_DBFS: f32 = -60.0;
/// Below this nothing was sent at all: the window says nothing about the noise of the line.
const DIGITAL_SILENCE_DBFS: f32 = -80.0;
/// How fast the floor sinks while nothing is sent, in dB a second. A lost packet hardly moves it.
const SINK_DB_PER_SECOND: f32 = 10.0;
/// How fast the floor may rise, in dB a second.
const RISE_DB_PER_SECOND: f32 = 6.0;
/// The floor is the minimum of this many blocks: three seconds, which hold a pause for breath or
/// at least a gap between words.
const BLOCKS: usize = 6;
const BLOCK: Duration = Duration::from_millis(500);
/// The loudness over the floor at which speech is as likely as not. The minimum lies about 3 dB
/// below the mean of noise and single windows up to 3 dB above it.
const EVEN_DB: f32 = 8.0;
/// How much more makes speech e times as likely.
const SLOPE_DB: f32 = 1.5;

/// The frequencies of ITU-T Q.23: those of the rows of keys, then those of the columns.
const DTMF_HZ: [f32; TONES] = [697.0, 770.0, 852.0, 941.0, 1_209.0, 1_336.0, 1_477.0, 1_633.0];
const TONES: usize = 8;
const ROWS: usize = 4;
/// The share of a window's energy that one row and one column must hold to be a key.
const DTMF_SHARE: f32 = 0.65;
/// The same, right after a key: its end fills only part of a window.
const DTMF_TAIL_SHARE: f32 = 0.4;
/// How unequal row and column may be: 10 dB, above the 8 dB that ITU-T Q.24 lists.
const DTMF_TWIST: f32 = 10.0;

/// A detector of speech that needs no model: it compares the loudness of a window with the
/// quietest moments of the last three seconds.
///
/// Steady noise stops counting as speech three seconds after it starts, plus a second for every
/// 6 dB by which it is louder than before; keys pressed on the phone do not count. It cannot tell a
/// voice from other sounds that come and go: music, or other people in the room.
#[derive(Debug, Clone)]
pub struct EnergyVad {
    rate_hz: u32,
    window: usize,
    seconds: f32,
    floor: Floor,
    /// What Goertzel's recursion needs of the tones of keys.
    coefficients: [f32; TONES],
    in_key: bool,
}

impl EnergyVad {
    /// A detector for audio at 8,000 or 16,000 Hz in windows of 20 or 32 ms.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] for other rates and windows.
    pub fn new(rate_hz: u32, window: Duration) -> Result<Self> {
        let millis = match (rate_hz, window.as_micros()) {
            (8_000 | 16_000, 20_000) => 20_u16,
            (8_000 | 16_000, 32_000) => 32,
            _ => {
                let message = format!(
                    "{window:?} at {rate_hz} Hz: windows must be 20 or 32 ms, at 8000 or 16000 Hz"
                );
                return Err(Error::new(ErrorKind::Config, "energy-vad", message));
            }
        };
        let samples_per_milli = if rate_hz == 8_000 { 8 } else { 16 };
        Ok(Self {
            rate_hz,
            window: usize::from(millis) * samples_per_milli,
            seconds: f32::from(millis) / 1_000.0,
            floor: Floor::default(),
            coefficients: DTMF_HZ.map(|hz| 2.0 * (TAU * hz / rate_hz as f32).cos()),
            in_key: false,
        })
    }

    /// The loudness that is taken for the noise of the line, in dBFS.
    pub fn noise_floor_dbfs(&self) -> f32 {
        self.floor.level
    }

    /// Whether the window is a key of the phone.
    fn is_key(&self, samples: &[i16], mean: f32, energy: f32) -> bool {
        let tones = tone_energies(&self.coefficients, samples, mean);
        let (rows, columns) = tones.split_at(ROWS);
        let strongest = |tones: &[f32]| tones.iter().copied().fold(0.0, f32::max);
        let (row, column) = (strongest(rows), strongest(columns));
        let share = if self.in_key { DTMF_TAIL_SHARE } else { DTMF_SHARE };
        row + column > share * energy && row < column * DTMF_TWIST && column < row * DTMF_TWIST
    }
}

/// The mean energy of each tone, by Goertzel's recursion for all at once.
fn tone_energies(coefficients: &[f32; TONES], samples: &[i16], mean: f32) -> [f32; TONES] {
    let (mut last, mut before) = ([0.0; TONES], [0.0; TONES]);
    for &sample in samples {
        let sample = f32::from(sample) - mean;
        let mut next = [0.0; TONES];
        for tone in 0..TONES {
            next[tone] = sample - before[tone] + coefficients[tone] * last[tone];
        }
        (last, before) = (next, last);
    }
    let scale = 2.0 / (samples.len() as f32).powi(2);
    std::array::from_fn(|tone| {
        let [last, before] = [last[tone], before[tone]];
        scale * (last * last + before * before - coefficients[tone] * last * before)
    })
}

impl Vad for EnergyVad {
    fn rate_hz(&self) -> u32 {
        self.rate_hz
    }

    fn window(&self) -> usize {
        self.window
    }

    fn probability(&mut self, samples: &[i16]) -> f32 {
        if samples.is_empty() {
            return 0.0;
        }
        let (mean, energy) = mean_and_variance(samples);
        let level = dbfs(energy);
        if level < DIGITAL_SILENCE_DBFS {
            self.floor.sink(self.seconds);
            self.in_key = false;
            return 0.0;
        }
        self.in_key = self.is_key(samples, mean, energy);
        if self.in_key {
            return 0.0;
        }
        self.floor.follow(level, self.seconds);
        1.0 / (1.0 + ((EVEN_DB - (level - self.floor.level)) / SLOPE_DB).exp())
    }

    fn reset(&mut self) {
        self.floor = Floor::default();
        self.in_key = false;
    }
}

/// The noise of the line: the quietest level of the last blocks, risen to slowly.
#[derive(Debug, Clone)]
struct Floor {
    level: f32,
    /// Two windows averaged, so that one quiet window is not yet a floor.
    smooth: Option<f32>,
    minima: [f32; BLOCKS],
    block: usize,
    in_block: f32,
}

impl Default for Floor {
    fn default() -> Self {
        let minima = [START_DBFS; BLOCKS];
        Self { level: START_DBFS, smooth: None, minima, block: 0, in_block: 0.0 }
    }
}

impl Floor {
    /// Takes in the level of a window that lasted `seconds`.
    fn follow(&mut self, level: f32, seconds: f32) {
        let smooth = self.smooth.map_or(level, |smooth| (smooth + level) / 2.0);
        self.smooth = Some(smooth);
        self.in_block += seconds;
        if self.in_block >= BLOCK.as_secs_f32() {
            self.in_block = 0.0;
            self.block = (self.block + 1) % BLOCKS;
            self.minima[self.block] = smooth;
        }
        self.minima[self.block] = self.minima[self.block].min(smooth);
        let quietest = self.minima.into_iter().fold(f32::MAX, f32::min);
        self.set(quietest.min(self.level + RISE_DB_PER_SECOND * seconds));
    }

    fn sink(&mut self, seconds: f32) {
        self.smooth = None;
        self.set(self.level - SINK_DB_PER_SECOND * seconds);
        self.minima = self.minima.map(|minimum| minimum.min(self.level));
    }

    fn set(&mut self, level: f32) {
        self.level = level.max(LOWEST_DBFS);
    }
}

/// The mean, and the mean energy around it: a constant offset is not sound.
fn mean_and_variance(samples: &[i16]) -> (f32, f32) {
    let count = samples.len() as f32;
    let mean = samples.iter().map(|&sample| f32::from(sample)).sum::<f32>() / count;
    let energy = samples.iter().map(|&sample| (f32::from(sample) - mean).powi(2)).sum::<f32>();
    (mean, energy / count)
}

fn dbfs(energy: f32) -> f32 {
    (10.0 * (energy / (32_768.0 * 32_768.0)).log10()).max(FLOOR_DBFS)
}
