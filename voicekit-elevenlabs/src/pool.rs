//! Sockets that wait for the next reply.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::sync::oneshot;

use crate::socket::Job;

/// Sockets by their URL, which fixes voice, format and language; latest last.
///
/// A socket's own task offers it here. When the offer is dropped, by a full pool or with the pool,
/// the task closes the socket.
pub(crate) struct Pool {
    most: usize,
    contexts: AtomicU64,
    offers: Mutex<Vec<Offer>>,
}

struct Offer {
    url: String,
    to: oneshot::Sender<Job>,
}

impl Pool {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, contexts: AtomicU64::new(0), offers: Mutex::default() }
    }

    /// An id that no context had.
    pub(crate) fn context(&self) -> String {
        format!("voicekit-{}", self.contexts.fetch_add(1, Ordering::Relaxed))
    }

    /// Whether a socket waits at `url`.
    pub(crate) fn has(&self, url: &str) -> bool {
        self.offers().iter().any(|offer| offer.url == url && !offer.to.is_closed())
    }

    /// Gives `job` to the latest socket at `url`, or back if there is none.
    pub(crate) fn give(&self, url: &str, mut job: Job) -> Result<(), Job> {
        let mut offers = self.offers();
        while let Some(index) = offers.iter().rposition(|offer| offer.url == url) {
            match offers.remove(index).to.send(job) {
                Ok(()) => return Ok(()),
                Err(back) => job = back,
            }
        }
        Err(job)
    }

    /// Offers a socket; beyond the bound the oldest offer is dropped.
    pub(crate) fn put(&self, url: String, to: oneshot::Sender<Job>) {
        let mut offers = self.offers();
        offers.retain(|offer| !offer.to.is_closed());
        offers.push(Offer { url, to });
        if offers.len() > self.most {
            offers.remove(0);
        }
    }

    fn offers(&self) -> std::sync::MutexGuard<'_, Vec<Offer>> {
        self.offers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting = self.offers().len();
        f.debug_struct("Pool").field("most", &self.most).field("waiting", &waiting).finish()
    }
}
