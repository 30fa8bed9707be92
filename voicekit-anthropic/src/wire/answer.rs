//! Answers of the language model, from its events, and from what compatible servers send in their
//! place: whole messages, errors of other shapes.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::time::Duration;

use serde_json::{Value, json};
use voicekit_core::answer::{Finish, find_tool};
use voicekit_core::error::{Error, ErrorKind, Result, Retry};
use voicekit_core::llm::{ChatEvent, Usage};
use voicekit_core::tool::{ToolCall, ToolSpec};
use voicekit_net::{Endpoint, EventCodec, sse};

use super::PROVIDER;
use super::block::{Block, say, text};
use super::fault;
use crate::SERVICE;
use crate::refusal::late;

/// One answer, as far as it has come. Its text is as the model wrote it.
#[derive(Debug)]
pub(crate) struct Answer {
    endpoint: Endpoint,
    tools: Vec<ToolSpec>,
    /// The blocks in the order in which they began, with their numbers.
    blocks: Vec<(Option<u64>, Block)>,
    stop: Option<String>,
    /// Tokens read: new, written to the cache, read from the cache.
    read: [u64; 3],
    written: u64,
}

impl Answer {
    /// Creates the answer of `endpoint` to a request that offers `tools`.
    pub(crate) fn new(endpoint: Endpoint, tools: Vec<ToolSpec>) -> Self {
        let (blocks, stop, read, written) = (Vec::new(), None, [0; 3], 0);
        Self { endpoint, tools, blocks, stop, read, written }
    }

    fn event(
        &mut self,
        kind: &str,
        event: &Value,
        to: &mut VecDeque<ChatEvent>,
    ) -> Result<ControlFlow<()>> {
        if let Some(error) = fault::reported(kind, event) {
            return Err(late(&self.endpoint, &error));
        }
        let index = event.get("index").and_then(Value::as_u64);
        match text(event, "type") {
            "message_start" => {
                let message = event.get("message").unwrap_or(&Value::Null);
                self.message(message, to);
            }
            "message" => self.message(event, to),
            "content_block_start" => {
                self.begin(index, event.get("content_block").unwrap_or(&Value::Null), to);
            }
            "content_block_delta" => {
                let delta = event.get("delta").unwrap_or(&Value::Null);
                self.block(index).grow(delta, to);
            }
            "content_block_stop" => self.block(index).complete(),
            "message_delta" => {
                self.stopped(event.pointer("/delta/stop_reason"));
                self.count(event.get("usage"));
            }
            "message_stop" => return self.end(to).map(ControlFlow::Break),
            "ping" => {}
            _ => tracing::debug!(service = SERVICE, "unknown event skipped"),
        }
        Ok(ControlFlow::Continue(()))
    }

    /// A message with what it holds already: nothing at the start of a stream, all of it where
    /// the server does not stream.
    fn message(&mut self, message: &Value, to: &mut VecDeque<ChatEvent>) {
        match message.get("content") {
            Some(Value::Array(blocks)) => {
                for block in blocks {
                    self.begin(None, block, to);
                    if let Some((_, block)) = self.blocks.last_mut() {
                        block.complete();
                    }
                }
            }
            Some(Value::String(text)) => say(text, to),
            _ => {}
        }
        self.stopped(message.get("stop_reason"));
        self.count(message.get("usage"));
    }

    fn begin(&mut self, index: Option<u64>, start: &Value, to: &mut VecDeque<ChatEvent>) {
        if text(start, "type") == "text" {
            say(text(start, "text"), to);
        }
        self.blocks.push((index, Block::new(start)));
    }

    /// The latest block of this number; the last, if it has none. Text needs no start.
    fn block(&mut self, index: Option<u64>) -> &mut Block {
        let same = self.blocks.iter().rposition(|(number, _)| *number == index);
        let last = self.blocks.len().checked_sub(1).filter(|_| index.is_none());
        let at = same.or(last).unwrap_or_else(|| {
            self.blocks.push((index, Block::Text));
            self.blocks.len() - 1
        });
        &mut self.blocks[at].1
    }

    fn stopped(&mut self, reason: Option<&Value>) {
        match reason {
            None | Some(Value::Null) => {}
            Some(Value::String(reason)) => self.stop = Some(reason.clone()),
            Some(other) => self.stop = Some(other.to_string()),
        }
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
        let reason = self.stop.as_deref().unwrap_or("end_turn");
        match Finish::of(reason) {
            Finish::Failed(_) if reason == "refusal" => {
                return Err(error(ErrorKind::Rejected, "the model refused to answer"));
            }
            Finish::Failed(kind) => {
                let text = format!("the answer ended with stop_reason {:?}", shown(reason));
                return Err(Error::new(kind, SERVICE, text));
            }
            Finish::Length | Finish::Unknown if blocks.iter().any(|(_, block)| block.is_cut()) => {
                let text = "the limit of tokens cut off a tool call";
                return Err(error(ErrorKind::Rejected, text));
            }
            Finish::Complete | Finish::Length => {}
            Finish::Unknown | _ => {
                let reason = shown(reason);
                tracing::debug!(service = SERVICE, reason, "unknown reason to stop");
            }
        }
        let mut thoughts = Vec::new();
        let mut calls: Vec<ToolCall> = Vec::new();
        for (_, block) in blocks {
            match block {
                Block::Text | Block::Unknown => {}
                Block::Thoughts(block) => thoughts.push(block),
                Block::Call(_) if self.tools.is_empty() => {
                    tracing::debug!(service = SERVICE, "called a tool it does not have");
                }
                Block::Call(call) => {
                    let Some(mut call) = call.finish() else {
                        let text = "a tool call has no id or no name";
                        return Err(error(ErrorKind::Protocol, text));
                    };
                    if let Some(tool) = find_tool(&call.name, &self.tools) {
                        call.name.clone_from(&tool.name);
                    }
                    if calls.contains(&call) {
                        continue;
                    }
                    calls.push(call.clone());
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
        let data = match serde_json::from_str(&event.data) {
            Ok(data) => data,
            Err(_) if event.event == "error" => Value::String(event.data),
            Err(_) if event.data.trim() == "[DONE]" => {
                return self.finish(to).map(ControlFlow::Break);
            }
            // What is wrong with it is not told: it may hold what was said.
            Err(_) => return Err(error(ErrorKind::Protocol, "an event is not JSON")),
        };
        self.event(&event.event, &data, to)
    }

    fn finish(&mut self, to: &mut VecDeque<ChatEvent>) -> Result<()> {
        if self.stop.is_some() {
            return self.end(to);
        }
        let error = error(ErrorKind::Protocol, "the answer was cut off");
        Err(error.with_retry(Retry::After(Duration::ZERO)))
    }
}

/// A service's reason, fit to be logged.
fn shown(reason: &str) -> String {
    reason.chars().filter(|c| c.is_alphanumeric() || matches!(c, '_' | '-')).take(40).collect()
}

fn error(kind: ErrorKind, text: &'static str) -> Error {
    Error::new(kind, SERVICE, text)
}
