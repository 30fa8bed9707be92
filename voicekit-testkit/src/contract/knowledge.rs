//! What an index or a retriever is checked with: the house rules of a small hotel.

use std::sync::Arc;

use voicekit_core::retrieve::{Chunk, Embedder};

/// Id, document, text and the house that it is about.
const FACTS: &[(&str, &str, &str, &str)] = &[
    ("parking#1", "parking", "Parking is in the yard behind the house.", "north"),
    ("parking#2", "parking", "Parking costs nine euros a night.", "south"),
    ("food#1", "food", "Breakfast is served from seven to eleven.", "north"),
    ("food#2", "food", "Dinner has to be ordered before noon.", "south"),
    ("animals#1", "animals", "Dogs are welcome in every room.", "north"),
];

/// The metadata of a fact that says which house it is about.
pub(super) const HOUSE: &str = "house";

/// Knowledge that a [`Retriever`](voicekit_core::retrieve::Retriever) is to be filled with before its
/// contract is checked: five chunks of three documents, with a `house` in their metadata that is
/// `north` or `south`, embedded by `embedder`.
///
/// # Panics
///
/// If the embedder fails.
#[expect(clippy::expect_used, reason = "a test that cannot embed has failed")]
pub async fn knowledge(embedder: &Arc<dyn Embedder>) -> Vec<Chunk> {
    let texts: Vec<String> = FACTS.iter().map(|(_, _, text, _)| (*text).to_owned()).collect();
    let embeddings = embedder.embed(&texts).await.expect("the embedder works");
    let facts = FACTS.iter().zip(embeddings);
    let chunks = facts.map(|((id, document, text, house), embedding)| {
        Chunk::new(*id, *document, *text, embedding).with_metadata(HOUSE, *house)
    });
    chunks.collect()
}
