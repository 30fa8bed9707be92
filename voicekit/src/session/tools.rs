//! Running the tools of a call.
//!
//! Each runs in a task of its own, so that one that computes or panics does not touch the audio.

use std::sync::Arc;

use futures::stream::{FuturesUnordered, StreamExt};
use serde_json::{Value, json};
use tokio::task::{AbortHandle, JoinError};
use voicekit_core::llm::Message;
use voicekit_core::log::escaped;
use voicekit_core::tool::{
    Effect, OnBargeIn, Progress, Tool, ToolCall, ToolContext, ToolOutcome, ToolSpec,
};
use voicekit_core::transport::CallInfo;

/// The tool by which the model stops one that [asks](OnBargeIn::Ask).
pub(crate) const STOP: &str = "stop_tool";

/// The tools that run.
#[derive(Default)]
pub(super) struct Running {
    tasks: FuturesUnordered<futures::future::BoxFuture<'static, (u64, ToolOutcome)>>,
    calls: Vec<Started>,
}

struct Started {
    run: u64,
    call: ToolCall,
    spec: ToolSpec,
    progress: Progress,
    task: AbortHandle,
}

impl Running {
    pub(super) fn start(
        &mut self,
        run: u64,
        call: ToolCall,
        context: ToolContext,
        tools: &[Arc<dyn Tool>],
    ) {
        let Some(tool) = find(tools, &call).map(Arc::clone) else {
            let outcome = if call.name == STOP { self.stop(&call) } else { unknown(&call, tools) };
            return self.tasks.push(Box::pin(async move { (run, outcome) }));
        };
        let spec = tool.spec();
        let (limit, longest) = (spec.timeout, spec.longest_output);
        let (asked, progress) = (call.clone(), context.noted().clone());
        let work = async move { tokio::time::timeout(limit, tool.run(&asked, &context)).await };
        let task = tokio::spawn(work);
        self.calls.push(Started { run, call, spec, progress, task: task.abort_handle() });
        self.tasks.push(Box::pin(async move {
            let mut outcome = match task.await {
                Ok(Ok(Ok(outcome))) => outcome,
                Ok(Ok(Err(error))) => ToolOutcome::failed(error.to_string()),
                Ok(Err(_)) => ToolOutcome::failed(format!("It took longer than {limit:?}.")),
                Err(error) => ToolOutcome::failed(broken(&error)),
            };
            bound(&mut outcome.text, longest);
            (run, outcome)
        }));
    }

    /// The next that has come to its end; while none runs, never.
    pub(super) async fn next(&mut self) -> (u64, ToolOutcome) {
        let Some((run, outcome)) = self.tasks.next().await else {
            return std::future::pending().await;
        };
        self.calls.retain(|started| started.run != run);
        (run, outcome)
    }

    pub(super) fn cancel(&mut self, run: u64) {
        if let Some(at) = self.calls.iter().position(|started| started.run == run) {
            self.calls.remove(at).task.abort();
        }
    }

    /// What the model is told of those that have not finished.
    pub(super) fn unfinished(&self) -> impl Iterator<Item = Message> {
        self.calls.iter().map(|started| {
            let outcome = ToolOutcome::running(started.so_far());
            Message::tool(started.call.clone(), outcome)
        })
    }

    /// What the caller is told while these take long, if that is not the usual.
    pub(super) fn filler(&self) -> Option<&str> {
        self.calls.iter().find_map(|started| started.spec.filler.as_deref())
    }

    /// The tool that stops others, while there is one that may be stopped.
    pub(super) fn stop_spec(&self) -> Option<ToolSpec> {
        let names: Vec<&str> = self.stoppable().map(|started| &*started.call.name).collect();
        let text = "Stops a tool that is still running, because what the caller said since makes \
                    it pointless.";
        let schema = json!({
            "type": "object",
            "properties": {"tool": {"type": "string", "enum": names}},
            "required": ["tool"],
        });
        (!names.is_empty()).then(|| ToolSpec::new(STOP, text).with_parameters(schema))
    }

    fn stoppable(&self) -> impl Iterator<Item = &Started> {
        self.calls.iter().filter(|started| started.spec.on_barge_in == OnBargeIn::Ask)
    }

