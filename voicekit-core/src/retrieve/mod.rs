//! Knowledge: questions in, passages out.
//!
//! What all indexes share, so that the same question finds the same in each: [`spoken`] takes what
//! carries no meaning out of a question, [`words`] sees words as an index sees them.

pub mod spoken;
pub mod words;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::time::in_ms;

/// Where a passage's metadata says which document it is of.
pub const SOURCE: &str = "source";
/// Where a passage's metadata says under which headings it is.
pub const SECTION: &str = "section";

/// Finds what is known about a question.
///
/// # Contract
///
/// 1. Passages come best first, at most [`Query::limit`], and none twice.
/// 2. Nothing found is an empty answer, not an error.
/// 3. Dropping the future cancels the search.
/// 4. Every passage has all the metadata that [`Query::filter`] asks for.
#[async_trait]
pub trait Retriever: fmt::Debug + Send + Sync + 'static {
    /// The passages that fit `query`.
    ///
    /// # Errors
    ///
    /// Any [`ErrorKind`](crate::error::ErrorKind).
    async fn retrieve(&self, query: &Query) -> Result<Vec<Passage>>;
}

/// A retriever that is shared is a retriever.
#[async_trait]
impl<T: Retriever + ?Sized> Retriever for Arc<T> {
    async fn retrieve(&self, query: &Query) -> Result<Vec<Passage>> {
        (**self).retrieve(query).await
    }
}

/// Turns texts into vectors whose closeness is closeness of meaning.
///
/// # Contract
///
/// 1. One embedding a text, in the same order.
/// 2. Every embedding has the same number of dimensions and length one.
/// 3. The same text gives the same embedding.
#[async_trait]
pub trait Embedder: fmt::Debug + Send + Sync + 'static {
    /// The embeddings of `texts`.
    ///
    /// # Errors
    ///
    /// Any [`ErrorKind`](crate::error::ErrorKind).
    async fn embed(&self, texts: &[String]) -> Result<Vec<Embedding>>;
}

/// Turns texts into the vectors of their words, each as it is meant there.
///
/// # Contract
///
/// That of [`Embedder`], and:
///
/// 1. One [`Words`] a text, in the same order, whose `whole` is what [`Embedder::embed`] gives.
/// 2. Every word's embedding has as many dimensions as that, and length one.
#[async_trait]
pub trait WordEmbedder: Embedder {
    /// The words of `texts`.
    ///
    /// # Errors
    ///
    /// Any [`ErrorKind`](crate::error::ErrorKind).
    async fn embed_words(&self, texts: &[String]) -> Result<Vec<Words>>;
}

/// The meanings of a text and of its words.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Words {
    /// That of the text.
    pub whole: Embedding,
    /// Those of its words, or of the pieces that the model cuts words into; without what is no word.
    pub words: Vec<(String, Embedding)>,
}

impl Words {
    /// A text that means `whole`, with its words.
    pub fn new(whole: Embedding, words: Vec<(String, Embedding)>) -> Self {
        Self { whole, words }
    }
}

/// Keeps knowledge, for a [`Retriever`] to find.
///
/// Knowledge comes in documents, which are made of [`Chunk`]s. A document is written in any number
/// of batches and then settled, so that one whose writing broke off can be told from a whole one.
///
/// # Contract
///
/// 1. A chunk takes the place of the one with the same id. Sending a batch again changes nothing.
/// 2. A batch with an id twice, an embedding of other dimensions than those before, or none, is
///    refused with `Rejected` and changes nothing. After another error, any part of it may be kept.
/// 3. What has been written is found by searches that begin afterwards.
/// 4. Settling a document removes the chunks that it does not name.
/// 5. Deleting or settling a document that is not there is no error.
#[async_trait]
pub trait Index: fmt::Debug + Send + Sync + 'static {
    /// Writes `chunks`, of one document or of several.
    ///
    /// # Errors
    ///
    /// Any [`ErrorKind`](crate::error::ErrorKind).
    async fn upsert(&self, chunks: Vec<Chunk>) -> Result<()>;

    /// Says that a document is complete and what it consists of.
    ///
    /// # Errors
    ///
    /// Any [`ErrorKind`](crate::error::ErrorKind).
    async fn settle(&self, document: Settled) -> Result<()>;

    /// Removes a document with all its chunks, settled or not.
    ///
    /// # Errors
    ///
    /// Any [`ErrorKind`](crate::error::ErrorKind).
    async fn delete(&self, document: &str) -> Result<()>;

    /// The documents that are here with their fingerprints, which are empty where a document was
    /// not settled.
    ///
    /// # Errors
    ///
    /// Any [`ErrorKind`](crate::error::ErrorKind).
    async fn documents(&self) -> Result<BTreeMap<String, String>>;
}

/// Puts passages into a better order than the one they were found in.
///
/// # Contract
///
/// 1. The answer holds passages of the question and no other, none twice, best first, with new
///    scores. Some may be left out.
/// 2. Dropping the future cancels the work.
#[async_trait]
pub trait Reranker: fmt::Debug + Send + Sync + 'static {
    /// `passages`, best first for `query`.
    ///
    /// # Errors
    ///
    /// Any [`ErrorKind`](crate::error::ErrorKind).
    async fn rerank(&self, query: &Query, passages: Vec<Passage>) -> Result<Vec<Passage>>;
}

