//! The engine finds what the scripted server finds that the adapter for servers is checked against.

use std::collections::BTreeMap;
use std::sync::Arc;

use voicekit_core::retrieve::{Passage, Query, Retriever};
use voicekit_net::Connector;
use voicekit_qdrant::{Qdrant, QdrantConfig};
use voicekit_testkit::server::http::HttpServer;
use voicekit_testkit::server::provider::qdrant::Qdrant as Service;

use crate::folder::{Folder, Letters, fill, open};

const QUESTIONS: [&str; 5] = [
    "Where is parking?",
    "When does breakfast begin?",
    "Are dogs welcome in the house?",
    "Is there breakfast at the house?",
    "cars",
];

#[tokio::test]
async fn by_meaning_the_same_is_found_with_the_same_scores() {
    let folder = Folder::new();
    let edge = open(folder.config().by_meaning_alone()).await.unwrap();
    let server = server(QdrantConfig::new("http://qdrant.test:6333", "kb").by_meaning_alone());
    fill(&edge).await;
    fill(&server).await;
    compare(&edge, &server).await;
}

#[tokio::test]
async fn with_words_the_same_is_found_with_the_same_ranks() {
    let folder = Folder::new();
    let edge = folder.open().await;
    let server = server(QdrantConfig::new("http://qdrant.test:6333", "kb"));
    fill(&edge).await;
    fill(&server).await;
    compare(&edge, &server).await;
}

#[tokio::test]
async fn a_threshold_cuts_what_is_found_by_meaning_alone() {
    let folder = Folder::new();
    let edge = open(folder.config().with_score_threshold(0.99)).await.unwrap();
    fill(&edge).await;
    let question = Query::new("Where is parking?");
    assert_eq!(edge.retrieve(&question).await.unwrap()[0].id, "a#1");
    drop(edge);
    let strict = folder.config().with_score_threshold(0.99).by_meaning_alone();
    assert!(open(strict).await.unwrap().retrieve(&question).await.unwrap().is_empty());
}

fn server(config: QdrantConfig) -> Qdrant {
    let service = Service::new();
    let server = Arc::new(HttpServer::in_memory_answering(move |asked| service.answer(asked)));
    let connector = Connector::new().unwrap().with_pipe(move || server.connect());
    Qdrant::with_connector(config, Arc::new(Letters), connector).unwrap()
}

async fn compare(edge: &impl Retriever, server: &impl Retriever) {
    for question in QUESTIONS {
        let plain = Query::new(question).with_limit(100);
        let filtered = plain.clone().with_filter("site.de", "north");
        let section = plain.clone().with_filter("section", "House › Cars");
        for query in [plain, filtered, section] {
            let ours = by_id(edge.retrieve(&query).await.unwrap());
            let theirs = by_id(server.retrieve(&query).await.unwrap());
            assert_eq!(ours.len(), theirs.len(), "{query:?}: {ours:?} {theirs:?}");
            for (one, other) in ours.values().zip(theirs.values()) {
                assert_eq!((&one.id, &one.text), (&other.id, &other.text));
                assert_eq!(one.metadata, other.metadata);
                assert!((one.score - other.score).abs() < 1e-4, "{query:?}: {one:?} {other:?}");
            }
        }
    }
}

fn by_id(passages: Vec<Passage>) -> BTreeMap<String, Passage> {
    passages.into_iter().map(|passage| (passage.id.clone(), passage)).collect()
}
