//! The resampler on a frame of 20 ms, beside rubato as tuned for the same delay and quality: a sinc of
//! 32 periods of the lower rate, nearest of as many phases as the ratio needs, Blackman's window, a
//! cutoff of 0.92. Both work on `f32` and keep what they need from frame to frame.
#![expect(missing_docs, reason = "criterion's macros make items without any")]
#![expect(clippy::unwrap_used, reason = "the rates and lengths are right")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{
    Async, FixedAsync, Resampler as _, SincInterpolationParameters, SincInterpolationType,
    WindowFunction,
};
use voicekit_core::dsp::resample::Resampler;

const RATES: [(u32, u32); 6] = [
    (8_000, 16_000),
    (16_000, 8_000),
    (24_000, 8_000),
    (8_000, 24_000),
    (48_000, 8_000),
    (22_050, 8_000),
];
const PERIODS: usize = 32;

fn frames(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("resample");
    for (from, to) in RATES {
        let frame = vec![0.1_f32; (from / 50) as usize];
        let name = format!("{} to {} kHz", f64::from(from) / 1e3, f64::from(to) / 1e3);
        let mut resampler = Resampler::new(from, to).unwrap();
        let mut output = Vec::with_capacity(4_096);
        group.bench_function(&name, |b| {
            b.iter(|| {
                output.clear();
                resampler.process_f32(black_box(&frame), &mut output);
                output.len()
            });
        });
        let mut rival = rival(from, to, frame.len());
        let mut output = vec![0.0_f32; 4_096];
        group.bench_function(format!("{name}, rubato"), |b| {
            b.iter(|| {
                let input = InterleavedSlice::new(black_box(&frame[..]), 1, frame.len()).unwrap();
                let mut output = InterleavedSlice::new_mut(&mut output[..], 1, 4_096).unwrap();
                rival.process_into_buffer(&input, &mut output, None).unwrap()
            });
        });
    }
    group.finish();
}

fn rival(from: u32, to: u32, frame: usize) -> Async<f32> {
    let divisor = divisor(from, to);
    let (up, down) = ((to / divisor) as usize, (from / divisor) as usize);
    let parameters = SincInterpolationParameters {
        sinc_len: PERIODS * down.div_ceil(up),
        f_cutoff: Some(0.92),
        interpolation: SincInterpolationType::Nearest,
        oversampling_factor: up,
        window: WindowFunction::Blackman,
    };
    let ratio = f64::from(to) / f64::from(from);
    Async::new_sinc(ratio, 1.0, &parameters, frame, 1, FixedAsync::Input).unwrap()
}

fn divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { divisor(b, a % b) }
}

criterion_group!(benches, frames);
criterion_main!(benches);
