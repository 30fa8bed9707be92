//! JSON: a block for each item, under its title if it has one.
//!
//! Read is what people export: comments, trailing commas, several values in a file, and items
//! within whatever is wrapped around them.

mod item;
mod kind;
mod value;

use voicekit_core::error::Result;

use self::item::Reader;
use self::value::{Json, parse, values};
use super::outline::Outline;
use super::rejected;

/// Number of lines by which a file of a value per line is told from one of values that span lines.
const SAMPLE: usize = 100;

pub(super) fn read(text: &str, outline: &mut Outline) -> Result<()> {
    match parse(text) {
        Ok(None) => Ok(()),
        Ok(Some(value)) => read_value(&value, outline),
        Err(problem) => {
            let parts = values(text);
            if parts.len() > 1 && mostly_parse(&parts) {
                return read_parts(&parts, outline);
            }
            Err(rejected(format!("is not JSON: {}", problem.after(0))))
        }
    }
}

/// Reads a value per line, or values that span lines. A broken one is lost, and the others are kept.
pub(super) fn read_lines(text: &str, outline: &mut Outline) -> Result<()> {
    let by_line = lines(text);
    let some = &by_line[..by_line.len().min(SAMPLE)];
    let parts = if mostly_parse(some) { by_line } else { values(text) };
    read_parts(&parts, outline)
}

/// Whether more than half of these parts of a file are values.
fn mostly_parse(parts: &[(usize, &str)]) -> bool {
    parts.iter().filter(|(_, part)| parse(part).is_ok()).count() * 2 > parts.len()
}

/// Reads values, each with the number of lines before it.
fn read_parts(parts: &[(usize, &str)], outline: &mut Outline) -> Result<()> {
    let mut items = Vec::new();
    for (line, part) in parts {
        match parse(part) {
            Ok(value) => items.extend(value),
            Err(problem) => {
                let place = format!("line {}", line + problem.line);
                outline.lose("item", place, format!("is not JSON: {}", problem.what));
            }
        }
    }
    Reader::new(outline).list(&items)
}

/// Each line that is not empty, with the number of lines before it.
fn lines(text: &str) -> Vec<(usize, &str)> {
    text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).collect()
}

/// Reads the JSON that another document carries; what is not JSON is passed over.
pub(super) fn read_embedded(text: &str, within: &[&str], outline: &mut Outline) -> Result<()> {
    let Ok(Some(value)) = parse(text) else { return Ok(()) };
    let inner = within.iter().fold(&value, |value, key| value.get(key).unwrap_or(value));
    read_value(inner, outline)
}

fn read_value(value: &Json, outline: &mut Outline) -> Result<()> {
    let mut reader = Reader::new(outline);
    match value {
        Json::List(items) => reader.list(items),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_) | Json::Object(_) => {
            reader.put(value, None)
        }
    }
}

/// The title in a piece of JSON.
pub(super) fn title(text: &str) -> Option<String> {
    let value = parse(text).ok().flatten()?;
    let title = ["title", "name"].iter().find_map(|key| value.get(key))?;
    match title {
        Json::Text(title) => Some(title.clone()),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::List(_) | Json::Object(_) => None,
    }
}

/// The number of bytes of the first value in `text`.
pub(super) fn first_length(text: &str) -> Option<usize> {
    let (_, first) = values(text).into_iter().next()?;
    let start = first.as_ptr().addr().checked_sub(text.as_ptr().addr())?;
    Some(start + first.len())
}

/// Whether `text` is an object with fields.
pub(super) fn is_object(text: &str) -> bool {
    matches!(parse(text), Ok(Some(Json::Object(fields))) if !fields.is_empty())
}
