//! What Silero costs for each window of 32 ms on recorded speech, beside the same network written
//! plainly in single precision, and beside earshot, a network made to be cheap; earshot listens at
//! 16 kHz to frames of 16 ms, and two of them are one step here.
#![expect(missing_docs, reason = "criterion's macros make items without any")]

use std::hint::black_box;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, criterion_group, criterion_main};
use voicekit_benches::reference::Reference;
use voicekit_core::vad::Vad;
use voicekit_local::Silero;
use voicekit_testkit::speech::recording;

/// Streams that take turns, as calls do, so that what a stream keeps is not in the first cache.
const STREAMS: usize = 100;

fn window_of_32_ms(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("vad, 32 ms");
    #[expect(clippy::expect_used, reason = "the weights are in the program")]
    let (silero, reference) = (
        Silero::new().expect("the weights are in the program"),
        Reference::new().expect("the weights are in the program"),
    );
    step(&mut group, "silero (100 streams in turn)", vec![silero.clone(); STREAMS]);
    step(&mut group, "silero", vec![silero]);
    step(&mut group, "silero, plain loops", vec![reference]);
    let speech = recording("librivox-0880.wav").samples;
    let mut windows = speech.chunks_exact(512).cycle();
    let mut detector = earshot::Detector::default();
    group.bench_function("silero, earshot", |b| {
        b.iter(|| {
            for frame in windows.next().unwrap_or_default().chunks_exact(256) {
                black_box(detector.predict_i16(black_box(frame)));
            }
        });
    });
    group.finish();
}

fn step<V: Vad>(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, mut streams: Vec<V>) {
    let speech = recording("librivox-0880.wav").over_the_phone();
    let mut windows = speech.chunks_exact(256).cycle();
    let mut next = 0;
    group.bench_function(name, |b| {
        b.iter(|| {
            next = (next + 1) % streams.len();
            streams[next].probability(black_box(windows.next().unwrap_or_default()))
        });
    });
}

criterion_group!(benches, window_of_32_ms);
criterion_main!(benches);
