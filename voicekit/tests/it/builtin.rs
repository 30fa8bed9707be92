//! Ready-made tools in whole calls.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use futures::stream::BoxStream;
use voicekit::tools::builtin::{
    CallerMessage, collect_digits, current_time, hang_up, hold, search_knowledge, send_keys,
    take_message, transfer,
};
use voicekit::tools::{FnTool, Tool, ToolCall, ToolContext};
use voicekit::{CallReport, Phrases};
use voicekit_core::audio::AudioFormat;
use voicekit_core::control::{CallControl, Keys, Transfer};
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_core::llm::Message;
use voicekit_core::transport::{
    CallInfo, EndReason, Transport, TransportCommand, TransportEvent, TransportSink,
};
use voicekit_testkit::fake::{FakeLine, FakeLlm, FakeRetriever, LineHandle, scripted_line};
use voicekit_testkit::phone::tone;
use voicekit_testkit::script::Script;

use crate::parts::ms;
use crate::typed_tools::{agent, once};

/// What a carrier was told to do, after how much had been played.
#[derive(Clone, Debug, Default)]
pub(crate) struct FakeControl {
    pub(crate) orders: Arc<Mutex<Vec<String>>>,
    pub(crate) fails: bool,
    pub(crate) phone: Option<LineHandle>,
}

#[async_trait]
impl CallControl for FakeControl {
    async fn transfer(&self, to: &Transfer) -> Result<()> {
        self.orders.lock().unwrap().push(format!("transfer {}", to.to));
        if self.fails {
            return Err(Error::new(
                ErrorKind::Rejected,
                "carrier",
                "that number is not in service",
            ));
        }
        if let Some(phone) = &self.phone {
            phone.hang_up();
        }
        Ok(())
    }

    async fn press(&self, keys: &Keys) -> Result<()> {
        self.orders.lock().unwrap().push(format!("press {}", keys.as_str()));
        Ok(())
    }

    async fn redirect(&self, url: &str) -> Result<()> {
        self.orders.lock().unwrap().push(format!("ask {url}"));
        if self.fails {
            return Err(Error::new(ErrorKind::Rejected, "carrier", "the call is over"));
        }
        if let Some(phone) = &self.phone {
            phone.hang_up();
        }
        Ok(())
    }
}

/// A line whose carrier can do more than carry it.
#[derive(Debug)]
pub(crate) struct Controlled(pub(crate) FakeLine, pub(crate) FakeControl);

impl Transport for Controlled {
    fn call(&self) -> &CallInfo {
        self.0.call()
    }

    fn format(&self) -> AudioFormat {
        self.0.format()
    }

    fn control(&self) -> Option<Arc<dyn CallControl>> {
        Some(Arc::new(self.1.clone()))
    }

    fn split(
        self: Box<Self>,
    ) -> (Box<dyn TransportSink>, BoxStream<'static, Result<TransportEvent>>) {
        Box::new(self.0).split()
    }
}

fn model(answers: &[&str], name: &str, arguments: &str) -> FakeLlm {
    FakeLlm::new(answers.to_vec()).with_tool_call(0, ToolCall::new("c1", name, arguments))
}

fn texts(report: &CallReport) -> Vec<&str> {
    report.messages.iter().map(Message::text).collect()
}

async fn run(tool: &FnTool, arguments: &str) -> (String, bool) {
    let context = ToolContext::detached(CallInfo::new("CA1"));
    let call = ToolCall::new("c1", tool.spec().name, arguments);
    let outcome = tool.run(&call, &context).await.unwrap();
    (outcome.text, outcome.failed)
}

#[tokio::test(start_paused = true)]
async fn the_agent_hangs_up_when_its_goodbye_has_been_heard() {
    let llm = model(&["Goodbye, and thank you. "], "hang_up", "{}");
    let (line, phone) = scripted_line(once());
    let report = agent([hang_up()], &llm).call(Box::new(line)).await;
    assert_eq!(report.reason, EndReason::AgentHungUp);
    let said = ["A table for four.", "Goodbye, and thank you.", "The call is ending."];
    assert_eq!(texts(&report), said);
    assert_eq!(phone.commands().pop().unwrap().1, TransportCommand::HangUp);
}

