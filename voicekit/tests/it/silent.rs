//! A provider that accepts and never answers leaves one line in the log that names it.

use std::time::Duration;

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt};
use tracing::Level;
use voicekit::{Agent, AgentBuilder};
use voicekit_core::asr::{Asr, AsrEvent, AsrInfo, AsrInput, AsrRequest};
use voicekit_core::error::Result;
use voicekit_core::llm::{ChatEvent, ChatRequest, Llm, LlmInfo};
use voicekit_core::tts::{Spoken, Tts, TtsInfo, TtsRequest};
use voicekit_testkit::fake::{FakeAsr, FakeLlm, FakeTts, FakeVad, scripted_line};
use voicekit_testkit::logs::Logs;
use voicekit_testkit::phone::tone;
use voicekit_testkit::script::Script;

/// Says nothing, and never ends.
#[derive(Debug)]
struct Silent<T>(T);

#[async_trait]
impl Llm for Silent<FakeLlm> {
    fn info(&self) -> LlmInfo {
        self.0.info()
    }

    async fn chat(&self, _: ChatRequest) -> Result<BoxStream<'static, Result<ChatEvent>>> {
        Ok(stream::pending().boxed())
    }
}

#[async_trait]
impl Tts for Silent<FakeTts> {
    fn info(&self) -> TtsInfo {
        self.0.info()
    }

    async fn speak(
        &self,
        _: TtsRequest,
        text: BoxStream<'static, String>,
    ) -> Result<BoxStream<'static, Result<Spoken>>> {
        let never = text.filter_map(async |_| None).chain(stream::pending());
        Ok(never.boxed())
    }
}

#[async_trait]
impl Asr for Silent<FakeAsr> {
    fn info(&self) -> AsrInfo {
        self.0.info()
    }

    async fn recognize(
        &self,
        _: AsrRequest,
        input: BoxStream<'static, AsrInput>,
    ) -> Result<BoxStream<'static, Result<AsrEvent>>> {
        Ok(input.filter_map(async |_| None).chain(stream::pending()).boxed())
    }
}

fn agent() -> AgentBuilder {
    Agent::builder()
        .asr(FakeAsr::new(["When are you open?"]))
        .llm(FakeLlm::new(["From seven to six."]))
        .tts(FakeTts::new())
        .vad(|| Ok(FakeVad::new()))
}

/// The warnings of a call with one question.
async fn warnings(agent: AgentBuilder) -> Vec<String> {
    let logs = Logs::catch_up_to(Level::INFO);
    let script = Script::new()
        .say("hours", tone(Duration::from_millis(1_200)))
        .with_answer_wait(Duration::from_secs(12));
    let (line, _handle) = scripted_line(script);
    agent.build().unwrap().call(Box::new(line)).await;
    let text = logs.text();
    text.lines().filter(|line| line.contains("WARN")).map(str::to_owned).collect()
}

#[tokio::test(start_paused = true)]
async fn a_model_that_never_answers_is_named_once() {
    let name = FakeLlm::new([""]).info().name;
    let warnings = warnings(agent().llm(Silent(FakeLlm::new([""])))).await;
    let [one] = &warnings[..] else { panic!("{warnings:#?}") };
    assert!(one.contains(name) && one.contains("in time"), "{one}");
}

#[tokio::test(start_paused = true)]
async fn a_voice_that_never_speaks_is_named() {
    let name = FakeTts::new().info().name;
    let warnings = warnings(agent().tts(Silent(FakeTts::new()))).await;
    assert!(!warnings.is_empty());
    assert!(warnings.iter().all(|line| line.contains(name)), "{warnings:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_recognizer_that_never_writes_anything_is_named_once() {
    let name = FakeAsr::new([""]).info().name;
    let warnings = warnings(agent().asr(Silent(FakeAsr::new([""])))).await;
    let [one] = &warnings[..] else { panic!("{warnings:#?}") };
    assert!(one.contains(name) && one.contains("in time"), "{one}");
}

#[tokio::test(start_paused = true)]
async fn providers_that_answer_are_not_named() {
    assert_eq!(warnings(agent()).await, [""; 0]);
}
