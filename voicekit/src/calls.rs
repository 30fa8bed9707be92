//! The calls that an agent is holding.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;

use crate::session::CallHandle;

/// How long a call has to say goodbye and to hang up when an agent is [drained](crate::Agent::drain):
/// as long as a reply that may be heard to its end, and the goodbye.
pub const FAREWELL: Duration = Duration::from_secs(30);

#[derive(Default)]
pub(crate) struct Calls {
    running: Mutex<Running>,
    ended: Notify,
}

#[derive(Default)]
struct Running {
    next: u64,
    handles: BTreeMap<u64, CallHandle>,
    /// Tasks that listen, also those whose call is over.
    listening: usize,
}

/// A call that is being held, until this is dropped.
pub(crate) struct Held<'a> {
    calls: &'a Calls,
    number: u64,
}

/// A task that listens, until this is dropped.
pub(crate) struct Listening(Arc<Calls>);

impl Calls {
    pub(crate) fn enter(&self, handle: CallHandle) -> Held<'_> {
        let mut running = self.lock();
        let number = running.next;
        running.next += 1;
        running.handles.insert(number, handle);
        Held { calls: self, number }
    }

    pub(crate) fn listen(self: &Arc<Self>) -> Listening {
        self.lock().listening += 1;
        Listening(Arc::clone(self))
    }

    pub(crate) async fn drain(&self, patience: Duration) -> usize {
        if timeout(patience, self.empty()).await.is_err() {
            self.lock().handles.values_mut().for_each(CallHandle::end);
            // What is left then is counted.
            timeout(FAREWELL, self.empty()).await.ok();
        }
        self.lock().handles.len()
    }

    async fn empty(&self) {
        loop {
            let ended = self.ended.notified();
            let is_empty = |running: &Running| running.handles.is_empty() && running.listening == 0;
            if is_empty(&self.lock()) {
                return;
            }
            ended.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.calls.lock().handles.remove(&self.number);
        self.calls.ended.notify_waiters();
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.lock().listening -= 1;
        self.0.ended.notify_waiters();
    }
}
