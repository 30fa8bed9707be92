//! A bounded number of peers that have not shown yet what they want: the newest pushes the oldest
//! out.
//!
//! Honest peers are through within milliseconds, so the one that has waited longest is the least
//! likely to be one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::channel::oneshot;

/// The peers that wait. Clones share them.
#[derive(Clone)]
pub(crate) struct Crowd(Arc<Inner>);

struct Inner {
    most: usize,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    next: u64,
    evict: BTreeMap<u64, oneshot::Sender<()>>,
}

/// The place of one peer, until it is dropped.
pub(crate) struct Place {
    crowd: Crowd,
    number: u64,
    evicted: oneshot::Receiver<()>,
}

impl Crowd {
    /// A crowd of at most `most` peers.
    pub(crate) fn new(most: usize) -> Self {
        Self(Arc::new(Inner { most, waiting: Mutex::default() }))
    }

    /// Lets a peer in. Says whether another had to leave for it.
    pub(crate) fn enter(&self) -> (Place, bool) {
        let (sender, evicted) = oneshot::channel();
        let mut waiting = self.lock();
        let oldest =
            if waiting.evict.len() >= self.0.most { waiting.evict.pop_first() } else { None };
        let number = waiting.next;
        waiting.next += 1;
        waiting.evict.insert(number, sender);
        drop(waiting);
        let is_full = oldest.is_some();
        if let Some((_, oldest)) = oldest {
            // A peer that has just left needs no telling.
            let _ = oldest.send(());
        }
        (Place { crowd: self.clone(), number, evicted }, is_full)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Waits until the peer has to leave for a newer one.
    pub(crate) async fn evicted(&mut self) {
        if (&mut self.evicted).await.is_err() {
            std::future::pending().await
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.crowd.lock().evict.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn the_newest_pushes_out_the_one_that_has_waited_longest() {
        let crowd = Crowd::new(2);
        let (mut first, is_full) = crowd.enter();
        assert!(!is_full);
        let (mut second, _) = crowd.enter();
        let (mut third, is_full) = crowd.enter();
        assert!(is_full);
        assert!(first.evicted().now_or_never().is_some());
        assert!(second.evicted().now_or_never().is_none());
        drop((first, second));
        let (_fourth, is_full) = crowd.enter();
        assert!(!is_full, "those who left make room");
        assert!(third.evicted().now_or_never().is_none());
    }
}
