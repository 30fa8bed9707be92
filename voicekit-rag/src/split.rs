//! Documents become chunks: whole sections where they fit, whole sentences where they do not.
//!
//! Blocks under the same headings are joined until the limit; what is longer is split between
//! sentences, and a sentence that is too long, between words. A chunk begins with the last
//! sentences of the one before it in the same section, so that what belongs together is found
//! together at least once.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use voicekit_core::text::{Clauses, ClausesConfig};

use crate::load::Block;

/// Counts the tokens of a text, as an embedding model reads it.
pub type Measure = Arc<dyn Fn(&str) -> usize + Send + Sync>;

/// Where documents are split.
#[derive(Clone)]
#[non_exhaustive]
pub struct SplitConfig {
    /// The most tokens of a chunk with its headings, at least 16. Default: 200, below the 256 that
    /// MiniLM reads by what the estimate may err.
    pub max_tokens: usize,
    /// The most tokens that a chunk repeats of the one before it, below half of `max_tokens`.
    /// Default: 30.
    pub overlap_tokens: usize,
    /// How tokens are counted. Default: [`estimate`].
    pub measure: Measure,
}

impl Default for SplitConfig {
    fn default() -> Self {
        Self { max_tokens: 200, overlap_tokens: 30, measure: Arc::new(estimate) }
    }
}

impl fmt::Debug for SplitConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SplitConfig")
            .field("max_tokens", &self.max_tokens)
            .field("overlap_tokens", &self.overlap_tokens)
            .finish_non_exhaustive()
    }
}

impl SplitConfig {
    /// Sets the most tokens of a chunk with its headings.
    #[must_use]
    pub fn with_max_tokens(mut self, tokens: usize) -> Self {
        self.max_tokens = tokens;
        self
    }

    /// Sets the most tokens that a chunk repeats of the one before it.
    #[must_use]
    pub fn with_overlap_tokens(mut self, tokens: usize) -> Self {
        self.overlap_tokens = tokens;
        self
    }

    /// Sets how tokens are counted.
    #[must_use]
    pub fn with_measure(mut self, measure: impl Fn(&str) -> usize + Send + Sync + 'static) -> Self {
        self.measure = Arc::new(measure);
        self
    }
}

/// A part of a document, not yet embedded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Piece {
    /// The headings above it, the document's title first.
    pub headings: Vec<String>,
    /// Its text.
    pub text: String,
}

impl Piece {
    /// What is embedded: the text after what it is about.
    pub fn in_context(&self) -> String {
        if self.headings.is_empty() {
            return self.text.clone();
        }
        format!("{}: {}", self.headings.join(", "), self.text)
    }
}

/// Splits the blocks of a document. No piece comes twice.
pub fn split(blocks: &[Block], config: &SplitConfig) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = blocks;
    while let Some(first) = rest.first() {
        let together =
            |block: &Block| !first.whole && !block.whole && block.headings == first.headings;
        let count = 1 + rest[1..].iter().take_while(|block| together(block)).count();
        let (section, after) = rest.split_at(count);
        add_section(section, config, &mut pieces);
        rest = after;
    }
    let mut seen = BTreeSet::new();
    pieces.retain(|piece: &Piece| seen.insert((piece.headings.clone(), piece.text.clone())));
    pieces
}

