//! Embeddings.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use voicekit_net::lenient;

use crate::config::{Dialect, EmbeddingConfig};

/// The most bytes of text in a request: see [`EmbeddingConfig::batch`].
const MOST_BYTES: usize = 300_000;

/// The body of `POST /embeddings`.
pub(crate) fn embedding_body(
    config: &EmbeddingConfig,
    dialect: Dialect,
    texts: &[String],
) -> Value {
    let encoding = match dialect {
        // A quarter of the size.
        Dialect::OpenAi | Dialect::Azure => "base64",
        Dialect::Groq | Dialect::Compatible => "float",
    };
    let mut body = json!({"model": config.model, "input": texts, "encoding_format": encoding});
    if let Some(dimensions) = config.dimensions {
        body["dimensions"] = json!(dimensions);
    }
    body
}

/// `texts` in runs that a request may have.
pub(crate) fn batches(texts: &[String], most: usize) -> Vec<&[String]> {
    let (mut batches, mut start, mut bytes) = (Vec::new(), 0, 0);
    for (at, text) in texts.iter().enumerate() {
        if at > start && (at - start == most || bytes + text.len() > MOST_BYTES) {
            batches.push(&texts[start..at]);
            (start, bytes) = (at, 0);
        }
        bytes += text.len();
    }
    if start < texts.len() {
        batches.push(&texts[start..]);
    }
    batches
}

/// The answer to `POST /embeddings`.
#[derive(Deserialize)]
pub(crate) struct Embeddings {
    data: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    #[serde(default, deserialize_with = "lenient::whole")]
    index: Option<u64>,
    embedding: Vector,
}

/// Numbers, or little-endian 32-bit floats in base64.
#[derive(Deserialize)]
#[serde(untagged)]
enum Vector {
    Numbers(Vec<f32>),
    Base64(String),
}

/// The vectors of `count` texts in the order of the texts, or what is wrong with the answer.
pub(crate) fn vectors(answer: Embeddings, count: usize) -> Result<Vec<Vec<f32>>, &'static str> {
    let mut vectors: Vec<Option<Vec<f32>>> = vec![None; count];
    for (at, item) in answer.data.into_iter().enumerate() {
        let index = item.index.map_or(Some(at), |index| usize::try_from(index).ok());
        let slot = index.and_then(|index| vectors.get_mut(index));
        let slot = slot.ok_or("there are more embeddings than texts")?;
        if slot.replace(item.embedding.values()?).is_some() {
            return Err("a text has two embeddings");
        }
    }
    vectors.into_iter().map(|vector| vector.ok_or("a text has no embedding")).collect()
}

impl Vector {
    fn values(self) -> Result<Vec<f32>, &'static str> {
        let values = match self {
            Self::Numbers(values) => values,
            Self::Base64(text) => {
                let bytes = STANDARD.decode(text).map_err(|_| "an embedding is not base64")?;
                let (values, rest) = bytes.as_chunks();
                if !rest.is_empty() {
                    return Err("an embedding is not whole 32-bit numbers");
                }
                values.iter().map(|value| f32::from_le_bytes(*value)).collect()
            }
        };
        let is_usable = !values.is_empty() && values.iter().all(|value| value.is_finite());
        if is_usable { Ok(values) } else { Err("an embedding is empty or not finite") }
    }
}
