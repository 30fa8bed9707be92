//! Whether and when to try again.

use std::time::Duration;

use crate::error::{Error, Retry};

/// How often to try again and how long to wait before each: a fixed schedule without randomness,
/// so that tests and traces are the same from run to run.
///
/// An error that says [`Retry::Never`] is never tried again. One that says `After(d)` waits for
/// `d` or for the schedule, whichever is longer, and not at all if `d` is longer than
/// [`patience`](Self::with_patience): nobody on the phone waits for that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    waits: Vec<Duration>,
    patience: Duration,
}

impl RetryPolicy {
    /// The longest that a service may ask to be left alone for, unless set otherwise: 2 s, what a
    /// caller bears as silence before a reply.
    pub const PATIENCE: Duration = Duration::from_secs(2);

    /// One attempt and no more.
    pub fn never() -> Self {
        Self::after([])
    }

    /// Waits that long before the second attempt, the third, and so on; then gives up.
    pub fn after(waits: impl Into<Vec<Duration>>) -> Self {
        Self { waits: waits.into(), patience: Self::PATIENCE }
    }

    /// Up to `attempts` attempts in all: `first` before the second, twice as long before each
    /// further one, never longer than `longest`.
    pub fn exponential(attempts: u32, first: Duration, longest: Duration) -> Self {
        let wait = |attempt: u32| first.saturating_mul(1 << attempt.min(30)).min(longest);
        Self::after((0..attempts.saturating_sub(1)).map(wait).collect::<Vec<_>>())
    }

    /// Sets the longest that a service may ask to be left alone for. Default:
    /// [`PATIENCE`](Self::PATIENCE).
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// How long to wait after the attempt that failed with `error`, or `None` to give up.
    /// `failed` counts the attempts before it.
    pub fn wait(&self, failed: usize, error: &Error) -> Option<Duration> {
        let wait = *self.waits.get(failed)?;
        let Retry::After(asked) = error.retry() else { return None };
        (asked <= self.patience).then(|| wait.max(asked))
    }
}

/// Two attempts with 250 ms between them: what a call has time for.
impl Default for RetryPolicy {
    fn default() -> Self {
        Self::after([Duration::from_millis(250)])
    }
}
