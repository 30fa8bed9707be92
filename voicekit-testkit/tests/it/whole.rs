//! The whole product in memory: carrier, Twilio adapter, session, engine and fakes, in virtual
//! time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use voicekit::{Agent, CallEvent};
use voicekit_core::llm::Message;
use voicekit_core::time::Timestamp;
use voicekit_core::transport::EndReason;
use voicekit_testkit::carrier::{CallReport, Chaos, SimulatedCall, Webhook, in_memory};
use voicekit_testkit::fake::{FakeAsr, FakeLlm, FakeTts, FakeVad, Fate};
use voicekit_testkit::phone::tone;
use voicekit_testkit::script::{Outcome, Script};
use voicekit_twilio::TwilioConfig;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// How each call ended and what was said in it.
type Ended = Vec<(EndReason, Vec<Message>)>;

/// An agent on fakes, and what its calls came to.
struct Office {
    llm: FakeLlm,
    tts: FakeTts,
    ended: Arc<Mutex<Ended>>,
    agent: Agent,
}

impl Office {
    fn new() -> Self {
        let opening = "We are open from nine to five on every day of the week but Sunday. ";
        let llm = FakeLlm::new([opening.repeat(4), "You are welcome.".to_owned()]);
        let tts = FakeTts::new().with_word_times();
        let ended = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&ended);
        let agent = Agent::builder()
            .asr(FakeAsr::new(["When are you open?", "Thank you very much."]))
            .llm(llm.clone())
            .tts(tts.clone())
            .vad(|| Ok(FakeVad::new()))
            .greeting("Good morning.")
            .observe(move |_| {
                let log = Arc::clone(&log);
                move |_: Timestamp, event: CallEvent<'_>| {
                    if let CallEvent::Ended(report) = event {
                        log.lock().unwrap().push((report.reason, report.messages.clone()));
                    }
                }
            })
            .build()
            .unwrap();
        Self { llm, tts, ended, agent }
    }

    async fn call(&self, call: SimulatedCall) -> CallReport {
        let config = TwilioConfig::new("secret", "https://agent.example.com");
        let server = in_memory(voicekit_twilio::routes(self.agent.clone(), config).unwrap());
        let webhook =
            Webhook::new("https://agent.example.com/twilio/voice").with_auth_token("secret");
        let instructions = webhook.request(server.connect()).await.unwrap();
        let report = call.follow(&webhook, instructions, server.connect()).await.unwrap();
        // The server's tasks see the end, too.
        tokio::time::sleep(ms(10_000)).await;
        report
    }

    fn ended(&self) -> Ended {
        self.ended.lock().unwrap().clone()
    }
}

fn script() -> Script {
    Script::new().say("question", tone(ms(900))).say("thanks", tone(ms(900)))
}

#[tokio::test(start_paused = true)]
async fn a_conversation_is_held_without_a_violation() {
    let office = Office::new();
    let call = office.call(SimulatedCall::new(script())).await;
    assert_eq!(call.outcome, Outcome::Completed);
    assert_eq!(call.violations, []);
    assert_eq!(call.lost, 0);
    assert_eq!(call.report.latencies().len(), 2);
    assert!(call.report.underruns.is_empty(), "{:?}", call.report.underruns);
    assert!(call.report.barge_ins.is_empty() && call.report.clears.is_empty());
    let ended = office.ended();
    assert_eq!((ended.len(), ended[0].0), (1, EndReason::CallerHungUp));
    let words: Vec<&str> = ended[0].1.iter().map(Message::text).collect();
    assert_eq!(words[0], "Good morning.");
    assert_eq!(words[1], "When are you open?");
    assert_eq!(words[3..], ["Thank you very much.", "You are welcome."]);
}

