//! The caller's turn, over messages and over connections.

use std::time::Duration;

use voicekit_core::asr::{AsrEvent, Transcript};
use voicekit_net::Inbox;

use crate::wire;

/// What the caller's turn sounds like.
///
/// The service gives the whole turn so far with every message; it replaces what came before. What
/// was given as final although the turn goes on is counted in words, and left out from then on.
#[derive(Debug, Default)]
pub(crate) struct CallerTurn {
    /// Its number on this connection.
    pub(crate) order: Option<u64>,
    /// Its beginning has been told.
    pub(crate) is_open: bool,
    /// It is over, but for its formatted text.
    pub(crate) is_held: bool,
    /// Words of earlier connections.
    before: String,
    text: String,
    /// The words of `text`, with where each ends in the input.
    timed: Vec<(String, Duration)>,
    confidence: Option<f32>,
    /// How many words were given as final.
    given: usize,
    /// The text of the interim that stands.
    shown: Option<String>,
}

impl CallerTurn {
    /// Takes in what it sounds like now. A message takes no word back: one without words changes
    /// nothing, and an end with fewer of the same words does not either.
    pub(crate) fn hear(&mut self, said: &wire::Turn, from: &Inbox<'_, AsrEvent>) {
        let text = said.heard();
        if text.is_empty() || (said.end_of_turn && begins_with(&self.text, &text)) {
            return;
        }
        self.text = text;
        if said.words.is_empty() {
            return;
        }
        let timed = said.words.iter().filter_map(|word| {
            let end = from.position(word.end?);
            Some((word.text.trim().to_owned(), end))
        });
        self.timed = timed.collect();
        self.confidence = said.words.iter().filter_map(|word| word.confidence).reduce(f32::min);
    }

    /// What was not given as final yet.
    pub(crate) fn words(&self) -> Transcript {
        let mut words = Transcript::new(rest(&join(&self.before, &self.text), self.given));
        if !words.text.is_empty() {
            words.confidence = self.confidence;
            words.end = self.end();
        }
        words
    }

    /// Where its last word ends in the input.
    pub(crate) fn end(&self) -> Option<Duration> {
        self.timed.last().map(|(_, end)| *end)
    }

    /// What it sounds like, if that is not what was last shown.
    pub(crate) fn show(&mut self) -> Option<Transcript> {
        let words = self.words();
        if words.text == self.shown.as_deref().unwrap_or_default() {
            return None;
        }
        self.shown = Some(words.text.clone());
        Some(words)
    }

    /// What it was, if anybody has heard of it or is to.
    pub(crate) fn finish(&mut self) -> Option<Transcript> {
        let words = self.words();
        let was_shown = self.shown.take().is_some();
        self.given += words.text.split_whitespace().count();
        (was_shown || !words.text.is_empty()).then_some(words)
    }

    /// Whether nothing is left to be said about it.
    pub(crate) fn is_told(&self) -> bool {
        !self.is_open && !self.is_held && self.shown.is_none() && self.words().text.is_empty()
    }

    /// A new connection begins at `start`: what was said before that is not heard again. What was
    /// said after it stands until it is.
    pub(crate) fn keep_before(&mut self, start: Duration) {
        let earlier = self.timed.iter().take_while(|(_, end)| *end <= start).count();
        let earlier = self.timed.drain(..earlier);
        let count = earlier.len();
        self.before =
            earlier.fold(std::mem::take(&mut self.before), |all, (word, _)| join(&all, &word));
        self.text = rest(&self.text, count);
    }
}

/// The stretches of text as one.
fn join(first: &str, second: &str) -> String {
    match (first.trim(), second.trim()) {
        ("", text) | (text, "") => text.to_owned(),
        (first, second) => format!("{first} {second}"),
    }
}

/// Whether `text` has all words of `beginning`, and more, however they are written.
fn begins_with(text: &str, beginning: &str) -> bool {
    let words = |text: &str| -> Vec<String> {
        let words = text.split_whitespace().map(|word| {
            word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
        });
        words.collect()
    };
    let (text, beginning) = (words(text), words(beginning));
    text.len() > beginning.len() && text.starts_with(&beginning)
}

/// What is left of `text` after its first `words` words.
fn rest(text: &str, words: usize) -> String {
    text.split_whitespace().skip(words).collect::<Vec<_>>().join(" ")
}
