//! What a collection holds, as JSON: for Qdrant's engine where it is not a server.
//!
//! `voicekit-qdrant-edge` keeps the same points, asks with the same filters and reads the same
//! payloads. This is what the two share, and no interface for others: it may change at any time.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use voicekit_core::error::{ErrorKind, Result};
use voicekit_core::retrieve::{Chunk, Passage};

use crate::point;
use crate::wire::{self, Condition, Found, Layout};
use crate::{QdrantConfig, error};

pub use crate::index::{NOBODY, dimensions};
pub use crate::search::{MOST, SPARE};
pub use crate::wire::{DENSE, WORDS};

/// The settings that are wrong.
///
/// # Errors
///
/// `Config` if there is one.
pub fn check(config: &QdrantConfig) -> Result<()> {
    config.check()
}

/// How a collection is described whose embeddings have `size` dimensions.
pub fn collection(config: &QdrantConfig, size: usize) -> Value {
    wire::create(config, size)
}

/// The payload indexes of a collection.
pub fn indexes(config: &QdrantConfig) -> impl Iterator<Item = Value> {
    wire::indexes(config).into_values()
}

/// A chunk as a point.
pub fn chunk(tenant: &str, chunk: &Chunk, with_words: bool) -> Value {
    json!(point::of_chunk(tenant, chunk, with_words))
}

/// A document's marker as a point.
pub fn marker(tenant: &str, document: &str, fingerprint: &str) -> Value {
    json!(point::marker(tenant, document, fingerprint))
}

/// The id of a document's marker.
pub fn marker_id(tenant: &str, document: &str) -> Value {
    point::marker_id(tenant, document).into()
}

/// The filter of a document's chunks, but for those that are to stay.
pub fn chunks_of(tenant: &str, document: &str, stay: &[String]) -> Value {
    wire::chunks_of(tenant, document, stay)
}

/// The filter of all chunks.
pub fn all_chunks(tenant: &str) -> Value {
    wire::all_chunks(tenant)
}

/// The filter of all markers.
pub fn all_markers(tenant: &str) -> Value {
    wire::all_markers(tenant)
}

/// The filter of a question.
///
/// # Errors
///
/// `Unsupported` if a key cannot be named.
pub fn filter(tenant: &str, metadata: &BTreeMap<String, String>) -> Result<Value> {
    let mut conditions = wire::metadata_filter(metadata, &Layout::Own)?;
    conditions.push(Condition::new("tenant", tenant));
    Ok(json!({ "must": conditions }))
}

/// The words of a question by their hashes, in order, with what each counts.
pub fn words(text: &str) -> (Vec<u32>, Vec<f32>) {
    let point::Sparse { indices, values } = point::words_of_question(text);
    let words: BTreeMap<u32, f32> = indices.into_iter().zip(values).collect();
    words.into_iter().unzip()
}

/// The passages that points with these scores and payloads are: best first, as many as `limit`,
/// none twice, all of them with what `filter` wants.
pub fn passages(
    points: impl IntoIterator<Item = (f32, Map<String, Value>)>,
    filter: &BTreeMap<String, String>,
    limit: usize,
) -> Vec<Passage> {
    Found::of(points).passages(&Layout::Own, filter, limit)
}

/// The document that a marker with this payload is of, and its fingerprint.
pub fn document(payload: &Map<String, Value>) -> Option<(String, String)> {
    wire::document(payload)
}

/// Why embeddings of `asked` dimensions cannot be looked for among those of `own`.
///
/// # Errors
///
/// `Config` if they differ.
pub fn compare(name: &str, own: usize, asked: usize) -> Result<()> {
    if own == asked {
        return Ok(());
    }
    let text = format!(
        "the collection {name:?} has embeddings of {own} dimensions, the question has {asked}: use \
         the embedder that wrote it, or ingest into another collection"
    );
    Err(error(ErrorKind::Config, text))
}

/// The documents that chunks are of.
pub fn documents_of(chunks: &[Chunk]) -> BTreeSet<&str> {
    chunks.iter().map(|chunk| chunk.document.as_str()).collect()
}
