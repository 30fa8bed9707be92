//! Deepgram: `/v1/listen` (Nova), `/v2/listen` (Flux) and `/v1/speak` (Aura).

use std::time::Duration;

use serde_json::{Value, json};

use super::{Ear, Heard, sound};
use crate::server::{Received, Reply, Script};

/// Flux takes a turn to be over after this much silence.
const END_OF_TURN: Duration = Duration::from_millis(600);

/// Nova: what it understands as it hears it, the final result when it is asked for by `Finalize` or
/// `CloseStream`.
pub fn nova(heard: &Heard) -> Script {
    let mut ear = Ear::new(heard);
    let mut said = String::new();
    Script::new().answer(move |received| {
        if let Some(codes) = received.binary() {
            ear.hear(codes);
            let interim = ear.interim();
            if interim == said {
                return Vec::new();
            }
            said.clone_from(&interim);
            return vec![result(&interim, ear.now(), &[])];
        }
        match kind(received).as_str() {
            "Finalize" => {
                said.clear();
                vec![result(&ear.utterance(), ear.now(), &["is_final", "from_finalize"])]
            }
            "CloseStream" => {
                let last = result(&ear.utterance(), ear.now(), &["is_final"]);
                let metadata = json!({
                    "type": "Metadata", "request_id": "request", "sha256": "0",
                    "created": "2026-01-01T00:00:00.000Z", "duration": ear.now(), "channels": 1,
                });
                vec![last, text(&metadata), Reply::Close(1000, String::new())]
            }
            _ => Vec::new(),
        }
    })
}

/// Flux: a turn that starts with the first sound and ends after 600 ms without, or when it is ended
/// by `ForceEndTurn` or `CloseStream`.
pub fn flux(heard: &Heard) -> Script {
    let mut ear = Ear::new(heard);
    let (mut turn, mut open) = (0, false);
    let connected = json!({ "type": "Connected", "request_id": "request", "sequence_id": 0 });
    let script = Script::new().say(connected.to_string());
    script.answer(move |received| {
        let mut replies = Vec::new();
        let mut info = |event: &str, turn: u32, words: &str, ear: &Ear| {
            replies.push(turn_info(event, turn, words, ear.now()));
        };
        let mut ends = false;
        if let Some(codes) = received.binary() {
            ear.hear(codes);
            if ear.is_utterance() && !std::mem::replace(&mut open, ear.is_utterance()) {
                info("StartOfTurn", turn, &ear.interim(), &ear);
            }
            ends = open && ear.quiet() >= END_OF_TURN;
        }
        let asked = kind(received);
        if open && (ends || matches!(asked.as_str(), "ForceEndTurn" | "CloseStream")) {
            info("EndOfTurn", turn, &ear.utterance(), &ear);
            (open, turn) = (false, turn + 1);
        }
        if asked == "CloseStream" {
            replies.push(Reply::Close(1000, String::new()));
        }
        replies
    })
}

/// Aura: speaks what is flushed.
pub fn aura() -> Script {
    let mut buffer = String::new();
    let mut flushes = 0;
    Script::new().answer(move |received| {
        let said: Value =
            received.text().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        match kind(received).as_str() {
            "Speak" => buffer.push_str(said["text"].as_str().unwrap_or_default()),
            "Flush" => {
                let audio = sound(&std::mem::take(&mut buffer));
                let flushed = json!({ "type": "Flushed", "sequence_id": flushes });
                flushes += 1;
                return vec![Reply::Binary(audio.into()), text(&flushed)];
            }
            "Clear" => {
                buffer.clear();
                return vec![text(&json!({ "type": "Cleared", "sequence_id": flushes }))];
            }
            "Close" => return vec![Reply::Close(1000, String::new())],
            _ => {}
        }
        Vec::new()
    })
}

fn kind(received: &Received) -> String {
    let said: Option<Value> = received.text().and_then(|text| serde_json::from_str(text).ok());
    said.and_then(|said| said["type"].as_str().map(str::to_owned)).unwrap_or_default()
}

fn result(words: &str, now: f64, flags: &[&str]) -> Reply {
    let mut result = json!({
        "type": "Results", "channel_index": [0, 1], "start": 0.0, "duration": now,
        "is_final": false, "speech_final": false, "from_finalize": false,
        "channel": { "alternatives": [{ "transcript": words, "confidence": 0.99, "words": [] }] },
        "metadata": { "request_id": "request", "model_uuid": "model", "model_info": {} },
    });
    for flag in flags {
        result[*flag] = true.into();
    }
    text(&result)
}

fn turn_info(event: &str, turn: u32, words: &str, now: f64) -> Reply {
    text(&json!({
        "type": "TurnInfo", "request_id": "request", "sequence_id": 1, "event": event,
        "turn_index": turn, "audio_window_start": 0.0, "audio_window_end": now,
        "transcript": words, "words": [], "end_of_turn_confidence": 0.8,
    }))
}

fn text(message: &Value) -> Reply {
    Reply::Text(message.to_string())
}
