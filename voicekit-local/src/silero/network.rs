//! The network: its layers, its weights, and what it remembers of a stream.

use std::collections::BTreeMap;
use std::f32::consts::TAU;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use realfft::num_complex::Complex32;
use realfft::{RealFftPlanner, RealToComplex};
use rten_simd::SimdUnaryOp;
use rten_vecmath::{Sigmoid, Tanh};
use serde::Deserialize;
use serde::de::IgnoredAny;
use voicekit_core::error::{Error, ErrorKind, Result};

use super::WINDOW;
use super::kernel::{Layer, quantise};

static WEIGHTS: &[u8] = include_bytes!("../../models/silero_vad_8k.safetensors");

/// Samples before the window that the network sees too.
const CONTEXT: usize = 32;
/// Samples mirrored at the end.
const MIRRORED: usize = 32;
const SAMPLES: usize = CONTEXT + WINDOW + MIRRORED;
const FRAME: usize = 128;
const HOP: usize = 64;
/// Frames in context, window and mirrored samples.
const FRAMES: usize = (SAMPLES - FRAME) / HOP + 1;
/// Frequencies of a frame.
const BINS: usize = FRAME / 2 + 1;
/// Frequencies and a zero, to make pairs of them.
const EVEN_BINS: usize = BINS + 1;
/// Channels of the wide and of the narrow layers.
const WIDE: usize = 128;
const NARROW: usize = 64;
const GATES: usize = 4;
/// Steps in time that a convolution sees.
const STEPS: usize = 3;
/// What the transform of a frame may need to work, at most.
const SCRATCH: usize = 2 * FRAME;

pub(super) struct Network {
    window: [f32; FRAME],
    transform: Arc<dyn RealToComplex<f32>>,
    first: Layer,
    second: Layer,
    third: Layer,
    fourth: Layer,
    memory: Layer,
    verdict: [f32; WIDE],
    verdict_bias: f32,
}

/// What is remembered of one stream.
#[derive(Clone, Debug)]
pub(super) struct State {
    /// The end of the last window.
    context: [f32; CONTEXT],
    /// The last output of the memory cell, and what it keeps.
    said: [f32; WIDE],
    cell: [f32; WIDE],
}

impl Default for State {
    fn default() -> Self {
        Self { context: [0.0; _], said: [0.0; _], cell: [0.0; _] }
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network").finish_non_exhaustive()
    }
}

impl Network {
    pub(super) fn load() -> Result<Self> {
        let file = Tensors::parse(WEIGHTS)?;
        let convolution = |layer: usize, outputs, inputs, steps: Range<usize>| {
            let name = format!("encoder.{layer}.reparam_conv");
            let weights = file.floats(&format!("{name}.weight"), outputs * inputs * STEPS)?;
            let bias = file.floats(&format!("{name}.bias"), outputs)?;
            let (rows, width) = by_step(&weights, inputs, steps);
            Ok(Layer::new(&rows, &bias, width))
        };
        let transform = RealFftPlanner::new().plan_fft_forward(FRAME);
        if transform.get_scratch_len() > SCRATCH {
            return Err(Error::new(ErrorKind::Internal, "silero", "the transform needs more room"));
        }
        let verdict = file.floats("decoder.decoder.2.weight", WIDE)?;
        Ok(Self {
            window: std::array::from_fn(|at| 0.5 - 0.5 * (TAU * at as f32 / FRAME as f32).cos()),
            transform,
            first: convolution(0, WIDE, BINS, 0..STEPS)?,
            second: convolution(1, NARROW, WIDE, 0..STEPS)?,
            // Only two steps come to the third layer and one to the fourth; the others are padding.
            third: convolution(2, NARROW, NARROW, 1..STEPS)?,
            fourth: convolution(3, WIDE, NARROW, 1..2)?,
            memory: memory(&file)?,
            verdict: std::array::from_fn(|at| verdict[at]),
            verdict_bias: file.floats("decoder.decoder.2.bias", 1)?[0],
        })
    }

