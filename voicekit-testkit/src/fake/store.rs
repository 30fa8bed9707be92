//! A store that forgets when it is dropped.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_core::store::{SessionRecord, SessionStore};

/// Keeps conversations in memory. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    records: Arc<Mutex<BTreeMap<String, SessionRecord>>>,
    failure: Option<ErrorKind>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Fails every time.
    #[must_use]
    pub fn failing(mut self, kind: ErrorKind) -> Self {
        self.failure = Some(kind);
        self
    }

    /// All that is kept, by id.
    pub fn records(&self) -> BTreeMap<String, SessionRecord> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn open<R>(&self, work: impl FnOnce(&mut BTreeMap<String, SessionRecord>) -> R) -> Result<R> {
        match self.failure {
            Some(kind) => Err(Error::new(kind, "memory-store", "failed by the test")),
            None => Ok(work(&mut self.records.lock().unwrap_or_else(PoisonError::into_inner))),
        }
    }
}

#[async_trait]
impl SessionStore for MemoryStore {
    async fn load(&self, id: &str) -> Result<Option<SessionRecord>> {
        self.open(|records| records.get(id).cloned())
    }

    async fn save(&self, id: &str, record: &SessionRecord, _: Duration) -> Result<()> {
        self.open(|records| drop(records.insert(id.to_owned(), record.clone())))
    }

    async fn forget(&self, id: &str) -> Result<()> {
        self.open(|records| drop(records.remove(id)))
    }
}