fn add_section(section: &[Block], config: &SplitConfig, pieces: &mut Vec<Piece>) {
    let Some(first) = section.first() else { return };
    let limit = config.max_tokens.max(16);
    let heading = (config.measure)(&first.headings.join(", "));
    let room = limit.saturating_sub(heading).max(limit / 2);
    let overlap = config.overlap_tokens.min(room / 2);
    let lines = section.iter().flat_map(|block| block.text.lines());
    let sentences = lines.flat_map(|line| sentences(line, room, config));
    let mut packed: Vec<(String, usize)> = Vec::new();
    let mut tokens = 0;
    let mut fresh = false;
    let mut emit = |packed: &[(String, usize)]| {
        let text: Vec<&str> = packed.iter().map(|(sentence, _)| sentence.as_str()).collect();
        let text = text.join(" ");
        pieces.push(Piece { headings: first.headings.clone(), text });
    };
    for (sentence, size) in sentences {
        if fresh && tokens + size > room {
            emit(&packed);
            // The tail that is repeated must leave room for what comes.
            let spare = overlap.min(room.saturating_sub(size));
            let mut kept = 0;
            let tail = packed.iter().rev().take_while(|(_, size)| {
                kept += size;
                kept <= spare
            });
            let keep = tail.count();
            packed.drain(..packed.len() - keep);
            tokens = packed.iter().map(|(_, size)| size).sum();
        }
        tokens += size;
        packed.push((sentence, size));
        fresh = true;
    }
    if fresh {
        emit(&packed);
    }
}

/// The sentences of `text`, line by line.
pub(crate) fn plain_sentences(text: &str) -> Vec<String> {
    let config = ClausesConfig::default().without_early_first();
    let mut clauses = Clauses::new(config.with_min_chars(1).with_max_chars(RUN));
    let mut sentences = Vec::new();
    for run in text.lines().flat_map(runs) {
        sentences.extend(clauses.push(run));
        sentences.extend(clauses.flush());
        clauses.reset();
    }
    let trimmed = sentences.into_iter().map(|sentence| sentence.trim().to_owned());
    trimmed.filter(|sentence| !sentence.is_empty()).collect()
}

/// The sentences of a line with their tokens, none above `room`.
fn sentences(line: &str, room: usize, config: &SplitConfig) -> Vec<(String, usize)> {
    let fit = |sentence: String| {
        let size = (config.measure)(&sentence);
        if size <= room { vec![(sentence, size)] } else { by_words(&sentence, room, config) }
    };
    plain_sentences(line).into_iter().flat_map(fit).collect()
}

/// The longest piece of a line in which sentences are looked for, in bytes.
const RUN: usize = 4096;

/// `line` in pieces of about [`RUN`] bytes, broken at white space where there is some.
fn runs(line: &str) -> Vec<&str> {
    let mut runs = Vec::new();
    let mut rest = line;
    while rest.len() > RUN {
        let end = rest.floor_char_boundary(RUN);
        let end = rest[..end].rfind(char::is_whitespace).filter(|at| *at > 0).unwrap_or(end);
        let (run, after) = rest.split_at(end);
        runs.push(run);
        rest = after;
    }
    runs.push(rest);
    runs
}

/// Words, as many at a time as fit. A word that does not fit by itself is cut.
fn by_words(sentence: &str, room: usize, config: &SplitConfig) -> Vec<(String, usize)> {
    let mut parts: Vec<(String, usize)> = Vec::new();
    let words = sentence.split_whitespace().flat_map(|word| {
        if (config.measure)(word) <= room {
            return vec![word.to_owned()];
        }
        let letters: Vec<char> = word.chars().collect();
        // Of eight letters, no model makes more than eight tokens.
        letters.chunks(8).map(|part| part.iter().collect()).collect()
    });
    for word in words {
        let size = (config.measure)(&word);
        match parts.last_mut() {
            Some((part, tokens)) if *tokens + size <= room => {
                part.push(' ');
                part.push_str(&word);
                *tokens += size;
            }
            _ => parts.push((word, size)),
        }
    }
    parts
}

/// About how many tokens `text` has: one for each six letters of a word, each punctuation mark and
/// each ideograph. Of English prose, word pieces are overestimated by a tenth.
pub fn estimate(text: &str) -> usize {
    let mut tokens = 0;
    let mut letters = 0_usize;
    for c in text.chars() {
        if c.is_alphanumeric() && (c as u32) < 0x2e80 {
            letters += 1;
            continue;
        }
        tokens += letters.div_ceil(6);
        letters = 0;
        tokens += usize::from(!c.is_whitespace());
    }
    tokens + letters.div_ceil(6)
}
