//! Numbers and telephone numbers as they are said.

use super::Answer;
use crate::receptionist::words::Words;

const ONES: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const TENS: [&str; 8] =
    ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];

/// The number at `at` and how many words it takes.
pub(super) fn number(words: &Words, at: usize) -> Option<(i64, usize)> {
    for (phrase, value) in [("half a dozen", 6), ("a dozen", 12), ("a couple", 2)] {
        if let Some(count) = words.has_at(at, phrase) {
            return Some((value, count));
        }
    }
    if let Some(value) = digits(words.at(at)) {
        let dozen = words.at(at + 1) == "dozen";
        return Some(if dozen { (value.checked_mul(12)?, 2) } else { (value, 1) });
    }
    let (mut total, mut part, mut count) = (0_i64, None, 0);
    loop {
        let word = words.at(at + count);
        if let Some(value) = small(word) {
            part = match part {
                None => Some(value),
                Some(before) if before % 10 == 0 && before % 100 != 0 && value < 10 => {
                    before.checked_add(value)
                }
                Some(before) if before % 100 == 0 && value < 100 => before.checked_add(value),
                Some(_) => break,
            };
        } else if word == "hundred" {
            part = Some(part.unwrap_or(1).saturating_mul(100));
        } else if word == "thousand" {
            let thousands = part.take().unwrap_or(1).saturating_mul(1000);
            total = total.saturating_add(thousands);
        } else if word == "dozen" && part.is_some() {
            part = part.map(|part| part.saturating_mul(12));
        } else if !(joins(words, at, count) && (part.is_some() || total > 0 || word == "a")) {
            break;
        }
        count += 1;
    }
    (count > 0).then(|| (total.saturating_add(part.unwrap_or(0)), count))
}

/// "and" between, or "a" before, the words of a number.
fn joins(words: &Words, at: usize, count: usize) -> bool {
    let next = words.at(at + count + 1);
    match words.at(at + count) {
        "a" => count == 0 && matches!(next, "hundred" | "thousand"),
        "and" => {
            count > 0
                && matches!(words.at(at + count - 1), "hundred" | "thousand")
                && small(next).is_some()
        }
        _ => false,
    }
}

/// A number below a hundred in one word.
pub(super) fn small(word: &str) -> Option<i64> {
    let one = ONES.iter().position(|one| *one == word).map(|value| value as i64);
    one.or_else(|| TENS.iter().position(|tens| *tens == word).map(|value| value as i64 * 10 + 20))
}

fn digits(word: &str) -> Option<i64> {
    let bare = word.replace(',', "");
    let is_number = !bare.is_empty() && bare.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| bare.parse().ok()).flatten()
}

/// A telephone number of 7 to 15 digits, grouped for reading.
pub(super) fn phone(words: &Words) -> Answer {
    let mut number = String::new();
    let (mut start, mut end) = (None, 0);
    let mut times = 1;
    for (at, word) in words.plain.iter().enumerate() {
        let said = match word.as_str() {
            "oh" | "o" if start.is_some() => Some("0".to_owned()),
            "double" => {
                times = 2;
                continue;
            }
            "triple" => {
                times = 3;
                continue;
            }
            word => written(word)
                .or_else(|| small(word).filter(|value| *value < 10).map(|value| value.to_string())),
        };
        if let Some(said) = said {
            number.push_str(&said.repeat(times));
            start.get_or_insert(at);
            end = at + 1;
        }
        times = 1;
    }
    match number.len() {
        0 | 1 => Answer::Nothing,
        7..=15 => Answer::Fits(grouped(&number), start.unwrap_or(0)..end),
        _ => Answer::Unfit,
    }
}

fn written(word: &str) -> Option<String> {
    let digits: String = word.chars().filter(char::is_ascii_digit).collect();
    let rest = word.chars().all(|c| c.is_ascii_digit() || "-.()+".contains(c));
    (rest && !digits.is_empty()).then_some(digits)
}

fn grouped(number: &str) -> String {
    let cuts: &[usize] = match number.len() {
        7 => &[3],
        10 => &[3, 6],
        11 => &[1, 4, 7],
        _ => &[3, 6, 9, 12],
    };
    let mut out = String::new();
    for (at, digit) in number.chars().enumerate() {
        if cuts.contains(&at) {
            out.push('-');
        }
        out.push(digit);
    }
    out
}
