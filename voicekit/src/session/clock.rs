//! The only place that reads a clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use voicekit_core::time::Timestamp;

/// Session time of one call, on tokio's clock: tests that pause it run in virtual time. Time in which
/// the process stood still is left out. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Clock {
    start: Instant,
    /// Microseconds that are left out.
    left_out: Arc<AtomicU64>,
}

impl Clock {
    pub(super) fn start() -> Self {
        Self { start: Instant::now(), left_out: Arc::default() }
    }

    pub(super) fn now(&self) -> Timestamp {
        Timestamp::from(self.start.elapsed().saturating_sub(self.left_out()))
    }

    /// The time by tokio's clock, with nothing left out.
    pub(super) fn real(&self) -> Instant {
        Instant::now()
    }

    /// Leaves out `time` that has passed.
    pub(super) fn leave_out(&self, time: Duration) {
        self.left_out.fetch_add(micros(time), Ordering::Relaxed);
    }

    /// Counts `time` after all that was left out.
    pub(super) fn make_up(&self, time: Duration) {
        let less = |left_out: u64| Some(left_out.saturating_sub(micros(time)));
        // The closure never declines.
        let _ = self.left_out.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    /// Waits until `at`, for ever without one.
    pub(super) async fn sleep_until(&self, at: Option<Timestamp>) {
        match at {
            Some(at) => {
                let at = self.start + self.left_out() + at.since_start();
                tokio::time::sleep_until(at).await;
            }
            None => std::future::pending().await,
        }
    }

    fn left_out(&self) -> Duration {
        Duration::from_micros(self.left_out.load(Ordering::Relaxed))
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
