//! Descriptions, names and choices of schemas.

use serde_json::{Map, Value, json};

use super::flatten::Flat;

/// Adds properties; one that is there already becomes a choice.
pub(super) fn add_properties(fields: &mut Map<String, Value>, more: Option<&Value>) {
    let Some(more) = more.and_then(Value::as_object) else { return };
    let present = fields.entry("properties").or_insert_with(|| json!({}));
    let Some(present) = present.as_object_mut() else { return };
    for (name, schema) in more {
        match present.get_mut(name) {
            None => {
                present.insert(name.clone(), schema.clone());
            }
            Some(first) if first == schema => {}
            Some(first) => {
                let choices = first.get("anyOf").and_then(Value::as_array).cloned();
                let mut choices = choices.unwrap_or_else(|| vec![first.clone()]);
                if !choices.contains(schema) {
                    choices.push(schema.clone());
                }
                *first = json!({"anyOf": choices});
            }
        }
    }
}

/// Adds a sentence to the description.
pub(super) fn note(fields: &mut Map<String, Value>, text: &str) {
    let before = in_words(fields.get("description"));
    if !before.contains(text) {
        fields.insert("description".to_owned(), json!(joined_text(&before, text)));
    }
}

/// Two sentences as one text.
pub(super) fn joined_text(first: &str, second: &str) -> String {
    if first.is_empty() { second.to_owned() } else { format!("{first} {second}") }
}

/// The names that a choice requires.
pub(super) fn set_in_words(required: &[Value]) -> Option<String> {
    let names: Vec<&str> = required.iter().filter_map(Value::as_str).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// A description, also where it is a number or a list of lines.
pub(super) fn in_words(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(value @ (Value::Number(_) | Value::Bool(_))) => value.to_string(),
        Some(Value::Array(lines)) => {
            lines.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")
        }
        Some(Value::Null | Value::Object(_)) | None => String::new(),
    }
}

/// The names in `required`.
pub(super) fn names_in(required: Option<&Value>) -> Vec<&str> {
    match required {
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// The members of `anyOf` or `oneOf`, whichever has more.
pub(super) fn choices(fields: &Map<String, Value>) -> Vec<Value> {
    let lists = ["anyOf", "oneOf"].iter().filter_map(|word| fields.get(*word)?.as_array());
    lists.max_by_key(|list| list.len()).cloned().unwrap_or_default()
}

/// The same of a flattened schema.
pub(super) fn choices_of(flat: &Flat) -> Vec<Value> {
    choices(&flat.fields)
}

/// Any value but a list.
pub(super) fn scalars() -> Map<String, Value> {
    let kinds = json!([
        {"type": "string"},
        {"type": "number"},
        {"type": "boolean"},
        {"type": "object", "properties": {}},
    ]);
    Map::from_iter([("anyOf".to_owned(), kinds)])
}

/// Any value.
pub(super) fn anything() -> Map<String, Value> {
    let mut any = scalars();
    if let Some(kinds) = any.get_mut("anyOf").and_then(Value::as_array_mut) {
        kinds.push(json!({"type": "array", "items": scalars()}));
    }
    any
}
