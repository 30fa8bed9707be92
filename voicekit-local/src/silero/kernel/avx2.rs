//! Sums with AVX2: eight outputs a register.

use std::arch::x86_64::{
    __m256i, _mm256_add_epi32, _mm256_loadu_si256, _mm256_madd_epi16, _mm256_set1_epi32,
    _mm256_setzero_si256, _mm256_storeu_si256,
};

use super::{Block, Pair, Sums, TILE};

/// Outputs in a register.
const LANES: usize = 8;

#[target_feature(enable = "avx2")]
#[inline]
pub(super) fn sums<const T: usize, const N: usize>(
    tiles: [&[Block]; T],
    inputs: [&[Pair]; N],
    used: &[u16],
) -> [[Sums; N]; T] {
    let pairs = tiles[0].len();
    let (tiles, inputs) = (tiles.map(|tile| &tile[..pairs]), inputs.map(|input| &input[..pairs]));
    let mut sums = [[[_mm256_setzero_si256(); 2]; N]; T];
    for &at in used {
        let at = usize::from(at);
        for (sums, tile) in sums.iter_mut().zip(tiles) {
            let weights = load(&tile[at]);
            for (sums, input) in sums.iter_mut().zip(inputs) {
                let input = broadcast(input[at]);
                for (sum, weights) in sums.iter_mut().zip(weights) {
                    *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(weights, input));
                }
            }
        }
    }
    let mut stored = [[[0; TILE]; N]; T];
    for (stored, sums) in stored.as_flattened_mut().iter_mut().zip(sums.as_flattened()) {
        store(*sums, stored);
    }
    stored
}

/// The pair in all lanes.
#[target_feature(enable = "avx2")]
#[inline]
fn broadcast([low, high]: Pair) -> __m256i {
    _mm256_set1_epi32(i32::from(high) << 16 | i32::from(low.cast_unsigned()))
}

#[target_feature(enable = "avx2")]
#[inline]
fn load(block: &Block) -> [__m256i; 2] {
    let (low, high) = block.split_at(LANES);
    let half = |half: &[Pair]| {
        assert_eq!(half.len(), LANES);
        let from: *const __m256i = half.as_ptr().cast();
        #[expect(unsafe_code, reason = "loads go through pointers")]
        // SAFETY: eight pairs of 32 bits are there to be read; the load needs no alignment.
        unsafe {
            _mm256_loadu_si256(from)
        }
    };
    [half(low), half(high)]
}

#[target_feature(enable = "avx2")]
#[inline]
fn store(sums: [__m256i; 2], stored: &mut Sums) {
    for (half, sums) in stored.as_chunks_mut::<LANES>().0.iter_mut().zip(sums) {
        let to: *mut __m256i = half.as_mut_ptr().cast();
        #[expect(unsafe_code, reason = "stores go through pointers")]
        // SAFETY: eight sums of 32 bits are written over as many; the store needs no alignment.
        unsafe {
            _mm256_storeu_si256(to, sums);
        }
    }
}