#[tokio::test(start_paused = true)]
async fn a_model_that_hangs_up_without_a_word_has_the_agents_goodbye_said() {
    let llm = model(&[""], "hang_up", "{}");
    let (line, _phone) = scripted_line(once());
    let report = agent([hang_up()], &llm).call(Box::new(line)).await;
    assert_eq!(report.reason, EndReason::AgentHungUp);
    assert!(texts(&report).contains(&&*Phrases::default().goodbye), "{:?}", report.messages);
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_interrupts_the_goodbye_stays_on_the_line() {
    let llm = model(&["Goodbye and thank you very much for calling us. ", "Yes?"], "hang_up", "");
    let script = once().say("wait", tone(ms(1_000))).interrupt_after(0, ms(700));
    let (line, _phone) = scripted_line(script);
    let report = agent([hang_up()], &llm).call(Box::new(line)).await;
    let said = texts(&report);
    assert!(said.contains(&"It did not happen: the caller interrupted."), "{said:?}");
    assert!(said.contains(&"Yes?"), "{said:?}");
}

fn desks() -> FnTool {
    transfer([
        ("billing", Transfer::to("+15550001")),
        ("sales", Transfer::to("sip:sales@x.example")),
    ])
}

#[tokio::test(start_paused = true)]
async fn a_caller_is_transferred_when_they_have_been_told() {
    let llm = model(&["I put you through to billing. ", "?"], "transfer", r#"{"to": "billing"}"#);
    let (line, phone) = scripted_line(once());
    let control = FakeControl { phone: Some(phone.clone()), ..FakeControl::default() };
    let line = Controlled(line, control.clone());
    let report = agent([desks()], &llm).call(Box::new(line)).await;
    assert_eq!(*control.orders.lock().unwrap(), ["transfer +15550001"]);
    let said =
        ["A table for four.", "I put you through to billing.", "The caller is being connected."];
    assert_eq!(texts(&report), said);
    let told = &llm.journal().calls()[0].request.tools[0];
    assert_eq!(
        told.parameters["properties"]["to"]["enum"],
        serde_json::json!(["billing", "sales"])
    );
    assert!(!told.parameters.to_string().contains("555"), "the model knows a number");
}

#[tokio::test(start_paused = true)]
async fn a_transfer_that_fails_is_explained_to_the_model_which_goes_on() {
    let refused = FakeControl { fails: true, ..FakeControl::default() };
    for (control, to, told) in [
        (refused, "billing", "carrier: that number is not in service"),
        (FakeControl::default(), "the moon", "\"the moon\" is not one of billing, sales."),
    ] {
        let arguments = serde_json::json!({ "to": to }).to_string();
        let llm = model(&["One moment. ", "That did not work."], "transfer", &arguments);
        let (line, _phone) = scripted_line(once());
        let line = Controlled(line, control);
        let report = agent([desks()], &llm).call(Box::new(line)).await;
        let said = texts(&report);
        assert!(said.contains(&told) && said.contains(&"That did not work."), "{said:?}");
    }
}

#[tokio::test]
async fn a_line_without_call_control_says_so() {
    let (told, failed) = run(&desks(), r#"{"to": "billing"}"#).await;
    assert!(failed && told.contains("no call control"), "{told}");
    let (told, failed) = run(&send_keys(), r#"{"keys": "12x"}"#).await;
    assert!(failed && told.contains("'x' is not a key"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn keys_are_pressed_by_the_carrier() {
    let llm = model(&["Pressing one. ", "Done."], "send_keys", r#"{"keys": "1 w-2#"}"#);
    let (line, _phone) = scripted_line(once());
    let control = FakeControl::default();
    let line = Controlled(line, control.clone());
    agent([send_keys()], &llm).call(Box::new(line)).await;
    assert_eq!(*control.orders.lock().unwrap(), ["press 1w2#"]);
}

#[tokio::test(start_paused = true)]
async fn digits_that_were_asked_for_are_the_answer() {
    let llm = model(
        &["What is your account number? ", "Thank you."],
        "collect_digits",
        r#"{"count": 4}"#,
    );
    let script = Script::new().say("hello", tone(ms(1_000))).press("1234").with_gap(ms(1_000));
    let (line, _phone) = scripted_line(script);
    let report = agent([collect_digits()], &llm).call(Box::new(line)).await;
    let said = texts(&report);
    assert!(said.iter().any(|said| said.replace(' ', "").contains("1234")), "{said:?}");
    // Nothing was said between the question and the answer.
    assert!(!said[..3].contains(&"Thank you."), "{said:?}");
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_asked_for_a_moment_is_waited_for_in_silence() {
    let llm = model(&["Of course, I wait. ", "Welcome back."], "hold", "{}");
    let script = once().say("back", tone(ms(1_000))).interrupt_after(0, ms(20_000));
    let (line, _phone) = scripted_line(script);
    let report = agent([hold()], &llm).call(Box::new(line)).await;
    let said = texts(&report);
    let between = said.iter().position(|said| *said == "Welcome back.").unwrap();
    assert_eq!(said[1], "Of course, I wait.");
    assert!(between <= 4, "something was said into the silence: {said:?}");
}

#[tokio::test]
async fn the_time_is_told_where_the_agent_is() {
    let clock = || SystemTime::UNIX_EPOCH + Duration::from_secs(1_772_542_800);
    let berlin = current_time("Europe/Berlin", clock).unwrap();
    assert_eq!(run(&berlin, "").await.0, "Tuesday, 3 March 2026, 14:00 in Europe/Berlin");
    let tokyo = current_time("Asia/Tokyo", clock).unwrap();
    assert_eq!(run(&tokyo, "{}").await.0, "Tuesday, 3 March 2026, 22:00 in Asia/Tokyo");
    let error = current_time("Bakerstreet", clock).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.message().contains("Bakerstreet"), "{error}");
}

#[tokio::test]
async fn a_message_is_delivered_and_an_empty_one_is_not() {
    let taken = Arc::new(Mutex::new(Vec::new()));
    let inbox = Arc::clone(&taken);
    let tool = take_message(move |message: CallerMessage, _: ToolContext| {
        inbox.lock().unwrap().push((message.text, message.name));
        async { Ok(()) }
    });
    let (told, failed) = run(&tool, r#"{"text": "Call me.", "name": "Ann"}"#).await;
    assert!(!failed && told.contains("passed on"), "{told}");
    let (told, failed) = run(&tool, r#"{"text": " "}"#).await;
    assert!(failed && told.contains("empty"), "{told}");
    assert_eq!(*taken.lock().unwrap(), [("Call me.".to_owned(), Some("Ann".to_owned()))]);
}

#[tokio::test(start_paused = true)]
async fn knowledge_is_found_and_nothing_found_is_said() {
    let knows = FakeRetriever::new([("hours", "We open at nine.")]);
    let tool = search_knowledge(knows);
    let (told, _) = run(&tool, r#"{"question": "When do you open?"}"#).await;
    assert!(told.starts_with("<knowledge>") && told.contains("We open at nine."), "{told}");
    let nothing = search_knowledge(FakeRetriever::new::<&str, &str>([]));
    assert_eq!(run(&nothing, r#"{"question": "Why?"}"#).await.0, "Nothing is known about it.");
}
