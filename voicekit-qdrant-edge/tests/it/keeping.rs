//! What is on the disk, and when.

use std::fs;
use std::sync::Arc;

use async_trait::async_trait;
use voicekit_core::error::{ErrorKind, Result};
use voicekit_core::retrieve::{Embedder, Embedding, Index, Query, Retriever, Settled};
use voicekit_qdrant_edge::QdrantEdge;

use crate::folder::{Folder, all, chunk, documents, fill, open, pairs};

const ALL: [&str; 3] = ["a#1", "a#2", "b#1"];

#[tokio::test]
async fn what_was_written_is_there_when_the_directory_is_opened_again() {
    let folder = Folder::new();
    let edge = folder.open().await;
    fill(&edge).await;
    let question = Query::new("Where is parking?").with_limit(100);
    let before = edge.retrieve(&question).await.unwrap();
    drop(edge);
    let edge = folder.open().await;
    assert_eq!(documents(&edge).await, pairs(&[("a", "v1"), ("b", "v1")]));
    assert_eq!(edge.retrieve(&question).await.unwrap(), before);
    assert_eq!(edge.count().await.unwrap(), 3);
    fill(&edge).await;
    assert_eq!(all(&edge).await, ALL);
    edge.delete("a").await.unwrap();
    drop(edge);
    assert_eq!(all(&folder.open().await).await, ["b#1"]);
}

#[tokio::test]
async fn a_process_that_dies_loses_nothing_that_was_written() {
    let folder = Folder::new();
    let edge = folder.open().await;
    fill(&edge).await;
    let dead = folder.copy();
    let copy = dead.open().await;
    assert_eq!(documents(&copy).await, pairs(&[("a", "v1"), ("b", "v1")]));
    assert_eq!(all(&copy).await, ALL);
    edge.delete("a").await.unwrap();
    let dead = folder.copy();
    let copy = dead.open().await;
    assert_eq!(documents(&copy).await, pairs(&[("b", "v1")]));
    assert_eq!(all(&copy).await, ["b#1"]);
}

#[tokio::test]
async fn a_process_that_dies_midway_leaves_a_document_that_is_written_again() {
    let folder = Folder::new();
    let edge = folder.open().await;
    fill(&edge).await;
    let roof = chunk("a#3", "a", "Parking is on the roof.").await;
    edge.upsert(vec![roof.clone()]).await.unwrap();
    let dead = folder.copy();
    drop(edge);
    let copy = dead.open().await;
    assert_eq!(documents(&copy).await, pairs(&[("a", ""), ("b", "v1")]));
    assert_eq!(all(&copy).await, ["a#1", "a#2", "a#3", "b#1"]);
    copy.upsert(vec![roof]).await.unwrap();
    copy.settle(Settled::new("a", "v2", ["a#3".to_owned()])).await.unwrap();
    assert_eq!(documents(&copy).await, pairs(&[("a", "v2"), ("b", "v1")]));
    assert_eq!(all(&copy).await, ["a#3", "b#1"]);
}

#[tokio::test]
async fn a_process_that_dies_before_anything_was_written_leaves_a_directory_to_begin_with() {
    let folder = Folder::new();
    for name in ["wal", "segments"] {
        fs::create_dir_all(folder.path().join(name)).unwrap();
    }
    let edge = folder.open().await;
    fill(&edge).await;
    assert_eq!(all(&edge).await, ALL);
}

#[tokio::test]
async fn tidying_up_changes_nothing_that_is_found() {
    let folder = Folder::new();
    let edge = folder.open().await;
    fill(&edge).await;
    edge.delete("b").await.unwrap();
    let before = all(&edge).await;
    edge.optimize().await.unwrap();
    assert_eq!(all(&edge).await, before);
    fill(&edge).await;
    assert_eq!(all(&edge).await, ALL);
}

#[tokio::test]
async fn nothing_of_another_tenant_is_found_listed_or_deleted() {
    let folder = Folder::new();
    let acme = open(folder.config().with_tenant("acme")).await.unwrap();
    fill(&acme).await;
    drop(acme);
    let edge = folder.open().await;
    assert!(all(&edge).await.is_empty() && documents(&edge).await.is_empty());
    assert_eq!(edge.count().await.unwrap(), 0);
    edge.delete("a").await.unwrap();
    edge.settle(Settled::new("b", "v2", Vec::new())).await.unwrap();
    drop(edge);
    let acme = open(folder.config().with_tenant("acme")).await.unwrap();
    assert_eq!(all(&acme).await, ALL);
    assert_eq!(documents(&acme).await, pairs(&[("a", "v1"), ("b", "v1")]));
}

#[tokio::test]
async fn where_nothing_was_written_there_is_nothing_and_no_directory_is_made() {
    let folder = Folder::new();
    let edge = folder.open().await;
    assert!(documents(&edge).await.is_empty());
    assert_eq!(edge.count().await.unwrap(), 0);
    edge.delete("a").await.unwrap();
    assert!(!edge.optimize().await.unwrap());
    let error = edge.retrieve(&Query::new("parking")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("ingest documents first"), "{error}");
    assert!(!folder.path().exists());
}

#[tokio::test]
async fn a_directory_of_something_else_is_left_alone() {
    let folder = Folder::new();
    fs::create_dir_all(folder.path()).unwrap();
    fs::write(folder.path().join("letters.txt"), "Dear").unwrap();
    let error = open(folder.config()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("letters.txt"), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn settings_that_are_wrong_are_named() {
    let folder = Folder::new();
    for (config, name) in [
        (folder.config().with_tenant(""), "tenant"),
        (folder.config().with_score_threshold(2.0), "score_threshold"),
        (folder.config().with_indexed(["a\"b"]), "indexed"),
    ] {
        let error = open(config).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[tokio::test]
async fn a_directory_that_is_open_is_not_opened_twice() {
    let folder = Folder::new();
    let edge = folder.open().await;
    fill(&edge).await;
    let error = open(folder.config()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal);
    assert_eq!(all(&edge).await, ALL);
}

#[tokio::test]
async fn a_question_of_another_embedder_is_refused() {
    #[derive(Debug)]
    struct Short;
    #[async_trait]
    impl Embedder for Short {
        async fn embed(&self, texts: &[String]) -> Result<Vec<Embedding>> {
            Ok(texts.iter().map(|_| Embedding::new(vec![1.0, 0.0])).collect())
        }
    }
    let folder = Folder::new();
    fill(&folder.open().await).await;
    let edge = QdrantEdge::open(folder.config(), Arc::new(Short)).await.unwrap();
    let error = edge.retrieve(&Query::new("parking")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("26"), "{error}");
}
