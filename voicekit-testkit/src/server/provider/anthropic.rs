//! Anthropic's Messages.

use std::time::Duration;

use serde_json::{Value, json};

use crate::server::http::Answer;

/// From token to token.
const TOKEN: Duration = Duration::from_millis(20);

/// An answer of these words, one every 20 ms.
pub fn says(text: &str) -> Answer {
    let end = json!({ "type": "message_delta", "usage": { "output_tokens": 9 },
        "delta": { "stop_reason": "end_turn", "stop_sequence": null } });
    begins(text)
        .then(event(&json!({ "type": "content_block_stop", "index": 0 })))
        .then(event(&end))
        .then(event(&json!({ "type": "message_stop" })))
}

/// The words of an answer that is not over.
pub fn begins(text: &str) -> Answer {
    let message = json!({ "id": "message", "type": "message", "role": "assistant", "content": [],
        "model": "model", "stop_reason": null, "stop_sequence": null,
        "usage": { "input_tokens": 9, "output_tokens": 1 } });
    let block = json!({ "type": "content_block_start", "index": 0,
        "content_block": { "type": "text", "text": "" } });
    let begun = Answer::events("")
        .then(event(&json!({ "type": "message_start", "message": message })))
        .then(event(&block));
    text.split_inclusive(' ').fold(begun, |answer, word| {
        let delta = json!({ "type": "content_block_delta", "index": 0,
            "delta": { "type": "text_delta", "text": word } });
        answer.then(event(&delta)).then_wait(TOKEN)
    })
}

/// A refusal with this status.
pub fn refuses(status: u16) -> Answer {
    let kind = match status {
        401 => "authentication_error",
        429 => "rate_limit_error",
        529 => "overloaded_error",
        _ => "api_error",
    };
    let error = json!({ "type": kind, "message": "not now" });
    Answer::json(status, json!({ "type": "error", "error": error }).to_string())
}

fn event(data: &Value) -> String {
    let kind = data["type"].as_str().unwrap_or_default();
    format!("event: {kind}\ndata: {data}\n\n")
}
