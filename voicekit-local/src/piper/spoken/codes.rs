//! Numbers that name something: codes, rooms, flights, versions, postcodes.

use super::numbers::{cardinal, digits, ordinal, value};
use super::token::{Said, Text};

/// Words before a number that is read digit by digit.
const CODES: &[&str] = &[
    "code",
    "pin",
    "confirmation",
    "account",
    "reference",
    "ref",
    "ticket",
    "id",
    "passcode",
    "zip",
    "postcode",
    "extension",
    "ext",
    "serial",
    "tracking",
    "password",
    "digits",
    "ending",
    "order",
    "booking",
    "reservation",
    "case",
    "invoice",
    "number",
];
/// Words before a number that is read in pairs: "room two oh four".
const PAIRED: &[&str] = &[
    "room",
    "rm",
    "suite",
    "ste",
    "flight",
    "route",
    "highway",
    "hwy",
    "apartment",
    "apt",
    "unit",
    "bus",
    "gate",
    "channel",
    "interstate",
    "building",
    "bldg",
    "area",
];

/// Short telephone numbers.
const EMERGENCY: [&str; 9] = ["911", "999", "112", "411", "311", "211", "988", "111", "101"];

/// "v2.0.1", "1.2.3", "192.168.0.1".
pub(super) fn version(text: &Text<'_>, at: usize) -> Option<Said> {
    let is_marked = matches!(text.word(at), Some("v" | "V" | "r")) && text.is_glued(at + 1);
    let from = at + usize::from(is_marked);
    let mut parts = vec![text.number(from)?];
    let mut end = from + 1;
    while text.glued_sign(end) == Some('.')
        && let Some(part) = text.glued_number(end + 1)
    {
        parts.push(part);
        end += 2;
    }
    let is_address = !is_marked
        && parts.len() == 4
        && parts.iter().all(|part| value(part).is_some_and(|value| value < 256))
        && parts.iter().all(|part| part.len() == 1 || !part.starts_with('0'));
    let groups = parts.iter().skip(1).all(|part| part.len() == 3);
    let total: usize = parts.iter().map(|part| part.len()).sum();
    if !is_marked && !is_address && (parts.len() < 3 || groups || total > 6) {
        return None;
    }
    let said = parts.iter().map(|part| short(part)).collect::<Vec<_>>();
    let said = match is_address {
        true => parts.iter().map(|part| digits(part)).collect::<Vec<_>>().join(" dot "),
        false => said.join(" point "),
    };
    Some(Said::new(if is_marked { format!("version {said}") } else { said }, end))
}

/// Numbers of up to two digits as numbers, others digit by digit.
fn short(text: &str) -> String {
    match value(text).filter(|_| text.len() <= 2 && (text.len() == 1 || !text.starts_with('0'))) {
        Some(number) => cardinal(number),
        None => digits(text),
    }
}

/// A number behind a word that says what it names.
pub(super) fn named(text: &Text<'_>, at: usize) -> Option<Said> {
    let hash = text.sign(at) == Some('#') && text.is_glued(at + 1);
    let from = at + usize::from(hash);
    let number = text.number(from)?;
    let ends = text.glued_word(from + 1).is_none()
        && !(matches!(text.glued_sign(from + 1), Some('.' | ',' | '-' | '–' | '/'))
            && text.glued_number(from + 2).is_some());
    if !ends {
        return None;
    }
    let (before, earlier) = context(text, at);
    if matches!(before.as_str(), "call" | "dial" | "text") && EMERGENCY.contains(&number) {
        return Some(Said::new(digits(number), from + 1));
    }
    let counts = is_plural(text.word(from + 1).unwrap_or_default());
    let in_code = CODES.contains(&before.as_str()) && !(counts && before == "order")
        || before == "in" && earlier == "ending";
    let name = if hash { "number " } else { "" };
    if number.len() >= 3 && (in_code || hash) {
        return Some(Said::new(format!("{name}{}", digits(number)), from + 1));
    }
    if hash {
        return Some(Said::new(format!("number {}", cardinal(value(number)?)), from + 1));
    }
    if is_zip(text, at, number) {
        return Some(Said::new(digits(number), from + 1));
    }
    let is_paired = is_place(&before) || is_house(text, from + 1);
    is_paired.then(|| Some(Said::new(paired(number)?, from + 1)))?
}

