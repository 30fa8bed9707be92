//! Answers of the language model, from its events.

use std::collections::{BTreeMap, VecDeque};
use std::ops::ControlFlow;
use std::time::Duration;

use serde_json::{Value, json};
use voicekit_core::error::{Error, ErrorKind, Result, Retry};
use voicekit_core::llm::{ChatEvent, Usage};
use voicekit_core::tool::ToolCall;
use voicekit_net::{Endpoint, EventCodec, sse};

use super::PROVIDER;
use crate::SERVICE;
use crate::refusal::late;

/// One answer, as far as it has come.
#[derive(Debug)]
pub(crate) struct Answer {
    endpoint: Endpoint,
    has_tools: bool,
    blocks: BTreeMap<u64, Block>,
    stop: Option<String>,
    /// Tokens read: new, written to the cache, read from the cache.
    read: [u64; 3],
    written: u64,
}

/// A part of an answer, as far as its pieces have come.
#[derive(Debug)]
enum Block {
    Text,
    Call {
        id: String,
        name: String,
        input: Value,
        json: String,
        is_complete: bool,
    },
    /// Thoughts, as they must be sent back.
    Thoughts(Value),
    Unknown,
}

impl Answer {
    /// An answer by `endpoint` to a request with or without tools.
    pub(crate) fn new(endpoint: Endpoint, has_tools: bool) -> Self {
        let (blocks, stop, read, written) = (BTreeMap::new(), None, [0; 3], 0);
        Self { endpoint, has_tools, blocks, stop, read, written }
    }

