//! G.711 mu-law, written from the recommendation's segments.
//!
//! The simulator does not share the codec of the library it tests.

/// The code of silence.
pub const SILENCE: u8 = 0xFF;

/// 16-bit samples as mu-law codes.
pub fn encode(samples: &[i16]) -> Vec<u8> {
    samples.iter().map(|&sample| encode_sample(sample)).collect()
}

/// Mu-law codes as 16-bit samples.
pub fn decode(codes: &[u8]) -> Vec<i16> {
    codes.iter().map(|&code| decode_sample(code)).collect()
}

fn encode_sample(sample: i16) -> u8 {
    // G.711 works on 14 bits: bias 33, clipped at 8159.
    let negative = sample < 0;
    let magnitude = if negative { !sample } else { sample }.unsigned_abs() >> 2;
    let biased = magnitude.min(8158) + 33;
    let segment = (15 - biased.leading_zeros()) - 5;
    let step = (biased >> (segment + 1)) & 0x0F;
    let code = (u8::try_from(segment).unwrap_or(7) << 4) | u8::try_from(step).unwrap_or(15);
    if negative { !code & 0x7F } else { !code }
}

fn decode_sample(code: u8) -> i16 {
    let level = !code;
    let segment = (level >> 4) & 0x07;
    let biased = ((i16::from(level & 0x0F) << 1) + 33) << segment;
    let magnitude = (biased - 33) << 2;
    if level & 0x80 != 0 { -magnitude } else { magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_survives_being_decoded_and_encoded_again() {
        for code in 0..=u8::MAX {
            let again = encode(&decode(&[code]))[0];
            // Both codes of zero decode to 0, whose code is 0xFF.
            assert!(again == code || (code == 0x7F && again == 0xFF), "{code:#x} {again:#x}");
        }
    }

    #[test]
    fn the_values_of_the_recommendation_hold() {
        assert_eq!(decode(&[0x00, 0x80, 0xFF, 0x7F]), [-32124, 32124, 0, 0]);
        assert_eq!(encode(&[0, -1, i16::MAX, i16::MIN]), [0xFF, 0x7F, 0x80, 0x00]);
    }
}
