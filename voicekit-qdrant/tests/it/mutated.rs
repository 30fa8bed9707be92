//! Answers with one field changed: none of what is optional fails a search.

use serde_json::json;
use voicekit_core::error::ErrorKind;
use voicekit_core::retrieve::{Query, Retriever};
use voicekit_testkit::mutate::mutations;
use voicekit_testkit::server::http::Answer;

use crate::service::{Host, KEY, config, fill, ids};

#[tokio::test(start_paused = true)]
async fn no_optional_field_of_an_answer_fails_a_search() {
    let point = |chunk: &str, score: f64| {
        json!({
            "id": "5c56c793-69f3-4fbf-87e6-c4bf54c28c26", "version": 3, "score": score,
            "payload": {
                "chunk": chunk, "document": "a", "text": chunk, "section": "House",
                "metadata": { "site": "north" },
            },
        })
    };
    let answer = json!({
        "usage": null, "status": "ok", "time": 0.002,
        "result": { "points": [point("a#1", 0.9), point("a#2", 0.8)] },
    });
    let host = Host::new();
    let qdrant = host.client(config());
    fill(&qdrant).await;
    for mutation in mutations(&answer) {
        host.service.fail("/points/query", Answer::json(200, mutation.message.to_string()));
        match qdrant.retrieve(&Query::new("parking")).await {
            Ok(passages) => {
                let other = mutation.at.starts_with("/result");
                assert!(ids(&passages).contains(&"a#2".to_owned()) || other, "{mutation}");
                assert!(passages.len() <= 2 && passages.iter().all(|one| one.score.is_finite()));
            }
            Err(error) => {
                assert!(mutation.touches(&["/result/points"]), "{mutation}: {error}");
                assert_eq!(error.kind(), ErrorKind::Protocol, "{mutation}: {error}");
                let shown = format!("{error} {error:?}");
                assert!(!shown.contains("north") && !shown.contains(KEY), "{shown}");
            }
        }
    }
}
