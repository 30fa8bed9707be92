//! The fakes, in virtual time.

use std::time::Duration;

use futures::stream::BoxStream;
use futures::{StreamExt, stream};
use tokio::time::{Instant, sleep, timeout};
use voicekit_core::asr::{Asr, AsrEvent, AsrInput, AsrRequest};
use voicekit_core::audio::{AudioChunk, AudioFormat};
use voicekit_core::error::{ErrorKind, Result};
use voicekit_core::llm::{ChatEvent, ChatRequest, Llm, Message};
use voicekit_core::retrieve::{Embedder, Query, Retriever};
use voicekit_core::store::{SessionRecord, SessionStore};
use voicekit_core::transport::{
    Digit, EndReason, Mark, Transport, TransportCommand, TransportEvent, TransportSink,
};
use voicekit_core::tts::{Spoken, Tts, TtsRequest};
use voicekit_core::vad::Vad;
use voicekit_testkit::fake::{
    FakeAsr, FakeEmbedder, FakeLlm, FakeRetriever, FakeTts, FakeVad, Fate, Fault, LineHandle,
    MemoryStore, line, scripted_line,
};
use voicekit_testkit::mulaw;
use voicekit_testkit::phone::{silence, tone};
use voicekit_testkit::script::{Outcome, Script};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Inputs at times, then none for ever.
fn feed(items: Vec<(u64, AsrInput)>) -> BoxStream<'static, AsrInput> {
    let start = Instant::now();
    stream::iter(items)
        .then(move |(at, item)| async move {
            tokio::time::sleep_until(start + ms(at)).await;
            item
        })
        .chain(stream::pending())
        .boxed()
}

/// Events until nothing has come for 5 s: when, and what.
async fn heard(mut events: BoxStream<'static, Result<AsrEvent>>) -> Vec<(u128, String)> {
    let start = Instant::now();
    let mut heard = Vec::new();
    while let Ok(Some(event)) = timeout(ms(5_000), events.next()).await {
        let text = match event {
            Ok(AsrEvent::Interim(t)) => format!("interim {}", t.text),
            Ok(AsrEvent::Final(t)) if t.finalized => format!("finalized {}", t.text),
            Ok(AsrEvent::Final(t)) => format!("final {}", t.text),
            other => format!("{other:?}"),
        };
        heard.push((start.elapsed().as_millis(), text));
    }
    heard
}

fn said(events: &[(u128, &str)]) -> Vec<(u128, String)> {
    events.iter().map(|&(at, text)| (at, text.to_owned())).collect()
}

#[tokio::test(start_paused = true)]
async fn the_recogniser_hears_the_script_as_the_caller_speaks() {
    let asr = FakeAsr::new(["two words", "again"]);
    let input = feed(vec![
        (0, AsrInput::SpeechStarted),
        (900, AsrInput::SpeechEnded),
        (1_000, AsrInput::Finalize),
        (2_000, AsrInput::Finalize),
        (3_000, AsrInput::Finalize),
    ]);
    let events = asr.recognize(AsrRequest::new(AudioFormat::PHONE), input).await.unwrap();
    let expected = [
        (200, "interim two"),
        (400, "interim two words"),
        (1_100, "finalized two words"),
        (2_100, "finalized again"),
        (3_100, "finalized "),
    ];
    assert_eq!(heard(events).await, said(&expected));
    assert_eq!(asr.journal().calls()[0].hints.len(), 5);
    assert_eq!(asr.journal().fates(), [Fate::Dropped]);
}

#[tokio::test(start_paused = true)]
async fn a_recogniser_with_its_own_endpointing_leaves_nothing_to_finalise() {
    let asr = FakeAsr::new(["hello"]).with_interims(None).with_own_endpointing(ms(50));
    let input = feed(vec![
        (0, AsrInput::SpeechStarted),
        (500, AsrInput::SpeechEnded),
        (700, AsrInput::Finalize),
    ]);
    let events = asr.recognize(AsrRequest::new(AudioFormat::PHONE), input).await.unwrap();
    assert_eq!(heard(events).await, said(&[(550, "final hello"), (800, "finalized ")]));
}

#[tokio::test(start_paused = true)]
async fn faults_come_where_they_were_put() {
    let llm = FakeLlm::new(["one two three"])
        .with_fault(0, Fault::Refuse(ErrorKind::Quota))
        .with_fault(1, Fault::Fail(0, ErrorKind::Timeout))
        .with_fault(2, Fault::Fail(2, ErrorKind::Connection))
        .with_fault(3, Fault::Stall(1))
        .with_fault(4, Fault::Truncate(2));
    let request = ChatRequest::new("", [Message::caller("count")]);
    let refused = llm.chat(request.clone()).await.err().unwrap();
    assert_eq!(refused.kind(), ErrorKind::Quota);
    let mut shapes = Vec::new();
    for _ in 1..6 {
        let mut stream = llm.chat(request.clone()).await.unwrap();
        let mut shape = String::new();
        loop {
            match timeout(ms(10_000), stream.next()).await {
                Ok(Some(Ok(ChatEvent::Text(text)))) => shape += text.trim(),
                Ok(Some(Ok(_))) => shape += ".",
                Ok(Some(Err(error))) => shape += &format!("{:?}", error.kind()),
                Ok(None) => break,
                Err(_) => {
                    shape += "…";
                    break;
                }
            }
        }
        shapes.push(shape);
    }
    assert_eq!(shapes, ["Timeout", "onetwoConnection", "one…", "onetwo", "onetwothree."]);
    let fates = [Fate::Dropped, Fate::Ended, Fate::Ended, Fate::Dropped, Fate::Ended, Fate::Ended];
    assert_eq!(llm.journal().fates(), fates);
    assert_eq!(llm.journal().calls()[5].said, "one two three");
}

