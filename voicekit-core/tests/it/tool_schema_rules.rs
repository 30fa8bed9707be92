//! The rules of model providers for the schemas of functions, written from their documentation:
//! OpenAI, "Function calling" and the errors of its API; Anthropic, "Tool use"; JSON Schema draft
//! 2020-12 as far as it says what a keyword's value must be.

use serde_json::Value;

const TYPES: [&str; 7] = ["object", "array", "string", "integer", "number", "boolean", "null"];
const WORDS: [&str; 22] = [
    "type",
    "description",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "anyOf",
    "enum",
    "default",
    "format",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "uniqueItems",
    "title",
    "const",
];

/// Checks that `schema` can be the parameters of a function.
pub(crate) fn check(schema: &Value) -> Result<(), String> {
    let top = schema.as_object().ok_or("the top is not an object")?;
    if top.get("type").and_then(Value::as_str) != Some("object") {
        return Err("the top is not of type object".to_owned());
    }
    if !top.get("properties").is_some_and(Value::is_object) {
        return Err("object schema missing properties".to_owned());
    }
    for word in ["oneOf", "anyOf", "allOf", "enum", "not", "$ref"] {
        if top.contains_key(word) {
            return Err(format!("{word} at the top level"));
        }
    }
    if schema.to_string().len() > 64 * 1024 {
        return Err("larger than 64 KiB".to_owned());
    }
    walk(schema, 0)
}

fn walk(schema: &Value, level: usize) -> Result<(), String> {
    let fields = schema.as_object().ok_or_else(|| format!("no schema: {schema}"))?;
    if level > 12 {
        return Err("nested too deeply".to_owned());
    }
    if let Some(word) = fields.keys().find(|word| !WORDS.contains(&word.as_str())) {
        return Err(format!("unknown keyword {word}"));
    }
    let kind = match fields.get("type") {
        Some(Value::String(kind)) if TYPES.contains(&kind.as_str()) => kind.as_str(),
        Some(other) => return Err(format!("type {other}")),
        None if fields.get("anyOf").is_some() => "",
        None => return Err(format!("neither type nor anyOf: {schema}")),
    };
    values(fields, kind)?;
    if kind == "array" {
        walk(fields.get("items").ok_or("array schema missing items")?, level + 1)?;
    } else if fields.contains_key("items") {
        return Err(format!("items of {kind}"));
    }
    if kind == "object" {
        object(fields, level)?;
    }
    if let Some(choices) = fields.get("anyOf") {
        let choices = choices.as_array().filter(|choices| !choices.is_empty());
        for choice in choices.ok_or("anyOf is not a list of schemas")? {
            walk(choice, level)?;
        }
    }
    Ok(())
}

fn object(fields: &serde_json::Map<String, Value>, level: usize) -> Result<(), String> {
    let properties = fields.get("properties").and_then(Value::as_object);
    let properties = properties.ok_or("object schema missing properties")?;
    for (name, schema) in properties {
        let fits = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        if name.is_empty() || name.len() > 64 || !name.chars().all(fits) {
            return Err(format!("property key {name:?}"));
        }
        walk(schema, level + 1)?;
    }
    if let Some(required) = fields.get("required") {
        let required = required.as_array().ok_or("required is not a list")?;
        let mut seen: Vec<&str> = Vec::new();
        for name in required {
            let name = name.as_str().ok_or("required holds no name")?;
            if !properties.contains_key(name) || seen.contains(&name) {
                return Err(format!("required names {name:?}"));
            }
            seen.push(name);
        }
    }
    match fields.get("additionalProperties") {
        None | Some(Value::Bool(_)) => Ok(()),
        Some(schema) => walk(schema, level + 1),
    }
}

fn values(fields: &serde_json::Map<String, Value>, kind: &str) -> Result<(), String> {
    for (word, value) in fields {
        let is_right = match word.as_str() {
            "description" | "title" => {
                value.as_str().is_some_and(|text| text.chars().count() <= 1_024)
            }
            "format" => value.is_string() && kind == "string",
            "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" => value.is_number(),
            "multipleOf" => value.as_f64().is_some_and(|number| number > 0.0),
            "minLength" | "maxLength" | "minItems" | "maxItems" => value.is_u64(),
            "uniqueItems" => value.is_boolean(),
            "enum" => value.as_array().is_some_and(|values| {
                let is_of = |value: &Value| match kind {
                    "string" => value.is_string(),
                    "integer" => value.is_i64() || value.is_u64(),
                    "number" => value.is_number(),
                    "boolean" => value.is_boolean(),
                    _ => false,
                };
                let repeats = (1..values.len()).any(|at| values[..at].contains(&values[at]));
                !values.is_empty() && values.iter().all(is_of) && !repeats
            }),
            _ => true,
        };
        if !is_right {
            return Err(format!("{word}: {value} for {kind}"));
        }
    }
    Ok(())
}
