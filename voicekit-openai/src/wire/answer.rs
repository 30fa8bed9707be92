//! Answers of the language model, from `chat.completion.chunk` events, and from what compatible
//! servers send in their place: whole completions, errors, events of other types.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use serde_json::Value;
use voicekit_core::answer::Finish;
use voicekit_core::error::{Error, ErrorKind, Result, Retry};
use voicekit_core::llm::{ChatEvent, Usage};
use voicekit_core::tool::ToolSpec;
use voicekit_net::{Endpoint, EventCodec, sse};

use super::calls::Calls;
use super::content::{self, list, spoken, text};
use super::fault;
use crate::refusal::late;

/// One answer, as far as it has come. Its text is as the model wrote it.
#[derive(Debug)]
pub(crate) struct Answer {
    endpoint: Endpoint,
    tools: Vec<ToolSpec>,
    id: String,
    /// The number of the choice that is spoken, once there is one.
    choice: Option<u64>,
    calls: Calls,
    finish: Option<String>,
    usage: Usage,
}

impl Answer {
    /// Creates the answer of `endpoint` to a request that offers `tools`.
    pub(crate) fn new(endpoint: Endpoint, tools: Vec<ToolSpec>) -> Self {
        Self {
            endpoint,
            tools,
            id: String::new(),
            choice: None,
            calls: Calls::default(),
            finish: None,
            usage: Usage::default(),
        }
    }

    fn chunk(&mut self, event: &str, chunk: &Value, to: &mut VecDeque<ChatEvent>) -> Result<()> {
        if let Value::Array(chunks) = chunk {
            return chunks.iter().try_for_each(|chunk| self.chunk(event, chunk, to));
        }
        if let Some(error) = fault::reported(event, chunk) {
            return Err(late(&self.endpoint, &error));
        }
        if self.id.is_empty() {
            text(chunk, "id").clone_into(&mut self.id);
        }
        // Some services repeat the sum with every chunk.
        for usage in [chunk.get("usage"), chunk.pointer("/x_groq/usage")].into_iter().flatten() {
            self.count(usage);
        }
        for choice in list(chunk, "choices") {
            self.choice(choice, to);
        }
        if chunk.get("message").is_some_and(Value::is_object) {
            self.choice(chunk, to);
        }
        Ok(())
    }

    fn choice(&mut self, choice: &Value, to: &mut VecDeque<ChatEvent>) {
        let index = choice.get("index").and_then(Value::as_u64).unwrap_or_default();
        let is_filled = |part: &&Value| {
            part.is_string() || part.as_object().is_some_and(|fields| !fields.is_empty())
        };
        let part = |name| choice.get(name).filter(is_filled);
        if let Some(delta) = part("delta") {
            self.delta(index, delta, false, to);
        } else if let Some(message) = part("message") {
            // Ollama's own API calls its deltas messages.
            let is_whole = choice.get("done").is_none();
            self.delta(index, message, is_whole, to);
        } else if let Some(text) = choice.get("text") {
            self.say(index, &spoken(text), to);
        }
        for name in ["finish_reason", "finishReason", "done_reason"] {
            let reason = match choice.get(name) {
                None | Some(Value::Null) => continue,
                Some(Value::String(reason)) if reason.is_empty() => continue,
                Some(Value::String(reason)) => reason.clone(),
                Some(other) => other.to_string(),
            };
            let has_failed = |finish: &String| matches!(Finish::of(finish), Finish::Failed(_));
            if !self.finish.as_ref().is_some_and(has_failed) {
                self.finish = Some(reason);
            }
        }
    }

    /// Takes in a delta, or a whole message. What a message repeats of deltas is not said again.
    fn delta(&mut self, index: u64, delta: &Value, is_whole: bool, to: &mut VecDeque<ChatEvent>) {
        if !(is_whole && self.choice.is_some()) {
            let words = match delta.as_str() {
                Some(words) => words.to_owned(),
                None => delta.get("content").map(spoken).unwrap_or_default(),
            };
            self.say(index, &words, to);
            self.say(index, text(delta, "refusal"), to);
        }
        let content = delta.get("content").unwrap_or(&Value::Null);
        let legacy = delta.get("function_call").filter(|call| call.is_object());
        let calls = list(delta, "tool_calls").iter().chain(legacy);
        for piece in calls.chain(content::calls(content)) {
            self.calls.gather(piece, &self.tools);
        }
    }

    /// Says `text`, unless another choice is being said.
    fn say(&mut self, index: u64, text: &str, to: &mut VecDeque<ChatEvent>) {
        if !text.is_empty() && *self.choice.get_or_insert(index) == index {
            to.push_back(ChatEvent::Text(text.to_owned()));
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

    /// The answer is over; says the calls and the cost.
    fn end(&mut self, to: &mut VecDeque<ChatEvent>) -> Result<()> {
        let reason = self.finish.as_deref().unwrap_or("stop");
        match Finish::of(reason) {
            Finish::Failed(kind) => return Err(self.failed(kind, reason)),
            finish @ (Finish::Length | Finish::Unknown)
                if self.calls.is_one_cut(finish == Finish::Length) =>
            {
                let text = "the limit of tokens cut off a tool call";
                return Err(self.error(ErrorKind::Rejected, text));
            }
            Finish::Complete | Finish::Length => {}
            Finish::Unknown | _ => {
                let (service, reason) = (self.endpoint.service(), shown(reason));
                tracing::debug!(service, reason, "unknown finish reason");
            }
        }
        if self.tools.is_empty() && !self.calls.is_empty() {
            tracing::debug!(service = self.endpoint.service(), "called tools it does not have");
            self.calls.clear();
        }
        let Some(calls) = std::mem::take(&mut self.calls).finish(&self.id, &self.tools) else {
            return Err(self.error(ErrorKind::Protocol, "a tool call has no name"));
        };
        to.extend(calls.into_iter().map(ChatEvent::ToolCall));
        to.push_back(ChatEvent::Done(self.usage));
        Ok(())
    }

    fn failed(&self, kind: ErrorKind, reason: &str) -> Error {
        if reason == "content_filter" {
            return self.error(kind, "a content filter stopped the answer");
        }
        let text = format!("the answer ended with finish_reason {:?}", shown(reason));
        Error::new(kind, self.endpoint.service(), text)
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
                let chunk = match serde_json::from_str(data) {
                    Ok(chunk) => chunk,
                    Err(_) if event.event == "error" => Value::String(data.to_owned()),
                    // What is wrong with it is not told: it may hold what was said.
                    Err(_) => return Err(self.error(ErrorKind::Protocol, "an event is not JSON")),
                };
                self.chunk(&event.event, &chunk, to).map(ControlFlow::Continue)
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

/// A service's reason, fit to be logged.
fn shown(reason: &str) -> String {
    reason.chars().filter(|c| c.is_alphanumeric() || matches!(c, '_' | '-')).take(40).collect()
}
