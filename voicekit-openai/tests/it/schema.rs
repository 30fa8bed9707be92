//! As much of JSON Schema as the published description of requests uses. Fields that an object's
//! schema does not name are faults, although JSON Schema would let them pass.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::Value;

static SCHEMAS: LazyLock<Value> = LazyLock::new(|| {
    let text = include_str!("../fixtures/openapi.json");
    serde_json::from_str::<Value>(text).unwrap()["schemas"].take()
});

/// Checks that `value` is a `name`.
pub(crate) fn check(name: &str, value: &Value) {
    let fault = fault(name, value);
    assert!(fault.is_none(), "{}: {value:#}", fault.unwrap_or_default());
}

/// What keeps `value` from being a `name`.
pub(crate) fn fault(name: &str, value: &Value) -> Option<String> {
    fits(&SCHEMAS[name], value).err()
}

fn fits(schema: &Value, value: &Value) -> Result<(), String> {
    if let Some(name) = schema["$ref"].as_str() {
        return fits(&SCHEMAS[name.rsplit('/').next().unwrap_or_default()], value);
    }
    if schema["nullable"] == true && value.is_null() {
        return Ok(());
    }
    for choice in ["anyOf", "oneOf"].iter().filter_map(|word| schema[*word].as_array()) {
        let faults: Result<Vec<String>, ()> =
            choice.iter().map(|choice| fits(choice, value).err().ok_or(())).collect();
        if let Ok(faults) = faults {
            return Err(format!("no choice fits: {}", faults.join("; ")));
        }
    }
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        return Err(format!("{value} is not among {allowed:?}"));
    }
    let is_right = match schema["type"].as_str() {
        Some("string") => value.is_string(),
        Some("integer") => value.is_u64() || value.is_i64(),
        Some("number") => value.is_number(),
        Some("boolean") => value.is_boolean(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        Some("null") => value.is_null(),
        _ => true,
    };
    if !is_right {
        return Err(format!("{value} is no {}", schema["type"]));
    }
    within(schema, value)?;
    object(schema, value)?;
    let items = value.as_array().map_or(&[][..], Vec::as_slice);
    items.iter().try_for_each(|item| fits(&schema["items"], item))
}

fn within(schema: &Value, value: &Value) -> Result<(), String> {
    let size = value.as_f64();
    let length =
        value.as_array().map(Vec::len).or_else(|| value.as_str().map(|text| text.chars().count()));
    for (least, most, size) in [
        ("minimum", "maximum", size),
        ("minItems", "maxItems", length.map(|length| length as f64)),
        ("minLength", "maxLength", length.map(|length| length as f64)),
    ] {
        let Some(size) = size else { continue };
        let is_small = schema[least].as_f64().is_some_and(|least| size < least);
        let is_large = schema[most].as_f64().is_some_and(|most| size > most);
        if is_small || is_large {
            return Err(format!("{value} is out of range"));
        }
    }
    Ok(())
}

fn object(schema: &Value, value: &Value) -> Result<(), String> {
    let (mut properties, mut required) = (BTreeMap::new(), Vec::new());
    collect(schema, &mut properties, &mut required);
    let Some(fields) = value.as_object() else { return Ok(()) };
    if let Some(name) = required.iter().find(|name| !fields.contains_key(**name)) {
        return Err(format!("{name} is missing"));
    }
    if properties.is_empty() {
        return Ok(());
    }
    for (name, value) in fields {
        let property = properties.get(name.as_str()).ok_or_else(|| format!("{name} is unknown"))?;
        fits(property, value).map_err(|fault| format!("{name}: {fault}"))?;
    }
    Ok(())
}

/// The properties of a schema and of those it is made of.
fn collect<'a>(
    schema: &'a Value,
    properties: &mut BTreeMap<&'a str, &'a Value>,
    required: &mut Vec<&'a str>,
) {
    if let Some(name) = schema["$ref"].as_str() {
        let schema = SCHEMAS.get(name.rsplit('/').next().unwrap_or_default());
        return collect(schema.unwrap(), properties, required);
    }
    let own = schema["properties"].as_object().into_iter().flatten();
    properties.extend(own.map(|(name, schema)| (name.as_str(), schema)));
    required.extend(schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str));
    for part in schema["allOf"].as_array().into_iter().flatten() {
        collect(part, properties, required);
    }
}
