//! Whether work ends when its output is dropped.

use std::cell::Cell;
use std::fmt;
use std::future::{Future, poll_fn};
use std::task::Poll;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::time::{interval, sleep, timeout};
use voicekit_core::error::Result;

use super::PATIENCE;

/// How long a service may go on with what nobody waits for.
const GRACE: Duration = Duration::from_secs(10);

/// How long a service that has stopped is watched for work that begins anew.
const WATCH: Duration = Duration::from_secs(1);

/// How often the service is looked at.
const LOOK: Duration = Duration::from_millis(1);

/// Opens an output, reads it until it has given `items` items and the service is at work, and
/// drops it. Tells what goes wrong or goes on.
pub(super) async fn outlives<T: fmt::Debug>(
    work: &dyn Fn() -> usize,
    open: impl Future<Output = Result<BoxStream<'static, Result<T>>, String>>,
    items: usize,
) -> Option<String> {
    let idle = work();
    let heard = Cell::new(0);
    let reading = async {
        let mut output = open.await?;
        while let Some(item) = output.next().await {
            item.map_err(|error| format!("the output fails: {error}"))?;
            heard.set(heard.get() + 1);
            tokio::task::yield_now().await;
        }
        Ok::<_, String>(())
    };
    let at_work = comes_true(PATIENCE, || heard.get() >= items && work() > idle);
    tokio::select! {
        biased;
        reached = at_work => if !reached {
            return Some("the service was never seen at work".to_owned());
        },
        read = reading => return Some(read.err().unwrap_or_else(|| {
            "the output ended before the service was seen at work".to_owned()
        })),
    }
    // Both are dropped here, and with them the output.
    let after = if items == 0 { "before anything came" } else { "after something came" };
    if !comes_true(GRACE, || work() <= idle).await {
        return Some(format!("the service works on when the output is dropped {after}"));
    }
    sleep(WATCH).await;
    (work() > idle).then(|| format!("work begins anew when the output is dropped {after}"))
}

/// Whether `condition` holds within `patience`.
async fn comes_true(patience: Duration, condition: impl Fn() -> bool) -> bool {
    let mut looks = interval(LOOK);
    let holds = poll_fn(|context| {
        loop {
            if condition() {
                return Poll::Ready(());
            }
            if looks.poll_tick(context).is_pending() {
                return Poll::Pending;
            }
        }
    });
    timeout(patience, holds).await.is_ok()
}
