//! The calls that are live: one stream per call.
//!
//! The newest stream takes a call over. A carrier that opens a second stream of a call has given
//! up the first (a webhook request that was repeated after a timeout, a socket that broke
//! unnoticed, instructions that lead back to the webhook), so the caller hears the second.
//!
//! # Invariants
//!
//! - At most one stream of a call is handed to the application at a time: the earlier line ends as
//!   `Lost` first, and the application has up to [`SETTLE`] to finish with it.
//! - A stream that no token vouches for never takes a call over.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::channel::oneshot;
use tokio::time::timeout;

use crate::media::Displace;

/// How long a new stream waits for the application to finish with the earlier one: long enough to
/// store a session, short enough not to be heard.
pub(crate) const SETTLE: Duration = Duration::from_secs(1);

/// A call of an account. The account is empty where the carrier names none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) account: String,
    pub(crate) call: String,
}

/// The live calls.
#[derive(Default)]
pub(crate) struct Live(Mutex<Calls>);

#[derive(Default)]
struct Calls {
    next: u64,
    streams: BTreeMap<Key, Stream>,
}

struct Stream {
    number: u64,
    line: Displace,
    finished: oneshot::Receiver<()>,
}

/// The place of a live stream, until it is dropped.
pub(crate) struct Seat<'a> {
    live: &'a Live,
    key: Key,
    number: u64,
    /// Dropped with the seat, which tells the stream that takes over.
    _finished: oneshot::Sender<()>,
}

/// The stream that was live before, and has been told to end.
pub(crate) struct Earlier(oneshot::Receiver<()>);

impl Live {
    /// Returns whether a stream of the call is live.
    pub(crate) fn holds(&self, key: &Key) -> bool {
        self.lock().streams.contains_key(key)
    }

    /// Enters a stream, and ends the one that was live before.
    pub(crate) fn enter(&self, key: Key, line: Displace) -> (Seat<'_>, Option<Earlier>) {
        let (sender, finished) = oneshot::channel();
        let mut calls = self.lock();
        let number = calls.next;
        calls.next += 1;
        let earlier = calls.streams.insert(key.clone(), Stream { number, line, finished });
        drop(calls);
        let earlier = earlier.map(|earlier| {
            earlier.line.displace();
            Earlier(earlier.finished)
        });
        (Seat { live: self, key, number, _finished: sender }, earlier)
    }

    fn lock(&self) -> MutexGuard<'_, Calls> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Earlier {
    /// Waits until the application is done with the earlier stream, up to [`SETTLE`].
    pub(crate) async fn settle(self) {
        if timeout(SETTLE, self.0).await.is_err() {
            tracing::warn!(
                "the earlier stream of the call is still in use; it has no line any more"
            );
        }
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        let mut calls = self.live.lock();
        if calls.streams.get(&self.key).is_some_and(|stream| stream.number == self.number) {
            calls.streams.remove(&self.key);
        }
    }
}
