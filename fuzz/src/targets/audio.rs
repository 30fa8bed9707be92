//! G.711 against its twin of one sample; resampling and conversion, which give the same however
//! the sound is cut.

use voicekit_core::audio::{AudioChunk, AudioFormat, Encoding};
use voicekit_core::codec::{alaw, mulaw};
use voicekit_core::dsp::Converter;
use voicekit_core::dsp::resample::Resampler;

use crate::{Input, pieces};

const RATES: [u32; 10] =
    [8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000, 192_000];

/// Runs the target on one input; panics if what must hold does not.
pub fn run(data: &[u8]) {
    let mut input = Input(data);
    match input.below(3) {
        0 => g711(input),
        1 => resample(input),
        _ => convert(input),
    }
}

fn g711(input: Input<'_>) {
    let codes = input.0;
    let mut decoded = vec![0; codes.len()];
    assert_eq!(mulaw::decode(codes, &mut decoded), codes.len());
    assert!(codes.iter().zip(&decoded).all(|(code, one)| mulaw::decode_sample(*code) == *one));
    assert_eq!(alaw::decode(codes, &mut decoded), codes.len());
    assert!(codes.iter().zip(&decoded).all(|(code, one)| alaw::decode_sample(*code) == *one));

    let samples = input.samples();
    let mut encoded = vec![0; samples.len()];
    assert_eq!(mulaw::encode(&samples, &mut encoded), samples.len());
    assert!(samples.iter().zip(&encoded).all(|(one, code)| mulaw::encode_sample(*one) == *code));
    assert_eq!(alaw::encode(&samples, &mut encoded), samples.len());
    assert!(samples.iter().zip(&encoded).all(|(one, code)| alaw::encode_sample(*one) == *code));
}

fn rate(input: &mut Input<'_>) -> u32 {
    let chosen = input.byte();
    match RATES.get(usize::from(chosen % 12)) {
        Some(rate) => *rate,
        None => u32::from(input.short()) * u32::from(chosen / 12),
    }
}

fn resample(mut input: Input<'_>) {
    let (from, to, how) = (rate(&mut input), rate(&mut input), input.byte());
    let Ok(mut resampler) = Resampler::new(from, to) else { return };
    let samples = input.samples();
    let expected = resampler.output_len(samples.len());
    let mut whole = Vec::new();
    resampler.process(&samples, &mut whole);
    assert_eq!(whole.len(), expected);
    resampler.flush(&mut whole);

    let mut cut = Vec::new();
    for piece in pieces(&samples, how) {
        let (before, expected) = (cut.len(), resampler.output_len(piece.len()));
        resampler.process(piece, &mut cut);
        assert_eq!(cut.len() - before, expected);
    }
    resampler.flush(&mut cut);
    assert_eq!(cut, whole, "{from} to {to} Hz");
}

fn convert(mut input: Input<'_>) {
    let mut format = || {
        let encoding =
            [Encoding::Pcm16, Encoding::MuLaw, Encoding::ALaw][usize::from(input.below(3))];
        AudioFormat::new(encoding, rate(&mut input))
    };
    let (from, to) = (format(), format());
    let how = input.byte();
    let (Ok(mut first), Ok(mut second)) = (Converter::new(from, to), Converter::new(from, to))
    else {
        return;
    };
    let size = from.encoding.bytes_per_sample();
    let bytes = &input.0[..input.0.len() - input.0.len() % size];
    let chunk = |bytes: &[u8]| AudioChunk::new(from, bytes.to_vec()).expect("whole samples");
    let bytes_of = |chunk: AudioChunk| {
        assert_eq!(chunk.format(), to);
        chunk.bytes().to_vec()
    };
    let mut whole = bytes_of(first.process(&chunk(bytes)).expect("its format"));
    whole.extend(bytes_of(first.flush().expect("nothing can fail")));
    let mut cut = Vec::new();
    let frames: Vec<&[u8]> = bytes.chunks(size).collect();
    for piece in pieces(&frames, how) {
        cut.extend(bytes_of(second.process(&chunk(&piece.concat())).expect("its format")));
    }
    cut.extend(bytes_of(second.flush().expect("nothing can fail")));
    assert_eq!(cut, whole, "{from} to {to}");
}
