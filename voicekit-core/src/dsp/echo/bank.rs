//! The bands into which both directions are split.

use super::{BANDS, Bands, RATE_HZ};
use crate::dsp::vectorised;

/// The middle of each band, evenly spread over what a telephone carries, as the ear hears it.
const CENTRES_HZ: [f32; BANDS] = [300.0, 450.0, 650.0, 900.0, 1_250.0, 1_700.0, 2_300.0, 3_000.0];
/// Middle over width of a band, so that neighbours touch.
const QUALITY: f32 = 2.0;

/// Band filters of second order, all at once.
///
/// Each output depends on the one before it: `y[n] = a y[n-1] + b y[n-2] + u[n]`, where
/// `u[n] = g (x[n] - x[n-2])` drives the filter. Waiting for it would take longer than all other
/// work, so the recursion is multiplied by its mirror image, which is as stable:
/// `y[n] = (a² + 2b) y[n-2] - b² y[n-4] + u[n] + a u[n-1] - b u[n-2]`. Neighbouring outputs then do
/// not wait for each other.
#[derive(Debug, Clone)]
pub(super) struct Bank {
    /// What the latest differences of samples weigh, the latest first: `g`, `ag`, `-bg`.
    drive: [Bands; 3],
    /// What the outputs two and four samples before weigh.
    near: Bands,
    far: Bands,
    /// The last samples and outputs, the latest first.
    samples: [f32; 4],
    outputs: [Bands; 4],
}

impl Bank {
    /// The band-pass of the Audio EQ Cookbook (Bristow-Johnson) with a peak of 0 dB.
    pub(super) fn new() -> Self {
        let mut bank = Self {
            drive: [[0.0; BANDS]; 3],
            near: [0.0; BANDS],
            far: [0.0; BANDS],
            samples: [0.0; 4],
            outputs: [[0.0; BANDS]; 4],
        };
        for (band, centre) in CENTRES_HZ.into_iter().enumerate() {
            let (sine, cosine) = (std::f32::consts::TAU * centre / RATE_HZ as f32).sin_cos();
            let width = sine / (2.0 * QUALITY);
            let gain = width / (1.0 + width);
            let last = 2.0 * cosine / (1.0 + width);
            let before = -(1.0 - width) / (1.0 + width);
            for (drive, weight) in bank.drive.iter_mut().zip([1.0, last, -before]) {
                drive[band] = weight * gain;
            }
            bank.near[band] = last * last + 2.0 * before;
            bank.far[band] = -before * before;
        }
        bank
    }

    pub(super) fn add_energy(&mut self, samples: &[i16], energy: &mut Bands) {
        filter(self, samples, energy);
        // Numbers too small to hear would be slow to compute with.
        const INAUDIBLE: f32 = 1e-6;
        for output in self.outputs.as_flattened_mut() {
            if output.abs() < INAUDIBLE {
                *output = 0.0;
            }
        }
    }

    pub(super) fn rest(&mut self) {
        self.samples = [0.0; 4];
        self.outputs = [[0.0; BANDS]; 4];
    }
}

vectorised! {
    filter = filter_loop(bank: &mut Bank, samples: &[i16], energy: &mut Bands)
}

#[inline(always)]
fn filter_loop(bank: &mut Bank, samples: &[i16], energy: &mut Bands) {
    let Bank { drive: [newest, middle, oldest], near, far, .. } = bank;
    let ([mut x1, mut x2, mut x3, mut x4], [mut y1, mut y2, mut y3, mut y4]) =
        (bank.samples, bank.outputs);
    let mut sum = *energy;
    for &sample in samples {
        let x0 = f32::from(sample);
        let differences = [x0 - x2, x1 - x3, x2 - x4];
        let mut y0 = [0.0; BANDS];
        for band in 0..BANDS {
            let driven = newest[band] * differences[0]
                + (middle[band] * differences[1] + oldest[band] * differences[2]);
            y0[band] = (driven + far[band] * y4[band]) + near[band] * y2[band];
            sum[band] += y0[band] * y0[band];
        }
        (x1, x2, x3, x4) = (x0, x1, x2, x3);
        (y1, y2, y3, y4) = (y0, y1, y2, y3);
    }
    (bank.samples, bank.outputs) = ([x1, x2, x3, x4], [y1, y2, y3, y4]);
    *energy = sum;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By the plain recursion, in double precision.
    fn energy_by_the_book(samples: &[i16]) -> [f64; BANDS] {
        CENTRES_HZ.map(|centre| {
            let (sine, cosine) = (std::f64::consts::TAU * f64::from(centre) / 8_000.0).sin_cos();
            let alpha = sine / (2.0 * f64::from(QUALITY));
            let (mut x, mut y, mut sum) = ([0.0; 2], [0.0; 2], 0.0);
            for &sample in samples {
                let sample = f64::from(sample);
                let output = (alpha * (sample - x[1]) + 2.0 * cosine * y[0] - (1.0 - alpha) * y[1])
                    / (1.0 + alpha);
                (x, y) = ([sample, x[0]], [output, y[0]]);
                sum += output * output;
            }
            sum
        })
    }

    #[test]
    fn the_energy_is_that_of_the_cookbooks_filter_however_samples_are_split() {
        let samples: Vec<i16> = (0..4_000_i32)
            .map(|at| {
                i16::try_from(at * at % 20_011 - 10_005).unwrap()
                    / 3_i16.pow(u32::try_from(at / 1_000).unwrap())
            })
            .collect();
        let (mut bank, mut energy) = (Bank::new(), [0.0; BANDS]);
        for part in samples.chunks(37) {
            bank.add_energy(part, &mut energy);
        }
        for (energy, wanted) in energy.into_iter().zip(energy_by_the_book(&samples)) {
            assert!((f64::from(energy) / wanted - 1.0).abs() < 1e-3, "{energy}, not {wanted}");
        }
    }

    #[test]
    fn what_is_compiled_for_this_machine_gives_the_same_bits() {
        let samples: Vec<i16> = (0..400_i16).map(|at| at.wrapping_mul(7_919)).collect();
        let (mut here, mut anywhere) = (Bank::new(), Bank::new());
        let mut energies = [[0.0; BANDS]; 2];
        filter(&mut here, &samples, &mut energies[0]);
        filter_loop(&mut anywhere, &samples, &mut energies[1]);
        assert_eq!(energies[0].map(f32::to_bits), energies[1].map(f32::to_bits));
    }
}
