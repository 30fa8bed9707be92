//! What words mean to turn taking, by language.
//!
//! A [`Vocabulary`] tells a caller who shows attention ("uh-huh") from one who wants the turn, a
//! sentence that breaks off from one that may be whole, and how many digits of a number have been
//! said. It knows English, German, Spanish, French and Chinese; of another language only what
//! nearly all share, such as "mhm", "okay" and written digits.
//!
//! Case and punctuation mean nothing here, except where they end a sentence. A Chinese or Japanese
//! character counts as a word of its own, and needs no spaces.
//!
//! The lists were written by hand for the phone, not counted in a corpus, and are short on purpose:
//! a word that is missing makes the agent fall silent or answer a little too soon, a word too many
//! makes it talk on over an objection or wait for nothing.

mod address;
mod de;
mod dictated;
mod dictation;
mod en;
mod es;
mod fr;
mod language;
mod letters;
mod numbers;
mod same;
mod whole;
mod zh;

use language::{Language, starts_with_phrase, word_starts};
pub(super) use language::{count as word_length, has_phrase, is_ideograph, normalise};
use numbers::Tally;
pub(super) use same::same_words;

/// What words mean to turn taking, in one language.
///
/// ```
/// use voicekit_core::turn::Vocabulary;
///
/// let german = Vocabulary::of("de-AT");
/// assert!(german.is_backchannel("Mhm, alles klar."));
/// assert_eq!(german.meaningful_words("ja, aber nicht heute"), 3);
/// assert!(german.is_open("Ich hätte gerne einen"));
/// assert_eq!(german.digits("null sechs, vierunddreißig"), 4);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Vocabulary {
    language: &'static Language,
    /// Normalised, the longest first.
    backchannels: Vec<String>,
    /// Normalised.
    requests: Vec<String>,
}

impl Vocabulary {
    /// The vocabulary of a language by its BCP 47 tag, such as "en-US"; only the primary subtag
    /// counts. A language that is not known, also "", gets what nearly all languages share.
    pub fn of(language: &str) -> Self {
        let language = Language::of(language);
        let words = language::SHARED_BACKCHANNELS.iter().chain(language.backchannels);
        let own = |words: &[&str]| in_order(words.iter().map(|&word| word.to_owned()));
        let backchannels = in_order(words.map(|&word| word.to_owned()));
        Self { language, backchannels, requests: own(language.requests) }
    }

    /// Replaces the words and phrases that show attention and do not ask for the turn.
    #[must_use]
    pub fn with_backchannels(self, backchannels: impl IntoIterator<Item = String>) -> Self {
        Self { backchannels: in_order(backchannels.into_iter()), ..self }
    }

    /// Replaces the words and phrases that ask for the floor.
    #[must_use]
    pub fn with_requests(self, requests: impl IntoIterator<Item = String>) -> Self {
        Self { requests: in_order(requests.into_iter()), ..self }
    }

    /// Whether something in `text` asks for the floor: "stop", "wait", "hello?".
    pub fn is_request(&self, text: &str) -> bool {
        self.asks(&normalise(text))
    }

    /// [`meaningful_words`](Self::meaningful_words) and [`is_request`](Self::is_request) in one.
    pub(super) fn weigh(&self, text: &str) -> (usize, bool) {
        let text = normalise(text);
        (self.meant(&text), self.asks(&text))
    }

    fn asks(&self, text: &str) -> bool {
        word_starts(text)
            .any(|at| self.requests.iter().any(|request| starts_with_phrase(&text[at..], request)))
    }

    /// Whether `text` only shows attention, or says nothing at all.
    pub fn is_backchannel(&self, text: &str) -> bool {
        self.meaningful_words(text) == 0
    }

    /// The number of words in `text` that are not part of a backchannel.
    ///
    /// Characters that are written without spaces are a backchannel together or not at all: 不行 is
    /// two words, though 行 alone shows attention.
    pub fn meaningful_words(&self, text: &str) -> usize {
        self.meant(&normalise(text))
    }

