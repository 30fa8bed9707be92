//! What the service's complaints mean.
//!
//! | close code, or `error_code` | means | tried again |
//! |---|---|---|
//! | 1008 | by its words: no such key, no money, too many sessions | the last |
//! | 1013, 3005, 3008, 4004, 4008, 4010, 4030, 4031, 4103 | the service or the session ended | yes |
//! | 3006, 4000 | a parameter or a message is wrong | no |
//! | 3007, 4029, 4032 to 4034, 4100, 4101 | the audio came in the wrong pieces or too fast | no |
//! | 3009, 4102 | too many sessions | after a second |
//! | 4001 | no such key | no |
//! | 4002, 4003 | no money | no |

use voicekit_core::error::{Error, ErrorKind};
use voicekit_net::{Refusal, Secret, close_error, request_note};

use crate::SERVICE;
use crate::account::Account;
use crate::wire::Complaint;

/// The longest piece of the service's own words in an error, in characters.
const LONGEST: usize = 300;

/// Makes errors of complaints: without our secret, with the session that the service's support
/// asks for.
#[derive(Debug)]
pub(crate) struct Failures {
    secret: Secret,
    session: Option<String>,
}

impl Failures {
    pub(crate) fn new(account: &Account) -> Self {
        Self { secret: Secret::new(account.secret().expose().trim()), session: None }
    }

    /// The service has said which session this is.
    pub(crate) fn note_session(&mut self, id: Option<String>) {
        tracing::debug!(service = SERVICE, session = id.as_deref(), "connected");
        self.session = id;
    }

    /// The upgrade was refused: 400 and 404 mean a setting; the others are as usual.
    pub(crate) fn refused(&self, refusal: &Refusal) -> Error {
        let error = match refusal.status() {
            400 | 404 => refusal.error_of(ErrorKind::Config),
            _ => refusal.error(),
        };
        let said = refusal.said().unwrap_or_default();
        self.error(error.kind(), error.message(), &said).with_retry(error.retry())
    }

    /// The connection was closed.
    pub(crate) fn closed(&self, code: u16, reason: &str) -> Error {
        let usual = close_error(SERVICE, code, reason);
        match kind_of(code, reason) {
            Some(kind) => self.error(kind, usual.message(), reason),
            None => self.error(usual.kind(), usual.message(), reason).with_retry(usual.retry()),
        }
    }

    /// The service has said `Error`. A close frame follows, which is not waited for.
    pub(crate) fn reported(&self, complaint: &Complaint) -> Error {
        let said = match complaint.error.as_str() {
            Some(text) => text.to_owned(),
            None if complaint.error.is_null() => "an error".to_owned(),
            None => complaint.error.to_string(),
        };
        let Some(code) = complaint.code() else {
            let kind = by_words(&said).unwrap_or(ErrorKind::Rejected);
            return self.error(kind, "the service reported an error", &said);
        };
        let kind = kind_of(code, &said).unwrap_or(ErrorKind::Connection);
        self.error(kind, &format!("the service reported {code}"), &said)
    }

    /// A message was not what the protocol says. What it was is not repeated: it may hold words.
    pub(crate) fn malformed(&self, what: &str) -> Error {
        self.error(ErrorKind::Protocol, &format!("a malformed message: {what}"), "")
    }

    /// A message does not say what it is.
    pub(crate) fn untyped(&self) -> Error {
        self.error(ErrorKind::Protocol, "a message without a type", "")
    }

    /// The service ended the session, which a new one mends.
    pub(crate) fn ended(&self) -> Error {
        self.error(ErrorKind::Connection, "the session has ended", "")
    }

    /// Nothing comes any more.
    pub(crate) fn silent(&self) -> Error {
        self.error(ErrorKind::Timeout, "the service does not answer", "")
    }

    fn error(&self, kind: ErrorKind, text: &str, said: &str) -> Error {
        let clean = |text: &str| -> String {
            text.replace(self.secret.expose(), Secret::REDACTED).chars().take(LONGEST).collect()
        };
        let text = format!("{}{}", clean(text), request_note("session", self.session.as_deref()));
        Error::new(kind, SERVICE, text).with_detail(clean(said))
    }
}

/// What the service's own codes mean; `None` is as usual.
fn kind_of(code: u16, words: &str) -> Option<ErrorKind> {
    Some(match code {
        1008 => by_words(words).unwrap_or(ErrorKind::Unauthenticated),
        3006 | 4000 => ErrorKind::Config,
        3007 | 4029 | 4032..=4034 | 4100 | 4101 => ErrorKind::Protocol,
        3009 | 4102 => ErrorKind::RateLimited,
        4001 => ErrorKind::Unauthenticated,
        4002 | 4003 => ErrorKind::Quota,
        _ => return None,
    })
}

fn by_words(words: &str) -> Option<ErrorKind> {
    let words = words.to_lowercase();
    let says = |parts: &[&str]| parts.iter().any(|part| words.contains(part));
    if says(&["too many", "rate limit", "concurren"]) {
        return Some(ErrorKind::RateLimited);
    }
    if says(&["fund", "balance", "credit card", "billing", "paid"]) {
        return Some(ErrorKind::Quota);
    }
    says(&["authoriz", "authentic", "api key", "token"]).then_some(ErrorKind::Unauthenticated)
}
