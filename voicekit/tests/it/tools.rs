//! Tools in whole calls: run once, finished across interruptions, remembered with their results.

use voicekit::{Agent, Phrases};
use voicekit_core::llm::Message;
use voicekit_core::tool::{OnBargeIn, ToolCall};
use voicekit_testkit::fake::{FakeAsr, FakeLlm, FakeTool, FakeTts, Fate};
use voicekit_testkit::phone::tone;
use voicekit_testkit::script::Script;

use crate::parts::{HELLO, Held, Parts, ms};

/// A call in which the model books a table in its first answer.
fn booking(tool: FakeTool) -> Parts {
    let mut parts =
        Parts::new(["A table for two.", "For three!"], ["Let me see. ", "It is booked.", "Ok."]);
    parts.llm = parts.llm.with_tool_call(0, ToolCall::new("c1", "book", "{\"guests\":2}"));
    parts.tools = vec![tool];
    parts
}

fn ask() -> Script {
    Script::new().say("table", tone(ms(1_000))).with_gap(ms(7_000))
}

fn asked(parts: &Parts, number: usize) -> Vec<Message> {
    parts.llm.journal().calls()[number].request.messages.clone()
}

fn results(held: &Held) -> Vec<&str> {
    let tool = |message: &&Message| matches!(message, Message::Tool { .. });
    held.report.messages.iter().filter(tool).map(Message::text).collect()
}

