//! The network: its layers, its weights, and what it remembers of a stream.

use std::collections::BTreeMap;
use std::ops::Range;

use rten_simd::SimdUnaryOp;
use rten_vecmath::{Sigmoid, Tanh};
use serde::Deserialize;
use serde::de::IgnoredAny;
use voicekit_core::error::{Error, ErrorKind, Result};

use super::WINDOW;
use super::kernel::{LANES, Matrix, padded_width};

static WEIGHTS: &[u8] = include_bytes!("../../models/silero_vad_8k.safetensors");

/// Samples before the window that the network sees too.
const CONTEXT: usize = 32;
/// Samples mirrored at the end.
const MIRRORED: usize = 32;
const FRAME: usize = 128;
const HOP: usize = 64;
/// Frames in context, window and mirrored samples.
const FRAMES: usize = (CONTEXT + WINDOW + MIRRORED - FRAME) / HOP + 1;
/// Frequencies of a frame.
const BINS: usize = FRAME / 2 + 1;
/// Channels of the wide and of the narrow layers.
const WIDE: usize = 128;
const NARROW: usize = 64;
const GATES: usize = 4;

#[derive(Debug)]
pub(super) struct Network {
    spectrum: Matrix,
    first: Matrix,
    second: Matrix,
    third: Matrix,
    fourth: Matrix,
    memory: Matrix,
    verdict: Matrix,
}

/// What is remembered of one stream, and room to work.
#[derive(Clone, Debug)]
pub(super) struct State {
    samples: [f32; CONTEXT + WINDOW + MIRRORED],
    /// The input of the memory cell: what the last layer says, then the cell's last output.
    input: [f32; 2 * WIDE],
    cell: [f32; WIDE],
    gates: [f32; GATES * WIDE],
    bins: [f32; (2 * BINS).next_multiple_of(LANES)],
    /// Frames and a row of zeros before and after them.
    magnitudes: [f32; (FRAMES + 2) * BINS + LANES],
    wide: [f32; (FRAMES + 2) * WIDE],
    narrow: [f32; FRAMES / 2 * NARROW],
    narrower: [f32; NARROW],
}

impl Default for State {
    fn default() -> Self {
        Self {
            samples: [0.0; _],
            input: [0.0; _],
            cell: [0.0; _],
            gates: [0.0; _],
            bins: [0.0; _],
            magnitudes: [0.0; _],
            wide: [0.0; _],
            narrow: [0.0; _],
            narrower: [0.0; _],
        }
    }
}

impl Network {
    pub(super) fn load() -> Result<Self> {
        let file = Tensors::parse(WEIGHTS)?;
        let convolution = |layer: usize, outputs, inputs, steps: Range<usize>| {
            let name = format!("encoder.{layer}.reparam_conv");
            let weights = file.floats(&format!("{name}.weight"), outputs * inputs * STEPS)?;
            let bias = file.floats(&format!("{name}.bias"), outputs)?;
            let width = inputs * steps.len();
            Ok(Matrix::new(&by_step(&weights, inputs, steps), &bias, width))
        };
        Ok(Self {
            spectrum: {
                let basis = file.floats("stft.forward_basis_buffer", 2 * BINS * FRAME)?;
                Matrix::new(&basis, &[0.0; 2 * BINS], FRAME)
            },
            first: convolution(0, WIDE, BINS, 0..STEPS)?,
            second: convolution(1, NARROW, WIDE, 0..STEPS)?,
            // Only two steps come to the third layer and one to the fourth; the others are padding.
            third: convolution(2, NARROW, NARROW, 1..STEPS)?,
            fourth: convolution(3, WIDE, NARROW, 1..2)?,
            memory: memory(&file)?,
            verdict: {
                let weights = file.floats("decoder.decoder.2.weight", WIDE)?;
                Matrix::new(&weights, &file.floats("decoder.decoder.2.bias", 1)?, WIDE)
            },
        })
    }

    /// How likely `window`, of at most [`WINDOW`] samples, holds speech.
    pub(super) fn listen(&self, window: &[i16], state: &mut State) -> f32 {
        state.take(window);
        self.look(state);
        self.fold(state);
        self.remember(state);
        let mut spoken = [0.0; WIDE];
        for (spoken, said) in spoken.iter_mut().zip(&state.input[WIDE..]) {
            *spoken = said.max(0.0);
        }
        let mut verdict = [0.0];
        self.verdict.apply(&spoken, &mut verdict);
        Sigmoid {}.map_mut(&mut verdict);
        verdict[0]
    }

    /// Samples to magnitudes of frequencies.
    fn look(&self, state: &mut State) {
        for frame in 0..FRAMES {
            let samples = &state.samples[frame * HOP..];
            self.spectrum.apply(samples, &mut state.bins);
            let (real, imaginary) = state.bins.split_at(BINS);
            let magnitudes = &mut state.magnitudes[(frame + 1) * BINS..(frame + 2) * BINS];
            for (magnitude, (re, im)) in magnitudes.iter_mut().zip(real.iter().zip(imaginary)) {
                *magnitude = (re * re + im * im).sqrt();
            }
        }
    }