    fn event(&mut self, event: &Value, to: &mut VecDeque<ChatEvent>) -> Result<ControlFlow<()>> {
        let index = event.get("index").and_then(Value::as_u64).unwrap_or_default();
        match text(event, "type") {
            "message_start" => self.count(event.pointer("/message/usage")),
            "content_block_start" => {
                let start = event.get("content_block").unwrap_or(&Value::Null);
                say(if text(start, "type") == "text" { text(start, "text") } else { "" }, to);
                self.blocks.insert(index, Block::new(start));
            }
            "content_block_delta" => {
                let delta = event.get("delta").unwrap_or(&Value::Null);
                self.blocks.entry(index).or_insert(Block::Text).grow(delta, to);
            }
            "content_block_stop" => {
                if let Some(Block::Call { is_complete, .. }) = self.blocks.get_mut(&index) {
                    *is_complete = true;
                }
            }
            "message_delta" => {
                if let Some(stop) = event.pointer("/delta/stop_reason").and_then(Value::as_str) {
                    self.stop = Some(stop.to_owned());
                }
                self.count(event.get("usage"));
            }
            "message_stop" => return self.end(to).map(ControlFlow::Break),
            "error" => return Err(late(&self.endpoint, event)),
            "ping" => {}
            other => tracing::debug!(service = SERVICE, other, "unknown event skipped"),
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Sums are cumulative: the last one counts.
    fn count(&mut self, usage: Option<&Value>) {
        let tokens = |name| usage?.get(name)?.as_u64();
        let names = ["input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"];
        for (sum, name) in self.read.iter_mut().zip(names) {
            *sum = tokens(name).unwrap_or(*sum);
        }
        self.written = tokens("output_tokens").unwrap_or(self.written);
    }

    /// The answer is over; says the calls and the cost.
    fn end(&mut self, to: &mut VecDeque<ChatEvent>) -> Result<()> {
        let blocks = std::mem::take(&mut self.blocks);
        match self.stop.as_deref().unwrap_or("end_turn") {
            "refusal" => return Err(error(ErrorKind::Rejected, "the model refused to answer")),
            "max_tokens" | "model_context_window_exceeded"
                if blocks.values().any(Block::is_cut) =>
            {
                let text = "the limit of tokens cut off a tool call";
                return Err(error(ErrorKind::Rejected, text));
            }
            "end_turn"
            | "stop_sequence"
            | "tool_use"
            | "max_tokens"
            | "model_context_window_exceeded" => {}
            other => tracing::debug!(service = SERVICE, other, "unknown reason to stop"),
        }
        let mut thoughts = Vec::new();
        for block in blocks.into_values() {
            match block {
                Block::Text | Block::Unknown => {}
                Block::Thoughts(block) => thoughts.push(block),
                Block::Call { .. } if !self.has_tools => {
                    tracing::debug!(service = SERVICE, "called a tool it does not have");
                }
                Block::Call { id, name, input, json, .. } => {
                    if id.is_empty() || name.is_empty() {
                        let text = "a tool call has no id or no name";
                        return Err(error(ErrorKind::Protocol, text));
                    }
                    let whole = if json.trim().is_empty() { input.to_string() } else { json };
                    let call = ToolCall::new(id, name, whole);
                    to.push_back(ChatEvent::ToolCall(match std::mem::take(&mut thoughts) {
                        none if none.is_empty() => call,
                        some => call.with_provider(json!({PROVIDER: {"thinking": some}})),
                    }));
                }
            }
        }
        let mut usage = Usage::default();
        usage.input_tokens = self.read.iter().fold(0, |sum: u64, part| sum.saturating_add(*part));
        usage.output_tokens = self.written;
        to.push_back(ChatEvent::Done(usage));
        Ok(())
    }
}

impl EventCodec for Answer {
    type Out = ChatEvent;

    fn decode(
        &mut self,
        event: sse::Event,
        to: &mut VecDeque<ChatEvent>,
    ) -> Result<ControlFlow<()>> {
        // What is wrong with it is not told: it may hold what was said.
        let event: Value = serde_json::from_str(&event.data)
            .map_err(|_| error(ErrorKind::Protocol, "an event is not JSON"))?;
        self.event(&event, to)
    }

    fn finish(&mut self, _: &mut VecDeque<ChatEvent>) -> Result<()> {
        let error = error(ErrorKind::Protocol, "the answer was cut off");
        Err(error.with_retry(Retry::After(Duration::ZERO)))
    }
}

impl Block {
    fn new(start: &Value) -> Self {
        match text(start, "type") {
            "text" => Self::Text,
            "tool_use" => Self::Call {
                id: text(start, "id").to_owned(),
                name: text(start, "name").to_owned(),
                input: start
                    .get("input")
                    .filter(|input| input.is_object())
                    .map_or_else(|| json!({}), Value::clone),
                json: String::new(),
                is_complete: false,
            },
            "thinking" => Self::Thoughts(json!({
                "type": "thinking",
                "thinking": text(start, "thinking"),
                "signature": text(start, "signature"),
            })),
            "redacted_thinking" => {
                Self::Thoughts(json!({"type": "redacted_thinking", "data": text(start, "data")}))
            }
            other => {
                tracing::debug!(service = SERVICE, other, "unknown block skipped");
                Self::Unknown
            }
        }
    }

    fn grow(&mut self, delta: &Value, to: &mut VecDeque<ChatEvent>) {
        match (self, text(delta, "type")) {
            (Self::Text, "text_delta") => say(text(delta, "text"), to),
            (Self::Call { json, .. }, "input_json_delta") => {
                json.push_str(text(delta, "partial_json"));
            }
            (Self::Thoughts(block), "thinking_delta") => append(block, delta, "thinking"),
            (Self::Thoughts(block), "signature_delta") => append(block, delta, "signature"),
            (Self::Text | Self::Call { .. } | Self::Thoughts(_) | Self::Unknown, _) => {}
        }
    }

    /// Whether it is a call that did not come to its end.
    fn is_cut(&self) -> bool {
        match self {
            Self::Call { json, is_complete, .. } => {
                !is_complete || (!json.is_empty() && serde_json::from_str::<Value>(json).is_err())
            }
            Self::Text | Self::Thoughts(_) | Self::Unknown => false,
        }
    }
}

fn append(block: &mut Value, delta: &Value, name: &str) {
    if let Some(Value::String(whole)) = block.get_mut(name) {
        whole.push_str(text(delta, name));
    }
}

fn say(text: &str, to: &mut VecDeque<ChatEvent>) {
    if !text.is_empty() {
        to.push_back(ChatEvent::Text(text.to_owned()));
    }
}

/// A field that is text; empty if it is missing or something else.
fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn error(kind: ErrorKind, text: &'static str) -> Error {
    Error::new(kind, SERVICE, text)
}
