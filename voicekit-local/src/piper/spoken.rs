//! Written text as it is said: numbers, times, money, dates, addresses and symbols in words.
//!
//! The text is split into tokens (numbers, words, signs); a list of rules, the most specific first,
//! recognizes what some of them are; what they are decides how they are said. White space matters
//! to few rules, so "5€", "5 €" and "€ 5" are one case. Each [`Piece`] remembers the written words
//! it stands for, so that the audio can be matched with the text as it was written.
//!
//! # How things are said
//!
//! American English, as one speaks on the telephone, where what is heard cannot be read again:
//!
//! - Numbers have no "and": "one thousand two hundred four". Decimals are read digit by digit
//!   behind "point". A comma separates thousands if three digits follow, else it is a decimal comma;
//!   a point is a decimal point, except in euros and francs before three digits.
//! - Money is said in its units: "three dollars and fifty cents", "ninety-nine cents". A range names
//!   the unit once. Parentheses around a price are an aside, not a loss.
//! - Times are read as written: "seven thirty p.m.", "nineteen oh five", "eighteen hundred"; full
//!   hours up to twelve get "o'clock".
//! - Dates are month, ordinal, year: "May third twenty twenty-six". Of dates in digits the first number
//!   is the month if slashes or dashes separate them, the day if points do, and whichever exceeds
//!   twelve is the day.
//! - Years are said in pairs. A number from 1900 to 2099 is a year unless it counts something;
//!   from 1100 on it is one behind a word such as "in".
//! - Telephone numbers, codes and postcodes are read digit by digit, groups with pauses; "zero", not
//!   "oh". Rooms, flights and house numbers are read in pairs: "room two oh four".
//! - Ranges are said with "to", fractions as "three and a half", ratings as "four point five out of
//!   five", Roman numerals as "the eighth" behind a name and as "four" behind a word such as "Chapter".
//! - In addresses of web and mail each mark is named: "at", "dot", "dash", "slash", "underscore".
//! - Signs without meaning to a listener are dropped.
//!
//! `tests/data/spoken.tsv` holds examples of every rule.

mod addresses;
mod amount;
mod clock;
mod codes;
mod dates;
mod money;
mod names;
pub(crate) mod numbers;
mod symbols;
mod telephone;
mod token;
mod units;

use std::ops::Range;

use amount::{Amount, Reading};
use token::{Said, Text};

/// A stretch of text as it is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// The written words it stands for: indices into the text split at white space.
    pub(super) words: Range<usize>,
    /// What is said.
    pub(super) said: String,
    /// The pause mark that follows: one of `.,?!;:`.
    pub(super) pause: Option<char>,
}

/// Returns `text` in speakable pieces. Words with nothing to pronounce give no piece.
pub(super) fn pieces(text: &str) -> Vec<Piece> {
    let text = Text::new(text);
    let mut all: Vec<Piece> = Vec::new();
    let mut at = 0;
    while at < text.tokens.len() {
        let said = said(&text, at);
        let end = said.end.clamp(at + 1, text.tokens.len());
        let words = text.tokens[at].word..text.tokens[end - 1].word + 1;
        match all.last_mut().filter(|last| last.words.end > words.start) {
            // The rest of a written word.
            Some(last) => {
                last.words.end = words.end;
                if !last.said.is_empty() && !said.words.is_empty() {
                    last.said.push(' ');
                }
                last.said.push_str(&said.words);
            }
            None => all.push(Piece { words, said: said.words, pause: None }),
        }
        at = end;
    }
    let mut pieces: Vec<Piece> = Vec::new();
    for mut piece in all {
        piece.pause = symbols::pause(&text.words, piece.words.end - 1);
        if piece.said.chars().any(char::is_alphanumeric) {
            let last = text.words[piece.words.end - 1].core;
            piece.pause = piece.pause.filter(|_| !is_dash(last));
            pieces.push(piece);
        } else if let (Some(before), Some(pause)) = (pieces.last_mut(), piece.pause) {
            before.pause = before.pause.or(Some(pause));
        }
    }
    pieces
}

