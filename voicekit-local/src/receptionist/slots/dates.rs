//! Days as they are said. Without a calendar: "Friday" stays "Friday".

use super::numbers::{number, small};
use super::{Answer, Asked};
use crate::receptionist::words::{Words, alike};

const DAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const MONTHS: [(&str, u32); 12] = [
    ("January", 31),
    ("February", 29),
    ("March", 31),
    ("April", 30),
    ("May", 31),
    ("June", 30),
    ("July", 31),
    ("August", 31),
    ("September", 30),
    ("October", 31),
    ("November", 30),
    ("December", 31),
];
const ORDINALS: [&str; 19] = [
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "eleventh",
    "twelfth",
    "thirteenth",
    "fourteenth",
    "fifteenth",
    "sixteenth",
    "seventeenth",
    "eighteenth",
    "nineteenth",
];

/// The first day named in `words`.
pub(super) fn date(words: &Words, asked: Asked) -> Answer {
    let mut answer = Answer::Nothing;
    for at in 0..words.len() {
        match date_at(words, at, asked) {
            Some((Some(said), count)) => return Answer::Fits(said, at..at + count),
            Some((None, _)) => answer = Answer::Unfit,
            None => {}
        }
    }
    answer
}

/// The day at `at`, `None` in it if there is no such day, and how many words it takes.
fn date_at(words: &Words, at: usize, asked: Asked) -> Option<(Option<String>, usize)> {
    for phrase in ["the day after tomorrow", "today", "tonight", "tomorrow"] {
        if let Some(count) = words.has_at(at, phrase) {
            return Some((Some(phrase.to_owned()), count));
        }
    }
    if let Some(day) = weekday(words.at(at)) {
        let next = at > 0 && words.at(at - 1) == "next";
        return Some((Some(if next { format!("next {day}") } else { day.to_owned() }), 1));
    }
    if words.at(at) == "in"
        && let Some((value, count)) = number(words, at + 1)
        && let unit @ ("days" | "weeks" | "day" | "week") = words.at(at + 1 + count)
    {
        return Some((Some(format!("in {value} {unit}")), count + 2));
    }
    if let Some((month, day)) = words.at(at).split_once('/') {
        let month = month.parse::<usize>().ok()?.checked_sub(1)?;
        let day: u32 = day.split('/').next()?.parse().ok()?;
        return Some((MONTHS.get(month).and_then(|month| of_month(*month, day)), 1));
    }
    day_and_month(words, at).or_else(|| bare_day(words, at, asked))
}

fn weekday(word: &str) -> Option<&'static str> {
    let word = word.trim_end_matches("'s");
    DAYS.into_iter().find(|day| {
        let day = day.to_lowercase();
        word == day || word == format!("{day}s") || word.len() > 5 && alike(word, &day)
    })
}

/// "May 3rd", "May the third", "the 3rd of May".
fn day_and_month(words: &Words, at: usize) -> Option<(Option<String>, usize)> {
    if let Some(month) = month(words.at(at)) {
        let the = usize::from(words.at(at + 1) == "the");
        let (day, count) = day(words, at + 1 + the)?;
        return Some((of_month(month, day), 1 + the + count));
    }
    let (day, count) = day(words, at)?;
    let of = usize::from(words.at(at + count) == "of");
    let month = month(words.at(at + count + of))?;
    Some((of_month(month, day), count + of + 1))
}

/// "the 14th" by itself.
fn bare_day(words: &Words, at: usize, asked: Asked) -> Option<(Option<String>, usize)> {
    let (day, count) = day(words, at)?;
    let is_ordinal = ordinal(words, at).is_some();
    let announced = at > 0 && words.at(at - 1) == "the";
    if !is_ordinal || !announced && asked == Asked::ForNothing {
        return None;
    }
    let said = (1..=31).contains(&day).then(|| format!("the {day}{}", ending(day)));
    Some((said, count))
}

fn month(word: &str) -> Option<(&'static str, u32)> {
    let exact = |name: &str| {
        let name = name.to_lowercase();
        word == name
            || word.len() == 3 && name.starts_with(word)
            || name.len() > 5 && alike(word, &name)
    };
    MONTHS.into_iter().find(|(name, _)| exact(name))
}

fn of_month((month, days): (&str, u32), day: u32) -> Option<String> {
    (1..=days).contains(&day).then(|| format!("{month} {day}{}", ending(day)))
}

fn ending(day: u32) -> &'static str {
    match (day / 10, day % 10) {
        (1, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    }
}

/// An ordinal or a plain number that can be a day.
fn day(words: &Words, at: usize) -> Option<(u32, usize)> {
    ordinal(words, at).or_else(|| {
        let (value, count) = number(words, at)?;
        Some((u32::try_from(value).ok()?, count))
    })
}

fn ordinal(words: &Words, at: usize) -> Option<(u32, usize)> {
    let word = words.at(at);
    for ending in ["st", "nd", "rd", "th"] {
        if let Some(Ok(day)) = word.strip_suffix(ending).map(str::parse) {
            return Some((day, 1));
        }
    }
    let one = |word: &str| {
        let place = ORDINALS.iter().position(|ordinal| *ordinal == word)?;
        u32::try_from(place + 1).ok()
    };
    match word {
        "twentieth" => return Some((20, 1)),
        "thirtieth" => return Some((30, 1)),
        _ => {}
    }
    if let Some(day) = one(word) {
        return Some((day, 1));
    }
    let tens = small(word).filter(|tens| matches!(tens, 20 | 30))?;
    let ones = one(words.at(at + 1)).filter(|ones| *ones < 10)?;
    Some((u32::try_from(tens).ok()? + ones, 2))
}
