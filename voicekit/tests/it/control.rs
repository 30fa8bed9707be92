//! What an application does to a running call.

use std::sync::Arc;

use tokio::task::JoinHandle;
use tokio::time::sleep;
use voicekit::{Agent, CallHandle, CallReport, Phrases, Refused};
use voicekit_core::llm::Message;
use voicekit_core::transport::{EndReason, TransportCommand};
use voicekit_testkit::fake::{LineHandle, line};

use crate::parts::{HELLO, HOURS, Parts, ms};

/// A call on a line where nobody speaks.
fn silent_call() -> (CallHandle, LineHandle, JoinHandle<CallReport>) {
    silent_call_of(&agent())
}

fn agent() -> Agent {
    Parts::new(["Hello?"], [HOURS]).agent(&Arc::default())
}

fn silent_call_of(agent: &Agent) -> (CallHandle, LineHandle, JoinHandle<CallReport>) {
    let (line, phone) = line();
    let session = agent.session(Box::new(line));
    (session.handle(), phone, tokio::spawn(session.run()))
}

fn texts(report: &CallReport) -> Vec<&str> {
    report.messages.iter().map(Message::text).collect()
}

#[tokio::test(start_paused = true)]
async fn an_application_can_end_a_call_politely() {
    let (mut control, phone, call) = silent_call();
    sleep(ms(5_000)).await;
    control.end();
    let report = call.await.unwrap();
    assert_eq!(report.reason, EndReason::AgentHungUp);
    assert_eq!(report.messages.last().unwrap().text(), Phrases::default().goodbye);
    let last = phone.commands().pop().unwrap().1;
    assert_eq!(last, TransportCommand::HangUp);
}

#[tokio::test(start_paused = true)]
async fn what_an_application_wants_said_is_said_in_turn() {
    let (mut control, _phone, call) = silent_call();
    sleep(ms(100)).await;
    control.say("First this.").unwrap();
    control.insist("Then that.").unwrap();
    sleep(ms(6_000)).await;
    control.end();
    let report = call.await.unwrap();
    let goodbye = Phrases::default().goodbye;
    assert_eq!(texts(&report), [HELLO, "First this.", "Then that.", &goodbye]);
}

#[tokio::test(start_paused = true)]
async fn an_application_can_give_the_caller_the_floor() {
    let (mut control, _phone, call) = silent_call();
    sleep(ms(1_000)).await;
    control.take_turn().unwrap();
    sleep(ms(1_000)).await;
    control.end();
    let report = call.await.unwrap();
    let Message::Agent { text, interrupted: true } = &report.messages[0] else {
        panic!("{:?}", report.messages);
    };
    assert!(HELLO.starts_with(text.as_str()) && text.len() < HELLO.len(), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_over_refuses_and_a_call_that_is_flooded_too() {
    let (mut control, phone, call) = silent_call();
    let busy = (0..100).find_map(|_| control.say("Again.").err());
    assert_eq!(busy, Some(Refused::Busy));
    sleep(ms(1_000)).await;
    phone.fail(voicekit_core::error::ErrorKind::Connection);
    call.await.unwrap();
    assert_eq!(control.say("Too late."), Err(Refused::Over));
    control.end();
}

#[tokio::test(start_paused = true)]
async fn an_agent_is_drained_when_its_calls_have_ended_by_themselves() {
    let agent = agent();
    assert_eq!(agent.drain(ms(1_000)).await, 0);
    let calls: Vec<_> = (0..3).map(|_| silent_call_of(&agent)).collect();
    sleep(ms(1_000)).await;
    let before = tokio::time::Instant::now();
    assert_eq!(agent.drain(ms(600_000)).await, 0);
    // Two prompts into the silence and the goodbye.
    assert!((ms(20_000)..ms(60_000)).contains(&before.elapsed()));
    assert!(calls.iter().all(|(_, _, call)| call.is_finished()));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_outlasts_the_drain_is_ended_politely() {
    let agent = agent();
    let (_, phone, call) = silent_call_of(&agent);
    sleep(ms(5_000)).await;
    assert_eq!(agent.drain(ms(1_000)).await, 0);
    let report = call.await.unwrap();
    assert_eq!(texts(&report), [HELLO, &Phrases::default().goodbye]);
    assert_eq!(phone.commands().pop().unwrap().1, TransportCommand::HangUp);
}
