//! ElevenLabs: the multi-context socket.

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::{CHARACTER, sound};
use crate::server::{Received, Reply, Script};

/// A socket that speaks what is flushed, with the times of characters, and ends each context that
/// is closed.
pub fn contexts() -> Script {
    Script::new().answer(speaking(None))
}

/// The same, broken off after so many characters: the service closes with 1011.
pub fn contexts_that_break(after: usize) -> Script {
    Script::new().answer(speaking(Some(after)))
}

fn speaking(mut limit: Option<usize>) -> impl FnMut(&Received) -> Vec<Reply> {
    let mut contexts: BTreeMap<String, String> = BTreeMap::new();
    move |received| {
        let said: Option<Value> = received.text().and_then(|text| serde_json::from_str(text).ok());
        let Some(said) = said else { return Vec::new() };
        if said["close_socket"] == true {
            return vec![Reply::Close(1000, String::new())];
        }
        let Some(id) = said["context_id"].as_str() else {
            return vec![Reply::Close(1008, "no context_id".to_owned())];
        };
        let Some(buffer) = contexts.get_mut(id) else {
            // What begins a context says nothing.
            contexts.insert(id.to_owned(), String::new());
            return Vec::new();
        };
        buffer.push_str(said["text"].as_str().unwrap_or_default());
        let closes = said["close_context"] == true;
        let mut replies = Vec::new();
        if (said["flush"] == true || closes) && !buffer.is_empty() {
            let text = std::mem::take(buffer);
            let given = limit.map_or(text.len(), |limit| limit.min(text.len()));
            let whole = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            let given = whole.take_while(|at| *at <= given).last().unwrap_or(0);
            replies.push(audio(&text[..given], id));
            if let Some(limit) = &mut limit {
                *limit -= given;
                if given < text.len() {
                    replies.push(Reply::Close(1011, "internal error".to_owned()));
                    return replies;
                }
            }
        }
        if closes {
            let last = json!({ "isFinal": true, "contextId": id });
            replies.push(Reply::Text(last.to_string()));
            contexts.remove(id);
        }
        replies
    }
}

fn audio(text: &str, id: &str) -> Reply {
    let characters: Vec<String> = text.chars().map(String::from).collect();
    let length = CHARACTER.as_millis();
    let starts: Vec<u128> = (0_u128..).take(characters.len()).map(|nth| nth * length).collect();
    let lengths = vec![length; characters.len()];
    let message = json!({
        "audio": BASE64_STANDARD.encode(sound(text)), "isFinal": null, "contextId": id,
        "alignment": {
            "chars": characters, "charStartTimesMs": starts, "charDurationsMs": lengths,
        },
        "normalizedAlignment": null,
    });
    Reply::Text(message.to_string())
}
