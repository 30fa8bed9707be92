//! Whole calls whose turns lead nowhere.

use voicekit::{CallReport, Phrases};
use voicekit_core::control::Transfer;
use voicekit_core::llm::Message;
use voicekit_core::transport::EndReason;
use voicekit_core::turn;
use voicekit_core::turn::dead_end::DeadEnd;
use voicekit_testkit::fake::scripted_line;
use voicekit_testkit::phone::tone;
use voicekit_testkit::script::Script;

use crate::builtin::{Controlled, FakeControl};
use crate::parts::{HELLO, Parts, ms};

const QUEUE: &str = "Your call is important to us. Please stay on the line.";
const ANSWERS: [&str; 3] = ["Good morning to you.", "Are you a person?", "I will wait then."];

/// A call in which the same announcement is heard three times.
async fn call(follows: DeadEnd, control: &FakeControl, hangs_up: bool) -> CallReport {
    let queue = || tone(ms(1_000));
    let script = Script::new().say("1", queue()).say("2", queue()).say("3", queue());
    let (line, phone) = scripted_line(script.with_gap(ms(2_000)));
    let mut config = turn::Config::default();
    config.dead_ends.after_announcements = follows;
    let control = FakeControl { phone: hangs_up.then_some(phone), ..control.clone() };
    let agent = Parts::new([QUEUE; 3], ANSWERS).builder().turn(config);
    let agent = agent.dead_end_transfer(Transfer::to("+15550003")).build().unwrap();
    agent.call(Box::new(Controlled(line, control))).await
}

fn texts(report: &CallReport) -> Vec<&str> {
    report.messages.iter().map(Message::text).collect()
}

#[tokio::test(start_paused = true)]
async fn an_announcement_that_is_heard_again_and_again_is_asked_about() {
    let report = call(DeadEnd::Ask, &FakeControl::default(), false).await;
    let asked = Phrases::default().dead_end;
    assert_eq!(texts(&report), [HELLO, QUEUE, ANSWERS[0], QUEUE, ANSWERS[1], QUEUE, &asked]);
}

#[tokio::test(start_paused = true)]
async fn an_agent_may_hang_up_on_an_announcement() {
    let report = call(DeadEnd::HangUp, &FakeControl::default(), false).await;
    assert_eq!(report.reason, EndReason::AgentHungUp);
    assert_eq!(texts(&report).last(), Some(&&*Phrases::default().goodbye));
}

#[tokio::test(start_paused = true)]
async fn a_caller_whose_turns_lead_nowhere_is_transferred() {
    let control = FakeControl::default();
    let report = call(DeadEnd::Transfer, &control, true).await;
    assert_eq!(*control.orders.lock().unwrap(), ["transfer +15550003"]);
    assert_eq!(texts(&report).last(), Some(&QUEUE));
}

#[tokio::test(start_paused = true)]
async fn an_agent_goes_on_when_the_transfer_fails() {
    let control = FakeControl { fails: true, ..FakeControl::default() };
    let report = call(DeadEnd::Transfer, &control, false).await;
    assert_eq!(texts(&report).last(), Some(&&*Phrases::default().dead_end));
}

#[tokio::test(start_paused = true)]
async fn a_transfer_without_a_destination_is_refused_by_name() {
    let mut config = turn::Config::default();
    config.dead_ends.after_answers = DeadEnd::Transfer;
    let built = Parts::new([], []).builder().turn(config).build();
    let text = built.unwrap_err().to_string();
    assert!(text.contains("AgentBuilder::dead_end_transfer"), "{text}");
}
