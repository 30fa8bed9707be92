//! Functions as tools: typed arguments, their context, and what becomes of them in calls.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::time::sleep;
use voicekit::tools::{
    Effect, FnTool, NoArguments, OnBargeIn, Tool, ToolCall, ToolContext, ToolError, tool,
};
use voicekit::{Agent, AgentBuilder, CallReport};
use voicekit_core::llm::Message;
use voicekit_core::transport::CallInfo;
use voicekit_testkit::fake::{FakeAsr, FakeLlm, FakeTts, FakeVad, scripted_line};
use voicekit_testkit::phone::tone;
use voicekit_testkit::script::Script;

use crate::parts::ms;

#[derive(Debug, Deserialize, JsonSchema)]
struct Table {
    /// How many people come.
    people: u8,
    #[expect(dead_code, reason = "only checked")]
    day: Weekday,
    #[expect(dead_code, reason = "only checked")]
    window: Option<bool>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Weekday {
    Friday,
    Saturday,
}

const CALLS: &str = r#"{"people": 4, "day": "friday"}"#;

/// A booking that takes its time and counts.
fn booking(takes: Duration) -> (FnTool, Arc<AtomicUsize>) {
    let booked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&booked);
    let tool = tool("book", "Books a table.", move |table: Table, _: ToolContext| {
        let counted = Arc::clone(&counted);
        async move {
            sleep(takes).await;
            counted.fetch_add(1, Ordering::SeqCst);
            Ok(format!("Booked for {}.", table.people))
        }
    });
    (tool, booked)
}

pub(crate) fn agent(tools: impl IntoIterator<Item = FnTool>, llm: &FakeLlm) -> Agent {
    let tools = tools.into_iter();
    tools
        .fold(Agent::builder(), AgentBuilder::tool)
        .asr(FakeAsr::new(["A table for four.", "On Friday!"]).with_interims(None))
        .llm(llm.clone())
        .tts(FakeTts::new().with_word_times())
        .vad(|| Ok(FakeVad::new()))
        .build()
        .unwrap()
}

/// A caller who speaks once and waits.
pub(crate) fn once() -> Script {
    Script::new().say("table", tone(ms(1_000))).with_gap(ms(6_000))
}

async fn hold(agent: &Agent, script: Script) -> CallReport {
    let (line, _phone) = scripted_line(script);
    agent.call(Box::new(line)).await
}

/// A model that asks for this in its first answers, one after the other.
fn asking(answers: &[&str], calls: &[(usize, &str, &str)]) -> FakeLlm {
    let mut llm = FakeLlm::new(answers.to_vec());
    for (number, (answer, name, arguments)) in calls.iter().enumerate() {
        let call = ToolCall::new(format!("c{number}"), *name, *arguments);
        llm = llm.with_tool_call(*answer, call);
    }
    llm
}

fn results(report: &CallReport) -> Vec<&str> {
    let tool = |message: &&Message| matches!(message, Message::Tool { .. });
    report.messages.iter().filter(tool).map(Message::text).collect()
}

async fn run(tool: &FnTool, arguments: &str) -> String {
    let context = ToolContext::detached(CallInfo::new("CA1"));
    let call = ToolCall::new("c1", "book", arguments);
    tool.run(&call, &context).await.unwrap().text
}

#[tokio::test(start_paused = true)]
async fn a_function_is_a_tool_in_a_call() {
    let (book, booked) = booking(ms(300));
    let llm = asking(&["Let me see. ", "It is booked."], &[(0, "book", CALLS)]);
    let report = hold(&agent([book], &llm), once()).await;
    assert_eq!(results(&report), ["Booked for 4."]);
    assert_eq!(report.messages.last().unwrap().text(), "It is booked.");
    assert_eq!(booked.load(Ordering::SeqCst), 1);
}

#[test]
fn the_model_is_shown_the_type_in_one_piece() {
    let parameters = booking(ms(0)).0.spec().parameters;
    let expected = json!({
        "type": "object",
        "properties": {
            "people": {
                "type": "integer", "format": "uint8", "minimum": 0, "maximum": 255,
                "description": "How many people come.",
            },
            "day": {"type": "string", "enum": ["friday", "saturday"]},
            "window": {"type": ["boolean", "null"]},
        },
        "required": ["people", "day"],
    });
    assert_eq!(parameters, expected);
    let none = tool("x", "", |_: NoArguments, _: ToolContext| async { Ok(()) });
    assert_eq!(none.spec().parameters, json!({"type": "object", "properties": {}}));
}

