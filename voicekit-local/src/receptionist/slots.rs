//! What a caller answers when asked for a date, a number, a name.

mod clock;
mod dates;
mod numbers;

use std::ops::Range;

use super::knowledge::{Kind, Slot};
use super::words::{Words, alike};

/// What an answer holds for a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The value as it is read back, and the words it was taken from.
    Fits(String, Range<usize>),
    /// Something of the right kind that the slot does not allow.
    Unfit,
    /// Nothing of the kind.
    Nothing,
}

/// How an answer relates to the question before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// The agent asked for this slot: a bare "three" may be a time.
    ForThis,
    /// The caller mentions it by himself: only what cannot be mistaken counts.
    ForNothing,
}

/// Reads `slot` from `words`.
pub(super) fn read(slot: &Slot, words: &Words, asked: Asked) -> Answer {
    match slot.kind {
        Kind::Number => number(slot, words, asked),
        Kind::Date => dates::date(words, asked),
        Kind::Time => clock::time(words, slot.opening(), asked),
        Kind::Phone => numbers::phone(words),
        Kind::Choice => choice(slot, words, asked),
        Kind::Name if asked == Asked::ForThis || introduces(words) => name(words),
        Kind::Text if asked == Asked::ForThis => text(words),
        Kind::Name | Kind::Text => Answer::Nothing,
    }
}

fn number(slot: &Slot, words: &Words, asked: Asked) -> Answer {
    let (min, max) = slot.range();
    let mut answer = Answer::Nothing;
    for at in 0..words.len() {
        let Some((value, count)) = numbers::number(words, at) else { continue };
        if asked == Asked::ForNothing && !counts(words, at + count) {
            continue;
        }
        answer = if (min..=max).contains(&value) {
            return Answer::Fits(value.to_string(), at..at + count);
        } else {
            Answer::Unfit
        };
    }
    answer
}

/// Whether the word after a number says what it counts.
fn counts(words: &Words, after: usize) -> bool {
    ["people", "persons", "guests", "of", "pieces", "adults"].contains(&words.at(after))
}

fn choice(slot: &Slot, words: &Words, asked: Asked) -> Answer {
    let choices = slot.choices.get_ref();
    let lists: Vec<Words> = choices.iter().map(|choice| Words::new(choice)).collect();
    let special = |word: &str| {
        lists.iter().filter(|list| list.plain.iter().any(|other| other == word)).count() == 1
    };
    let fitting: Vec<usize> = (0..choices.len())
        .filter(|index| {
            let mut own = lists[*index].plain.iter().filter(|word| special(word)).peekable();
            own.peek().is_some() && own.all(|word| words.resemble(word))
        })
        .collect();
    if let [only] = fitting.as_slice() {
        return Answer::Fits(choices[*only].clone(), 0..0);
    }
    let place = ["first", "second", "third", "fourth"].iter().position(|place| words.have(place));
    match place.and_then(|place| choices.get(place)) {
        Some(choice) if asked == Asked::ForThis && fitting.is_empty() => {
            Answer::Fits(choice.clone(), 0..0)
        }
        _ => Answer::Nothing,
    }
}

const INTRODUCTIONS: &[&str] = &[
    "my name is",
    "my name's",
    "the name is",
    "name is",
    "name's",
    "this is",
    "i'm",
    "i am",
    "it's",
    "it is",
    "call me",
    "put it under",
    "under",
    "for",
    "make it",
    "that's",
    "just",
    "the name",
    "last name is",
    "first name is",
];

fn introduces(words: &Words) -> bool {
    words.have_any(&["my name is", "my name's", "the name is", "under the name"])
}

