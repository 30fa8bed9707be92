//! The blocks of which an answer is made.

use std::collections::VecDeque;

use serde_json::{Value, json};
use voicekit_core::answer::join_arguments;
use voicekit_core::llm::ChatEvent;
use voicekit_core::tool::ToolCall;

use crate::SERVICE;

/// A part of an answer, as far as its pieces have come.
#[derive(Debug)]
pub(super) enum Block {
    Text,
    Call(Call),
    /// Thoughts, as they must be sent back.
    Thoughts(Value),
    Unknown,
}

/// A tool call. Its input stands in the start of its block, or comes in pieces, or both.
#[derive(Debug)]
pub(super) struct Call {
    id: String,
    name: String,
    /// What stood in the start, unless that was a placeholder.
    input: Option<String>,
    pieces: Vec<String>,
    is_complete: bool,
}

impl Block {
    pub(super) fn new(start: &Value) -> Self {
        match text(start, "type") {
            "text" => Self::Text,
            "tool_use" => Self::Call(Call::new(start)),
            "thinking" => Self::Thoughts(json!({
                "type": "thinking",
                "thinking": text(start, "thinking"),
                "signature": text(start, "signature"),
            })),
            "redacted_thinking" => {
                Self::Thoughts(json!({"type": "redacted_thinking", "data": text(start, "data")}))
            }
            _ => {
                tracing::debug!(service = SERVICE, "unknown block skipped");
                Self::Unknown
            }
        }
    }

    pub(super) fn grow(&mut self, delta: &Value, to: &mut VecDeque<ChatEvent>) {
        match (self, text(delta, "type")) {
            (Self::Text, "text_delta") => say(text(delta, "text"), to),
            (Self::Call(call), "input_json_delta") => {
                call.pieces.extend(delta.get("partial_json").and_then(piece));
            }
            (Self::Thoughts(block), "thinking_delta") => append(block, delta, "thinking"),
            (Self::Thoughts(block), "signature_delta") => append(block, delta, "signature"),
            (Self::Text | Self::Call(_) | Self::Thoughts(_) | Self::Unknown, _) => {}
        }
    }

    pub(super) fn complete(&mut self) {
        if let Self::Call(call) = self {
            call.is_complete = true;
        }
    }

    /// Whether it is a call that did not come to its end.
    pub(super) fn is_cut(&self) -> bool {
        match self {
            Self::Call(call) => call.is_cut(),
            Self::Text | Self::Thoughts(_) | Self::Unknown => false,
        }
    }
}

impl Call {
    fn new(start: &Value) -> Self {
        Self {
            id: text(start, "id").to_owned(),
            name: text(start, "name").to_owned(),
            input: start.get("input").and_then(piece).filter(|input| input != "{}"),
            pieces: Vec::new(),
            is_complete: false,
        }
    }

    /// The call; `None` if it has no id or no name.
    pub(super) fn finish(self) -> Option<ToolCall> {
        let arguments = self.arguments();
        let is_whole = !self.id.is_empty() && !self.name.is_empty();
        is_whole.then(|| ToolCall::new(self.id, self.name, arguments))
    }

    fn arguments(&self) -> String {
        let pieces = join_arguments(&self.pieces);
        match &self.input {
            // The pieces are the input once more, or go on with it.
            Some(input) if pieces == "{}" => join_arguments(&[input]),
            Some(input) if !is_object(&pieces) => {
                let whole: Vec<&String> = [input].into_iter().chain(&self.pieces).collect();
                join_arguments(&whole)
            }
            Some(_) | None => pieces,
        }
    }

    fn is_cut(&self) -> bool {
        let is_empty = self.input.is_none() && self.pieces.iter().all(String::is_empty);
        if is_empty { !self.is_complete } else { !is_object(&self.arguments()) }
    }
}

/// A piece of input: text, or a value in its place.
fn piece(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            Some(value.to_string())
        }
    }
}

fn is_object(json: &str) -> bool {
    serde_json::from_str::<Value>(json).is_ok_and(|value| value.is_object())
}

fn append(block: &mut Value, delta: &Value, name: &str) {
    if let Some(Value::String(whole)) = block.get_mut(name) {
        whole.push_str(text(delta, name));
    }
}

pub(super) fn say(text: &str, to: &mut VecDeque<ChatEvent>) {
    if !text.is_empty() {
        to.push_back(ChatEvent::Text(text.to_owned()));
    }
}

/// A field that is text; empty if it is missing or something else.
pub(super) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}
