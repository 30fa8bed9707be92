//! What a call takes from the allocator. Counted, so the same on every machine.

use std::time::Duration;

use allocation_counter::{AllocationInfo, measure};
use futures::StreamExt;
use futures::future::join_all;
use tokio::runtime::Builder;
use voicekit::{Agent, Phrases};
use voicekit_core::audio::{AudioChunk, AudioFormat};
use voicekit_core::turn::Config;
use voicekit_local::Silero;
use voicekit_testkit::load::{Line, Model, Recogniser, Voice};
use voicekit_testkit::speech::recording;

const MINUTE: Duration = Duration::from_secs(60);
/// Longer than any call here.
const LONG: Duration = Duration::from_secs(3_000);
/// What a call that has begun and is quiet may hold: 64 KiB.
const IDLE_BYTES: i64 = 64 << 10;

#[test]
fn listening_allocates_nothing() {
    assert_eq!(in_steady_state(&silence(), None), 0);
}

#[test]
fn listening_to_somebody_who_speaks_allocates_nothing() {
    assert_eq!(in_steady_state(&speech(), None), 0);
}

#[test]
fn speaking_allocates_nothing() {
    assert_eq!(in_steady_state(&silence(), Some(LONG)), 0);
}

#[test]
fn being_listened_to_allocates_nothing_whether_they_read_or_not() {
    let minutes = |count: u32| overheard(count * MINUTE).count_total;
    assert_eq!(minutes(3) - minutes(2), 0);
}

#[test]
fn a_quiet_call_takes_little_memory() {
    let calls = 50;
    let one = held(calls, &silence(), None).bytes_current;
    let each = one / i64::try_from(calls).unwrap();
    assert!(each < IDLE_BYTES, "{each} bytes");
}

/// How many allocations the third minute of a call takes.
fn in_steady_state(frames: &[AudioChunk], greeting: Option<Duration>) -> u64 {
    let two = call(frames, 2 * MINUTE, greeting).count_total;
    let three = call(frames, 3 * MINUTE, greeting).count_total;
    three - two
}

fn call(frames: &[AudioChunk], length: Duration, greeting: Option<Duration>) -> AllocationInfo {
    let agent = agent(greeting);
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let line = Box::new(Line::new(frames, length));
    measure(|| {
        let report = runtime.block_on(agent.session(line).run());
        assert!(report.error.is_none());
        assert!(report.ended + Duration::from_millis(20) >= length.into());
    })
}

/// A call of an agent that speaks, with one who reads what they hear and one who does not.
fn overheard(length: Duration) -> AllocationInfo {
    let agent = agent(Some(LONG));
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let line = Box::new(Line::new(silence(), length));
    measure(|| {
        let session = agent.session(line);
        let (reads, _stuck) = (session.handle().listen().unwrap(), session.handle().listen());
        runtime.block_on(async {
            let (_, heard) = tokio::join!(session.run(), reads.count());
            assert!(heard > 10_000, "{heard}");
        });
    })
}

/// What `calls` calls hold after half a minute.
fn held(calls: usize, frames: &[AudioChunk], greeting: Option<Duration>) -> AllocationInfo {
    let agent = agent(greeting);
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let mut all = None;
    let held = measure(|| {
        let sessions = (0..calls).map(|_| {
            let line = Box::new(Line::new(frames, MINUTE));
            Box::pin(agent.session(line).run())
        });
        let mut running = Box::pin(join_all(sessions));
        runtime.block_on(async {
            tokio::select! {
                _ = &mut running => panic!("over"),
                () = tokio::time::sleep(MINUTE / 2) => {}
            }
        });
        all = Some(running);
    });
    drop(all);
    held
}

/// Nothing but sound comes in and goes out: nobody asks whether the caller is still there, and no
/// turn is ever over.
fn agent(greeting: Option<Duration>) -> Agent {
    let mut turn = Config::default();
    turn.idle = LONG;
    turn.turn_timeout = LONG;
    turn.endpoint.unjudged = LONG / 2;
    turn.endpoint.after_unlikely = LONG / 2;
    let mut phrases = Phrases::default();
    phrases.greeting = greeting.map(|_| "Good morning.".to_owned());
    Agent::builder()
        .instructions("You answer the telephone.")
        .turn(turn)
        .phrases(phrases)
        .asr(Recogniser::new(""))
        .llm(Model::new("Nine to five."))
        .tts(Voice::new(greeting.unwrap_or_default()))
        .vad(Silero::new)
        .build()
        .unwrap()
}

fn silence() -> Vec<AudioChunk> {
    vec![AudioChunk::silence(AudioFormat::PHONE, Duration::from_millis(20))]
}

fn speech() -> Vec<AudioChunk> {
    let codes = voicekit_testkit::mulaw::encode(&recording("goforward.wav").over_the_phone());
    let frames = codes.chunks_exact(160).map(<[u8]>::to_vec);
    frames.map(|codes| AudioChunk::new(AudioFormat::PHONE, codes).unwrap()).collect()
}
