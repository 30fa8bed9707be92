//! The text of an answer, in the places and shapes in which servers put it.

use serde_json::Value;

/// Types of parts that are spoken.
const SPOKEN: &[&str] =
    &["", "text", "output_text", "input_text", "refusal", "text_delta", "message"];

/// Types of parts that are tool calls.
const CALLS: &[&str] = &["tool_use", "tool_call", "function_call", "tool-call"];

/// The text of `content`: a string, a part, or a list of either. Reasoning is not text.
pub(super) fn spoken(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().map(spoken).collect(),
        Value::Object(part) if SPOKEN.contains(&text(content, "type")) => {
            let mut fields = ["text", "value", "refusal", "content", "parts"].iter();
            fields.find_map(|name| part.get(*name)).map(spoken).unwrap_or_default()
        }
        Value::Object(_) | Value::Null | Value::Bool(_) | Value::Number(_) => String::new(),
    }
}

/// The tool calls among the parts of `content`.
pub(super) fn calls(content: &Value) -> impl Iterator<Item = &Value> {
    let parts = content.as_array().map_or(&[][..], Vec::as_slice);
    parts.iter().filter(|part| CALLS.contains(&text(part, "type")))
}

/// A field that is text; empty if it is missing or something else.
pub(super) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// A field that is a list, or a single object in the place of one; empty otherwise.
pub(super) fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    match value.get(name) {
        Some(Value::Array(items)) => items,
        Some(item @ Value::Object(_)) => std::slice::from_ref(item),
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn text_is_found_in_every_shape() {
        for content in [
            json!("Yes."),
            json!([{"type": "text", "text": "Yes."}]),
            json!([{"type": "text", "text": "Y"}, {"type": "text", "text": "es."}]),
            json!([{"type": "output_text", "text": "Yes.", "annotations": []}]),
            json!([{"type": "text", "text": {"value": "Yes.", "annotations": []}}]),
            json!([{"text": "Yes."}]),
            json!(["Y", "es."]),
            json!({"type": "text", "text": "Yes."}),
            json!({"parts": [{"text": "Yes."}]}),
            json!([{"type": "refusal", "refusal": "Yes."}]),
            json!([
                {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
                {"type": "text", "text": "Yes."},
            ]),
            json!([{"type": "reasoning", "text": "hm"}, {"type": "text", "text": "Yes."}]),
            json!([{"type": "reference", "reference_ids": [1]}, {"type": "text", "text": "Yes."}]),
        ] {
            assert_eq!(spoken(&content), "Yes.", "{content}");
        }
    }

    #[test]
    fn what_is_no_text_is_silent() {
        let image = json!([{"type": "image_url", "image_url": {"url": "https://a.example"}}]);
        for content in [json!(null), json!(7), json!({}), json!([]), json!([null, 7]), image] {
            assert_eq!(spoken(&content), "", "{content}");
        }
    }
}
