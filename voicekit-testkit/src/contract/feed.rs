//! Input that a contract test controls.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use tokio::time::{sleep, timeout};

use super::PATIENCE;

/// What became of an input stream.
#[derive(Clone, Debug)]
pub(super) struct Feed(Arc<Seen>);

#[derive(Debug, Default)]
struct Seen {
    taken: AtomicUsize,
    dropped: AtomicBool,
}

struct Alive(Arc<Seen>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.dropped.store(true, Ordering::Release);
    }
}

impl Feed {
    /// A stream of `items` that then ends, or stays open.
    pub(super) fn new<T: Send + 'static>(
        items: Vec<T>,
        ends: bool,
    ) -> (Self, BoxStream<'static, T>) {
        let seen = Arc::new(Seen::default());
        let alive = Alive(Arc::clone(&seen));
        let counted = stream::iter(items).map({
            let seen = Arc::clone(&seen);
            move |item| {
                seen.taken.fetch_add(1, Ordering::AcqRel);
                item
            }
        });
        let rest = if ends { stream::empty().boxed() } else { stream::pending().boxed() };
        let held = counted.chain(rest).map(move |item| {
            let _ = &alive;
            item
        });
        (Self(seen), held.boxed())
    }

    /// How many items were taken.
    pub(super) fn taken(&self) -> usize {
        self.0.taken.load(Ordering::Acquire)
    }

    /// Whether the stream is dropped before long.
    pub(super) async fn is_dropped(&self) -> bool {
        let dropped = async {
            while !self.0.dropped.load(Ordering::Acquire) {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, dropped).await.is_ok()
    }
}
