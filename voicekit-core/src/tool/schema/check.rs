//! Arguments of a call, checked against the original schema.

use serde_json::{Map, Value};

use super::flatten::{Document, Flat};

/// Levels of a value that are checked.
const DEEPEST: usize = 16;

/// Maximum number of choices within choices that are followed, values included.
const MOST_LEVELS: usize = 48;

/// Maximum number of schemas that are compared with a value: choices of references to choices would
/// take forever.
const MOST_STEPS: usize = 4_000;

/// Checks `arguments` against `schema`, the tool's own, and makes the corrections that cannot
/// change the meaning:
///
/// - An optional property that is `null` is removed where the schema does not allow `null`.
/// - A number, boolean, list or object written as a string is read where the schema does not allow
///   a string, and a number written for a string becomes one.
/// - A whole number written with a fraction of zero, such as `2.0`, becomes an integer.
///
/// Checked are types, required properties, `enum` and `const`, in the first 16 levels. All else is
/// left to the tool.
///
/// # Errors
///
/// The first property that does not fit, in words for the model.
pub fn check(schema: &Value, arguments: Value) -> Result<Value, String> {
    let document = Document::new(schema);
    let mut check = Check { document: &document, level: 0, left: MOST_STEPS };
    check.fit(schema, arguments, &[], &mut Vec::new())
}

/// A check under way.
struct Check<'a> {
    document: &'a Document<'a>,
    level: usize,
    left: usize,
}

impl Check<'_> {
    fn fit(
        &mut self,
        schema: &Value,
        value: Value,
        path: &[String],
        place: &mut Vec<String>,
    ) -> Result<Value, String> {
        let is_open = !schema.is_object() || place.len() > DEEPEST;
        if is_open || self.left == 0 || self.level >= MOST_LEVELS {
            return Ok(value);
        }
        self.left -= 1;
        self.level += 1;
        // Values end, so references may lead back here: each step into a value starts anew.
        let flat = self.document.flatten(schema, path);
        let fitted = self.flat(&flat, value, place);
        self.level -= 1;
        fitted
    }

    fn flat(
        &mut self,
        flat: &Flat,
        value: Value,
        place: &mut Vec<String>,
    ) -> Result<Value, String> {
        let fields = &flat.fields;
        let is_nullable = fields.get("nullable") == Some(&Value::Bool(true));
        if (value.is_null() && is_nullable) || is_listed(fields, &value) {
            return Ok(value);
        }
        let choices = ["anyOf", "oneOf"].iter().filter_map(|word| fields.get(*word)?.as_array());
        for choices in choices.filter(|choices| !choices.is_empty()) {
            let is_bare = !fields.contains_key("type") && !fields.contains_key("properties");
            let chosen = self.chosen(flat, choices, &value, place)?;
            if is_bare {
                return Ok(chosen);
            }
        }
        let value = typed(fields, value, place)?;
        among(fields, &value, place)?;
        match value {
            Value::Object(properties) => self.object(fields, properties, place),
            Value::Array(items) => self.array(fields, items, place),
            value @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
                Ok(value)
            }
        }
    }

    /// The value as the choice has it that fits best: one of the very same type goes first.
    fn chosen(
        &mut self,
        flat: &Flat,
        choices: &[Value],
        value: &Value,
        place: &[String],
    ) -> Result<Value, String> {
        let (exact, others): (Vec<&Value>, Vec<&Value>) =
            choices.iter().partition(|choice| fits_exactly(choice, value));
        let mut all = exact.into_iter().chain(others);
        all.find_map(|choice| self.fit(choice, value.clone(), &flat.path, &mut place.to_vec()).ok())
            .ok_or_else(|| format!("{} fits none of the forms that are allowed", named(place)))
    }

    fn array(
        &mut self,
        fields: &Map<String, Value>,
        items: Vec<Value>,
        place: &mut Vec<String>,
    ) -> Result<Value, String> {
        let Some(each) = fields.get("items").filter(|items| items.is_object()) else {
            return Ok(Value::Array(items));
        };
        let mut fitted = Vec::with_capacity(items.len());
        for (at, item) in items.into_iter().enumerate() {
            place.push(at.to_string());
            fitted.push(self.fit(each, item, &[], place)?);
            place.pop();
        }
        Ok(Value::Array(fitted))
    }

    fn object(
        &mut self,
        fields: &Map<String, Value>,
        mut given: Map<String, Value>,
        place: &mut Vec<String>,
    ) -> Result<Value, String> {
        let none = Map::new();
        let properties = fields.get("properties").and_then(Value::as_object).unwrap_or(&none);
        let listed = fields.get("required").and_then(Value::as_array);
        let listed: Vec<&str> = listed.into_iter().flatten().filter_map(Value::as_str).collect();
        let is_required = |name: &str| {
            let own = properties.get(name).and_then(|schema| schema.get("required"));
            listed.contains(&name) || own == Some(&Value::Bool(true))
        };
        for (name, schema) in properties {
            place.push(name.clone());
            match given.get_mut(name) {
                Some(value) => {
                    let is_null = value.is_null();
                    match self.fit(schema, value.take(), &[], place) {
                        Ok(fitted) => *value = fitted,
                        // What strict modes write for a property that is left out.
                        Err(_) if is_null && !is_required(name) => {
                            given.remove(name);
                        }
                        Err(error) => return Err(error),
                    }
                }
                None if is_required(name) => return Err(format!("{} is missing", named(place))),
                None => {}
            }
            place.pop();
        }
        Ok(Value::Object(given))
    }
}

