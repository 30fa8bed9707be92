//! Numbers as they are written: thousands and decimals by point, comma, apostrophe or space.

use super::numbers::{cardinal, digits};
use super::token::Text;

/// A written number without sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Amount {
    /// Digits without separators; empty for ".5".
    pub(super) whole: String,
    pub(super) fraction: Option<String>,
    /// Whether its thousands are separated.
    pub(super) grouped: bool,
    /// The first token behind it.
    pub(super) end: usize,
}

/// How a number is read whose separators leave a choice.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    Plain,
    /// The number is an amount of money, so that a space may separate thousands.
    Money,
    /// The same in a currency whose thousands are separated by points.
    European,
}

impl Amount {
    /// The number at `at`. A single point is a decimal point; a single comma separates thousands if
    /// three digits follow.
    pub(super) fn parse(text: &Text<'_>, at: usize, reading: Reading) -> Option<Self> {
        if text.sign(at) == Some('.') {
            let fraction = text.glued_number(at + 1)?.to_owned();
            return Some(Self::new(String::new(), Some(fraction), false, at + 2));
        }
        let first = text.number(at)?;
        let mut parts: Vec<(char, &str)> = Vec::new();
        let mut end = at + 1;
        while let Some(mark @ ('.' | ',' | '\'' | '’')) = text.glued_sign(end)
            && let Some(digits) = text.glued_number(end + 1)
        {
            parts.push((mark, digits));
            end += 2;
        }
        if parts.is_empty() {
            return Some(Self::spaced(text, at, first, reading));
        }
        Self::separated(first, &parts, reading, end)
    }

    fn new(whole: String, fraction: Option<String>, grouped: bool, end: usize) -> Self {
        Self { whole, fraction, grouped, end }
    }

    fn separated(
        first: &str,
        parts: &[(char, &str)],
        reading: Reading,
        end: usize,
    ) -> Option<Self> {
        let (&(last_mark, last), earlier) = parts.split_last()?;
        let mark = parts.first()?.0;
        let leads = first.len() <= 3 && !first.starts_with('0');
        let all = |parts: &[(char, &str)]| {
            leads && parts.iter().all(|(other, digits)| *other == mark && digits.len() == 3)
        };
        let join = |parts: &[(char, &str)]| {
            parts.iter().fold(first.to_owned(), |whole, (_, digits)| whole + digits)
        };
        let indian = leads
            && earlier.iter().all(|(other, digits)| *other == ',' && digits.len() == 2)
            && !earlier.is_empty()
            && (last_mark, last.len()) == (',', 3);
        let one_group = mark == ',' || mark == '\'' || mark == '’' || reading == Reading::European;
        if indian || all(parts) && (parts.len() > 1 || one_group) {
            return Some(Self::new(join(parts), None, true, end));
        }
        let is_decimal = matches!(last_mark, '.' | ',');
        let groups = !earlier.is_empty() && last_mark != mark && all(earlier);
        if is_decimal && (groups || earlier.is_empty()) {
            return Some(Self::new(join(earlier), Some(last.to_owned()), groups, end));
        }
        None
    }

    /// A number whose thousands may be separated by spaces: "1 000 000", "1 299,99".
    fn spaced(text: &Text<'_>, at: usize, first: &str, reading: Reading) -> Self {
        let plain = Self::new(first.to_owned(), None, false, at + 1);
        if first.len() > 3 || first.starts_with('0') {
            return plain;
        }
        let mut whole = first.to_owned();
        let (mut end, mut is_round) = (at + 1, false);
        while let Some(group) = text.number(end).filter(|group| group.len() == 3) {
            if text.is_glued(end) {
                break;
            }
            whole += group;
            is_round |= group == "000";
            end += 1;
        }
        if end == at + 1 || text.number(end).is_some() {
            return plain;
        }
        let fraction = match text.glued_sign(end) {
            Some('.' | ',') => text.glued_number(end + 1).filter(|digits| digits.len() < 3),
            Some(_) | None => None,
        };
        if fraction.is_none() && !is_round && reading == Reading::Plain {
            return plain;
        }
        let end = if fraction.is_some() { end + 2 } else { end };
        Self::new(whole, fraction.map(str::to_owned), true, end)
    }

    /// The number in words. Numbers that begin with a zero are read digit by digit.
    pub(super) fn said(&self) -> String {
        match &self.fraction {
            Some(fraction) if self.whole.is_empty() => format!("point {}", digits(fraction)),
            Some(fraction) => format!("{} point {}", self.whole_said(), digits(fraction)),
            None => self.whole_said(),
        }
    }

    pub(super) fn whole_said(&self) -> String {
        let is_code = self.whole.len() > 1 && self.whole.starts_with('0');
        match self.value().filter(|_| !is_code && self.whole.len() <= 15) {
            Some(value) => cardinal(value),
            None if self.whole.is_empty() => cardinal(0),
            None => digits(&self.whole),
        }
    }

    /// The whole part.
    pub(super) fn value(&self) -> Option<u64> {
        if self.whole.is_empty() { Some(0) } else { self.whole.parse().ok() }
    }

    pub(super) fn is_one(&self) -> bool {
        self.whole == "1" && self.fraction.is_none()
    }
}
