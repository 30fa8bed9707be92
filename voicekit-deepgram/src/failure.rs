//! What the service's complaints mean.

use voicekit_core::error::{Error, ErrorKind, Retry};
use voicekit_net::{Refusal, Secret, close_error, plain_word, request_note};

use crate::SERVICE;
use crate::account::{Account, Credentials};
use crate::wire::Complaint;

/// The longest piece of the service's own words in an error, in characters.
const LONGEST: usize = 300;

/// Makes errors of complaints: without our secret, with the id that the service's support asks
/// for.
#[derive(Debug)]
pub(crate) struct Failures {
    secret: Secret,
    request_id: Option<String>,
}

impl Failures {
    pub(crate) fn new(account: &Account) -> Self {
        let (Credentials::Key(secret) | Credentials::Token(secret)) = &account.credentials;
        Self { secret: secret.clone(), request_id: None }
    }

    /// The service has said which request this is.
    pub(crate) fn note_request(&mut self, id: Option<String>) {
        if let Some(id) = id
            && self.request_id.as_ref() != Some(&id)
        {
            tracing::debug!(service = SERVICE, request = %id, "connected");
            self.request_id = Some(id);
        }
    }

    /// The upgrade was refused: 400 and 404 mean a setting, since the service names the parameter
    /// or model that it does not know; the others are as usual.
    pub(crate) fn refused(&self, refusal: &Refusal) -> Error {
        let error = match refusal.status() {
            400 | 404 => refusal.error_of(ErrorKind::Config),
            _ => refusal.error(),
        };
        let code = refusal.field("/err_code").or_else(|| refusal.field("/category"));
        let code = code.or_else(|| refusal.header("dg-error").map(str::to_owned));
        let text = named(error.message(), code.as_deref());
        let id = refusal.header("dg-request-id").map(str::to_owned);
        let id = id.or_else(|| refusal.field("/request_id"));
        let said = refusal.said();
        self.error(
            error.kind(),
            error.retry(),
            &text,
            id.as_deref(),
            said.as_deref().or(code.as_deref()),
        )
    }

    /// The connection was closed: 1008 (`DATA-0000`) means that the audio is not what was
    /// announced; 1011 (`NET-0000`, `NET-0001`) that too little of it came, which a new
    /// connection mends.
    pub(crate) fn closed(&self, code: u16, reason: &str) -> Error {
        let error = close_error(SERVICE, code, reason);
        let kind = if code == 1008 { ErrorKind::Config } else { error.kind() };
        let text = named(error.message(), Some(reason));
        self.error(kind, error.retry(), &text, self.request_id.as_deref(), Some(reason))
    }

    /// The service has said `Error`, which ends its work; it is not tried again on its own.
    pub(crate) fn reported(&self, complaint: &Complaint) -> Error {
        let code = complaint.code().unwrap_or("an error");
        let kind = if code.contains("INTERNAL") || code.starts_with("NET-") {
            ErrorKind::Connection
        } else {
            ErrorKind::Rejected
        };
        let text = format!("the service reported {}", plain_word(code).unwrap_or("an error"));
        let said =
            complaint.text().map_or_else(|| code.to_owned(), |said| format!("{code}: {said}"));
        self.error(kind, Retry::Never, &text, self.request_id.as_deref(), Some(&said))
    }

    /// A message was not what the protocol says. What it was is not repeated: it may hold words.
    pub(crate) fn malformed(&self, what: &str) -> Error {
        let text = format!("a malformed message: {what}");
        self.error(ErrorKind::Protocol, Retry::Never, &text, self.request_id.as_deref(), None)
    }

    fn error(
        &self,
        kind: ErrorKind,
        retry: Retry,
        text: &str,
        request: Option<&str>,
        said: Option<&str>,
    ) -> Error {
        let clean = |text: &str| -> String {
            text.replace(self.secret.expose(), Secret::REDACTED).chars().take(LONGEST).collect()
        };
        let text = format!("{}{}", clean(text), request_note("request", request));
        let error = Error::new(kind, SERVICE, text).with_retry(retry);
        error.with_detail(clean(said.unwrap_or_default()))
    }
}

/// `text` with the service's code, if that is one.
fn named(text: &str, code: Option<&str>) -> String {
    let code = code.and_then(plain_word).filter(|code| !text.contains(code));
    code.map_or_else(|| text.to_owned(), |code| format!("{text} [{code}]"))
}
