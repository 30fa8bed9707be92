//! Times of day and dates.

use super::Word;
use super::numbers::{all_digits, cardinal, ordinal, value, year};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// "3:30pm", "3:30 p.m.", "7 a.m.", "7am-6pm".
pub(super) fn time(words: &[Word<'_>], at: usize) -> Option<(String, usize)> {
    let word = &words[at];
    if let Some((from, to)) = word.core.split_once(['-', '–'])
        && let (Some(from), Some(to)) = (clock(from), clock(to))
        && (from.half.is_some() || to.half.is_some() || from.minute.is_some())
    {
        return Some((format!("{} to {}", from.said(), to.said()), 1));
    }
    let mut clock = clock(word.core)?;
    let next = words.get(at + 1).filter(|_| clock.half.is_none() && !word.is_followed_by_pause());
    if let Some(half) = next.and_then(|next| half(next.core)) {
        clock.half = Some(half);
        return Some((clock.said(), 2));
    }
    (clock.half.is_some() || clock.minute.is_some()).then(|| (clock.said(), 1))
}

struct Clock {
    hour: u64,
    minute: Option<u64>,
    half: Option<&'static str>,
}

impl Clock {
    fn said(&self) -> String {
        let hour = cardinal(self.hour);
        let minute = match self.minute {
            None => String::new(),
            Some(0) if self.half.is_some() => String::new(),
            Some(0) => " o'clock".to_owned(),
            Some(minute @ 1..=9) => format!(" oh {}", cardinal(minute)),
            Some(minute) => format!(" {}", cardinal(minute)),
        };
        let half = self.half.map(|half| format!(" {half}")).unwrap_or_default();
        format!("{hour}{minute}{half}")
    }
}

fn clock(text: &str) -> Option<Clock> {
    let digits_end = text.find(|c: char| !c.is_ascii_digit() && c != ':').unwrap_or(text.len());
    let (digits, suffix) = text.split_at(digits_end);
    let half = if suffix.is_empty() { None } else { Some(half(suffix)?) };
    let (hour, minute) = match digits.split_once(':') {
        Some((hour, minute)) if minute.len() == 2 => (value(hour)?, Some(value(minute)?)),
        Some(_) => return None,
        None => (value(digits)?, None),
    };
    let fits = hour < 25 && minute.is_none_or(|minute| minute < 60);
    fits.then_some(Clock { hour, minute, half })
}

fn half(text: &str) -> Option<&'static str> {
    match text.to_ascii_lowercase().as_str() {
        "am" | "a.m" | "a.m." => Some("a.m."),
        "pm" | "p.m" | "p.m." => Some("p.m."),
        _ => None,
    }
}

/// "May 3", "May 3rd, 2026", "3 May", "2026-05-03", "5/3/2026", "1999".
pub(super) fn date(words: &[Word<'_>], at: usize) -> Option<(String, usize)> {
    let core = words[at].core;
    if let Some(said) = numeric_date(core) {
        return Some((said, 1));
    }
    if let Some(month) = month(core) {
        let day = day(words.get(at + 1)?.core)?;
        return Some(with_year(format!("{month} {}", ordinal(day)), words, at, 2));
    }
    if let Some(day) = day(core)
        && !words[at].is_followed_by_pause()
        && let Some(month) = words.get(at + 1).and_then(|next| month(next.core))
    {
        return Some(with_year(format!("{month} {}", ordinal(day)), words, at, 2));
    }
    if let Some(number) = plain_year(core) {
        return Some((year(number), 1));
    }
    let stem = core.strip_suffix("th").or_else(|| core.strip_suffix("st"));
    let stem = stem.or_else(|| core.strip_suffix("nd")).or_else(|| core.strip_suffix("rd"))?;
    Some((ordinal(value(stem)?), 1))
}

fn with_year(said: String, words: &[Word<'_>], at: usize, count: usize) -> (String, usize) {
    match words.get(at + count).and_then(|next| plain_year(next.core)) {
        Some(number) => (format!("{said} {}", year(number)), count + 1),
        None => (said, count),
    }
}

fn numeric_date(text: &str) -> Option<String> {
    let parts: Vec<&str> = text.split(['-', '/']).collect();
    let &[first, second, third] = parts.as_slice() else { return None };
    let (numbered, day, of_year) =
        if first.len() == 4 { (second, third, first) } else { (first, second, third) };
    if of_year.len() != 4 || !all_digits(of_year) {
        return None;
    }
    let index = usize::try_from(value(numbered)?).ok()?.checked_sub(1)?;
    Some(format!(
        "{} {} {}",
        MONTHS.get(index)?,
        ordinal(day_of_month(day)?),
        year(value(of_year)?)
    ))
}

pub(super) fn month(text: &str) -> Option<&'static str> {
    let whole = MONTHS.iter().find(|month| **month == text);
    let short = || MONTHS.iter().find(|month| text.len() == 3 && month.starts_with(text));
    whole.or_else(short).copied().or_else(|| (text == "Sept").then_some("September"))
}

fn day(text: &str) -> Option<u64> {
    let stem = text.trim_end_matches("st").trim_end_matches("nd");
    day_of_month(stem.trim_end_matches("rd").trim_end_matches("th"))
}

fn day_of_month(text: &str) -> Option<u64> {
    value(text).filter(|day| (1..=31).contains(day) && text.len() <= 2)
}

fn plain_year(text: &str) -> Option<u64> {
    let number = value(text).filter(|_| text.len() == 4)?;
    (1100..2100).contains(&number).then_some(number)
}
