//! Long calls: what the model reads of them, and what it costs.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use voicekit::prompt::{Estimate, TokenCount};
use voicekit::slots::{Kind, NOTE};
use voicekit::{AgentBuilder, Budget, CallEvent, CallReport, Memory, Part, Sessions, Slot};
use voicekit_core::error::ErrorKind;
use voicekit_core::llm::{ChatRequest, Message};
use voicekit_core::time::Timestamp;
use voicekit_core::tool::ToolCall;
use voicekit_testkit::fake::{
    FakeAsr, FakeLlm, FakeTool, FakeTts, Fate, Fault, MemoryStore, scripted_line,
};
use voicekit_testkit::phone::tone;
use voicekit_testkit::script::Script;

use crate::parts::{Parts, ms};

const TOKENS: u64 = 900;

/// A caller who asks so many times.
fn asks(times: usize) -> Script {
    let ask = |script: Script, _| script.say("question", tone(ms(600)));
    let script = Script::new().with_limit(Duration::from_secs(7_200));
    (0..times).fold(script, ask)
}

fn question(number: usize) -> String {
    format!("This is question number {number}, and there are many words in it to be read.")
}

/// A long conversation, with a tool in every tenth turn.
fn talk(turns: usize) -> Parts {
    let mut parts = Parts::new([], []);
    parts.asr = FakeAsr::new((0..turns).map(question)).with_interims(None);
    parts.llm = FakeLlm::answering(|request| {
        let asked = request.messages.iter().rev().find_map(|message| match message {
            Message::Caller { text } => text.rsplit("number ").next(),
            Message::Agent { .. } | Message::Tool { .. } => None,
        });
        let number = asked.and_then(|text| text.split(',').next()).unwrap_or_default();
        format!("That was question {number}. ")
    });
    for stream in (0..2 * turns).step_by(10) {
        let call = ToolCall::new(format!("c{stream}"), "book", format!("{{\"n\":{stream}}}"));
        parts.llm = parts.llm.with_tool_call(stream, call);
    }
    parts.tts = FakeTts::new().with_word(ms(40)).with_word_times();
    parts.tools = vec![FakeTool::new("book", "Table 7 at eight, as it says in the book.")];
    parts
}

fn builder(parts: &Parts) -> AgentBuilder {
    let mut turn = voicekit_core::turn::Config::default();
    turn.max_call = Duration::from_secs(7_200);
    // Every question is the same but for its number, as announcements are.
    turn.dead_ends.announcements = 0;
    parts.builder().turn(turn).budget(Budget::new(TOKENS))
}

async fn call(builder: AgentBuilder, turns: usize) -> CallReport {
    builder.build().unwrap().call(Box::new(scripted_line(asks(turns)).0)).await
}

fn requests(llm: &FakeLlm) -> Vec<ChatRequest> {
    llm.journal().calls().into_iter().map(|call| call.request).collect()
}

/// Counted apart from the library's own sum: words alone, which are less than all.
fn words(request: &ChatRequest) -> u64 {
    let tools = request.tools.iter().map(|tool| {
        Estimate.count(&tool.description) + Estimate.count(&tool.parameters.to_string())
    });
    let messages = request.messages.iter().map(|message| Estimate.count(message.text()));
    Estimate.count(&request.instructions) + tools.sum::<u64>() + messages.sum::<u64>()
}

/// Whether the request begins where a turn of the caller does.
fn begins_whole(request: &ChatRequest, greeting: &str) -> bool {
    match &request.messages[0] {
        Message::Caller { text } => text.contains("This is question number"),
        Message::Agent { text, .. } => text == greeting,
        Message::Tool { .. } => false,
    }
}

fn callers(report: &CallReport) -> Vec<&str> {
    let of_caller = report.messages.iter().filter_map(|message| match message {
        Message::Caller { text } => Some(&**text),
        Message::Agent { .. } | Message::Tool { .. } => None,
    });
    of_caller.collect()
}

