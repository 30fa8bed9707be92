//! Keeping knowledge.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use voicekit_core::error::{ErrorKind, Result};
use voicekit_core::retrieve::{Index, Settled};
use voicekit_qdrant::Qdrant;
use voicekit_testkit::server::http::Answer;

use crate::service::{Host, chunk, config, fill, found};

#[tokio::test(start_paused = true)]
async fn writing_again_adds_nothing() {
    let host = Host::new();
    let qdrant = host.client(config());
    fill(&qdrant).await;
    let points = host.service.count("kb");
    fill(&qdrant).await;
    fill(&host.client(config())).await;
    // Three chunks and the markers of two documents.
    assert_eq!((points, host.service.count("kb")), (Some(5), Some(5)));
    assert_eq!(qdrant.count().await.unwrap(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_point_holds_what_the_chunk_says() {
    let host = Host::new();
    fill(&host.client(config())).await;
    let written = host.bodies("PUT /collections/kb/points");
    let marker = &written[0]["points"][0];
    assert_eq!(marker["vector"], json!({}));
    assert_eq!(
        marker["payload"],
        json!({"kind": "document", "tenant": "default", "document": "a", "fingerprint": ""})
    );
    let point = &written[1]["points"][0];
    assert_eq!(
        point["payload"],
        json!({"kind": "chunk", "tenant": "default", "document": "a", "chunk": "a#1",
            "headings": ["House", "Cars"], "section": "House › Cars",
            "text": "Parking is behind the house.", "metadata": {}})
    );
    assert_eq!(point["vector"]["dense"].as_array().unwrap().len(), 256);
    let words = &point["vector"]["bm25"];
    // Parking, is, behind, the, house, cars; house also stands above.
    let values: Vec<f64> =
        words["values"].as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect();
    assert_eq!((words["indices"].as_array().unwrap().len(), values.len()), (6, 6));
    let kinds: BTreeSet<String> = values.iter().map(|value| format!("{value:.3}")).collect();
    assert_eq!(kinds.len(), 3, "in the text, in a heading, in both: {kinds:?}");
}

#[tokio::test(start_paused = true)]
async fn batches_are_bounded_by_points_and_by_bytes() {
    let host = Host::new();
    let mut chunks = Vec::new();
    for nth in 0..10 {
        chunks.push(chunk(&format!("a#{nth}"), "a", "Parking is behind the house.").await);
    }
    let sizes = |from: usize| -> Vec<usize> {
        let bodies = host.bodies("PUT /collections/kb/points");
        bodies[from..].iter().map(|body| body["points"].as_array().unwrap().len()).collect()
    };
    host.client(config().with_batch(4, 1 << 20)).upsert(chunks.clone()).await.unwrap();
    assert_eq!(sizes(0), [1, 4, 4, 2]);
    for chunk in &mut chunks {
        chunk.text = "Parking is behind the house. ".repeat(1_000);
    }
    let most = 64 << 10;
    host.client(config().with_batch(100, most)).upsert(chunks.clone()).await.unwrap();
    assert_eq!(sizes(4), [1, 2, 2, 2, 2, 2]);
    let asked = host.asked("PUT /collections/kb/points");
    assert!(asked[5..].iter().all(|asked| asked.body.len() <= most));
    assert_eq!(host.service.count("kb"), Some(11));
    // What is too large for any request is refused before anything is written.
    chunks[9].text = "x".repeat(most);
    let before = host.server.asked().len();
    let refused = host.client(config().with_batch(100, most)).upsert(chunks).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Rejected);
    assert!(refused.message().contains("\"a#9\" has 6"), "{refused}");
    assert_eq!(host.lines(before), ["GET /", "GET /collections/kb"]);
}

#[tokio::test(start_paused = true)]
async fn settling_deletes_by_filter_what_is_not_named() {
    let host = Host::new();
    let qdrant = host.client(config());
    fill(&qdrant).await;
    let before = host.server.asked().len();
    qdrant.settle(Settled::new("a", "v2", ["a#2".to_owned(), "a#2".to_owned()])).await.unwrap();
    assert_eq!(
        host.lines(before),
        [
            "PUT /collections/kb/points?wait=true",
            "POST /collections/kb/points/delete?wait=true",
            "PUT /collections/kb/points?wait=true",
        ]
    );
    let body = &host.bodies("/points/delete")[2];
    assert_eq!(
        body["filter"]["must"],
        json!([
            {"key": "kind", "match": {"value": "chunk"}},
            {"key": "document", "match": {"value": "a"}},
            {"key": "tenant", "match": {"value": "default"}},
        ])
    );
    let stay = body["filter"]["must_not"][0]["has_id"].as_array().unwrap();
    assert_eq!(stay.len(), 1);
    assert_eq!(found(&qdrant, "parking breakfast").await, ["a#2", "b#1"]);
    assert_eq!(qdrant.documents().await.unwrap()["a"], "v2");
}

#[tokio::test(start_paused = true)]
async fn documents_are_listed_to_the_last_page() {
    let host = Host::new();
    let qdrant = host.client(config());
    assert!(qdrant.documents().await.unwrap().is_empty(), "there is no collection");
    assert_eq!(qdrant.count().await.unwrap(), 0);
    let mut chunks = Vec::new();
    for nth in 0..2_345 {
        chunks.push(chunk(&format!("{nth}#1"), &format!("{nth}"), "text").await);
    }
    qdrant.upsert(chunks).await.unwrap();
    let before = host.server.asked().len();
    assert_eq!(qdrant.documents().await.unwrap().len(), 2_345);
    assert_eq!(host.lines(before).len(), 3);
    // The first request looks at who has written the collection.
    let bodies = &host.bodies("/points/scroll")[1..];
    assert_eq!(bodies[0].get("offset"), None);
    assert!(bodies[1]["offset"].is_string() && bodies[1]["offset"] != bodies[2]["offset"]);
    // A server that leads in a circle is not followed for ever.
    let circle = r#"{"result": {"points": [], "next_page_offset": 7}}"#;
    host.service.fail("/points/scroll", Answer::json(200, circle));
    host.service.fail("/points/scroll", Answer::json(200, circle));
    assert_eq!(qdrant.documents().await.unwrap_err().kind(), ErrorKind::Protocol);
}

/// Whatever request is the last that is carried out, a document of which something is missing or too
/// much is not taken for whole, and none of which something is left goes unlisted.
#[tokio::test(start_paused = true)]
async fn breaking_off_anywhere_never_leaves_a_part_that_counts_as_a_whole() {
    let mut whole = BTreeSet::new();
    for last in 0..=10 {
        let host = Host::new();
        let qdrant = host.client(config().with_batch(1, 1 << 20).with_retry_after([]));
        fill(&qdrant).await;
        host.service.die_after(last);
        let outcome = renew(&qdrant).await;
        assert_eq!(outcome.is_ok(), last == 10, "{last} {outcome:?}");
        host.service.revive();
        let documents = host.client(config()).documents().await.unwrap();
        let texts = texts(&host);
        for (document, texts) in &texts {
            let old: &[&str] = match document.as_str() {
                "a" => &["Breakfast begins at seven.", "Parking is behind the house."],
                _ => &["Dogs are welcome."],
            };
            let new = ["Dinner begins at six.", "Parking is on the roof."];
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            match documents.get(document).map(String::as_str) {
                Some("") => {}
                Some("v1") => assert_eq!(texts, old, "{document} after {last}"),
                Some("v2") => assert_eq!(texts, new, "{document} after {last}"),
                other => panic!("{document} is {other:?} after {last}, with {texts:?}"),
            }
        }
        whole.extend(documents.into_iter().map(|(document, version)| document + &version));
    }
    assert_eq!(whole.into_iter().collect::<Vec<_>>(), ["a", "av1", "av2", "b", "bv1"]);
}

/// Writes a anew and deletes b.
async fn renew(qdrant: &Qdrant) -> Result<()> {
    let chunks = vec![
        chunk("a#1", "a", "Parking is on the roof.").await,
        chunk("a#2", "a", "Breakfast begins at eight.").await,
        chunk("a#3", "a", "Dinner begins at six.").await,
    ];
    qdrant.upsert(chunks).await?;
    qdrant.settle(Settled::new("a", "v2", ["a#1".to_owned(), "a#3".to_owned()])).await?;
    qdrant.delete("b").await
}

/// The texts of each document's chunks, in order.
fn texts(host: &Host) -> BTreeMap<String, BTreeSet<String>> {
    let mut texts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for payload in host.service.payloads("kb").iter().filter(|one| one["kind"] == "chunk") {
        let text = |field: &str| payload[field].as_str().unwrap().to_owned();
        texts.entry(text("document")).or_default().insert(text("text"));
    }
    texts
}

#[tokio::test(start_paused = true)]
async fn a_tenant_neither_lists_nor_deletes_what_is_anothers() {
    let host = Host::new();
    let [one, other, nobody] = [Some("one"), Some("other"), None].map(|tenant| {
        let mut settings = config();
        settings.tenant = tenant.map(str::to_owned);
        host.client(settings)
    });
    fill(&one).await;
    fill(&other).await;
    assert!(nobody.documents().await.unwrap().is_empty());
    other.delete("a").await.unwrap();
    nobody.delete("b").await.unwrap();
    assert_eq!(one.documents().await.unwrap().len(), 2);
    assert_eq!(other.documents().await.unwrap().len(), 1);
    assert_eq!((one.count().await.unwrap(), other.count().await.unwrap()), (3, 1));
    let has_tenant = |body: &Value| body["filter"]["must"].to_string().contains("tenant");
    // The first request looks at who has written the collection, which is empty.
    assert!(host.bodies("/points/scroll")[1..].iter().all(has_tenant));
}
