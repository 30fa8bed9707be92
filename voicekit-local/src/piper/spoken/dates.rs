//! Dates, years and decades: "May 3rd, 2026", "24–26 Dec", "12/05/2024", "the 1990s", "Mon–Fri".

use super::numbers::{all_digits, ordinal, value, year};
use super::token::{Said, Text};

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
const DAYS: [(&str, &str); 12] = [
    ("Mon", "Monday"),
    ("Tue", "Tuesday"),
    ("Tues", "Tuesday"),
    ("Wed", "Wednesday"),
    ("Weds", "Wednesday"),
    ("Thu", "Thursday"),
    ("Thur", "Thursday"),
    ("Thurs", "Thursday"),
    ("Fri", "Friday"),
    ("Sat", "Saturday"),
    ("Sun", "Sunday"),
    ("Weekdays", "weekdays"),
];

/// A date, or a range of dates or of days of the week.
pub(super) fn date(text: &Text<'_>, at: usize) -> Option<Said> {
    numeric(text, at)
        .or_else(|| month_first(text, at))
        .or_else(|| day_first(text, at))
        .or_else(|| weekday(text, at))
        .or_else(|| decade(text, at))
}

/// "2026-05-03", "5/3/2026", "03.05.2026", and "5/3" behind a word such as "on".
fn numeric(text: &Text<'_>, at: usize) -> Option<Said> {
    let first = text.number(at)?;
    let mark = text.glued_sign(at + 1).filter(|mark| matches!(mark, '-' | '/' | '.'))?;
    let second = text.glued_number(at + 2)?;
    let third = text.glued_number(at + 4).filter(|_| text.glued_sign(at + 3) == Some(mark));
    let Some(third) = third else { return without_year(text, at, first, mark, second) };
    if matches!(text.glued_sign(at + 5), Some('-' | '/' | '.'))
        && text.glued_number(at + 6).is_some()
    {
        return None;
    }
    let (month, day, of_year) = match (first.len(), third.len(), mark) {
        (4, 1 | 2, _) => (second, third, first),
        (1 | 2, 4, '.') => (second, first, third),
        (1 | 2, 4, _) => (first, second, third),
        (2, 2, '.') if second.len() == 2 => (second, first, third),
        (1 | 2, 2, '/') => (first, second, third),
        _ => return None,
    };
    // Whichever can only be a day is one.
    let swapped = first.len() < 4 && value(month)? > 12;
    let (month, day) = if swapped { (day, month) } else { (month, day) };
    let said =
        format!("{} {} {}", month_name(month)?, ordinal(of_month(day)?), year(full_year(of_year)?));
    let end = at + 5;
    let has_time = text.glued_word(end) == Some("T");
    match super::clock::time(text, end + 1).filter(|_| has_time) {
        Some(time) => Some(Said::new(format!("{said}, {}", time.words), time.end)),
        None => Some(Said::new(said, end)),
    }
}

fn without_year(text: &Text<'_>, at: usize, first: &str, mark: char, second: &str) -> Option<Said> {
    const BEFORE: [&str; 8] = ["on", "until", "by", "since", "before", "after", "due", "dated"];
    if first.len() == 4 && second.len() == 2 && mark == '/' {
        let (from, to) = (value(first)?, value(second)?);
        let follows = is_year(from) && to == (from + 1) % 100;
        return follows.then(|| {
            Said::new(format!("{} to {}", year(from), super::numbers::cardinal(to)), at + 3)
        });
    }
    let before = text.context(at);
    let is_date = BEFORE.contains(&before.as_str()) || day_name(&capitalized(&before)).is_some();
    if mark != '/' || !is_date || first.len() > 2 {
        return None;
    }
    let (month, day) = if value(first)? > 12 { (second, first) } else { (first, second) };
    let said = format!("{} {}", month_name(month)?, ordinal(of_month(day)?));
    Some(Said::new(said, at + 3))
}

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// "May 3", "Dec. 24–26", "May 3rd, 2026", "Dec 2024", "Jan–Mar".
fn month_first(text: &Text<'_>, at: usize) -> Option<Said> {
    let (month, end) = month(text, at)?;
    if let Some(next) = text.after_dash(end)
        && let Some((other, end)) = self::month(text, next)
    {
        return Some(with_year(format!("{month} to {other}"), text, end));
    }
    if let Some((day, end)) = day(text, end) {
        let range = text.after_dash(end).and_then(|next| self::day(text, next));
        if let Some((last, end)) = range {
            return Some(with_year(format!("{month} {day} to {last}"), text, end));
        }
        return Some(with_year(format!("{month} {day}"), text, end));
    }
    if let Some(number) = text.number(end).and_then(plain_year) {
        return Some(Said::new(format!("{month} {}", year(number)), end + 1));
    }
    let is_short = text.word(at) != Some(month);
    let is_dotted = end > at + 1;
    (is_short && is_dotted).then(|| Said::new(month, end))
}

