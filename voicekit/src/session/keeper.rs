//! Keeping a conversation for a caller who comes back.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_core::store::{SessionRecord, SessionStore};
use voicekit_core::transport::CallInfo;

/// How long the last save of a call may take.
const LAST: Duration = Duration::from_secs(2);

/// How conversations are kept, see [`AgentBuilder::sessions`](crate::AgentBuilder::sessions).
#[derive(Clone)]
#[non_exhaustive]
pub struct Sessions {
    /// A caller who calls again within this time goes on where they were. Default: 10 min.
    pub within: Duration,
    /// How long a call's start waits for the store; then the call begins as if it were the first.
    /// Default: 300 ms, not long after the line has opened.
    pub wait: Duration,
    /// What a call's conversation is kept under; without it, it is not kept. Default: the caller's
    /// and the called number, so that nothing is kept of callers who withhold theirs.
    pub key: Arc<SessionKey>,
}

/// What the conversation of a call is kept under, if it is kept.
pub type SessionKey = dyn Fn(&CallInfo) -> Option<String> + Send + Sync;

impl Default for Sessions {
    fn default() -> Self {
        let key = |call: &CallInfo| {
            let (from, to) = (call.from.as_deref()?, call.to.as_deref().unwrap_or_default());
            Some(format!("{from}/{to}"))
        };
        Self {
            within: Duration::from_secs(600),
            wait: Duration::from_millis(300),
            key: Arc::new(key),
        }
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { within, wait, .. } = self;
        f.debug_struct("Sessions")
            .field("within", within)
            .field("wait", wait)
            .finish_non_exhaustive()
    }
}

/// Keeps one call's conversation. One save at a time; what changes meanwhile is in the next.
pub(super) struct Keeper {
    store: Arc<dyn SessionStore>,
    key: String,
    sessions: Sessions,
    saving: Option<BoxFuture<'static, Result<()>>>,
    /// Whether the conversation has changed since the last save began.
    unsaved: bool,
}

impl Keeper {
    pub(super) fn new(
        store: &Arc<dyn SessionStore>,
        sessions: &Sessions,
        call: &CallInfo,
    ) -> Option<Self> {
        let key = (sessions.key)(call)?;
        let (store, sessions) = (Arc::clone(store), sessions.clone());
        Some(Self { store, key, sessions, saving: None, unsaved: false })
    }

    /// What was kept of the call before.
    pub(super) fn load(
        &self,
    ) -> impl Future<Output = Result<Option<SessionRecord>>> + Send + use<> {
        let (store, key, wait) = (Arc::clone(&self.store), self.key.clone(), self.sessions.wait);
        async move {
            let loaded = tokio::time::timeout(wait, store.load(&key)).await;
            loaded.map_err(|_| too_slow("the store did not answer in time"))?
        }
    }

    /// The conversation has changed.
    pub(super) fn changed(&mut self) {
        self.unsaved = true;
    }

    /// Whether there is something to save, and no save under way.
    pub(super) fn is_due(&self) -> bool {
        self.saving.is_none() && self.unsaved
    }

    /// Begins to save what has changed.
    pub(super) fn start(&mut self, record: SessionRecord) {
        self.unsaved = false;
        self.saving = Some(self.begin(record));
    }

    /// Saves `record` for another process to take over.
    pub(super) fn keep(&mut self, record: SessionRecord) -> BoxFuture<'static, Result<()>> {
        let (before, last) = (self.saving.take(), self.begin(record));
        Box::pin(async move {
            if let Some(before) = before {
                // What it would have saved is saved again.
                before.await.ok();
            }
            let kept = tokio::time::timeout(LAST, last).await;
            kept.map_err(|_| too_slow("the store did not take the conversation in time"))?
        })
    }

    /// The end of the save that is under way. Never ready as long as none is.
    async fn saved(&mut self) -> Result<()> {
        let Some(saving) = &mut self.saving else { return std::future::pending().await };
        let saved = saving.await;
        self.saving = None;
        saved
    }

    fn begin(&self, record: SessionRecord) -> BoxFuture<'static, Result<()>> {
        let (store, key, within) =
            (Arc::clone(&self.store), self.key.clone(), self.sessions.within);
        Box::pin(async move { store.save(&key, &record, within).await })
    }

    /// The call is over: the last save, or none if the agent has brought the conversation to its end.
    pub(super) async fn finish(self, record: SessionRecord, concluded: bool) -> Result<()> {
        let last = async {
            if let Some(saving) = self.saving {
                // What it would have saved is saved again.
                saving.await.ok();
            }
            if concluded {
                return self.store.forget(&self.key).await;
            }
            self.store.save(&self.key, &record, self.sessions.within).await
        };
        let finished = tokio::time::timeout(LAST, last).await;
        finished.map_err(|_| too_slow("the store did not take the last save in time"))?
    }
}

/// The end of the save that is under way; without a keeper, never ready.
pub(super) async fn saved(keeper: &mut Option<Keeper>) -> Result<()> {
    match keeper {
        Some(keeper) => keeper.saved().await,
        None => std::future::pending().await,
    }
}

fn too_slow(what: &'static str) -> Error {
    Error::new(ErrorKind::Timeout, "sessions", what)
}
