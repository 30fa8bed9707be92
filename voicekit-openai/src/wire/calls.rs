//! Tool calls, put together from the pieces in which servers send them.
//!
//! OpenAI numbers calls by `index`, and sends id and name in the first piece of each. Other servers
//! number every call 0, or none; repeat id and name with every piece, or change the id; send a name
//! in fragments, or arguments as an object, whole at the end, or after an empty placeholder. Where
//! the number does not tell calls apart, the id does, and then a name after complete arguments.

use serde_json::Value;
use voicekit_core::answer::{find_tool, join_arguments};
use voicekit_core::tool::{ToolCall, ToolSpec};

use super::content::text;

/// The calls of one answer.
#[derive(Debug, Default)]
pub(super) struct Calls {
    calls: Vec<Call>,
}

/// A call, as far as its pieces have come.
#[derive(Debug)]
struct Call {
    index: Option<u64>,
    id: String,
    name: String,
    arguments: Vec<String>,
}

/// A piece of a call.
struct Piece {
    index: Option<u64>,
    id: String,
    name: String,
    arguments: String,
}

impl Calls {
    pub(super) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.calls.clear();
    }

    /// Whether a call has arguments that are not an object, or none, if it must have some.
    pub(super) fn is_one_cut(&self, must_have: bool) -> bool {
        let is_cut = |call: &Call| !call.is_complete() || must_have && !call.is_begun();
        self.calls.iter().any(is_cut)
    }

    /// Takes in the next piece: an entry of `tool_calls`, a `function_call`, or a part of content.
    pub(super) fn gather(&mut self, piece: &Value, tools: &[ToolSpec]) {
        let piece = Piece::read(piece);
        if piece.id.is_empty() && piece.name.is_empty() && piece.arguments.is_empty() {
            return;
        }
        let at = self.position(&piece, tools).unwrap_or_else(|| {
            let arguments = Vec::new();
            let (index, id, name) = (piece.index, piece.id.clone(), String::new());
            self.calls.push(Call { index, id, name, arguments });
            self.calls.len() - 1
        });
        let call = &mut self.calls[at];
        if call.id.is_empty() {
            call.id = piece.id;
        }
        if let Some(name) = merged(&call.name, &piece.name, tools, call.is_begun()) {
            call.name = name;
        }
        if !piece.arguments.is_empty() {
            call.arguments.push(piece.arguments);
        }
    }

    /// The calls of the answer `answer`; `None` if one has no name. What was sent twice counts once.
    pub(super) fn finish(self, answer: &str, tools: &[ToolSpec]) -> Option<Vec<ToolCall>> {
        let mut finished: Vec<ToolCall> = Vec::new();
        for (number, call) in self.calls.into_iter().enumerate() {
            if call.name.trim().is_empty() {
                return None;
            }
            let arguments = join_arguments(&call.arguments);
            let name = find_tool(&call.name, tools).map_or(call.name, |tool| tool.name.clone());
            let has_id = !call.id.is_empty();
            let is_repeated = finished.iter().any(|other| {
                let is_same = other.name == name && other.arguments == arguments;
                is_same && (!has_id || other.id == call.id)
            });
            if !is_repeated {
                let id = if has_id { call.id } else { format!("call_{answer}_{number}") };
                finished.push(ToolCall::new(id, name, arguments));
            }
        }
        Some(finished)
    }

    /// The call that a piece belongs to; `None` if it begins a new one.
    fn position(&self, piece: &Piece, tools: &[ToolSpec]) -> Option<usize> {
        let last = self.calls.len().checked_sub(1);
        let has_id = !piece.id.is_empty();
        let by_index = piece
            .index
            .and_then(|index| self.calls.iter().rposition(|call| call.index == Some(index)));
        let by_id =
            if has_id { self.calls.iter().rposition(|call| call.id == piece.id) } else { None };
        let at = match (piece.index, by_index, by_id) {
            (Some(_), Some(at), Some(same)) if self.calls[at].id != piece.id => same,
            (Some(_), Some(at), _) => at,
            // Another number under the same id is another call, if it says which.
            (Some(_), None, Some(same)) if piece.name.is_empty() => same,
            (Some(_), None, Some(_)) => return None,
            (None, _, Some(same)) => same,
            (_, _, None) if !has_id || piece.name.is_empty() => {
                let names_new = piece.index.is_some() && (has_id || !piece.name.is_empty());
                if names_new {
                    return None;
                }
                last?
            }
            (_, _, None) => return None,
        };
        (!self.calls[at].is_followed_by(piece, tools)).then_some(at)
    }
}

