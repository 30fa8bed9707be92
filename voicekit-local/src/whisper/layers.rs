//! The few layers that Whisper is made of, on the kernels of rten.
//!
//! A matrix is a slice, row after row; its width is known to the layer. Weights are kept as 8-bit
//! integers with one scale for each output, activations are quantised row by row as they come,
//! sums are 32-bit integers. Everything else is single precision.

use rten_gemm::{GemmExecutor, GemmInputA, GemmInputB, GemmOptions, GemmResult};
use rten_simd::{SimdOp, SimdUnaryOp};
use rten_tensor::NdTensorView;
use rten_vecmath::{
    ExtendInit, Gelu, MinMax, Normalize, NormalizeOptions, Quantize, Softmax, Sum, SumSquareSub,
};
use voicekit_core::error::Result;

use super::weights::Weights;

type Int8Gemm = GemmExecutor<u8, i8, i32>;
type FloatGemm = GemmExecutor<f32, f32, f32>;

/// `y = x W^T + b` with 8-bit weights.
#[derive(Debug)]
pub(super) struct Linear {
    weights: Vec<i8>,
    outputs: Vec<Output>,
    inputs: usize,
}

#[derive(Debug)]
struct Output {
    /// Of the weights.
    scale: f32,
    /// Of the weights, as integers.
    sum: i32,
    bias: f32,
}

impl Linear {
    /// The layer `name`, with its bias.
    pub(super) fn load(
        weights: &Weights<'_>,
        name: &str,
        outputs: usize,
        inputs: usize,
    ) -> Result<Self> {
        let bias = weights.floats(&format!("{name}/bias"), &[outputs])?;
        Self::load_with(weights, name, bias, inputs)
    }

    /// The layer `name`, which has no bias in the file.
    pub(super) fn load_without_bias(
        weights: &Weights<'_>,
        name: &str,
        outputs: usize,
        inputs: usize,
    ) -> Result<Self> {
        Self::load_with(weights, name, vec![0.0; outputs], inputs)
    }

    fn load_with(weights: &Weights<'_>, name: &str, bias: Vec<f32>, inputs: usize) -> Result<Self> {
        let floats = weights.floats(&format!("{name}/weight"), &[bias.len(), inputs])?;
        Ok(Self::new(&floats, &bias, inputs))
    }

    fn new(floats: &[f32], bias: &[f32], inputs: usize) -> Self {
        let largest = largest_weight();
        let (mut weights, mut outputs) = (Vec::with_capacity(floats.len()), Vec::new());
        for (row, &bias) in floats.chunks_exact(inputs).zip(bias) {
            let peak = row.iter().fold(f32::MIN_POSITIVE, |peak, x| peak.max(x.abs()));
            let scale = peak / largest;
            let start = weights.len();
            weights.extend(row.iter().map(|x| round_to_i8(x / scale)));
            let sum = weights[start..].iter().map(|&weight| i32::from(weight)).sum();
            outputs.push(Output { scale, sum, bias });
        }
        Self { weights, outputs, inputs }
    }

    /// Applies the layer to each row of `input`.
    pub(super) fn forward(&self, input: &[f32]) -> Vec<f32> {
        let (rows, outputs) = (input.len() / self.inputs, self.outputs.len());
        let quantised = QuantisedRows::new(input, self.inputs);
        let mut sums = vec![0; rows * outputs];
        let weights = NdTensorView::from_data([outputs, self.inputs], self.weights.as_slice());
        checked(Int8Gemm::default().gemm(
            &mut sums,
            GemmInputA::Unpacked(NdTensorView::from_data(
                [rows, self.inputs],
                quantised.values.as_slice(),
            )),
            GemmInputB::Unpacked(weights.transposed()),
            GemmOptions::default(),
        ));
        let mut output = Vec::with_capacity(sums.len());
        for (sums, row) in sums.chunks_exact(outputs).zip(&quantised.rows) {
            let columns = sums.iter().zip(&self.outputs);
            output.extend(columns.map(|(sum, output)| {
                let centred = sum - row.zero_point * output.sum;
                centred as f32 * (row.scale * output.scale) + output.bias
            }));
        }
        output
    }