fn name(words: &Words) -> Answer {
    let mut start = words.start();
    let introduced = (0..words.len()).find_map(|at| {
        let count =
            words.any_at(at, &["my name is", "my name's", "the name is", "under the name"])?;
        Some(at + count)
    });
    if let Some(at) = introduced {
        start = at;
    }
    while let Some(count) = words.any_at(start, INTRODUCTIONS) {
        start += count;
    }
    let mut end = start;
    while end < start + MOST_LETTERS && (is_name(words.at(end)) || is_spelled(words, start, end)) {
        end += 1;
    }
    let parts: Vec<String> = (start..end).map(|at| words.written(at..at + 1)).collect();
    let spelled = parts.len() > 2 && parts.iter().all(|part| part.chars().count() == 1);
    let said = if spelled {
        capitalised(&parts.concat())
    } else {
        parts.iter().map(|part| capitalised(part)).collect::<Vec<_>>().join(" ")
    };
    let fits = !said.is_empty()
        && (spelled || parts.len() <= 4)
        && (introduced.is_some() || words.len() - end <= 2);
    if fits { Answer::Fits(said, start..end) } else { Answer::Nothing }
}

/// The most letters of a name that is spelled.
const MOST_LETTERS: usize = 20;

/// Whether the word at `at` goes on a name of single letters, of which "I" and "A" are words too.
fn is_spelled(words: &Words, start: usize, at: usize) -> bool {
    at > start && (start..=at).all(|at| words.at(at).chars().count() == 1)
}

fn is_name(word: &str) -> bool {
    const NOT: &[&str] = &[
        "please", "thanks", "thank", "yes", "no", "and", "is", "the", "a", "what", "why", "how",
        "when", "where", "i", "you", "sorry", "um", "uh", "for", "with", "at", "on", "who", "do",
        "can", "to",
    ];
    !word.is_empty()
        && !NOT.contains(&word)
        && word.chars().all(|c| c.is_alphabetic() || c == '\'' || c == '.')
}

fn capitalised(word: &str) -> String {
    let lower = word.trim_end_matches('.').to_lowercase();
    let mut rest = lower.chars();
    rest.next().map(|first| first.to_uppercase().chain(rest).collect()).unwrap_or_default()
}

fn text(words: &Words) -> Answer {
    const LEADS: &[&str] =
        &["i'd like", "i would like", "i want", "it's", "it is", "please", "can i have", "just"];
    let mut start = words.start();
    while let Some(count) = words.any_at(start, LEADS) {
        start += count;
    }
    let mut end = words.len();
    while end > start && ["please", "thanks"].contains(&words.at(end - 1)) {
        end -= 1;
    }
    let said: String = words.written(start..end).chars().take(120).collect();
    if said.is_empty() { Answer::Nothing } else { Answer::Fits(said, start..end) }
}

