//! WordPiece: text to the token ids that BERT models read.
//!
//! Follows the `bert-base-uncased` tokenizer: control characters dropped, lower case, accents
//! stripped, split at white space and punctuation (every CJK character by itself), then the
//! longest known piece first, with `##` before pieces inside a word.

use std::collections::BTreeMap;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Words longer than this are unknown, as in BERT's reference implementation.
const LONGEST_WORD: usize = 100;

/// A vocabulary of word pieces.
#[derive(Debug)]
pub(crate) struct WordPiece {
    pieces: BTreeMap<&'static str, i32>,
    /// The same by id.
    texts: Vec<&'static str>,
    unknown: i32,
    begin: i32,
    end: i32,
}

impl WordPiece {
    /// The vocabulary of `bert-base-uncased`.
    pub(crate) fn bert_uncased() -> Self {
        let vocabulary = include_str!("../models/minilm-vocab.txt");
        let pieces: BTreeMap<&'static str, i32> = vocabulary.lines().zip(0..).collect();
        let special = |piece| pieces.get(piece).copied().unwrap_or_default();
        let (unknown, begin, end) = (special("[UNK]"), special("[CLS]"), special("[SEP]"));
        let texts = vocabulary.lines().collect();
        Self { pieces, texts, unknown, begin, end }
    }

    /// The piece with this id, as the vocabulary writes it; empty if there is none.
    pub(crate) fn piece(&self, id: i32) -> &'static str {
        usize::try_from(id).ok().and_then(|id| self.texts.get(id)).copied().unwrap_or_default()
    }

    /// The ids of `text` between `[CLS]` and `[SEP]`, at most `limit` of them.
    pub(crate) fn ids(&self, text: &str, limit: usize) -> Vec<i32> {
        let mut ids = vec![self.begin];
        for word in words(text) {
            self.add_word(&word, &mut ids);
            if ids.len() >= limit {
                break;
            }
        }
        ids.truncate(limit.saturating_sub(1));
        ids.push(self.end);
        ids
    }

    fn add_word(&self, word: &str, ids: &mut Vec<i32>) {
        let before = ids.len();
        if word.chars().count() > LONGEST_WORD {
            ids.push(self.unknown);
            return;
        }
        let mut rest = word;
        while !rest.is_empty() {
            let Some((id, length)) = self.longest(rest, ids.len() > before) else {
                ids.truncate(before);
                ids.push(self.unknown);
                return;
            };
            ids.push(id);
            rest = &rest[length..];
        }
    }

    /// The longest piece that `rest` starts with, and its length in bytes.
    fn longest(&self, rest: &str, inside: bool) -> Option<(i32, usize)> {
        let mut key = String::with_capacity(rest.len() + 2);
        let ends = rest.char_indices().map(|(at, c)| at + c.len_utf8()).collect::<Vec<_>>();
        ends.into_iter().rev().find_map(|end| {
            key.clear();
            if inside {
                key.push_str("##");
            }
            key.push_str(&rest[..end]);
            self.pieces.get(key.as_str()).map(|id| (*id, end))
        })
    }
}

/// Lower-case words without accents; every punctuation mark is a word.
fn words(text: &str) -> Vec<String> {
    let dropped = |c: char| c.is_control() && !c.is_whitespace() || is_invisible(c);
    let clean = text.chars().filter(|c| !dropped(*c));
    let bare = clean.flat_map(char::to_lowercase).nfd().filter(|c| !is_combining_mark(*c));
    let mut words = vec![String::new()];
    for c in bare {
        if c.is_whitespace() {
            words.push(String::new());
        } else if is_punctuation(c) || is_cjk(c) {
            words.extend([c.to_string(), String::new()]);
        } else if let Some(word) = words.last_mut() {
            word.push(c);
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Format characters, such as the zero-width space, and the replacement character.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{feff}' | '\u{fffd}')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}')
}

fn is_punctuation(c: char) -> bool {
    c.is_ascii_punctuation()
        || matches!(c, '\u{a1}' | '\u{a7}' | '\u{ab}' | '\u{b6}' | '\u{b7}' | '\u{bb}' | '\u{bf}')
        || matches!(c, '\u{2010}'..='\u{2027}' | '\u{2030}'..='\u{205e}' | '\u{3001}'..='\u{3003}')
        || matches!(c, '\u{3008}'..='\u{3011}' | '\u{ff01}'..='\u{ff0f}')
}

fn is_cjk(c: char) -> bool {
    matches!(c, '\u{4e00}'..='\u{9fff}' | '\u{3400}'..='\u{4dbf}' | '\u{f900}'..='\u{faff}')
        || matches!(c, '\u{20000}'..='\u{2ceaf}' | '\u{2f800}'..='\u{2fa1f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    // Expected ids: Hugging Face tokenizers with the model's own tokenizer.json.
    const REFERENCE: &[(&str, &[i32])] = &[
        ("When do you open?", &[101, 2043, 2079, 2017, 2330, 1029, 102]),
        (
            "Crème brûlée, 2½ dozen!",
            &[101, 13675, 21382, 7987, 9307, 2063, 1010, 1016, 13714, 6474, 999, 102],
        ),
        (
            "I'd like gluten-free unbelievableness",
            &[101, 1045, 1005, 1040, 2066, 1043, 7630, 6528, 1011, 2489, 23653, 2791, 102],
        ),
        (
            "Zoë's e-mail: a@b.com…",
            &[
                101, 11199, 1005, 1055, 1041, 1011, 5653, 1024, 1037, 1030, 1038, 1012, 4012, 1529,
                102,
            ],
        ),
        ("日本語 ok", &[101, 1864, 1876, 1950, 7929, 102]),
        ("", &[101, 102]),
        ("\u{200b}\ttabs\nand lines", &[101, 21628, 2015, 1998, 3210, 102]),
    ];

    #[test]
    fn ids_are_those_of_the_reference_tokenizer() {
        let wordpiece = WordPiece::bert_uncased();
        for (text, ids) in REFERENCE {
            assert_eq!(wordpiece.ids(text, 256), *ids, "{text}");
        }
    }

    #[test]
    fn long_text_is_cut_and_still_ends_properly() {
        let ids = WordPiece::bert_uncased().ids(&"bread ".repeat(1000), 256);
        assert_eq!(ids.len(), 256);
        assert_eq!((ids[0], ids[255]), (101, 102));
    }
}
