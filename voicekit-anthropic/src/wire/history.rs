//! The conversation as the service wants it: it begins and ends with the user, and roles
//! alternate; the results of all calls of one answer come first in the turn after it.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use voicekit_core::llm::Message;
use voicekit_core::tool::{ToolCall, ToolOutcome};

use super::PROVIDER;

/// What stands for the caller where the agent spoke first.
const OPENING: &str = "(The call begins.)";

/// What stands for the caller where the agent spoke last. An answer cannot be begun for the model.
const SILENCE: &str = "(The caller says nothing.)";

const USER: &str = "user";
const ASSISTANT: &str = "assistant";

/// What one side said, in blocks.
#[derive(Debug, PartialEq)]
pub(super) struct Turn {
    pub(super) role: &'static str,
    pub(super) content: Vec<Value>,
}

/// The conversation in turns, with the thoughts behind its calls if the model may think.
pub(super) fn turns(messages: &[Message], with_thoughts: bool) -> Vec<Turn> {
    let mut history = History { with_thoughts, ..History::default() };
    for message in messages {
        match message {
            Message::Caller { text } => history.said(USER, text),
            Message::Agent { text, .. } => history.said(ASSISTANT, text.trim_end()),
            Message::Tool { call, outcome } => history.did(call, outcome),
        }
    }
    history.called();
    let mut turns = history.turns;
    let text = |text: &str| Turn { role: USER, content: vec![text_block(text)] };
    if turns.first().is_none_or(|turn| turn.role != USER) {
        turns.insert(0, text(OPENING));
    }
    if turns.last().is_some_and(|turn| turn.role != USER) {
        turns.push(text(SILENCE));
    }
    turns
}

#[derive(Default)]
struct History {
    with_thoughts: bool,
    turns: Vec<Turn>,
    results: Vec<Value>,
    ids: BTreeSet<String>,
}

impl History {
    fn said(&mut self, role: &'static str, text: &str) {
        self.called();
        if !text.trim().is_empty() {
            self.turn(role).push(text_block(text));
        }
    }

    fn did(&mut self, call: &ToolCall, outcome: &ToolOutcome) {
        let thoughts = self.thoughts(call);
        if !thoughts.is_empty() {
            // Thoughts stand before the first call of an answer: what was called before belongs to
            // the answer before.
            self.called();
            self.turn(ASSISTANT).splice(0..0, thoughts);
        }
        let id = self.unique(&call.id);
        let (name, input) = (&call.name, input(&call.arguments));
        let block = json!({"type": "tool_use", "id": id, "name": name, "input": input});
        self.turn(ASSISTANT).push(block);
        let mut result = json!({"type": "tool_result", "tool_use_id": id, "content": outcome.text});
        if outcome.failed {
            result["is_error"] = json!(true);
        }
        self.results.push(result);
    }

    /// Ends a run of calls.
    fn called(&mut self) {
        if !self.results.is_empty() {
            let results = std::mem::take(&mut self.results);
            self.turn(USER).extend(results);
        }
    }

    /// The turn of `role`, which is the last.
    fn turn(&mut self, role: &'static str) -> &mut Vec<Value> {
        if self.turns.last().is_none_or(|turn| turn.role != role) {
            self.turns.push(Turn { role, content: Vec::new() });
        }
        let last = self.turns.len() - 1;
        &mut self.turns[last].content
    }

    fn thoughts(&self, call: &ToolCall) -> Vec<Value> {
        let data = call.provider.as_ref().filter(|_| self.with_thoughts);
        let thoughts = data.and_then(|data| data.get(PROVIDER)?.get("thinking")?.as_array());
        thoughts.cloned().unwrap_or_default()
    }

    /// The service takes letters, digits, `_` and `-`, and no id twice; another model's calls may
    /// have others.
    fn unique(&mut self, id: &str) -> String {
        let is_fine = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let mut id: String = id.chars().map(|c| if is_fine(c) { c } else { '_' }).collect();
        if id.is_empty() {
            id.push_str("call");
        }
        while !self.ids.insert(id.clone()) {
            id.push('_');
        }
        id
    }
}

fn text_block(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

/// Arguments as an object, which the service demands; an object around what is none.
fn input(arguments: &str) -> Value {
    match serde_json::from_str(arguments) {
        Ok(input @ Value::Object(_)) => input,
        _ if arguments.trim().is_empty() => json!({}),
        _ => json!({"malformed": arguments}),
    }
}