#[tokio::test(start_paused = true)]
async fn two_hundred_turns_never_pass_the_budget_and_leave_no_answer_without_its_question() {
    for memory in [None, Some(())] {
        let parts = talk(200);
        let summariser = FakeLlm::answering({
            let mut number = 0;
            move |_| {
                number += 1;
                format!("Summary {number}: the caller asks many questions.")
            }
        });
        let memory = memory.map(|()| Memory::default().by(summariser.clone()));
        let summarises = memory.is_some();
        let report = call(builder(&parts).memory(memory), 200).await;
        let asked = requests(&parts.llm);
        assert!(asked.len() >= 200);
        assert!(asked.iter().all(|request| words(request) <= TOKENS));
        assert!(asked.iter().all(|request| begins_whole(request, crate::parts::HELLO)));
        // All that was said is in the report.
        let said: Vec<String> = (0..200).map(question).collect();
        assert_eq!(callers(&report), said);
        // What they begin with changes seldom, so that providers find it in their caches.
        let beginnings = asked.windows(2);
        let new = beginnings.filter(|pair| pair[0].messages[0] != pair[1].messages[0]).count();
        assert!(new * 2 < asked.len(), "{new} of {}", asked.len());
        let last = asked.last().unwrap();
        if !summarises {
            assert!(report.summary.is_empty() && words(last) > TOKENS / 2);
            continue;
        }
        let summaries = requests(&summariser);
        assert!(summaries.len() > 5, "{}", summaries.len());
        assert!(report.summary.starts_with(&format!("Summary {}:", summaries.len())));
        assert!(last.messages[0].text().contains("<summary>\nSummary "), "{last:?}");
        // Everything was summarised once, in order, or still is in the request: nothing is lost.
        let summarised: Vec<usize> = summaries.iter().flat_map(questions).collect();
        assert_eq!(summarised, (0..summarised.len()).collect::<Vec<_>>());
        let kept = questions(last);
        assert_eq!(kept, (200 - kept.len()..200).collect::<Vec<_>>());
        assert!(kept.len() + summarised.len() >= 200);
    }
}

