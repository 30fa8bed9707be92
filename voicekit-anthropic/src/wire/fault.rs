//! Errors inside an answer whose status is 200, in the shapes in which gateways send them.

use serde_json::{Value, json};

use super::block::text;

/// Fields that hold a message, in an event that has no type of its own.
const MESSAGES: &[&str] = &["detail", "message", "error_msg", "err_msg", "msg"];

/// The error that an event of type `kind` reports, as `{"error": …}`, if any.
pub(super) fn reported(kind: &str, event: &Value) -> Option<Value> {
    if let Value::Array(events) = event {
        return events.iter().find_map(|event| reported(kind, event));
    }
    let error = if event.is_string() { Some(event) } else { event.get("error") };
    if let Some(error) = error.filter(|error| is_fault(error)) {
        let error = if error.is_string() { json!({"message": error}) } else { error.clone() };
        return Some(json!({"error": error, "request_id": event.get("request_id")}));
    }
    let is_error = kind == "error" || text(event, "type") == "error";
    let has_type = !text(event, "type").is_empty();
    let message = MESSAGES.iter().find_map(|name| event.get(*name)?.as_str());
    let is_described = !has_type && message.is_some();
    let error = json!({"message": message, "type": event.get("code")});
    (is_error || is_described).then(|| json!({ "error": error }))
}

fn is_fault(error: &Value) -> bool {
    match error {
        Value::Null => false,
        Value::Bool(failed) => *failed,
        Value::Number(_) => true,
        Value::String(text) => !text.trim().is_empty(),
        Value::Array(errors) => errors.iter().any(is_fault),
        Value::Object(fields) => fields.values().any(is_fault),
    }
}
