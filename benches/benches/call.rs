//! What a minute of a call costs from the carrier's WebSocket to the engine and back, without the
//! kernel and without providers. Twelve seconds hold a question of three and an answer of six.
#![expect(missing_docs, reason = "criterion's macros make items without any")]
#![expect(clippy::unwrap_used, reason = "the agent's parts fit")]

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use voicekit_benches::minute::Minute;
use voicekit_core::vad::EnergyVad;
use voicekit_local::Silero;

fn minute(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("call");
    group.sample_size(20);
    let silero = Minute::new(Silero::new).unwrap();
    group.bench_function("minute, Silero", |b| b.iter(|| silero.hold().unwrap()));
    let energy = Minute::new(|| EnergyVad::new(8_000, Duration::from_millis(20))).unwrap();
    group.bench_function("minute, energy", |b| b.iter(|| energy.hold().unwrap()));
    group.finish();
}

criterion_group!(benches, minute);
criterion_main!(benches);