    fn stop(&self, call: &ToolCall) -> ToolOutcome {
        let arguments: Value = serde_json::from_str(&call.arguments).unwrap_or_default();
        let name = arguments.get("tool").and_then(Value::as_str).unwrap_or_default();
        let mut stopped = 0;
        for started in self.stoppable().filter(|started| started.call.name == name) {
            started.task.abort();
            stopped += 1;
        }
        match stopped {
            0 => ToolOutcome::failed(format!("No tool called {name:?} is running.")),
            _ => ToolOutcome::ok("It is being stopped."),
        }
    }
}

impl Started {
    fn so_far(&self) -> String {
        let mut text = String::from("It is still running.");
        if let Some(words) = self.progress.words() {
            text = format!("{text} So far: {words}");
            bound(&mut text, self.spec.longest_output);
        }
        text += " Do not ask for it again: its result will follow.";
        if self.spec.on_barge_in == OnBargeIn::Ask {
            text += " If the caller does not want it any more, use ";
            text += STOP;
            text += ".";
        }
        text
    }
}

/// What becomes of a call when the caller interrupts.
pub(super) fn policy(tools: &[Arc<dyn Tool>], call: &ToolCall) -> OnBargeIn {
    find(tools, call).map_or(OnBargeIn::Finish, |tool| tool.spec().on_barge_in)
}

/// The tool as the model is told of it.
pub(crate) fn offer(tool: &dyn Tool) -> ToolSpec {
    let mut spec = tool.spec();
    if spec.effect == Effect::Irreversible {
        spec.description += " This cannot be undone: have the caller confirm it first.";
    }
    spec
}

/// The idempotency key: call, turn of the caller, tool and arguments.
pub(super) fn key(info: &CallInfo, messages: &[Message], call: &ToolCall) -> String {
    let is_caller = |message: &&Message| matches!(message, Message::Caller { .. });
    let turn = messages.iter().filter(is_caller).count();
    let mut hash = Fnv::default();
    match serde_json::from_str(&call.arguments) {
        Ok(arguments) => hash.value(&arguments),
        Err(_) => hash.bytes(call.arguments.as_bytes()),
    }
    format!("{}-{turn}-{}-{:016x}", info.id, call.name, hash.0)
}

/// FNV-1a, 64 bits: the same on every machine and in every version.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    /// The same whatever the order of an object's fields, and the spaces between them.
    fn value(&mut self, value: &Value) {
        match value {
            Value::Object(fields) => {
                let mut fields: Vec<_> = fields.iter().collect();
                fields.sort_by_key(|(name, _)| *name);
                self.bytes(b"{");
                for (name, value) in fields {
                    self.bytes(name.as_bytes());
                    self.bytes(b":");
                    self.value(value);
                }
            }
            Value::Array(items) => {
                self.bytes(b"[");
                items.iter().for_each(|item| self.value(item));
                self.bytes(b"]");
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                self.bytes(value.to_string().as_bytes());
                self.bytes(b",");
            }
        }
    }
}

fn find<'a>(tools: &'a [Arc<dyn Tool>], call: &ToolCall) -> Option<&'a Arc<dyn Tool>> {
    tools.iter().find(|tool| tool.spec().name == call.name)
}

fn unknown(call: &ToolCall, tools: &[Arc<dyn Tool>]) -> ToolOutcome {
    let names: Vec<String> = tools.iter().map(|tool| tool.spec().name).collect();
    let names = names.join(", ");
    let text = format!("There is no tool called {:?}. There are: {names}.", call.name);
    ToolOutcome::failed(text)
}

/// Cuts `text` to `most` characters and says so.
fn bound(text: &mut String, most: usize) {
    let Some((end, _)) = text.char_indices().nth(most) else { return };
    let all = text.chars().count();
    text.truncate(end);
    *text += &format!("… (cut: {most} of {all} characters)");
}

/// What the model is told; what the tool said when it panicked is for the log.
fn broken(error: &JoinError) -> String {
    if error.is_cancelled() {
        return "It was stopped on request. It may or may not have happened.".to_owned();
    }
    // What it panicked with may quote the caller.
    tracing::error!("a tool broke");
    tracing::debug!(error = %escaped(error), "a tool broke");
    "It broke down. It may or may not have happened.".to_owned()
}
