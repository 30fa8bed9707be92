//! Putting passages into a better order by looking at their sentences.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use voicekit_core::error::Result;
use voicekit_core::retrieve::{Embedder, Embedding, Passage, Query, Reranker};
use voicekit_core::text::essence;

use crate::SECTION;
use crate::split::plain_sentences;

/// Compares the question with each passage as a whole, with its heading and with each of its
/// sentences.
///
/// A passage says several things, and its embedding is their mean; a caller asks for one. The score
/// is the mean of the cosines with the passage in context (weight 1), its best sentence under its
/// heading (1), the heading alone (½) and the text alone (½).
///
/// The parts of a passage are embedded when it is first seen, five or six texts, and kept for the
/// next question, of up to [`KEPT`](Self::KEPT) passages. Until then a question costs its
/// candidates' parts, which a [`Lookup`](crate::Lookup)'s deadline may not wait for:
/// [`prepare`](Self::prepare) embeds them ahead.
pub struct CrossCheck {
    embedder: Arc<dyn Embedder>,
    seen: Mutex<BTreeMap<String, Arc<Parts>>>,
}

/// The meanings of a passage.
struct Parts {
    /// What they are of: a passage may change under its id.
    text: String,
    in_context: Embedding,
    heading: Embedding,
    alone: Embedding,
    sentences: Vec<Embedding>,
}

impl fmt::Debug for CrossCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CrossCheck").field("embedder", &self.embedder).finish_non_exhaustive()
    }
}

impl CrossCheck {
    /// The most passages whose parts are kept: of 384 dimensions, some 10 kB each.
    pub const KEPT: usize = 10_000;
    /// The most sentences of a passage that are looked at.
    const SENTENCES: usize = 16;

    /// With the meanings that `embedder` sees.
    pub fn new(embedder: Arc<dyn Embedder>) -> Self {
        Self { embedder, seen: Mutex::default() }
    }

    /// Embeds the parts of `passages` that have not been seen.
    ///
    /// # Errors
    ///
    /// What the embedder fails with.
    pub async fn prepare(&self, passages: &[Passage]) -> Result<()> {
        for passage in passages {
            self.parts(passage).await?;
        }
        Ok(())
    }

    async fn parts(&self, passage: &Passage) -> Result<Arc<Parts>> {
        let seen = || self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let known = seen().get(&passage.id).filter(|parts| parts.text == passage.text).cloned();
        if let Some(parts) = known {
            return Ok(parts);
        }
        let parts = Arc::new(self.embed(passage).await?);
        let mut seen = seen();
        if seen.len() >= Self::KEPT {
            seen.clear();
        }
        seen.insert(passage.id.clone(), Arc::clone(&parts));
        Ok(parts)
    }

    async fn embed(&self, passage: &Passage) -> Result<Parts> {
        let section = passage.metadata.get(SECTION).map_or("", String::as_str);
        let path = section.replace(" › ", ", ");
        let heading = section.rsplit(" › ").next().unwrap_or_default();
        let under = |heading: &str, text: &str| {
            if heading.is_empty() { text.to_owned() } else { format!("{heading}: {text}") }
        };
        let about = if heading.is_empty() { &passage.text } else { heading };
        let mut texts = vec![under(&path, &passage.text), about.to_owned(), passage.text.clone()];
        let sentences = plain_sentences(&passage.text).into_iter().take(Self::SENTENCES);
        texts.extend(sentences.map(|sentence| under(heading, &sentence)));
        let mut embeddings = self.embedder.embed(&texts).await?.into_iter();
        let nothing = || Embedding::new(Vec::new());
        let mut next = || embeddings.next().unwrap_or_else(nothing);
        let (in_context, heading, alone) = (next(), next(), next());
        let sentences = embeddings.collect();
        Ok(Parts { text: passage.text.clone(), in_context, heading, alone, sentences })
    }
}

impl Parts {
    fn score(&self, question: &Embedding) -> f32 {
        let sentences = self.sentences.iter().map(|sentence| question.similarity(sentence));
        let best = sentences.reduce(f32::max).unwrap_or_default();
        let [whole, heading, alone] =
            [&self.in_context, &self.heading, &self.alone].map(|part| question.similarity(part));
        (whole + best + 0.5 * heading + 0.5 * alone) / 3.0
    }
}

#[async_trait]
impl Reranker for CrossCheck {
    async fn rerank(&self, query: &Query, mut passages: Vec<Passage>) -> Result<Vec<Passage>> {
        let Some(question) = self.embedder.embed(&[essence(&query.text)]).await?.pop() else {
            return Ok(passages);
        };
        for passage in &mut passages {
            passage.score = self.parts(passage).await?.score(&question);
        }
        passages.sort_by(|a, b| b.score.total_cmp(&a.score));
        Ok(passages)
    }
}