#[tokio::test(start_paused = true)]
async fn a_model_streams_with_its_delays_and_its_cancellation_is_seen() {
    let llm = FakeLlm::answering(|request| format!("you said {}", request.messages[0].text()));
    let start = Instant::now();
    let mut stream = llm.chat(ChatRequest::new("", [Message::caller("hi")])).await.unwrap();
    assert_eq!(stream.next().await.unwrap().unwrap(), ChatEvent::Text("you ".to_owned()));
    assert_eq!(start.elapsed(), ms(200));
    stream.next().await.unwrap().unwrap();
    assert_eq!(start.elapsed(), ms(220));
    drop(stream);
    assert_eq!(llm.journal().fates(), [Fate::Dropped]);
    assert_eq!(llm.journal().calls()[0].said, "you said ");
}

#[tokio::test(start_paused = true)]
async fn a_voice_hums_a_word_at_a_time() {
    let tts = FakeTts::new().with_word_times();
    let text = stream::iter(["Good ".to_owned(), "day — sir.".to_owned()]).boxed();
    let start = Instant::now();
    let spoken = tts.speak(TtsRequest::new(AudioFormat::PHONE), text).await.unwrap();
    let items: Vec<Spoken> = spoken.map(Result::unwrap).collect().await;
    let words: Vec<_> = items
        .iter()
        .filter_map(|item| match item {
            Spoken::Word(word) => Some((word.text.as_str(), word.start.as_millis())),
            _ => None,
        })
        .collect();
    assert_eq!(words, [("Good", 0), ("day", 300), ("sir.", 600)]);
    assert_eq!(start.elapsed(), ms(200), "100 ms for each clause");
    assert_eq!(tts.journal().calls()[0].audio, ms(900));
    assert_eq!(tts.journal().fates(), [Fate::Ended]);
}

#[test]
fn a_tone_is_speech_and_silence_is_not() {
    let mut vad = FakeVad::new();
    assert_eq!(vad.probability(&tone(ms(20))), 1.0);
    assert_eq!(vad.probability(&silence(ms(20))), 0.0);
    assert_eq!(vad.probability(&[]), 0.0);
}

#[tokio::test(start_paused = true)]
async fn knowledge_is_found_by_its_words() {
    let retriever = FakeRetriever::new([
        ("hours", "We are open from nine to five."),
        ("cakes", "We bake cakes on Fridays."),
    ]);
    let found = retriever.retrieve(&Query::new("When do you bake cakes?")).await.unwrap();
    assert_eq!(found[0].id, "cakes");
    assert!(retriever.retrieve(&Query::new("parking")).await.unwrap().is_empty());
    let texts = ["same words".to_owned(), "Same, words!".to_owned(), "other".to_owned()];
    let embeddings = FakeEmbedder::new().embed(&texts).await.unwrap();
    assert!(embeddings[0].similarity(&embeddings[1]) > 0.999);
    assert!(embeddings[0].similarity(&embeddings[2]) < 0.5);
}

#[tokio::test]
async fn the_store_keeps_its_contract() {
    let store = MemoryStore::new();
    let record = SessionRecord::new(vec![Message::caller("hello")]);
    assert_eq!(store.load("a").await.unwrap(), None);
    store.forget("a").await.unwrap();
    store.save("a", &record, Duration::MAX).await.unwrap();
    assert_eq!(store.load("a").await.unwrap(), Some(record));
    store.save("a", &SessionRecord::default(), Duration::MAX).await.unwrap();
    assert_eq!(store.records()["a"], SessionRecord::default());
    assert!(store.failing(ErrorKind::Connection).load("a").await.is_err());
}

