//! Language models: a conversation in, the next thing to say out.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};

use crate::answer::TextFilter;
use crate::error::Result;
use crate::retrieve::Passage;
use crate::tool::{ToolCall, ToolOutcome, ToolSpec};

/// A language model, or anything that answers like one.
///
/// # Contract
///
/// 1. The output ends with exactly one [`ChatEvent::Done`] or exactly one `Err`; a stream that
///    ends with neither was truncated.
/// 2. Text arrives as it is made, in pieces of any length; concatenated they are the answer, except
///    for those before a [`ChatEvent::Retracted`].
/// 3. Dropping the output cancels the work.
/// 4. The request is all there is: a model keeps nothing from one request to the next.
/// 5. A [`ChatEvent::ToolCall`] is complete: its arguments are not sent in pieces. Several may
///    come in one answer, after its text. A model that was given no tools calls none.
/// 6. An answer holds at least a word that a voice can speak, or a tool call: one that holds
///    neither ends with an `Err`, whatever reason the service gives for its end. Emoji, punctuation
///    and markup are not words, and neither is what [`ChatRequest::filter`] removes. Reasoning, tool
///    calls written as text and tokens of a chat template are never text. [`checked`] does all of
///    this for an adapter.
///
/// [`checked`]: crate::answer::checked
#[async_trait]
pub trait Llm: fmt::Debug + Send + Sync + 'static {
    /// What this model is.
    fn info(&self) -> LlmInfo;

    /// Answers the conversation.
    ///
    /// # Errors
    ///
    /// Any [`ErrorKind`](crate::error::ErrorKind).
    async fn chat(&self, request: ChatRequest) -> Result<BoxStream<'static, Result<ChatEvent>>>;

    /// Connects ahead of a request, which saves it the round trips. Does nothing if a connection
    /// waits, and nothing by default.
    ///
    /// # Errors
    ///
    /// `Timeout` or `Connection`. A later request is worth trying all the same.
    async fn warm(&self) -> Result<()> {
        Ok(())
    }
}

/// A model that is shared is a model.
#[async_trait]
impl<T: Llm + ?Sized> Llm for Arc<T> {
    fn info(&self) -> LlmInfo {
        (**self).info()
    }

    async fn chat(&self, request: ChatRequest) -> Result<BoxStream<'static, Result<ChatEvent>>> {
        (**self).chat(request).await
    }

    async fn warm(&self) -> Result<()> {
        (**self).warm().await
    }
}

/// What a model is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LlmInfo {
    /// Its name in errors, logs and traces.
    pub name: &'static str,
    /// Whether it reads [`ChatRequest::passages`]. Others are given none: what was looked up for
    /// them stands in the caller's message, as text. Default: no.
    pub reads_passages: bool,
}

impl LlmInfo {
    /// A model called `name`, which reads text only.
    pub fn new(name: &'static str) -> Self {
        Self { name, reads_passages: false }
    }

    /// It reads [`ChatRequest::passages`].
    #[must_use]
    pub fn with_passages(mut self) -> Self {
        self.reads_passages = true;
        self
    }
}

/// What the caller of [`Llm::chat`] wants.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ChatRequest {
    /// Who the agent is and how it behaves: the system prompt.
    pub instructions: String,
    /// The conversation, oldest first. The last message is the caller's, or a tool's.
    pub messages: Vec<Message>,
    /// What the model may call. Default: nothing.
    pub tools: Vec<ToolSpec>,
    /// What was looked up for the caller's last words, best first, for a model that
    /// [reads it](LlmInfo::reads_passages). Default: nothing.
    pub passages: Vec<Passage>,
    /// The most tokens to answer with, if there is a limit. Default: none.
    pub max_tokens: Option<u32>,
    /// Randomness, 0 to 2, if not the model's own default.
    pub temperature: Option<f32>,
    /// What is removed from the text of the answer. Default: stage directions and citation marks.
    pub filter: TextFilter,
}

impl ChatRequest {
    /// A request to go on with `messages` under `instructions`.
    pub fn new(instructions: impl Into<String>, messages: impl Into<Vec<Message>>) -> Self {
        Self { instructions: instructions.into(), messages: messages.into(), ..Self::default() }
    }
}

/// One thing that was said. Exhaustive on purpose: an adapter must translate each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "role", rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "adapters must not silently drop a new message")]
pub enum Message {
    /// What the caller said.
    Caller {
        /// The words.
        text: String,
    },
    /// What the caller heard the agent say.
    Agent {
        /// The words that were heard, which is less than was meant if the caller interrupted.
        text: String,
        /// Whether it was cut short: the caller interrupted, or it broke off.
        interrupted: bool,
    },
    /// What the agent did, and how it went. The call and its result are one message, so that no
    /// history can hold the one without the other; calls of one answer follow each other.
    Tool {
        /// What the model asked for.
        call: ToolCall,
        /// What came of it.
        outcome: ToolOutcome,
    },
}

impl Message {
    /// What the caller said.
    pub fn caller(text: impl Into<String>) -> Self {
        Self::Caller { text: text.into() }
    }

    /// What the agent said, heard to its end.
    pub fn agent(text: impl Into<String>) -> Self {
        Self::Agent { text: text.into(), interrupted: false }
    }

    /// What the agent did, and how it went.
    pub fn tool(call: ToolCall, outcome: ToolOutcome) -> Self {
        Self::Tool { call, outcome }
    }

    /// The words; of a tool, its result.
    pub fn text(&self) -> &str {
        match self {
            Self::Caller { text } | Self::Agent { text, .. } => text,
            Self::Tool { outcome, .. } => &outcome.text,
        }
    }
}

/// What a model says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChatEvent {
    /// The next piece of the answer.
    Text(String),
    /// The model wants this done, and will go on once it is told how it went.
    ToolCall(ToolCall),
    /// The text so far was reasoning, which was recognized only at its end: what has not been spoken
    /// yet is not to be. The answer follows.
    Retracted,
    /// The answer is complete.
    Done(Usage),
}

/// What an answer cost, as far as the model says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Usage {
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
}
