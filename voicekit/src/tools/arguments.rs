//! Arguments as the model wrote them, and what it is told if they do not fit.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::ToolError;

/// The longest piece of an argument that is quoted back, in characters.
const LONGEST_QUOTE: usize = 80;

/// The arguments, if they fit. Nothing at all is taken for an empty object.
pub(super) fn read<A: DeserializeOwned>(text: &str) -> Result<A, ToolError> {
    let text = if text.trim().is_empty() { "{}" } else { text };
    let value: Value = serde_json::from_str(text).map_err(|error| {
        let text = format!("Nothing was done: the arguments are not JSON ({error}). ");
        ToolError::new(text + "Ask for the tool again with one JSON object.")
    })?;
    if !value.is_object() {
        let (text, got) = ("the arguments must be one JSON object", shortened(&value.to_string()));
        return Err(ToolError::new(format!("Nothing was done: {text}, got {got}.")));
    }
    serde_path_to_error::deserialize(value).map_err(|error| {
        let wrong = words(&error.path().to_string(), &error.inner().to_string());
        let advice = "Correct it, or ask the caller again.";
        ToolError::new(format!("Nothing was done: {wrong}. {advice}"))
    })
}

/// What serde says, as a person would.
fn words(path: &str, said: &str) -> String {
    if let Some(field) = quoted(said, "missing field ") {
        return format!("`{}` is missing", joined(path, field));
    }
    if let Some((field, known)) = chosen(said, "unknown field ") {
        return format!("`{field}` is not an argument, only {known}");
    }
    if let Some((variant, known)) = chosen(said, "unknown variant ") {
        return format!("{} must be {known}, got {variant:?}", named(path));
    }
    let wrong =
        said.strip_prefix("invalid type: ").or_else(|| said.strip_prefix("invalid value: "));
    if let Some((got, expected)) = wrong.and_then(|wrong| wrong.rsplit_once(", expected ")) {
        let got = got_words(got);
        return format!("{} must be {}, got {got}", named(path), expected_words(expected, &got));
    }
    format!("{}: {said}", named(path))
}

/// `x` of "prefix `x`".
fn quoted<'a>(said: &'a str, prefix: &str) -> Option<&'a str> {
    said.strip_prefix(prefix)?.strip_prefix('`')?.strip_suffix('`')
}

/// `x` and `y` of "prefix `x`, expected y".
fn chosen<'a>(said: &'a str, prefix: &str) -> Option<(&'a str, &'a str)> {
    said.strip_prefix(prefix)?.strip_prefix('`')?.split_once("`, expected ")
}

fn named(path: &str) -> String {
    if path == "." { "what you gave".to_owned() } else { format!("`{path}`") }
}

fn joined(path: &str, field: &str) -> String {
    if path == "." { field.to_owned() } else { format!("{path}.{field}") }
}

fn got_words(got: &str) -> String {
    let bare = |text: &str| text.trim_matches('`').to_owned();
    let words = match got.split_once(' ') {
        Some(("string", text)) => text.to_owned(),
        Some(("integer" | "boolean" | "character", text)) => bare(text),
        Some(("floating", text)) => bare(text.trim_start_matches("point ")),
        _ => match got {
            "map" => "an object".to_owned(),
            "sequence" => "a list".to_owned(),
            "null" => "nothing".to_owned(),
            other => other.to_owned(),
        },
    };
    shortened(&words)
}

fn shortened(words: &str) -> String {
    match words.char_indices().nth(LONGEST_QUOTE) {
        Some((end, _)) => format!("{}…", &words[..end]),
        None => words.to_owned(),
    }
}

fn expected_words<'a>(expected: &'a str, got: &str) -> &'a str {
    match expected {
        "u8" => "a whole number from 0 to 255",
        "i8" => "a whole number from -128 to 127",
        "u16" => "a whole number from 0 to 65,535",
        "u32" | "u64" | "usize" if got.starts_with('-') => "a whole number, 0 or more",
        "u32" | "u64" | "usize" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a string" | "str" => "text",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "a map" => "an object",
        other if other.starts_with("struct ") => "an object",
        other => other,
    }
}
