//! Silero's network in single precision, written as plainly as can be: what the product's own is
//! held against, in accuracy (`vad --score`) and in time (`cargo bench --bench vad`).
//!
//! The shapes are those of silero-vad 6.2.3, `silero_vad.onnx`, its 8 kHz branch; the weights are
//! those in the repository.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Deserialize;
use voicekit_core::vad::Vad;

static WEIGHTS: &[u8] = include_bytes!("../../voicekit-local/models/silero_vad_8k.safetensors");

const WINDOW: usize = 256;
/// Samples before a window that are heard with it, and samples mirrored after it.
const MARGIN: usize = 32;
const FRAME: usize = 128;
const HOP: usize = 64;
const BINS: usize = FRAME / 2 + 1;
/// Steps in time that a convolution sees.
const STEPS: usize = 3;
const CELLS: usize = 128;
const GATES: usize = 4;

/// The network for one stream.
#[derive(Clone, Debug)]
pub struct Reference {
    basis: Vec<f32>,
    convolutions: [Convolution; 4],
    weight_ih: Vec<f32>,
    weight_hh: Vec<f32>,
    bias: Vec<f32>,
    verdict: Vec<f32>,
    verdict_bias: f32,
    context: Vec<f32>,
    said: Vec<f32>,
    cell: Vec<f32>,
}

#[derive(Clone, Debug)]
struct Convolution {
    /// By output, input and step.
    weights: Vec<f32>,
    bias: Vec<f32>,
    stride: usize,
}

#[derive(Deserialize)]
struct Tensor {
    data_offsets: [usize; 2],
}

