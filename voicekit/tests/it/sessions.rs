//! Callers who come back.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use voicekit::{CallEvent, Part, Sessions};
use voicekit_core::error::ErrorKind;
use voicekit_core::llm::Message;
use voicekit_core::time::Timestamp;
use voicekit_core::transport::EndReason;
use voicekit_testkit::fake::{MemoryStore, line, scripted_line};
use voicekit_testkit::phone::tone;
use voicekit_testkit::script::Script;

use crate::parts::{HELLO, HOURS, Parts, ms};

/// The fake line's caller and the number they call.
const KEY: &str = "+15551230001/+15551230002";

fn asks() -> Script {
    Script::new().say("question", tone(ms(1_200)))
}

#[tokio::test(start_paused = true)]
async fn a_caller_whose_call_dropped_goes_on_where_they_were() {
    let store = MemoryStore::new();
    let parts = Parts::new(["When are you open?", "And on Sunday?"], [HOURS, "We are closed."]);
    let agent = parts.builder().sessions(store.clone(), Sessions::default()).build().unwrap();
    let first = agent.call(Box::new(scripted_line(asks()).0)).await;
    assert_eq!(first.reason, EndReason::CallerHungUp);
    assert_eq!(store.records()[KEY].messages, first.messages);

    let second = agent.call(Box::new(scripted_line(asks()).0)).await;
    let requests = parts.llm.journal().calls();
    let seen: Vec<&str> = requests[1].request.messages.iter().map(Message::text).collect();
    assert_eq!(seen, [HELLO, "When are you open?", HOURS, HELLO, "And on Sunday?"]);
    // What was said before is no part of this call.
    let texts: Vec<&str> = second.messages.iter().map(Message::text).collect();
    assert_eq!(texts, [HELLO, "And on Sunday?", "We are closed."]);
    assert_eq!(store.records()[KEY].messages.len(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_conversation_that_the_agent_has_ended_is_forgotten() {
    let store = MemoryStore::new();
    let parts = Parts::new([], []);
    let agent = parts.builder().sessions(store.clone(), Sessions::default()).build().unwrap();
    let (line, handle) = line();
    let session = agent.session(Box::new(line));
    let mut call = session.handle();
    let (report, ()) = tokio::join!(session.run(), async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert!(store.records().contains_key(KEY));
        call.end();
        handle.ended().await;
    });
    assert_eq!(report.reason, EndReason::AgentHungUp);
    assert!(!store.records().contains_key(KEY));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_is_reported_and_costs_the_call_nothing() {
    let failures = Arc::new(Mutex::new(0));
    let parts = Parts::new(["When are you open?"], [HOURS]);
    let seen = Arc::clone(&failures);
    let agent = parts
        .builder()
        .sessions(MemoryStore::new().failing(ErrorKind::Connection), Sessions::default())
        .observe(move |_| {
            let seen = Arc::clone(&seen);
            move |_: Timestamp, event: CallEvent<'_>| {
                if matches!(event, CallEvent::Failed { part: Part::Sessions, .. }) {
                    *seen.lock().unwrap() += 1;
                }
            }
        })
        .build()
        .unwrap();
    let report = agent.call(Box::new(scripted_line(asks()).0)).await;
    assert_eq!(report.messages.len(), 3);
    // One for the load, one for each of the changes, one for the end.
    assert!((3..=5).contains(&*failures.lock().unwrap()));
}
