//! Where something runs, and what it costs.

use std::fs;
use std::path::Path;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// A runtime with a single thread, of which this is the name. Dropping it ends what runs there.
#[derive(Debug)]
pub(super) struct Place {
    handle: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Place {
    pub(super) fn start(name: &str) -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let run = move || {
            // Stopped by a message, or by its sender being dropped.
            let _ = runtime.block_on(stopped);
        };
        let thread = thread::Builder::new().name(name.to_owned()).spawn(run)?;
        Ok(Self { handle, stop: Some(stop), thread: Some(thread) })
    }

    /// Runs `work` there, and waits for it here.
    pub(super) fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        let (tell, told) = oneshot::channel();
        self.handle.spawn(async move {
            // Whoever waits here does so to the end.
            let _ = tell.send(work.await);
        });
        told.blocking_recv().context("it was stopped")?
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // Its panic, if any, has been shown.
            let _ = thread.join();
        }
    }
}

/// The processor time of this process's threads that are called `name`; `None` where the system
/// does not say it in `/proc`.
pub(super) fn processor_time(name: &str) -> Option<Duration> {
    let threads = fs::read_dir("/proc/self/task").ok()?.flatten();
    let times: Option<Vec<Duration>> = threads
        .map(|thread| thread.path())
        .filter(|thread| read(thread, "comm").is_some_and(|comm| comm.trim() == name))
        .map(|thread| {
            let nanos = read(&thread, "schedstat")?.split(' ').next()?.parse().ok()?;
            Some(Duration::from_nanos(nanos))
        })
        .collect();
    times.filter(|times| !times.is_empty()).map(|times| times.iter().sum())
}

fn read(thread: &Path, file: &str) -> Option<String> {
    fs::read_to_string(thread.join(file)).ok()
}