impl Reference {
    /// A network that has heard nothing yet.
    ///
    /// # Errors
    ///
    /// If the weights in the repository are damaged.
    pub fn new() -> Result<Self> {
        let (length, rest) = WEIGHTS.split_first_chunk().context("no header")?;
        let length = usize::try_from(u64::from_le_bytes(*length))?;
        let (header, data) = rest.split_at_checked(length).context("half a header")?;
        let header: BTreeMap<String, serde_json::Value> = serde_json::from_slice(header)?;
        let floats = |name: &str| -> Result<Vec<f32>> {
            let entry = header.get(name).with_context(|| format!("no {name}"))?;
            let [from, to] = Tensor::deserialize(entry)?.data_offsets;
            let bytes = data.get(from..to).with_context(|| format!("half of {name}"))?;
            Ok(bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
        };
        let convolution = |layer: usize, stride: usize| -> Result<Convolution> {
            let name = format!("encoder.{layer}.reparam_conv");
            let (weights, bias) =
                (floats(&format!("{name}.weight"))?, floats(&format!("{name}.bias"))?);
            Ok(Convolution { weights, bias, stride })
        };
        let biases = [floats("decoder.rnn.bias_ih")?, floats("decoder.rnn.bias_hh")?];
        Ok(Self {
            basis: floats("stft.forward_basis_buffer")?,
            convolutions: [
                convolution(0, 1)?,
                convolution(1, 2)?,
                convolution(2, 2)?,
                convolution(3, 1)?,
            ],
            weight_ih: floats("decoder.rnn.weight_ih")?,
            weight_hh: floats("decoder.rnn.weight_hh")?,
            bias: biases[0].iter().zip(&biases[1]).map(|(a, b)| a + b).collect(),
            verdict: floats("decoder.decoder.2.weight")?,
            verdict_bias: *floats("decoder.decoder.2.bias")?.first().context("no bias")?,
            context: vec![0.0; MARGIN],
            said: vec![0.0; CELLS],
            cell: vec![0.0; CELLS],
        })
    }

    /// The magnitudes of each frame.
    fn spectrum(&mut self, window: &[i16]) -> Vec<Vec<f32>> {
        let mut samples = self.context.clone();
        samples.extend(window.iter().map(|&sample| f32::from(sample) / 32_768.0));
        samples.resize(MARGIN + WINDOW, 0.0);
        self.context = samples[WINDOW..].to_vec();
        let mirrored: Vec<f32> = samples.iter().rev().skip(1).take(MARGIN).copied().collect();
        samples.extend(mirrored);
        let frames = samples.windows(FRAME).step_by(HOP);
        let magnitude = |frame: &[f32], bin: usize| {
            let part = |row: usize| dot(&self.basis[row * FRAME..][..FRAME], frame);
            part(bin).hypot(part(BINS + bin))
        };
        frames.map(|frame| (0..BINS).map(|bin| magnitude(frame, bin)).collect()).collect()
    }

    fn remember(&mut self, heard: &[f32]) {
        let gate = |gate: usize, cell: usize| {
            let row = gate * CELLS + cell;
            let of = |weights: &[f32], input| dot(&weights[row * CELLS..][..CELLS], input);
            of(&self.weight_ih, heard) + of(&self.weight_hh, &self.said) + self.bias[row]
        };
        let gates: Vec<[f32; GATES]> =
            (0..CELLS).map(|cell| std::array::from_fn(|number| gate(number, cell))).collect();
        for (at, [write, keep, new, show]) in gates.into_iter().enumerate() {
            self.cell[at] = sigmoid(keep) * self.cell[at] + sigmoid(write) * new.tanh();
            self.said[at] = sigmoid(show) * self.cell[at].tanh();
        }
    }
}

impl Convolution {
    fn of(&self, input: &[Vec<f32>]) -> Vec<Vec<f32>> {
        let width = self.weights.len() / self.bias.len();
        let weigh = |at: usize, kernel: &[f32]| -> f32 {
            let steps =
                (0..STEPS).filter_map(|step| Some((step, input.get((at + step).checked_sub(1)?)?)));
            steps
                .map(|(step, row)| {
                    let weights = kernel.iter().skip(step).step_by(STEPS);
                    weights.zip(row).map(|(weight, value)| weight * value).sum::<f32>()
                })
                .sum()
        };
        let row = |at: usize| {
            let outputs = self.weights.chunks_exact(width).zip(&self.bias);
            outputs.map(|(kernel, bias)| (weigh(at, kernel) + bias).max(0.0)).collect()
        };
        (0..input.len()).step_by(self.stride).map(row).collect()
    }
}

impl Vad for Reference {
    fn rate_hz(&self) -> u32 {
        8_000
    }

    fn window(&self) -> usize {
        WINDOW
    }

    /// Of the first window in `samples`. It allocates, unlike detectors for calls.
    fn probability(&mut self, samples: &[i16]) -> f32 {
        let mut rows = self.spectrum(&samples[..samples.len().min(WINDOW)]);
        for convolution in &self.convolutions {
            rows = convolution.of(&rows);
        }
        self.remember(&rows.concat());
        let spoken: Vec<f32> = self.said.iter().map(|said| said.max(0.0)).collect();
        sigmoid(dot(&self.verdict, &spoken) + self.verdict_bias)
    }

    fn reset(&mut self) {
        self.context.fill(0.0);
        self.said.fill(0.0);
        self.cell.fill(0.0);
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn sigmoid(value: f32) -> f32 {
    1.0 / (1.0 + (-value).exp())
}

#[cfg(test)]
mod tests {
    use voicekit_local::Silero;

    use super::*;

    #[test]
    fn the_products_network_says_the_same_as_the_plain_one() {
        let (mut silero, mut reference) = (Silero::new().unwrap(), Reference::new().unwrap());
        for recording in voicekit_testkit::speech::all() {
            for window in recording.over_the_phone().chunks_exact(WINDOW) {
                let (found, exact) = (silero.probability(window), reference.probability(window));
                assert!((found - exact).abs() < 0.01, "{}: {found}, not {exact}", recording.file);
            }
        }
    }
}
