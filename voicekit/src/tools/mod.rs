//! Tools: what the model may do, as functions with typed arguments.
//!
//! A struct that derives [`Deserialize`](serde::Deserialize) and [`JsonSchema`] says what the tool
//! takes, an async function does it:
//!
//! ```
//! use voicekit::tools::{ToolContext, tool};
//!
//! #[derive(serde::Deserialize, schemars::JsonSchema)]
//! struct Day { day: String }
//!
//! let hours = tool("opening_hours", "When we are open.", |args: Day, _: ToolContext| async move {
//!     Ok(format!("On {} from nine to five.", args.day))
//! });
//! # let _ = voicekit::Agent::builder().tool(hours);
//! ```
//!
//! # What happens to a call of the model's
//!
//! 1. Arguments that do not fit are not passed on. The model is told which field is wrong, what it
//!    must be and what it was, so that it can correct itself or ask the caller again.
//! 2. The function runs in a task of its own, beside the audio and beside other tools. It may take
//!    [`with_timeout`](FnTool::with_timeout), 30 s unless set; one that takes long has the caller
//!    told so, in words of its own if it has [`with_filler`](FnTool::with_filler).
//! 3. An interruption by the caller lets it finish, drops it, or asks the model:
//!    [`with_on_barge_in`](FnTool::with_on_barge_in).
//! 4. What it returns is read by the model: a string as it is, anything else as JSON, at most
//!    [`with_longest_output`](FnTool::with_longest_output) characters of it. An error is read as
//!    its text. A function that panics has failed, and the model is not told what it said.
//! 5. Call and outcome are in the history, once and together.
//!
//! What a tool knows of the call, and what it can do to it, is in its [`ToolContext`];
//! [`ToolContext::key`] keeps a booking from being made twice. Ready-made tools are in [`builtin`];
//! the feature `mcp` has those of MCP servers, programs and URLs alike, in `mcp`.

mod arguments;
pub mod builtin;
#[cfg(feature = "mcp")]
pub mod mcp;
mod names;
pub(crate) mod offered;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt;
use futures::future::BoxFuture;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use voicekit_core::error::Result;

pub use voicekit_core::tool::{
    Effect, OnBargeIn, Tool, ToolCall, ToolContext, ToolOutcome, ToolSpec,
};

/// The tool `name`: does `run` with what the model gives. `description` tells the model what it
/// does and when to use it.
pub fn tool<A, F, Fut, R>(name: impl Into<String>, description: impl Into<String>, run: F) -> FnTool
where
    A: DeserializeOwned + JsonSchema + Send + 'static,
    F: Fn(A, ToolContext) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<R, ToolError>> + Send + 'static,
    R: Serialize,
{
    let spec = ToolSpec::new(name, description).with_parameters(schema::<A>());
    let run = move |arguments: &str, context: ToolContext| {
        let work = arguments::read(arguments).map(|arguments| run(arguments, context));
        async move { written(&work?.await?) }.boxed()
    };
    FnTool { spec, quiet: false, run: Arc::new(run) }
}

/// A tool that is a function. Made by [`tool`]. Cloning shares it.
#[derive(Clone)]
pub struct FnTool {
    spec: ToolSpec,
    quiet: bool,
    run: Arc<Run>,
}

type Run = dyn Fn(&str, ToolContext) -> BoxFuture<'static, Result<String, ToolError>> + Send + Sync;

impl FnTool {
    /// What it changes. Default: something that can be put right.
    #[must_use]
    pub fn with_effect(mut self, effect: Effect) -> Self {
        self.spec = self.spec.with_effect(effect);
        self
    }

    /// What becomes of it when the caller interrupts. Default: it finishes.
    #[must_use]
    pub fn with_on_barge_in(mut self, policy: OnBargeIn) -> Self {
        self.spec = self.spec.with_on_barge_in(policy);
        self
    }

    /// How long it may take. Default: 30 s.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.spec = self.spec.with_timeout(timeout);
        self
    }

    /// What the caller is told if it takes long; empty for silence. Default: the agent's usual
    /// words.
    #[must_use]
    pub fn with_filler(mut self, words: impl Into<String>) -> Self {
        self.spec = self.spec.with_filler(words);
        self
    }

    /// The most characters of its outcome that the model reads. Default: 8,000.
    #[must_use]
    pub fn with_longest_output(mut self, characters: usize) -> Self {
        self.spec = self.spec.with_longest_output(characters);
        self
    }

    /// The JSON Schema that the model sees, where it says more than the type does. Default: that of
    /// the type.
    #[must_use]
    pub fn with_parameters(mut self, schema: Value) -> Self {
        self.spec = self.spec.with_parameters(schema);
        self
    }

    /// The agent says nothing about it if it goes well.
    #[must_use]
    pub fn quietly(mut self) -> Self {
        self.quiet = true;
        self
    }
}

#[async_trait]
impl Tool for FnTool {
    fn spec(&self) -> ToolSpec {
        self.spec.clone()
    }

    async fn run(&self, call: &ToolCall, context: &ToolContext) -> Result<ToolOutcome> {
        Ok(match (self.run)(&call.arguments, context.clone()).await {
            Ok(text) if self.quiet => ToolOutcome::ok(text).quietly(),
            Ok(text) => ToolOutcome::ok(text),
            Err(error) => ToolOutcome::failed(error.0),
        })
    }
}

impl fmt::Debug for FnTool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FnTool").field("name", &self.spec.name).finish_non_exhaustive()
    }
}

/// Why a tool failed, in words that the model can act on.
///
/// Every error becomes one with `?`, as its text. It is no [`std::error::Error`] itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolError(String);

impl ToolError {
    /// It failed: `text` says why, and better still what to do about it.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The words.
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl<E: std::error::Error> From<E> for ToolError {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

/// Of a tool that takes nothing.
#[derive(Clone, Copy, Debug, Default, serde::Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct NoArguments {}

/// The schema as models take it: in one piece, without references.
fn schema<A: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<A>().to_value();
    if let Some(fields) = schema.as_object_mut() {
        // The tool has a name and a description of its own.
        fields.remove("title");
        fields.remove("description");
        if fields.get("type").and_then(Value::as_str) == Some("object") {
            fields.entry("properties").or_insert_with(|| Value::Object(serde_json::Map::new()));
        }
    }
    schema
}

fn written(result: &impl Serialize) -> Result<String, ToolError> {
    Ok(match serde_json::to_value(result)? {
        Value::Null => "Done.".to_owned(),
        Value::String(text) => text,
        other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            other.to_string()
        }
    })
}
