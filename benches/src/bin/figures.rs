//! The figures in the resampler's documentation, as a table: delay, ripple, and the loudest image or
//! alias for every pair of the usual rates.
//!
//! They are measured with tones of full scale in single precision, as the tests measure them: for
//! ripple and images up to 0.85 of the lower rate's Nyquist frequency, for aliases from 1.15 on.
#![expect(clippy::print_stdout, reason = "a command-line tool")]

use std::f64::consts::TAU;

use anyhow::Result;
use voicekit_core::dsp::resample::Resampler;

const RATES_HZ: [u32; 6] = [8_000, 16_000, 22_050, 24_000, 44_100, 48_000];
/// Tones up to 0.85 Nyquist, 0.05 Nyquist apart.
const TONES: u32 = 17;
const TONE_STEP: f64 = 0.05;
/// Tones from here to the higher rate's Nyquist frequency.
const STOP: f64 = 1.15;
const STOP_TONES: u32 = 20;
/// Nearer to a tone than this, an image cannot be told from it.
const NEAR_HZ: f64 = 200.0;

fn main() -> Result<()> {
    println!("| from, Hz | to, Hz | delay, ms | ripple, dB | images, dB | aliases, dB |");
    println!("|---:|---:|---:|---:|---:|---:|");
    for from in RATES_HZ {
        for to in RATES_HZ.into_iter().filter(|to| *to != from) {
            println!("{}", row(Pair { from, to })?);
        }
    }
    Ok(())
}

fn row(pair: Pair) -> Result<String> {
    let Pair { from, to } = pair;
    let delay = Resampler::new(from, to)?.delay().as_secs_f64() * 1_000.0;
    let (ripple, images, aliases) =
        (pair.ripple()?, loudest(pair.images()?), loudest(pair.aliases()?));
    Ok(format!("| {from} | {to} | {delay:.3} | {ripple:.4} | {images} | {aliases} |"))
}

/// In dB; nothing where there are none.
fn loudest(levels: Vec<f64>) -> String {
    levels.into_iter().reduce(f64::max).map_or_else(String::new, |level| format!("{level:.1}"))
}

#[derive(Clone, Copy)]
struct Pair {
    from: u32,
    to: u32,
}

impl Pair {
    /// Of the lower rate.
    fn nyquist(self) -> f64 {
        f64::from(self.from.min(self.to)) / 2.0
    }

    fn tones(self) -> impl Iterator<Item = f64> {
        (1..=TONES).map(move |step| TONE_STEP * f64::from(step) * self.nyquist())
    }

    /// The largest gain or loss.
    fn ripple(self) -> Result<f64> {
        let mut worst = 0.0_f64;
        for tone in self.tones() {
            worst = worst.max(level(&self.converted(tone)?, self.to, tone).abs());
        }
        Ok(worst)
    }

    /// The levels of what stands around the first two multiples of the rate, of tones that go up.
    fn images(self) -> Result<Vec<f64>> {
        let mut levels = Vec::new();
        for tone in self.tones().filter(|_| self.from < self.to) {
            let out = self.converted(tone)?;
            let around = [1, 2].map(|order| f64::from(self.from * order));
            let images = around.into_iter().flat_map(|middle| [middle - tone, middle + tone]);
            let images = images.map(|image| folded(image, self.to));
            let apart = images.filter(|image| (image - tone).abs() >= NEAR_HZ);
            levels.extend(apart.map(|image| level(&out, self.to, image)));
        }
        Ok(levels)
    }

    /// The levels at which tones come back that the lower rate cannot hold.
    fn aliases(self) -> Result<Vec<f64>> {
        let (first, top) = (STOP * self.nyquist(), f64::from(self.from) / 2.0);
        let mut levels = Vec::new();
        for step in (0..STOP_TONES).filter(|_| first < top) {
            let tone = first + (top - first) * f64::from(step) / f64::from(STOP_TONES);
            levels.push(level(&self.converted(tone)?, self.to, folded(tone, self.to)));
        }
        Ok(levels)
    }

    /// A tone of full scale after conversion, without its start.
    fn converted(self, tone_hz: f64) -> Result<Vec<f32>> {
        let mut resampler = Resampler::new(self.from, self.to)?;
        let mut out = Vec::new();
        resampler.process_f32(&sine(self.from, tone_hz), &mut out);
        Ok(out.split_off(2 * resampler.delay_samples()))
    }
}

/// An eighth of a second.
fn sine(rate_hz: u32, tone_hz: f64) -> Vec<f32> {
    let angle = |n: u32| TAU * tone_hz * f64::from(n) / f64::from(rate_hz);
    #[expect(clippy::cast_possible_truncation, reason = "24 bits are enough")]
    (0..rate_hz / 8).map(|n| angle(n).sin() as f32).collect()
}

/// Where a tone shows up at a rate.
fn folded(tone_hz: f64, rate_hz: u32) -> f64 {
    let rate = f64::from(rate_hz);
    let within = tone_hz.rem_euclid(rate);
    within.min(rate - within)
}

/// The level of one tone in dB, through a Blackman-Harris window whose side lobes are below -92 dB.
fn level(samples: &[f32], rate_hz: u32, tone_hz: f64) -> f64 {
    let (mut re, mut im, mut total) = (0.0, 0.0, 0.0);
    for (n, &sample) in samples.iter().enumerate() {
        let t = TAU * n as f64 / samples.len() as f64;
        let window =
            0.358_75 - 0.488_29 * t.cos() + 0.141_28 * (2.0 * t).cos() - 0.011_68 * (3.0 * t).cos();
        let angle = TAU * tone_hz * n as f64 / f64::from(rate_hz);
        re += window * f64::from(sample) * angle.cos();
        im += window * f64::from(sample) * angle.sin();
        total += window;
    }
    20.0 * (2.0 * f64::hypot(re, im) / total).max(1e-9).log10()
}