    /// Magnitudes of all frames to one row for the window.
    fn fold(&self, state: &mut State) {
        for frame in 0..FRAMES {
            let output = &mut state.wide[(frame + 1) * WIDE..(frame + 2) * WIDE];
            self.first.apply(&state.magnitudes[frame * BINS..], output);
            rectify(output);
        }
        for (step, output) in state.narrow.chunks_exact_mut(NARROW).enumerate() {
            self.second.apply(&state.wide[2 * step * WIDE..], output);
            rectify(output);
        }
        self.third.apply(&state.narrow, &mut state.narrower);
        rectify(&mut state.narrower);
        let output = &mut state.input[..WIDE];
        self.fourth.apply(&state.narrower, output);
        rectify(output);
    }

    /// One step of the memory cell, an LSTM.
    fn remember(&self, state: &mut State) {
        self.memory.apply(&state.input, &mut state.gates);
        let (write, rest) = state.gates.split_at_mut(WIDE);
        let (keep, rest) = rest.split_at_mut(WIDE);
        let (new, show) = rest.split_at_mut(WIDE);
        for gate in [&mut *write, &mut *keep, &mut *show] {
            Sigmoid {}.map_mut(gate);
        }
        Tanh {}.map_mut(new);
        for (index, cell) in state.cell.iter_mut().enumerate() {
            *cell = keep[index] * *cell + write[index] * new[index];
        }
        let output = &mut state.input[WIDE..];
        output.copy_from_slice(&state.cell);
        Tanh {}.map_mut(output);
        for (output, show) in output.iter_mut().zip(show) {
            *output *= *show;
        }
    }
}

impl State {
    /// Moves the end of the last window to the front and appends the next.
    fn take(&mut self, window: &[i16]) {
        self.samples.copy_within(WINDOW..WINDOW + CONTEXT, 0);
        let silence = std::iter::repeat(&0);
        for (sample, &new) in
            self.samples[CONTEXT..][..WINDOW].iter_mut().zip(window.iter().chain(silence))
        {
            *sample = f32::from(new) / 32_768.0;
        }
        let end = CONTEXT + WINDOW;
        for distance in 0..MIRRORED {
            self.samples[end + distance] = self.samples[end - 2 - distance];
        }
    }
}

fn rectify(values: &mut [f32]) {
    for value in values {
        *value = value.max(0.0);
    }
}

/// Steps in time that a convolution sees.
const STEPS: usize = 3;

/// Kernels by input channel, then step, to rows by step, then input channel, of some `steps`.
fn by_step(weights: &[f32], inputs: usize, steps: Range<usize>) -> Vec<f32> {
    let kernels = weights.chunks_exact(inputs * STEPS);
    let rows = kernels
        .flat_map(|kernel| steps.clone().flat_map(|step| kernel.iter().skip(step).step_by(STEPS)));
    rows.copied().collect()
}

/// Both matrices of the cell side by side.
fn memory(file: &Tensors<'_>) -> Result<Matrix> {
    let floats = |name, count| file.floats(&format!("decoder.rnn.{name}"), count);
    let (input, output) =
        (floats("weight_ih", GATES * WIDE * WIDE)?, floats("weight_hh", GATES * WIDE * WIDE)?);
    let rows = input.chunks_exact(WIDE).zip(output.chunks_exact(WIDE));
    let weights: Vec<f32> = rows.flat_map(|(input, output)| [input, output].concat()).collect();
    let (input, output) = (floats("bias_ih", GATES * WIDE)?, floats("bias_hh", GATES * WIDE)?);
    let bias: Vec<f32> = input.iter().zip(&output).map(|(a, b)| a + b).collect();
    Ok(Matrix::new(&weights, &bias, 2 * WIDE))
}

/// Single-precision tensors of a safetensors file: the length of a JSON header (u64), the header,
/// the data; little-endian.
struct Tensors<'a> {
    header: BTreeMap<String, Entry>,
    data: &'a [u8],
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Entry {
    Tensor { dtype: String, data_offsets: [usize; 2] },
    Notes(IgnoredAny),
}

impl<'a> Tensors<'a> {
    fn parse(file: &'a [u8]) -> Result<Self> {
        let (length, rest) = file.split_first_chunk().ok_or_else(|| damaged("its length"))?;
        let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
        let (header, data) = rest.split_at_checked(length).ok_or_else(|| damaged("its header"))?;
        let header = serde_json::from_slice(header)
            .map_err(|error| damaged("its header").with_source(error))?;
        Ok(Self { header, data })
    }

    fn floats(&self, name: &str, count: usize) -> Result<Vec<f32>> {
        let bytes = match self.header.get(name) {
            Some(Entry::Tensor { dtype, data_offsets: [from, to] }) if dtype == "F32" => {
                self.data.get(*from..*to)
            }
            Some(Entry::Tensor { .. } | Entry::Notes(_)) | None => None,
        };
        let (numbers, rest) = bytes.ok_or_else(|| damaged(name))?.as_chunks();
        if numbers.len() != count || !rest.is_empty() {
            return Err(damaged(name));
        }
        Ok(numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
    }
}

fn damaged(what: &str) -> Error {
    Error::new(ErrorKind::Internal, "silero", format!("the weights are damaged: {what}"))
}

const _: () =
    assert!(padded_width(FRAME) == FRAME && padded_width(STEPS * BINS) <= STEPS * BINS + LANES);
