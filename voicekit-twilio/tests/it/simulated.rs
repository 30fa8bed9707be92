//! Whole calls by the testkit's carrier, signed from end to end.

use std::time::Duration;

use futures::StreamExt;
use tokio::sync::mpsc;
use voicekit_core::audio::AudioChunk;
use voicekit_core::transport::{EndReason, Mark, Transport, TransportCommand, TransportEvent};
use voicekit_testkit::carrier::{CallReport, Chaos, SimulatedCall, Webhook, in_memory};
use voicekit_testkit::phone::tone;
use voicekit_testkit::script::{Outcome, Script};
use voicekit_twilio::{TwilioConfig, routes};

const MARK: Mark = Mark { reply: 1, position_us: 500_000 };

/// Greets, and hangs up when the greeting has been heard. Returns all that happened.
async fn greet(line: Box<dyn Transport>) -> Vec<TransportEvent> {
    let format = line.format();
    let (mut sink, mut events) = line.split();
    let greeting = voicekit_testkit::mulaw::encode(&tone(Duration::from_millis(500)));
    let greeting = AudioChunk::new(format, greeting).unwrap();
    sink.send(TransportCommand::Audio(greeting)).await.unwrap();
    sink.send(TransportCommand::Mark(MARK)).await.unwrap();
    let mut seen = Vec::new();
    while let Some(event) = events.next().await {
        let event = event.unwrap();
        if event == TransportEvent::Played(MARK) {
            sink.send(TransportCommand::HangUp).await.unwrap();
        }
        seen.push(event);
    }
    seen
}

async fn call(chaos: Chaos) -> (CallReport, Vec<TransportEvent>) {
    let (sender, mut seen) = mpsc::channel(1);
    let answer = move |line: Box<dyn Transport>| {
        let sender = sender.clone();
        async move { sender.send(greet(line).await).await.unwrap() }
    };
    let config = TwilioConfig::new("12345", "https://public.example");
    let server = in_memory(routes(answer, config).unwrap());
    let webhook = Webhook::new("http://127.0.0.1:8080/twilio/voice")
        .with_public_url("https://public.example/twilio/voice")
        .with_auth_token("12345");
    let instructions = webhook.request(server.connect()).await.unwrap();
    assert_eq!(instructions.url, "wss://public.example/twilio/media");
    let call = SimulatedCall::new(Script::new()).with_chaos(chaos);
    let report = call.follow(&webhook, instructions, server.connect()).await.unwrap();
    (report, seen.recv().await.unwrap())
}

/// Checks that audio has no holes, and returns its length in samples.
fn contiguous(events: &[TransportEvent]) -> u64 {
    let mut end = None;
    for event in events {
        let TransportEvent::Audio { at, chunk } = event else { continue };
        assert!(end.is_none_or(|end| end == at.samples), "a hole before {}", at.samples);
        end = Some(at.samples + chunk.samples() as u64);
    }
    end.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_greeting_is_heard_whole_before_the_agent_hangs_up() {
    let (call, seen) = call(Chaos::new()).await;
    assert_eq!(call.outcome, Outcome::AgentHungUp);
    assert_eq!(call.violations, []);
    assert_eq!(call.close_code, Some(1000));
    assert!(call.report.marks.iter().all(|mark| mark.returned == Some(mark.due) && !mark.cleared));
    assert_eq!(seen.last(), Some(&TransportEvent::Ended(EndReason::AgentHungUp)));
    let heard = contiguous(&seen);
    assert!((23 * 160..=26 * 160).contains(&heard), "{heard}");
}

#[tokio::test(start_paused = true)]
async fn a_carrier_that_loses_and_repeats_audio_leaves_no_hole() {
    let (call, seen) = call(Chaos::new().lose(5..=8).double(12..=14)).await;
    assert_eq!(call.violations, []);
    let heard = contiguous(&seen);
    assert!((23 * 160..=26 * 160).contains(&heard), "{heard}");
}

#[tokio::test(start_paused = true)]
async fn a_carrier_that_vanishes_loses_the_line() {
    let (_, seen) = call(Chaos::new().vanish_at(Duration::from_millis(200))).await;
    assert_eq!(seen.last(), Some(&TransportEvent::Ended(EndReason::Lost)));
}
