//! G.711 A-law: the code of telephone networks outside North America and Japan.
//!
//! Levels are those of tables 1a and 1b of ITU-T G.711 on samples of 16 bits: decoded values lie in
//! -32256..=32256 and are never zero. `encode_sample(decode_sample(code)) == code` for every code.

/// The code of a silent line: the smallest positive level.
pub const SILENCE: u8 = 0xD5;

/// Every second bit is inverted on the line, by the recommendation.
const LINE_MASK: u32 = 0x55;
/// Exponent of the lowest level of the second chord (16..32) as `f32` has it, less one, above four
/// bits of mantissa.
const FIRST_CHORD: u32 = (127 + 3) << 4;

/// Encodes samples as A-law and returns how many: the length of the shorter slice.
pub fn encode(samples: &[i16], codes: &mut [u8]) -> usize {
    for (code, &sample) in codes.iter_mut().zip(samples) {
        *code = encode_sample(sample);
    }
    samples.len().min(codes.len())
}

/// Decodes A-law codes and returns how many: the length of the shorter slice.
pub fn decode(codes: &[u8], samples: &mut [i16]) -> usize {
    for (sample, &code) in samples.iter_mut().zip(codes) {
        *sample = decode_sample(code);
    }
    samples.len().min(codes.len())
}

/// The code of the level nearest to a sample, from 12 bits of magnitude.
///
/// Free of branches and tables, so that a loop over it becomes vector code: the conversion to
/// `f32` finds the chord (exponent) and the step in it (first four bits of the mantissa) at once.
/// The first chord is linear.
#[inline]
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
#[inline]
#[must_use]
pub fn decode_sample(code: u8) -> i16 {
    let level = u16::from(code ^ 0x55);
    let sign = (level >> 7).wrapping_sub(1);
    let chord = (level >> 4) & 7;
    // 0 in the first chord, which has no leading bit and shares the step of the second; else 1.
    let curved = (chord + 7) >> 3;
    let step = ((level & 0x0F) << 4) + 8 + (curved << 8);
    let magnitude = super::shift_by_chord(step, chord - curved);
    ((magnitude ^ sign).wrapping_sub(sign)).cast_signed()
}
