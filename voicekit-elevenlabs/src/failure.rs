//! What the service's complaints mean.
//!
//! It says the same things in three places: as the `detail` of a refused request, in a message on
//! a socket, and in the reason for closing one. All are understood by the words in them.

use std::time::Duration;

use voicekit_core::error::{Error, ErrorKind, Retry};
use voicekit_net::{Refusal, Secret, close_error, plain_word, request_note};

use crate::SERVICE;

/// The longest piece of the service's own words in an error, in characters.
const LONGEST: usize = 300;

/// A complaint that is known, by a word in it; the first that is found decides.
const KNOWN: &[(&str, Meaning)] = &[
    ("quota", Meaning(ErrorKind::Quota, Some(Retry::Never))),
    ("credits", Meaning(ErrorKind::Quota, Some(Retry::Never))),
    // A slot gets free when another reply ends.
    ("too_many_concurrent", again(ErrorKind::RateLimited, 1_000)),
    ("concurrent_limit", again(ErrorKind::RateLimited, 1_000)),
    ("system_busy", again(ErrorKind::RateLimited, 250)),
    ("max_active_conversations", again(ErrorKind::Connection, 0)),
    ("simultaneous generations", again(ErrorKind::Connection, 0)),
    // The socket was idle for too long.
    ("new text input", again(ErrorKind::Connection, 0)),
    ("input_timeout", again(ErrorKind::Connection, 0)),
    ("inactivity", again(ErrorKind::Connection, 0)),
    ("voice_not_found", Meaning(ErrorKind::Config, None)),
    ("voice_does_not_exist", Meaning(ErrorKind::Config, None)),
    ("invalid_voice", Meaning(ErrorKind::Config, None)),
    ("voice_id", Meaning(ErrorKind::Config, None)),
    ("invalid_uid", Meaning(ErrorKind::Config, None)),
    ("invalid_model", Meaning(ErrorKind::Config, None)),
    ("model_not_found", Meaning(ErrorKind::Config, None)),
    ("model_can_not", Meaning(ErrorKind::Config, None)),
    ("unsupported_language", Meaning(ErrorKind::Config, None)),
    ("output_format", Meaning(ErrorKind::Config, None)),
    ("only_for_", Meaning(ErrorKind::Rejected, None)),
    ("api_key", Meaning(ErrorKind::Unauthenticated, None)),
    ("api key", Meaning(ErrorKind::Unauthenticated, None)),
    ("missing_permissions", Meaning(ErrorKind::Unauthenticated, None)),
    ("unauthorized", Meaning(ErrorKind::Unauthenticated, None)),
    ("authentication", Meaning(ErrorKind::Unauthenticated, None)),
];

/// The kind of an error, and whether to try again if that is not as usual for its kind.
#[derive(Clone, Copy)]
struct Meaning(ErrorKind, Option<Retry>);

const fn again(kind: ErrorKind, millis: u64) -> Meaning {
    Meaning(kind, Some(Retry::After(Duration::from_millis(millis))))
}

/// What a refusal means, with the id under which the service's support finds the request.
pub(crate) fn classify(refusal: &Refusal) -> Option<Error> {
    let status = refusal.field("/detail/status").or_else(|| refusal.field("/detail/code"));
    let meaning = status.as_deref().and_then(meaning_of);
    let error = match meaning {
        Some(Meaning(kind, Some(Retry::After(wait)))) if refusal.retry_after().is_none() => {
            refusal.error_of(kind).with_retry(Retry::After(wait))
        }
        Some(Meaning(kind, Some(Retry::Never))) => refusal.error_of(kind).with_retry(Retry::Never),
        Some(Meaning(kind, _)) => refusal.error_of(kind),
        None => refusal.error(),
    };
    let code = status.as_deref().and_then(plain_word);
    let code = code.map(|code| format!(" [{code}]")).unwrap_or_default();
    let request = request_note("request", refusal.header("request-id"));
    let text = format!("{}{code}{request}", error.message());
    let odd = status.filter(|_| code.is_empty());
    let odd = odd.map(|odd| format!(" [{}]", odd.chars().take(64).collect::<String>()));
    let said = format!("{}{}", error.detail().unwrap_or_default(), odd.unwrap_or_default());
    Some(Error::new(error.kind(), SERVICE, text).with_retry(error.retry()).with_detail(said))
}

/// The service has said on a socket that something went wrong; `code` is its word for it.
pub(crate) fn reported(secret: &Secret, code: &str, text: &str) -> Error {
    let said = match (code, text) {
        ("", text) => text.to_owned(),
        (code, "") => code.to_owned(),
        (code, text) => format!("{code}: {text}"),
    };
    let Meaning(kind, retry) = meaning_of(&said).unwrap_or(Meaning(ErrorKind::Rejected, None));
    let text = format!("the service reported {}", plain_word(code).unwrap_or("an error"));
    let error = Error::new(kind, SERVICE, clean(secret, &text));
    with(error.with_detail(clean(secret, &said)), retry)
}

/// The service has closed the socket.
pub(crate) fn closed(secret: &Secret, code: u16, reason: &str) -> Error {
    let usual = close_error(SERVICE, code, reason).with_detail(clean(secret, reason));
    match meaning_of(reason) {
        Some(Meaning(kind, retry)) => {
            let error = Error::new(kind, SERVICE, usual.message().to_owned());
            with(error.with_detail(clean(secret, reason)), retry)
        }
        None => usual,
    }
}

/// A message was not what the protocol says. What it was is not repeated: it may hold words.
pub(crate) fn malformed(what: &str) -> Error {
    Error::new(ErrorKind::Protocol, SERVICE, format!("a malformed message: {what}"))
}

/// Names the `voice`, if the service does not have it.
pub(crate) fn naming(error: Error, voice: &str) -> Error {
    let words = format!("{} {}", error.message(), error.detail().unwrap_or_default());
    if error.kind() != ErrorKind::Config || !words.to_ascii_lowercase().contains("voice") {
        return error;
    }
    let text = format!("there is no voice {voice:?}: {}", error.message());
    let detail = error.detail().unwrap_or_default();
    Error::new(ErrorKind::Config, SERVICE, text).with_detail(detail)
}

fn meaning_of(said: &str) -> Option<Meaning> {
    let said = said.to_ascii_lowercase();
    KNOWN.iter().find(|(word, _)| said.contains(word)).map(|(_, meaning)| *meaning)
}

fn with(error: Error, retry: Option<Retry>) -> Error {
    match retry {
        Some(retry) => error.with_retry(retry),
        None => error,
    }
}

fn clean(secret: &Secret, text: &str) -> String {
    text.replace(secret.expose().trim(), Secret::REDACTED).chars().take(LONGEST).collect()
}
