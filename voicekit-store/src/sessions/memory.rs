//! Conversations in memory.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;
use voicekit_core::error::Result;
use voicekit_core::store::{SessionRecord, SessionStore};

/// How many conversations are kept. Beyond it, those go first whose time is over first.
const MOST: usize = 10_000;

/// Keeps conversations as long as the process lives; 10,000 at most. Clones share them.
#[derive(Clone, Default)]
pub struct Memory(Arc<Mutex<BTreeMap<String, Kept>>>);

struct Kept {
    until: Option<Instant>,
    record: SessionRecord,
}

impl Memory {
    /// A store that is empty.
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn is_over(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| until <= now)
    }
}

/// Shows how many there are: what was said does not belong in logs.
impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").field("sessions", &self.lock().len()).finish()
    }
}

#[async_trait]
impl SessionStore for Memory {
    async fn load(&self, id: &str) -> Result<Option<SessionRecord>> {
        let now = Instant::now();
        let sessions = self.lock();
        Ok(sessions.get(id).filter(|kept| !kept.is_over(now)).map(|kept| kept.record.clone()))
    }

    async fn save(&self, id: &str, record: &SessionRecord, keep: Duration) -> Result<()> {
        let now = Instant::now();
        let kept = Kept { until: now.checked_add(keep), record: record.clone() };
        let mut sessions = self.lock();
        sessions.insert(id.to_owned(), kept);
        if sessions.len() > MOST {
            sessions.retain(|_, kept| !kept.is_over(now));
        }
        if sessions.len() > MOST {
            let first = sessions.iter().min_by_key(|(_, kept)| (kept.until.is_none(), kept.until));
            if let Some(first) = first.map(|(id, _)| id.clone()) {
                sessions.remove(&first);
            }
        }
        Ok(())
    }

    async fn forget(&self, id: &str) -> Result<()> {
        self.lock().remove(id);
        Ok(())
    }
}
