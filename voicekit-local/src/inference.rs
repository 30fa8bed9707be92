//! Where local models run: off the async threads, a bounded number at a time.
//!
//! A model is fastest on one thread (two were measured 2–4 times slower on a shared machine), so
//! each job gets a *lane*: a permit of one process-wide semaphore and a thread pool of one. There
//! is a lane for each core but one, which stays free for the calls themselves, and at least one.
//! Jobs wait for a lane in the order in which they asked.
//!
//! Bulk work, such as an ingestion outside of calls, has lanes of its own: one for each core.

use std::num::NonZero;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rten::{RunOptions, ThreadPool};
use tokio::sync::Semaphore;
use tokio::task;
use voicekit_core::error::{Error, ErrorKind, Result};

/// A place to run one job.
#[derive(Clone, Debug)]
pub(crate) struct Lane {
    threads: Arc<ThreadPool>,
}

impl Lane {
    /// Options that keep an ONNX model on this lane's one thread.
    pub(crate) fn options(&self) -> RunOptions {
        RunOptions::default().with_thread_pool(Some(self.threads.clone()))
    }

    /// A lane outside the semaphore: for loading models and for tests.
    pub(crate) fn private() -> Self {
        Self { threads: Arc::new(ThreadPool::with_num_threads(1)) }
    }
}

/// Runs `work` on a blocking thread once a lane is free. Needs a tokio runtime.
///
/// Dropping the future gives up the wait; work that has begun runs to its end and then frees its
/// lane, so keep jobs short (a tenth of a second of audio, one utterance).
///
/// # Errors
///
/// `Internal` if the work panicked or the runtime is shutting down.
pub(crate) async fn run<T: Send + 'static>(
    work: impl FnOnce(&Lane) -> T + Send + 'static,
) -> Result<T> {
    run_in(lanes(), work).await
}

/// Like [`run`], in the lanes of bulk work.
pub(crate) async fn run_in_bulk<T: Send + 'static>(
    work: impl FnOnce(&Lane) -> T + Send + 'static,
) -> Result<T> {
    static LANES: OnceLock<Lanes> = OnceLock::new();
    run_in(LANES.get_or_init(|| Lanes::new(cores())), work).await
}

async fn run_in<T: Send + 'static>(
    lanes: &'static Lanes,
    work: impl FnOnce(&Lane) -> T + Send + 'static,
) -> Result<T> {
    let permit = lanes.permits.clone().acquire_owned().await.map_err(|closed| {
        Error::new(ErrorKind::Internal, "inference", "the lanes are closed").with_source(closed)
    })?;
    let job = task::spawn_blocking(move || {
        let _permit = permit;
        let lane = lanes.take();
        let result = work(&lane);
        lanes.give_back(lane);
        result
    });
    job.await.map_err(|failure| {
        Error::new(ErrorKind::Internal, "inference", "a local model's job did not finish")
            .with_source(failure)
    })
}

/// Whether a job would not have to wait.
pub(crate) fn is_free() -> bool {
    lanes().permits.available_permits() > 0
}

struct Lanes {
    permits: Arc<Semaphore>,
    free: Mutex<Vec<Lane>>,
}

impl Lanes {
    fn new(count: usize) -> Self {
        Self { permits: Arc::new(Semaphore::new(count)), free: Mutex::new(Vec::new()) }
    }

    /// A lane that is free, or a new one: a job that panicked takes its lane with it.
    fn take(&self) -> Lane {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        free.unwrap_or_else(Lane::private)
    }

    fn give_back(&self, lane: Lane) {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).push(lane);
    }
}

fn lanes() -> &'static Lanes {
    static LANES: OnceLock<Lanes> = OnceLock::new();
    LANES.get_or_init(|| Lanes::new(cores().saturating_sub(1).max(1)))
}

/// Number of cores of this machine.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_job_gives_its_result() {
        assert_eq!(run(|_| 6 * 7).await.unwrap(), 42);
    }

    #[tokio::test]
    async fn a_job_that_panics_is_an_error_and_frees_its_lane() {
        for _ in 0..100 {
            let failure = run(|_| -> () { panic!("the model is broken") }).await.unwrap_err();
            assert_eq!(failure.kind(), ErrorKind::Internal);
        }
        run(|_| ()).await.unwrap();
    }
}
