//! A broken part fails at once.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;
use tokio::time::Instant;
use voicekit_core::asr::{Asr, AsrEvent, AsrInfo, AsrInput, AsrRequest};
use voicekit_core::error::{Error, ErrorKind, Result, Retry};
use voicekit_core::llm::{ChatEvent, ChatRequest, Llm, LlmInfo};
use voicekit_core::tts::{Spoken, Tts, TtsInfo, TtsRequest};

use super::attempts::{Attempt, Attempts, Failure, relayed};
use super::health::{BreakerConfig, Health, is_of_the_service};
use super::{answer, recognition, speech};

/// A part that is left alone for a while once it has failed: requests then fail at once with
/// `Connection`, so that the caller hears an apology instead of silence. The first request after
/// the cool-down tries it again.
///
/// [`Fallback`](super::Fallback) has one for each of its parts.
#[derive(Debug)]
pub struct CircuitBreaker<T> {
    part: Arc<T>,
    name: &'static str,
    health: Arc<Health>,
    config: BreakerConfig,
}

impl<T: Asr> CircuitBreaker<T> {
    /// Around a recogniser.
    pub fn asr(part: T) -> Self {
        Self::named(part.info().name, part)
    }
}

impl<T: Llm> CircuitBreaker<T> {
    /// Around a model.
    pub fn llm(part: T) -> Self {
        Self::named(part.info().name, part)
    }
}

impl<T: Tts> CircuitBreaker<T> {
    /// Around a voice.
    pub fn tts(part: T) -> Self {
        Self::named(part.info().name, part)
    }
}

impl<T> CircuitBreaker<T> {
    fn named(name: &'static str, part: T) -> Self {
        let (part, health) = (Arc::new(part), Arc::default());
        Self { part, name, health, config: BreakerConfig::default() }
    }

    /// Sets when it breaks and for how long.
    #[must_use]
    pub fn with_config(mut self, config: BreakerConfig) -> Self {
        self.config = config;
        self
    }

    fn attempts(&self) -> Once<T> {
        Once {
            part: Arc::clone(&self.part),
            name: self.name,
            health: Arc::clone(&self.health),
            config: self.config,
        }
    }
}

struct Once<T> {
    part: Arc<T>,
    name: &'static str,
    health: Arc<Health>,
    config: BreakerConfig,
}

impl<T: Send + Sync + 'static> Attempts<T> for Once<T> {
    fn first(&mut self) -> Result<Attempt<T>> {
        let wait = self.health.broken_until().map(|until| until - Instant::now());
        match wait {
            Some(wait) if !wait.is_zero() => {
                let text = "it failed a moment ago and is left alone";
                let error = Error::new(ErrorKind::Connection, self.name, text);
                Err(error.with_retry(Retry::After(wait)))
            }
            _ => Ok(Attempt { part: Arc::clone(&self.part), wait: Duration::ZERO }),
        }
    }

    fn next(&mut self, failure: Failure<'_>) -> Option<Attempt<T>> {
        if is_of_the_service(failure.error) {
            self.health.failed(failure.error, &self.config);
        }
        None
    }

    fn completed(&mut self) {
        self.health.succeeded();
    }
}

relayed!(CircuitBreaker);
