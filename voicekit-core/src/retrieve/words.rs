//! Words as an index sees them: lower case, without accents and endings, as hashes.
//!
//! A term is the 32-bit FNV-1a hash of a stem. Among fifty thousand different words, a third of a
//! pair is expected to share a hash, which costs less than keeping the words does. Stems are made
//! by the first step of Porter's algorithm (M. F. Porter, 1980: plurals, `-ed`, `-ing`, final `-y`),
//! which does little harm to other languages. Numbers up to twenty and the tens are the
//! same in digits and in words, because callers say them and documents write them.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// The hash of a stem: FNV-1a, 32 bits.
pub type Term = u32;

/// The terms of `text`, in order and with repetitions.
pub fn terms(text: &str) -> impl Iterator<Item = Term> {
    words(text).map(|word| hash(&stem(&word)))
}

/// The terms of a question: without the words that every question has, unless there are no others.
pub fn question(text: &str) -> Vec<Term> {
    let telling = |word: &String| !COMMON.contains(&word.as_str());
    let mut found: Vec<Term> = words(text).filter(telling).map(|word| hash(&stem(&word))).collect();
    if found.is_empty() {
        found = terms(text).collect();
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// Whether every question may have the word, which is in lower case: it says nothing by itself. So
/// do single letters.
pub fn is_common(word: &str) -> bool {
    COMMON.contains(&word) || word.len() == 1 && !word.chars().any(|c| c.is_ascii_digit())
}

/// The words of `text` in lower case and without accents: letters and digits; `don't` is `dont`.
pub fn words(text: &str) -> impl Iterator<Item = String> {
    let separated =
        text.split(|c: char| !c.is_alphanumeric() && !is_apostrophe(c) && !is_combining_mark(c));
    separated.filter_map(|word| {
        let word: String = if word.is_ascii() {
            word.chars().filter(|c| !is_apostrophe(*c)).map(|c| c.to_ascii_lowercase()).collect()
        } else {
            let bare = word.nfd().filter(|c| !is_combining_mark(*c) && !is_apostrophe(*c));
            bare.flat_map(char::to_lowercase).collect()
        };
        (!word.is_empty()).then_some(word)
    })
}

fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '’')
}

fn hash(word: &str) -> Term {
    word.bytes().fold(0x811C_9DC5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

fn stem(word: &str) -> String {
    if let Some((_, digits)) = NUMBERS.iter().find(|(name, _)| *name == word) {
        return (*digits).to_owned();
    }
    if word.len() < 4 || !word.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return word.to_owned();
    }
    let word = singular(word);
    let word = without_tense(&word);
    match word.strip_suffix('y') {
        Some(base) if has_vowel(base) && base.len() > 1 => format!("{base}i"),
        _ => word,
    }
}

fn singular(word: &str) -> String {
    if let Some(base) = word.strip_suffix("sses") {
        return format!("{base}ss");
    }
    if let Some(base) = word.strip_suffix("ies") {
        return format!("{base}i");
    }
    match word.strip_suffix('s') {
        Some(base) if !base.ends_with('s') && !base.ends_with('u') => base.to_owned(),
        _ => word.to_owned(),
    }
}

/// Without `-ed` and `-ing`; what they changed before them is put back.
fn without_tense(word: &str) -> String {
    let base = word.strip_suffix("ing").or_else(|| word.strip_suffix("ed"));
    let Some(base) = base.filter(|base| base.len() > 2 && has_vowel(base)) else {
        return without_e(word);
    };
    let mut last = base.chars().rev();
    let (last, before) = (last.next(), last.next());
    if last == before && !matches!(last, Some('l' | 's' | 'z')) {
        return base[..base.len() - 1].to_owned();
    }
    base.to_owned()
}

/// `bake` and `baking` are one word, as are `arrive`, `arrival` less so.
fn without_e(word: &str) -> String {
    match word.strip_suffix('e') {
        Some(base) if base.len() > 2 && !base.ends_with('e') => base.to_owned(),
        _ => word.to_owned(),
    }
}

fn has_vowel(word: &str) -> bool {
    word.bytes().any(|byte| b"aeiouy".contains(&byte))
}

const NUMBERS: &[(&str, &str)] = &[
    ("one", "1"),
    ("two", "2"),
    ("three", "3"),
    ("four", "4"),
    ("five", "5"),
    ("six", "6"),
    ("seven", "7"),
    ("eight", "8"),
    ("nine", "9"),
    ("ten", "10"),
    ("eleven", "11"),
    ("twelve", "12"),
    ("thirteen", "13"),
    ("fourteen", "14"),
    ("fifteen", "15"),
    ("sixteen", "16"),
    ("seventeen", "17"),
    ("eighteen", "18"),
    ("nineteen", "19"),
    ("twenty", "20"),
    ("thirty", "30"),
    ("forty", "40"),
    ("fifty", "50"),
    ("sixty", "60"),
    ("seventy", "70"),
    ("eighty", "80"),
    ("ninety", "90"),
];

/// Function words of English, and those of asking politely.
const COMMON: &[&str] = &[
    "a",
    "about",
    "all",
    "am",
    "an",
    "and",
    "any",
    "anything",
    "are",
    "as",
    "at",
    "be",
    "been",
    "but",
    "by",
    "can",
    "could",
    "did",
    "do",
    "does",
    "doing",
    "for",
    "from",
    "get",
    "give",
    "go",
    "going",
    "got",
    "had",
    "has",
    "have",
    "he",
    "her",
    "here",
    "him",
    "his",
    "how",
    "i",
    "id",
    "if",
    "ill",
    "im",
    "in",
    "is",
    "it",
    "its",
    "ive",
    "just",
    "know",
    "like",
    "may",
    "me",
    "much",
    "my",
    "need",
    "of",
    "on",
    "or",
    "our",
    "out",
    "please",
    "she",
    "should",
    "so",
    "some",
    "something",
    "somewhere",
    "tell",
    "that",
    "thats",
    "the",
    "their",
    "them",
    "there",
    "theres",
    "they",
    "thing",
    "this",
    "to",
    "up",
    "us",
    "want",
    "was",
    "we",
    "wed",
    "well",
    "were",
    "weve",
    "what",
    "whats",
    "when",
    "whens",
    "where",
    "wheres",
    "which",
    "who",
    "will",
    "with",
    "would",
    "you",
    "your",
    "yours",
    "youve",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_a_word_are_one_term() {
        for (one, other) in [
            ("rooms", "Room"),
            ("parties", "party"),
            ("booked", "booking"),
            ("planned", "planning"),
            ("Crème", "creme"),
            ("bake", "baking"),
            ("seven", "7"),
            ("don’t", "don't"),
        ] {
            assert_eq!(terms(one).collect::<Vec<_>>(), terms(other).collect::<Vec<_>>(), "{one}");
        }
    }

    #[test]
    fn a_question_of_common_words_keeps_them() {
        assert_eq!(question("what is it").len(), 3);
        assert_eq!(question("is there parking"), question("parking"));
    }
}