impl Call {
    fn is_begun(&self) -> bool {
        !self.arguments.is_empty()
    }

    fn is_complete(&self) -> bool {
        is_object(&self.arguments.concat()) || is_object(&join_arguments(&self.arguments))
    }

    /// Whether the arguments so far may be a placeholder for those to come.
    fn is_placeholder(&self) -> bool {
        join_arguments(&self.arguments) == "{}"
    }

    /// Whether `piece` begins another call.
    fn is_followed_by(&self, piece: &Piece, tools: &[ToolSpec]) -> bool {
        if piece.name.is_empty() || self.name.is_empty() {
            return false;
        }
        let is_same_name = self.name == piece.name;
        let are_ids_known = !self.id.is_empty() && !piece.id.is_empty();
        if are_ids_known && self.id != piece.id {
            // Some servers make up a new id for each piece.
            let goes_on = is_same_name && self.is_begun() && !self.is_complete();
            return !goes_on;
        }
        if !self.is_begun() {
            let is_fragment = merged(&self.name, &piece.name, tools, false).is_some();
            return !is_same_name && !is_fragment;
        }
        if !self.is_complete() {
            return !is_same_name && find_tool(&piece.name, tools).is_some();
        }
        if !is_same_name {
            return true;
        }
        // The same call again, or what follows a placeholder.
        let is_new = is_object(&piece.arguments)
            && join_arguments(&self.arguments) != join_arguments(&[&piece.arguments]);
        is_new && !self.is_placeholder()
    }
}

impl Piece {
    fn read(piece: &Value) -> Self {
        let function = piece.get("function").filter(|function| function.is_object());
        let function = function.unwrap_or(piece);
        let mut fields = ["arguments", "parameters", "input", "args"].iter();
        let arguments = match fields.find_map(|name| function.get(*name)) {
            Some(Value::String(text)) => text.clone(),
            None | Some(Value::Null) => String::new(),
            Some(other) => other.to_string(),
        };
        let id = match piece.get("id").or_else(|| piece.get("tool_call_id")) {
            Some(Value::String(id)) => id.clone(),
            Some(Value::Number(id)) => id.to_string(),
            _ => String::new(),
        };
        let index = piece.get("index").and_then(|index| match index.as_str() {
            Some(index) => index.parse().ok(),
            None => index.as_u64(),
        });
        Self { index, id, name: text(function, "name").to_owned(), arguments }
    }
}

/// The name of a call once `piece` has come; `None` if it stays. A piece is the name, the rest of
/// it, all of it so far, or the same again.
fn merged(name: &str, piece: &str, tools: &[ToolSpec], is_begun: bool) -> Option<String> {
    if piece.is_empty() || is_begun && !name.is_empty() {
        return None;
    }
    if name.is_empty() {
        return Some(piece.to_owned());
    }
    let begins = |part: &str| tools.iter().any(|tool| tool.name.starts_with(part));
    let is_known = |name: &str| tools.iter().any(|tool| tool.name == name);
    let joined = format!("{name}{piece}");
    if begins(&joined) {
        return Some(joined);
    }
    if piece == name {
        return None;
    }
    if piece.starts_with(name) && begins(piece) {
        return Some(piece.to_owned());
    }
    let are_parts = !is_known(name) && !is_known(piece) && begins(name);
    are_parts.then_some(joined)
}

fn is_object(json: &str) -> bool {
    serde_json::from_str::<Value>(json).is_ok_and(|value| value.is_object())
}
