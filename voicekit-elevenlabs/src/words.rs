//! From the times of characters to words, and which part of a text has been spoken.

use std::collections::VecDeque;
use std::time::Duration;

use voicekit_core::tts::SpokenWord;

use crate::wire::Character;

/// How many words of the text may have been left out or written otherwise before a word that is
/// found again.
const LOOK_AHEAD: usize = 8;

/// Words that wait for their audio. More are not in the text of any reply.
const MOST_WAITING: usize = 4096;

/// The longest word, in bytes. Languages without spaces have none.
const LONGEST_WORD: usize = 1024;

/// A text that is being spoken.
#[derive(Debug, Default)]
pub(crate) struct Words {
    /// What was sent.
    text: String,
    /// Where in the text the words that are known by now end.
    known: usize,
    /// Where the words end that were taken.
    taken: usize,
    /// Words that were not taken yet, with where they end in the text.
    whole: VecDeque<(SpokenWord, usize)>,
    /// A word of which more may come.
    partial: Option<SpokenWord>,
}

impl Words {
    /// `text` goes to the service.
    pub(crate) fn sent(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// The next characters, in audio that starts at `base`.
    pub(crate) fn add(&mut self, base: Duration, characters: &[Character]) {
        for character in characters {
            if self.whole.len() >= MOST_WAITING {
                return;
            }
            let text = character.text.trim();
            if character.text.starts_with(char::is_whitespace) {
                self.complete();
            }
            if !text.is_empty() {
                let (start, end) = (base + character.start, base + character.end);
                let word = self.partial.get_or_insert_with(|| SpokenWord::new("", start, end));
                word.text.push_str(text);
                word.end = end;
                if character.text.ends_with(char::is_whitespace) || word.text.len() > LONGEST_WORD {
                    self.complete();
                }
            }
        }
        if self.partial.as_ref().is_some_and(|word| self.is_whole(&word.text)) {
            self.complete();
        }
    }

    /// No more of the word comes that has begun.
    pub(crate) fn complete(&mut self) {
        if let Some(word) = self.partial.take() {
            self.known = self.end_of(&word.text).unwrap_or(self.known);
            self.whole.push_back((word, self.known));
        }
    }

    /// When the first word begins that was not taken, if its time is known.
    pub(crate) fn first_untaken(&self) -> Option<Duration> {
        let whole = self.whole.front().map(|(word, _)| word.start);
        whole.or_else(|| self.partial.as_ref().map(|word| word.start))
    }

    /// The next whole word, if it begins before `end`.
    pub(crate) fn next_before(&mut self, end: Duration) -> Option<SpokenWord> {
        if self.whole.front()?.0.start >= end {
            return None;
        }
        let (word, taken) = self.whole.pop_front()?;
        self.taken = taken;
        Some(word)
    }

    /// Whether the times of any of this text are known.
    pub(crate) fn is_aligned(&self) -> bool {
        self.known > 0
    }

    /// Whether every word of the text has been taken.
    pub(crate) fn are_taken(&self) -> bool {
        self.partial.is_none() && !is_pronounceable(&self.text[self.taken..])
    }

    /// Forgets the text and gives the part of it whose words were not taken.
    pub(crate) fn rest(&mut self) -> String {
        let rest = self.text.split_off(self.taken);
        *self = Self::default();
        rest
    }

    /// Whether `word` is all of the word that comes next in the text. Where the text is of no
    /// help, a stop decides.
    fn is_whole(&self, word: &str) -> bool {
        let expected =
            self.text[self.known..].split_whitespace().find(|word| is_pronounceable(word));
        match expected {
            Some(expected) if expected == word => true,
            Some(expected) if expected.starts_with(word) => false,
            Some(_) | None => word.ends_with(['.', ',', '!', '?', ';', ':', '…', '。', '！', '？']),
        }
    }

    /// Where in the text the word ends that reads as `word`.
    fn end_of(&self, word: &str) -> Option<usize> {
        let wanted = letters(word);
        if wanted.is_empty() {
            return None;
        }
        let mut at = self.known;
        let words = self.text[at..].split_inclusive(char::is_whitespace).map(|word| {
            at += word.len();
            (word, at)
        });
        let mut words = words.filter(|(word, _)| !word.trim().is_empty()).take(LOOK_AHEAD);
        words.find(|(word, _)| letters(word) == wanted).map(|(_, end)| end)
    }
}

/// Whether there is anything to say in `text`.
pub(crate) fn is_pronounceable(text: &str) -> bool {
    text.chars().any(char::is_alphanumeric)
}

fn letters(word: &str) -> String {
    word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
