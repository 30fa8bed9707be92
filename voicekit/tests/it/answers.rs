//! How answers of models are read.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt};
use voicekit::Agent;
use voicekit::resilience::Fallback;
use voicekit_core::error::Result;
use voicekit_core::llm::{ChatEvent, ChatRequest, Llm, LlmInfo, Message, Usage};
use voicekit_testkit::fake::{FakeAsr, FakeTts, FakeVad, scripted_line};
use voicekit_testkit::phone::tone;
use voicekit_testkit::script::Script;

use crate::parts::ms;

/// A model whose answers end a moment after they are done, as those over HTTP do. Counts the ends
/// that were read.
#[derive(Clone, Debug, Default)]
struct LateEnd(Arc<AtomicUsize>);

#[async_trait]
impl Llm for LateEnd {
    fn info(&self) -> LlmInfo {
        LlmInfo::new("late-end")
    }

    async fn chat(&self, _: ChatRequest) -> Result<BoxStream<'static, Result<ChatEvent>>> {
        let said = [ChatEvent::Text("We are open.".to_owned()), ChatEvent::Done(Usage::default())];
        let ends = Arc::clone(&self.0);
        let end = stream::once(async move {
            tokio::time::sleep(ms(40)).await;
            ends.fetch_add(1, Ordering::Relaxed);
        });
        Ok(stream::iter(said.map(Ok)).chain(end.filter_map(async |()| None)).boxed())
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_read_to_its_end_so_that_its_connection_is_kept() {
    let model = LateEnd::default();
    let agent = Agent::builder().asr(FakeAsr::new(["When are you open?"])).llm(model.clone());
    let agent = agent.tts(FakeTts::new()).vad(|| Ok(FakeVad::new())).build().unwrap();
    let (line, handle) = scripted_line(Script::new().say("hours", tone(ms(1_200))));
    let report = agent.call(Box::new(line)).await;
    assert_eq!(report.messages.last().map(Message::text), Some("We are open."));
    assert!(handle.report().turns[0].answer.is_some());
    assert!(model.0.load(Ordering::Relaxed) > 0);
}

#[tokio::test(start_paused = true)]
async fn an_answer_through_a_fallback_is_read_to_its_end_as_well() {
    let model = LateEnd::default();
    let fallback = Fallback::llm(model.clone()).or(LateEnd::default());
    let request = ChatRequest::new("You are a bakery.", [Message::caller("When are you open?")]);
    let mut events = fallback.chat(request).await.unwrap();
    let mut last = None;
    while let Some(event) = events.next().await {
        last = Some(event.unwrap());
        if matches!(last, Some(ChatEvent::Done(_))) {
            assert_eq!(model.0.load(Ordering::Relaxed), 0, "the end was waited for");
        }
    }
    assert!(matches!(last, Some(ChatEvent::Done(_))));
    assert_eq!(model.0.load(Ordering::Relaxed), 1);
}
