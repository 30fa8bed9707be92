//! The only place that reads a clock.

use voicekit_core::time::Timestamp;

/// Session time of one call, on tokio's clock: tests that pause it run in virtual time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock(tokio::time::Instant);

impl Clock {
    pub(super) fn start() -> Self {
        Self(tokio::time::Instant::now())
    }

    pub(super) fn now(self) -> Timestamp {
        Timestamp::from(self.0.elapsed())
    }

    /// Waits until `at`, for ever without one.
    pub(super) async fn sleep_until(self, at: Option<Timestamp>) {
        match at {
            Some(at) => tokio::time::sleep_until(self.0 + at.since_start()).await,
            None => std::future::pending().await,
        }
    }
}
