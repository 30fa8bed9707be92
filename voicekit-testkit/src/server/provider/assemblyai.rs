//! AssemblyAI's streaming service, v3.

use serde_json::{Value, json};

use super::{Ear, Heard};
use crate::server::{Reply, Script};

/// A session: what it understands as it hears it, the end of the turn when that is forced, as the
/// adapter does where the engine decides on turns.
pub fn streaming(heard: &Heard) -> Script {
    let mut ear = Ear::new(heard);
    let (mut turn, mut said) = (0, String::new());
    let begin = json!({
        "type": "Begin", "id": "session", "expires_at": 4_102_444_800_u64,
        "configuration": { "model": "universal-streaming-english" },
    });
    Script::new().say(begin.to_string()).answer(move |received| {
        if let Some(codes) = received.binary() {
            ear.hear(codes);
            let interim = ear.interim();
            if interim == said {
                return Vec::new();
            }
            said.clone_from(&interim);
            return vec![words(turn, &interim, &ear, false)];
        }
        let message: Value =
            received.text().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        match message["type"].as_str() {
            Some("ForceEndpoint") if ear.is_utterance() => {
                said.clear();
                let last = words(turn, &ear.utterance(), &ear, true);
                turn += 1;
                vec![last]
            }
            Some("Terminate") => {
                let seconds = ear.now();
                let end = json!({
                    "type": "Termination", "audio_duration_seconds": seconds,
                    "session_duration_seconds": seconds,
                });
                vec![Reply::Text(end.to_string()), Reply::Close(1000, String::new())]
            }
            _ => Vec::new(),
        }
    })
}

fn words(turn: u32, text: &str, ear: &Ear, is_over: bool) -> Reply {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "milliseconds")]
    let now = (ear.now() * 1_000.0) as u64;
    let spoken = text.split_whitespace().map(|word| {
        json!({
            "text": word, "start": now.saturating_sub(200), "end": now, "confidence": 0.99,
            "word_is_final": is_over,
        })
    });
    let turn = json!({
        "type": "Turn", "turn_order": turn, "turn_is_formatted": false, "end_of_turn": is_over,
        "transcript": if is_over { text } else { "" }, "end_of_turn_confidence": 0.5,
        "words": spoken.collect::<Vec<_>>(),
    });
    Reply::Text(turn.to_string())
}