    /// The weights of output `index`, as an embedding.
    pub(super) fn row(&self, index: usize) -> impl Iterator<Item = f32> {
        let row = &self.weights[index * self.inputs..(index + 1) * self.inputs];
        let scale = self.outputs[index].scale;
        row.iter().map(move |&weight| f32::from(weight) * scale)
    }
}

/// `value = (quantised - zero_point) * scale`, row by row.
///
/// The zero points stay out of the matrix product, whose own are the same for all rows in
/// rten-gemm 0.27.
struct QuantisedRows {
    values: Vec<u8>,
    rows: Vec<Row>,
}

struct Row {
    scale: f32,
    zero_point: i32,
}

impl QuantisedRows {
    fn new(input: &[f32], width: usize) -> Self {
        let mut quantised = Self { values: Vec::with_capacity(input.len()), rows: Vec::new() };
        for row in input.chunks_exact(width) {
            quantised.push(row);
        }
        quantised
    }

    fn push(&mut self, row: &[f32]) {
        let (low, high) = MinMax::new(row).dispatch();
        let (low, high) = (low.min(0.0), high.max(0.0));
        let scale = ((high - low) / 255.0).max(f32::MIN_POSITIVE);
        let zero_point = round_to_u8(-low / scale);
        self.values.extend_init(|free| {
            Quantize::new(row, &mut free[..row.len()], 1.0 / scale, zero_point).dispatch()
        });
        self.rows.push(Row { scale, zero_point: i32::from(zero_point) });
    }
}

/// Scales each row to mean 0 and variance 1, then by learnt factors.
#[derive(Debug)]
pub(super) struct LayerNorm {
    gamma: Vec<f32>,
    beta: Vec<f32>,
}

impl LayerNorm {
    pub(super) fn load(weights: &Weights<'_>, name: &str, width: usize) -> Result<Self> {
        Ok(Self {
            gamma: weights.floats(&format!("{name}/gamma"), &[width])?,
            beta: weights.floats(&format!("{name}/beta"), &[width])?,
        })
    }

    pub(super) fn forward(&self, input: &[f32]) -> Vec<f32> {
        /// Of PyTorch's `LayerNorm`, with which Whisper was trained.
        const EPSILON: f32 = 1e-5;
        let width = self.gamma.len();
        let mut output = input.to_vec();
        for row in output.chunks_exact_mut(width) {
            let mean = Sum::new(row).dispatch() / width as f32;
            let variance = SumSquareSub::new(row, mean).dispatch() / width as f32;
            let options = NormalizeOptions {
                pre_scale_bias: mean,
                scale: 1.0 / (variance + EPSILON).sqrt(),
                element_scale: Some(&self.gamma),
                element_bias: Some(&self.beta),
                ..NormalizeOptions::default()
            };
            Normalize::new_mut(row, options).dispatch();
        }
        output
    }
}

/// Two linear layers with a Gaussian error unit between them, on normalised input, added to it.
#[derive(Debug)]
pub(super) struct FeedForward {
    norm: LayerNorm,
    expand: Linear,
    contract: Linear,
}

impl FeedForward {
    pub(super) fn load(weights: &Weights<'_>, layer: &str, width: usize) -> Result<Self> {
        Ok(Self {
            norm: LayerNorm::load(weights, &format!("{layer}/ffn/layer_norm"), width)?,
            expand: Linear::load(weights, &format!("{layer}/ffn/linear_0"), 4 * width, width)?,
            contract: Linear::load(weights, &format!("{layer}/ffn/linear_1"), width, 4 * width)?,
        })
    }

    pub(super) fn add_to(&self, state: &mut [f32]) {
        let mut hidden = self.expand.forward(&self.norm.forward(state));
        gelu(&mut hidden);
        add(state, &self.contract.forward(&hidden));
    }
}

/// A convolution over time, three steps wide, of rows of channels, followed by the Gaussian error
/// unit.
#[derive(Debug)]
pub(super) struct Convolution {
    /// By output, then step, then input: a window of the padded input is then one row.
    weights: Vec<f32>,
    bias: Vec<f32>,
    inputs: usize,
    stride: usize,
}

impl Convolution {
    const STEPS: usize = 3;