fn is_dash(core: &str) -> bool {
    matches!(core, "-" | "–" | "—")
}

type Rule = fn(&Text<'_>, usize) -> Option<Said>;

/// Rules for what begins with a written word.
const WORD_RULES: &[Rule] = &[addresses::address];
/// Rules for what begins at any token, the most specific first.
const RULES: &[Rule] = &[
    dates::date,
    codes::version,
    clock::time,
    money::money,
    dates::years,
    telephone::telephone,
    codes::named,
    units::feet,
    units::measure,
    units::fraction,
    units::dimension,
    units::range,
    codes::ordinal_number,
    dates::lone_year,
];

/// What is said for the tokens from `at` on.
fn said(text: &Text<'_>, at: usize) -> Said {
    let begins = text.begins_word(at);
    let of_word = WORD_RULES.iter().filter(|_| begins).find_map(|rule| rule(text, at));
    let found = of_word.or_else(|| RULES.iter().find_map(|rule| rule(text, at)));
    let found = found.or_else(|| begins.then(|| names::name(text, at)).flatten());
    let found = found.or_else(|| codes::mixed(text, at));
    let found = found.or_else(|| number(text, at));
    let found = found.or_else(|| symbols::sign(text, at));
    found.unwrap_or_else(|| word(text, at))
}

/// A number by itself, with its sign.
fn number(text: &Text<'_>, at: usize) -> Option<Said> {
    let (sign, from) = units::sign(text, at);
    match Amount::parse(text, from, Reading::Plain) {
        Some(amount) => Some(Said::new(format!("{sign}{}", amount.said()), amount.end)),
        None => several(text, from),
    }
}

/// Numbers with marks between them that are no number together: "1,2,3".
fn several(text: &Text<'_>, at: usize) -> Option<Said> {
    let mut said = vec![numbers::number(text.number(at)?)?];
    let mut end = at + 1;
    while let Some('.' | ',' | '\'' | '’') = text.glued_sign(end)
        && let Some(next) = text.glued_number(end + 1)
    {
        said.push(numbers::number(next)?);
        end += 2;
    }
    Some(Said::new(said.join(" "), end))
}

/// Plain words, to the end of the written word or to a sign that separates words.
fn word(text: &Text<'_>, at: usize) -> Said {
    if text.word(at).is_none() {
        return Said::new("", at + 1);
    }
    let mut end = at + 1;
    while text.is_glued(end)
        && (text.word(end).is_some()
            || matches!(text.sign(end), Some('-' | '.' | '\'' | '’'))
                && text.is_glued(end + 1)
                && text.word(end + 1).is_some())
    {
        end += 1;
    }
    let written = text.written(at, end);
    let is_dotted = written.contains('.')
        && written.split('.').all(|part| part.chars().count() == 1)
        && !matches!(written.as_str(), "a.m" | "p.m");
    let said = if is_dotted { written.replace('.', " ") } else { symbols::in_words(&written) };
    Said::new(said, end)
}

/// One written word without the marks around it.
#[derive(Debug)]
struct Word<'a> {
    /// With its full stop, where it has one: "Dr.", "p.m.".
    dotted: &'a str,
    core: &'a str,
    pause: Option<char>,
}

const AROUND: [char; 15] =
    ['(', ')', '[', ']', '{', '}', '"', '“', '”', '«', '»', '*', '_', '`', '…'];
const PAUSES: [char; 6] = ['.', ',', '?', '!', ';', ':'];

impl<'a> Word<'a> {
    fn new(written: &'a str) -> Self {
        let open = written.trim_start_matches(AROUND).trim_start_matches(['\'', '‘', ',', '…']);
        let closed = |c: char| AROUND.contains(&c) || PAUSES.contains(&c) || "'’".contains(c);
        let core = open.trim_end_matches(closed);
        let tail = &open[core.len()..];
        let dotted = if tail.starts_with('.') { &open[..core.len() + 1] } else { core };
        let strong = tail.chars().find(|c| "?!".contains(*c));
        // The stop of "St.," belongs to the word.
        let marks = tail.strip_prefix('.').filter(|marks| marks.contains(PAUSES)).unwrap_or(tail);
        let mut pause = strong.or_else(|| marks.chars().find(|c| PAUSES.contains(c)));
        if pause.is_none() && (written.ends_with('…') || is_dash(core)) {
            pause = Some(',');
        }
        Self { dotted, core, pause }
    }

