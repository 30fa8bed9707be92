//! Times of day: "3:30 p.m.", "7.30pm", "19:05", "9am-5pm", "19h30".

use super::numbers::{cardinal, value};
use super::token::{Said, Text};

struct Clock {
    hour: u64,
    minute: Option<u64>,
    second: Option<u64>,
    half: Option<&'static str>,
    end: usize,
}

/// A time of day, or a range of times.
pub(super) fn time(text: &Text<'_>, at: usize) -> Option<Said> {
    let from = clock(text, at)?;
    let to = text.after_dash(from.end).and_then(|next| clock(text, next));
    if let Some(to) = to.filter(|to| from.is_time() || to.is_time()) {
        return Some(Said::new(format!("{} to {}", from.said(), to.said()), to.end));
    }
    from.is_time().then(|| Said::new(from.said(), from.end))
}

impl Clock {
    fn is_time(&self) -> bool {
        self.half.is_some() || self.minute.is_some()
    }

    fn said(&self) -> String {
        let hour = cardinal(self.hour);
        let minute = match (self.minute, self.hour) {
            (None, _) => String::new(),
            (Some(0), _) if self.half.is_some() || self.second.is_some() => String::new(),
            (Some(0), 0 | 24) => return "midnight".to_owned(),
            (Some(0), 1..=12) => " o'clock".to_owned(),
            (Some(0), _) => " hundred".to_owned(),
            (Some(minute @ 1..=9), _) => format!(" oh {}", cardinal(minute)),
            (Some(minute), _) => format!(" {}", cardinal(minute)),
        };
        let second = match self.second {
            None => String::new(),
            Some(1) => " and one second".to_owned(),
            Some(second) => format!(" and {} seconds", cardinal(second)),
        };
        let half = self.half.map(|half| format!(" {half}")).unwrap_or_default();
        format!("{hour}{minute}{second}{half}")
    }
}

fn clock(text: &Text<'_>, at: usize) -> Option<Clock> {
    let written = text.number(at).filter(|hour| hour.len() <= 2)?;
    if text.is_glued(at)
        && matches!(text.sign(at.wrapping_sub(1)), Some('.' | ',' | ':' | '/' | '$'))
    {
        return None;
    }
    let hour = value(written).filter(|hour| *hour < 25)?;
    let mut clock = Clock { hour, minute: None, second: None, half: None, end: at + 1 };
    if text.glued_sign(clock.end) == Some(':') && text.glued_number(clock.end + 1).is_some() {
        clock.minute = Some(sixty(text, clock.end + 1)?);
        clock.end += 2;
        if text.glued_sign(clock.end) == Some(':') && text.glued_number(clock.end + 1).is_some() {
            clock.second = Some(sixty(text, clock.end + 1)?);
            clock.end += 2;
        }
    } else if text.glued_word(clock.end) == Some("h")
        && text.is_glued(clock.end + 1)
        && let Some(minute) = sixty(text, clock.end + 1)
    {
        clock.minute = Some(minute);
        clock.end += 2;
    }
    if let Some((half, end)) = half(text, clock.end) {
        (clock.half, clock.end) = (Some(half), end);
    } else if clock.minute.is_none()
        && text.glued_sign(clock.end) == Some('.')
        && text.is_glued(clock.end + 1)
        && let Some(minute) = sixty(text, clock.end + 1)
        && let Some((half, end)) = half(text, clock.end + 2)
    {
        (clock.minute, clock.half, clock.end) = (Some(minute), Some(half), end);
    }
    // "1:30.5", "5:30%" and "1:2:3:4" are no times.
    let goes_on = text.glued_number(clock.end).is_some()
        || matches!(text.glued_sign(clock.end), Some('.' | ':' | '/' | '%'))
            && text.glued_number(clock.end + 1).is_some();
    (!goes_on).then_some(clock)
}

/// A number of minutes or seconds of two digits.
fn sixty(text: &Text<'_>, at: usize) -> Option<u64> {
    value(text.number(at).filter(|digits| digits.len() == 2)?).filter(|value| *value < 60)
}

/// "am", "p.m.", "PM": which half of the day.
fn half(text: &Text<'_>, at: usize) -> Option<(&'static str, usize)> {
    let word = text.word(at)?;
    let name = |letter: &str| match letter {
        "a" | "A" => Some("a.m."),
        "p" | "P" => Some("p.m."),
        _ => None,
    };
    if matches!(word, "am" | "AM" | "pm" | "PM" | "Am" | "Pm") {
        return Some((name(&word[..1])?, at + 1));
    }
    let half = name(word)?;
    let is_dotted =
        text.glued_sign(at + 1) == Some('.') && matches!(text.glued_word(at + 2), Some("m" | "M"));
    let end = at + 3 + usize::from(text.glued_sign(at + 3) == Some('.'));
    is_dotted.then_some((half, end))
}
