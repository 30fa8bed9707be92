//! What is said in one breath: whether the words around a space may be separated.

use super::abbreviations::{Stop, is_starter, leans_on_next, stop_after};
use super::words::{
    is_digit, is_money, is_month, is_number_word, is_part, is_scale, is_street, is_street_before,
    is_weak_number, is_weekday,
};

/// How two words belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Joint {
    Free,
    Bound,
    /// The next word decides, which has not arrived.
    Unknown,
}

/// Words of an address that are looked at.
const ADDRESS: usize = 7;

/// The joint at the space `at`, which follows no comma.
pub(super) fn joint_at_space(chars: &[char], complete: bool, at: usize) -> Joint {
    let text = Around::new(chars, complete, at);
    let left = text.left(0);
    let is_short = match stop_after(&left) {
        Stop::Sentence => false,
        Stop::Title => true,
        Stop::Number | Stop::Either => text.has_stop() || is_part(&left),
    };
    if left.contains(is_digit)
        || leans_on_next(&left)
        || is_short
        || is_street_before(&left)
        || is_number_word(&left) && !is_weak_number(&left)
        || is_scale(&left) && text.left(1).contains(is_digit)
    {
        return Joint::Bound;
    }
    let Some(first) = text.first() else { return text.unknown() };
    if first.is_whitespace() || is_digit(first) || is_inner_mark(first) {
        return Joint::Bound;
    }
    if is_number_word(&left) {
        return text.next_is(|word| is_number_word(word) || is_money(word));
    }
    if is_single_letter(&left) && first.is_alphabetic() {
        return text.next_is(is_single_letter);
    }
    if is_month(&left) {
        return text.next_is(|word| matches!(word, "de" | "del" | "of"));
    }
    if is_money(&left) && is_numeric(&text.left(1)) {
        return text.goes_on_with_number();
    }
    if first.is_uppercase() && !is_street(&left) && text.is_house_and_street() {
        return Joint::Bound;
    }
    if matches!(first, 'd' | 'p' | 'a' | 'c' | 'u') {
        let is_spelled = is_spoken_mark(&text.left(1));
        return text.next_is(|word| is_spoken_mark(word) || is_spelled && word == "at");
    }
    Joint::Free
}

/// The joint at the space `at`, which follows a comma, semicolon, colon or dash.
pub(super) fn joint_at_pause(chars: &[char], complete: bool, at: usize) -> Joint {
    let text = Around::new(chars, complete, at);
    let left = match text.left(0) {
        // A dash between two spaces.
        dash if dash.is_empty() => text.left(1),
        left => left,
    };
    let is_address = text.is_address();
    let listens = is_numeric(&left)
        || is_weekday(&left)
        || is_month(&left)
        || is_single_letter(&left)
        || is_address;
    if !listens {
        return Joint::Free;
    }
    let Some(first) = text.first() else { return text.unknown() };
    if is_digit(first) && !is_number_word(&left) && !is_single_letter(&left) {
        return Joint::Bound;
    }
    text.next_is(|word| {
        is_numeric(&left) && (is_numeric(word) || is_part(word) || is_street_before(word))
            || is_weekday(&left) && is_date_word(word)
            || is_month(&left) && is_month(word)
            || is_single_letter(&left) && is_single_letter(word)
            || is_address && is_place(word)
    })
}

/// The words around a space.
struct Around<'a> {
    before: Vec<&'a [char]>,
    after: &'a [char],
    complete: bool,
}

impl<'a> Around<'a> {
    fn new(chars: &'a [char], complete: bool, at: usize) -> Self {
        let words = chars[..at].rsplit(|c| c.is_whitespace());
        let before = words.filter(|word| !word.is_empty()).take(ADDRESS).collect();
        Self { before, after: &chars[at + 1..], complete }
    }

    /// The word so many before the space, without the marks around it.
    fn left(&self, back: usize) -> String {
        self.before.get(back).map(|word| bare(word)).unwrap_or_default()
    }

    /// Whether a full stop stands before the space.
    fn has_stop(&self) -> bool {
        self.before.first().is_some_and(|word| word.contains(&'.'))
    }

    fn first(&self) -> Option<char> {
        self.after.first().copied()
    }

    /// The joint if nothing is known of the next word.
    fn unknown(&self) -> Joint {
        if self.complete { Joint::Free } else { Joint::Unknown }
    }

