//! G.711 mu-law: the code of telephone networks in North America and Japan, and of most carriers'
//! media streams.
//!
//! Levels are those of tables 2a and 2b of ITU-T G.711 on samples of 16 bits: decoded values lie in
//! -32124..=32124, and louder samples clip. `encode_sample(decode_sample(code)) == code` for every
//! code but 0x7F, the second zero, which becomes [`SILENCE`].

#[cfg(target_arch = "x86_64")]
use super::avx2;

/// The code of a silent line: zero, with the sign bit of a positive sample.
pub const SILENCE: u8 = 0xFF;

/// Keeps the logarithm away from zero: 33 at 14 bits, by the recommendation.
const BIAS: i32 = 33;
/// The largest biased magnitude of 14 bits with sign.
const CLIP: i32 = 0x1FFF;
/// Exponent of the smallest biased magnitude (32..64) as `f32` has it, above four bits of mantissa.
const FIRST_CHORD: u32 = (127 + 5) << 4;

#[cfg(target_arch = "x86_64")]
static LINES: avx2::Lines = avx2::Lines::of(0xFF, &levels());

/// Encodes samples as mu-law and returns how many: the length of the shorter slice.
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

/// Decodes mu-law codes and returns how many: the length of the shorter slice.
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

/// The code of the level nearest to a sample, from 14 bits.
///
/// Free of branches and tables, so that a loop over it becomes vector code: the conversion to
/// `f32` finds the chord (exponent) and the step in it (first four bits of the mantissa) at once.
#[inline(always)]
#[must_use]
pub fn encode_sample(sample: i16) -> u8 {
    let sample = i32::from(sample);
    let sign = sample >> 31;
    let biased = (((sample ^ sign) >> 2) + BIAS).min(CLIP);
    let level = ((biased as f32).to_bits() >> 19).wrapping_sub(FIRST_CHORD);
    let positive = 0xFF ^ level;
    ((positive ^ (sign.cast_unsigned() & 0x80)) & 0xFF) as u8
}

/// The sample a code stands for.
#[inline(always)]
#[must_use]
pub const fn decode_sample(code: u8) -> i16 {
    let level = (!code) as u16;
    let sign = (level >> 7).wrapping_neg();
    let step = ((level & 0x0F) << 3) + 0x84;
    let magnitude = super::shift_by_chord(step, level >> 4) - 0x84;
    ((magnitude ^ sign).wrapping_sub(sign)).cast_signed()
}

/// The levels of all codes, as they are once what is inverted on the line is not.
#[cfg(target_arch = "x86_64")]
const fn levels() -> [i16; 256] {
    let mut levels = [0; 256];
    let mut code = 0_u8;
    loop {
        levels[code as usize] = decode_sample(code ^ 0xFF);
        if code == u8::MAX {
            return levels;
        }
        code += 1;
    }
}
