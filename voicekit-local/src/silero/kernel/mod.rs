//! The one kernel: the sums of a layer, in whole numbers.
//!
//! Weights and inputs are rounded to 16 bits and multiplied in pairs, which a vector unit does at
//! twice the speed of single precision, with half the memory. Rounding is the only loss: scales are
//! such that no sum leaves 32 bits, whatever the input. The plain loop is the reference; what is
//! compiled for AVX2 gives the same sums. A kernel for AVX-512 was no faster: the weights come from
//! the second level of the cache, and both wait for it. Pairs of zeros, as rectified values often
//! are, are passed over with their weights.

#[cfg(target_arch = "x86_64")]
mod avx2;

use std::array;

/// Two neighbouring inputs, or what they are multiplied by.
pub(super) type Pair = [i16; 2];
/// Outputs whose weights lie side by side.
const TILE: usize = 16;
/// The weights of a tile for two inputs: a line of the cache.
type Block = [Pair; TILE];
type Sums = [i32; TILE];

/// Inputs are rounded to whole numbers up to this.
const LARGEST_INPUT: f32 = 8_191.0;
/// The weights of an output add up to no more than this: its sum then fits 32 bits.
const LARGEST_ROW: f32 = 262_144.0;
/// Added to a smaller number, `1.5 * 2^23` leaves that number, rounded, in the lowest bits.
const ROUND: f32 = 12_582_912.0;

/// The widest layer: what it needs of the stack.
const MOST_PAIRS: usize = 256;

/// The weights and biases of a layer. It has an even number of inputs, 512 at most, and outputs by
/// the 64.
#[derive(Debug)]
pub(super) struct Layer {
    /// Tile by tile, a block for each pair of inputs.
    blocks: Vec<Block>,
    pairs: usize,
    /// What one of a sum is worth, by output.
    units: Vec<f32>,
    bias: Vec<f32>,
}

impl Layer {
    /// From a row of `width` weights and a bias for each output.
    pub(super) fn new(rows: &[f32], bias: &[f32], width: usize) -> Self {
        let pairs = width / 2;
        assert!(pairs <= MOST_PAIRS, "a layer of {width}");
        let mut blocks = vec![[[0; 2]; TILE]; bias.len() / TILE * pairs];
        let mut units = Vec::with_capacity(bias.len());
        for (output, row) in rows.chunks_exact(width).enumerate() {
            let scale = scale(row);
            units.push(1.0 / scale);
            let tile = &mut blocks[output / TILE * pairs..][..pairs];
            for (block, weights) in tile.iter_mut().zip(row.as_chunks::<2>().0) {
                block[output % TILE] = weights.map(|weight| round(weight * scale));
            }
        }
        Self { blocks, pairs, units, bias: bias.to_vec() }
    }

