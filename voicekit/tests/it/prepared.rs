//! Replies that are made before it is certain that the caller has finished.

use voicekit_core::error::ErrorKind;
use voicekit_core::tool::ToolCall;
use voicekit_core::turn::Action;
use voicekit_testkit::fake::{FakeAsr, FakeTool, Fate, Fault};
use voicekit_testkit::phone::{silence, tone};
use voicekit_testkit::script::Script;

use crate::parts::{HELLO, HOURS, Held, Parts, ms};

/// A recogniser that says what it heard as soon as the caller pauses.
fn quick(parts: Parts) -> Parts {
    let asr = FakeAsr::new(["When are you open?", "On Sunday?"]);
    Parts { asr: asr.with_interims(None).with_own_endpointing(ms(40)), ..parts }
}

fn parts() -> Parts {
    Parts::new(["When are you open?", "On Sunday?"], [HOURS, "We are closed."])
}

fn script() -> Script {
    Script::new().say("hours", tone(ms(1_200)))
}

fn adopted(held: &Held) -> usize {
    held.actions(|action| matches!(action, Action::Adopt(_)))
}

#[tokio::test(start_paused = true)]
async fn a_prepared_reply_is_heard_sooner_and_costs_nothing_more() {
    let slow = parts().call(script()).await;
    let parts = quick(parts());
    let held = parts.call(script()).await;
    assert_eq!((adopted(&slow), adopted(&held)), (0, 1));
    let wait = |held: &Held| held.heard.latencies()[0];
    assert!(wait(&held) + ms(150) < wait(&slow), "{:?} {:?}", wait(&held), wait(&slow));
    assert_eq!(held.messages(), [HELLO, "When are you open?", HOURS]);
    assert_eq!(parts.llm.journal().len(), 1);
    assert_eq!(held.report.wasted.output_tokens, 0);
    assert_eq!((held.report.metrics.prepared, held.report.metrics.adopted), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_reply_to_half_a_question_is_never_heard_and_its_cost_is_told() {
    let mut parts = quick(parts());
    parts.llm = parts.llm.with_token(ms(200));
    let question: Vec<i16> = [tone(ms(900)), silence(ms(480)), tone(ms(900))].concat();
    let held = parts.call(Script::new().say("question", question)).await;
    assert_eq!(held.messages()[1], "When are you open? On Sunday?", "{}", held.conversation());
    let fates = parts.llm.journal().fates();
    assert!(fates.contains(&Fate::Dropped), "{fates:?}");
    assert!(held.report.wasted.input_tokens > 0);
    assert_eq!(held.report.metrics.discarded, 1);
}

#[tokio::test(start_paused = true)]
async fn a_prepared_reply_runs_its_tools_only_once_it_is_adopted() {
    let mut parts = quick(parts());
    let tool = FakeTool::new("look", "Seven to six.");
    parts.tools = vec![tool.clone()];
    parts.llm = parts.llm.with_tool_call(0, ToolCall::new("c1", "look", "{}"));
    let held = parts.call(script()).await;
    assert_eq!((adopted(&held), tool.journal().len()), (1, 1), "{}", held.conversation());
    let position = |wanted: &dyn Fn(&Action) -> bool| {
        let is = |entry: &voicekit_core::turn::trace::Entry| matches!(entry, voicekit_core::turn::trace::Entry::Action(action) if wanted(action));
        held.trace.iter().position(|line| is(&line.entry)).unwrap()
    };
    let adopted = position(&|action| matches!(action, Action::Adopt(_)));
    let ran = position(&|action| matches!(action, Action::RunTool { .. }));
    assert!(adopted < ran);
}

#[tokio::test(start_paused = true)]
async fn a_prepared_reply_that_failed_is_asked_for_again() {
    let mut parts = quick(parts());
    parts.llm = parts.llm.with_fault(0, Fault::Refuse(ErrorKind::Connection));
    let held = parts.call(script()).await;
    assert_eq!(parts.llm.journal().len(), 2);
    assert_eq!(held.messages().len(), 3, "{}", held.conversation());
    assert!(!held.conversation().contains("Sorry"), "{}", held.conversation());
}

#[tokio::test(start_paused = true)]
async fn a_recogniser_that_follows_turns_ends_them_and_has_replies_prepared() {
    let asr = FakeAsr::new(["When are you open?"]).with_interims(None).with_own_turns(ms(200));
    let parts = Parts { asr, ..parts() };
    let held = parts.call(script()).await;
    assert_eq!(held.messages(), [HELLO, "When are you open?", HOURS]);
    assert_eq!((adopted(&held), parts.llm.journal().len()), (1, 1));
    // Silence alone would have taken 700 ms.
    let latency = held.report.metrics.latencies[0];
    assert!(latency.endpointing < ms(450), "{latency:?}");
}
