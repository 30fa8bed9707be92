//! What the server means when it refuses.

use std::fmt;
use std::time::Duration;

use voicekit_core::error::{Error, ErrorKind, Retry};
use voicekit_net::Refusal;

use crate::error;

/// The status of a refusal, as the source of its error.
#[derive(Debug)]
struct Status(u16);

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP {}", self.0)
    }
}

impl std::error::Error for Status {}

/// Whether `error` is a refusal with this status.
pub(crate) fn is(error: &Error, status: u16) -> bool {
    let source = std::error::Error::source(error);
    source.and_then(|source| source.downcast_ref::<Status>()).is_some_and(|own| own.0 == status)
}

pub(crate) fn classify(refusal: &Refusal) -> Option<Error> {
    let said = refusal.said().unwrap_or_default();
    let says = |words: &str| said.contains(words);
    let advised = |kind, advice: &str| {
        error(kind, format!("{}: {advice}", refusal.summary())).with_detail(said.as_str())
    };
    let usual = refusal.error();
    let refused = match refusal.status() {
        400 if says("Index required") => {
            advised(ErrorKind::Config, "name the metadata in `indexed` and ingest again")
        }
        400 if says("dimension") => advised(
            ErrorKind::Config,
            "use the embedder that wrote the collection, or another collection",
        ),
        401 | 403 => advised(ErrorKind::Unauthenticated, "api_key is missing, wrong or too weak"),
        404 => refusal.error_of(ErrorKind::Config),
        405 => refusal.error_of(ErrorKind::Unsupported),
        // Doing it again would be refused again.
        409 => usual.with_retry(Retry::Never),
        413 => advised(ErrorKind::Rejected, "batch_bytes is more than the server takes"),
        503 => {
            let wait = refusal.retry_after().unwrap_or(Duration::ZERO);
            usual.with_retry(Retry::After(wait))
        }
        507 => refusal.error_of(ErrorKind::Quota).with_retry(Retry::Never),
        _ => usual,
    };
    Some(refused.with_source(Status(refusal.status())))
}