    /// How likely `window`, of at most [`WINDOW`] samples, holds speech.
    pub(super) fn listen(&self, window: &[i16], state: &mut State) -> f32 {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") {
            #[target_feature(enable = "avx2")]
            fn with_avx2(network: &Network, window: &[i16], state: &mut State) -> f32 {
                network.listen_here(window, state)
            }
            #[expect(unsafe_code, reason = "compiled for a unit that is there")]
            // SAFETY: it needs AVX2, which was detected, and nothing else.
            return unsafe { with_avx2(self, window, state) };
        }
        self.listen_here(window, state)
    }

    #[inline(always)]
    fn listen_here(&self, window: &[i16], state: &mut State) -> f32 {
        let magnitudes = self.look(&state.take(window));
        let heard = self.fold(&magnitudes);
        self.remember(&heard, state);
        let mut verdict = [self.judge(&state.said)];
        Sigmoid {}.map_mut(&mut verdict);
        verdict[0]
    }

    /// Samples to magnitudes of frequencies, with a frame of zeros before and after them.
    #[inline(always)]
    fn look(&self, samples: &[f32; SAMPLES]) -> [f32; (FRAMES + 2) * EVEN_BINS] {
        let mut magnitudes = [0.0; _];
        let mut frame = [0.0; FRAME];
        let mut bins = [Complex32::ZERO; BINS];
        let mut scratch = [Complex32::ZERO; SCRATCH];
        for (index, magnitudes) in
            magnitudes.chunks_exact_mut(EVEN_BINS).skip(1).take(FRAMES).enumerate()
        {
            let samples = samples[index * HOP..].iter().zip(&self.window);
            for (windowed, (sample, weight)) in frame.iter_mut().zip(samples) {
                *windowed = sample * weight;
            }
            let transformed =
                self.transform.process_with_scratch(&mut frame, &mut bins, &mut scratch);
            debug_assert!(transformed.is_ok(), "all buffers have the transform's lengths");
            for (magnitude, bin) in magnitudes.iter_mut().zip(&bins) {
                *magnitude = bin.norm_sqr().sqrt();
            }
        }
        magnitudes
    }

    /// Magnitudes of all frames to one row for the window.
    #[inline(always)]
    fn fold(&self, magnitudes: &[f32; (FRAMES + 2) * EVEN_BINS]) -> [f32; WIDE] {
        let mut pairs = [[0; 2]; (FRAMES + 2) * EVEN_BINS / 2];
        let unit = quantise(magnitudes, &mut pairs);
        // A row of zeros before the first.
        let mut wide = [0.0; (FRAMES + 1) * WIDE];
        let step = |frame| &pairs[frame * EVEN_BINS / 2..];
        let frames = [step(0), step(1), step(2), step(3)];
        self.first.apply::<1, FRAMES>(frames, unit, &mut wide[WIDE..]);
        rectify(&mut wide);

        let mut pairs = [[0; 2]; (FRAMES + 1) * WIDE / 2];
        let unit = quantise(&wide, &mut pairs);
        let mut narrow = [0.0; 2 * NARROW];
        self.second.apply::<2, 2>([&pairs, &pairs[WIDE..]], unit, &mut narrow);
        rectify(&mut narrow);

        let mut pairs = [[0; 2]; NARROW];
        let unit = quantise(&narrow, &mut pairs);
        let mut narrower = [0.0; NARROW];
        self.third.apply::<4, 1>([&pairs], unit, &mut narrower);
        rectify(&mut narrower);

        let unit = quantise(&narrower, &mut pairs);
        let mut heard = [0.0; WIDE];
        self.fourth.apply::<4, 1>([&pairs], unit, &mut heard);
        rectify(&mut heard);
        heard
    }

    /// One step of the memory cell, an LSTM.
    #[inline(always)]
    fn remember(&self, heard: &[f32; WIDE], state: &mut State) {
        let mut input = [0.0; 2 * WIDE];
        input[..WIDE].copy_from_slice(heard);
        input[WIDE..].copy_from_slice(&state.said);
        let mut pairs = [[0; 2]; WIDE];
        let unit = quantise(&input, &mut pairs);
        let mut gates = [0.0; GATES * WIDE];
        self.memory.apply::<4, 1>([&pairs], unit, &mut gates);
        let (write, rest) = gates.split_at_mut(WIDE);
        let (keep, rest) = rest.split_at_mut(WIDE);
        let (new, show) = rest.split_at_mut(WIDE);
        for gate in [&mut *write, &mut *keep, &mut *show] {
            Sigmoid {}.map_mut(gate);
        }
        Tanh {}.map_mut(new);
        for (index, cell) in state.cell.iter_mut().enumerate() {
            *cell = keep[index] * *cell + write[index] * new[index];
        }
        state.said = state.cell;
        Tanh {}.map_mut(&mut state.said);
        for (said, show) in state.said.iter_mut().zip(show) {
            *said *= *show;
        }
    }

    /// The last layer's only output.
    #[inline(always)]
    fn judge(&self, said: &[f32; WIDE]) -> f32 {
        const LANES: usize = 8;
        let mut sums = [0.0; LANES];
        let weights = self.verdict.as_chunks::<LANES>().0;
        for (weights, said) in weights.iter().zip(said.as_chunks::<LANES>().0) {
            for lane in 0..LANES {
                sums[lane] += weights[lane] * rectified(said[lane]);
            }
        }
        sums.iter().sum::<f32>() + self.verdict_bias
    }
}

