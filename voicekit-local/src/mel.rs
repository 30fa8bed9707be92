//! The spectrogram that Whisper and models made from it listen to.
//!
//! Samples at 16 kHz become one row each 10 ms: the energy in 80 bands of the mel scale, as
//! base-10 logarithms within 8 decades of the loudest, moved to about -1..1. Windows are 25 ms long
//! (400 samples, Hann) and centred on the row's time; the start of the audio is mirrored for the
//! first. Bands are the triangles of Slaney's Auditory Toolbox, 0 to 8 kHz, of equal area.
//! Source: openai/whisper, `audio.py`; librosa, `filters.mel`.

use std::f32::consts::TAU;
use std::sync::Arc;

use realfft::num_complex::Complex32;
use realfft::{RealFftPlanner, RealToComplex};

use voicekit_core::dsp::resample::Resampler;
use voicekit_core::error::{Error, ErrorKind, Result};

/// Samples a second.
pub(crate) const RATE_HZ: u32 = 16_000;
pub(crate) const PHONE_RATE_HZ: u32 = 8_000;
pub(crate) const BANDS: usize = 80;
const WINDOW: usize = 400;
/// Samples from one row to the next.
pub(crate) const HOP: usize = 160;
const BINS: usize = WINDOW / 2 + 1;

pub(crate) struct Spectrogram {
    window: Vec<f32>,
    bands: Vec<Band>,
    transform: Arc<dyn RealToComplex<f32>>,
}

/// A triangle over neighbouring frequency bins.
#[derive(Debug)]
struct Band {
    first: usize,
    weights: Vec<f32>,
}

impl Spectrogram {
    pub(crate) fn new() -> Self {
        let hann = |index| 0.5 - 0.5 * (TAU * index as f32 / WINDOW as f32).cos();
        Self {
            window: (0..WINDOW).map(hann).collect(),
            bands: (0..BANDS).map(band).collect(),
            transform: RealFftPlanner::new().plan_fft_forward(WINDOW),
        }
    }

    /// Rows of [`BANDS`] for `samples` in -1..1, followed by silence up to `rows`.
    pub(crate) fn of(&self, samples: &[f32], rows: usize) -> Vec<f32> {
        let mirrored = (1..=WINDOW / 2).rev().map(|index| samples.get(index).copied());
        let mut padded: Vec<f32> = mirrored.map(Option::unwrap_or_default).collect();
        padded.extend_from_slice(samples);
        padded.resize(rows * HOP + WINDOW, 0.0);

        let mut frame = vec![0.0; WINDOW];
        let mut bins = vec![Complex32::default(); BINS];
        let mut scratch = self.transform.make_scratch_vec();
        let mut powers = vec![0.0; BINS];
        let mut spectrogram = Vec::with_capacity(rows * BANDS);
        for row in 0..rows {
            let samples = &padded[row * HOP..row * HOP + WINDOW];
            for (frame, (sample, weight)) in frame.iter_mut().zip(samples.iter().zip(&self.window))
            {
                *frame = sample * weight;
            }
            let transformed =
                self.transform.process_with_scratch(&mut frame, &mut bins, &mut scratch);
            debug_assert!(transformed.is_ok(), "all buffers have the transform's lengths");
            for (power, bin) in powers.iter_mut().zip(&bins) {
                *power = bin.norm_sqr();
            }
            spectrogram.extend(self.bands.iter().map(|band| band.energy(&powers)));
        }
        compress(&mut spectrogram);
        spectrogram
    }
}

/// Samples at 16 kHz in -1..1, for `service`.
pub(crate) fn wide_band(samples: &[i16], rate_hz: u32, service: &'static str) -> Result<Vec<f32>> {
    if rate_hz != RATE_HZ && rate_hz != PHONE_RATE_HZ {
        let message = format!("audio at {rate_hz} Hz; it takes {PHONE_RATE_HZ} and {RATE_HZ}");
        return Err(Error::new(ErrorKind::Unsupported, service, message));
    }
    let mut resampler = Resampler::new(rate_hz, RATE_HZ).map_err(|error| {
        Error::new(ErrorKind::Internal, service, "cannot resample").with_source(error)
    })?;
    let narrow: Vec<f32> = samples.iter().map(|&sample| f32::from(sample) / 32_768.0).collect();
    let mut wide = Vec::new();
    resampler.process_f32(&narrow, &mut wide);
    resampler.flush_f32(&mut wide);
    Ok(wide)
}

impl Band {
    fn energy(&self, powers: &[f32]) -> f32 {
        self.weights.iter().zip(&powers[self.first..]).map(|(weight, power)| weight * power).sum()
    }
}

/// Energies to logarithms, in place.
fn compress(spectrogram: &mut [f32]) {
    const QUIETEST: f32 = 1e-10;
    const DECADES: f32 = 8.0;
    for energy in &mut *spectrogram {
        *energy = energy.max(QUIETEST).log10();
    }
    let loudest = spectrogram.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    for energy in spectrogram {
        *energy = (energy.max(loudest - DECADES) + 4.0) / 4.0;
    }
}

fn band(index: usize) -> Band {
    let top = mel_of(f64::from(RATE_HZ) / 2.0);
    let corner = |corner: usize| hertz_of(top * corner as f64 / (BANDS + 1) as f64);
    let (low, centre, high) = (corner(index), corner(index + 1), corner(index + 2));
    let area = 2.0 / (high - low);
    let weight = |bin: usize| {
        let hertz = bin as f64 * f64::from(RATE_HZ) / WINDOW as f64;
        let slope = ((hertz - low) / (centre - low)).min((high - hertz) / (high - centre));
        single(slope.max(0.0) * area)
    };
    let first = (0..BINS).find(|&bin| weight(bin) > 0.0).unwrap_or(0);
    let weights = (first..BINS).map(weight).take_while(|&weight| weight > 0.0).collect();
    Band { first, weights }
}

/// Slaney's mel scale: linear below 1 kHz, logarithmic above.
const LINEAR_HERTZ_PER_MEL: f64 = 200.0 / 3.0;
const LOG_FROM_HERTZ: f64 = 1_000.0;
const LOG_FROM_MEL: f64 = LOG_FROM_HERTZ / LINEAR_HERTZ_PER_MEL;

/// Growth of the frequency from one mel to the next, as a logarithm: 27 mels to 6.4 times.
fn log_step() -> f64 {
    6.4_f64.ln() / 27.0
}

fn mel_of(hertz: f64) -> f64 {
    if hertz < LOG_FROM_HERTZ {
        return hertz / LINEAR_HERTZ_PER_MEL;
    }
    LOG_FROM_MEL + (hertz / LOG_FROM_HERTZ).ln() / log_step()
}

fn hertz_of(mel: f64) -> f64 {
    if mel < LOG_FROM_MEL {
        return mel * LINEAR_HERTZ_PER_MEL;
    }
    LOG_FROM_HERTZ * (log_step() * (mel - LOG_FROM_MEL)).exp()
}

#[expect(clippy::cast_possible_truncation, reason = "single precision is what the model takes")]
fn single(value: f64) -> f32 {
    value as f32
}

impl std::fmt::Debug for Spectrogram {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Spectrogram").field("bands", &self.bands.len()).finish_non_exhaustive()
    }
}