/// Whether the value is one of those that the schema lists, whatever type it names.
fn is_listed(fields: &Map<String, Value>, value: &Value) -> bool {
    !fields.contains_key("const")
        && fields.get("enum").and_then(Value::as_array).is_some_and(|all| all.contains(value))
}

fn fits_exactly(schema: &Value, value: &Value) -> bool {
    let kinds = schema.as_object().map(kinds).unwrap_or_default();
    kinds.iter().any(|kind| is_of(value, kind))
}

/// The value, if it has a type that is allowed or can be read as one.
fn typed(fields: &Map<String, Value>, value: Value, place: &[String]) -> Result<Value, String> {
    let kinds = kinds(fields);
    if kinds.is_empty() || kinds.iter().any(|kind| is_of(&value, kind)) {
        return Ok(whole(&kinds, value));
    }
    if let Some(text) = value.as_str() {
        let read: Option<Value> = serde_json::from_str(text.trim()).ok();
        if let Some(read) = read.filter(|read| kinds.iter().any(|kind| is_of(read, kind))) {
            return Ok(whole(&kinds, read));
        }
    }
    if value.is_number() && kinds.contains(&"string") {
        return Ok(Value::String(value.to_string()));
    }
    let kinds = kinds.iter().map(|kind| in_words(kind)).collect::<Vec<_>>().join(" or ");
    Err(format!("{} must be {kinds}, got {}", named(place), shortened(&value)))
}

/// 2.0 as 2, where a whole number is wanted.
fn whole(kinds: &[&str], value: Value) -> Value {
    let is_integer = kinds.contains(&"integer") && !kinds.contains(&"number") && value.is_f64();
    let read = || format!("{:.0}", value.as_f64()?).parse::<i64>().ok();
    match is_integer.then(read).flatten() {
        Some(number) => Value::from(number),
        None => value,
    }
}

fn among(fields: &Map<String, Value>, value: &Value, place: &[String]) -> Result<(), String> {
    let same =
        |other: &Value| other == value || (value.is_number() && other.as_f64() == value.as_f64());
    let wrong = |allowed: String| {
        let got = shortened(value);
        Err(format!("{} must be {allowed}, got {got}", named(place)))
    };
    if let Some(only) = fields.get("const")
        && !same(only)
    {
        return wrong(only.to_string());
    }
    match fields.get("enum") {
        Some(Value::Array(values)) if !values.is_empty() && !values.iter().any(same) => {
            let few: Vec<String> = values.iter().take(20).map(Value::to_string).collect();
            wrong(format!("one of {}", few.join(", ")))
        }
        _ => Ok(()),
    }
}

/// The types that the schema itself names, as far as they are types.
fn kinds(fields: &Map<String, Value>) -> Vec<&str> {
    let all = match fields.get("type") {
        Some(Value::String(name)) => vec![name.as_str()],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let known = ["object", "array", "string", "integer", "number", "boolean", "null"];
    if all.iter().all(|kind| known.contains(kind)) { all } else { Vec::new() }
}

fn is_of(value: &Value, kind: &str) -> bool {
    match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        _ => value.is_object(),
    }
}

fn in_words(kind: &str) -> &str {
    match kind {
        "object" => "an object",
        "array" => "a list",
        "string" => "text",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "true or false",
        other => other,
    }
}

fn named(place: &[String]) -> String {
    if place.is_empty() { "the argument".to_owned() } else { format!("`{}`", place.join(".")) }
}

fn shortened(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
