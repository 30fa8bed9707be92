//! Answers with one field changed: none of what is optional ends one.

use serde_json::json;
use voicekit_core::error::ErrorKind;
use voicekit_core::retrieve::Embedder;
use voicekit_openai::OpenAiEmbedder;
use voicekit_testkit::mutate::mutations;
use voicekit_testkit::server::http::{Answer, HttpServer};

use crate::service::{KEY, ask, chunks, config, question, serve};

#[tokio::test]
async fn no_optional_field_of_a_chunk_ends_an_answer() {
    let chunk = json!({
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_700_000_000,
        "model": "gpt", "service_tier": null, "system_fingerprint": "fp", "error": null,
        "choices": [{
            "index": 0, "logprobs": null, "finish_reason": null,
            "delta": { "role": "assistant", "content": "Well. ", "refusal": null, "tool_calls": null },
        }],
        "usage": { "prompt_tokens": 19, "completion_tokens": 10, "total_tokens": 29 },
    });
    let good = r#"{"choices":[{"delta":{"content":"We are open."}}]}"#;
    let end = r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#;
    let all = mutations(&chunk);
    let answers: Vec<Answer> = all
        .iter()
        .map(|one| Answer::events(chunks(&[&one.message.to_string(), good, end, "[DONE]"])))
        .collect();
    let (_server, model) = serve(answers).await;
    // An error is one, and an unknown reason to stop may be; so may a call be that is none.
    let required = ["/error", "/choices/*/finish_reason", "/choices/*/delta/tool_calls"];
    for mutation in &all {
        let said = ask(&model, question()).await.unwrap();
        match said.error {
            // A text of another choice is another answer.
            None if mutation.touches(&["/choices/*/index"]) => {}
            None => assert!(said.text.ends_with("We are open."), "{mutation}: {}", said.text),
            Some(error) => {
                assert!(mutation.touches(&required), "{mutation}: {error}");
                let shown = format!("{error} {error:?}");
                assert!(!shown.contains("Well.") && !shown.contains(KEY), "{shown}");
            }
        }
    }
}

#[tokio::test]
async fn no_optional_field_of_embeddings_is_missed() {
    let answer = json!({
        "object": "list", "model": "m", "usage": { "prompt_tokens": 8, "total_tokens": 8 },
        "data": [{ "object": "embedding", "index": 0, "embedding": [0.5, 2.5] }],
    });
    let all = mutations(&answer);
    let answers = all.iter().map(|one| Answer::json(200, one.message.to_string()));
    let server = HttpServer::start(answers).await.unwrap();
    let embedder = OpenAiEmbedder::new(config(&server)).unwrap();
    let required = ["/data/*/embedding/*"];
    for mutation in &all {
        let embedded = embedder.embed(&["a".to_owned()]).await;
        if let Err(error) = embedded {
            // A number of another text is an error: the vector may not be this one's.
            let required = mutation.touches(&required) || mutation.touches(&["/data/*/index"]);
            assert!(required, "{mutation}: {error}");
            assert_eq!(error.kind(), ErrorKind::Protocol, "{mutation}: {error}");
        }
    }
}
