//! all-MiniLM-L6-v2: the meaning of a short text as a vector of 384 numbers.
//!
//! Reads the ONNX export of the sentence-transformers model, in 32-bit floats or quantised to
//! 8 bits (22.9 MB). The token vectors of the last layer are averaged and scaled to length one,
//! as the model's authors do. Texts are cut after 256 word pieces, about 200 words.
//!
//! Texts are embedded one at a time: the quantised model chooses its scales by the whole batch, so
//! that in a batch a text's embedding would depend on its neighbours.

use std::fmt;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use rten::{Model, ModelOptions, NodeId, Value, ValueOrView};
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_core::retrieve::{Embedder, Embedding};

use crate::inference::{self, Lane};
use crate::wordpiece::WordPiece;

/// The most word pieces of a text that count, from the model's `max_seq_length`.
const LONGEST: usize = 256;
/// Texts embedded before the lane is given up to others: about 0.1 s of work.
const BATCH: usize = 8;

/// The embedding model. Cloning shares it.
#[derive(Clone)]
pub struct MiniLm(Arc<Inner>);

struct Inner {
    model: Model,
    ids: NodeId,
    mask: NodeId,
    types: Option<NodeId>,
    output: NodeId,
    wordpiece: WordPiece,
}

impl fmt::Debug for MiniLm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MiniLm").finish_non_exhaustive()
    }
}

impl MiniLm {
    /// Loads the model from the ONNX file at `path`. Takes about a tenth of a second and blocks.
    ///
    /// # Errors
    ///
    /// `Config` if the file cannot be read or is not this model.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let onnx = fs::read(path).map_err(|error| {
            config(format!("{} cannot be read", path.display())).with_source(error)
        })?;
        Self::new(onnx)
    }

    /// The model in the ONNX file `onnx`. Takes about a tenth of a second and blocks.
    ///
    /// # Errors
    ///
    /// `Config` if the bytes are not this model.
    pub fn new(onnx: Vec<u8>) -> Result<Self> {
        let mut options = ModelOptions::with_all_ops();
        options.prepack_weights(true);
        let model = options
            .load(onnx)
            .map_err(|error| config("the model cannot be loaded".to_owned()).with_source(error))?;
        let node = |name: &str| {
            let lacking = || config(format!("the model has no value {name:?}"));
            model.find_node(name).ok_or_else(lacking)
        };
        Ok(Self(Arc::new(Inner {
            ids: node("input_ids")?,
            mask: node("attention_mask")?,
            types: model.find_node("token_type_ids"),
            output: node("last_hidden_state")?,
            wordpiece: WordPiece::bert_uncased(),
            model,
        })))
    }
}

#[async_trait]
impl Embedder for MiniLm {
    async fn embed(&self, texts: &[String]) -> Result<Vec<Embedding>> {
        let mut embeddings = Vec::with_capacity(texts.len());
        for batch in texts.chunks(BATCH) {
            let (inner, batch) = (self.0.clone(), batch.to_vec());
            let done = inference::run(move |lane| {
                batch.iter().map(|text| inner.embed(text, lane)).collect::<Result<Vec<_>>>()
            });
            embeddings.extend(done.await??);
        }
        Ok(embeddings)
    }
}

impl Inner {
    fn embed(&self, text: &str, lane: &Lane) -> Result<Embedding> {
        let ids = self.wordpiece.ids(text, LONGEST);
        let count = ids.len();
        let row = |values: Vec<i32>| {
            Value::from_shape([1, count], values).map(ValueOrView::Value).map_err(broken)
        };
        let mut inputs = vec![(self.ids, row(ids)?), (self.mask, row(vec![1; count])?)];
        if let Some(types) = self.types {
            inputs.push((types, row(vec![0; count])?));
        }
        let [output] =
            self.model.run_n(inputs, [self.output], Some(lane.options())).map_err(broken)?;
        let ([_, _, dimensions], tokens) = output.into_shape_vec::<f32, 3>().map_err(broken)?;
        let mut sum = vec![0.0; dimensions];
        for token in tokens.chunks_exact(dimensions.max(1)) {
            for (total, value) in sum.iter_mut().zip(token) {
                *total += value;
            }
        }
        Ok(Embedding::new(sum))
    }
}

fn config(message: String) -> Error {
    Error::new(ErrorKind::Config, "minilm", message)
}

fn broken(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::Internal, "minilm", "the model does not run").with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_files_are_refused() {
        let failure = MiniLm::new(b"not a model".to_vec()).unwrap_err();
        assert_eq!(failure.kind(), ErrorKind::Config);
        let failure = MiniLm::load("/nowhere/model.onnx").unwrap_err();
        assert!(failure.message().contains("/nowhere/model.onnx"), "{failure}");
    }
}
