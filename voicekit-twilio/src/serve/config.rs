//! The server's limits, and the one check of them.

use std::fmt::Debug;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use voicekit_core::error::{Error, ErrorKind, Result};

use crate::SERVICE;

/// Limits of [`serve`](super::serve). Files write durations as milliseconds, in fields named `…_ms`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ServerConfig {
    /// Time within which the head of a request must arrive, from the connection's start or the
    /// previous response: 0.1 s to 600 s, default 10 s. Idle connections are closed after it.
    #[serde(rename = "header_timeout_ms", with = "voicekit_core::time::in_ms")]
    pub header_timeout: Duration,
    /// Time within which the body of a request must arrive and be answered: 0.1 s to 600 s,
    /// default 15 s, as long as Twilio waits for a webhook. The request is answered with status 408.
    #[serde(rename = "request_timeout_ms", with = "voicekit_core::time::in_ms")]
    pub request_timeout: Duration,
    /// Time that unfinished requests have when the server stops: 0 s to 60 s, default 1 s.
    #[serde(rename = "stop_timeout_ms", with = "voicekit_core::time::in_ms")]
    pub stop_timeout: Duration,
    /// Maximum number of open connections, calls included: 1 to 1,000,000, default 4,096. Beyond
    /// it, new connections are closed at once.
    pub max_connections: usize,
    /// Maximum number of connections that are not WebSockets: 1 to 1,000,000, default 256. Beyond
    /// it, the oldest is closed. The other [`max_connections`](Self::max_connections) are kept for
    /// live calls.
    pub max_waiting: usize,
}

impl ServerConfig {
    /// Sets [`header_timeout`](Self::header_timeout).
    #[must_use]
    pub fn with_header_timeout(mut self, timeout: Duration) -> Self {
        self.header_timeout = timeout;
        self
    }

    /// Sets [`request_timeout`](Self::request_timeout).
    #[must_use]
    pub fn with_request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = timeout;
        self
    }

    /// Sets [`stop_timeout`](Self::stop_timeout).
    #[must_use]
    pub fn with_stop_timeout(mut self, timeout: Duration) -> Self {
        self.stop_timeout = timeout;
        self
    }

    /// Sets [`max_connections`](Self::max_connections).
    #[must_use]
    pub fn with_max_connections(mut self, most: usize) -> Self {
        self.max_connections = most;
        self
    }

    /// Sets [`max_waiting`](Self::max_waiting).
    #[must_use]
    pub fn with_max_waiting(mut self, most: usize) -> Self {
        self.max_waiting = most;
        self
    }

    pub(super) fn check(&self) -> Result<()> {
        let (least, most) = (Duration::from_millis(100), Duration::from_secs(600));
        within("header_timeout", self.header_timeout, least, most)?;
        within("request_timeout", self.request_timeout, least, most)?;
        within("stop_timeout", self.stop_timeout, Duration::ZERO, Duration::from_secs(60))?;
        within("max_connections", self.max_connections, 1, 1_000_000)?;
        within("max_waiting", self.max_waiting, 1, 1_000_000)
    }
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(15),
            stop_timeout: Duration::from_secs(1),
            max_connections: 4_096,
            max_waiting: 256,
        }
    }
}

fn within<T: PartialOrd + Debug>(name: &str, value: T, min: T, max: T) -> Result<()> {
    if value >= min && value <= max {
        return Ok(());
    }
    let message = format!("{name}: {value:?} is outside {min:?}..={max:?}");
    Err(Error::new(ErrorKind::Config, SERVICE, message))
}