/// "3 May", "24–26 December", "5. Dec 2024".
fn day_first(text: &Text<'_>, at: usize) -> Option<Said> {
    let (first, mut end) = day(text, at)?;
    let mut said = first;
    if let Some(next) = text.after_dash(end)
        && let Some((last, range_end)) = day(text, next)
    {
        (said, end) = (format!("{said} to {last}"), range_end);
    }
    let end = if text.glued_sign(end) == Some('.') { end + 1 } else { end };
    let (month, end) = month(text, end)?;
    Some(with_year(format!("{month} {said}"), text, end))
}

/// A day of the month as an ordinal: "3", "3rd".
fn day(text: &Text<'_>, at: usize) -> Option<(String, usize)> {
    let said = ordinal(of_month(text.number(at)?)?);
    let end = at + 1 + usize::from(ordinal_suffix(text, at + 1));
    let goes_on = match text.glued_sign(end) {
        Some('.' | ':' | ',' | '/') => text.glued_number(end + 1).is_some(),
        Some('%' | '°' | '€') => true,
        Some(_) | None => text.glued_word(end).is_some(),
    };
    (!goes_on).then_some((said, end))
}

/// A month at `at`, also short, with the stop behind it.
fn month(text: &Text<'_>, at: usize) -> Option<(&'static str, usize)> {
    let word = text.word(at)?;
    let whole = MONTHS.iter().find(|month| **month == word);
    let short = || MONTHS.iter().find(|month| word.len() == 3 && month.starts_with(word));
    let sept = || (word == "Sept").then_some(&"September");
    if let Some(whole) = whole {
        return Some((whole, at + 1));
    }
    let month = short().or_else(sept)?;
    Some((month, at + 1 + usize::from(text.glued_sign(at + 1) == Some('.'))))
}

/// Whether a word is a month or short for one.
pub(super) fn is_month(word: &str) -> bool {
    MONTHS.iter().any(|month| *month == word || word.len() == 3 && month.starts_with(word))
}

fn with_year(said: String, text: &Text<'_>, end: usize) -> Said {
    let comma = usize::from(text.sign(end) == Some(',') && text.number(end + 1).is_some());
    match text.number(end + comma).and_then(plain_year) {
        Some(number) if text.glued_sign(end + comma + 1) != Some(':') => {
            Said::new(format!("{said} {}", year(number)), end + comma + 1)
        }
        Some(_) | None => Said::new(said, end),
    }
}

/// "Mon–Fri", "Sat.", "Tue 9am": days of the week that are written short.
fn weekday(text: &Text<'_>, at: usize) -> Option<Said> {
    const BEFORE: [&str; 8] = ["on", "every", "this", "next", "last", "by", "until", "from"];
    let name = day_name(text.word(at)?)?;
    let dotted =
        usize::from(text.glued_sign(at + 1) == Some('.') && text.glued_word(at + 2).is_none());
    let end = at + 1 + dotted;
    if let Some(next) = text.after_dash(end)
        && let Some(other) = text.word(next).and_then(day_name)
    {
        let dotted = usize::from(text.glued_sign(next + 1) == Some('.'));
        return Some(Said::new(format!("{name} to {other}"), next + 1 + dotted));
    }
    let next = if text.sign(end) == Some(',') { end + 1 } else { end };
    let leads = text.number(next).is_some() || month(text, next).is_some();
    let links = text.sign(end) == Some('&')
        || matches!(text.word(end), Some("and" | "to" | "or" | "through" | "thru" | "until"));
    let leads = leads || links && text.word(end + 1).and_then(day_name).is_some();
    let listed = BEFORE.contains(&text.before(at).as_str());
    let is_list = text.sign(end) == Some('/')
        && text.word(end + 1).is_some_and(|word| day_name(word).is_some());
    (dotted > 0 || leads || listed || is_list).then(|| Said::new(name, end))
}

