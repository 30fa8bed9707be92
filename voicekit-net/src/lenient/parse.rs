//! JSON as services write it, which is not always JSON.

use serde_json::Value;

/// The text is not JSON, whatever is done to it. Holds nothing of the text itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NotJson {
    /// The column of the mistake in its line, counted from 1.
    pub column: usize,
}

/// Parses JSON, and what common libraries write instead of it: `NaN` and `Infinity`, numbers
/// beyond a float's range and halves of surrogate pairs. The numbers are read as `null`, the
/// halves as U+FFFD.
///
/// # Errors
///
/// [`NotJson`].
pub fn parse(text: &str) -> Result<Value, NotJson> {
    let error = match serde_json::from_str(text) {
        Ok(value) => return Ok(value),
        Err(error) => NotJson { column: error.column() },
    };
    let mended = mend(text);
    if mended == text {
        return Err(error);
    }
    serde_json::from_str(&mended).map_err(|_| error)
}

/// Replaces what JSON does not have.
fn mend(text: &str) -> String {
    let mut mended = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (length, kept) = match first {
            '"' => string(rest),
            'N' | 'I' | '-' | '0'..='9' => bare(rest),
            _ => (first.len_utf8(), rest[..first.len_utf8()].to_owned()),
        };
        mended.push_str(&kept);
        rest = &rest[length..];
    }
    mended
}

/// A number or a word such as `NaN` at the start of `text`: its length and what stands for it.
fn bare(text: &str) -> (usize, String) {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
    let token = &text[..end];
    let is_infinite = token.parse::<f64>().is_ok_and(|number| !number.is_finite());
    let kept = if is_infinite { "null" } else { token };
    (end, kept.to_owned())
}

/// A string at the start of `text`: its length and what stands for it.
fn string(text: &str) -> (usize, String) {
    let mut mended = String::from('"');
    let mut at = 1;
    while let Some(c) = text[at..].chars().next() {
        if c == '\\' {
            let (length, kept) = escape(&text[at..]);
            mended.push_str(&kept);
            at += length;
            continue;
        }
        mended.push(c);
        at += c.len_utf8();
        if c == '"' {
            break;
        }
    }
    (at, mended)
}

/// An escape sequence at the start of `text`, with its second half if it has one.
fn escape(text: &str) -> (usize, String) {
    let Some(unit) = unit(text) else {
        let length = 1 + text[1..].chars().next().map_or(0, char::len_utf8);
        return (length, text[..length].to_owned());
    };
    match unit {
        0xD800..=0xDBFF
            if self::unit(&text[6..]).is_some_and(|low| (0xDC00..=0xDFFF).contains(&low)) =>
        {
            (12, text[..12].to_owned())
        }
        0xD800..=0xDFFF => (6, r"\ufffd".to_owned()),
        _ => (6, text[..6].to_owned()),
    }
}

/// The code unit of an escape such as `\u00e9` at the start of `text`.
fn unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix(r"\u")?.get(..4)?;
    u16::from_str_radix(digits, 16).ok().filter(|_| digits.bytes().all(|b| b.is_ascii_hexdigit()))
}
