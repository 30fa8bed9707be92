//! Written text as it is said: numbers, times, money, dates, addresses and symbols in words.
//!
//! Each [`Piece`] remembers the written words it stands for, so that the audio can be matched with
//! the text as it was written.

mod dates;
pub(crate) mod numbers;
mod symbols;

use std::ops::Range;

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

/// `text` in speakable pieces. Words with nothing to pronounce give no piece.
pub(super) fn pieces(text: &str) -> Vec<Piece> {
    let words: Vec<Word<'_>> = text.split_whitespace().map(Word::new).collect();
    let mut pieces = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let (said, count) = said(&words, at);
        let pause = symbols::pause(&words, at + count - 1);
        if said.chars().any(char::is_alphanumeric) {
            pieces.push(Piece { words: at..at + count, said, pause });
        } else if let (Some(before), Some(pause)) = (pieces.last_mut(), pause) {
            before.pause = before.pause.or(Some(pause));
        }
        at += count;
    }
    pieces
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
        let mut pause = strong.or_else(|| tail.chars().find(|c| PAUSES.contains(c)));
        if pause.is_none() && (written.ends_with('…') || matches!(core, "-" | "–" | "—")) {
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

/// What is said for the word at `at`, and how many written words that takes.
fn said(words: &[Word<'_>], at: usize) -> (String, usize) {
    let phrase = dates::time(words, at)
        .or_else(|| dates::date(words, at))
        .or_else(|| symbols::telephone(words, at))
        .or_else(|| symbols::money(words, at));
    if let Some(phrase) = phrase {
        return phrase;
    }
    (symbols::abbreviation(words, at).unwrap_or_else(|| word(words[at].core)), 1)
}

/// One word by itself.
fn word(core: &str) -> String {
    let known = symbols::address(core)
        .or_else(|| symbols::quantity(core))
        .or_else(|| numbers::number(core))
        .or_else(|| symbols::code(core));
    if let Some(said) = known {
        return said;
    }
    if let Some((left, right)) = core.split_once(['/', '–', '—']) {
        return format!("{} {}", word(left), word(right)).trim().to_owned();
    }
    symbols::in_words(core)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(written: &str, expected: &str) {
        let said: Vec<String> = pieces(written)
            .into_iter()
            .map(|piece| match piece.pause {
                Some(pause) if !piece.said.ends_with(pause) => format!("{}{pause}", piece.said),
                _ => piece.said,
            })
            .collect();
        assert_eq!(said.join(" "), expected, "{written}");
    }

    #[test]
    fn plain_text_stays_as_it_is() {
        check("Thank you for calling, how can I help?", "Thank you for calling, how can I help?");
        check("It's \"great\" (really).", "It's great really.");
        check("well-known", "well-known");
    }

    #[test]
    fn times_are_said_by_the_clock() {
        check("at 3:30pm.", "at three thirty p.m.");
        check("from 7 a.m. to 6 p.m. today", "from seven a.m. to six p.m. today");
        check("10:05 or 12:00", "ten oh five or twelve o'clock");
        check("9:00 AM", "nine a.m.");
        check("7am-6pm", "seven a.m. to six p.m.");
    }

    #[test]
    fn dates_are_said_with_ordinals() {
        check("on May 3.", "on May third.");
        check("May 3rd, 2026", "May third twenty twenty-six");
        check("3 May at noon", "May third at noon");
        check("2026-05-03", "May third twenty twenty-six");
        check("5/3/2026", "May third twenty twenty-six");
        check("May I help?", "May I help?");
        check("the 21st of June", "the twenty-first of June");
        check("in 1999", "in nineteen ninety-nine");
        check("Dec. 25", "December twenty-fifth");
    }

    #[test]
    fn money_is_said_in_its_unit() {
        check("$3.50", "three dollars fifty");
        check("$1", "one dollar");
        check("$0.99", "ninety-nine cents");
        check("$5 million", "five million dollars");
        check("€20 or £12.05.", "twenty euros or twelve pounds five.");
        check("$1,200", "one thousand two hundred dollars");
    }

    #[test]
    fn telephone_numbers_are_said_digit_by_digit() {
        check("Call 555-0142.", "Call five five five, zero one four two.");
        check("(415) 555-0142", "four one five, five five five, zero one four two");
        check(
            "+1 415 555 0142 now",
            "plus one, four one five, five five five, zero one four two now",
        );
        check("911", "nine hundred eleven");
    }

    #[test]
    fn numbers_and_units_are_said_in_words() {
        check("24 items", "twenty-four items");
        check("50% off", "fifty percent off");
        check("5kg and 3 lb", "five kilograms and three lb");
        check("1/2 cup", "one half cup");
        check("open 24/7", "open twenty-four seven");
        check("10-12 people", "ten to twelve people");
        check("#5", "number five");
        check("20°C", "twenty degrees celsius");
        check("the 1990s", "the nineteen nineties");
    }

    #[test]
    fn abbreviations_are_said_in_full() {
        check(
            "Dr. Smith on Main St. near St. Louis",
            "doctor Smith on Main street near saint Louis",
        );
        check("Mr. and Mrs. Jones", "mister and missus Jones");
        check("e.g. bread, rolls, etc.", "for example bread, rolls, et cetera.");
        check("No. 5", "number five");
        check("apt. 4", "apartment four");
    }

    #[test]
    fn addresses_are_spoken() {
        check("info@corner-bakery.com", "info at corner dash bakery dot com");
        check("www.example.com/menu.", "w w w dot example dot com slash menu.");
        check("https://example.org", "example dot org");
    }

    #[test]
    fn symbols_are_said_or_dropped() {
        check("bread & butter", "bread and butter");
        check("**bold** `code` _x_", "bold code x");
        check("2 + 2 = 4", "two plus two equals four");
        check("and/or", "and or");
        check("wait — what", "wait, what");
        check("well…", "well,");
        check("🙂 ok", "ok");
        check("B12 and A4", "B twelve and A four");
        check("", "");
        check("...", "");
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
