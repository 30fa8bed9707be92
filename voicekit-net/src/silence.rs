//! One warning for a service that does not answer.

use std::time::Duration;

use tokio::time::Instant;

/// How long a service may take before it is worth a warning that it was given up.
const WORTH_A_WARNING: Duration = Duration::from_secs(5);

/// A wait for a service.
///
/// A wait that ends in an error is reported by whoever gets the error. One that is given up by
/// dropping it leaves no error: after 5 s or more, it is logged as one warning that names the service
/// and holds nothing else of it.
#[derive(Debug)]
pub struct Silence {
    service: &'static str,
    since: Option<Instant>,
}

impl Silence {
    /// Begins to wait for an answer of `service`.
    pub fn begin(service: &'static str) -> Self {
        Self { service, since: Some(Instant::now()) }
    }

    /// Waits for nothing yet.
    pub fn none(service: &'static str) -> Self {
        Self { service, since: None }
    }

    /// Begins to wait, unless it waits already.
    pub fn wait(&mut self) {
        self.since.get_or_insert_with(Instant::now);
    }

    /// Stops waiting: something has come, or the failure is reported elsewhere.
    pub fn end(&mut self) {
        self.since = None;
    }

    /// Logs that the service did not answer, and was asked again.
    pub fn warn(service: &'static str) {
        tracing::warn!(service, "the service does not answer");
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        if self.since.is_some_and(|since| since.elapsed() >= WORTH_A_WARNING) {
            Self::warn(self.service);
        }
    }
}
