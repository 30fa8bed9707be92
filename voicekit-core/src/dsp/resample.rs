//! Streaming change of the sample rate with little delay.
//!
//! [`Resampler`] is a polyphase FIR low-pass of 32 periods of the lower of the two rates. Its delay
//! is therefore 16 of those periods: 2 ms at 8 kHz, 1 ms at 16 kHz. Figures below are in terms of the
//! lower rate's Nyquist frequency (half that rate), held by the tests for all telephone and studio
//! rates; `cargo run --release -p voicekit-benches --bin figures` prints them for every pair:
//!
//! | figure | value |
//! |---|---|
//! | ripple up to 0.85 Nyquist (3.4 kHz on the phone) | at most 0.03 dB |
//! | images of tones up to 0.85 Nyquist, aliases of tones from 1.15 Nyquist | at most -78 dB |
//!
//! # Counts
//!
//! Nothing is held back: after `n` samples in, counted from construction or
//! [`reset`](Resampler::reset), exactly `ceil(n * to_hz / from_hz)` samples have come out, however the
//! input was split, and their values do not depend on the split. [`flush`](Resampler::flush) adds
//! exactly [`delay_samples`](Resampler::delay_samples). Dropping that many samples at the start
//! aligns the output with the input.
//!
//! ```
//! use voicekit_core::dsp::resample::Resampler;
//!
//! let mut resampler = Resampler::new(24_000, 8_000)?;
//! let mut phone = Vec::new();
//! resampler.process(&[0; 480], &mut phone);
//! assert_eq!(phone.len(), 160);
//! # Ok::<(), voicekit_core::dsp::resample::UnsupportedRates>(())
//! ```

use std::f64::consts::PI;
use std::time::Duration;

use super::kernels::{self, LANES, Step};

/// Length of the filter in periods of the lower rate: the most that keeps the delay at 8 kHz
/// within 2 ms.
const SPAN: usize = 32;
/// Shape of the Kaiser window. With 32 periods, 0.98 and 7.47 give a ripple of 0.029 dB and a stop
/// band of -78.5 dB; a higher cutoff or a lower shape lets aliases through, the opposites droop.
const KAISER_BETA: f64 = 7.47;
/// Cutoff (half amplitude) in units of the lower rate's Nyquist frequency; see [`KAISER_BETA`].
const CUTOFF: f64 = 0.98;
/// The largest term of a reduced ratio. 44.1 to 8 kHz needs 441; the coefficients of this bound
/// take 128 KiB.
const MAX_TERM: usize = 1024;
/// Rates a voice may have, telephone to studio.
const RATES_HZ: std::ops::RangeInclusive<u32> = 4_000..=192_000;
/// Samples filtered at once; bounds the buffer, not the input.
const BLOCK: usize = 512;
/// The largest term of a ratio whose outputs are computed side by side: 8, 16, 24, 32 and 48 kHz
/// among each other have none above 6.
const SMALL_TERM: usize = 6;

/// The two rates are out of range, or their ratio is not one of small whole numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "cannot resample {from_hz} Hz to {to_hz} Hz: rates must be 4000 to 192000 Hz and their ratio \
     one of whole numbers up to 1024"
)]
pub struct UnsupportedRates {
    from_hz: u32,
    to_hz: u32,
}

/// A stream of samples at one rate turned into one at another; see the [module](self).
///
/// Allocates only in [`new`](Self::new), and in the vectors of the caller where they are too short.
#[derive(Debug, Clone)]
pub struct Resampler {
    from_hz: u32,
    to_hz: u32,
    /// Output samples for every `down` input samples, in lowest terms.
    up: usize,
    down: usize,
    /// `taps` coefficients for each of `up` phases, in the order of the samples they weigh. Where
    /// outputs are computed one by one, the phases are in the order in which these have them, so that
    /// the table is read from one end to the other and the machine can fetch ahead.
    phases: Vec<f32>,
    taps: usize,
    /// The last `taps - 1` samples, then room for a block.
    window: Vec<f32>,
    /// The window dealt out to `down` rows, so that samples `down` apart are neighbours.
    rows: Vec<f32>,
    /// Where the next output lies: the input sample in the coming block, and the phase after it.
    next: usize,
    phase: usize,
    /// The phase's place in the table, where it is not in the order of the phases.
    row: usize,
    /// Whether anything came in that a flush must bring out.
    fed: bool,
}