    fn meant(&self, text: &str) -> usize {
        let (mut rest, mut meaningful) = (text, 0);
        while !rest.is_empty() {
            let word = rest.split(' ').next().unwrap_or_default();
            let known = if word.starts_with(is_ideograph) {
                self.covers(word).then_some(word.len())
            } else {
                self.backchannel(rest)
            };
            meaningful += if known.is_some() { 0 } else { language::count(word) };
            rest = rest[known.unwrap_or(word.len())..].trim_start();
        }
        meaningful
    }

    /// Whether `text` breaks off in the middle of a sentence: it ends in a comma or dots, in a
    /// filler, or in a word that calls for another.
    pub fn is_open(&self, text: &str) -> bool {
        self.language.is_open(text)
    }

    /// Whether `text` ends in something that is dictated and may go on: a number that is read out
    /// digit by digit or in groups, a spelled name, an e-mail address. Callers pause between its
    /// parts.
    ///
    /// A number that answers a question, such as a quantity, a time, a year or a price, is whole, and
    /// so are an address with its domain and a telephone number of the usual length.
    ///
    /// ```
    /// use voicekit_core::turn::Vocabulary;
    ///
    /// let english = Vocabulary::of("en");
    /// assert!(english.is_dictating("My number is five five five"));
    /// assert!(english.is_dictating("S as in Sierra"));
    /// assert!(english.is_dictating("jane dot doe at example"));
    /// assert!(!english.is_dictating("For four, at half past seven."));
    /// assert!(!english.is_dictating("jane dot doe at example dot com"));
    /// ```
    pub fn is_dictating(&self, text: &str) -> bool {
        dictation::is_unfinished(self.language, text)
    }

    /// How many digits have been said or written.
    ///
    /// A number word counts as the digits it is written with, "twenty-five" as 2 and "two hundred"
    /// as 3; "double five" counts as 2. Where a number can be read in two ways, the lower count is
    /// given, so that nobody is cut off before the last digit.
    pub fn digits(&self, text: &str) -> u32 {
        let text = normalise(text);
        let mut tally = Tally::new(self.language);
        let mut rest = text.as_str();
        while !rest.is_empty() {
            rest = tally.take(rest).trim_start();
        }
        tally.count()
    }

    /// The words of a text, normalised, but for those that say a number.
    pub(super) fn without_numbers(&self, text: &str) -> Vec<String> {
        let text = normalise(text);
        let mut tally = Tally::new(self.language);
        let (mut words, mut rest) = (Vec::new(), text.as_str());
        while !rest.is_empty() {
            let after = tally.take(rest);
            if !tally.is_in_number() {
                words.push(rest[..rest.len() - after.len()].trim().to_owned());
            }
            rest = after.trim_start();
        }
        words
    }

    /// The length of the backchannel that normalised text begins with.
    fn backchannel(&self, text: &str) -> Option<usize> {
        let known = self.backchannels.iter().find(|known| starts_with_phrase(text, known));
        known.map(String::len)
    }

    /// Whether a word without spaces is made of backchannels alone.
    fn covers(&self, word: &str) -> bool {
        let mut rest = word;
        while let Some(length) = self.backchannel(rest) {
            rest = &rest[length..];
        }
        rest.is_empty()
    }
}

/// The number of words of a text, of which an ideograph is one.
pub(super) fn word_count(text: &str) -> usize {
    normalise(text).split_whitespace().map(word_length).sum()
}

/// Normalised phrases without duplicates, the longest first.
fn in_order(phrases: impl Iterator<Item = String>) -> Vec<String> {
    let mut phrases: Vec<String> = phrases.map(|phrase| normalise(&phrase)).collect();
    phrases.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    phrases.dedup();
    phrases.retain(|phrase| !phrase.is_empty());
    phrases
}

#[cfg(test)]
mod tests;
