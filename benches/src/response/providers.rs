//! The model, the tool and the turn detector, with fixed delays.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use tokio::time::sleep;
use voicekit_core::error::Result;
use voicekit_core::llm::{ChatEvent, ChatRequest, Llm, LlmInfo, Message, Usage};
use voicekit_core::tool::{Tool, ToolCall, ToolContext, ToolOutcome, ToolSpec};
use voicekit_core::turn::{Heard, TurnDetector};

use super::{Delays, Scenario};

const TOOL: &str = "look_up";
/// Pieces of a tool call's arguments, which come like words.
const PIECES: u32 = 3;
const ANSWERS: [&str; 4] = [
    "Sure, I can help you with that. Which day would suit you best?",
    "We are open from nine to five. Is there anything else you would like to know?",
    "Yes, we have a table for two at seven. Shall I book it for you?",
    "Thank you, I have noted that down. May I have your telephone number, please?",
];

/// A model that answers word by word.
#[derive(Clone, Debug)]
pub(super) struct Model {
    scenario: Scenario,
    delays: Delays,
    asked: Arc<AtomicUsize>,
}

impl Model {
    pub(super) fn new(scenario: Scenario, delays: Delays) -> Self {
        Self { scenario, delays, asked: Arc::default() }
    }

    /// How many requests it has had.
    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl Llm for Model {
    fn info(&self) -> LlmInfo {
        LlmInfo::new("model")
    }

    async fn chat(&self, request: ChatRequest) -> Result<BoxStream<'static, Result<ChatEvent>>> {
        let nth = self.asked.fetch_add(1, Ordering::Relaxed);
        let has_result = matches!(request.messages.last(), Some(Message::Tool { .. }));
        let (first, token) = (self.delays.first_token, self.delays.token);
        if self.scenario == Scenario::Tool && !has_result {
            let call = ToolCall::new(format!("call-{nth}"), TOOL, "{}");
            let wait = first + token * PIECES;
            let called = stream::once(async move {
                sleep(wait).await;
                Ok(ChatEvent::ToolCall(call))
            });
            return Ok(called.chain(done()).boxed());
        }
        let caller = |message: &&Message| matches!(message, Message::Caller { .. });
        let turn = request.messages.iter().filter(caller).count();
        let words = ANSWERS[turn % ANSWERS.len()].split_inclusive(' ').enumerate();
        let words = stream::iter(words).then(move |(index, word)| async move {
            sleep(if index == 0 { first } else { token }).await;
            Ok(ChatEvent::Text(word.to_owned()))
        });
        Ok(words.chain(done()).boxed())
    }
}

fn done() -> BoxStream<'static, Result<ChatEvent>> {
    stream::iter([Ok(ChatEvent::Done(Usage::default()))]).boxed()
}

/// A tool that returns at once.
#[derive(Debug)]
pub(super) struct LookUp;

#[async_trait]
impl Tool for LookUp {
    fn spec(&self) -> ToolSpec {
        ToolSpec::new(TOOL, "Looks something up.")
    }

    async fn run(&self, _: &ToolCall, _: &ToolContext) -> Result<ToolOutcome> {
        Ok(ToolOutcome::ok("42"))
    }
}

/// A turn detector with a list of verdicts, which it gives again and again.
#[derive(Debug)]
pub(super) struct Verdicts {
    verdicts: Vec<f32>,
    after: Duration,
    given: AtomicUsize,
}

impl Verdicts {
    pub(super) fn new(verdicts: &[f32], after: Duration) -> Self {
        Self { verdicts: verdicts.to_vec(), after, given: AtomicUsize::new(0) }
    }
}

#[async_trait]
impl TurnDetector for Verdicts {
    async fn end_of_turn(&self, _: &Heard) -> Result<f32> {
        let nth = self.given.fetch_add(1, Ordering::Relaxed);
        sleep(self.after).await;
        Ok(self.verdicts[nth % self.verdicts.len()])
    }
}
