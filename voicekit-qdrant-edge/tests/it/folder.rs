//! A directory that is gone when the test is over, and what is written to it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use voicekit_core::error::Result;
use voicekit_core::retrieve::{Chunk, Embedder, Embedding, Index, Query, Retriever, Settled};
use voicekit_qdrant_edge::{EdgeConfig, QdrantEdge};

pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("voicekit-qdrant-edge-{}-{number}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn config(&self) -> EdgeConfig {
        EdgeConfig::new(&self.0)
    }

    pub(crate) async fn open(&self) -> QdrantEdge {
        open(self.config()).await.unwrap()
    }

    /// What a process that dies now leaves behind.
    pub(crate) fn copy(&self) -> Self {
        let copy = Self::new();
        copy_all(&self.0, &copy.0);
        copy
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (from, to) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if from.is_dir() {
            copy_all(&from, &to);
        } else {
            fs::copy(&from, &to).unwrap();
        }
    }
}

/// How often each letter occurs: no two passages are as far from a question, so that ranks are
/// certain.
#[derive(Debug)]
pub(crate) struct Letters;

#[async_trait]
impl Embedder for Letters {
    async fn embed(&self, texts: &[String]) -> Result<Vec<Embedding>> {
        let count = |text: &String, letter| text.to_lowercase().matches(letter).count() as f32;
        let values = |text| ('a'..='z').map(|letter| count(text, letter)).collect();
        Ok(texts.iter().map(|text| Embedding::new(values(text))).collect())
    }
}

pub(crate) async fn open(config: EdgeConfig) -> Result<QdrantEdge> {
    QdrantEdge::open(config, Arc::new(Letters)).await
}

pub(crate) async fn chunk(id: &str, document: &str, text: &str) -> Chunk {
    let embedding = Letters.embed(&[text.to_owned()]).await.unwrap().remove(0);
    Chunk::new(id, document, text, embedding)
}

/// Two documents, settled.
pub(crate) async fn fill(index: &impl Index) {
    let parking = chunk("a#1", "a", "Parking is behind the house.").await;
    let parking = parking.with_headings(["House".to_owned(), "Cars".to_owned()]);
    let breakfast = chunk("a#2", "a", "Breakfast begins at seven.").await;
    index.upsert(vec![parking, breakfast]).await.unwrap();
    let ids = ["a#1".to_owned(), "a#2".to_owned()];
    index.settle(Settled::new("a", "v1", ids)).await.unwrap();
    let dogs = chunk("b#1", "b", "Dogs are welcome.").await.with_metadata("site.de", "north");
    index.upsert(vec![dogs]).await.unwrap();
    index.settle(Settled::new("b", "v1", ["b#1".to_owned()])).await.unwrap();
}

/// The ids of all that is found, in order of ids.
pub(crate) async fn all(retriever: &impl Retriever) -> Vec<String> {
    let wide = Query::new("parking, breakfast and dogs").with_limit(100);
    let mut ids: Vec<String> =
        retriever.retrieve(&wide).await.unwrap().into_iter().map(|passage| passage.id).collect();
    ids.sort();
    ids
}

pub(crate) async fn documents(index: &impl Index) -> Vec<(String, String)> {
    index.documents().await.unwrap().into_iter().collect()
}

pub(crate) fn pairs(documents: &[(&str, &str)]) -> Vec<(String, String)> {
    let pair = |(name, version): &(&str, &str)| ((*name).to_owned(), (*version).to_owned());
    documents.iter().map(pair).collect()
}