#[tokio::test(start_paused = true)]
async fn an_interruption_silences_the_agent_and_cuts_its_memory() {
    let office = Office::new();
    let call = office.call(SimulatedCall::new(script().interrupt_after(0, ms(1_500)))).await;
    assert_eq!(call.outcome, Outcome::Completed);
    let barge_in = call.report.barge_ins[0];
    assert!(barge_in.silence_after < ms(800), "{barge_in:?}");
    let clear = &call.report.clears[0];
    assert!(clear.next_audio.is_none_or(|at| at > clear.at), "audio on the heels of a clear");
    assert!(clear.dropped > Duration::ZERO, "nothing was left to clear");
    let ended = office.ended();
    let Message::Agent { text, interrupted: true } = &ended[0].1[2] else {
        panic!("{:?}", ended[0].1)
    };
    let heard = text.split_whitespace().count();
    // 1.5 s to the onset and up to 0.8 s after it, at 300 ms a word.
    assert!((5..=8).contains(&heard), "{heard} words heard: {text}");
    assert!(office.tts.journal().fates().contains(&Fate::Dropped), "the voice was cancelled");
    assert_eq!(office.llm.journal().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_same_call_goes_the_same_way_every_time() {
    let script = || script().interrupt_after(0, ms(1_500));
    let first = Office::new().call(SimulatedCall::new(script())).await;
    for _ in 0..5 {
        assert_eq!(Office::new().call(SimulatedCall::new(script())).await, first);
    }
}

#[tokio::test(start_paused = true)]
async fn a_carrier_that_vanishes_ends_the_session_once() {
    for at in [500, 3_000, 5_000] {
        let office = Office::new();
        let chaos = Chaos::new().vanish_at(ms(at));
        let call = office.call(SimulatedCall::new(script()).with_chaos(chaos)).await;
        assert_eq!(call.outcome, Outcome::Lost);
        let ended = office.ended();
        assert_eq!((ended.len(), ended[0].0), (1, EndReason::Lost), "after {at} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_without_start_never_becomes_a_session() {
    let office = Office::new();
    let chaos = Chaos::new().without_start();
    let call = office.call(SimulatedCall::new(script()).with_chaos(chaos)).await;
    assert_eq!(call.outcome, Outcome::AgentHungUp);
    assert_eq!(call.violations, []);
    assert!(office.ended().is_empty());
}

#[tokio::test(start_paused = true)]
async fn lost_doubled_and_unknown_messages_do_not_disturb_the_conversation() {
    let office = Office::new();
    let chaos = Chaos::new()
        .lose(40..=44)
        .double(60..=70)
        .send_at(ms(800), r#"{"event":"news","streamSid":"x"}"#);
    let call = office.call(SimulatedCall::new(script()).with_chaos(chaos)).await;
    assert_eq!(call.outcome, Outcome::Completed);
    assert_eq!(call.violations, []);
    assert_eq!(call.report.latencies().len(), 2);
    assert_eq!(office.ended().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_frame_that_is_no_message_ends_the_call() {
    let office = Office::new();
    let chaos = Chaos::new().send_at(ms(700), "{not json");
    let call = office.call(SimulatedCall::new(script()).with_chaos(chaos)).await;
    assert_eq!(call.outcome, Outcome::AgentHungUp);
    assert_eq!(call.violations, []);
    assert_eq!(office.ended().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_carrier_that_stops_reading_for_a_while_does_not_end_the_call() {
    let office = Office::new();
    let chaos = Chaos::new().stall_reading(ms(4_500), ms(1_000));
    let call = office.call(SimulatedCall::new(script()).with_chaos(chaos)).await;
    assert_eq!(call.outcome, Outcome::Completed);
    assert_eq!(call.violations, []);
    assert_eq!(office.ended().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_wrong_token_creates_no_session() {
    let office = Office::new();
    let config = TwilioConfig::new("secret", "https://agent.example.com");
    let server = in_memory(voicekit_twilio::routes(office.agent.clone(), config).unwrap());
    let webhook = Webhook::new("https://agent.example.com/twilio/voice").with_auth_token("secret");
    let mut instructions = webhook.request(server.connect()).await.unwrap();
    instructions.parameters.insert("token".to_owned(), "guessed".to_owned());
    let call = SimulatedCall::new(script()).follow(&webhook, instructions, server.connect());
    let call = call.await.unwrap();
    assert_eq!((call.outcome, call.close_code), (Outcome::AgentHungUp, Some(1008)));
    assert!(office.ended().is_empty());
}