impl State {
    /// The window between the end of the last and its own, mirrored.
    #[inline(always)]
    fn take(&mut self, window: &[i16]) -> [f32; SAMPLES] {
        let mut samples = [0.0; SAMPLES];
        samples[..CONTEXT].copy_from_slice(&self.context);
        for (sample, &new) in samples[CONTEXT..][..WINDOW].iter_mut().zip(window) {
            *sample = f32::from(new) / 32_768.0;
        }
        let (heard, mirrored) = samples.split_at_mut(CONTEXT + WINDOW);
        for (mirrored, sample) in mirrored.iter_mut().zip(heard.iter().rev().skip(1)) {
            *mirrored = *sample;
        }
        self.context.copy_from_slice(&heard[WINDOW..]);
        samples
    }
}

#[inline(always)]
fn rectify(values: &mut [f32]) {
    for value in values {
        *value = rectified(*value);
    }
}

/// A comparison, which is one instruction for many values; `max` is not.
#[inline(always)]
fn rectified(value: f32) -> f32 {
    if value > 0.0 { value } else { 0.0 }
}

/// Kernels by input channel, then step, to rows by step, then input channel, of some `steps`; and
/// the width of a row, of which each step has an even number.
fn by_step(weights: &[f32], inputs: usize, steps: Range<usize>) -> (Vec<f32>, usize) {
    let even = inputs.next_multiple_of(2);
    let mut rows = Vec::new();
    for kernel in weights.chunks_exact(inputs * STEPS) {
        for step in steps.clone() {
            rows.extend(kernel.iter().skip(step).step_by(STEPS));
            rows.resize(rows.len().next_multiple_of(even), 0.0);
        }
    }
    (rows, even * steps.len())
}

/// Both matrices of the cell side by side.
fn memory(file: &Tensors<'_>) -> Result<Layer> {
    let floats = |name, count| file.floats(&format!("decoder.rnn.{name}"), count);
    let (input, output) =
        (floats("weight_ih", GATES * WIDE * WIDE)?, floats("weight_hh", GATES * WIDE * WIDE)?);
    let rows = input.chunks_exact(WIDE).zip(output.chunks_exact(WIDE));
    let weights: Vec<f32> = rows.flat_map(|(input, output)| [input, output].concat()).collect();
    let (input, output) = (floats("bias_ih", GATES * WIDE)?, floats("bias_hh", GATES * WIDE)?);
    let bias: Vec<f32> = input.iter().zip(&output).map(|(a, b)| a + b).collect();
    Ok(Layer::new(&weights, &bias, 2 * WIDE))
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
