//! Knowledge in a call, where nobody waits: a deadline, a breaker, and a head start.
//!
//! [`AgentBuilder::knowledge`](crate::AgentBuilder::knowledge) has every turn of a caller looked up in
//! a [`Retriever`]. As soon as what the caller is saying stands still, or they pause, it is searched
//! for; when the turn is over and says the same, up to courtesies and hesitation, the search has had a
//! head start and is often over. Either way the reply goes on within the deadline, with passages or
//! without.
//!
//! After some failures in a row, missed deadlines included, the retriever is left alone for a while
//! and replies go on without it at once; then a single search tries it again.
//!
//! A model that [reads passages](voicekit_core::llm::LlmInfo::reads_passages) is given them as they
//! are; others as text, see [`briefing`]. How each search went and where the passages are from is in the
//! call's trace, as [`Note::Consulted`](voicekit_core::turn::trace::Note::Consulted).

pub mod briefing;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_core::retrieve::spoken::gist;
use voicekit_core::retrieve::{Consulted, Outcome, Passage, Query, Retriever};

use crate::resilience::{BreakerConfig, Health};

/// How a call looks things up.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KnowledgeConfig {
    /// How long a reply waits for passages. Default: 300 ms, within the pause that callers take for
    /// thinking.
    pub deadline: Duration,
    /// When the retriever is left alone, and for how long. Default: 3 failures in a row; 10 s, and
    /// up to 60 s if it goes on.
    pub breaker: BreakerConfig,
    /// The most passages of a reply. Default: 4.
    pub passages: usize,
    /// Metadata that a passage must have, value by value. Default: none.
    pub filter: BTreeMap<String, String>,
}

impl Default for KnowledgeConfig {
    fn default() -> Self {
        let breaker = BreakerConfig::default()
            .with_failures(3)
            .with_cool_down(Duration::from_secs(10), Duration::from_secs(60));
        Self { deadline: Duration::from_millis(300), breaker, passages: 4, filter: BTreeMap::new() }
    }
}

impl KnowledgeConfig {
    /// Sets how long a reply waits for passages.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Sets when the retriever is left alone.
    #[must_use]
    pub fn with_breaker(mut self, breaker: BreakerConfig) -> Self {
        self.breaker = breaker;
        self
    }

    /// Sets the most passages of a reply.
    #[must_use]
    pub fn with_passages(mut self, most: usize) -> Self {
        self.passages = most;
        self
    }

    /// Wants only passages whose metadata has `value` under `key`.
    #[must_use]
    pub fn with_filter(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.filter.insert(key.into(), value.into());
        self
    }
}

/// A retriever that answers in time, for all calls of an agent.
#[derive(Debug)]
pub(crate) struct Knowledge {
    retriever: Arc<dyn Retriever>,
    config: KnowledgeConfig,
    health: Health,
}

impl Knowledge {
    pub(crate) fn new(retriever: Arc<dyn Retriever>, config: KnowledgeConfig) -> Self {
        Self { retriever, config, health: Health::default() }
    }

    fn query(&self, text: &str) -> Query {
        let mut query = Query::new(text).with_limit(self.config.passages);
        query.filter.clone_from(&self.config.filter);
        query
    }

    fn search(&self, gist: Vec<String>, text: &str) -> Search {
        let (retriever, query) = (Arc::clone(&self.retriever), self.query(text));
        let task = tokio::spawn(async move { retriever.retrieve(&query).await });
        Search { gist, task }
    }

    /// Notes how a search went.
    fn settle(&self, failure: Option<&Error>) {
        let Some(error) = failure else { return self.health.succeeded() };
        if self.health.failed(error, &self.config.breaker).is_some() {
            let error = voicekit_core::log::escaped(error);
            tracing::warn!(%error, "knowledge is left alone for a while");
        }
    }
}

/// What one call looks up. Dropping it cancels what is running.
pub(crate) struct Inquiry {
    knowledge: Arc<Knowledge>,
    /// What the caller's turn has come to.
    said: String,
    /// What may follow, as it was last heard.
    interim: String,
    running: Option<Search>,
    /// What the last search for a reply brought, for the replies to the same turn.
    last: Option<(Vec<String>, Vec<Passage>)>,
}

/// A search on its way; dropping it ends it.
struct Search {
    gist: Vec<String>,
    task: JoinHandle<Result<Vec<Passage>>>,
}

impl Drop for Search {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What a search brought.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) passages: Vec<Passage>,
    pub(crate) consulted: Consulted,
    /// The question.
    gist: Vec<String>,
    /// Why there is nothing, if something failed.
    pub(crate) error: Option<Error>,
}

