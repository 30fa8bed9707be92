//! Knowledge: questions in, passages out.

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::error::Result;

/// Finds what is known about a question.
///
/// # Contract
///
/// 1. Passages come best first, at most [`Query::limit`], and none twice.
/// 2. Nothing found is an empty answer, not an error.
/// 3. Dropping the future cancels the search.
#[async_trait]
pub trait Retriever: fmt::Debug + Send + Sync + 'static {
    /// The passages that fit `query`.
    ///
    /// # Errors
    ///
    /// Any [`ErrorKind`](crate::error::ErrorKind).
    async fn retrieve(&self, query: &Query) -> Result<Vec<Passage>>;
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

/// What to look for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Query {
    /// The question, as the caller asked it.
    pub text: String,
    /// The most passages wanted. Default: 4.
    pub limit: usize,
}

impl Query {
    /// A query for `text`, with the defaults.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), limit: 4 }
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