#[tokio::test]
async fn arguments_that_do_not_fit_are_explained_with_the_field_and_nothing_is_done() {
    let (book, booked) = booking(ms(0));
    let many = "x".repeat(500);
    for (arguments, wrong) in [
        (
            r#"{"people": "four", "day": "friday"}"#.to_owned(),
            "`people` must be a whole number from 0 to 255, got \"four\"",
        ),
        (
            r#"{"people": -1, "day": "friday"}"#.to_owned(),
            "`people` must be a whole number from 0 to 255, got -1",
        ),
        (
            r#"{"people": 2.5, "day": "friday"}"#.to_owned(),
            "`people` must be a whole number from 0 to 255, got 2.5",
        ),
        (
            r#"{"people": null, "day": "friday"}"#.to_owned(),
            "`people` must be a whole number from 0 to 255, got nothing",
        ),
        (
            r#"{"people": 2, "day": "sunday"}"#.to_owned(),
            "`day` must be `friday` or `saturday`, got \"sunday\"",
        ),
        (
            r#"{"people": 2, "day": "friday", "window": "yes"}"#.to_owned(),
            "`window` must be true or false, got \"yes\"",
        ),
        (r#"{"day": "friday"}"#.to_owned(), "`people` is missing"),
        (String::new(), "`people` is missing"),
        ("[]".to_owned(), "the arguments must be one JSON object, got []."),
        ("4".to_owned(), "the arguments must be one JSON object, got 4."),
        ("{people: 4}".to_owned(), "the arguments are not JSON"),
        (format!(r#"{{"people": "{many}", "day": "friday"}}"#), "xxx…"),
    ] {
        let told = run(&book, &arguments).await;
        assert!(told.starts_with("Nothing was done: "), "{told}");
        assert!(told.contains(wrong), "{arguments}: {told}");
        assert!(told.len() < 300, "{told}");
    }
    assert_eq!(booked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_wrong_field_deep_within_is_found() {
    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Guest {
        age: u32,
    }
    #[derive(Deserialize, JsonSchema)]
    struct Party {
        guests: Vec<Guest>,
    }
    let ages = tool("ages", "", |party: Party, _: ToolContext| async move {
        Ok(party.guests.iter().map(|guest| guest.age).collect::<Vec<_>>())
    });
    let told = run(&ages, r#"{"guests": [{"age": 7}, {"age": "nine"}]}"#).await;
    assert!(told.contains("`guests[1].age` must be a whole number, got \"nine\""), "{told}");
    let told = run(&ages, r#"{"guests": [{}]}"#).await;
    assert!(told.contains("`guests[0].age` is missing"), "{told}");
    let told = run(&ages, r#"{"guests": [{"age": 7, "size": 1}]}"#).await;
    assert!(told.contains("`size` is not an argument, only `age`"), "{told}");
    assert_eq!(run(&ages, r#"{"guests": [{"age": 7}]}"#).await, "[7]");
}

#[tokio::test(start_paused = true)]
async fn a_model_whose_arguments_do_not_fit_is_told_and_asks_again() {
    let (book, booked) = booking(ms(100));
    let wrong = r#"{"people": "four", "day": "friday"}"#;
    let llm = asking(
        &["One moment. ", "Again. ", "It is booked."],
        &[(0, "book", wrong), (1, "book", CALLS)],
    );
    let report = hold(&agent([book], &llm), once()).await;
    let [refused, booked_for] = results(&report)[..] else { panic!("{:?}", report.messages) };
    assert!(refused.contains("got \"four\"") && refused.contains("ask the caller again"));
    assert_eq!(booked_for, "Booked for 4.");
    assert_eq!(booked.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_booking_that_the_caller_interrupts_happens_exactly_once() {
    let (book, booked) = booking(ms(4_000));
    let llm = asking(
        &["Let me look into the big book of tables. ", "I am on it."],
        &[(0, "book", CALLS)],
    );
    let script = once().say("friday", tone(ms(1_000))).interrupt_after(0, ms(800));
    let report = hold(&agent([book], &llm), script).await;
    assert_eq!(booked.load(Ordering::SeqCst), 1);
    assert_eq!(results(&report), ["Booked for 4."]);
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_may_be_cancelled_is_when_the_caller_interrupts() {
    let (book, booked) = booking(ms(4_000));
    let book = book.with_on_barge_in(OnBargeIn::Cancel);
    let llm = asking(&["Let me look into the big book of tables. ", "Yes?"], &[(0, "book", CALLS)]);
    let script = once().say("friday", tone(ms(1_000))).interrupt_after(0, ms(800));
    let report = hold(&agent([book], &llm), script).await;
    assert_eq!(booked.load(Ordering::SeqCst), 0);
    assert_eq!(results(&report), ["It did not happen: the caller interrupted."]);
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_asks_goes_on_and_the_model_may_stop_it() {
    let ask = || {
        let (book, booked) = booking(ms(6_000));
        (book.with_on_barge_in(OnBargeIn::Ask), booked)
    };
    let first = "Let me look into the big book of tables. ";
    let script = || once().say("friday", tone(ms(1_000))).interrupt_after(0, ms(800));

    let (book, booked) = ask();
    let llm = asking(&[first, "I am on it.", "Booked."], &[(0, "book", CALLS)]);
    let report = hold(&agent([book], &llm), script()).await;
    assert_eq!((booked.load(Ordering::SeqCst), results(&report)), (1, vec!["Booked for 4."]));
    let asked = llm.journal().calls();
    let offered = |number: usize| -> Vec<String> {
        asked[number].request.tools.iter().map(|tool| tool.name.clone()).collect()
    };
    assert_eq!(offered(0), ["book"]);
    assert_eq!(offered(1), ["book", "stop_tool"]);
    let between = asked[1].request.messages.last().unwrap().text();
    assert!(between.contains("still running") && between.contains("stop_tool"), "{between}");

    let (book, booked) = ask();
    let calls = [(0, "book", CALLS), (1, "stop_tool", r#"{"tool": "book"}"#)];
    let llm = asking(&[first, "Very well. ", "It is off."], &calls);
    let report = hold(&agent([book], &llm), script()).await;
    assert_eq!(booked.load(Ordering::SeqCst), 0);
    let mut told = results(&report);
    told.sort_unstable();
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(told[0], "It is being stopped.");
    assert!(told[1].contains("It was stopped on request."), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_panics_or_never_returns_is_a_result_the_model_reads() {
    let panics = tool("book", "", |_: NoArguments, _: ToolContext| async move {
        if true {
            panic!("the secret is 42")
        }
        Ok(())
    });
    let hangs = tool("book", "", |_: NoArguments, _: ToolContext| async move {
        std::future::pending::<()>().await;
        Ok(())
    });
    let hangs = hangs.with_timeout(ms(2_000));
    for (tool, told) in [(panics, "broke down"), (hangs, "longer than 2s")] {
        let llm = asking(&["Let me see. ", "Sorry."], &[(0, "book", "{}")]);
        let report = hold(&agent([tool], &llm), once()).await;
        let [result] = results(&report)[..] else { panic!("{:?}", report.messages) };
        assert!(result.contains(told) && !result.contains("42"), "{result}");
        assert_eq!(report.messages.last().unwrap().text(), "Sorry.");
    }
}

#[tokio::test(start_paused = true)]
async fn tools_of_one_answer_run_side_by_side() {
    let (book, booked) = booking(ms(2_000));
    let (look, _) = booking(ms(2_000));
    let clock = tokio::time::Instant::now();
    let times = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&times);
    let note = tool("note", "", move |_: NoArguments, _: ToolContext| {
        let noted = Arc::clone(&noted);
        async move {
            let began = clock.elapsed();
            sleep(ms(2_000)).await;
            noted.lock().unwrap().push((began, clock.elapsed()));
            Ok(())
        }
    });
    drop(look);
    let calls = [(0, "note", "{}"), (0, "note", ""), (0, "book", CALLS)];
    let llm = asking(&["Let me see. ", "All done."], &calls);
    let report = hold(&agent([book, note], &llm), once()).await;
    assert_eq!(results(&report), ["Done.", "Done.", "Booked for 4."]);
    assert_eq!(booked.load(Ordering::SeqCst), 1);
    let times = times.lock().unwrap();
    assert!(times[1].0 < times[0].1, "one after the other: {times:?}");
}

#[tokio::test(start_paused = true)]
async fn the_idempotency_key_is_the_same_when_the_model_tries_again_in_the_same_turn() {
    let keys = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&keys);
    let pay = tool("pay", "", move |_: Table, context: ToolContext| {
        noted.lock().unwrap().push(context.key().to_owned());
        async { Err::<(), _>(ToolError::new("The bank does not answer: try again.")) }
    });
    let other = r#"{"people": 5, "day": "friday"}"#;
    let respelled = r#"{"day":"friday","people":4}"#;
    let calls = [(0, "pay", CALLS), (1, "pay", respelled), (2, "pay", other), (4, "pay", CALLS)];
    let llm = asking(&["One. ", "Two. ", "Three. ", "It does not work. ", "Four. ", "No."], &calls);
    let script = once().say("friday", tone(ms(1_000)));
    let report = hold(&agent([pay], &llm), script).await;
    assert_eq!(results(&report).len(), 4, "{:?}", report.messages);
    let keys = keys.lock().unwrap();
    assert_eq!(keys[0], keys[1]);
    assert!(keys[0].starts_with("fake-call-1-pay-"), "{}", keys[0]);
    assert_ne!(keys[0], keys[2]);
    assert!(keys[3].starts_with("fake-call-2-pay-"), "{}", keys[3]);
}

#[tokio::test(start_paused = true)]
async fn a_tool_knows_the_call_and_what_was_said_and_can_speak() {
    let seen = Arc::new(Mutex::new(None));
    let noted = Arc::clone(&seen);
    let look = tool("look", "", move |_: NoArguments, context: ToolContext| {
        let noted = Arc::clone(&noted);
        async move {
            let said: Vec<_> =
                context.conversation().iter().map(|said| said.text().to_owned()).collect();
            *noted.lock().unwrap() = Some((context.call().from.clone(), said));
            context.say("I found it.")?;
            Ok("Seen.")
        }
    });
    let llm = asking(&["Let me see. ", "That is all."], &[(0, "look", "{}")]);
    let report = hold(&agent([look], &llm), once()).await;
    let (from, said) = seen.lock().unwrap().take().unwrap();
    assert_eq!(from.as_deref(), Some("+15551230001"));
    assert_eq!(said, ["A table for four."]);
    let texts: Vec<_> = report.messages.iter().map(Message::text).collect();
    assert!(texts.contains(&"I found it."), "{texts:?}");
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_takes_long_has_words_of_its_own_and_says_how_far_it_is() {
    let slow = tool("book", "", |_: NoArguments, context: ToolContext| async move {
        context.progress("two of three restaurants are full");
        sleep(ms(12_000)).await;
        Ok("Full.")
    });
    let slow = slow.with_filler("I am still calling them.");
    let llm =
        asking(&["Let me ask around. ", "I am on it.", "All are full."], &[(0, "book", "{}")]);
    let script = once().say("friday", tone(ms(1_000))).interrupt_after(0, ms(5_500));
    let report = hold(&agent([slow], &llm), script).await;
    let texts: Vec<_> = report.messages.iter().map(Message::text).collect();
    assert!(texts.contains(&"I am still calling them."), "{texts:?}");
    let asked = llm.journal().calls();
    let between = asked[1].request.messages.last().unwrap().text();
    assert!(between.contains("two of three restaurants are full"), "{between} {texts:?}");
}

#[tokio::test(start_paused = true)]
async fn what_the_model_reads_is_bounded() {
    let long = tool("book", "", |_: NoArguments, _: ToolContext| async { Ok("é".repeat(9_999)) });
    let llm = asking(&["Let me see. ", "So long."], &[(0, "book", "{}")]);
    let report = hold(&agent([long.with_longest_output(10)], &llm), once()).await;
    assert_eq!(results(&report), ["éééééééééé… (cut: 10 of 9999 characters)"]);
}

#[tokio::test(start_paused = true)]
async fn the_model_is_told_what_cannot_be_undone() {
    let (book, _) = booking(ms(100));
    let llm = asking(&["Hm."], &[]);
    hold(&agent([book.with_effect(Effect::Irreversible)], &llm), once()).await;
    let tools = &llm.journal().calls()[0].request.tools;
    assert!(tools[0].description.ends_with("have the caller confirm it first."));
}

#[test]
fn tools_that_a_model_could_not_use_are_refused() {
    let refused = |tool: FnTool| {
        let agent = Agent::builder().tool(tool).asr(FakeAsr::new(["x"])).llm(FakeLlm::new(["x"]));
        agent.tts(FakeTts::new()).build().unwrap_err().to_string()
    };
    let list = tool("list", "", |_: Vec<u8>, _: ToolContext| async { Ok(()) });
    let told = refused(list);
    assert!(told.contains("\"list\"") && told.contains("must be a struct"), "{told}");
    let stop = tool("stop_tool", "", |_: NoArguments, _: ToolContext| async { Ok(()) });
    assert!(refused(stop).contains("is taken"));
}

#[test]
fn what_is_said_in_a_call_is_in_no_debug_output_of_a_context() {
    let context = ToolContext::detached(CallInfo::new("CA1").with_parties(Some("+1".into()), None));
    assert!(!format!("{context:?}").contains("+1"));
}
