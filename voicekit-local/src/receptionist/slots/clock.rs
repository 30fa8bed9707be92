//! Times of day as they are said.

use super::numbers::number;
use super::{Answer, Asked};
use crate::receptionist::words::Words;

const HALF_A_DAY: u32 = 12 * 60;

/// A time as it was said: without "a.m." or "p.m." it may be either.
#[derive(Clone, Copy, Debug)]
struct Said {
    minutes: u32,
    half: Option<Half>,
    words: usize,
    /// Whether it can only be a time, unlike a bare "three".
    is_certain: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Half {
    Morning,
    Afternoon,
}

/// The first time named in `words` that lies within `opening`, in minutes after midnight.
pub(super) fn time(words: &Words, opening: (u32, u32), asked: Asked) -> Answer {
    let mut answer = Answer::Nothing;
    for at in 0..words.len() {
        let Some(said) = time_at(words, at) else { continue };
        let announced = at > 0 && matches!(words.at(at - 1), "at" | "around" | "by" | "about");
        if !said.is_certain && asked == Asked::ForNothing && !announced {
            continue;
        }
        match fitting(said, opening) {
            Some(minutes) => return Answer::Fits(read_back(minutes), at..at + said.words),
            None => answer = Answer::Unfit,
        }
    }
    answer
}

fn fitting(said: Said, (earliest, latest): (u32, u32)) -> Option<u32> {
    let hour_first = said.minutes % HALF_A_DAY;
    let candidates = match said.half {
        Some(Half::Morning) => [hour_first, hour_first],
        Some(Half::Afternoon) => [hour_first + HALF_A_DAY; 2],
        None if said.minutes >= HALF_A_DAY + 60 => [said.minutes; 2],
        None => [hour_first, hour_first + HALF_A_DAY],
    };
    candidates.into_iter().find(|minutes| (earliest..=latest).contains(minutes))
}

fn read_back(minutes: u32) -> String {
    let (hour, minute) = (minutes / 60, minutes % 60);
    if minutes == HALF_A_DAY {
        return "noon".to_owned();
    }
    let half = if hour < 12 { "a.m." } else { "p.m." };
    let hour = if hour.is_multiple_of(12) { 12 } else { hour % 12 };
    if minute == 0 { format!("{hour} {half}") } else { format!("{hour}:{minute:02} {half}") }
}

fn time_at(words: &Words, at: usize) -> Option<Said> {
    let certain = |minutes, half, words| Some(Said { minutes, half, words, is_certain: true });
    match words.at(at) {
        "noon" => return certain(HALF_A_DAY, Some(Half::Afternoon), 1),
        "midnight" => return certain(0, Some(Half::Morning), 1),
        _ => {}
    }
    for (phrase, sign, minutes) in [
        ("half past", 1, 30),
        ("quarter past", 1, 15),
        ("quarter after", 1, 15),
        ("quarter to", -1, 15),
        ("quarter till", -1, 15),
    ] {
        if let Some(count) = words.has_at(at, phrase) {
            let (hour, more) = hour(words, at + count)?;
            let (half, after) = half(words, at + count + more);
            let minutes = (hour * 60).checked_add_signed(sign * minutes)?;
            return certain(minutes, half, count + more + after);
        }
    }
    clock(words, at)
}

/// "3:30", "3.30 pm", "5pm", "three thirty", "three o'clock", "three".
fn clock(words: &Words, at: usize) -> Option<Said> {
    let word = words.at(at);
    let digits_end = word.find(|c: char| !c.is_ascii_digit() && c != ':' && c != '.');
    let (digits, suffix) = word.split_at(digits_end.unwrap_or(word.len()));
    let attached = suffix_half(suffix);
    if !suffix.is_empty() && attached.is_none() && digits_end != Some(0) {
        return None;
    }
    let mut count = 1;
    let mut is_certain = attached.is_some();
    let minutes = if let Some((hour, minute)) = digits.split_once([':', '.']) {
        let (hour, minute): (u32, u32) = (hour.parse().ok()?, minute.parse().ok()?);
        is_certain = true;
        (hour < 24 && minute < 60).then_some(hour * 60 + minute)?
    } else {
        let (hour, _) = hour_digits(digits).or_else(|| hour(words, at))?;
        let (minute, more) = minute(words, at + 1);
        count += more;
        is_certain |= more > 0;
        hour * 60 + minute
    };
    let (half, more) = match attached {
        Some(half) => (Some(half), 0),
        None => half(words, at + count),
    };
    is_certain |= more > 0;
    Some(Said { minutes, half, words: count + more, is_certain })
}

fn hour_digits(digits: &str) -> Option<(u32, usize)> {
    digits.parse().ok().filter(|hour| (1..24).contains(hour)).map(|hour| (hour, 1))
}

fn hour(words: &Words, at: usize) -> Option<(u32, usize)> {
    let word = Words::new(words.at(at));
    let (value, count) = number(&word, 0)?;
    u32::try_from(value).ok().filter(|hour| (1..24).contains(hour)).map(|hour| (hour, count))
}

/// "thirty", "forty five", "oh five", "o'clock".
fn minute(words: &Words, at: usize) -> (u32, usize) {
    if words.at(at) == "o'clock" {
        return (0, 1);
    }
    let oh = usize::from(words.at(at) == "oh");
    let Some((value, count)) = number(words, at + oh) else { return (0, 0) };
    match (oh, u32::try_from(value)) {
        (1, Ok(value @ 1..=9)) | (0, Ok(value @ 10..=59)) => (value, oh + count),
        _ => (0, 0),
    }
}

fn half(words: &Words, at: usize) -> (Option<Half>, usize) {
    if let Some(half) = suffix_half(words.at(at)) {
        return (Some(half), 1);
    }
    for (phrase, half) in [
        ("in the morning", Half::Morning),
        ("in the afternoon", Half::Afternoon),
        ("in the evening", Half::Afternoon),
        ("at night", Half::Afternoon),
        ("a m", Half::Morning),
        ("p m", Half::Afternoon),
    ] {
        if let Some(count) = words.has_at(at, phrase) {
            return (Some(half), count);
        }
    }
    (None, 0)
}

fn suffix_half(text: &str) -> Option<Half> {
    match text {
        "am" | "a.m" => Some(Half::Morning),
        "pm" | "p.m" => Some(Half::Afternoon),
        _ => None,
    }
}
