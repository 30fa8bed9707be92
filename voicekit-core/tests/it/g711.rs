//! G.711 against the recommendation's tables, on every input.

use voicekit_core::codec::{alaw, mulaw};

const MU_DECODE: &[u8; 512] = include_bytes!("../data/g711/mu_decode.s16le");
const MU_ENCODE: &[u8; 65_536] = include_bytes!("../data/g711/mu_encode.u8");
const A_DECODE: &[u8; 512] = include_bytes!("../data/g711/a_decode.s16le");
const A_ENCODE: &[u8; 65_536] = include_bytes!("../data/g711/a_encode.u8");

fn all_samples() -> Vec<i16> {
    (i16::MIN..=i16::MAX).collect()
}

fn all_codes() -> Vec<u8> {
    (u8::MIN..=u8::MAX).collect()
}

fn samples_of(table: &[u8]) -> Vec<i16> {
    table.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
}

#[test]
fn mu_law_gives_the_recommended_code_for_every_sample() {
    let mut codes = vec![0; 65_536];
    assert_eq!(mulaw::encode(&all_samples(), &mut codes), 65_536);
    for (sample, (code, expected)) in all_samples().into_iter().zip(codes.iter().zip(MU_ENCODE)) {
        assert_eq!(code, expected, "sample {sample}");
    }
}

#[test]
fn mu_law_gives_the_recommended_sample_for_every_code() {
    let mut samples = vec![0; 256];
    assert_eq!(mulaw::decode(&all_codes(), &mut samples), 256);
    assert_eq!(samples, samples_of(MU_DECODE));
}

#[test]
fn a_law_gives_the_recommended_code_for_every_sample() {
    let mut codes = vec![0; 65_536];
    assert_eq!(alaw::encode(&all_samples(), &mut codes), 65_536);
    for (sample, (code, expected)) in all_samples().into_iter().zip(codes.iter().zip(A_ENCODE)) {
        assert_eq!(code, expected, "sample {sample}");
    }
}

#[test]
fn a_law_gives_the_recommended_sample_for_every_code() {
    let mut samples = vec![0; 256];
    assert_eq!(alaw::decode(&all_codes(), &mut samples), 256);
    assert_eq!(samples, samples_of(A_DECODE));
}

#[test]
fn a_code_survives_decoding_except_the_second_zero_of_mu_law() {
    for code in all_codes() {
        let expected = if code == 0x7F { mulaw::SILENCE } else { code };
        assert_eq!(mulaw::encode_sample(mulaw::decode_sample(code)), expected);
        assert_eq!(alaw::encode_sample(alaw::decode_sample(code)), code);
    }
}

#[test]
fn a_louder_sample_never_decodes_to_a_quieter_one() {
    for round_trip in [
        (|sample| mulaw::decode_sample(mulaw::encode_sample(sample))) as fn(i16) -> i16,
        |sample| alaw::decode_sample(alaw::encode_sample(sample)),
    ] {
        let decoded: Vec<i16> = all_samples().into_iter().map(round_trip).collect();
        assert!(decoded.is_sorted());
    }
}

#[test]
fn the_error_is_at_most_half_a_step_below_the_clip() {
    for sample in -32_000..=32_000_i16 {
        let magnitude = i32::from(if sample < 0 { !sample } else { sample });
        let mu_step = 8 << ((magnitude + 132).ilog2() - 7);
        let mu_error =
            i32::from(mulaw::decode_sample(mulaw::encode_sample(sample))) - i32::from(sample);
        assert!(mu_error.abs() <= mu_step / 2, "mu-law {sample}: {mu_error}");
        let a_step = 16 << (magnitude / 256).max(1).ilog2();
        let a_error =
            i32::from(alaw::decode_sample(alaw::encode_sample(sample))) - i32::from(sample);
        assert!(a_error.abs() <= a_step / 2, "A-law {sample}: {a_error}");
    }
}

#[test]
fn silence_decodes_to_the_smallest_level() {
    assert_eq!(mulaw::decode_sample(mulaw::SILENCE), 0);
    assert_eq!(alaw::decode_sample(alaw::SILENCE), 8);
    assert_eq!(mulaw::encode_sample(0), mulaw::SILENCE);
    assert_eq!(alaw::encode_sample(0), alaw::SILENCE);
}

#[test]
fn the_shorter_slice_bounds_the_conversion() {
    let mut codes = [0; 2];
    assert_eq!(mulaw::encode(&[0; 5], &mut codes), 2);
    assert_eq!(codes, [mulaw::SILENCE; 2]);
    let mut samples = [7; 3];
    assert_eq!(alaw::decode(&[alaw::SILENCE], &mut samples), 1);
    assert_eq!(samples, [8, 7, 7]);
}

/// Blocks of vectors and what is left over beside them, at every length and alignment.
#[test]
fn slices_of_any_length_are_as_their_samples() {
    let samples: Vec<i16> = all_samples().into_iter().step_by(151).collect();
    let bytes: Vec<u8> = [all_codes(), all_codes()].concat();
    for length in 0..200 {
        for from in [0, 1, 7, 33] {
            let (samples, bytes) = (&samples[from..from + length], &bytes[from..from + length]);
            let (mut codes, mut levels) = (vec![0; length], vec![0; length]);
            assert_eq!(mulaw::encode(samples, &mut codes), length);
            assert!(codes.iter().zip(samples).all(|(c, &s)| *c == mulaw::encode_sample(s)));
            assert_eq!(mulaw::decode(bytes, &mut levels), length);
            assert!(levels.iter().zip(bytes).all(|(s, &c)| *s == mulaw::decode_sample(c)));
            assert_eq!(alaw::encode(samples, &mut codes), length);
            assert!(codes.iter().zip(samples).all(|(c, &s)| *c == alaw::encode_sample(s)));
            assert_eq!(alaw::decode(bytes, &mut levels), length);
            assert!(levels.iter().zip(bytes).all(|(s, &c)| *s == alaw::decode_sample(c)));
        }
    }
}