impl Resampler {
    /// A resampler from one rate to another, both in Hz. Equal rates pass through without delay.
    ///
    /// # Errors
    ///
    /// If a rate is outside 4000 to 192000 Hz, or the ratio in lowest terms has a number above 1024.
    pub fn new(from_hz: u32, to_hz: u32) -> Result<Self, UnsupportedRates> {
        let unsupported = UnsupportedRates { from_hz, to_hz };
        if !RATES_HZ.contains(&from_hz) || !RATES_HZ.contains(&to_hz) {
            return Err(unsupported);
        }
        let divisor = gcd(from_hz, to_hz);
        let term = |rate_hz: u32| usize::try_from(rate_hz / divisor).map_err(|_| unsupported);
        let (up, down) = (term(to_hz)?, term(from_hz)?);
        if up.max(down) > MAX_TERM {
            return Err(unsupported);
        }
        let is_small = up.max(down) <= SMALL_TERM;
        let (phases, taps) = polyphase(up, down, if is_small { 1 } else { LANES });
        let phases = if is_small { phases } else { in_turn(&phases, taps, down) };
        let window = vec![0.0; taps - 1 + BLOCK];
        let rows = vec![0.0; if is_small { down * row_len(window.len(), down) } else { 0 }];
        let (next, phase, row, fed) = (0, 0, 0, false);
        Ok(Self { from_hz, to_hz, up, down, phases, taps, window, rows, next, phase, row, fed })
    }

    /// The rate of the input in Hz.
    #[must_use]
    pub fn from_hz(&self) -> u32 {
        self.from_hz
    }

    /// The rate of the output in Hz.
    #[must_use]
    pub fn to_hz(&self) -> u32 {
        self.to_hz
    }

    /// By how much the output lags behind the input: 16 periods of the lower rate.
    #[must_use]
    pub fn delay(&self) -> Duration {
        if self.is_identity() {
            return Duration::ZERO;
        }
        Duration::from_secs(SPAN as u64 / 2) / self.from_hz.min(self.to_hz)
    }

    /// The [`delay`](Self::delay) in samples of the output, rounded up.
    #[must_use]
    pub fn delay_samples(&self) -> usize {
        if self.is_identity() {
            return 0;
        }
        (SPAN / 2 * self.up.max(self.down)).div_ceil(self.down)
    }

    /// How many samples the next `input` samples will bring out.
    #[must_use]
    pub fn output_len(&self, input: usize) -> usize {
        let position = self.next * self.up + self.phase;
        (input * self.up).saturating_sub(position).div_ceil(self.down)
    }

    /// Takes in samples and appends what they bring out.
    ///
    /// Values that overshoot 16 bits are clipped.
    pub fn process(&mut self, samples: &[i16], output: &mut Vec<i16>) {
        if self.is_identity() {
            output.extend_from_slice(samples);
            return;
        }
        output.reserve(self.output_len(samples.len()));
        for block in samples.chunks(BLOCK) {
            let start = self.taps - 1;
            kernels::widen(block, &mut self.window[start..]);
            self.filter(block.len(), |values| kernels::append_rounded(values, output));
        }
    }

    /// Like [`process`](Self::process) for floating-point samples of any scale, which never clip.
    pub fn process_f32(&mut self, samples: &[f32], output: &mut Vec<f32>) {
        if self.is_identity() {
            output.extend_from_slice(samples);
            return;
        }
        output.reserve(self.output_len(samples.len()));
        for block in samples.chunks(BLOCK) {
            let start = self.taps - 1;
            self.window[start..start + block.len()].copy_from_slice(block);
            self.filter(block.len(), |values| output.extend_from_slice(values));
        }
    }

    /// Appends what the delay still holds, as if silence followed, and [resets](Self::reset).
    ///
    /// That is [`delay_samples`](Self::delay_samples) samples, or none if none came in.
    pub fn flush(&mut self, output: &mut Vec<i16>) {
        self.drain(|values| kernels::append_rounded(values, output));
    }

    /// Like [`flush`](Self::flush) for floating-point samples.
    pub fn flush_f32(&mut self, output: &mut Vec<f32>) {
        self.drain(|values| output.extend_from_slice(values));
    }

    /// Forgets all samples: the next one is the first of a new stream.
    pub fn reset(&mut self) {
        self.window.fill(0.0);
        self.next = 0;
        self.phase = 0;
        self.row = 0;
        self.fed = false;
    }

    fn is_identity(&self) -> bool {
        self.up == self.down
    }

    fn drain(&mut self, mut output: impl FnMut(&[f32])) {
        let mut wanted = if self.fed { self.delay_samples() } else { 0 };
        while wanted > 0 {
            let start = self.taps - 1;
            self.window[start..].fill(0.0);
            self.filter(BLOCK, |values| {
                let some = &values[..values.len().min(wanted)];
                output(some);
                wanted -= some.len();
            });
        }
        self.reset();
    }

    /// Brings out all that a block of `len` samples, placed at the end of the window, makes known.
    fn filter(&mut self, len: usize, output: impl FnMut(&[f32])) {
        if self.rows.is_empty() {
            self.filter_one_by_one(len, output);
        } else {
            self.filter_side_by_side(len, output);
        }
        self.next -= len;
        self.window.copy_within(len..len + self.taps - 1, 0);
        self.fed |= len > 0;
    }

