//! Tools: what an agent can do beside talking.

mod context;
pub mod schema;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::Result;

pub use context::{LiveCall, Progress, ToolContext};

/// Something the model may ask to be done.
///
/// # Contract
///
/// 1. [`run`](Self::run) may be called for several calls at once.
/// 2. Its outcome, or what its error says, is read by the model, up to
///    [`ToolSpec::longest_output`].
/// 3. Dropping the future cancels the work. That happens only if the call outlasts
///    [`ToolSpec::timeout`], or as [`OnBargeIn`] says.
/// 4. A tool that must not do a thing twice knows it by [`ToolContext::key`].
#[async_trait]
pub trait Tool: fmt::Debug + Send + Sync + 'static {
    /// What the tool is called, does and takes.
    fn spec(&self) -> ToolSpec;

    /// Does it, and says in words how it went. What the model can do something about, such as
    /// arguments that do not fit, is a [failed](ToolOutcome::failed) outcome.
    ///
    /// # Errors
    ///
    /// Any [`ErrorKind`](crate::error::ErrorKind). The model is told the message, so that it can
    /// act on it.
    async fn run(&self, call: &ToolCall, context: &ToolContext) -> Result<ToolOutcome>;
}

/// A tool that is shared is a tool.
#[async_trait]
impl<T: Tool + ?Sized> Tool for Arc<T> {
    fn spec(&self) -> ToolSpec {
        (**self).spec()
    }

    async fn run(&self, call: &ToolCall, context: &ToolContext) -> Result<ToolOutcome> {
        (**self).run(call, context).await
    }
}

/// What a tool is called, does and takes.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ToolSpec {
    /// Its name, unique within an agent: letters, digits, `_` and `-`, at most 64.
    pub name: String,
    /// What it does and when to use it, for the model.
    pub description: String,
    /// The JSON Schema of its arguments, an object. Default: no arguments.
    pub parameters: Value,
    /// What it changes. Default: something that can be put right, [`Effect::Write`].
    pub effect: Effect,
    /// What becomes of it when the caller interrupts. Default: it finishes.
    pub on_barge_in: OnBargeIn,
    /// How long it may take. Default: 30 s.
    pub timeout: Duration,
    /// What the caller is told if it takes long; empty for silence. Default: the agent's usual
    /// words.
    pub filler: Option<String>,
    /// The most characters of its outcome that the model reads; the rest is cut, and the model is
    /// told so. Default: 8,000, about 2,000 tokens.
    pub longest_output: usize,
    /// Name of the server that offers the tool. An agent leaves out or renames such a tool where it
    /// cannot offer it as it is; any other tool is an error then. Default: none, the tool is the
    /// application's own.
    pub source: Option<String>,
}

impl ToolSpec {
    /// A tool without arguments.
    pub fn new(name: impl Into<String>, description: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            description: description.into(),
            parameters: serde_json::json!({"type": "object", "properties": {}}),
            effect: Effect::Write,
            on_barge_in: OnBargeIn::Finish,
            timeout: Duration::from_secs(30),
            filler: None,
            longest_output: 8_000,
            source: None,
        }
    }

    /// Sets [`parameters`](Self::parameters).
    #[must_use]
    pub fn with_parameters(mut self, schema: Value) -> Self {
        self.parameters = schema;
        self
    }

    /// Sets [`effect`](Self::effect).
    #[must_use]
    pub fn with_effect(mut self, effect: Effect) -> Self {
        self.effect = effect;
        self
    }

    /// Sets [`on_barge_in`](Self::on_barge_in).
    #[must_use]
    pub fn with_on_barge_in(mut self, policy: OnBargeIn) -> Self {
        self.on_barge_in = policy;
        self
    }

    /// Sets [`timeout`](Self::timeout).
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets [`filler`](Self::filler).
    #[must_use]
    pub fn with_filler(mut self, words: impl Into<String>) -> Self {
        self.filler = Some(words.into());
        self
    }

    /// Sets [`longest_output`](Self::longest_output).
    #[must_use]
    pub fn with_longest_output(mut self, characters: usize) -> Self {
        self.longest_output = characters;
        self
    }

    /// Sets [`source`](Self::source).
    #[must_use]
    pub fn with_source(mut self, server: impl Into<String>) -> Self {
        self.source = Some(server.into());
        self
    }
}

/// What a tool changes in the world.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Effect {
    /// Nothing: it looks things up.
    Read,
    /// Something that can be put right, such as a booking.
    #[default]
    Write,
    /// Something that cannot, such as a payment. The model is told to have it confirmed.
    Irreversible,
}

/// What becomes of a running tool when the caller interrupts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "the driver must know every policy")]
pub enum OnBargeIn {
    /// It finishes, and its result is recorded: nothing is done twice, nothing half.
    #[default]
    Finish,
    /// It is dropped, and the model is told that it did not happen. For what only looks things up.
    Cancel,
    /// It goes on, and the model is asked: it can have it stopped if what the caller says makes it
    /// pointless.
    Ask,
    /// It starts only once what the agent says with it has been heard, and then finishes. If the
    /// caller interrupts before, it does not happen. For what ends the agent's part of the call:
    /// hanging up, transferring.
    Forgo,
}

/// The model wants a tool run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ToolCall {
    /// The model's name for the call.
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// The arguments, JSON as the model wrote it.
    pub arguments: String,
    /// What the model's adapter wants back with the call, unchanged: signatures of thoughts and
    /// the like. Default: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<Value>,
}

impl ToolCall {
    /// A call of `name` with `arguments`.
    pub fn new(
        id: impl Into<String>,
        name: impl Into<String>,
        arguments: impl Into<String>,
    ) -> Self {
        Self { id: id.into(), name: name.into(), arguments: arguments.into(), provider: None }
    }

    /// Sets [`provider`](Self::provider).
    #[must_use]
    pub fn with_provider(mut self, data: Value) -> Self {
        self.provider = Some(data);
        self
    }
}

/// How a call went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ToolOutcome {
    /// What the model is told.
    pub text: String,
    /// Whether it failed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub failed: bool,
    /// Whether there is nothing for the agent to say about it: the model reads it when it is asked
    /// for the next time, and not at once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub quiet: bool,
    /// Whether it goes on: `text` says how far it has come, and the result follows. Only in
    /// requests, never in a history.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub running: bool,
}

impl ToolOutcome {
    /// It went well.
    pub fn ok(text: impl Into<String>) -> Self {
        Self { text: text.into(), failed: false, quiet: false, running: false }
    }

    /// It failed.
    pub fn failed(text: impl Into<String>) -> Self {
        Self { failed: true, ..Self::ok(text) }
    }

    /// It has not ended yet.
    pub fn running(text: impl Into<String>) -> Self {
        Self { running: true, ..Self::ok(text) }
    }

    /// The agent says nothing about it.
    #[must_use]
    pub fn quietly(mut self) -> Self {
        self.quiet = true;
        self
    }
}
