//! The contracts of the traits.

use std::sync::Arc;

use voicekit_core::retrieve::{Embedder, Index};
use voicekit_qdrant_edge::{EdgeConfig, QdrantEdge};
use voicekit_testkit::contract::{Subject, knowledge};
use voicekit_testkit::contract_tests;
use voicekit_testkit::fake::FakeEmbedder;

use crate::folder::Folder;

contract_tests! { index: Index = empty(|config| config).await, time: real }
contract_tests! {
    index_by_meaning: Index = empty(EdgeConfig::by_meaning_alone).await, time: real
}
contract_tests! {
    index_of_a_tenant: Index = empty(|config| config.with_tenant("acme")).await, time: real
}
contract_tests! {
    retriever: Retriever = filled(|config| config.with_indexed(["house"])).await,
    skip: { 3 => "a search that has begun ends within milliseconds; one that has not never does" },
    time: real
}
contract_tests! {
    retriever_by_meaning: Retriever = filled(EdgeConfig::by_meaning_alone).await,
    skip: { 3 => "a search that has begun ends within milliseconds; one that has not never does" },
    time: real
}

async fn open(config: EdgeConfig) -> QdrantEdge {
    QdrantEdge::open(config, Arc::new(FakeEmbedder::new())).await.unwrap()
}

/// What is asked of it keeps the directory.
async fn empty(set: impl FnOnce(EdgeConfig) -> EdgeConfig) -> Subject<QdrantEdge> {
    let folder = Folder::new();
    let edge = open(set(folder.config())).await;
    Subject::new(edge).with_requests(move || vec![folder.path().to_owned()])
}

async fn filled(set: impl FnOnce(EdgeConfig) -> EdgeConfig) -> Subject<QdrantEdge> {
    let folder = Folder::new();
    let edge = open(set(folder.config())).await;
    let embedder: Arc<dyn Embedder> = Arc::new(FakeEmbedder::new());
    edge.upsert(knowledge(&embedder).await).await.unwrap();
    Subject::new(edge).with_requests(move || vec![folder.path().to_owned()])
}