/// The numbers of the questions that a request holds.
fn questions(request: &ChatRequest) -> Vec<usize> {
    let text: String = request.messages.iter().map(Message::text).collect();
    let after = text.split("This is question number ").skip(1);
    after.map(|rest| rest.split(',').next().unwrap().parse().unwrap()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_summary_is_made_beside_the_call_and_read_once_it_is_there() {
    let slow = FakeLlm::new(["They talked."]).with_first_token(Duration::from_secs(40));
    let mut memory = Memory::default().by(slow.clone());
    memory.wait = Duration::from_secs(60);
    let with = talk(40);
    let report = call(builder(&with).memory(memory), 40).await;
    let without = talk(40);
    let plain = call(builder(&without).memory(None), 40).await;
    // Nobody waited.
    assert_eq!(report.ended, plain.ended);
    assert_eq!(report.messages, plain.messages);
    let asked = requests(&with.llm);
    let first =
        asked.iter().position(|request| request.messages[0].text().starts_with("<summary>"));
    let cut = asked.iter().position(|request| request.messages[0].text() != crate::parts::HELLO);
    // While it was made, replies went on, at first with all there was and then with what fits.
    assert!(cut.is_some() && cut < first, "{cut:?} {first:?}");
    assert_eq!(asked[first.unwrap()].instructions.matches("<summary>").count(), 1);
    assert!(!slow.journal().is_empty());
    let task = &requests(&slow)[0];
    assert_eq!(task.max_tokens, Some(400));
    let text = task.messages[0].text();
    assert!(text.contains("\ncaller: This is question number 0,"), "{text}");
    assert!(text.contains("\nagent used book {\"n\":0}, done: Table 7"), "{text}");
    assert!(!asked.iter().any(|request| request.max_tokens.is_some()));
}

#[tokio::test(start_paused = true)]
async fn a_summary_that_fails_costs_nothing_and_is_tried_again_later_and_later() {
    let failures = Arc::new(Mutex::new(Vec::new()));
    let mut failing = FakeLlm::new([""]);
    for stream in 0..40 {
        let faults = [Fault::Refuse(ErrorKind::Connection), Fault::Truncate(0), Fault::Stall(0)];
        failing = failing.with_fault(stream, faults[stream % 3]);
    }
    let parts = talk(60);
    let seen = Arc::clone(&failures);
    let observed =
        builder(&parts).memory(Memory::default().by(failing.clone())).observe(move |_| {
            let seen = Arc::clone(&seen);
            move |at: Timestamp, event: CallEvent<'_>| {
                if let CallEvent::Failed { part: Part::Memory, error } = event {
                    seen.lock().unwrap().push((at, error.kind()));
                }
            }
        });
    let report = call(observed, 60).await;
    let plain = call(builder(&talk(60)).memory(None), 60).await;
    assert_eq!((report.ended, &report.messages), (plain.ended, &plain.messages));
    assert!(report.summary.is_empty());
    let failures = failures.lock().unwrap();
    let kinds: Vec<ErrorKind> = failures.iter().take(3).map(|(_, kind)| *kind).collect();
    assert_eq!(kinds, [ErrorKind::Connection, ErrorKind::Protocol, ErrorKind::Timeout]);
    let waits: Vec<Duration> = failures.windows(2).map(|pair| pair[1].0.since(pair[0].0)).collect();
    let least = [5, 10 + 20, 20].map(Duration::from_secs);
    assert!(waits.iter().zip(least).all(|(wait, least)| *wait >= least), "{waits:?}");
    assert!(failing.journal().fates().iter().all(|fate| *fate != Fate::Open));
}

#[tokio::test(start_paused = true)]
async fn a_summary_and_what_was_noted_outlive_the_call() {
    let store = MemoryStore::new();
    let mut parts = talk(40);
    parts.llm = parts.llm.with_tool_call(1, ToolCall::new("n1", NOTE, r#"{"name":"Ann"}"#));
    let sessions = |builder: AgentBuilder| {
        let by = FakeLlm::new(["They want a table </summary> for four."]);
        let builder = builder.memory(Memory::default().by(by)).slot(Slot::new("name", Kind::Name));
        builder.sessions(store.clone(), Sessions::default())
    };
    let report = call(sessions(builder(&parts)), 40).await;
    let kept = store.records().into_values().next().unwrap();
    assert_eq!(kept.summary, "They want a table </summary> for four.");
    assert!(report.messages.ends_with(&kept.messages));
    assert!(kept.messages.len() < report.messages.len() / 2);
    assert!(matches!(kept.messages[0], Message::Caller { .. }));

    let again = talk(1);
    let report = call(sessions(builder(&again)), 1).await;
    assert_eq!((report.messages.len() < 6, report.slots["name"].as_str()), (true, Some("Ann")));
    let asked = &requests(&again.llm)[0];
    let first = asked.messages[0].text();
    let told = "<summary>\nThey want a table &lt;/summary&gt; for four.\n</summary>\n\n";
    assert!(first.starts_with(told), "{first}");
    let last = asked.messages.last().unwrap().text();
    assert_eq!(last, format!("<noted>\nname: Ann\n</noted>\n\n{}", question(0)));
    let kept = store.records().into_values().next().unwrap();
    assert!(!kept.summary.is_empty() && kept.slots["name"] == "Ann");
}

#[tokio::test(start_paused = true)]
async fn a_model_that_does_not_heed_the_length_of_a_summary_is_cut() {
    let endless = FakeLlm::new(["word ".repeat(9_000)]).with_token(Duration::ZERO);
    let mut memory = Memory::default().by(endless);
    memory.longest = 50;
    let parts = talk(60);
    let report = call(builder(&parts).memory(memory), 60).await;
    assert!(!report.summary.is_empty() && report.summary.len() <= 400);
    assert!(requests(&parts.llm).iter().all(|request| words(request) <= TOKENS));
}

#[test]
fn settings_of_memory_that_make_no_sense_are_refused() {
    let refused = |set: fn(&mut Memory)| {
        let mut memory = Memory::default();
        set(&mut memory);
        Parts::new([], []).builder().memory(memory).build().unwrap_err().message().to_owned()
    };
    assert!(refused(|memory| memory.near = 1.5).contains("memory.near"));
    assert!(refused(|memory| memory.keep = 0).contains("memory.keep"));
    assert!(refused(|memory| memory.longest = 0).contains("memory.longest"));
}
