//! Whole calls over the real media-stream protocol, served in memory, in virtual time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use voicekit::{Agent, CallEvent};
use voicekit_core::llm::Message;
use voicekit_core::time::Timestamp;
use voicekit_core::transport::EndReason;
use voicekit_testkit::carrier::{CallReport, Chaos, SimulatedCall, Webhook, in_memory};
use voicekit_testkit::fake::{FakeAsr, FakeLlm, FakeTts, FakeVad};
use voicekit_testkit::phone::tone;
use voicekit_testkit::script::{Outcome, Script};
use voicekit_twilio::TwilioConfig;

const HOURS: &str = "We are open from seven to six on weekdays. On Saturday we close at two.";

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// How each call ended on the agent's side, and its history.
type Ends = Arc<Mutex<Vec<(EndReason, Vec<Message>)>>>;

fn agent(ends: &Ends) -> Agent {
    let ends = Arc::clone(ends);
    Agent::builder()
        .greeting("Corner Bakery, good morning.")
        .asr(FakeAsr::new(["When are you open?", "On Sunday?", "Thanks."]).with_interims(None))
        .llm(FakeLlm::new([HOURS, "No, we are closed then.", "Goodbye!"]))
        .tts(FakeTts::new().with_word_times())
        .vad(|| Ok(FakeVad::new()))
        .observe(move |_| {
            let ends = Arc::clone(&ends);
            move |_: Timestamp, event: CallEvent<'_>| {
                if let CallEvent::Ended(report) = event {
                    ends.lock().unwrap().push((report.reason, report.messages.clone()));
                }
            }
        })
        .build()
        .unwrap()
}

async fn call(call: SimulatedCall) -> (CallReport, (EndReason, Vec<Message>)) {
    let ends = Ends::default();
    let routes = voicekit_twilio::routes(agent(&ends), TwilioConfig::local()).unwrap();
    let server = in_memory(Router::new().merge(routes));
    let webhook = Webhook::new("http://agent.test/twilio/voice");
    let instructions = webhook.request(server.connect()).await.unwrap();
    let report = call.follow(&webhook, instructions, server.connect()).await.unwrap();
    // The agent's side learns of the end when the socket closes.
    for _ in 0..100 {
        if !ends.lock().unwrap().is_empty() {
            break;
        }
        tokio::time::sleep(ms(100)).await;
    }
    let end = ends.lock().unwrap().pop().unwrap();
    (report, end)
}

#[tokio::test(start_paused = true)]
async fn three_turns_with_an_interruption_go_as_a_caller_would_want() {
    let script = Script::new()
        .say("hours", tone(ms(1_200)))
        .say("sunday", tone(ms(1_000)))
        .interrupt_after(0, ms(1_500))
        .say("thanks", tone(ms(700)));
    let (report, (reason, messages)) = call(SimulatedCall::new(script)).await;
    assert_eq!(report.outcome, Outcome::Completed);
    assert_eq!(report.violations, []);
    assert_eq!(reason, EndReason::CallerHungUp);

    let heard = &report.report;
    let [barge_in] = &heard.barge_ins[..] else { panic!("{:?}", heard.barge_ins) };
    let pause_after = ms(200);
    assert!(barge_in.clear_after.unwrap() <= pause_after + ms(300));
    let [clear] = &heard.clears[..] else { panic!("{:?}", heard.clears) };
    let next = heard.turns[1].answer.unwrap().utterance.start;
    let stale = heard.arrivals.iter().filter(|audio| audio.at > clear.at && audio.at < next);
    assert!(stale.count() <= 1);
    assert_eq!(heard.underruns, []);
    assert!(heard.latencies().iter().all(|latency| *latency < ms(1_400)));

    let Message::Agent { text, interrupted: true } = &messages[2] else { panic!("{messages:?}") };
    assert!(HOURS.starts_with(text.as_str()) && text.len() < HOURS.len());
    // What was remembered is what was audible, give or take the word at the cut.
    let audible = heard.turns[0].answer.unwrap().utterance.length().as_millis() / 300;
    let words = text.split_whitespace().count() as u128;
    assert!(words <= audible && words + 1 >= audible, "{words} words in {audible} lengths");
    assert_eq!(messages.last().unwrap().text(), "Goodbye!");
    assert_eq!(heard.caller_track().len(), heard.agent_track().len());
}

#[tokio::test(start_paused = true)]
async fn a_socket_that_dies_in_mid_word_ends_the_call_once() {
    let script = Script::new().say("hours", tone(ms(3_000)));
    let chaos = Chaos::new().vanish_at(ms(4_000));
    let (report, (reason, messages)) = call(SimulatedCall::new(script).with_chaos(chaos)).await;
    assert_eq!(report.outcome, Outcome::Lost);
    assert_eq!(reason, EndReason::Lost);
    assert_eq!(messages[0].text(), "Corner Bakery, good morning.");
}

#[tokio::test(start_paused = true)]
async fn lost_and_doubled_audio_does_not_disturb_the_conversation() {
    let script = Script::new().say("hours", tone(ms(1_500)));
    let chaos = Chaos::new().lose(130..=132).double(140..=143);
    let (report, (reason, messages)) = call(SimulatedCall::new(script).with_chaos(chaos)).await;
    assert_eq!(report.outcome, Outcome::Completed);
    assert_eq!(reason, EndReason::CallerHungUp);
    assert_eq!(messages[1].text(), "When are you open?");
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_stops_reading_does_not_stop_the_agent_from_listening() {
    let script = Script::new().say("hours", tone(ms(1_200))).say("sunday", tone(ms(900)));
    let chaos = Chaos::new().stall_reading(ms(3_500), ms(1_500));
    let (report, (_, messages)) = call(SimulatedCall::new(script).with_chaos(chaos)).await;
    assert_eq!(report.outcome, Outcome::Completed);
    assert_eq!(report.lost, 0);
    assert_eq!(messages[1].text(), "When are you open?");
}
