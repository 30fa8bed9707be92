//! Events with one field changed: none of what is optional ends an answer.

use serde_json::json;
use voicekit_testkit::mutate::{Mutation, mutations};
use voicekit_testkit::server::http::Answer;

use crate::service::{YES, ask, end, events, question, serve};

#[tokio::test]
async fn no_optional_field_of_an_event_ends_an_answer() {
    let recorded = [
        json!({
            "type": "message_start", "message": {
                "id": "msg_1", "type": "message", "role": "assistant", "content": [],
                "model": "claude", "stop_reason": null, "stop_sequence": null,
                "usage": { "input_tokens": 25, "output_tokens": 1, "cache_read_input_tokens": null },
            },
        }),
        json!({ "type": "ping" }),
        json!({
            "type": "content_block_start", "index": 7,
            "content_block": { "type": "text", "text": "", "citations": null },
        }),
        json!({
            "type": "content_block_delta", "index": 7,
            "delta": { "type": "text_delta", "text": "Well. " },
        }),
        json!({
            "type": "content_block_delta", "index": 8,
            "delta": { "type": "thinking_delta", "thinking": "hm" },
        }),
        json!({ "type": "content_block_stop", "index": 7 }),
        json!({
            "type": "message_delta", "delta": { "stop_reason": "end_turn", "stop_sequence": null },
            "usage": { "output_tokens": 15 },
        }),
    ];
    let all: Vec<Mutation> = recorded.iter().flat_map(mutations).collect();
    let answers: Vec<Answer> = all
        .iter()
        .map(|one| {
            let good = YES.to_owned() + &end("end_turn");
            Answer::events(events(&[&one.message.to_string()]) + &good)
        })
        .collect();
    let (_server, model) = serve(answers).await;
    for mutation in &all {
        let said = ask(&model, question()).await.unwrap();
        match said.error {
            None => assert!(said.text.ends_with("Yes."), "{mutation}: {}", said.text),
            Some(error) => {
                assert!(mutation.touches(&["/type", "/content_block/type"]), "{mutation}: {error}");
                assert!(!format!("{error} {error:?}").contains("Well."), "{error:?}");
            }
        }
    }
}
