//! The one error that crosses voicekit's boundaries.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

/// The result of whatever can fail with an [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, in which service, and whether trying again can help.
///
/// [`kind`](Self::kind) is for programs to act on, the text is for people. Neither ever holds a
/// secret, a transcript or a phone number.
///
/// What a provider says about the failure may hold anything, so that it is kept apart:
/// [`detail`](Self::detail) returns it, and neither `Display` nor `Debug` shows it. Log it at DEBUG
/// only, with its control characters escaped (`?error.detail()`).
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    retry: Retry,
    service: Cow<'static, str>,
    message: Cow<'static, str>,
    detail: Option<Box<str>>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// Who or what is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A setting is wrong; the message names it.
    Config,
    /// The service does not accept our credentials.
    Unauthenticated,
    /// The account has used up what it paid for.
    Quota,
    /// Too many requests for the moment.
    RateLimited,
    /// The service understood the request and refused it.
    Rejected,
    /// No answer in time.
    Timeout,
    /// The connection could not be made, or broke.
    Connection,
    /// The peer sent what its protocol does not allow.
    Protocol,
    /// The part cannot do what was asked of it.
    Unsupported,
    /// Our own machinery failed: a model that would not run, a disk that is full.
    Internal,
}

/// Whether the same request may succeed later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Retry {
    /// The same request will fail again.
    Never,
    /// Worth another try, not sooner than this.
    After(Duration),
}

impl Error {
    /// An error of `kind` in `service`, whose [`retry`](Self::retry) is what such an error
    /// usually deserves: at once after `Timeout` and `Connection`, after a second when
    /// `RateLimited`, otherwise never.
    pub fn new(
        kind: ErrorKind,
        service: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        let retry = match kind {
            ErrorKind::Timeout | ErrorKind::Connection => Retry::After(Duration::ZERO),
            ErrorKind::RateLimited => Retry::After(Duration::from_secs(1)),
            ErrorKind::Config
            | ErrorKind::Unauthenticated
            | ErrorKind::Quota
            | ErrorKind::Rejected
            | ErrorKind::Protocol
            | ErrorKind::Unsupported
            | ErrorKind::Internal => Retry::Never,
        };
        let (service, message) = (service.into(), message.into());
        Self(Box::new(Inner { kind, retry, service, message, detail: None, source: None }))
    }

    /// The same error with another opinion on retrying.
    #[must_use]
    pub fn with_retry(mut self, retry: Retry) -> Self {
        self.0.retry = retry;
        self
    }

    /// The same error with the error that caused it.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Adds what the provider says about it. An empty text is none.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = Some(detail.into()).filter(|text| !text.is_empty()).map(Into::into);
        self
    }

    /// Who or what is at fault.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether the same request may succeed later.
    pub fn retry(&self) -> Retry {
        self.0.retry
    }

    /// The name of the service or part that failed.
    pub fn service(&self) -> &str {
        &self.0.service
    }

    /// What happened, without the service's name.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The provider's own words about the failure, if it had any. They may hold whatever was sent
    /// to it: never log them above DEBUG.
    pub fn detail(&self) -> Option<&str> {
        self.0.detail.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.service, self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("retry", &self.0.retry)
            .field("service", &self.0.service)
            .field("message", &self.0.message)
            .field("source", &self.0.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_ref().map(|source| &**source as &(dyn StdError + 'static))
    }
}
