//! The one kernel: a matrix times a vector, plus a bias.

use rten_simd::ops::{BitOps, NumOps};
use rten_simd::{Isa, SimdOp};

/// Rows are as wide as a multiple of this, which every vector register divides.
pub(super) const LANES: usize = 16;
/// Rows are computed so many at a time.
const TOGETHER: usize = 4;

/// Weights of one layer, one row an output, each row filled up with zeros to a multiple of
/// [`LANES`], and rows to a multiple of [`TOGETHER`].
#[derive(Debug)]
pub(super) struct Matrix {
    weights: Vec<f32>,
    bias: Vec<f32>,
    width: usize,
}

impl Matrix {
    /// From rows of `width` weights and one bias each.
    pub(super) fn new(rows: &[f32], bias: &[f32], width: usize) -> Self {
        let (padded, height) = (padded_width(width), bias.len().next_multiple_of(TOGETHER));
        let mut weights = Vec::with_capacity(height * padded);
        for row in rows.chunks_exact(width) {
            weights.extend_from_slice(row);
            weights.resize(weights.len().next_multiple_of(padded), 0.0);
        }
        weights.resize(height * padded, 0.0);
        let mut bias = bias.to_vec();
        bias.resize(height, 0.0);
        Self { weights, bias, width: padded }
    }

    /// Writes one number for each row to `output`. `input` is as long as a padded row; what lies
    /// past the layer's width must be finite.
    pub(super) fn apply(&self, input: &[f32], output: &mut [f32]) {
        Apply { matrix: self, input: &input[..self.width], output }.dispatch();
    }
}

/// How many numbers a [`Matrix`] of rows of `width` reads.
pub(super) const fn padded_width(width: usize) -> usize {
    width.next_multiple_of(LANES)
}

struct Apply<'a> {
    matrix: &'a Matrix,
    input: &'a [f32],
    output: &'a mut [f32],
}

impl SimdOp for Apply<'_> {
    type Output = ();

    #[inline(always)]
    fn eval<I: Isa>(self, isa: I) {
        let ops = isa.f32();
        let Self { matrix, input, output } = self;
        let width = input.len();
        let groups = matrix.weights.chunks_exact(TOGETHER * width);
        let biases = matrix.bias.chunks_exact(TOGETHER);
        for ((rows, bias), output) in groups.zip(biases).zip(output.chunks_mut(TOGETHER)) {
            let (first, second) = rows.split_at(2 * width);
            let ((a, b), (c, d)) = (first.split_at(width), second.split_at(width));
            let mut sums = [ops.zero(); TOGETHER];
            let columns = a.chunks_exact(ops.len()).zip(b.chunks_exact(ops.len()));
            let columns = columns.zip(c.chunks_exact(ops.len()).zip(d.chunks_exact(ops.len())));
            for (x, ((a, b), (c, d))) in input.chunks_exact(ops.len()).zip(columns) {
                let x = ops.load(x);
                sums[0] = ops.mul_add(ops.load(a), x, sums[0]);
                sums[1] = ops.mul_add(ops.load(b), x, sums[1]);
                sums[2] = ops.mul_add(ops.load(c), x, sums[2]);
                sums[3] = ops.mul_add(ops.load(d), x, sums[3]);
            }
            for ((output, sum), bias) in output.iter_mut().zip(sums).zip(bias) {
                *output = ops.sum(sum) + bias;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_any_width_and_number_are_multiplied() {
        for (height, width) in [(1, 1), (5, 7), (130, 128), (128, 195), (6, 33)] {
            let value = |index: usize| ((index * 37 + 11) % 19) as f32 - 9.0;
            let rows: Vec<f32> = (0..height * width).map(value).collect();
            let bias: Vec<f32> = (0..height).map(|index| value(index * 3)).collect();
            let mut input: Vec<f32> = (0..width).map(|index| value(index * 5)).collect();
            let expected: Vec<f32> = rows
                .chunks(width)
                .zip(&bias)
                .map(|(row, bias)| row.iter().zip(&input).map(|(w, x)| w * x).sum::<f32>() + bias)
                .collect();
            input.resize(padded_width(width), 1.0);
            let mut output = vec![0.0; height];
            Matrix::new(&rows, &bias, width).apply(&input, &mut output);
            assert_eq!(output, expected, "{height} x {width}");
        }
    }
}