    fn filter_one_by_one(&mut self, len: usize, mut output: impl FnMut(&[f32])) {
        let mut values = [0.0; LANES];
        while self.next < len {
            let samples = &self.window[..len + self.taps - 1];
            let step = Step::new(self.next, self.phase, self.row, self.up, self.down);
            let (known, reached) =
                kernels::slide(&self.phases, self.taps, samples, step, &mut values);
            output(&values[..known]);
            (self.next, self.phase, self.row) = (reached.next, reached.phase, reached.row);
        }
    }

    /// Computes outputs of the same phase together: they share coefficients, and each lane of a
    /// vector register sums one of them.
    fn filter_side_by_side(&mut self, len: usize, mut output: impl FnMut(&[f32])) {
        self.deal();
        let mut left = self.output_len(len);
        let mut values = [0.0; LANES * SMALL_TERM];
        while left > 0 {
            for turn in 0..self.up {
                let (start, phase) = self.position(turn);
                for (round, value) in self.weigh(start, phase).into_iter().enumerate() {
                    values[round * self.up + turn] = value;
                }
            }
            let known = left.min(LANES * self.up);
            output(&values[..known]);
            (self.next, self.phase) = self.position(known);
            left -= known;
        }
    }

    /// Where the output lies that comes `outputs` after the next one.
    fn position(&self, outputs: usize) -> (usize, usize) {
        let position = self.phase + outputs * self.down;
        (self.next + position / self.up, position % self.up)
    }

    fn coefficients(&self, phase: usize) -> &[f32] {
        &self.phases[phase * self.taps..(phase + 1) * self.taps]
    }

    fn deal(&mut self) {
        let len = row_len(self.window.len(), self.down);
        match self.down {
            1 => self.rows[..self.window.len()].copy_from_slice(&self.window),
            2 => kernels::deal::<2>(&self.window, &mut self.rows, len),
            3 => kernels::deal::<3>(&self.window, &mut self.rows, len),
            4 => kernels::deal::<4>(&self.window, &mut self.rows, len),
            5 => kernels::deal::<5>(&self.window, &mut self.rows, len),
            _ => kernels::deal::<SMALL_TERM>(&self.window, &mut self.rows, len),
        }
    }

    /// The outputs of one phase whose samples begin at `start`, `start + down` and so on. Lanes
    /// beyond the samples in the window hold nothing of use.
    fn weigh(&self, start: usize, phase: usize) -> [f32; LANES] {
        let len = row_len(self.window.len(), self.down);
        kernels::weigh(self.coefficients(phase), &self.rows, len, self.down, start)
    }
}

/// The length of each row that `window` samples are dealt out to: a read of all lanes may begin at
/// any of them.
fn row_len(window: usize, rows: usize) -> usize {
    window.div_ceil(rows) + LANES
}

/// The coefficients by phase, and how many there are in each, a multiple of `group`.
fn polyphase(up: usize, down: usize, group: usize) -> (Vec<f32>, usize) {
    let half = SPAN / 2 * up.max(down);
    let prototype = prototype(half, up, up.max(down));
    let taps = (2 * half).div_ceil(up).next_multiple_of(group);
    let mut phases = vec![0.0; up * taps];
    for (index, &coefficient) in prototype.iter().enumerate() {
        let (age, phase) = (index / up, index % up);
        // The last coefficient is zero and would be one tap too far in the first phase.
        if age < taps {
            phases[phase * taps + taps - 1 - age] = coefficient;
        }
    }
    (phases, taps)
}

/// The phases in the order in which outputs have them.
fn in_turn(phases: &[f32], taps: usize, down: usize) -> Vec<f32> {
    let up = phases.len() / taps;
    let turns = (0..up).map(|turn| turn * down % up * taps);
    turns.flat_map(|start| phases[start..start + taps].iter().copied()).collect()
}

/// A windowed sinc of `2 * half + 1` coefficients whose ends are zero, with unit gain for each of
/// `up` phases; `period` is the lower rate's period in samples of the filter.
fn prototype(half: usize, up: usize, period: usize) -> Vec<f32> {
    let shape = |index: usize| {
        let offset = index as f64 - half as f64;
        let edge = offset / half as f64;
        if edge.abs() >= 1.0 {
            return 0.0;
        }
        let window = bessel_i0(KAISER_BETA * (1.0 - edge * edge).sqrt());
        window * sinc(CUTOFF * offset / period as f64)
    };
    let shapes: Vec<f64> = (0..=2 * half).map(shape).collect();
    let gain = up as f64 / shapes.iter().sum::<f64>();
    #[expect(clippy::cast_possible_truncation, reason = "24 bits exceed the stop band's 13")]
    shapes.into_iter().map(|value| (value * gain) as f32).collect()
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 { 1.0 } else { (PI * x).sin() / (PI * x) }
}

/// The modified Bessel function of the first kind and order zero, by its power series.
fn bessel_i0(x: f64) -> f64 {
    let (mut sum, mut term, mut order) = (1.0, 1.0, 1.0);
    while term > sum * 1e-16 {
        term *= (x / 2.0 / order).powi(2);
        sum += term;
        order += 1.0;
    }
    sum
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}
