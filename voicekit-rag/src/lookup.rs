//! Looking up in a call, where nobody waits: a deadline, a breaker, and a head start.
//!
//! A [`Lookup`] is made once, from any [`Retriever`], and shared by all calls; each call has an
//! [`Inquiry`] of its own. When the interim transcript has been the same for a while, the
//! call [anticipates](Inquiry::anticipate) the question; when the turn is over, it
//! [finds](Inquiry::find) what the caller said. If that is what was anticipated, up to courtesies and
//! hesitation, the search has had a head start and is often over. Either way, the answer comes
//! within the deadline, with passages or without.
//!
//! After some failures in a row, missed deadlines included, the retriever is left alone for a while
//! and replies go on without it at once; then a single search tries it again.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_core::retrieve::{Passage, Query, Retriever};

use crate::spoken::gist;
use crate::{SECTION, SOURCE};

/// How long a search may take and when it is not tried.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LookupConfig {
    /// How long a reply waits for passages. Default: 300 ms, within the pause that callers take for
    /// thinking.
    pub deadline: Duration,
    /// Failures in a row after which the retriever is left alone, from 1. Default: 3.
    pub failures: u32,
    /// How long it is left alone. Default: 10 s.
    pub cool_down: Duration,
}

impl Default for LookupConfig {
    fn default() -> Self {
        Self {
            deadline: Duration::from_millis(300),
            failures: 3,
            cool_down: Duration::from_secs(10),
        }
    }
}

impl LookupConfig {
    /// Sets how long a reply waits for passages.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Sets after how many failures in a row, and for how long, the retriever is left alone.
    #[must_use]
    pub fn with_breaker(mut self, failures: u32, cool_down: Duration) -> Self {
        (self.failures, self.cool_down) = (failures.max(1), cool_down);
        self
    }
}

/// A retriever that answers in time. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Lookup {
    retriever: Arc<dyn Retriever>,
    config: LookupConfig,
    health: Arc<Mutex<Health>>,
}

#[derive(Debug, Default)]
struct Health {
    /// In a row.
    failures: u32,
    /// When it may be tried again, while it is left alone.
    rests_until: Option<Instant>,
}

impl Lookup {
    /// In `retriever`, with the defaults.
    pub fn new(retriever: Arc<dyn Retriever>) -> Self {
        Self { retriever, config: LookupConfig::default(), health: Arc::default() }
    }

    /// Sets how long a search may take and when it is not tried.
    #[must_use]
    pub fn with_config(mut self, config: LookupConfig) -> Self {
        self.config = config;
        self
    }

    /// For one call.
    pub fn inquiry(&self) -> Inquiry {
        Inquiry { lookup: self.clone(), running: None }
    }

    /// Whether the retriever may be asked. Of those who ask after a rest, one is let through.
    fn admits(&self) -> bool {
        let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        match health.rests_until {
            None => true,
            Some(until) if now < until => false,
            Some(_) => {
                health.rests_until = Some(now + self.config.cool_down);
                true
            }
        }
    }

    fn record(&self, succeeded: bool) {
        let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        if succeeded {
            *health = Health::default();
            return;
        }
        health.failures = health.failures.saturating_add(1);
        if health.failures >= self.config.failures {
            health.rests_until = Some(Instant::now() + self.config.cool_down);
            tracing::warn!(failures = health.failures, "knowledge is left alone for a while");
        }
    }
}

/// The searches of one call. Dropping it cancels what is running.
#[derive(Debug)]
pub struct Inquiry {
    lookup: Lookup,
    running: Option<Search>,
}

/// A search on its way; dropping it ends it.
#[derive(Debug)]
struct Search {
    gist: Vec<String>,
    query: Query,
    task: JoinHandle<Result<Vec<Passage>>>,
}

impl Drop for Search {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What a search brought.
#[derive(Debug)]
#[non_exhaustive]
pub struct Found {
    /// Best first; none unless `outcome` is [`Outcome::Found`].
    pub passages: Vec<Passage>,
    /// How it went.
    pub outcome: Outcome,
    /// Whether the search began before the question was complete.
    pub anticipated: bool,
    /// How long the caller's reply waited for it.
    pub waited: Duration,
}

/// How a search went.
#[derive(Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// It answered in time, perhaps with nothing.
    Found,
    /// The deadline passed.
    Late,
    /// The retriever failed.
    Failed(Error),
    /// The retriever failed before and is left alone.
    Resting,
}

/// Where a passage is from, for a trace.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Source {
    /// The passage's id.
    pub id: String,
    /// The document, if it is known.
    pub document: Option<String>,
    /// The headings, if there are any.
    pub section: Option<String>,
    /// How well it fits.
    pub score: f32,
}

impl Found {
    /// Where the passages are from.
    pub fn sources(&self) -> Vec<Source> {
        let source = |passage: &Passage| Source {
            id: passage.id.clone(),
            document: passage.metadata.get(SOURCE).cloned(),
            section: passage.metadata.get(SECTION).cloned(),
            score: passage.score,
        };
        self.passages.iter().map(source).collect()
    }
}

impl Inquiry {
    /// Begins to search for a question that may not be complete. The same question again is not
    /// searched for again; another one takes its place. Must be called within a `tokio` runtime.
    pub fn anticipate(&mut self, query: &Query) {
        let gist = gist(&query.text);
        if gist.is_empty()
            || self.running.as_ref().is_some_and(|search| search.is_for(&gist, query))
        {
            return;
        }
        self.running = None;
        if self.lookup.admits() {
            self.running = Some(self.search(gist, query));
        }
    }

    /// What is known about `query`, within the deadline. Never fails: [`Found::outcome`] says why
    /// there is nothing.
    pub async fn find(&mut self, query: &Query) -> Found {
        let asked = Instant::now();
        let gist = gist(&query.text);
        let before = self.running.take().filter(|search| search.is_for(&gist, query));
        let anticipated = before.is_some();
        let found =
            |passages, outcome| Found { passages, outcome, anticipated, waited: asked.elapsed() };
        let mut search = match before {
            Some(search) => search,
            None if self.lookup.admits() => self.search(gist, query),
            None => return found(Vec::new(), Outcome::Resting),
        };
        let answer = timeout_at(asked + self.lookup.config.deadline, &mut search.task).await;
        let answer = match answer {
            Err(_) => None,
            Ok(Ok(answer)) => Some(answer),
            Ok(Err(error)) => Some(Err(broken(error))),
        };
        self.lookup.record(matches!(answer, Some(Ok(_))));
        match answer {
            None => found(Vec::new(), Outcome::Late),
            Some(Err(error)) => found(Vec::new(), Outcome::Failed(error)),
            Some(Ok(passages)) => found(passages, Outcome::Found),
        }
    }

    fn search(&self, gist: Vec<String>, query: &Query) -> Search {
        let (retriever, wanted) = (Arc::clone(&self.lookup.retriever), query.clone());
        let task = tokio::spawn(async move { retriever.retrieve(&wanted).await });
        Search { gist, query: query.clone(), task }
    }
}

impl Search {
    fn is_for(&self, gist: &[String], query: &Query) -> bool {
        self.gist == gist && self.query.limit == query.limit && self.query.filter == query.filter
    }
}

fn broken(error: tokio::task::JoinError) -> Error {
    Error::new(ErrorKind::Internal, "lookup", "the search was broken off").with_source(error)
}
