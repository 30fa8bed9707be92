//! Errors inside an answer whose status is 200, in the places where servers put them.

use serde_json::{Value, json};

use super::content::{list, text};

/// Fields in which an error may stand, in a chunk, a choice, a delta or a message.
const FIELDS: &[&str] = &["error", "errors", "Error", "exception"];

/// Fields that hold a message, in a chunk that holds no choice.
const MESSAGES: &[&str] =
    &["detail", "message", "error_msg", "err_msg", "errmsg", "error_message", "msg"];

/// Fields that hold a number or name of the error.
const CODES: &[&str] =
    &["code", "error_code", "err_code", "errcode", "status_code", "statusCode", "status"];

/// The error that an event of type `event` reports, if any.
pub(super) fn reported(event: &str, chunk: &Value) -> Option<Value> {
    if let Some(error) = in_fields(chunk).or_else(|| in_choices(chunk)) {
        return Some(error);
    }
    let is_error = |name| text(chunk, name).eq_ignore_ascii_case("error");
    if event == "error" || is_error("object") || is_error("type") {
        return Some(described(chunk).unwrap_or_else(|| chunk.clone()));
    }
    let base = chunk.get("base_resp");
    let has_failed = |base: &&Value| base.get("status_code").is_some_and(is_fault);
    if let Some(status) = base.filter(has_failed) {
        return Some(
            json!({"message": status.get("status_msg"), "code": status.get("status_code")}),
        );
    }
    let has_content = !list(chunk, "choices").is_empty()
        || chunk.get("message").is_some_and(Value::is_object)
        || text(chunk, "object").starts_with("chat.completion")
        || text(chunk, "object").starts_with("text_completion");
    if chunk.is_string() {
        return Some(json!({"message": chunk}));
    }
    if has_content { None } else { described(chunk) }
}

fn in_fields(chunk: &Value) -> Option<Value> {
    let groq = chunk.pointer("/x_groq/error");
    let errors = FIELDS.iter().filter_map(|name| chunk.get(*name)).chain(groq);
    errors.into_iter().find(|error| is_fault(error)).map(first)
}

fn in_choices(chunk: &Value) -> Option<Value> {
    list(chunk, "choices").iter().find_map(|choice| {
        let inner = [Some(choice), choice.get("delta"), choice.get("message")];
        inner.into_iter().flatten().find_map(in_fields)
    })
}

/// An error that the fields of `chunk` describe.
fn described(chunk: &Value) -> Option<Value> {
    let fault = chunk.pointer("/fault/faultstring");
    let message = MESSAGES.iter().filter_map(|name| chunk.get(*name)).chain(fault);
    let message = message.into_iter().find_map(|message| match message {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Array(_) | Value::Object(_) => {
            let inner = message.pointer("/0/msg").or_else(|| message.get("message"));
            Some(inner.and_then(Value::as_str).unwrap_or("no details").to_owned())
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => None,
    });
    let code = CODES.iter().find_map(|name| chunk.get(*name).filter(|code| is_fault(code)));
    let failed = chunk.get("success") == Some(&Value::Bool(false))
        || matches!(text(chunk, "status"), "error" | "failed" | "failure")
        || chunk.get("status").and_then(Value::as_u64).is_some_and(|status| status >= 400);
    let is_error = failed || message.is_some();
    is_error.then(|| json!({"message": message, "code": code, "type": chunk.get("type")}))
}

/// Whether a field that is there for errors holds one.
fn is_fault(error: &Value) -> bool {
    match error {
        Value::Null => false,
        Value::Bool(failed) => *failed,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !matches!(text.trim(), "" | "0" | "null" | "none" | "None"),
        Value::Array(errors) => errors.iter().any(is_fault),
        Value::Object(fields) => fields.values().any(is_fault),
    }
}

/// The first of several errors.
fn first(error: &Value) -> Value {
    match error {
        Value::Array(errors) => errors.first().map_or(Value::Null, first),
        Value::Bool(_) => json!({"message": "no details"}),
        Value::Null | Value::Number(_) | Value::String(_) | Value::Object(_) => error.clone(),
    }
}