/// Whether a word stands before the number of a place: "Apt 3L" holds no liters.
pub(super) fn is_place(word: &str) -> bool {
    PAIRED.contains(&word)
}

/// The last two words before `at`, without "is", "number" and signs between them.
fn context(text: &Text<'_>, at: usize) -> (String, String) {
    let before = text.context(at);
    let back = at.saturating_sub(1);
    let earlier = text.context(back);
    match before.as_str() {
        "is" | "no" | "was" => (earlier, String::new()),
        _ => (before, earlier),
    }
}

fn is_plural(word: &str) -> bool {
    word.len() > 3 && word.ends_with('s') && word.starts_with(char::is_lowercase)
}

/// Five digits behind the two letters of a state.
fn is_zip(text: &Text<'_>, at: usize, number: &str) -> bool {
    let state = at.checked_sub(1).and_then(|at| text.word(at)).unwrap_or_default();
    number.len() == 5 && super::names::state(state).is_some()
}

/// Whether capitalized words and a kind of street follow: the number is that of a house.
fn is_house(text: &Text<'_>, at: usize) -> bool {
    let words = (at..at + 5).map_while(|at| {
        let is_inner = text.sign(at) == Some('.');
        let word = text.word(at).filter(|word| word.starts_with(char::is_uppercase));
        if word.is_none() && is_inner { Some(".") } else { word }
    });
    words.skip(1).any(super::names::is_street)
}

/// A number in pairs of digits: 204 as "two oh four", 1250 as "twelve fifty".
fn paired(number: &str) -> Option<String> {
    let all = value(number).filter(|_| !number.starts_with('0'))?;
    let (head, rest) = (all / 100, all % 100);
    Some(match number.len() {
        1 | 2 => cardinal(all),
        3 | 4 if all.is_multiple_of(1000) => cardinal(all),
        3 | 4 if rest == 0 => format!("{} hundred", cardinal(head)),
        3 | 4 if rest < 10 => format!("{} oh {}", cardinal(head), cardinal(rest)),
        3 | 4 => format!("{} {}", cardinal(head), cardinal(rest)),
        _ => digits(number),
    })
}

/// "1st", "21st", "103rd".
pub(super) fn ordinal_number(text: &Text<'_>, at: usize) -> Option<Said> {
    let number = super::amount::Amount::parse(text, at, super::amount::Reading::Plain)?;
    let fits = number.fraction.is_none() && super::dates::ordinal_suffix(text, number.end);
    fits.then(|| Some(Said::new(ordinal(number.value()?), number.end + 1)))?
}

/// Letters and digits in one word, also around hyphens: "BA117", "A4", "COVID-19", "24-hour".
pub(super) fn mixed(text: &Text<'_>, at: usize) -> Option<Said> {
    let mut said: Vec<String> = Vec::new();
    let (mut end, mut has_number, mut has_word) = (at, false, false);
    while end == at || text.is_glued(end) {
        if let Some(number) = text.number(end) {
            has_number = true;
            let value = value(number).filter(|_| number.len() <= 2 && !number.starts_with('0'));
            let lone = text.sign(end + 1) == Some('-') && text.glued_word(end + 2).is_some();
            let whole = super::numbers::value(number).filter(|_| lone && said.is_empty());
            said.push(value.or(whole).map_or_else(|| digits(number), cardinal));
        } else if let Some(word) = text.word(end) {
            has_word = true;
            said.push(letters(word));
        } else if !(matches!(text.sign(end), Some('-' | '–' | '/'))
            && text.is_glued(end + 1)
            && end > at)
        {
            break;
        }
        end += 1;
    }
    (has_number && has_word).then(|| Said::new(said.join(" "), end))
}

/// Short runs of letters in a code are spelled, others are words.
fn letters(run: &str) -> String {
    let is_capital = run.len() <= 3 && run.chars().all(|c| c.is_ascii_uppercase());
    let has_vowel = run.contains(['a', 'e', 'i', 'o', 'u', 'y']);
    if is_capital || run.len() <= 3 && !has_vowel && run.is_ascii() {
        let letters = run.chars().map(|c| c.to_ascii_uppercase().to_string());
        return letters.collect::<Vec<_>>().join(" ");
    }
    super::symbols::in_words(run)
}