type Line = (Box<dyn TransportSink>, BoxStream<'static, Result<TransportEvent>>, LineHandle);

fn open() -> Line {
    let (line, handle) = line();
    let (sink, events) = (Box::new(line) as Box<dyn Transport>).split();
    (sink, events, handle)
}

fn sound(length: u64) -> TransportCommand {
    let codes = mulaw::encode(&tone(ms(length)));
    TransportCommand::Audio(AudioChunk::new(AudioFormat::PHONE, codes).unwrap())
}

const fn mark(position_us: u64) -> Mark {
    Mark { reply: 1, position_us }
}

/// What comes within `length` beside audio: when, and what.
async fn within(
    length: Duration,
    handle: &LineHandle,
    events: &mut BoxStream<'static, Result<TransportEvent>>,
) -> Vec<(u64, TransportEvent)> {
    let end = Instant::now() + length;
    let mut seen = Vec::new();
    while let Ok(Some(event)) = tokio::time::timeout_at(end, events.next()).await {
        match event.unwrap() {
            TransportEvent::Audio { .. } => {}
            event => seen.push((handle.now().as_millis(), event)),
        }
    }
    seen
}

#[tokio::test(start_paused = true)]
async fn a_line_tells_played_marks_from_cleared_ones() {
    let (mut sink, mut events, handle) = open();
    sink.send(sound(300)).await.unwrap();
    sink.send(TransportCommand::Mark(mark(300_000))).await.unwrap();
    sink.send(sound(1_000)).await.unwrap();
    sink.send(TransportCommand::Mark(mark(1_300_000))).await.unwrap();
    let early = within(ms(500), &handle, &mut events).await;
    assert_eq!(early, [(300, TransportEvent::Played(mark(300_000)))]);
    sink.send(TransportCommand::Clear).await.unwrap();
    let late = within(ms(2_000), &handle, &mut events).await;
    assert_eq!(late, [(500, TransportEvent::Cleared(mark(1_300_000)))]);
    assert_eq!(handle.report().agent_speech(), ms(500));
    assert_eq!(handle.commands().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_line_carries_the_caller_in_frames_without_gaps() {
    let (_sink, mut events, handle) = open();
    handle.say_after(ms(100), "hello", &tone(ms(200)));
    handle.press(Digit::new('5').unwrap());
    let mut next = 0;
    let mut loud = Vec::new();
    for _ in 0..21 {
        match events.next().await.unwrap().unwrap() {
            TransportEvent::Audio { at, chunk } => {
                assert_eq!((at.samples, chunk.samples()), (next, 160));
                next += 160;
                loud.push(mulaw::decode(chunk.bytes()).iter().any(|s| s.abs() > 1_000));
            }
            event => assert_eq!(event, TransportEvent::Dtmf(Digit::new('5').unwrap())),
        }
    }
    assert_eq!(loud.iter().position(|&loud| loud), Some(5));
    assert_eq!(loud.iter().filter(|&&loud| loud).count(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_line_ends_exactly_once_whoever_hangs_up() {
    let (mut sink, mut events, handle) = open();
    sink.send(TransportCommand::HangUp).await.unwrap();
    handle.hang_up();
    let ended = TransportEvent::Ended(EndReason::AgentHungUp);
    assert_eq!(within(ms(100), &handle, &mut events).await, [(0, ended)]);
    assert!(events.next().await.is_none());
    assert_eq!(sink.send(sound(20)).await.unwrap_err().kind(), ErrorKind::Connection);

    let (_sink, mut events, handle) = open();
    handle.hang_up();
    let ended = TransportEvent::Ended(EndReason::CallerHungUp);
    assert_eq!(within(ms(100), &handle, &mut events).await, [(0, ended)]);

    let (_sink, mut events, handle) = open();
    handle.fail(ErrorKind::Connection);
    assert_eq!(events.next().await.unwrap().unwrap_err().kind(), ErrorKind::Connection);
    assert!(events.next().await.is_none());
    assert_eq!(handle.ended().await, Outcome::Lost);
}

#[tokio::test(start_paused = true)]
async fn dropping_both_halves_hangs_up() {
    let (sink, events, handle) = open();
    drop(sink);
    sleep(ms(50)).await;
    assert!(timeout(ms(50), handle.ended()).await.is_err());
    drop(events);
    assert_eq!(handle.ended().await, Outcome::AgentHungUp);
    assert_eq!(handle.report().length, ms(100));
}

#[tokio::test(start_paused = true)]
async fn audio_in_another_format_is_refused() {
    let (mut sink, _events, _handle) = open();
    let linear = AudioChunk::from_pcm(8_000, &tone(ms(20)));
    let error = sink.send(TransportCommand::Audio(linear)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
}

#[tokio::test(start_paused = true)]
async fn a_scripted_line_holds_a_call_without_a_carrier() {
    let script = Script::new().say("hello", tone(ms(400)));
    let (line, handle) = scripted_line(script);
    let agent = tokio::spawn(async move {
        let (mut sink, mut events) = (Box::new(line) as Box<dyn Transport>).split();
        sink.send(sound(500)).await.unwrap();
        let mut loud = 0;
        while let Some(Ok(event)) = events.next().await {
            let TransportEvent::Audio { chunk, .. } = event else { continue };
            let speaking = mulaw::decode(chunk.bytes()).iter().any(|s| s.abs() > 1_000);
            if loud > 0 && !speaking {
                sink.send(sound(600)).await.unwrap();
            }
            loud = if speaking { loud + 1 } else { 0 };
        }
    });
    assert_eq!(handle.ended().await, Outcome::Completed);
    agent.await.unwrap();
    let latency = handle.report().latencies();
    assert!(latency.len() == 1 && latency[0] <= ms(40), "{latency:?}");
}