/// Whether the caller names the slot: "change the name".
pub(super) fn names(slot: &Slot, words: &Words) -> bool {
    let kind = match slot.kind {
        Kind::Date => &["day", "date"][..],
        Kind::Time => &["time", "hour"],
        Kind::Phone => &["number", "phone"],
        Kind::Number => &["number", "people"],
        Kind::Name => &["name"],
        Kind::Text | Kind::Choice => &[],
    };
    let own = slot.name.get_ref().as_str();
    words.plain.iter().any(|word| kind.contains(&word.as_str()) || alike(word, own))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::receptionist::Knowledge;

    fn slot(kind: &str, rest: &str) -> Slot {
        let text = include_str!("bakery.toml");
        let intents = text.find("[[intent]]").unwrap();
        let file = format!(
            "{}\n[[intent]]\nname='i'\nask=['a']\nbegin='b'\nconfirm='c'\ndone='d'\ncancelled='e'\n\
             [[intent.slot]]\nname='thing'\nkind='{kind}'\nprompt='?'\n{rest}\n",
            &text[..intents]
        );
        Knowledge::from_toml(&file).unwrap().intents.remove(0).slots.remove(0)
    }

    fn check(slot: &Slot, cases: &[(&str, &str)]) {
        for (text, expected) in cases {
            let said = match read(slot, &Words::new(text), Asked::ForThis) {
                Answer::Fits(said, _) => said,
                Answer::Unfit => "unfit".to_owned(),
                Answer::Nothing => "nothing".to_owned(),
            };
            assert_eq!(said, *expected, "{text}");
        }
    }

    #[test]
    fn numbers_are_understood_in_words_and_digits() {
        check(
            &slot("number", "min=2\nmax=200"),
            &[
                ("ten", "10"),
                ("for 12 people please", "12"),
                ("twenty-five", "25"),
                ("a hundred and twenty", "120"),
                ("a dozen", "12"),
                ("half a dozen", "6"),
                ("a couple", "2"),
                ("one", "unfit"),
                ("1,000", "unfit"),
                ("I don't know", "nothing"),
            ],
        );
    }

    #[test]
    fn dates_are_understood() {
        check(
            &slot("date", ""),
            &[
                ("tomorrow", "tomorrow"),
                ("the day after tomorrow", "the day after tomorrow"),
                ("this Friday please", "Friday"),
                ("next tuesday", "next Tuesday"),
                ("the 3rd of May", "May 3rd"),
                ("May third", "May 3rd"),
                ("May 21st", "May 21st"),
                ("on the twenty second of june", "June 22nd"),
                ("December twenty fifth", "December 25th"),
                ("5/3", "May 3rd"),
                ("on the 14th", "the 14th"),
                ("in two weeks", "in 2 weeks"),
                ("February 30", "unfit"),
                ("whenever you like", "nothing"),
            ],
        );
    }

    #[test]
    fn times_are_understood_within_opening_hours() {
        check(
            &slot("time", "earliest='07:00'\nlatest='18:00'"),
            &[
                ("three", "3 p.m."),
                ("at 3:30", "3:30 p.m."),
                ("3.30 pm", "3:30 p.m."),
                ("10 a.m.", "10 a.m."),
                ("half past four", "4:30 p.m."),
                ("quarter to five", "4:45 p.m."),
                ("four forty five", "4:45 p.m."),
                ("nine o'clock in the morning", "9 a.m."),
                ("noon", "noon"),
                ("eight", "8 a.m."),
                ("5pm", "5 p.m."),
                ("nine in the evening", "unfit"),
                ("midnight", "unfit"),
                ("whenever", "nothing"),
            ],
        );
    }

    #[test]
    fn telephone_numbers_are_understood() {
        check(
            &slot("phone", ""),
            &[
                ("555-0142", "555-0142"),
                ("five five five oh one four two", "555-0142"),
                ("it's 415 555 0142", "415-555-0142"),
                ("double five five zero one four two", "555-0142"),
                ("five five", "unfit"),
                ("I'd rather not", "nothing"),
            ],
        );
    }

    #[test]
    fn choices_survive_recognition_errors() {
        check(
            &slot("choice", "choices=['chocolate cake','carrot cake','cheesecake']"),
            &[
                ("the chocolate one", "chocolate cake"),
                ("choclate please", "chocolate cake"),
                ("cheese cake", "cheesecake"),
                ("the second one", "carrot cake"),
                ("a cake", "nothing"),
                ("chocolate or carrot", "nothing"),
            ],
        );
    }

    #[test]
    fn names_are_taken_from_what_is_around_them() {
        check(
            &slot("name", ""),
            &[
                ("My name is Anna Miller.", "Anna Miller"),
                ("it's bob", "Bob"),
                ("Um, Smith, please.", "Smith"),
                ("S M I T H", "Smith"),
                ("put it under O'Brien", "O'brien"),
                ("why do you want to know that", "nothing"),
            ],
        );
    }

    proptest::proptest! {
        #[test]
        fn no_answer_makes_it_panic(
            words in proptest::collection::vec(
                proptest::sample::select(vec![
                    "hundred", "thousand", "dozen", "a", "and", "twenty", "five", "oh", "double",
                    "half past", "quarter to", "in", "the", "of", "May", "3rd", "31/31/31", "99th",
                    "24:59", "9.99", "0", "999999999999999999", "pm", "next", "friday", "S", "I",
                    "my name is", "é", "-", "'", "12:", ":3", "/", "1/", "st",
                ]),
                0..14,
            ),
            noise in "\\PC{0,12}",
        ) {
            let words = Words::new(&format!("{} {noise}", words.join(" ")));
            for kind in ["number", "date", "time", "phone", "text", "name"] {
                for asked in [Asked::ForThis, Asked::ForNothing] {
                    let _ = read(&slot(kind, ""), &words, asked);
                }
            }
        }
    }
}