    /// Writes the outputs for each of `N` inputs, one after the other, `T` tiles at a time. Of an
    /// input, as many pairs count as the layer is wide, and each is a number of `unit`s.
    pub(super) fn apply<const T: usize, const N: usize>(
        &self,
        inputs: [&[Pair]; N],
        unit: f32,
        outputs: &mut [f32],
    ) {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") {
            #[target_feature(enable = "avx2")]
            fn with_avx2<const T: usize, const N: usize>(
                layer: &Layer,
                inputs: [&[Pair]; N],
                unit: f32,
                outputs: &mut [f32],
            ) {
                layer.apply_by(inputs, unit, outputs, |tiles: [_; T], inputs, used| {
                    avx2::sums(tiles, inputs, used)
                });
            }
            #[expect(unsafe_code, reason = "compiled for a unit that is there")]
            // SAFETY: it needs AVX2, which was detected, and nothing else.
            return unsafe { with_avx2::<T, N>(self, inputs, unit, outputs) };
        }
        self.apply_by(inputs, unit, outputs, sums::<T, N>);
    }

    #[inline(always)]
    fn apply_by<const T: usize, const N: usize>(
        &self,
        inputs: [&[Pair]; N],
        unit: f32,
        outputs: &mut [f32],
        sums: impl Fn([&[Block]; T], [&[Pair]; N], &[u16]) -> [[Sums; N]; T],
    ) {
        let inputs = inputs.map(|input| &input[..self.pairs]);
        let mut room = [0; MOST_PAIRS];
        let used = used(inputs, self.pairs, &mut room);
        let height = self.bias.len();
        let worth = self.units.as_chunks::<TILE>().0.iter().zip(self.bias.as_chunks::<TILE>().0);
        let mut worth = worth.enumerate();
        for tiles in self.blocks.chunks_exact(T * self.pairs) {
            let tiles = array::from_fn(|tile| &tiles[tile * self.pairs..][..self.pairs]);
            for (sums, (tile, (units, bias))) in sums(tiles, inputs, used).iter().zip(&mut worth) {
                for (input, sums) in sums.iter().enumerate() {
                    let outputs = &mut outputs[input * height + tile * TILE..][..TILE];
                    for lane in 0..TILE {
                        outputs[lane] = sums[lane] as f32 * (units[lane] * unit) + bias[lane];
                    }
                }
            }
        }
    }
}

/// Rounds `values` to 16 bits and gives what one of them is worth; they must be finite.
#[inline(always)]
pub(super) fn quantise(values: &[f32], rounded: &mut [Pair]) -> f32 {
    let largest = largest(values);
    if largest < f32::MIN_POSITIVE / f32::EPSILON {
        rounded.fill([0; 2]);
        return 0.0;
    }
    let scale = LARGEST_INPUT / largest;
    for (rounded, values) in rounded.as_flattened_mut().iter_mut().zip(values) {
        *rounded = round(values * scale);
    }
    largest / LARGEST_INPUT
}

/// The places of the pairs that are not zero in each of `inputs`, in order.
#[inline(always)]
fn used<'a, const N: usize>(
    inputs: [&[Pair]; N],
    pairs: usize,
    room: &'a mut [u16; MOST_PAIRS],
) -> &'a [u16] {
    let mut count = 0;
    for (place, at) in (0..pairs).zip(0..) {
        room[count] = at;
        count += usize::from(inputs.iter().any(|input| input[place] != [0; 2]));
    }
    &room[..count]
}

/// The sums of each input and each tile, over the pairs that are used.
#[inline(always)]
fn sums<const T: usize, const N: usize>(
    tiles: [&[Block]; T],
    inputs: [&[Pair]; N],
    used: &[u16],
) -> [[Sums; N]; T] {
    tiles.map(|tile| {
        inputs.map(|input| {
            let mut sums = [0; TILE];
            for &at in used {
                let [a, b] = input[usize::from(at)].map(i32::from);
                for (sum, weights) in sums.iter_mut().zip(&tile[usize::from(at)]) {
                    *sum += i32::from(weights[0]) * a + i32::from(weights[1]) * b;
                }
            }
            sums
        })
    })
}

/// How fine the weights of an output can be rounded.
fn scale(row: &[f32]) -> f32 {
    let total: f32 = row.iter().map(|weight| weight.abs()).sum();
    // Rounding can add a half to each.
    let finest = (LARGEST_ROW - row.len() as f32) / total;
    let scale = finest.min(f32::from(i16::MAX) / largest(row));
    if scale.is_finite() { scale } else { 1.0 }
}

/// The largest magnitude. Magnitudes are in the order of their bits.
#[inline(always)]
fn largest(values: &[f32]) -> f32 {
    let bits = values.iter().map(|value| value.abs().to_bits());
    f32::from_bits(bits.max().unwrap_or(0))
}

