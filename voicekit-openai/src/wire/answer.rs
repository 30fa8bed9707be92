//! Answers of the language model, from `chat.completion.chunk` events.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use serde_json::Value;
use voicekit_core::error::{Error, ErrorKind, Result, Retry};
use voicekit_core::llm::{ChatEvent, Usage};
use voicekit_core::tool::ToolCall;
use voicekit_net::{Endpoint, EventCodec, sse};

use crate::refusal::late;
use crate::think::Thoughts;

/// One answer, as far as it has come.
#[derive(Debug)]
pub(crate) struct Answer {
    endpoint: Endpoint,
    has_tools: bool,
    id: String,
    thoughts: Thoughts,
    calls: Vec<Call>,
    finish: Option<String>,
    usage: Usage,
}

/// A call, as far as its pieces have come.
#[derive(Debug)]
struct Call {
    index: Option<u64>,
    id: String,
    name: String,
    arguments: String,
}

impl Answer {
    /// An answer by `endpoint` to a request with or without tools.
    pub(crate) fn new(endpoint: Endpoint, has_tools: bool) -> Self {
        Self {
            endpoint,
            has_tools,
            id: String::new(),
            thoughts: Thoughts::default(),
            calls: Vec::new(),
            finish: None,
            usage: Usage::default(),
        }
    }

    fn chunk(&mut self, chunk: &Value, to: &mut VecDeque<ChatEvent>) -> Result<()> {
        let errors = [chunk.get("error"), chunk.pointer("/x_groq/error")];
        if let Some(error) = errors.into_iter().flatten().find(|error| !error.is_null()) {
            return Err(late(&self.endpoint, error));
        }
        if self.id.is_empty() {
            self.id = text(chunk, "id").to_owned();
        }
        // Some services repeat the sum with every chunk.
        for usage in [chunk.get("usage"), chunk.pointer("/x_groq/usage")].into_iter().flatten() {
            self.count(usage);
        }
        for choice in list(chunk, "choices") {
            self.delta(choice.get("delta").unwrap_or(&Value::Null), to);
            let finish = text(choice, "finish_reason");
            if !finish.is_empty() {
                self.finish = Some(finish.to_owned());
            }
        }
        Ok(())
    }

    fn delta(&mut self, delta: &Value, to: &mut VecDeque<ChatEvent>) {
        let content = self.thoughts.without(text(delta, "content"));
        say(&content, to);
        say(text(delta, "refusal"), to);
        for piece in list(delta, "tool_calls") {
            self.gather(piece);
        }
    }

    fn count(&mut self, usage: &Value) {
        if let Some(tokens) = usage.get("prompt_tokens").and_then(Value::as_u64) {
            self.usage.input_tokens = tokens;
        }
        if let Some(tokens) = usage.get("completion_tokens").and_then(Value::as_u64) {
            self.usage.output_tokens = tokens;
        }
    }

    fn gather(&mut self, piece: &Value) {
        let function = piece.get("function").unwrap_or(&Value::Null);
        let (id, name) = (text(piece, "id"), text(function, "name"));
        let index = piece.get("index").and_then(Value::as_u64);
        let at = self.position(index, id, name).unwrap_or_else(|| {
            let (id, name) = (id.to_owned(), name.to_owned());
            self.calls.push(Call { index, id, name, arguments: String::new() });
            self.calls.len() - 1
        });
        let call = &mut self.calls[at];
        if call.id.is_empty() {
            id.clone_into(&mut call.id);
        }
        if call.name.is_empty() {
            name.clone_into(&mut call.name);
        }
        match function.get("arguments") {
            Some(Value::String(text)) => call.arguments.push_str(text),
            // Some services send the object itself.
            Some(object @ Value::Object(_)) => call.arguments.push_str(&object.to_string()),
            _ => {}
        }
    }

    /// The call that a piece belongs to, by its index, or its id, or else the last. It is a new
    /// one if it has a name and another id, or a name and no id while the call before is complete:
    /// some services number every call 0.
    fn position(&self, index: Option<u64>, id: &str, name: &str) -> Option<usize> {
        let at = match (index, id) {
            (Some(_), _) => self.calls.iter().rposition(|call| call.index == index)?,
            (None, "") => self.calls.len().checked_sub(1)?,
            (None, id) => self.calls.iter().rposition(|call| call.id == id)?,
        };
        let call = &self.calls[at];
        let is_another = if id.is_empty() {
            !call.name.is_empty() && call.is_complete()
        } else {
            !call.id.is_empty() && call.id != id
        };
        (name.is_empty() || !is_another).then_some(at)
    }

    /// The answer is over; says the calls and the cost.
    fn end(&mut self, to: &mut VecDeque<ChatEvent>) -> Result<()> {
        say(&self.thoughts.rest(), to);
        let finish = self.finish.as_deref().unwrap_or("stop");
        match finish {
            "content_filter" => {
                return Err(self.error(ErrorKind::Rejected, "a content filter stopped the answer"));
            }
            "length" if self.calls.iter().any(|call| !call.is_complete()) => {
                let text = "the limit of tokens cut off a tool call";
                return Err(self.error(ErrorKind::Rejected, text));
            }
            "stop" | "tool_calls" | "length" => {}
            other => tracing::debug!(service = self.endpoint.service(), other, "unknown finish"),
        }
        if !self.has_tools && !self.calls.is_empty() {
            tracing::debug!(service = self.endpoint.service(), "called tools it does not have");
            self.calls.clear();
        }
        for (number, call) in std::mem::take(&mut self.calls).into_iter().enumerate() {
            if call.name.is_empty() {
                return Err(self.error(ErrorKind::Protocol, "a tool call has no name"));
            }
            to.push_back(ChatEvent::ToolCall(call.finished(&self.id, number)));
        }
        to.push_back(ChatEvent::Done(self.usage));
        Ok(())
    }

    fn error(&self, kind: ErrorKind, text: &'static str) -> Error {
        Error::new(kind, self.endpoint.service(), text)
    }
}

impl EventCodec for Answer {
    type Out = ChatEvent;

    fn decode(
        &mut self,
        event: sse::Event,
        to: &mut VecDeque<ChatEvent>,
    ) -> Result<ControlFlow<()>> {
        match event.data.trim() {
            "[DONE]" => self.end(to).map(ControlFlow::Break),
            "" => Ok(ControlFlow::Continue(())),
            data => {
                // What is wrong with it is not told: it may hold what was said.
                let chunk: Value = serde_json::from_str(data)
                    .map_err(|_| self.error(ErrorKind::Protocol, "an event is not JSON"))?;
                self.chunk(&chunk, to).map(ControlFlow::Continue)
            }
        }
    }

    fn finish(&mut self, to: &mut VecDeque<ChatEvent>) -> Result<()> {
        if self.finish.is_some() {
            return self.end(to);
        }
        let error = self.error(ErrorKind::Protocol, "the answer was cut off");
        Err(error.with_retry(Retry::After(std::time::Duration::ZERO)))
    }
}

impl Call {
    fn is_complete(&self) -> bool {
        serde_json::from_str::<Value>(&self.arguments).is_ok()
    }

    /// The call; the `number`-th of the answer `answer`, if it has no id of its own.
    fn finished(self, answer: &str, number: usize) -> ToolCall {
        let id = if self.id.is_empty() { format!("call_{answer}_{number}") } else { self.id };
        let is_empty = self.arguments.trim().is_empty();
        let arguments = if is_empty { "{}".to_owned() } else { self.arguments };
        ToolCall::new(id, self.name, arguments)
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

/// A field that is a list; empty if it is missing or something else.
fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
