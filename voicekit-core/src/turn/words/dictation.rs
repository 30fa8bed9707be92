//! What callers dictate: numbers in groups, spelled names, addresses. May there be more to come?

use super::dictated::{ALPHABET, HESITATIONS};
use super::language::{Language, is_ideograph, normalise};
use super::numbers::{Run, Tally};
use super::{address, letters, whole};

/// A text is judged by its end, which is so many characters at most.
const TAIL: usize = 240;

/// Whether `text` ends in a number, a spelling or an address that may go on.
pub(super) fn is_unfinished(language: &'static Language, text: &str) -> bool {
    let text = tail(text.trim());
    // A question is whole, and so is what was pressed.
    if text.ends_with(['?', '？', ']']) {
        return false;
    }
    let text = without_hesitation(text);
    if let Some(unfinished) = address::is_unfinished(language, text) {
        return unfinished;
    }
    let words = Words::of(language, &whole::without_whole_numbers(text));
    letters::is_unfinished(&words).unwrap_or_else(|| words.is_number_unfinished())
}

fn tail(text: &str) -> &str {
    let start = text.char_indices().rev().nth(TAIL - 1).map_or(0, |(at, _)| at);
    &text[start..]
}

/// The text without fillers at its end, and without an "and" that promises more.
fn without_hesitation(text: &str) -> &str {
    let mut text = text;
    loop {
        let signs = |c: char| !c.is_alphanumeric() && !"@_%€$£¥°+-/".contains(c);
        text = text.trim_end_matches(signs);
        let word = text.rsplit(char::is_whitespace).next().unwrap_or_default();
        let filler = HESITATIONS.contains(&word.to_lowercase().as_str());
        let sound = word.chars().next_back().filter(|c| matches!(c, '呃' | '额' | '嗯'));
        let cut = if filler { word.len() } else { sound.map_or(0, char::len_utf8) };
        if cut == 0 {
            return text;
        }
        text = &text[..text.len() - cut];
    }
}

/// What a word is to dictation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Part {
    /// A number, with all of those before it that it follows directly.
    Number(Run),
    Letter,
    /// A word of a spelling alphabet.
    Alphabet,
    Word,
}

/// The words of a text, and where the part of it begins that may be dictated.
pub(super) struct Words {
    pub(super) language: &'static Language,
    pub(super) all: Vec<(String, Part)>,
    pub(super) dictated_from: usize,
}

impl Words {
    fn of(language: &'static Language, text: &str) -> Self {
        let text = normalise(text);
        let mut tally = Tally::new(language);
        let mut all = Vec::new();
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let after = tally.take(rest);
            let word = rest[..rest.len() - after.len()].trim().to_owned();
            rest = after.trim_start();
            if word.contains(|c: char| c.is_ascii_digit()) && word.contains(char::is_alphabetic) {
                // A code such as "b12" is whole.
                tally = Tally::new(language);
            }
            let part = part(language, &word, &tally);
            all.push((word, part));
        }
        let words = all.iter().rposition(|(_, part)| *part == Part::Word);
        let dictated_from = words.map_or(0, |last| last + 1);
        Self { language, all, dictated_from }
    }

    pub(super) fn dictated(&self) -> &[(String, Part)] {
        &self.all[self.dictated_from..]
    }

    /// The words before that part, as one text.
    pub(super) fn before(&self) -> String {
        let words: Vec<&str> =
            self.all[..self.dictated_from].iter().map(|(word, _)| word.as_str()).collect();
        let ideographs = words.iter().any(|word| word.starts_with(is_ideograph));
        words.join(if ideographs { "" } else { " " })
    }

    fn is_number_unfinished(&self) -> bool {
        let Some((last, Part::Number(run))) = self.dictated().last() else { return false };
        let before = self.before();
        let lists = self.language.dictated;
        let ends_in = |list: &[&str]| list.iter().any(|word| ends_with_word(&before, word));
        let is_named =
            ends_in(lists.is) && lists.numbered.iter().any(|noun| contains_word(&before, noun));
        let international = ends_in(&["plus", "más", "mas", "加"]);
        if self.is_whole_number(*run, international) || (!is_named && ends_in(lists.counted)) {
            return false;
        }
        if run.open {
            return run.numbers > 0 || is_named;
        }
        let clock = self.dictated().get(1).is_some_and(|(word, _)| word == "oh" || word == "o");
        if clock && run.numbers == 3 && run.digits == 3 && ends_in(lists.times) {
            return false;
        }
        let in_digits = run.repeated || run.singles >= 2 || run.numbers >= 3;
        let coded = (run.zero_first || international) && run.digits >= 2;
        let grouped = run.numbers == 2 && run.digits >= 6;
        let named = is_named && run.digits < 4;
        in_digits || coded || grouped || named || (run.numbers == 1 && is_group(last))
    }

    /// Whether the number has as many digits as telephone numbers and cards have.
    fn is_whole_number(&self, run: Run, international: bool) -> bool {
        let first = self.dictated().first().map_or("", |(word, _)| word.as_str());
        let with_country = run.digits == 11
            && self.language.dictated.lengths.contains(&10)
            && (first.starts_with('1') || first == "one");
        with_country || (!international && self.language.dictated.lengths.contains(&run.digits))
    }
}

fn part(language: &'static Language, word: &str, tally: &Tally) -> Part {
    let run = tally.run();
    if tally.is_in_number() {
        return if word == "o" && run.numbers == 0 { Part::Letter } else { Part::Number(run) };
    }
    let mut letters = word.chars();
    let single = letters.next().filter(|_| letters.next().is_none());
    let latin = |c: char| c.is_ascii_alphabetic() || ('ß'..='ÿ').contains(&c);
    if single.is_some_and(latin) || language.dictated.letter_names.contains(&word) {
        return Part::Letter;
    }
    if ALPHABET.contains(&word) || language.dictated.alphabet.contains(&word) {
        return Part::Alphabet;
    }
    Part::Word
}

/// Whether figures look like a group of a longer number: three or more, and not a year.
fn is_group(word: &str) -> bool {
    let figures = word.chars().all(char::is_numeric);
    let year = word.parse::<u32>().is_ok_and(|number| (1900..2100).contains(&number));
    figures && word.chars().count() >= 3 && !(year && word.len() == 4)
}

/// Whether normalised text ends with a word or phrase.
pub(super) fn ends_with_word(text: &str, word: &str) -> bool {
    text.strip_suffix(word).is_some_and(|rest| {
        rest.is_empty() || rest.ends_with(' ') || word.starts_with(is_ideograph)
    })
}

/// Whether normalised text has a word or phrase in it.
pub(super) fn contains_word(text: &str, word: &str) -> bool {
    if word.starts_with(is_ideograph) {
        return text.contains(word);
    }
    text.match_indices(word).any(|(at, _)| {
        ends_with_word(&text[..at + word.len()], word)
            && text[at + word.len()..].chars().next().is_none_or(|next| next == ' ')
    })
}

#[cfg(test)]
mod tests;
