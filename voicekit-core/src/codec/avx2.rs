//! Decoding with AVX2, for both laws.
//!
//! A level is a straight line within its chord: `start[chord] + mantissa * step[chord]`. The sign
//! and the chord are the upper half of a code, so that each table has sixteen entries and is looked
//! up by a shuffle of bytes, within a register.

use std::arch::x86_64::{
    __m128i, __m256i, _mm_loadu_si128, _mm256_add_epi16, _mm256_and_si256,
    _mm256_broadcastsi128_si256, _mm256_loadu_si256, _mm256_mullo_epi16, _mm256_permute2x128_si256,
    _mm256_set1_epi8, _mm256_setzero_si256, _mm256_shuffle_epi8, _mm256_srli_epi16,
    _mm256_storeu_si256, _mm256_unpackhi_epi8, _mm256_unpacklo_epi8, _mm256_xor_si256,
};

/// Codes decoded at once.
const CODES: usize = 32;

/// The straight lines of a law, by sign and chord.
#[derive(Debug)]
pub(super) struct Lines {
    /// What is inverted on the line.
    mask: u8,
    start: Halves,
    step: Halves,
}

/// Numbers of 16 bits as two tables of bytes.
#[derive(Debug)]
struct Halves {
    low: [u8; 16],
    high: [u8; 16],
}

impl Lines {
    /// The lines of the law of which `levels` are those of all codes, once `mask` is applied.
    pub(super) const fn of(mask: u8, levels: &[i16; 256]) -> Self {
        let (mut start, mut step) = ([0; 16], [0; 16]);
        let mut chord = 0;
        while chord < 16 {
            start[chord] = levels[chord << 4];
            step[chord] = levels[(chord << 4) + 1] - levels[chord << 4];
            chord += 1;
        }
        Self { mask, start: Halves::of(&start), step: Halves::of(&step) }
    }
}

impl Halves {
    const fn of(numbers: &[i16; 16]) -> Self {
        let (mut low, mut high) = ([0; 16], [0; 16]);
        let mut index = 0;
        while index < 16 {
            [low[index], high[index]] = numbers[index].to_le_bytes();
            index += 1;
        }
        Self { low, high }
    }
}

/// Decodes whole blocks and returns how many codes they had.
#[target_feature(enable = "avx2")]
pub(super) fn decode(lines: &Lines, codes: &[u8], samples: &mut [i16]) -> usize {
    let blocks = codes.chunks_exact(CODES).zip(samples.chunks_exact_mut(CODES));
    let mut decoded = 0;
    let mask = _mm256_set1_epi8(lines.mask.cast_signed());
    let nibble = _mm256_set1_epi8(0x0F);
    let zero = _mm256_setzero_si256();
    let [start_low, start_high] = [table(&lines.start.low), table(&lines.start.high)];
    let [step_low, step_high] = [table(&lines.step.low), table(&lines.step.high)];
    for (codes, samples) in blocks {
        let codes = _mm256_xor_si256(load(codes), mask);
        let mantissa = _mm256_and_si256(codes, nibble);
        let chord = _mm256_and_si256(_mm256_srli_epi16::<4>(codes), nibble);
        let of_chord = |table| _mm256_shuffle_epi8(table, chord);
        let starts = [of_chord(start_low), of_chord(start_high)];
        let steps = [of_chord(step_low), of_chord(step_high)];
        let low = line(
            _mm256_unpacklo_epi8(mantissa, zero),
            _mm256_unpacklo_epi8(steps[0], steps[1]),
            _mm256_unpacklo_epi8(starts[0], starts[1]),
        );
        let high = line(
            _mm256_unpackhi_epi8(mantissa, zero),
            _mm256_unpackhi_epi8(steps[0], steps[1]),
            _mm256_unpackhi_epi8(starts[0], starts[1]),
        );
        // Unpacking works on the two halves of a register by themselves.
        let (first, second) = samples.split_at_mut(CODES / 2);
        store(_mm256_permute2x128_si256::<0x20>(low, high), first);
        store(_mm256_permute2x128_si256::<0x31>(low, high), second);
        decoded += CODES;
    }
    decoded
}

#[target_feature(enable = "avx2")]
fn line(mantissa: __m256i, step: __m256i, start: __m256i) -> __m256i {
    _mm256_add_epi16(_mm256_mullo_epi16(mantissa, step), start)
}

/// The table in both halves of a register.
#[target_feature(enable = "avx2")]
fn table(bytes: &[u8; 16]) -> __m256i {
    let from: *const __m128i = bytes.as_ptr().cast();
    #[expect(unsafe_code, reason = "loads go through pointers")]
    // SAFETY: sixteen bytes are read of sixteen; the load needs no alignment.
    let half = unsafe { _mm_loadu_si128(from) };
    _mm256_broadcastsi128_si256(half)
}

#[target_feature(enable = "avx2")]
fn load(codes: &[u8]) -> __m256i {
    assert_eq!(codes.len(), CODES);
    let from: *const __m256i = codes.as_ptr().cast();
    #[expect(unsafe_code, reason = "loads go through pointers")]
    // SAFETY: as many bytes are read as there are; the load needs no alignment.
    unsafe {
        _mm256_loadu_si256(from)
    }
}

#[target_feature(enable = "avx2")]
fn store(levels: __m256i, samples: &mut [i16]) {
    assert_eq!(samples.len(), CODES / 2);
    let to: *mut __m256i = samples.as_mut_ptr().cast();
    #[expect(unsafe_code, reason = "stores go through pointers")]
    // SAFETY: sixteen samples of two bytes are written over as many; the store needs no alignment.
    unsafe {
        _mm256_storeu_si256(to, levels);
    }
}
