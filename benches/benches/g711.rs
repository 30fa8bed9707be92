//! G.711 on a frame of 20 ms, beside audio-codec-algorithms, which converts one sample at a time.
//!
//! "cold" is a frame whose code and data are not in the cache, as when a call has its turn among
//! thousands: 32 MiB are read before each.
#![expect(missing_docs, reason = "criterion's macros make items without any")]

use std::hint::black_box;

use audio_codec_algorithms as rival;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use voicekit_core::codec::{alaw, mulaw};

const FRAME: usize = 160;
const FLOOD: usize = 4 << 20;

fn hot(criterion: &mut Criterion) {
    let samples = loud();
    let codes: Vec<u8> = (0..=u8::MAX).cycle().step_by(7).take(FRAME).collect();
    let mut group = criterion.benchmark_group("g711");
    let mut out = [0; FRAME];
    group.bench_function("mu encode", |b| {
        b.iter(|| mulaw::encode(black_box(&samples), black_box(&mut out)));
    });
    group.bench_function("mu encode, audio-codec-algorithms", |b| {
        b.iter(|| each(&samples, &mut out, rival::encode_ulaw));
    });
    group.bench_function("a encode", |b| {
        b.iter(|| alaw::encode(black_box(&samples), black_box(&mut out)));
    });
    group.bench_function("a encode, audio-codec-algorithms", |b| {
        b.iter(|| each(&samples, &mut out, rival::encode_alaw));
    });
    let mut out = [0; FRAME];
    group.bench_function("mu decode", |b| {
        b.iter(|| mulaw::decode(black_box(&codes), black_box(&mut out)));
    });
    group.bench_function("mu decode, audio-codec-algorithms", |b| {
        b.iter(|| each(&codes, &mut out, rival::decode_ulaw));
    });
    group.bench_function("a decode", |b| {
        b.iter(|| alaw::decode(black_box(&codes), black_box(&mut out)));
    });
    group.bench_function("a decode, audio-codec-algorithms", |b| {
        b.iter(|| each(&codes, &mut out, rival::decode_alaw));
    });
    group.finish();
}

fn cold(criterion: &mut Criterion) {
    let samples = loud();
    let mut out = [0; FRAME];
    let table: Vec<u8> =
        (0..=u16::MAX).map(|bits| mulaw::encode_sample(bits.cast_signed())).collect();
    let flood = vec![1_u64; FLOOD / 8];
    let evict =
        || black_box(&flood).iter().step_by(8).fold(0_u64, |sum, word| sum.wrapping_add(*word));
    let mut group = criterion.benchmark_group("g711 cold");
    group.bench_function("mu encode", |b| {
        b.iter_batched(
            evict,
            |_| mulaw::encode(black_box(&samples), black_box(&mut out)),
            BatchSize::PerIteration,
        );
    });
    group.bench_function("mu encode, a table of 64 KiB", |b| {
        let code = |sample: i16| table[usize::from(sample.cast_unsigned())];
        b.iter_batched(evict, |_| each(&samples, &mut out, code), BatchSize::PerIteration);
    });
    group.bench_function("mu encode, bytes moved and nothing else", |b| {
        let low = |sample: i16| sample.to_le_bytes()[0];
        b.iter_batched(evict, |_| each(&samples, &mut out, low), BatchSize::PerIteration);
    });
    group.bench_function("mu encode, nothing", |b| {
        b.iter_batched(evict, |_| black_box(()), BatchSize::PerIteration);
    });
    group.finish();
}

/// Of all levels, so that a table is read all over.
fn loud() -> Vec<i16> {
    (i16::MIN..=i16::MAX).step_by(409).take(FRAME).collect()
}

fn each<I: Copy, O>(input: &[I], output: &mut [O], convert: impl Fn(I) -> O) {
    for (output, &input) in black_box(output).iter_mut().zip(black_box(input)) {
        *output = convert(input);
    }
}

criterion_group!(benches, hot, cold);
criterion_main!(benches);
