//! JSON: a block for each item, under its title if it has one.

use std::collections::BTreeSet;

use serde_json::Value;
use voicekit_core::error::Result;

use super::outline::Outline;
use super::rejected;

/// What an item may call its title.
const TITLES: &[&str] = &["title", "heading", "name", "question", "topic"];
/// What an item may call its text, which needs no label.
const TEXTS: &[&str] = &["text", "content", "body", "answer", "description"];

pub(super) fn read(text: &str, outline: &mut Outline) -> Result<()> {
    let value =
        serde_json::from_str(text).map_err(|error| rejected("is not JSON").with_source(error))?;
    let mut ids = BTreeSet::new();
    match value {
        Value::Array(items) => items.iter().try_for_each(|item| put(item, &mut ids, outline)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            put(&value, &mut ids, outline)
        }
    }
}

pub(super) fn read_lines(text: &str, outline: &mut Outline) -> Result<()> {
    let mut ids = BTreeSet::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let item: Value = serde_json::from_str(line).map_err(|error| {
            rejected(format!("is not JSON in line {}", number + 1)).with_source(error)
        })?;
        put(&item, &mut ids, outline)?;
    }
    Ok(())
}

fn put(item: &Value, ids: &mut BTreeSet<String>, outline: &mut Outline) -> Result<()> {
    let Value::Object(fields) = item else {
        return outline.whole(None, &said(item));
    };
    if let Some(id) = fields.get("id").map(said)
        && !ids.insert(id.clone())
    {
        return Err(rejected(format!("has two items with the id {id:?}")));
    }
    let title = TITLES.iter().find(|title| fields.get(**title).is_some_and(Value::is_string));
    let mut lines = Vec::new();
    for (key, value) in fields {
        if key == "id" || Some(&key.as_str()) == title {
            continue;
        }
        let value = said(value);
        let bare = TEXTS.contains(&key.as_str());
        lines.push(if bare { value } else { format!("{key}: {value}") });
    }
    let title = title.and_then(|title| fields.get(*title)).and_then(Value::as_str);
    // An item that is nothing but its title is about that.
    let text =
        if lines.is_empty() { title.unwrap_or_default().to_owned() } else { lines.join("\n") };
    outline.whole(title, &text)
}

fn said(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(said).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => {
            let field = |(key, value): (&String, &Value)| format!("{key}: {}", said(value));
            fields.iter().map(field).collect::<Vec<_>>().join(", ")
        }
    }
}