    /// Whether the next word fits, once all of it is known.
    fn next_is(&self, fits: impl Fn(&str) -> bool) -> Joint {
        let Some(end) = self.word_end(0) else { return Joint::Unknown };
        if fits(&bare(&self.after[..end])) { Joint::Bound } else { Joint::Free }
    }

    /// Whether "and" and a number follow, as in "5 dollars and 50 cents".
    fn goes_on_with_number(&self) -> Joint {
        let Some(end) = self.word_end(0) else { return Joint::Unknown };
        let word = bare(&self.after[..end]);
        if !matches!(word.as_str(), "and" | "und" | "et" | "y" | "con" | "e") {
            return if is_numeric(&word) { Joint::Bound } else { Joint::Free };
        }
        let from = (end + 1).min(self.after.len());
        let Some(end) = self.word_end(from) else { return Joint::Unknown };
        if is_numeric(&bare(&self.after[from..end])) { Joint::Bound } else { Joint::Free }
    }

    fn word_end(&self, from: usize) -> Option<usize> {
        let rest = &self.after[from..];
        match rest.iter().position(|c| c.is_whitespace()) {
            Some(end) => Some(from + end),
            None => self.complete.then_some(self.after.len()),
        }
    }

    /// Whether the last words are a house number and capitalized words: "12 St. James".
    fn is_house_and_street(&self) -> bool {
        let mut words = self.before.iter().map(|word| bare(word));
        let house = words.by_ref().take(4).position(|word| word.starts_with(is_digit));
        house.is_some_and(|house| {
            house > 0
                && self.before[..house]
                    .iter()
                    .all(|word| bare(word).starts_with(char::is_uppercase))
        })
    }

    /// Whether the last words hold a house number and a kind of street.
    fn is_address(&self) -> bool {
        let words: Vec<String> = self.before.iter().map(|word| bare(word)).collect();
        let street =
            words.iter().any(|word| is_street(word) && word.starts_with(char::is_uppercase));
        let foreign = words.iter().any(|word| is_street_before(word));
        let house = words.iter().any(|word| word.starts_with(is_digit));
        let last = words.first().is_some_and(|word| {
            word.starts_with(char::is_uppercase) || word.contains(is_digit) || foreign
        });
        last && (street && house || foreign)
    }
}

/// A word without the marks around it, except the stop of an abbreviation.
fn bare(word: &[char]) -> String {
    let word: String = word.iter().collect();
    word.trim_matches(|c: char| !c.is_alphanumeric() && !"$€£¥".contains(c)).to_owned()
}

fn is_numeric(word: &str) -> bool {
    word.contains(is_digit) || is_number_word(word)
}

fn is_single_letter(word: &str) -> bool {
    let mut letters = word.chars();
    letters.next().is_some_and(char::is_uppercase) && letters.next().is_none()
}

fn is_date_word(word: &str) -> bool {
    is_month(word) || is_weekday(word) || matches!(word, "den" | "dem" | "le" | "el" | "the" | "il")
}

/// A word that may go on an address behind a comma: a part of it, a town or a state.
fn is_place(word: &str) -> bool {
    is_part(word)
        || word.contains(is_digit)
        || word.starts_with(char::is_uppercase) && (is_state(word) || !is_starter(word))
}

/// Two capitals or three: "IL" is a state, "Il" may begin a sentence.
fn is_state(word: &str) -> bool {
    (2..=3).contains(&word.len()) && word.chars().all(|c| c.is_ascii_uppercase())
}

/// Words for the marks of e-mail and web addresses.
fn is_spoken_mark(word: &str) -> bool {
    matches!(
        word,
        "dot" | "punkt" | "punto" | "arroba" | "arobase" | "chiocciola" | "underscore" | "dash"
    )
}

/// Marks that a clause does not begin with.
fn is_inner_mark(c: char) -> bool {
    matches!(
        c,
        '–' | '—'
            | '-'
            | '&'
            | '+'
            | '='
            | '%'
            | '?'
            | '!'
            | ':'
            | ';'
            | '»'
            | ')'
            | '/'
            | '×'
            | '*'
            | '@'
            | '|'
            | '('
            | '•'
            | '.'
            | ','
            | '€'
            | '°'
    )
}
