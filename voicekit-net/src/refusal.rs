//! What a service answers when it does not do what it was asked.

use std::time::Duration;

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use serde_json::Value;
use voicekit_core::error::{Error, ErrorKind, Retry};

use crate::endpoint::Endpoint;

/// Where services put what a person should read, most specific first.
const MESSAGES: &[&str] = &[
    "/error/message",
    "/detail/message",
    "/detail/0/msg",
    "/err_msg",
    "/message",
    "/error",
    "/detail",
    "/status/error",
];

/// The longest piece of a service's own words in an error, in characters.
const LONGEST_MESSAGE: usize = 300;

/// An HTTP answer that is not a success, also to a WebSocket upgrade.
///
/// [`error`](Self::error) is what it usually means. An adapter whose service means something else
/// looks at [`field`](Self::field) and chooses with [`error_of`](Self::error_of).
#[derive(Debug)]
pub struct Refusal {
    endpoint: Endpoint,
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Refusal {
    pub(crate) fn new(
        endpoint: &Endpoint,
        status: StatusCode,
        headers: HeaderMap,
        body: Bytes,
    ) -> Self {
        Self { endpoint: endpoint.clone(), status, headers, body }
    }

    /// A refusal by `endpoint`: for tests of an adapter. What is no status is taken as 500;
    /// headers that cannot be are left out.
    pub fn from_parts(
        endpoint: &Endpoint,
        status: u16,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let parsed = headers.iter().filter_map(|(name, value)| {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            Some((name, HeaderValue::from_str(value).ok()?))
        });
        Self::new(endpoint, status, parsed.collect(), body.into())
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// A header of the answer.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body, as much of it as was read.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The text or number at `pointer` (RFC 6901, such as `/error/code`) in a JSON body; without
    /// our secrets.
    pub fn field(&self, pointer: &str) -> Option<String> {
        let json: Value = serde_json::from_slice(&self.body).ok()?;
        match json.pointer(pointer)? {
            Value::String(text) => Some(self.endpoint.redact(text.clone())),
            Value::Number(number) => Some(number.to_string()),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// How long the service asks to be left alone: `retry-after-ms`, else `retry-after` in
    /// seconds or as a date, which is compared with the answer's own `date`.
    pub fn retry_after(&self) -> Option<Duration> {
        if let Some(millis) = self.header("retry-after-ms").and_then(|text| text.parse().ok()) {
            return Some(Duration::from_millis(millis));
        }
        let text = self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
        if let Ok(seconds) = text.parse::<f64>() {
            return Duration::try_from_secs_f64(seconds).ok();
        }
        let until = httpdate::parse_http_date(text).ok()?;
        let date = self.headers.get(DATE)?.to_str().ok()?;
        Some(until.duration_since(httpdate::parse_http_date(date).ok()?).unwrap_or_default())
    }

    /// What the answer means by its status.
    ///
    /// 401 and 403 are `Unauthenticated`, 402 is `Quota`, 429 is `RateLimited`, 408 and 504 are
    /// `Timeout`, 503 and 529 (overloaded) are `RateLimited`, other 5xx are `Connection`,
    /// everything else is `Rejected`. 409 is worth another try. What `x-should-retry` and
    /// `retry-after` say goes before what the kind usually deserves.
    pub fn error(&self) -> Error {
        let error = self.error_of(match self.status() {
            401 | 403 => ErrorKind::Unauthenticated,
            402 => ErrorKind::Quota,
            408 | 504 => ErrorKind::Timeout,
            429 | 503 | 529 => ErrorKind::RateLimited,
            500.. => ErrorKind::Connection,
            _ => ErrorKind::Rejected,
        });
        if self.status() == 409 && self.header("x-should-retry") != Some("false") {
            return error.with_retry(self.after(Duration::ZERO));
        }
        error
    }

    /// The same answer understood as `kind`.
    pub fn error_of(&self, kind: ErrorKind) -> Error {
        let error = self.endpoint.error(kind, self.summary());
        let error = error.with_detail(self.said().unwrap_or_default());
        let usual = error.retry();
        let retry = match (self.header("x-should-retry"), usual) {
            (Some("false"), _) => Retry::Never,
            (Some("true"), Retry::Never) => self.after(Duration::ZERO),
            (_, Retry::After(usual)) => self.after(usual),
            (_, usual) => usual,
        };
        error.with_retry(retry)
    }

    /// The status, such as `HTTP 400 Bad Request`.
    pub fn summary(&self) -> String {
        format!("HTTP {}", self.status)
    }

    /// The service's own words, if the body is JSON of a known shape; without our secrets, and
    /// shortened to 300 characters. They belong into [`Error::detail`] and nowhere else.
    pub fn said(&self) -> Option<String> {
        MESSAGES.iter().find_map(|pointer| self.field(pointer)).map(|said| shorten(&said))
    }

    fn after(&self, usual: Duration) -> Retry {
        Retry::After(self.retry_after().unwrap_or(usual))
    }
}

/// Returns `text` if it is a code or an id, such as `rate_limit_error` or `req_011CSH`: up to 64
/// letters, digits, `_`, `-`, `.` and `:`, beginning with a letter, with less than eight digits in
/// a row.
/// Only such a word of a service may stand in an error's message.
pub fn plain_word(text: &str) -> Option<&str> {
    let word = text.trim();
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
    let digits = word.split(|c: char| !c.is_ascii_digit()).map(str::len).max().unwrap_or(0);
    let is_plain = word.starts_with(|c: char| c.is_ascii_alphabetic())
        && word.chars().all(is_part)
        && word.len() <= 64
        && digits < 8;
    is_plain.then_some(word)
}

/// Returns ` (request ID)` for an id of a request or a session that may stand in an error's
/// message: up to 64 letters, digits, `_`, `-`, `.` and `:`. Otherwise the empty text.
pub fn request_note(name: &str, id: Option<&str>) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
    let is_plain = |id: &&str| !id.is_empty() && id.len() <= 64 && id.chars().all(is_part);
    id.filter(is_plain).map(|id| format!(" ({name} {id})")).unwrap_or_default()
}

fn shorten(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST_MESSAGE) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
