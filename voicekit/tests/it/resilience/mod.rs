//! Parts around fakes that fail.

mod contracts;
mod hearing;
mod models;
mod voices;

use std::time::Duration;

use voicekit_core::error::Error;
use voicekit_core::retry::RetryPolicy;

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Twice more, at once.
fn twice_more() -> RetryPolicy {
    RetryPolicy::after([Duration::ZERO, Duration::ZERO])
}

/// Lets what runs in the background run.
async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

fn kind<T>(result: Result<T, Error>) -> voicekit_core::error::ErrorKind {
    result.err().unwrap().kind()
}
