//! Warnings that whoever reaches the server can cause, limited in rate.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The time between two warnings of one kind. A flood leaves six lines per minute in the log.
const EVERY: Duration = Duration::from_secs(10);

/// Limits one kind of warning to one per ten seconds. The first is always admitted.
#[derive(Debug, Default)]
pub(crate) struct Throttle(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    last: Option<Instant>,
    suppressed: u64,
}

impl Throttle {
    /// Returns how many warnings were suppressed since the last one if one may be logged now,
    /// otherwise `None`.
    pub(crate) fn admit(&self) -> Option<u64> {
        let now = Instant::now();
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.last.is_some_and(|last| now.duration_since(last) < EVERY) {
            state.suppressed += 1;
            return None;
        }
        state.last = Some(now);
        Some(std::mem::take(&mut state.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_flood_is_counted_and_leaves_one_line_per_ten_seconds() {
        let throttle = Throttle::default();
        assert_eq!(throttle.admit(), Some(0));
        for _ in 0..1_000 {
            assert_eq!(throttle.admit(), None);
        }
        tokio::time::advance(EVERY).await;
        assert_eq!(throttle.admit(), Some(1_000));
        assert_eq!(throttle.admit(), None);
    }
}