    /// Whether the word ends its clause, so that no phrase goes on over it.
    fn is_followed_by_pause(&self) -> bool {
        self.pause.is_some()
    }

    fn is_capitalised(&self) -> bool {
        self.core.starts_with(char::is_uppercase)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said, with its pauses.
    fn joined(written: &str) -> String {
        let said: Vec<String> = pieces(written)
            .into_iter()
            .map(|piece| match piece.pause {
                Some(pause) if !piece.said.ends_with(pause) => format!("{}{pause}", piece.said),
                _ => piece.said,
            })
            .collect();
        said.join(" ")
    }

    const TABLE: &str = include_str!("../../tests/data/spoken.tsv");

    #[test]
    fn the_table_is_said_as_noted() {
        let rows = TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with("# "));
        let mut failures = Vec::new();
        let mut count = 0;
        for row in rows {
            let (written, expected) = row.split_once('\t').unwrap();
            let said = joined(written);
            count += 1;
            if said != expected {
                failures.push(format!("{written}\n want {expected}\n  got {said}"));
            }
        }
        assert!(failures.is_empty(), "{}", failures.join("\n"));
        assert!(count >= 200);
    }

    #[test]
    fn the_table_is_said_the_same_inside_a_sentence() {
        let mut failures = Vec::new();
        for row in TABLE.lines().filter(|line| line.contains('\t')) {
            let (written, expected) = row.split_once('\t').unwrap();
            let expected = expected.trim_end_matches(['.', '?']);
            let said = joined(&format!("So, well, {written}, they say"));
            if !said.contains(expected) {
                failures.push(format!("{written}\n want {expected}\n  got {said}"));
            }
        }
        assert!(failures.is_empty(), "{}", failures.join("\n"));
    }

    #[test]
    fn plain_text_stays_as_it_is() {
        for text in ["Thank you for calling, how can I help?", "well-known", "O'Brien's e-mail"] {
            assert_eq!(joined(text), text);
        }
        assert_eq!(joined("🙂 ok"), "ok");
        assert_eq!(joined("..."), "");
        assert_eq!(joined(""), "");
    }

    #[test]
    fn every_piece_knows_its_words() {
        let pieces = pieces("Open until 6 p.m. on May 3, ok?");
        let ranges: Vec<_> = pieces.iter().map(|piece| piece.words.clone()).collect();
        assert_eq!(ranges, [0..1, 1..2, 2..4, 4..5, 5..7, 7..8]);
    }

    proptest::proptest! {
        #[test]
        fn every_text_is_said_without_a_symbol_left(
            words in proptest::collection::vec(
                proptest::sample::select(vec![
                    "$", "$.5", "$1.234", "€", "3:", ":30", "3:99pm", "May", "32", "99999999999999999999",
                    "1,2,3", "0/0/0000", "13/13/2026", "+1", "555-", "#", "%", "50%", "°", "a@", "@b.c",
                    "www.", "http://", "St.", "No.", "-", "1-2-3", "A1B2", "0000s", "1990s", "…", "(", "é1",
                ]),
                0..10,
            ),
            noise in "\\PC{0,20}",
        ) {
            let text = format!("{} {noise}", words.join(" "));
            let count = text.split_whitespace().count();
            let mut last = 0;
            for piece in pieces(&text) {
                assert!(piece.words.start >= last && piece.words.end <= count);
                last = piece.words.end;
                let symbols = ['$', '%', '@', '#', '[', ']', '(', ')', '*', '_', '&'];
                assert!(!piece.said.contains(symbols), "{piece:?}");
            }
        }
    }
}
