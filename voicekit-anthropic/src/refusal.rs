//! What the service means when it refuses, at once or in the middle of an answer.

use serde_json::Value;
use voicekit_core::error::{Error, ErrorKind};
use voicekit_net::{Endpoint, Refusal, request_note};

/// What a refusal means, with the id under which the service's support finds the request.
pub(crate) fn classify(refusal: &Refusal) -> Option<Error> {
    let error = match refusal.status() {
        // A model that was retired, or a wrong address: both are settings.
        404 => refusal.error_of(ErrorKind::Config),
        // An account without money is told so as an invalid request.
        400 if refusal.said().is_some_and(|said| said.contains("credit balance is too low")) => {
            refusal.error_of(ErrorKind::Quota)
        }
        _ => refusal.error(),
    };
    let id = refusal.header("request-id").map(str::to_owned);
    let Some(id) = id.or_else(|| refusal.field("/request_id")) else { return Some(error) };
    let text = format!("{}{}", error.message(), request_note("request", Some(&id)));
    let named = Error::new(error.kind(), error.service().to_owned(), text);
    Some(named.with_retry(error.retry()).with_detail(error.detail().unwrap_or_default()))
}

/// An error within a stream: a refusal that came late. It is understood by the status that it
/// would have had (the API reference, "Errors").
pub(crate) fn late(endpoint: &Endpoint, event: &Value) -> Error {
    let status = match event.pointer("/error/type").and_then(Value::as_str) {
        Some("invalid_request_error") => 400,
        Some("authentication_error") => 401,
        Some("billing_error") => 402,
        Some("permission_error") => 403,
        Some("not_found_error") => 404,
        Some("request_too_large") => 413,
        Some("rate_limit_error") => 429,
        Some("timeout_error") => 504,
        Some("overloaded_error") => 529,
        _ => 500,
    };
    let refusal = Refusal::from_parts(endpoint, status, &[], event.to_string());
    classify(&refusal).unwrap_or_else(|| refusal.error())
}
