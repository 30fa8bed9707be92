//! The same part again.

use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;
use voicekit_core::asr::{Asr, AsrEvent, AsrInfo, AsrInput, AsrRequest};
use voicekit_core::error::{Error, ErrorKind, Result, Retry};
use voicekit_core::llm::{ChatEvent, ChatRequest, Llm, LlmInfo};
use voicekit_core::retry::RetryPolicy;
use voicekit_core::tts::{Spoken, Tts, TtsInfo, TtsRequest};

use super::attempts::{Attempt, Attempts, Failure, relayed};
use super::{answer, recognition, speech};

/// A part that is tried again when it fails in a way that may pass.
///
/// Adapters retry by themselves as long as nothing has come of a request. This also goes on where
/// an answer, a voice or a recogniser broke off.
#[derive(Debug)]
pub struct Retrying<T> {
    part: Arc<T>,
    policy: RetryPolicy,
}

impl<T> Retrying<T> {
    /// Tries `part` again, twice in all with 250 ms between.
    pub fn new(part: T) -> Self {
        Self { part: Arc::new(part), policy: RetryPolicy::default() }
    }

    /// Sets how often and how soon. What a recogniser has understood for good starts the count
    /// anew.
    #[must_use]
    pub fn with_policy(mut self, policy: RetryPolicy) -> Self {
        self.policy = policy;
        self
    }

    fn attempts(&self) -> Again<T> {
        Again { part: Arc::clone(&self.part), policy: self.policy.clone(), failed: 0 }
    }
}

struct Again<T> {
    part: Arc<T>,
    policy: RetryPolicy,
    failed: usize,
}

impl<T: Send + Sync + 'static> Attempts<T> for Again<T> {
    fn first(&mut self) -> Result<Attempt<T>> {
        Ok(Attempt { part: Arc::clone(&self.part), wait: std::time::Duration::ZERO })
    }

    fn next(&mut self, failure: Failure<'_>) -> Option<Attempt<T>> {
        let wait = if failure.begun && broke_off(failure.error) {
            // It says that the request cannot be made again from the start, and it is not.
            let error = Error::new(failure.error.kind(), "", "").with_retry(NOW);
            self.policy.wait(self.failed, &error)?
        } else {
            self.policy.wait(self.failed, failure.error)?
        };
        self.failed += 1;
        Some(Attempt { part: Arc::clone(&self.part), wait })
    }

    fn completed(&mut self) {
        self.failed = 0;
    }
}

const NOW: Retry = Retry::After(std::time::Duration::ZERO);

/// Whether what had begun may go on: the line broke, not the service.
fn broke_off(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Connection | ErrorKind::Timeout | ErrorKind::Protocol)
}

relayed!(Retrying);