    pub(super) fn load(
        weights: &Weights<'_>,
        name: &str,
        outputs: usize,
        inputs: usize,
        stride: usize,
    ) -> Result<Self> {
        let shape = [outputs, inputs, Self::STEPS];
        let by_input = weights.floats(&format!("{name}/weight"), &shape)?;
        let mut by_step = Vec::with_capacity(by_input.len());
        for kernel in by_input.chunks_exact(inputs * Self::STEPS) {
            for step in 0..Self::STEPS {
                by_step.extend(kernel.iter().skip(step).step_by(Self::STEPS));
            }
        }
        let bias = weights.floats(&format!("{name}/bias"), &[outputs])?;
        Ok(Self { weights: by_step, bias, inputs, stride })
    }

    pub(super) fn forward(&self, input: &[f32]) -> Vec<f32> {
        let padding = vec![0.0; self.inputs];
        let padded = [padding.as_slice(), input, padding.as_slice()].concat();
        let steps = input.len() / self.inputs;
        let (rows, outputs) = (steps.div_ceil(self.stride), self.bias.len());
        let window = Self::STEPS * self.inputs;
        let windows = strided(&padded, [rows, window], self.stride * self.inputs);
        let kernels = NdTensorView::from_data([outputs, window], self.weights.as_slice());
        let mut output = vec![0.0; rows * outputs];
        checked(FloatGemm::default().gemm(
            &mut output,
            GemmInputA::Unpacked(windows),
            GemmInputB::Unpacked(kernels.transposed()),
            GemmOptions {
                bias: Some(rten_gemm::BiasVector::Row(&self.bias)),
                ..GemmOptions::default()
            },
        ));
        gelu(&mut output);
        output
    }
}

/// Columns of a wider matrix.
#[derive(Clone, Copy)]
pub(super) struct Columns<'a> {
    pub(super) data: &'a [f32],
    /// Numbers from the start of one row to the next.
    pub(super) stride: usize,
    /// The first column.
    pub(super) first: usize,
}

impl<'a> Columns<'a> {
    fn rows(&self) -> usize {
        self.data.len() / self.stride
    }

    fn head(&self, head: usize) -> NdTensorView<'a, f32, 2> {
        let data = &self.data[self.first + head * HEAD_WIDTH..];
        strided(data, [self.rows(), HEAD_WIDTH], self.stride)
    }
}

/// The width of an attention head in every Whisper model.
pub(super) const HEAD_WIDTH: usize = 64;

/// Attention of each query row to all keys, in heads of [`HEAD_WIDTH`].
pub(super) fn attend(
    heads: usize,
    queries: Columns<'_>,
    keys: Columns<'_>,
    values: Columns<'_>,
) -> Vec<f32> {
    let gemm = FloatGemm::default();
    let (rows, positions, width) = (queries.rows(), keys.rows(), heads * HEAD_WIDTH);
    let mut scores = vec![0.0; rows * positions];
    let mut mixed = vec![0.0; rows * HEAD_WIDTH];
    let mut output = vec![0.0; rows * width];
    for head in 0..heads {
        checked(gemm.gemm(
            &mut scores,
            GemmInputA::Unpacked(queries.head(head)),
            GemmInputB::Unpacked(keys.head(head).transposed()),
            GemmOptions { alpha: (HEAD_WIDTH as f32).sqrt().recip(), ..GemmOptions::default() },
        ));
        for row in scores.chunks_exact_mut(positions) {
            Softmax::new_mut(row).dispatch();
        }
        let weights = NdTensorView::from_data([rows, positions], scores.as_slice());
        checked(gemm.gemm(
            &mut mixed,
            GemmInputA::Unpacked(weights),
            GemmInputB::Unpacked(values.head(head)),
            GemmOptions::default(),
        ));
        let destinations = output.chunks_exact_mut(width);
        for (destination, source) in destinations.zip(mixed.chunks_exact(HEAD_WIDTH)) {
            destination[head * HEAD_WIDTH..(head + 1) * HEAD_WIDTH].copy_from_slice(source);
        }
    }
    output
}

pub(super) fn add(state: &mut [f32], change: &[f32]) {
    for (state, change) in state.iter_mut().zip(change) {
        *state += change;
    }
}

