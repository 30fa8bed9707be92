//! Chunks as the points of a collection.
//!
//! A point's id is a UUID of version 5 (RFC 9562) of tenant and chunk, so that a chunk that is
//! written again takes its own place. A document is known by a point of its own, its *marker*,
//! which has no vector and is never found: its payload holds the fingerprint, empty while the document
//! is being written.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;
use serde_json::{Map, Value};
use sha1::{Digest, Sha1};
use voicekit_core::retrieve::Chunk;
use voicekit_core::retrieve::words::{self, Term};

/// The UUID of version 5 of `https://github.com/voicekit/voicekit/qdrant` as a URL.
const NAMESPACE: [u8; 16] = [
    0x3e, 0xa4, 0xab, 0x30, 0xf4, 0x05, 0x5b, 0x77, 0x90, 0x71, 0x63, 0x6e, 0x99, 0xc8, 0xa8, 0xae,
];

/// The usual values of BM25 (Robertson and Zaragoza, 2009); headings are short, so their length
/// counts less, and a word in one counts as two. As the embedded index of `voicekit-rag` has them.
const K1: f32 = 1.2;
const B: f32 = 0.75;
const B_HEADING: f32 = 0.3;
const HEADING: f32 = 2.0;

/// Words of a chunk and of its headings, which stand for the means that only the server could know:
/// between the 28 a passage of `voicekit-rag/tests/data/hotel` and the 130 or so that fit into the
/// 200 tokens of a chunk.
const MEAN_TEXT: f32 = 60.0;
const MEAN_HEADING: f32 = 5.0;

/// What a point is, in the payload's field `kind`.
pub(crate) const CHUNK: &str = "chunk";
pub(crate) const DOCUMENT: &str = "document";

#[derive(Serialize)]
pub(crate) struct Point<'a, P> {
    pub(crate) id: String,
    pub(crate) vector: Vectors<'a>,
    pub(crate) payload: P,
}

#[derive(Default, Serialize)]
pub(crate) struct Vectors<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    dense: Option<&'a [f32]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bm25: Option<Sparse>,
}

/// Words by their hashes.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Sparse {
    pub(crate) indices: Vec<Term>,
    pub(crate) values: Vec<f32>,
}

#[derive(Serialize)]
pub(crate) struct ChunkPayload<'a> {
    kind: &'static str,
    tenant: &'a str,
    document: &'a str,
    chunk: &'a str,
    headings: &'a [String],
    section: String,
    text: &'a str,
    metadata: &'a BTreeMap<String, String>,
}

#[derive(Serialize)]
pub(crate) struct MarkerPayload<'a> {
    kind: &'static str,
    tenant: &'a str,
    document: &'a str,
    fingerprint: &'a str,
}

pub(crate) fn of_chunk<'a>(
    tenant: &'a str,
    chunk: &'a Chunk,
    with_words: bool,
) -> Point<'a, ChunkPayload<'a>> {
    let words = with_words.then(|| words_of(chunk)).filter(|words| !words.indices.is_empty());
    Point {
        id: chunk_id(tenant, &chunk.id),
        vector: Vectors { dense: Some(chunk.embedding.values()), bm25: words },
        payload: ChunkPayload {
            kind: CHUNK,
            tenant,
            document: &chunk.document,
            chunk: &chunk.id,
            headings: &chunk.headings,
            section: chunk.headings.join(" › "),
            text: &chunk.text,
            metadata: &chunk.metadata,
        },
    }
}

pub(crate) fn marker<'a>(
    tenant: &'a str,
    document: &'a str,
    fingerprint: &'a str,
) -> Point<'a, MarkerPayload<'a>> {
    Point {
        id: marker_id(tenant, document),
        vector: Vectors::default(),
        payload: MarkerPayload { kind: DOCUMENT, tenant, document, fingerprint },
    }
}

pub(crate) fn chunk_id(tenant: &str, chunk: &str) -> String {
    uuid(&[CHUNK, tenant, chunk])
}

pub(crate) fn marker_id(tenant: &str, document: &str) -> String {
    uuid(&[DOCUMENT, tenant, document])
}

/// Whether a point with this payload was written by this crate.
pub(crate) fn is_own(payload: &Map<String, Value>) -> bool {
    let kind = payload.get("kind").and_then(Value::as_str);
    matches!(kind, Some(CHUNK | DOCUMENT)) && payload.contains_key("tenant")
}

/// Neither the kind nor the tenant holds a zero byte, so that no two lists of parts are one name.
fn uuid(parts: &[&str]) -> String {
    let name = parts.join("\0");
    let hash = Sha1::new().chain_update(NAMESPACE).chain_update(name).finalize();
    let mut text = String::with_capacity(36);
    for (at, byte) in hash.iter().take(16).enumerate() {
        let byte = match at {
            6 => byte & 0x0f | 0x50,
            8 => byte & 0x3f | 0x80,
            _ => *byte,
        };
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        // Writing into a text cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// How much each word of a chunk says, without how rare it is, which the server knows: BM25F over
/// headings and text.
fn words_of(chunk: &Chunk) -> Sparse {
    let mut counts: BTreeMap<Term, (f32, f32)> = BTreeMap::new();
    let (mut heading, mut text) = (0.0, 0.0);
    for term in chunk.headings.iter().flat_map(|heading| words::terms(heading)) {
        counts.entry(term).or_default().0 += 1.0;
        heading += 1.0;
    }
    for term in words::terms(&chunk.text) {
        counts.entry(term).or_default().1 += 1.0;
        text += 1.0;
    }
    let heading = 1.0 - B_HEADING + B_HEADING * heading / MEAN_HEADING;
    let text = 1.0 - B + B * text / MEAN_TEXT;
    let weigh = |(in_heading, in_text): (f32, f32)| {
        let weight = HEADING * in_heading / heading + in_text / text;
        weight * (K1 + 1.0) / (K1 + weight)
    };
    let (indices, values) = counts.into_iter().map(|(term, count)| (term, weigh(count))).unzip();
    Sparse { indices, values }
}

/// The words that a question asks for, each once.
pub(crate) fn words_of_question(text: &str) -> Sparse {
    let indices = words::question(text);
    Sparse { values: vec![1.0; indices.len()], indices }
}

#[cfg(test)]
mod tests {
    use voicekit_core::retrieve::Embedding;

    use super::*;

    #[test]
    fn ids_are_uuids_of_version_5() {
        // By Python's uuid.uuid5 with the same namespace.
        assert_eq!(chunk_id("default", "a#1"), "28862de8-2891-5538-81e3-182e0c40a799");
        assert_ne!(chunk_id("a", "b"), chunk_id("b", "a"));
        assert_ne!(chunk_id("a", "b"), marker_id("a", "b"));
    }

    #[test]
    fn words_in_headings_or_said_again_count_more_with_a_limit() {
        let chunk = |text: &str| Chunk::new("a", "a", text, Embedding::new(vec![1.0]));
        let value = |chunk: &Chunk| {
            let words = words_of(chunk);
            let term = words_of_question("parking").indices[0];
            words.values[words.indices.iter().position(|own| *own == term).unwrap()]
        };
        let once = value(&chunk("parking here"));
        let twice = value(&chunk("parking parking here"));
        let headed = value(&chunk("parking here").with_headings(["Parking".to_owned()]));
        let many = value(&chunk(&"parking ".repeat(500)));
        assert!(
            once < twice && once < headed && twice < many && many < K1 + 1.0,
            "{once} {twice} {headed} {many}"
        );
    }
}
