//! The bands into which both directions are split.

use super::{BANDS, Bands, RATE_HZ};

/// The middle of each band, evenly spread over what a telephone carries, as the ear hears it.
const CENTRES_HZ: [f32; BANDS] = [300.0, 450.0, 650.0, 900.0, 1_250.0, 1_700.0, 2_300.0, 3_000.0];
/// Middle over width of a band, so that neighbours touch.
const QUALITY: f32 = 2.0;

/// Band filters of second order, all at once.
#[derive(Debug, Clone)]
pub(super) struct Bank {
    input: Bands,
    last: Bands,
    before: Bands,
    states: [Bands; 2],
}

impl Bank {
    /// The band-pass of the Audio EQ Cookbook (Bristow-Johnson) with a peak of 0 dB.
    pub(super) fn new() -> Self {
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

    pub(super) fn add_energy(&mut self, samples: &[i16], energy: &mut Bands) {
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

    pub(super) fn rest(&mut self) {
        self.states = [[0.0; BANDS]; 2];
    }
}
