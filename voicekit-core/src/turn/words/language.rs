use super::dictated::{self, Dictated};
use super::numbers::Number;
use super::{de, en, es, fr, zh};

/// The lists of one language. All are normalised.
#[derive(Debug, PartialEq)]
pub(super) struct Language {
    /// What shows attention, besides [`SHARED_BACKCHANNELS`].
    pub(super) backchannels: &'static [&'static str],
    /// What asks for the floor, however briefly it is said.
    pub(super) requests: &'static [&'static str],
    /// What ends no sentence.
    pub(super) never_last: &'static [&'static str],
    /// What ends one seldom enough to need a full stop to prove it.
    pub(super) seldom_last: &'static [&'static str],
    /// What ends one although its last word is in the lists above.
    pub(super) whole: &'static [&'static str],
    /// What says a number.
    pub(super) numbers: &'static [(&'static str, Number)],
    /// What else numbers that are written as one word are made of. Empty: there are none.
    pub(super) inside: &'static [(&'static str, Number)],
    /// How numbers, names and addresses are dictated.
    pub(super) dictated: &'static Dictated,
}

pub(super) const SHARED_BACKCHANNELS: &[&str] = &[
    "ah", "aha", "hm", "hmm", "hmmm", "hm hm", "mh", "mhm", "mm", "mmh", "mmhm", "mmhmm", "mmm",
    "mm hmm", "oh", "ok", "okay",
];

pub(super) static OTHER: Language = Language {
    backchannels: &[],
    requests: &["stop"],
    never_last: &["hmm", "uh", "uhm", "umm"],
    seldom_last: &[],
    whole: &[],
    numbers: &[],
    inside: &[],
    dictated: &dictated::OTHER,
};

impl Language {
    /// By the primary subtag of a BCP 47 tag.
    pub(super) fn of(tag: &str) -> &'static Self {
        let primary = tag.split(['-', '_']).next().unwrap_or_default();
        let known = [
            ("en", &en::ENGLISH),
            ("de", &de::GERMAN),
            ("es", &es::SPANISH),
            ("fr", &fr::FRENCH),
            ("zh", &zh::CHINESE),
        ];
        let found = known.into_iter().find(|(name, _)| primary.eq_ignore_ascii_case(name));
        found.map_or(&OTHER, |(_, language)| language)
    }

    /// Whether `text` breaks off in the middle of a sentence.
    pub(super) fn is_open(&self, text: &str) -> bool {
        let text = text.trim();
        let breaks_off = ['…', ',', ';', ':', '-', '–', '—', '，', '、', '；', '：'];
        if text.ends_with("...") || text.ends_with(breaks_off) {
            return true;
        }
        let closed = text.ends_with(['.', '?', '!', '。', '？', '！']);
        let words = normalise(tail(text));
        let ends_in = |list: &[&str]| list.iter().any(|phrase| ends_with_phrase(&words, phrase));
        let open = ends_in(self.never_last) || (!closed && ends_in(self.seldom_last));
        open && !ends_in(self.whole)
    }
}

/// The end of a text, longer than any phrase that may end a sentence.
fn tail(text: &str) -> &str {
    let start = text.char_indices().rev().nth(39).map_or(0, |(at, _)| at);
    &text[start..]
}

/// Words in lower case with one space between them; without punctuation, but for an apostrophe
/// inside a word. Ideographs stand together as they are written, apart from other letters.
pub(in crate::turn) fn normalise(text: &str) -> String {
    let mut words = String::with_capacity(text.len());
    let mut apart = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if matches!(c, '\'' | '’') {
            let inside = !apart && chars.peek().is_some_and(|next| next.is_alphanumeric());
            if inside && !words.is_empty() {
                words.push('\'');
            }
        } else if c.is_alphanumeric() {
            if let Some(last) = words.chars().next_back()
                && (apart || is_ideograph(last) != is_ideograph(c))
            {
                words.push(' ');
            }
            apart = false;
            words.extend(c.to_lowercase());
        } else {
            apart |= is_between_words(c);
        }
    }
    words
}

/// Whether a character that is no letter parts words; others, such as combining accents, do not.
fn is_between_words(c: char) -> bool {
    c.is_whitespace()
        || c.is_ascii_punctuation()
        || matches!(c, '¡' | '¿' | '«' | '»' | '·' | '،' | '؛' | '؟' | '।')
        || matches!(c, '\u{2010}'..='\u{205e}' | '\u{3000}'..='\u{303f}' | '\u{ff01}'..='\u{ff65}')
}

/// Whether the character is of a script that needs no spaces between words.
pub(in crate::turn) fn is_ideograph(c: char) -> bool {
    matches!(c, '\u{3005}'..='\u{3007}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}')
        || matches!(c, '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}')
        || matches!(c, '\u{20000}'..='\u{3ffff}')
}

/// So many words is what stands between two spaces.
pub(in crate::turn) fn count(word: &str) -> usize {
    if word.starts_with(is_ideograph) { word.chars().count() } else { 1 }
}

/// Whether normalised text begins with a phrase that ends where a word does.
pub(super) fn starts_with_phrase(text: &str, phrase: &str) -> bool {
    // Nearly all phrases of a list differ in the first byte already.
    if text.as_bytes().first() != phrase.as_bytes().first() {
        return false;
    }
    text.strip_prefix(phrase).is_some_and(|rest| {
        rest.is_empty() || rest.starts_with(' ') || phrase.ends_with(is_ideograph)
    })
}

/// Where the words of normalised text start; each ideograph may be one.
pub(super) fn word_starts(text: &str) -> impl Iterator<Item = usize> {
    let mut before = ' ';
    text.char_indices().filter_map(move |(at, c)| {
        let starts = before == ' ' || is_ideograph(c);
        before = c;
        starts.then_some(at)
    })
}

/// Whether normalised text has a phrase in it, from word to word.
pub(in crate::turn) fn has_phrase(text: &str, phrase: &str) -> bool {
    text.match_indices(phrase).any(|(at, _)| {
        ends_with_phrase(&text[..at + phrase.len()], phrase)
            && starts_with_phrase(&text[at..], phrase)
    })
}

/// Whether normalised text ends with a phrase that begins where a word does.
fn ends_with_phrase(text: &str, phrase: &str) -> bool {
    if text.as_bytes().last() != phrase.as_bytes().last() {
        return false;
    }
    text.strip_suffix(phrase).is_some_and(|rest| {
        rest.is_empty() || rest.ends_with(' ') || phrase.starts_with(is_ideograph)
    })
}
