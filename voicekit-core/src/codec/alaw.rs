//! G.711 A-law: the code of telephone networks outside North America and Japan.
//!
//! Levels are those of tables 1a and 1b of ITU-T G.711 on samples of 16 bits: decoded values lie in
//! -32256..=32256 and are never zero. `encode_sample(decode_sample(code)) == code` for every code.

#[cfg(target_arch = "x86_64")]
use super::avx2;

/// The code of a silent line: the smallest positive level.
pub const SILENCE: u8 = 0xD5;

/// Every second bit is inverted on the line, by the recommendation.
const LINE_MASK: u32 = 0x55;
/// Exponent of the lowest level of the second chord (16..32) as `f32` has it, less one, above four
/// bits of mantissa.
const FIRST_CHORD: u32 = (127 + 3) << 4;

#[cfg(target_arch = "x86_64")]
static LINES: avx2::Lines = avx2::Lines::of(0x55, &levels());

/// Encodes samples as A-law and returns how many: the length of the shorter slice.
pub fn encode(samples: &[i16], codes: &mut [u8]) -> usize {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        #[target_feature(enable = "avx2")]
        fn with_avx2(samples: &[i16], codes: &mut [u8]) -> usize {
            encode_each(samples, codes)
        }
        #[expect(unsafe_code, reason = "compiled for a unit that is there")]
        // SAFETY: it needs AVX2, which was detected, and nothing else.
        return unsafe { with_avx2(samples, codes) };
    }
    encode_each(samples, codes)
}

/// Decodes A-law codes and returns how many: the length of the shorter slice.
pub fn decode(codes: &[u8], samples: &mut [i16]) -> usize {
    let mut done = 0;
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        #[expect(unsafe_code, reason = "compiled for a unit that is there")]
        // SAFETY: it needs AVX2, which was detected, and nothing else.
        let blocks = unsafe { avx2::decode(&LINES, codes, samples) };
        done = blocks;
    }
    for (sample, &code) in samples.iter_mut().zip(codes).skip(done) {
        *sample = decode_sample(code);
    }
    samples.len().min(codes.len())
}

#[inline(always)]
fn encode_each(samples: &[i16], codes: &mut [u8]) -> usize {
    for (code, &sample) in codes.iter_mut().zip(samples) {
        *code = encode_sample(sample);
    }
    samples.len().min(codes.len())
}

/// The code of the level nearest to a sample, from 12 bits of magnitude.
///
/// Free of branches and tables, so that a loop over it becomes vector code: the conversion to
/// `f32` finds the chord (exponent) and the step in it (first four bits of the mantissa) at once.
/// The first chord is linear.
#[inline(always)]
#[must_use]
pub fn encode_sample(sample: i16) -> u8 {
    let sample = i32::from(sample);
    let sign = sample >> 31;
    let magnitude = (sample ^ sign) >> 4;
    let curved = ((magnitude as f32).to_bits() >> 19).wrapping_sub(FIRST_CHORD);
    let level = if magnitude < 16 { magnitude.cast_unsigned() } else { curved };
    let positive = level ^ LINE_MASK ^ 0x80;
    ((positive ^ (sign.cast_unsigned() & 0x80)) & 0xFF) as u8
}

/// The sample a code stands for.
#[inline(always)]
#[must_use]
pub const fn decode_sample(code: u8) -> i16 {
    let level = (code ^ 0x55) as u16;
    let sign = (level >> 7).wrapping_sub(1);
    let chord = (level >> 4) & 7;
    // 0 in the first chord, which has no leading bit and shares the step of the second; else 1.
    let curved = (chord + 7) >> 3;
    let step = ((level & 0x0F) << 4) + 8 + (curved << 8);
    let magnitude = super::shift_by_chord(step, chord - curved);
    ((magnitude ^ sign).wrapping_sub(sign)).cast_signed()
}

/// The levels of all codes, as they are once what is inverted on the line is not.
#[cfg(target_arch = "x86_64")]
const fn levels() -> [i16; 256] {
    let mut levels = [0; 256];
    let mut code = 0_u8;
    loop {
        levels[code as usize] = decode_sample(code ^ 0x55);
        if code == u8::MAX {
            return levels;
        }
        code += 1;
    }
}
