//! How a service has been doing.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use voicekit_core::error::{Error, ErrorKind, Retry};

/// How much a new measurement weighs against those before it.
const WEIGHT: f64 = 0.3;

/// Speech shorter than this says little about how fast a voice speaks.
const MEASURABLE: Duration = Duration::from_secs(1);

/// When a service counts as broken and how soon it is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BreakerConfig {
    /// So many failures in a row break it. Default: 1, since each costs a caller time.
    pub failures: u32,
    /// How long it is left alone then, or for as long as it asks, if that is longer; each further
    /// failure doubles it. Default: 5 s.
    pub cool_down: Duration,
    /// The longest that it is left alone. Default: 60 s.
    pub longest: Duration,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self { failures: 1, cool_down: Duration::from_secs(5), longest: Duration::from_secs(60) }
    }
}

impl BreakerConfig {
    /// Sets [`failures`](Self::failures).
    #[must_use]
    pub fn with_failures(mut self, failures: u32) -> Self {
        self.failures = failures;
        self
    }

    /// Sets [`cool_down`](Self::cool_down) and [`longest`](Self::longest).
    #[must_use]
    pub fn with_cool_down(mut self, first: Duration, longest: Duration) -> Self {
        (self.cool_down, self.longest) = (first, longest);
        self
    }
}

/// How a service has been doing.
#[derive(Debug, Default)]
pub(crate) struct Health(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// In a row.
    failures: u32,
    /// When it may be tried again, if it is broken.
    broken_until: Option<Instant>,
    latency: Option<(Duration, Instant)>,
    pace: Option<f64>,
}

impl Health {
    /// Notes a failure. Says when it may be tried again, if it is broken.
    pub(crate) fn failed(&self, error: &Error, config: &BreakerConfig) -> Option<Instant> {
        let mut state = self.state();
        state.failures += 1;
        let beyond = state.failures.checked_sub(config.failures.max(1))?;
        let doubled = config.cool_down.saturating_mul(1 << beyond.min(16));
        let asked = match error.retry() {
            Retry::After(wait) => wait,
            Retry::Never | _ => Duration::ZERO,
        };
        let wait = doubled.max(asked).min(config.longest);
        state.broken_until = Some(Instant::now() + wait);
        state.broken_until
    }

    pub(crate) fn succeeded(&self) {
        let mut state = self.state();
        state.failures = 0;
        state.broken_until = None;
    }

    /// When it may be tried again, if it is broken.
    pub(crate) fn broken_until(&self) -> Option<Instant> {
        self.state().broken_until
    }

    /// Whether it may be asked. Of those who ask after a cool-down, one is let through.
    pub(crate) fn admits(&self, config: &BreakerConfig) -> bool {
        let mut state = self.state();
        let now = Instant::now();
        match state.broken_until {
            None => true,
            Some(until) if now < until => false,
            Some(_) => {
                state.broken_until = Some(now + config.cool_down);
                true
            }
        }
    }

    pub(super) fn answered(&self, after: Duration) {
        let mut state = self.state();
        let mean = state
            .latency
            .map_or(after, |(mean, _)| mean.mul_f64(1.0 - WEIGHT) + after.mul_f64(WEIGHT));
        state.latency = Some((mean, Instant::now()));
    }

    /// How soon it begins to answer, as far as that is known.
    pub(super) fn latency(&self) -> Option<Duration> {
        self.state().latency.map(|(mean, _)| mean)
    }

    /// Whether it was not measured for so long.
    pub(super) fn is_stale(&self, after: Duration) -> bool {
        self.state().latency.is_none_or(|(_, at)| at.elapsed() >= after)
    }

    pub(super) fn spoke(&self, characters: usize, within: Duration) {
        let Ok(characters) = u32::try_from(characters) else { return };
        if within < MEASURABLE {
            return;
        }
        let measured = f64::from(characters) / within.as_secs_f64();
        let mut state = self.state();
        state.pace = Some(state.pace.map_or(measured, |mean| mean + WEIGHT * (measured - mean)));
    }

    /// How fast it speaks, in characters a second, as far as that is known.
    pub(super) fn pace(&self) -> Option<f64> {
        self.state().pace
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the error says something about the service, and not about what it was asked.
pub(super) fn is_of_the_service(error: &Error) -> bool {
    !matches!(error.kind(), ErrorKind::Rejected | ErrorKind::Unsupported)
}
