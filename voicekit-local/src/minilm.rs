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
use futures::{StreamExt, TryStreamExt, stream};
use rten::{Model, ModelOptions, NodeId, Value, ValueOrView};
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_core::retrieve::{Embedder, Embedding, WordEmbedder, Words};

use crate::inference::{self, Lane};
use crate::wordpiece::WordPiece;

/// The most word pieces of a text that count, from the model's `max_seq_length`.
const LONGEST: usize = 256;
/// Texts embedded before the lane is given up to others: about 0.1 s of work.
const BATCH: usize = 8;
/// Texts of a job of bulk work: few, so that the cores end at about the same time.
const BULK: usize = 2;

/// The embedding model. Cloning shares it.
#[derive(Clone)]
pub struct MiniLm {
    inner: Arc<Inner>,
    is_bulk: bool,
}

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
        let inner = Arc::new(Inner {
            ids: node("input_ids")?,
            mask: node("attention_mask")?,
            types: model.find_node("token_type_ids"),
            output: node("last_hidden_state")?,
            wordpiece: WordPiece::bert_uncased(),
            model,
        });
        Ok(Self { inner, is_bulk: false })
    }

    /// Uses every core for each list of texts. For bulk work in a process without calls, such as an
    /// ingestion: by default, one core is left to the calls and a list is read by one core.
    #[must_use]
    pub fn with_all_cores(mut self) -> Self {
        self.is_bulk = true;
        self
    }
}

#[async_trait]
impl Embedder for MiniLm {
    async fn embed(&self, texts: &[String]) -> Result<Vec<Embedding>> {
        self.read_all(texts, |read| read.whole()).await
    }
}

#[async_trait]
impl WordEmbedder for MiniLm {
    /// The words are the model's word pieces; of a word in several, the later begin with `##`.
    async fn embed_words(&self, texts: &[String]) -> Result<Vec<Words>> {
        self.read_all(texts, |read| read.words()).await
    }
}

impl MiniLm {
    /// What `taken` takes of each text, in the order of the texts.
    async fn read_all<T, F>(&self, texts: &[String], taken: F) -> Result<Vec<T>>
    where
        T: Send + 'static,
        F: Fn(Reading<'_>) -> T + Copy + Send + 'static,
    {
        let (batch, jobs) = if self.is_bulk { (BULK, inference::cores()) } else { (BATCH, 1) };
        let batches: Vec<Vec<String>> = texts.chunks(batch).map(<[String]>::to_vec).collect();
        let done = stream::iter(batches).map(|batch| self.read(batch, taken)).buffered(jobs);
        let done: Vec<Vec<T>> = done.try_collect().await?;
        Ok(done.into_iter().flatten().collect())
    }

    async fn read<T, F>(&self, batch: Vec<String>, taken: F) -> Result<Vec<T>>
    where
        T: Send + 'static,
        F: Fn(Reading<'_>) -> T + Send + 'static,
    {
        let inner = self.inner.clone();
        let work = move |lane: &Lane| -> Result<Vec<T>> {
            batch.iter().map(|text| inner.read(text, lane).map(&taken)).collect()
        };
        match self.is_bulk {
            true => inference::run_in_bulk(work).await?,
            false => inference::run(work).await?,
        }
    }
}

/// What the model makes of a text: a vector for each of its pieces.
struct Reading<'a> {
    wordpiece: &'a WordPiece,
    ids: Vec<i32>,
    vectors: Vec<f32>,
    dimensions: usize,
}

impl Reading<'_> {
    fn vectors(&self) -> impl Iterator<Item = &[f32]> {
        self.vectors.chunks_exact(self.dimensions.max(1))
    }

    fn whole(&self) -> Embedding {
        let mut sum = vec![0.0; self.dimensions];
        for vector in self.vectors() {
            for (total, value) in sum.iter_mut().zip(vector) {
                *total += value;
            }
        }
        Embedding::new(sum)
    }

    fn words(&self) -> Words {
        let pieces = self.ids.iter().map(|&id| self.wordpiece.piece(id));
        let words = pieces.zip(self.vectors()).filter_map(|(piece, vector)| {
            let is_word = piece.chars().any(char::is_alphanumeric) && !piece.starts_with('[');
            is_word.then(|| (piece.to_owned(), Embedding::new(vector.to_vec())))
        });
        Words::new(self.whole(), words.collect())
    }
}

impl Inner {
    fn read(&self, text: &str, lane: &Lane) -> Result<Reading<'_>> {
        let ids = self.wordpiece.ids(text, LONGEST);
        let count = ids.len();
        let row = |values: Vec<i32>| {
            Value::from_shape([1, count], values).map(ValueOrView::Value).map_err(broken)
        };
        let mut inputs = vec![(self.ids, row(ids.clone())?), (self.mask, row(vec![1; count])?)];
        if let Some(types) = self.types {
            inputs.push((types, row(vec![0; count])?));
        }
        let [output] =
            self.model.run_n(inputs, [self.output], Some(lane.options())).map_err(broken)?;
        let ([_, _, dimensions], vectors) = output.into_shape_vec::<f32, 3>().map_err(broken)?;
        Ok(Reading { wordpiece: &self.wordpiece, ids, vectors, dimensions })
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