#[tokio::test(start_paused = true)]
async fn a_tool_runs_and_the_model_goes_on_with_its_result() {
    let tool = FakeTool::new("book", "Table 7 at eight.").with_duration(ms(300));
    let parts = booking(tool.clone());
    let held = parts.call(ask()).await;
    assert_eq!(
        held.conversation(),
        format!(
            "agent: {HELLO}\ncaller: A table for two.\nagent: Let me see.\n\
             book: Table 7 at eight.\nagent: It is booked.\n"
        )
    );
    assert_eq!(tool.journal().calls(), [ToolCall::new("c1", "book", "{\"guests\":2}")]);
    assert_eq!(parts.llm.journal().calls()[0].request.tools[0].name, "book");
    assert!(matches!(asked(&parts, 1).last(), Some(Message::Tool { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_tool_finishes_although_the_caller_interrupts_and_happens_once() {
    let tool = FakeTool::new("book", "Table 7 at eight.").with_duration(ms(4_000));
    let mut parts = booking(tool.clone());
    parts.llm = FakeLlm::answering(|request| {
        let last = request.messages.last().map(Message::text).unwrap_or_default().to_owned();
        match last.as_str() {
            "A table for two." => "Let me look into the big book of tables.".to_owned(),
            "Table 7 at eight." => "It is booked.".to_owned(),
            _ => "I am on it.".to_owned(),
        }
    })
    .with_tool_call(0, ToolCall::new("c1", "book", "{}"));
    let script = ask().say("three", tone(ms(1_000))).interrupt_after(0, ms(800));
    let held = parts.call(script).await;
    assert_eq!(tool.journal().fates(), [Fate::Ended], "{}", held.conversation());
    assert_eq!(results(&held), ["Table 7 at eight."]);
    // Asked in between, the model knows that it is being done.
    let between = asked(&parts, 1);
    let Some(Message::Tool { call, outcome }) = between.last() else { panic!("{between:?}") };
    assert!(call.id == "c1" && outcome.text.contains("still running"), "{outcome:?}");
    assert!(held.conversation().ends_with("agent: It is booked.\n"), "{}", held.conversation());
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_only_looks_things_up_is_dropped_when_the_caller_interrupts() {
    let tool = FakeTool::new("book", "never").with_duration(ms(9_000));
    let tool = tool.with_on_barge_in(OnBargeIn::Cancel);
    let parts = booking(tool.clone());
    let script = ask().say("three", tone(ms(1_000))).interrupt_after(0, ms(500));
    let held = parts.call(script).await;
    assert_eq!(tool.journal().fates(), [Fate::Dropped]);
    assert_eq!(results(&held), ["It did not happen: the caller interrupted."]);
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_waits_for_a_tool_is_told_so() {
    let parts = booking(FakeTool::new("book", "Done.").with_duration(ms(6_000)));
    let held = parts.call(ask()).await;
    let filler = Phrases::default().filler;
    let told = format!("agent: {filler}\nbook: Done.\n");
    assert!(held.conversation().contains(&told), "{}", held.conversation());
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_fails_hangs_panics_or_does_not_exist_is_a_result_the_model_reads() {
    let failing = FakeTool::new("book", "").failing("no table is free");
    let hanging = FakeTool::new("book", "").with_duration(ms(99_000)).with_timeout(ms(2_000));
    let other = FakeTool::new("other", "");
    for (tool, told) in [
        (failing, "no table is free"),
        (hanging, "It took longer than 2s."),
        (other, "There is no tool called \"book\"."),
    ] {
        let held = booking(tool).call(ask()).await;
        let [result] = results(&held)[..] else { panic!("{}", held.conversation()) };
        assert!(result.contains(told), "{result}");
        let said = held.conversation();
        assert!(said.ends_with("agent: It is booked.\n"), "{said}");
    }
}

#[derive(Debug)]
struct Panics;

#[async_trait::async_trait]
impl voicekit_core::tool::Tool for Panics {
    fn spec(&self) -> voicekit_core::tool::ToolSpec {
        voicekit_core::tool::ToolSpec::new("book", "Breaks.")
    }

    async fn run(
        &self,
        _: &ToolCall,
        _: &voicekit_core::tool::ToolContext,
    ) -> voicekit_core::error::Result<voicekit_core::tool::ToolOutcome> {
        panic!("the secret is 42");
    }
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_panics_does_not_take_the_call_with_it() {
    let parts = booking(FakeTool::new("unused", ""));
    let phone = voicekit_testkit::fake::scripted_line(ask());
    let agent = Agent::builder()
        .tool(Panics)
        .asr(parts.asr.clone())
        .llm(parts.llm.clone())
        .tts(parts.tts.clone())
        .vad(|| Ok(voicekit_testkit::fake::FakeVad::new()))
        .build()
        .unwrap();
    let report = agent.call(Box::new(phone.0)).await;
    let told = report.messages.iter().find(|message| matches!(message, Message::Tool { .. }));
    let told = told.unwrap().text();
    assert!(told.contains("broke down") && !told.contains("42"), "{told}");
    assert_eq!(report.messages.last().unwrap().text(), "It is booked.");
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_runs_when_the_caller_hangs_up_is_still_finished_and_recorded() {
    let tool = FakeTool::new("book", "Table 7 at eight.").with_duration(ms(9_000));
    let parts = booking(tool.clone());
    let held = parts.call(ask().with_gap(ms(500)).with_limit(ms(7_000))).await;
    assert_eq!(results(&held), ["Table 7 at eight."], "{}", held.conversation());
    assert_eq!(tool.journal().fates(), [Fate::Ended]);
}

#[test]
fn tools_that_a_model_could_not_tell_apart_are_refused() {
    let agent = |names: [&str; 2]| {
        Agent::builder()
            .tool(FakeTool::new(names[0], ""))
            .tool(FakeTool::new(names[1], ""))
            .asr(FakeAsr::new(["x"]))
            .llm(FakeLlm::new(["x"]))
            .tts(FakeTts::new())
            .build()
    };
    assert!(agent(["book", "cancel"]).is_ok());
    let twice = agent(["book", "book"]).unwrap_err().to_string();
    assert_eq!(twice, "agent: tool name \"book\" is the name of two tools");
    let spaced = agent(["book a table", "x"]).unwrap_err().to_string();
    assert!(spaced.contains("is not 1 to 64 letters"), "{spaced}");
}
