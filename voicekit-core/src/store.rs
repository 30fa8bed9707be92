//! Stores: what outlives a call.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::Result;
use crate::llm::Message;

/// Keeps conversations, so that a caller who comes back is remembered.
///
/// # Contract
///
/// 1. [`save`](Self::save) replaces what was kept under the same id, all or nothing.
/// 2. [`load`](Self::load) of an id that was never saved, was forgotten, or was saved longer ago than
///    it was to be kept, is `None`, not an error.
/// 3. What was saved is what is loaded.
/// 4. A store that fails says so within seconds; nobody waits for it for ever.
#[async_trait]
pub trait SessionStore: fmt::Debug + Send + Sync + 'static {
    /// What is kept under `id`.
    ///
    /// # Errors
    ///
    /// `Connection`, `Timeout` or `Internal` if the store cannot be read; `Unauthenticated`, `Config`,
    /// `Quota`, `RateLimited` and the like if a server refuses.
    async fn load(&self, id: &str) -> Result<Option<SessionRecord>>;

    /// Keeps `record` under `id` for as long as `keep` says.
    ///
    /// # Errors
    ///
    /// `Connection`, `Timeout` or `Internal` if the store cannot be written; `Unauthenticated`,
    /// `Config`, `Quota`, `RateLimited` and the like if a server refuses.
    async fn save(&self, id: &str, record: &SessionRecord, keep: Duration) -> Result<()>;

    /// Forgets `id`; forgetting what is not there is no error.
    ///
    /// # Errors
    ///
    /// `Connection`, `Timeout` or `Internal` if the store cannot be written.
    async fn forget(&self, id: &str) -> Result<()>;
}

/// A store that is shared is a store.
#[async_trait]
impl<T: SessionStore + ?Sized> SessionStore for Arc<T> {
    async fn load(&self, id: &str) -> Result<Option<SessionRecord>> {
        (**self).load(id).await
    }

    async fn save(&self, id: &str, record: &SessionRecord, keep: Duration) -> Result<()> {
        (**self).save(id, record, keep).await
    }

    async fn forget(&self, id: &str) -> Result<()> {
        (**self).forget(id).await
    }
}

/// A conversation as it is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SessionRecord {
    /// What was said and heard, oldest first.
    pub messages: Vec<Message>,
    /// What was said before `messages`, in fewer words; empty if they are all. Default: empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub summary: String,
    /// What is known about the caller and what they want, by name. Default: nothing.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub slots: BTreeMap<String, Value>,
    /// The agent the caller was last talking to, where there are several. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Whether the call was going on when this was saved, and is to be taken over by whoever loads it.
    /// Default: no.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub live: bool,
}

impl SessionRecord {
    /// A conversation of `messages`.
    pub fn new(messages: Vec<Message>) -> Self {
        Self { messages, ..Self::default() }
    }
}
