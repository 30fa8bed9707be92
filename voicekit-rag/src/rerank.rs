//! Putting passages into a better order by looking at their sentences and words.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use voicekit_core::error::Result;
use voicekit_core::retrieve::spoken::essence;
use voicekit_core::retrieve::words::is_common;
use voicekit_core::retrieve::{Embedding, Passage, Query, Reranker, WordEmbedder, Words};

use crate::SECTION;
use crate::split::plain_sentences;

/// Compares the question with each passage as a whole, with its heading, with each of its sentences
/// and word by word.
///
/// A passage says several things, and its embedding is their mean; a caller asks for one. Part of what
/// decides is how well the passage fits in pieces: the mean of the cosines with the passage in context
/// (weight 1), its best sentence under its heading (1), the heading alone (½) and the text alone (½).
/// The rest, one and a half times as much, is how well each word of the question is answered by some word of the
/// passage, each as it is meant in its place: late interaction (Khattab and Zaharia, 2020), with
/// embeddings that were not trained for it. It tells "the filling fell out" from "a new filling",
/// which have the same mean.
///
/// The parts of a passage are embedded when it is first seen, five or six texts, and kept for the
/// next question, of up to [`KEPT`](Self::KEPT) passages. Until then a question costs its
/// candidates' parts, which the deadline of a call may not wait for:
/// [`prepare`](Self::prepare) embeds them ahead.
pub struct CrossCheck {
    embedder: Arc<dyn WordEmbedder>,
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
    words: Vec<Fine>,
}

/// What counts for a passage in words beside what counts in parts.
const WORDS: f32 = 1.5;
/// What a word counts that every question has, beside one that says something.
const COMMON_WORD: f32 = 0.3;

/// A word's embedding in whole numbers: of 384 dimensions, a quarter of the memory.
struct Fine(Vec<i8>);

impl Fine {
    /// What length one becomes; a component is never longer.
    const SCALE: f32 = 127.0;

    fn new(embedding: &Embedding) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "no component is longer than one")]
        let whole = |value: &f32| (value * Self::SCALE).round() as i8;
        Self(embedding.values().iter().map(whole).collect())
    }

    fn similarity(&self, other: &Self) -> f32 {
        let products = self.0.iter().zip(&other.0).map(|(a, b)| i32::from(*a) * i32::from(*b));
        #[expect(clippy::cast_precision_loss, reason = "the scale squared has 14 bits")]
        let sum = products.sum::<i32>() as f32;
        sum / (Self::SCALE * Self::SCALE)
    }
}

/// A question with its words and what each counts.
struct Question {
    whole: Embedding,
    words: Vec<(Fine, f32)>,
}

impl Question {
    fn new(words: &Words) -> Self {
        let weight = |word: &str| if is_common(word) { COMMON_WORD } else { 1.0 };
        let weighed = words.words.iter().map(|(word, meaning)| (Fine::new(meaning), weight(word)));
        Self { whole: words.whole.clone(), words: weighed.collect() }
    }
}

impl fmt::Debug for CrossCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CrossCheck").field("embedder", &self.embedder).finish_non_exhaustive()
    }
}

impl CrossCheck {
    /// The most passages whose parts are kept: of 384 dimensions, some 40 kB each.
    pub const KEPT: usize = 2_000;
    /// The most sentences of a passage that are looked at.
    const SENTENCES: usize = 16;

    /// With the meanings that `embedder` sees.
    pub fn new(embedder: Arc<dyn WordEmbedder>) -> Self {
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
        let in_context = [under(&path, &passage.text)];
        let mut texts = vec![about.to_owned(), passage.text.clone()];
        let sentences = plain_sentences(&passage.text).into_iter().take(Self::SENTENCES);
        texts.extend(sentences.map(|sentence| under(heading, &sentence)));
        let whole = self.embedder.embed_words(&in_context).await?.pop();
        let Words { whole, words, .. } = whole.unwrap_or_else(nothing);
        let mut embeddings = self.embedder.embed(&texts).await?.into_iter();
        let mut next = || embeddings.next().unwrap_or_else(|| Embedding::new(Vec::new()));
        let (heading, alone) = (next(), next());
        let sentences = embeddings.collect();
        let words = words.iter().map(|(_, meaning)| Fine::new(meaning)).collect();
        Ok(Parts {
            text: passage.text.clone(),
            in_context: whole,
            heading,
            alone,
            sentences,
            words,
        })
    }
}

/// Words of a text of which nothing is known.
fn nothing() -> Words {
    Words::new(Embedding::new(Vec::new()), Vec::new())
}

impl Parts {
    fn score(&self, question: &Question) -> f32 {
        (self.in_parts(&question.whole) + WORDS * self.in_words(question)) / (1.0 + WORDS)
    }

    fn in_parts(&self, question: &Embedding) -> f32 {
        let sentences = self.sentences.iter().map(|sentence| question.similarity(sentence));
        let best = sentences.reduce(f32::max).unwrap_or_default();
        let [whole, heading, alone] =
            [&self.in_context, &self.heading, &self.alone].map(|part| question.similarity(part));
        (whole + best + 0.5 * heading + 0.5 * alone) / 3.0
    }

    fn in_words(&self, question: &Question) -> f32 {
        let best = |word: &Fine| {
            let fits = self.words.iter().map(|other| word.similarity(other));
            fits.reduce(f32::max).unwrap_or_default()
        };
        let fit: f32 = question.words.iter().map(|(word, weight)| weight * best(word)).sum();
        let all: f32 = question.words.iter().map(|(_, weight)| weight).sum();
        if all > 0.0 { fit / all } else { 0.0 }
    }
}

#[async_trait]
impl Reranker for CrossCheck {
    async fn rerank(&self, query: &Query, mut passages: Vec<Passage>) -> Result<Vec<Passage>> {
        let asked = self.embedder.embed_words(&[essence(&query.text)]).await?.pop();
        let question = Question::new(&asked.unwrap_or_else(nothing));
        for passage in &mut passages {
            passage.score = self.parts(passage).await?.score(&question);
        }
        passages.sort_by(|a, b| b.score.total_cmp(&a.score));
        Ok(passages)
    }
}
