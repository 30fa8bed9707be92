//! What goes wrong, and what is tried again.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use voicekit_core::error::{ErrorKind, Retry};
use voicekit_core::retrieve::{Index, Query, Retriever};
use voicekit_qdrant::{Qdrant, QdrantConfig};
use voicekit_testkit::fake::FakeEmbedder;
use voicekit_testkit::logs::Logs;
use voicekit_testkit::server::http::Answer;
use voicekit_testkit::server::provider::qdrant::Qdrant as Service;

use crate::service::{Host, KEY, chunk, config, fill, found};

fn said(status: u16, text: &str) -> Answer {
    Answer::json(status, format!(r#"{{"status":{{"error":"{text}"}},"time":0.1}}"#))
}

#[tokio::test(start_paused = true)]
async fn each_refusal_says_who_is_at_fault_and_whether_to_try_again() {
    let (never, at_once) = (Retry::Never, Retry::After(Duration::ZERO));
    for (answer, kind, retry, part) in [
        (said(400, "Bad filter"), ErrorKind::Rejected, never, "Bad filter"),
        (
            said(400, "Vector dimension error: expected dim: 4, got 3"),
            ErrorKind::Config,
            never,
            "use the embedder",
        ),
        (said(400, "Index required but not found for site"), ErrorKind::Config, never, "`indexed`"),
        (
            Answer::new(401).then("Must provide an API key"),
            ErrorKind::Unauthenticated,
            never,
            "api_key",
        ),
        (said(403, "no access"), ErrorKind::Unauthenticated, never, "api_key"),
        (said(404, "Collection kb doesn't exist!"), ErrorKind::Config, never, "doesn't exist"),
        (said(405, "not here"), ErrorKind::Unsupported, never, "not here"),
        (said(408, "late"), ErrorKind::Timeout, at_once, "late"),
        (said(409, "there"), ErrorKind::Rejected, never, "there"),
        (said(413, "large"), ErrorKind::Rejected, never, "batch_bytes"),
        (
            said(429, "slow down").with_header("retry-after", "7"),
            ErrorKind::RateLimited,
            Retry::After(Duration::from_secs(7)),
            "slow down",
        ),
        (said(500, "oops"), ErrorKind::Connection, at_once, "oops"),
        (said(503, "starting"), ErrorKind::RateLimited, at_once, "starting"),
        (said(507, "disk full"), ErrorKind::Quota, never, "disk full"),
        (Answer::json(200, "<html>"), ErrorKind::Protocol, never, "not the JSON expected"),
        (Answer::json(200, r#"{"result":{"points":3}}"#), ErrorKind::Protocol, never, "JSON"),
    ] {
        let host = Host::new();
        let qdrant = host.client(config());
        fill(&qdrant).await;
        for _ in 0..2 {
            host.service.fail("/points/query", answer.clone());
        }
        let failure = qdrant.retrieve(&Query::new("parking")).await.unwrap_err();
        assert_eq!((failure.kind(), failure.retry()), (kind, retry), "{failure}");
        let detail = failure.detail().unwrap_or_default();
        assert!(format!("{detail}: {}", failure.message()).contains(part), "{failure}");
        assert!(detail.is_empty() || !failure.to_string().contains(detail), "{failure}");
        assert_eq!(failure.service(), "qdrant");
    }
}

#[tokio::test(start_paused = true)]
async fn a_missing_collection_says_to_ingest_first() {
    let host = Host::new();
    let qdrant = host.client(config());
    for failure in [
        qdrant.retrieve(&Query::new("parking")).await.unwrap_err(),
        qdrant.warm().await.unwrap_err(),
    ] {
        assert_eq!(failure.kind(), ErrorKind::Config);
        assert!(failure.message().contains("ingest documents first"), "{failure}");
    }
    qdrant.delete("a").await.unwrap();
    assert!(host.asked("PUT").is_empty());
    // It is found as soon as it is there.
    fill(&host.client(config())).await;
    qdrant.warm().await.unwrap();
    let before = host.server.asked().len();
    assert_eq!(found(&qdrant, "dogs").await[0], "b#1");
    assert_eq!(host.lines(before).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_collection_made_anew_with_other_embeddings_is_noticed() {
    let host = Host::new();
    let qdrant = host.client(config());
    fill(&qdrant).await;
    host.service.remove("kb");
    let failure = qdrant.retrieve(&Query::new("dogs")).await.unwrap_err();
    assert!(failure.detail().unwrap().contains("doesn't exist"), "{failure}");
    let failure = qdrant.retrieve(&Query::new("dogs")).await.unwrap_err();
    assert!(failure.message().contains("ingest documents first"), "{failure}");
    fill(&qdrant).await;
    assert_eq!(found(&qdrant, "dogs").await[0], "b#1");
    let answer =
        r#"{"result":{"config":{"params":{"vectors":{"dense":{"size":3,"distance":"Cosine"}}}}}}"#;
    host.service.fail("GET /collections/kb", Answer::json(200, answer));
    let failure = host.client(config()).retrieve(&Query::new("dogs")).await.unwrap_err();
    assert_eq!(failure.kind(), ErrorKind::Config);
    assert!(failure.message().contains("of 3 dimensions, the question has 256"), "{failure}");
}

#[tokio::test(start_paused = true)]
async fn a_search_has_a_time_limit_on_all_of_it() {
    for on in ["GET / ", "GET /collections", "/points/query"] {
        let host = Host::new();
        fill(&host.client(config())).await;
        let on = if on == "GET / " { "GET /" } else { on };
        host.service.fail(on, Answer::never());
        let qdrant = host.client(config().with_search_timeout(Duration::from_millis(300)));
        let start = Instant::now();
        let failure = qdrant.retrieve(&Query::new("dogs")).await.unwrap_err();
        assert_eq!(
            (failure.kind(), start.elapsed()),
            (ErrorKind::Timeout, Duration::from_millis(300))
        );
        assert!(failure.message().contains("300 ms"), "{failure}");
        assert_eq!(found(&qdrant, "dogs").await[0], "b#1", "the next one is answered");
    }
}

#[tokio::test(start_paused = true)]
async fn a_search_is_tried_again_once_and_only_at_once() {
    for (answer, attempts) in [
        (Answer::hang_up(), 2),
        (said(503, "starting"), 2),
        (said(503, "starting").with_header("retry-after", "1"), 1),
        (said(429, "slow down"), 1),
        (said(400, "no"), 1),
        (Answer::new(401), 1),
    ] {
        let host = Host::new();
        let qdrant = host.client(config());
        fill(&qdrant).await;
        host.service.fail("/points/query", answer.clone());
        let start = Instant::now();
        let outcome = qdrant.retrieve(&Query::new("dogs")).await;
        assert_eq!(outcome.is_ok(), attempts == 2, "{answer:?}");
        assert_eq!(host.asked("/points/query").len(), attempts, "{answer:?}");
        assert_eq!(start.elapsed(), Duration::ZERO);
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_is_tried_again_as_the_server_asks() {
    let waits = [10, 20].map(Duration::from_secs);
    for (on, lost, answer, waited, is_ok) in [
        ("/points?", false, said(429, "slow").with_header("retry-after", "40"), 40, true),
        ("/points?", false, said(429, "slow").with_header("retry-after", "90"), 0, false),
        ("/points?", false, said(503, "starting"), 10, true),
        ("/points/delete", false, said(500, "oops"), 10, true),
        ("/points?", true, Answer::hang_up(), 10, true),
        ("/points/delete", true, Answer::hang_up(), 10, true),
        ("/points?", false, said(400, "no"), 0, false),
    ] {
        let host = Host::new();
        let qdrant = host.client(config().with_retry_after(waits));
        fill(&qdrant).await;
        if lost {
            // The connection that is kept is tried first, then a new one.
            host.service.lose(on);
            host.service.lose(on);
        } else {
            host.service.fail(on, answer.clone());
        }
        let start = Instant::now();
        let outcome = qdrant.delete("b").await;
        assert_eq!(outcome.is_ok(), is_ok, "{on} {answer:?} {outcome:?}");
        assert_eq!(start.elapsed(), Duration::from_secs(waited), "{on} {answer:?}");
        if is_ok {
            assert_eq!(host.service.count("kb"), Some(3));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_key_is_sent_and_seen_nowhere() {
    let logs = Logs::catch();
    let host = Host::of(Service::new().with_key(KEY));
    let open = |url: &str, key: &str| {
        let mut settings = config().with_api_key(key);
        url.clone_into(&mut settings.url);
        host.client(settings)
    };
    let qdrant = open("https://qdrant.test", KEY);
    assert!(!logs.text().contains("without TLS"));
    let qdrant_in_clear = open("http://qdrant.test", KEY);
    assert!(logs.text().contains("without TLS"));
    drop(qdrant);
    fill(&qdrant_in_clear).await;
    assert!(host.server.asked().iter().all(|asked| asked.header("api-key") == KEY));
    let echo = format!("the key {KEY} is bad");
    host.service.fail("/points/query", said(400, &echo));
    let failure = qdrant_in_clear.retrieve(&Query::new("dogs")).await.unwrap_err();
    let wrong = open("http://qdrant.test", "another-key-of-some-length");
    let refused = wrong.ensure().await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unauthenticated);
    let settings = config().with_api_key(KEY);
    let seen = format!(
        "{failure} {failure:?} {refused:?} {qdrant_in_clear:?} {settings:?} {} {}",
        serde_json::to_string(&settings).unwrap(),
        logs.text()
    );
    assert!(!seen.contains(KEY) && !seen.contains("another-key"), "{seen}");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_known_is_skipped() {
    let host = Host::new();
    let qdrant = host.client(config());
    fill(&qdrant).await;
    let answer = r#"{"result":{"points":[
        {"id":1,"version":1,"score":0.9},
        {"id":2,"score":0.8,"payload":null,"new":[]},
        {"id":3,"score":0.7,"payload":{"chunk":"c","document":"d"}},
        {"id":4,"score":0.6,"payload":{"chunk":"c","document":"d","text":"Dogs.","metadata":{"n":5,"x":[]},"more":{}}},
        {"id":5,"score":0.5,"payload":{"text":"Cats.","chunk":7}}
    ],"more":1},"status":"ok","time":0.1,"usage":{"hardware":null}}"#;
    host.service.fail("/points/query", Answer::json(200, answer));
    let passages = qdrant.retrieve(&Query::new("dogs")).await.unwrap();
    let seen: Vec<(&str, &str)> =
        passages.iter().map(|passage| (passage.id.as_str(), passage.text.as_str())).collect();
    assert_eq!(seen, [("c", "Dogs."), ("5", "Cats.")]);
    assert_eq!(passages[0].metadata["n"], "5");
}

#[tokio::test(start_paused = true)]
async fn one_client_is_shared_by_many() {
    let host = Host::new();
    let qdrant = host.client(config());
    let mut writers = tokio::task::JoinSet::new();
    for nth in 0..50 {
        let qdrant = qdrant.clone();
        writers.spawn(async move {
            let chunk = chunk(&format!("{nth}#1"), &format!("{nth}"), &format!("word{nth}")).await;
            qdrant.upsert(vec![chunk]).await.unwrap();
            assert_eq!(found(&qdrant, &format!("word{nth}")).await[0], format!("{nth}#1"));
        });
    }
    while let Some(done) = writers.join_next().await {
        done.unwrap();
    }
    assert_eq!(qdrant.count().await.unwrap(), 50);
}

#[tokio::test]
async fn nobody_at_the_address_is_an_error_of_the_connection() {
    let embedder = Arc::new(FakeEmbedder::new());
    let qdrant = Qdrant::new(QdrantConfig::new("http://127.0.0.1:1", "kb"), embedder).unwrap();
    let failure = qdrant.retrieve(&Query::new("dogs")).await.unwrap_err();
    assert_eq!(failure.kind(), ErrorKind::Connection);
}
