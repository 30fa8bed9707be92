//! What one step of the turn engine costs. A call takes some fifty a second.
#![expect(missing_docs, reason = "criterion's macros make items without any")]
#![expect(clippy::unwrap_used, reason = "the default configuration fits")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use voicekit_core::time::Timestamp;
use voicekit_core::transport::Mark;
use voicekit_core::turn::{Action, Config, Engine, Event, ReplyId};

/// A call in which the agent is speaking, and the number of what it says.
fn speaking() -> (Engine, ReplyId) {
    let mut engine = Engine::new(Config::default()).unwrap();
    engine.handle(Timestamp::ZERO, Event::Started);
    let mut greeting = None;
    while let Some(action) = engine.poll_action() {
        if let Action::Reply { reply, .. } = action {
            greeting = Some(reply);
        }
    }
    let reply = greeting.unwrap();
    let text = "Good morning, how can I help you?".to_owned();
    engine.handle(Timestamp::ZERO, Event::Clause { reply, text });
    engine.handle(Timestamp::ZERO, Event::Audio { reply, duration: Duration::from_secs(3) });
    while engine.poll_action().is_some() {}
    (engine, reply)
}

/// Measures a step that is taken over and over while the agent speaks; every other one differs.
fn step(criterion: &mut Criterion, name: &str, event: impl Fn(ReplyId, bool) -> Event) {
    let (mut engine, reply) = speaking();
    let now = Timestamp::from_millis(20);
    let mut odd = false;
    criterion.bench_function(name, |bencher| {
        bencher.iter(|| {
            odd = !odd;
            engine.handle(now, black_box(event(reply, odd)));
            while let Some(action) = engine.poll_action() {
                black_box(action);
            }
            black_box(engine.poll_timeout())
        });
    });
}

fn steps(criterion: &mut Criterion) {
    step(criterion, "silence", |_, _| Event::Voice(0.1));
    step(criterion, "voice", |_, odd| Event::Voice(if odd { 0.9 } else { 0.1 }));
    step(criterion, "interim", |_, odd| {
        Event::Interim(if odd { "yeah" } else { "yeah right okay" }.to_owned())
    });
    step(criterion, "audio", |reply, _| Event::Audio {
        reply,
        duration: Duration::from_millis(20),
    });
    step(criterion, "played", |reply, _| {
        Event::Played(Mark { reply: reply.number(), position_us: 20_000 })
    });
}

criterion_group!(benches, steps);
criterion_main!(benches);