fn gelu(values: &mut [f32]) {
    Gelu {}.map_mut(values);
}

#[expect(clippy::expect_used, reason = "callers derive the stride and the shape from the slice")]
fn strided(data: &[f32], shape: [usize; 2], stride: usize) -> NdTensorView<'_, f32, 2> {
    NdTensorView::from_slice_with_strides(shape, data, [stride, 1]).expect("rows lie in the slice")
}

#[expect(clippy::expect_used, reason = "every shape was checked when the weights were loaded")]
fn checked(result: GemmResult) {
    result.expect("the shapes of a layer and its input agree");
}

/// The largest weight that the integer kernel of this processor multiplies without saturating.
/// Processors without dot-product instructions add pairs of products in 16 bits, which holds
/// 7-bit weights.
fn largest_weight() -> f32 {
    if Int8Gemm::default().may_saturate() { 63.0 } else { 127.0 }
}

#[expect(clippy::cast_possible_truncation, reason = "float to integer casts saturate")]
fn round_to_i8(value: f32) -> i8 {
    value.round() as i8
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "float to integer casts saturate"
)]
fn round_to_u8(value: f32) -> u8 {
    value.round() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers in -1..1 without a pattern.
    fn noise(count: usize, seed: u32) -> Vec<f32> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        (0..count).map(|_| next()).collect()
    }

    fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
        assert_eq!(a.len(), b.len());
        a.iter().zip(b).fold(0.0, |largest, (a, b)| largest.max((a - b).abs()))
    }

    fn check_linear(rows: usize) {
        let (inputs, outputs) = (384, 130);
        let (weights, bias) = (noise(inputs * outputs, 1), noise(outputs, 2));
        let input: Vec<f32> = noise(rows * inputs, 3).iter().map(|x| x + 0.3).collect();
        let layer = Linear::new(&weights, &bias, inputs);
        let mut expected = Vec::new();
        for row in input.chunks(inputs) {
            for (weights, bias) in weights.chunks(inputs).zip(&bias) {
                expected.push(row.iter().zip(weights).map(|(x, w)| x * w).sum::<f32>() + bias);
            }
        }
        let difference = largest_difference(&layer.forward(&input), &expected);
        // Six standard deviations of the error that rounding 384 weights and inputs adds up to: 0.064
        // with weights of at most 63, 0.039 with 127.
        let most = if largest_weight() < 127.0 { 0.39 } else { 0.24 };
        assert!(difference < most, "{rows} rows: off by {difference}");
    }

    #[test]
    fn a_linear_layer_multiplies_nearly_as_in_full_precision() {
        check_linear(1);
        check_linear(7);
        check_linear(450);
    }

    fn check_attention(rows: usize, positions: usize) {
        let (heads, width) = (2, 2 * HEAD_WIDTH);
        let queries = noise(rows * width, 4);
        let both = noise(positions * 2 * width, 5);
        let mixed = attend(
            heads,
            Columns { data: &queries, stride: width, first: 0 },
            Columns { data: &both, stride: 2 * width, first: 0 },
            Columns { data: &both, stride: 2 * width, first: width },
        );
        let mut expected = vec![0.0; rows * width];
        for (row, head) in (0..rows).flat_map(|row| (0..heads).map(move |head| (row, head))) {
            let at = head * HEAD_WIDTH;
            let query = &queries[row * width + at..][..HEAD_WIDTH];
            let score = |position: usize| {
                let key = &both[position * 2 * width + at..][..HEAD_WIDTH];
                (query.iter().zip(key).map(|(q, k)| q * k).sum::<f32>() / 8.0).exp()
            };
            let total: f32 = (0..positions).map(score).sum();
            for position in 0..positions {
                let value = &both[position * 2 * width + width + at..][..HEAD_WIDTH];
                let weight = score(position) / total;
                for (out, value) in expected[row * width + at..].iter_mut().zip(value) {
                    *out += weight * value;
                }
            }
        }
        let difference = largest_difference(&mixed, &expected);
        assert!(difference < 1e-4, "{rows} to {positions}: off by {difference}");
    }

    #[test]
    fn attention_weighs_values_by_their_keys() {
        check_attention(1, 1);
        check_attention(1, 450);
        check_attention(37, 37);
    }
}