fn day_name(word: &str) -> Option<&'static str> {
    let whole = DAYS.iter().find(|(_, name)| *name == word);
    whole.or_else(|| DAYS.iter().find(|(short, _)| *short == word)).map(|(_, name)| *name)
}

/// "1990s", "the 1990's", "'90s", "his 30s".
fn decade(text: &Text<'_>, at: usize) -> Option<Said> {
    let at = if matches!(text.sign(at), Some('\'' | '’' | '‘')) { at + 1 } else { at };
    let digits = text.number(at)?;
    let mark = usize::from(matches!(text.glued_sign(at + 1), Some('\'' | '’')));
    if text.glued_word(at + 1 + mark) != Some("s") {
        return None;
    }
    let number = value(digits).filter(|number| number % 10 == 0)?;
    let said = match digits.len() {
        4 => year(number),
        2 if number >= 20 => super::numbers::cardinal(number),
        _ => return None,
    };
    let said = match said.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None => format!("{said}s"),
    };
    Some(Said::new(said, at + 2 + mark))
}

/// A year by itself: a number of four digits that counts nothing.
pub(super) fn lone_year(text: &Text<'_>, at: usize) -> Option<Said> {
    const BEFORE: [&str; 14] = [
        "in", "since", "from", "by", "until", "till", "of", "year", "before", "after", "during",
        "spring", "summer", "circa",
    ];
    const COUNTED: [&str; 6] = ["people", "men", "women", "children", "words", "square"];
    let number = plain_year(text.number(at)?)?;
    let is_dated = BEFORE.contains(&text.before(at).as_str());
    let next = text.word(at + 1).filter(|_| !text.is_glued(at + 1)).unwrap_or_default();
    let is_plural = next.len() > 3 && next.ends_with('s') && !next.ends_with("ss");
    let counts = is_plural && next.starts_with(char::is_lowercase) || COUNTED.contains(&next);
    let is_recent = (1900..2100).contains(&number);
    (is_dated || is_recent && !counts).then(|| Said::new(year(number), at + 1))
}

/// "2019–2021".
pub(super) fn years(text: &Text<'_>, at: usize) -> Option<Said> {
    let from = plain_year(text.number(at)?)?;
    let next = text.after_dash(at + 1)?;
    let digits = text.number(next)?;
    let to = match digits.len() {
        2 => from / 100 * 100 + value(digits)?,
        _ => plain_year(digits)?,
    };
    let goes_on = text.glued_sign(next + 1) == Some('-') && text.glued_number(next + 2).is_some();
    let is_range = from < to && from >= 1500 && !goes_on && text.glued_word(next + 1).is_none();
    is_range.then(|| Said::new(format!("{} to {}", year(from), year(to)), next + 1))
}

/// Whether "st", "nd", "rd" or "th" is glued at `at`.
pub(super) fn ordinal_suffix(text: &Text<'_>, at: usize) -> bool {
    text.glued_word(at)
        .is_some_and(|word| matches!(word.to_ascii_lowercase().as_str(), "st" | "nd" | "rd" | "th"))
}

fn month_name(number: &str) -> Option<&'static str> {
    let index = usize::try_from(value(number)?).ok()?.checked_sub(1)?;
    MONTHS.get(index).copied()
}

fn of_month(text: &str) -> Option<u64> {
    value(text).filter(|day| (1..=31).contains(day) && text.len() <= 2)
}

/// Years of two digits are those from 1970 to 2069.
fn full_year(text: &str) -> Option<u64> {
    let number = value(text)?;
    Some(match text.len() {
        2 if number < 70 => 2000 + number,
        2 => 1900 + number,
        _ => number,
    })
}

fn plain_year(text: &str) -> Option<u64> {
    let number = value(text).filter(|_| text.len() == 4 && all_digits(text))?;
    is_year(number).then_some(number)
}

fn is_year(number: u64) -> bool {
    (1100..2100).contains(&number)
}