/// For numbers within 16 bits.
#[inline(always)]
fn round(value: f32) -> i16 {
    #[expect(clippy::cast_possible_truncation, reason = "the number is in the lowest bits")]
    let low = (value + ROUND).to_bits() as u16;
    low.cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers without a pattern, -1 to 1.
    fn numbers(count: usize) -> Vec<f32> {
        let mut state = 1_u32;
        let next = |_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / 8_388_608.0 - 1.0
        };
        (0..count).map(next).collect()
    }

    fn apply<const T: usize, const N: usize>(layer: &Layer, values: &[f32]) -> [Vec<f32>; 2] {
        let mut pairs = vec![[0; 2]; values.len() / 2];
        let unit = quantise(values, &mut pairs);
        let inputs = array::from_fn(|input| &pairs[3 * input..]);
        let mut outputs = vec![0.0; N * layer.bias.len()];
        layer.apply::<T, N>(inputs, unit, &mut outputs);
        let mut by_loop = vec![0.0; N * layer.bias.len()];
        layer.apply_by(inputs, unit, &mut by_loop, sums::<T, N>);
        [outputs, by_loop]
    }

    #[test]
    fn what_is_compiled_for_this_machine_gives_the_same_bits() {
        for width in [2, 64, 198, 384] {
            let layer = Layer::new(&numbers(64 * width), &numbers(64), width);
            let values = numbers(width + 18);
            for [here, anywhere] in [
                apply::<4, 1>(&layer, &values),
                apply::<2, 2>(&layer, &values),
                apply::<1, 4>(&layer, &values),
            ] {
                assert_eq!(here, anywhere, "{width}");
            }
        }
    }

    #[test]
    fn zeros_are_passed_over_wherever_they_are() {
        let layer = Layer::new(&numbers(64 * 198), &numbers(64), 198);
        for period in [2, 3, 5, 32] {
            let mut values = numbers(198);
            for (at, value) in values.iter_mut().enumerate() {
                *value = if at / period % 2 == 0 { value.max(0.0) } else { 0.0 };
            }
            let [here, anywhere] = apply::<4, 1>(&layer, &values);
            assert_eq!(here, anywhere, "{period}");
            assert!(here.iter().zip(&layer.bias).any(|(output, bias)| output != bias));
        }
    }

    #[test]
    fn each_input_is_weighed_and_only_rounding_is_lost() {
        let (width, weights, bias) = (198, numbers(64 * 198), numbers(64));
        let layer = Layer::new(&weights, &bias, width);
        let values = numbers(width + 18);
        let [outputs, _] = apply::<1, 4>(&layer, &values);
        for (input, outputs) in outputs.chunks(64).enumerate() {
            let values = &values[6 * input..];
            for ((row, bias), output) in weights.chunks(width).zip(&bias).zip(outputs) {
                let exact = row.iter().zip(values).map(|(w, x)| w * x).sum::<f32>() + bias;
                assert!((output - exact).abs() < 5e-3, "{output}, not {exact}");
            }
        }
    }

    #[test]
    fn the_largest_sums_fit() {
        for weight in [1e-6, 1.0, 1e6] {
            let layer = Layer::new(&[weight; 64 * 384], &[0.0; 64], 384);
            for value in [-3e-4, 7.0] {
                let [outputs, _] = apply::<4, 1>(&layer, &[value; 384]);
                let exact = 384.0 * weight * value;
                assert!((outputs[63] / exact - 1.0).abs() < 1e-3, "{}, not {exact}", outputs[63]);
            }
        }
    }

    #[test]
    fn silence_and_weights_of_zero_give_the_bias() {
        let bias = numbers(64);
        let layer = Layer::new(&[0.0; 64 * 8], &bias, 8);
        assert_eq!(apply::<4, 1>(&layer, &numbers(8)), [bias.clone(), bias.clone()]);
        let layer = Layer::new(&numbers(64 * 8), &bias, 8);
        for silence in [0.0, 1e-44] {
            assert_eq!(apply::<4, 1>(&layer, &[silence; 8]), [bias.clone(), bias.clone()]);
        }
    }
}
