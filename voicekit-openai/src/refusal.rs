//! What the service means when it refuses, at once or in the middle of an answer.

use std::time::Duration;

use serde_json::{Value, json};
use voicekit_core::error::{Error, ErrorKind, Retry};
use voicekit_net::{Endpoint, Refusal, request_note};

/// What a refusal means, with the id under which the service's support finds the request.
pub(crate) fn classify(refusal: &Refusal) -> Option<Error> {
    let said = [refusal.field("/error/code"), refusal.field("/error/type")];
    let says = |word: &str| said.iter().flatten().any(|said| said == word);
    let error = if says("insufficient_quota") || says("billing_hard_limit_reached") {
        // It comes as 429, but waiting does not bring money.
        refusal.error_of(ErrorKind::Quota).with_retry(Retry::Never)
    } else if refusal.status() == 404 && says("model_not_found") {
        refusal.error_of(ErrorKind::Config)
    } else if says("tool_use_failed") {
        // The model wrote a call that cannot be read; the next attempt draws other words.
        refusal.error_of(ErrorKind::Rejected).with_retry(Retry::After(Duration::ZERO))
    } else if refusal.status() == 498 {
        // Groq: no capacity for its flexible tier.
        refusal.error_of(ErrorKind::RateLimited)
    } else {
        refusal.error()
    };
    let id = refusal.header("x-request-id").or_else(|| refusal.header("apim-request-id"));
    Some(id.map(|id| with_request(&error, id)).unwrap_or(error))
}

/// An error within a stream: a refusal that came late. It is understood by the status that it
/// would have had.
pub(crate) fn late(endpoint: &Endpoint, error: &Value) -> Error {
    let body = json!({ "error": error }).to_string();
    let refusal = Refusal::from_parts(endpoint, status(error), &[], body);
    classify(&refusal).unwrap_or_else(|| refusal.error())
}

fn status(error: &Value) -> u16 {
    let mut codes = ["code", "status", "status_code"].iter().filter_map(|name| error.get(*name));
    let number = codes.find_map(|code| {
        let code = match code {
            Value::Number(number) => number.as_u64(),
            Value::String(text) => text.parse().ok(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        };
        code.and_then(|code| u16::try_from(code).ok()).filter(|code| (400..600).contains(code))
    });
    if let Some(code) = number {
        return code;
    }
    let words = ["code", "type", "status"].iter().filter_map(|name| error.get(*name));
    let known = words.filter_map(Value::as_str).find_map(|word| match word {
        "rate_limit_exceeded"
        | "rate_limit_error"
        | "insufficient_quota"
        | "RESOURCE_EXHAUSTED"
        | "tokens"
        | "requests" => Some(429),
        "invalid_request_error"
        | "context_length_exceeded"
        | "content_filter"
        | "BadRequestError"
        | "INVALID_ARGUMENT" => Some(400),
        "authentication_error" | "invalid_api_key" | "UNAUTHENTICATED" => Some(401),
        "permission_error" | "PERMISSION_DENIED" => Some(403),
        "model_not_found" | "NotFoundError" | "NOT_FOUND" => Some(404),
        "timeout" | "timeout_error" | "DEADLINE_EXCEEDED" => Some(504),
        "overloaded_error" | "capacity_exceeded" | "service_unavailable" | "UNAVAILABLE" => {
            Some(503)
        }
        _ => None,
    });
    known.unwrap_or(500)
}

fn with_request(error: &Error, id: &str) -> Error {
    let text = format!("{}{}", error.message(), request_note("request", Some(id)));
    let named = Error::new(error.kind(), error.service().to_owned(), text);
    named.with_retry(error.retry()).with_detail(error.detail().unwrap_or_default())
}