/// A piece of a document, to be kept in an [`Index`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Chunk {
    /// Its identity in the index.
    pub id: String,
    /// The document that it is of.
    pub document: String,
    /// What it is about, broadest first: the document's title, the headings above it.
    pub headings: Vec<String>,
    /// The text.
    pub text: String,
    /// What else is known about it.
    pub metadata: BTreeMap<String, String>,
    /// The meaning of headings and text.
    pub embedding: Embedding,
}

impl Chunk {
    /// A chunk without headings and metadata.
    pub fn new(
        id: impl Into<String>,
        document: impl Into<String>,
        text: impl Into<String>,
        embedding: Embedding,
    ) -> Self {
        Self {
            id: id.into(),
            document: document.into(),
            headings: Vec::new(),
            text: text.into(),
            metadata: BTreeMap::new(),
            embedding,
        }
    }

    /// Sets what it is about.
    #[must_use]
    pub fn with_headings(mut self, headings: impl Into<Vec<String>>) -> Self {
        self.headings = headings.into();
        self
    }

    /// Adds something that is known about it.
    #[must_use]
    pub fn with_metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.insert(key.into(), value.into());
        self
    }
}

/// A document that has been written whole.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settled {
    /// The document.
    pub document: String,
    /// What tells this version from another, never empty: a hash of its content.
    pub fingerprint: String,
    /// The ids of its chunks.
    pub chunks: Vec<String>,
}

impl Settled {
    /// A document that consists of `chunks`.
    pub fn new(
        document: impl Into<String>,
        fingerprint: impl Into<String>,
        chunks: impl Into<Vec<String>>,
    ) -> Self {
        Self { document: document.into(), fingerprint: fingerprint.into(), chunks: chunks.into() }
    }
}

/// What to look for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Query {
    /// The question, as the caller asked it.
    pub text: String,
    /// The most passages wanted. Default: 4.
    pub limit: usize,
    /// Metadata that a passage must have, value by value. Default: none.
    pub filter: BTreeMap<String, String>,
}

impl Query {
    /// A query for `text`, with the defaults.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), limit: 4, filter: BTreeMap::new() }
    }

    /// Sets the most passages wanted.
    #[must_use]
    pub fn with_limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Wants only passages whose metadata has `value` under `key`.
    #[must_use]
    pub fn with_filter(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.filter.insert(key.into(), value.into());
        self
    }
}

/// A piece of knowledge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Passage {
    /// Its identity in the store it came from.
    pub id: String,
    /// The text.
    pub text: String,
    /// How well it fits; comparable within one answer only.
    pub score: f32,
    /// What else is known about it: its source, its title.
    pub metadata: BTreeMap<String, String>,
}

impl Passage {
    /// A passage without metadata.
    pub fn new(id: impl Into<String>, text: impl Into<String>, score: f32) -> Self {
        Self { id: id.into(), text: text.into(), score, metadata: BTreeMap::new() }
    }
}

/// How looking something up for a reply went, for the call's trace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Consulted {
    /// Whether there was an answer.
    pub outcome: Outcome,
    /// Whether the search had begun before the caller had finished.
    pub anticipated: bool,
    /// How long the reply waited for it.
    #[serde(rename = "waited_ms", with = "in_ms")]
    pub waited: Duration,
    /// Where the passages are from that the reply was given, best first.
    pub origins: Vec<Origin>,
}

impl Consulted {
    /// A search that came to `outcome` and `passages`.
    pub fn new(outcome: Outcome, passages: &[Passage]) -> Self {
        let origins = passages.iter().map(Origin::of).collect();
        Self { outcome, anticipated: false, waited: Duration::ZERO, origins }
    }
}

/// Whether a search in a call had an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// It answered in time, perhaps with nothing.
    Found,
    /// The deadline passed.
    Late,
    /// The retriever failed.
    Failed,
    /// The retriever has failed before and is left alone for a while.
    Resting,
}

/// Where a passage is from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Origin {
    /// The passage's id.
    pub id: String,
    /// The document, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<String>,
    /// The headings, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub section: Option<String>,
    /// How well it fits.
    pub score: f32,
}

impl Origin {
    /// Where `passage` is from.
    pub fn of(passage: &Passage) -> Self {
        Self {
            id: passage.id.clone(),
            document: passage.metadata.get(SOURCE).cloned(),
            section: passage.metadata.get(SECTION).cloned(),
            score: passage.score,
        }
    }
}

/// A vector of length one.
#[derive(Clone, Debug, PartialEq)]
pub struct Embedding(Vec<f32>);

impl Embedding {
    /// Scales `values` to length one. A vector of zeros stays as it is.
    pub fn new(mut values: Vec<f32>) -> Self {
        let length = values.iter().map(|value| value * value).sum::<f32>().sqrt();
        if length > 0.0 {
            for value in &mut values {
                *value /= length;
            }
        }
        Self(values)
    }

    /// The components.
    pub fn values(&self) -> &[f32] {
        &self.0
    }

    /// The cosine of the angle between the two, −1 to 1; 0 if their dimensions differ.
    pub fn similarity(&self, other: &Self) -> f32 {
        if self.0.len() != other.0.len() {
            return 0.0;
        }
        self.0.iter().zip(&other.0).map(|(a, b)| a * b).sum()
    }
}
