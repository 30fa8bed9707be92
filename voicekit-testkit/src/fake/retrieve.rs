//! Knowledge that fits into a test.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::sleep;
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_core::retrieve::{Embedder, Embedding, Passage, Query, Retriever};

use super::journal::Journal;

/// Dimensions of a fake embedding: enough that a handful of words rarely collide.
const DIMENSIONS: usize = 256;

/// Texts with the same words are close: each word is hashed into one of 256 dimensions.
#[derive(Clone, Debug, Default)]
pub struct FakeEmbedder {
    failure: Option<ErrorKind>,
    journal: Journal<Vec<String>>,
}

impl FakeEmbedder {
    /// An embedder.
    pub fn new() -> Self {
        Self::default()
    }

    /// Fails every time.
    #[must_use]
    pub fn failing(mut self, kind: ErrorKind) -> Self {
        self.failure = Some(kind);
        self
    }

    /// What it was asked.
    pub fn journal(&self) -> &Journal<Vec<String>> {
        &self.journal
    }
}

#[async_trait]
impl Embedder for FakeEmbedder {
    async fn embed(&self, texts: &[String]) -> Result<Vec<Embedding>> {
        self.journal.open(texts.to_vec()).end();
        if let Some(kind) = self.failure {
            return Err(Error::new(kind, "fake-embedder", "failed by the test"));
        }
        Ok(texts.iter().map(|text| embedding(text)).collect())
    }
}

/// Finds passages by the words they share with the question. They have no metadata, so that a
/// query with a filter finds none.
#[derive(Clone, Debug, Default)]
pub struct FakeRetriever {
    passages: Vec<(String, String)>,
    delay: Duration,
    failure: Option<ErrorKind>,
    journal: Journal<Query>,
}

impl FakeRetriever {
    /// A retriever of these passages: id and text.
    pub fn new<I: Into<String>, T: Into<String>>(
        passages: impl IntoIterator<Item = (I, T)>,
    ) -> Self {
        let passages = passages.into_iter().map(|(id, text)| (id.into(), text.into())).collect();
        Self { passages, ..Self::default() }
    }

    /// How long a search takes. Default: no time.
    #[must_use]
    pub fn with_delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Fails every time.
    #[must_use]
    pub fn failing(mut self, kind: ErrorKind) -> Self {
        self.failure = Some(kind);
        self
    }

    /// What it was asked. A search that was dropped has the fate
    /// [`Dropped`](super::Fate::Dropped).
    pub fn journal(&self) -> &Journal<Query> {
        &self.journal
    }
}

#[async_trait]
impl Retriever for FakeRetriever {
    async fn retrieve(&self, query: &Query) -> Result<Vec<Passage>> {
        let page = self.journal.open(query.clone());
        sleep(self.delay).await;
        page.end();
        if let Some(kind) = self.failure {
            return Err(Error::new(kind, "fake-retriever", "failed by the test"));
        }
        let question = embedding(&query.text);
        let mut found: Vec<Passage> = self
            .passages
            .iter()
            .map(|(id, text)| Passage::new(id, text, question.similarity(&embedding(text))))
            .filter(|passage| passage.score > 0.0 && query.filter.is_empty())
            .collect();
        found.sort_by(|a, b| b.score.total_cmp(&a.score));
        found.truncate(query.limit);
        Ok(found)
    }
}

fn embedding(text: &str) -> Embedding {
    let words: BTreeSet<String> = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    let mut values = vec![0.0; DIMENSIONS];
    for word in words {
        // FNV-1a.
        let hash = word
            .bytes()
            .fold(0x811C_9DC5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        values[usize::from(hash.to_le_bytes()[0])] += 1.0;
    }
    Embedding::new(values)
}
