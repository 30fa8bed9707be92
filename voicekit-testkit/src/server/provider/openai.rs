//! OpenAI's chat completions, and whatever else speaks as they do.

use std::time::Duration;

use serde_json::{Value, json};

use crate::server::http::Answer;

/// From token to token.
const TOKEN: Duration = Duration::from_millis(20);

/// The events after the last token.
pub const DONE: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{},\
    \"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";

/// An answer of these words, one every 20 ms.
pub fn says(text: &str) -> Answer {
    begins(text).then(DONE)
}

/// The words of an answer that is not over: [`DONE`] would end it, a stall or a cut would not.
pub fn begins(text: &str) -> Answer {
    text.split_inclusive(' ').fold(Answer::events(""), |answer, word| {
        answer.then(chunk(&json!({ "content": word }), None)).then_wait(TOKEN)
    })
}

/// An answer that calls a tool, its arguments in two pieces.
pub fn calls(id: &str, name: &str, arguments: &str) -> Answer {
    let middle = arguments.char_indices().nth(arguments.chars().count() / 2);
    let (first, rest) = arguments.split_at(middle.map_or(0, |(at, _)| at));
    let begin = json!({ "index": 0, "id": id, "type": "function",
        "function": { "name": name, "arguments": first } });
    let go_on = json!({ "index": 0, "function": { "arguments": rest } });
    Answer::events("")
        .then(chunk(&json!({ "tool_calls": [begin] }), None))
        .then_wait(TOKEN)
        .then(chunk(&json!({ "tool_calls": [go_on] }), None))
        .then(chunk(&json!({}), Some("tool_calls")))
        .then("data: [DONE]\n\n")
}

/// A refusal with this status.
pub fn refuses(status: u16) -> Answer {
    let error =
        json!({ "message": "not now", "type": "server_error", "param": null, "code": null });
    Answer::json(status, json!({ "error": error }).to_string())
}

fn chunk(delta: &Value, finish: Option<&str>) -> String {
    let choice = json!({ "index": 0, "delta": delta, "finish_reason": finish });
    let chunk = json!({ "id": "answer", "object": "chat.completion.chunk", "created": 0,
        "model": "model", "choices": [choice] });
    format!("data: {chunk}\n\n")
}
