//! A model that says what the script says.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use tokio::time::sleep;
use voicekit_core::error::Result;
use voicekit_core::llm::{ChatEvent, ChatRequest, Llm, LlmInfo, Usage};
use voicekit_core::tool::ToolCall;

use super::fault::{Fault, Faults};
use super::journal::Journal;

const NAME: &str = "fake-llm";

type Answer = dyn FnMut(&ChatRequest) -> String + Send;

/// A model that says what the script says, word by word.
#[derive(Clone)]
pub struct FakeLlm {
    answer: Arc<Mutex<Answer>>,
    first_token: Duration,
    token: Duration,
    calls: Vec<(usize, ToolCall)>,
    info: LlmInfo,
    faults: Faults,
    journal: Journal<LlmCall>,
}

/// One question to the model.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LlmCall {
    /// The request.
    pub request: ChatRequest,
    /// What was said in answer so far.
    pub said: String,
}

impl FakeLlm {
    /// A model that gives these answers in turn, and the last one for ever.
    pub fn new<T: Into<String>>(answers: impl IntoIterator<Item = T>) -> Self {
        let mut answers: Vec<String> = answers.into_iter().map(Into::into).collect();
        answers.reverse();
        Self::answering(move |_| match &answers[..] {
            [] => String::new(),
            [last] => last.clone(),
            [..] => answers.pop().unwrap_or_default(),
        })
    }

    /// A model that computes its answer from the request.
    pub fn answering(answer: impl FnMut(&ChatRequest) -> String + Send + 'static) -> Self {
        Self {
            answer: Arc::new(Mutex::new(answer)),
            first_token: Duration::from_millis(200),
            token: Duration::from_millis(20),
            calls: Vec::new(),
            info: LlmInfo::new(NAME),
            faults: Faults::default(),
            journal: Journal::default(),
        }
    }

    /// From the question to the first word. Default: 200 ms.
    #[must_use]
    pub fn with_first_token(mut self, delay: Duration) -> Self {
        self.first_token = delay;
        self
    }

    /// From word to word. Default: 20 ms.
    #[must_use]
    pub fn with_token(mut self, delay: Duration) -> Self {
        self.token = delay;
        self
    }

    /// Reads [`ChatRequest::passages`]. Default: no.
    #[must_use]
    pub fn with_passages(mut self) -> Self {
        self.info = self.info.with_passages();
        self
    }

    /// Has answer number `stream`, from 0, ask for a tool after its words, if it was given any.
    #[must_use]
    pub fn with_tool_call(mut self, stream: usize, call: ToolCall) -> Self {
        self.calls.push((stream, call));
        self
    }

    /// Builds a fault into answer number `stream`, from 0. Items are words, then `Done`.
    #[must_use]
    pub fn with_fault(mut self, stream: usize, fault: Fault) -> Self {
        self.faults.add(stream, fault);
        self
    }

    /// What it was asked.
    pub fn journal(&self) -> &Journal<LlmCall> {
        &self.journal
    }
}

#[async_trait]
impl Llm for FakeLlm {
    fn info(&self) -> LlmInfo {
        self.info.clone()
    }

    async fn chat(&self, request: ChatRequest) -> Result<BoxStream<'static, Result<ChatEvent>>> {
        let answer = {
            let mut answer = self.answer.lock().unwrap_or_else(PoisonError::into_inner);
            answer(&request)
        };
        let has_tools = !request.tools.is_empty();
        let page = Arc::new(self.journal.open(LlmCall { request, said: String::new() }));
        self.faults.refusal(NAME, page.index())?;
        let words: Vec<String> = answer.split_inclusive(' ').map(str::to_owned).collect();
        let (first, token) = (self.first_token, self.token);
        let record = Arc::clone(&page);
        let words = stream::iter(words).enumerate().then(move |(index, word)| {
            let record = Arc::clone(&record);
            async move {
                sleep(if index == 0 { first } else { token }).await;
                record.note(|call| call.said.push_str(&word));
                Ok(ChatEvent::Text(word))
            }
        });
        let calls = self.calls.iter().filter(|(stream, _)| has_tools && *stream == page.index());
        let calls = calls.map(|(_, call)| Ok(ChatEvent::ToolCall(call.clone())));
        let done = [Ok(ChatEvent::Done(Usage::default()))];
        let done = stream::iter(calls.chain(done).collect::<Vec<_>>());
        Ok(self.faults.apply(NAME, page, words.chain(done).boxed()))
    }
}

impl fmt::Debug for FakeLlm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeLlm")
            .field("first_token", &self.first_token)
            .field("token", &self.token)
            .field("journal", &self.journal)
            .finish_non_exhaustive()
    }
}
