//! The types that a schema allows, and its values and bounds.

use serde_json::{Map, Value, json};

use super::words::choices;

/// Formats that providers know (OpenAI, "Structured outputs").
const FORMATS: [&str; 9] =
    ["date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"];

/// Keywords that speak of one type, with that type.
const SPEAKS_OF: [(&str, &str); 18] = [
    ("properties", "object"),
    ("additionalProperties", "object"),
    ("patternProperties", "object"),
    ("required", "object"),
    ("minProperties", "object"),
    ("maxProperties", "object"),
    ("items", "array"),
    ("prefixItems", "array"),
    ("minItems", "array"),
    ("maxItems", "array"),
    ("uniqueItems", "array"),
    ("pattern", "string"),
    ("minLength", "string"),
    ("maxLength", "string"),
    ("format", "string"),
    ("minimum", "number"),
    ("maximum", "number"),
    ("multipleOf", "number"),
];

/// The types that a schema allows, by the names of JSON Schema; empty if it does not say.
pub(super) fn kinds(fields: &Map<String, Value>) -> Vec<&'static str> {
    let mut kinds: Vec<&'static str> = match fields.get("type") {
        Some(Value::String(name)) => kind_named(name).into_iter().collect(),
        Some(Value::Array(names)) => {
            names.iter().filter_map(Value::as_str).filter_map(kind_named).collect()
        }
        _ => Vec::new(),
    };
    let mut seen = Vec::new();
    kinds.retain(|kind| {
        !seen.contains(kind) && {
            seen.push(*kind);
            true
        }
    });
    let values: Vec<&Value> = values(fields).unwrap_or_default();
    let of_values = |values: &[&Value]| {
        let mut kinds: Vec<&'static str> = Vec::new();
        for kind in values.iter().map(|value| kind_of(value)) {
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        kinds
    };
    if !values.is_empty() {
        let fitting = |kind: &&str| values.iter().any(|value| is_of(value, kind));
        let left: Vec<&'static str> = kinds.iter().copied().filter(|kind| fitting(kind)).collect();
        return if left.is_empty() { of_values(&values) } else { left };
    }
    if kinds.is_empty() && choices(fields).is_empty() {
        let spoken = SPEAKS_OF.iter().find(|(word, _)| {
            fields.get(*word).is_some_and(|value| !(*word == "required" && value.is_boolean()))
        });
        kinds.extend(spoken.map(|(_, kind)| *kind));
    }
    kinds
}

fn kind_named(name: &str) -> Option<&'static str> {
    Some(match name.to_ascii_lowercase().as_str() {
        "object" | "dict" | "map" | "record" | "struct" => "object",
        "array" | "list" | "tuple" | "set" => "array",
        "string" | "str" | "text" | "date" | "datetime" | "file" | "uuid" | "url" | "email" => {
            "string"
        }
        "integer" | "int" | "long" | "int32" | "int64" => "integer",
        "number" | "float" | "double" | "decimal" => "number",
        "boolean" | "bool" => "boolean",
        "null" | "none" => "null",
        _ => return None,
    })
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_i64() || number.is_u64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Whether the value is of the type.
pub(super) fn is_of(value: &Value, kind: &str) -> bool {
    kind_of(value) == kind || (kind == "number" && value.is_number())
}

/// The values of `enum` or `const`, if there are any.
pub(super) fn values(fields: &Map<String, Value>) -> Option<Vec<&Value>> {
    if let Some(value) = fields.get("const") {
        return Some(vec![value]);
    }
    let values = fields.get("enum")?.as_array().filter(|values| !values.is_empty())?;
    Some(values.iter().collect())
}

/// Keeps the values of `enum` and `const` that are of the type.
pub(super) fn keep_values(
    result: &mut Map<String, Value>,
    fields: &Map<String, Value>,
    kind: &str,
) {
    let simple = ["string", "integer", "number", "boolean"].contains(&kind);
    let Some(values) = values(fields).filter(|_| simple) else { return };
    let mut kept: Vec<Value> = Vec::new();
    for value in values.into_iter().filter(|value| is_of(value, kind)) {
        if !kept.contains(value) {
            kept.push(value.clone());
        }
    }
    if !kept.is_empty() {
        result.insert("enum".to_owned(), Value::Array(kept));
    }
}

/// Keeps the bounds that speak of the type.
pub(super) fn keep_bounds(
    result: &mut Map<String, Value>,
    fields: &Map<String, Value>,
    kind: &str,
) {
    let (numbers, counts): (&[&str], &[&str]) = match kind {
        "integer" | "number" => {
            (&["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"], &[])
        }
        "string" => (&[], &["minLength", "maxLength"]),
        "array" => (&[], &["minItems", "maxItems"]),
        _ => (&[], &[]),
    };
    for word in numbers {
        let value = fields.get(*word).filter(|value| value.is_number());
        let is_positive = |value: &&Value| value.as_f64().is_some_and(|number| number > 0.0);
        if let Some(value) = value.filter(|value| *word != "multipleOf" || is_positive(value)) {
            result.insert((*word).to_owned(), value.clone());
        }
    }
    // Draft 4 says by a boolean that a bound is exclusive.
    for (word, exclusive) in [("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")] {
        if fields.get(exclusive) == Some(&Value::Bool(true))
            && let Some(bound) = result.remove(word)
        {
            result.insert(exclusive.to_owned(), bound);
        }
    }
    for word in counts {
        if let Some(count) = fields.get(*word).and_then(whole) {
            result.insert((*word).to_owned(), json!(count));
        }
    }
    if kind == "array" && fields.get("uniqueItems") == Some(&Value::Bool(true)) {
        result.insert("uniqueItems".to_owned(), json!(true));
    }
    let format = fields.get("format").and_then(Value::as_str);
    if let Some(format) = format.filter(|format| kind == "string" && FORMATS.contains(format)) {
        result.insert("format".to_owned(), json!(format));
    }
}

/// A count, also if it is written as 1.0.
fn whole(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| {
        let text = value.as_f64().filter(|number| number.fract() == 0.0)?.to_string();
        text.parse().ok()
    })
}