impl Inquiry {
    pub(crate) fn new(knowledge: Arc<Knowledge>) -> Self {
        let (said, interim) = (String::new(), String::new());
        Self { knowledge, said, interim, running: None, last: None }
    }

    /// The caller's words so far, as they may still change. Words that stand still are searched for.
    pub(crate) fn interim(&mut self, text: &str) {
        let still = gist(text) == gist(&self.interim);
        self.interim = text.to_owned();
        if still {
            self.anticipate();
        }
    }

    /// These words will not change.
    pub(crate) fn is_final(&mut self, text: &str) {
        self.interim.clear();
        if !self.said.is_empty() {
            self.said.push(' ');
        }
        self.said.push_str(text);
        self.anticipate();
    }

    /// The caller's turn is over.
    pub(crate) fn turn_over(&mut self) {
        self.said.clear();
        self.interim.clear();
    }

    /// Begins to search for what may be the question. The same question again is not searched for
    /// again; another one takes its place.
    pub(crate) fn anticipate(&mut self) {
        let text = format!("{} {}", self.said, self.interim);
        let gist = gist(&text);
        let known = self.running.as_ref().is_some_and(|search| search.gist == gist)
            || self.last.as_ref().is_some_and(|(last, _)| *last == gist);
        if gist.is_empty() || known {
            return;
        }
        // Not for the breaker: nobody waits for it yet, and it may be dropped.
        let rests = self.knowledge.health.broken_until().is_some();
        self.running = (!rests).then(|| self.knowledge.search(gist, text.trim()));
    }

    /// What is known about `text`, within the deadline. Never fails: [`Found::consulted`] says why
    /// there is nothing. `None` if there is nothing to look up.
    pub(crate) fn find(&mut self, text: &str) -> Option<BoxFuture<'static, Found>> {
        let gist = gist(text);
        if gist.is_empty() {
            return None;
        }
        if let Some((_, passages)) = self.last.as_ref().filter(|(last, _)| *last == gist) {
            let found = Found::new(gist, Outcome::Found, passages.clone());
            return Some(Box::pin(std::future::ready(found)));
        }
        let knowledge = Arc::clone(&self.knowledge);
        let before = self.running.take().filter(|search| search.gist == gist);
        let text = text.to_owned();
        Some(Box::pin(async move { find(&knowledge, before, gist, &text).await }))
    }

    /// Keeps what was found for the other replies to the same turn.
    pub(crate) fn keep(&mut self, found: Found) {
        if found.consulted.outcome == Outcome::Found {
            self.last = Some((found.gist, found.passages));
        }
    }
}

async fn find(
    knowledge: &Knowledge,
    before: Option<Search>,
    gist: Vec<String>,
    text: &str,
) -> Found {
    let asked = Instant::now();
    let anticipated = before.is_some();
    let mut search = match before {
        Some(search) => search,
        None if knowledge.health.admits(&knowledge.config.breaker) => {
            knowledge.search(gist.clone(), text)
        }
        None => return Found::new(gist, Outcome::Resting, Vec::new()),
    };
    let answer = timeout_at(asked + knowledge.config.deadline, &mut search.task).await;
    let mut found = match answer {
        Ok(Ok(Ok(passages))) => Found::new(gist, Outcome::Found, passages),
        Ok(Ok(Err(error))) => Found::new(gist, Outcome::Failed, Vec::new()).because(error),
        Ok(Err(error)) => {
            let broken = Error::new(ErrorKind::Internal, "knowledge", "the search was broken off");
            Found::new(gist, Outcome::Failed, Vec::new()).because(broken.with_source(error))
        }
        Err(_) => {
            let late = Error::new(ErrorKind::Timeout, "knowledge", "the search took too long");
            Found::new(gist, Outcome::Late, Vec::new()).because(late)
        }
    };
    knowledge.settle(found.error.as_ref());
    found.consulted.anticipated = anticipated;
    found.consulted.waited = asked.elapsed();
    found
}

impl Found {
    fn new(gist: Vec<String>, outcome: Outcome, passages: Vec<Passage>) -> Self {
        let consulted = Consulted::new(outcome, &passages);
        Self { passages, consulted, gist, error: None }
    }

    fn because(mut self, error: Error) -> Self {
        self.error = Some(error);
        self
    }
}

impl fmt::Debug for Inquiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inquiry").field("knowledge", &self.knowledge).finish_non_exhaustive()
    }
}
