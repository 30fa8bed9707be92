//! Sockets that wait for the next reply.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;

use crate::socket::Job;

/// Sockets that wait, by their URL, which fixes voice, format and language; latest last.
///
/// A reply takes a socket's [`Seat`] and puts it back when it is over or dropped. A socket whose
/// seat is gone, by a full pool or with the pool, closes.
pub(crate) struct Pool {
    most: usize,
    contexts: AtomicU64,
    waiting: Mutex<Vec<Seat>>,
}

/// The right to be spoken for by a socket.
#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) url: String,
    pub(crate) jobs: mpsc::Sender<Job>,
}

impl Pool {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, contexts: AtomicU64::new(0), waiting: Mutex::default() }
    }

    /// An id that no context had.
    pub(crate) fn context(&self) -> String {
        format!("voicekit-{}", self.contexts.fetch_add(1, Ordering::Relaxed))
    }

    /// Whether a socket waits at `url`.
    pub(crate) fn has(&self, url: &str) -> bool {
        self.waiting().iter().any(|seat| seat.url == url)
    }

    /// The latest socket at `url`: the likeliest to be alive.
    pub(crate) fn take(&self, url: &str) -> Option<Seat> {
        let mut waiting = self.waiting();
        let index = waiting.iter().rposition(|seat| seat.url == url)?;
        Some(waiting.remove(index))
    }

    /// Keeps a socket for the next reply; beyond the bound the oldest is let go.
    pub(crate) fn put(&self, seat: Seat) {
        let mut waiting = self.waiting();
        waiting.push(seat);
        if waiting.len() > self.most {
            waiting.remove(0);
        }
    }

    /// Those that have not ended.
    fn waiting(&self) -> MutexGuard<'_, Vec<Seat>> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|seat| !seat.jobs.is_closed());
        waiting
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting = self.waiting().len();
        f.debug_struct("Pool").field("most", &self.most).field("waiting", &waiting).finish()
    }
}
