//! Whole calls against fakes of every part, in virtual time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use voicekit::{Agent, CallEvent, Part, Phrases};
use voicekit_core::error::ErrorKind;
use voicekit_core::llm::Message;
use voicekit_core::time::Timestamp;
use voicekit_core::transport::EndReason;
use voicekit_core::turn::replay::replay;
use voicekit_core::turn::{Action, Config};
use voicekit_testkit::fake::{FakeAsr, FakeVad, Fate, Fault, line, scripted_line};
use voicekit_testkit::phone::{silence, tone};
use voicekit_testkit::script::Script;

use crate::parts::{HELLO, HOURS, Parts, ms};

#[tokio::test(start_paused = true)]
async fn a_conversation_is_held_and_remembered() {
    let parts = Parts::new(["When are you open?", "Thanks, bye."], [HOURS, "Goodbye!"]);
    let script = Script::new().say("hours", tone(ms(1_200))).say("bye", tone(ms(800)));
    let held = parts.call(script).await;
    assert_eq!(
        held.conversation(),
        format!(
            "agent: {HELLO}\ncaller: When are you open?\nagent: {HOURS}\n\
             caller: Thanks, bye.\nagent: Goodbye!\n"
        )
    );
    assert_eq!(held.report.reason, EndReason::CallerHungUp);
    assert_eq!(held.heard.underruns, []);
    assert_eq!(held.heard.clears, []);
    for latency in held.heard.latencies() {
        assert!(latency < ms(1_400), "{latency:?}");
    }
    let asked = &parts.llm.journal().calls()[1].request;
    assert_eq!(asked.instructions, "You answer the phone for a bakery.");
    assert_eq!(asked.messages.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_reply_is_cut_where_the_caller_stopped_listening() {
    let parts = Parts::new(["When are you open?", "On Sunday?"], [HOURS, "We are closed."]);
    let script = Script::new()
        .say("hours", tone(ms(1_200)))
        .say("sunday", tone(ms(1_000)))
        .interrupt_after(0, ms(1_500));
    let held = parts.call(script).await;

    let [barge_in] = &held.heard.barge_ins[..] else { panic!("{:?}", held.heard.barge_ins) };
    let pause_after = ms(200);
    assert!(barge_in.clear_after.unwrap() <= pause_after + ms(300));

    let [clear] = &held.heard.clears[..] else { panic!("{:?}", held.heard.clears) };
    let next = held.heard.turns[1].answer.unwrap().utterance.start;
    let stale = held.heard.arrivals.iter().filter(|audio| audio.at > clear.at && audio.at < next);
    assert!(stale.count() <= 1, "audio between the clear and the next reply");

    let Message::Agent { text, interrupted: true } = &held.report.messages[2] else {
        panic!("{}", held.conversation());
    };
    assert!(HOURS.starts_with(text.as_str()) && text.len() < HOURS.len(), "{text}");
    let asked = &parts.llm.journal().calls()[1].request.messages;
    assert_eq!(asked[2].text(), text);
    assert_eq!(asked[3].text(), "On Sunday?");
}

#[tokio::test(start_paused = true)]
async fn after_a_cough_the_agent_goes_on_from_the_word_it_was_in() {
    let parts = Parts::new(["When are you open?", ""], [HOURS]);
    let script = Script::new()
        .say("hours", tone(ms(1_200)))
        .say("cough", tone(ms(400)))
        .interrupt_after(0, ms(1_550));
    let held = parts.call(script).await;
    assert_eq!(held.messages(), [HELLO, "When are you open?", HOURS]);
    assert_eq!(held.heard.clears.len(), 1);
    let barge_in = &held.heard.barge_ins[0];
    assert!(barge_in.silence_after < ms(300), "{barge_in:?}");
    // Fifteen words of 300 ms, and at most one of them twice.
    let answer = held.heard.turns[0].answer.unwrap().utterance.start;
    let said = held.heard.utterances.iter().filter(|utterance| utterance.start >= answer);
    let said: Duration = said.map(|utterance| utterance.length()).sum();
    let whole = ms(300) * u32::try_from(HOURS.split_whitespace().count()).unwrap();
    assert!((whole - ms(100)..whole + ms(400)).contains(&said), "{said:?} of {whole:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_remembered_is_what_the_line_played() {
    let parts = Parts::new(["Count.", "Stop."], ["one two three four five six seven", "Ok."]);
    let script = Script::new()
        .say("count", tone(ms(600)))
        .say("stop", tone(ms(900)))
        .interrupt_after(0, ms(1_000));
    let held = parts.call(script).await;
    let heard = held.heard.turns[0].answer.unwrap().utterance.length();
    let word = Duration::from_millis(300);
    let words = held.report.messages[2].text().split_whitespace().count();
    let played = heard.as_millis() / word.as_millis();
    assert!(words as u128 <= played && words as u128 + 1 >= played, "{words} of {played}");
}

#[tokio::test(start_paused = true)]
async fn dropping_the_reply_cancels_the_model_and_the_voice() {
    let parts = Parts::new(["Go on.", "Stop."], [HOURS.repeat(40).as_str(), "Ok."]);
    let script = Script::new()
        .say("go on", tone(ms(600)))
        .say("stop", tone(ms(900)))
        .interrupt_after(0, ms(1_000));
    parts.call(script).await;
    assert_eq!(parts.tts.journal().fates()[1], Fate::Dropped);
    assert_eq!(parts.llm.journal().fates()[0], Fate::Dropped);
}

#[tokio::test(start_paused = true)]
async fn a_model_that_fails_is_apologised_for_and_asked_again() {
    for fault in [
        Fault::Refuse(ErrorKind::RateLimited),
        Fault::Fail(0, ErrorKind::Connection),
        Fault::Stall(0),
        Fault::Truncate(0),
    ] {
        let mut parts = Parts::new(["Hello?", "Hello?"], [HOURS, HOURS]);
        parts.llm = parts.llm.with_fault(0, fault);
        let script = Script::new().say("hello", tone(ms(600))).say("hello", tone(ms(600)));
        let held = parts.call(script).await;
        let apology = Phrases::default().failure;
        assert!(held.conversation().contains(&apology), "{fault:?}: {}", held.conversation());
        assert!(held.conversation().ends_with(&format!("agent: {HOURS}\n")), "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_model_that_fails_in_mid_sentence_is_heard_that_far() {
    let mut parts = Parts::new(["Hello?"], [HOURS]);
    parts.llm = parts.llm.with_fault(0, Fault::Fail(6, ErrorKind::Connection));
    let held = parts.call(Script::new().say("hello", tone(ms(600)))).await;
    let Message::Agent { text, .. } = &held.report.messages[2] else { panic!() };
    assert!(HOURS.starts_with(text.as_str()) && !text.is_empty(), "{text}");
    assert_eq!(held.report.messages[3].text(), Phrases::default().failure);
}

#[tokio::test(start_paused = true)]
async fn a_voice_that_is_dead_ends_the_call_instead_of_leaving_silence() {
    for fault in [Fault::Refuse(ErrorKind::Unauthenticated), Fault::Stall(0), Fault::Truncate(0)] {
        let mut parts = Parts::new(["Hello?"], [HOURS]);
        parts.tts = (0..5).fold(parts.tts, |tts, stream| tts.with_fault(stream, fault));
        let held = parts.call(Script::new().say("hello", tone(ms(600)))).await;
        assert_eq!(held.report.reason, EndReason::AgentHungUp, "{fault:?}");
        assert!(held.report.ended < Timestamp::from_millis(40_000), "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_recogniser_that_breaks_is_opened_again() {
    let mut parts = Parts::new(["When are you open?"], [HOURS]);
    parts.asr = parts.asr.with_fault(0, Fault::Refuse(ErrorKind::Connection));
    let held = parts.call(Script::new().say("hours", tone(ms(1_000)))).await;
    assert!(held.conversation().contains("caller: When are you open?"));
    assert_eq!(held.actions(|action| matches!(action, Action::RestartHearing)), 1);
}

#[tokio::test(start_paused = true)]
async fn a_recogniser_that_is_dead_ends_the_call_with_an_apology() {
    let mut parts = Parts::new(["Hello?"], [HOURS]);
    let refuse = Fault::Refuse(ErrorKind::Unauthenticated);
    parts.asr = (0..9).fold(parts.asr, |asr, stream| asr.with_fault(stream, refuse));
    let held = parts.call(Script::new().say("hello", silence(ms(600)))).await;
    assert_eq!(held.report.reason, EndReason::AgentHungUp);
    assert!(held.conversation().contains(&Phrases::default().failure));
}

#[tokio::test(start_paused = true)]
async fn a_line_that_breaks_is_reported_with_its_error() {
    let lines = Arc::default();
    let parts = Parts::new(["Hello?"], [HOURS]);
    let (line, handle) = line();
    let call = tokio::spawn(parts.agent(&lines).session(Box::new(line)).run());
    tokio::time::sleep(ms(1_000)).await;
    handle.fail(ErrorKind::Protocol);
    let report = call.await.unwrap();
    assert_eq!(report.reason, EndReason::Lost);
    assert_eq!(report.error.unwrap().kind(), ErrorKind::Protocol);
}

#[tokio::test(start_paused = true)]
async fn a_trace_of_a_call_runs_again_byte_for_byte() {
    let parts = Parts::new(["When are you open?", "On Sunday?"], [HOURS, "We are closed."]);
    let script = Script::new()
        .say("hours", tone(ms(1_200)))
        .say("sunday", tone(ms(1_000)))
        .interrupt_after(0, ms(1_500));
    let held = parts.call(script).await;
    let again = replay(Config::default(), &held.trace).unwrap();
    assert!(again.is_same(), "{}", again.differences[0]);
    assert!(held.handle.commands().len() > 100);
}

#[tokio::test(start_paused = true)]
async fn failures_are_told_to_the_observer() {
    let parts = Parts::new(["Hello?"], [HOURS]);
    let failed: Arc<Mutex<Vec<Part>>> = Arc::default();
    let seen = Arc::clone(&failed);
    let llm = parts.llm.clone().with_fault(0, Fault::Fail(0, ErrorKind::Quota));
    let agent = Agent::builder()
        .asr(parts.asr.clone())
        .llm(llm)
        .tts(parts.tts.clone())
        .vad(|| Ok(FakeVad::new()))
        .observe(move |_| {
            let seen = Arc::clone(&seen);
            move |_: Timestamp, event: CallEvent<'_>| {
                if let CallEvent::Failed { part, error } = event {
                    assert_eq!(error.kind(), ErrorKind::Quota);
                    seen.lock().unwrap().push(part);
                }
            }
        })
        .build()
        .unwrap();
    let (line, _handle) = scripted_line(Script::new().say("hello", tone(ms(600))));
    agent.call(Box::new(line)).await;
    assert_eq!(*failed.lock().unwrap(), [Part::Reply]);
}

#[test]
fn an_agent_without_a_part_is_refused_by_its_name() {
    let error = Agent::builder().asr(FakeAsr::new(["x"])).build().unwrap_err();
    assert_eq!(error.to_string(), "agent: no llm: call `.llm(…)` before `.build()`");
    assert_eq!(error.kind(), ErrorKind::Config);
}
