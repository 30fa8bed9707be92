//! The signals by which a person or a supervisor stops the program.

use tokio::sync::watch;

/// Counts the signals to stop from the moment it is made, so that none is lost between two waits.
pub(crate) struct Signals(watch::Receiver<usize>);

impl Signals {
    /// Begins to count: Ctrl-C (SIGINT) and, on Unix, SIGTERM.
    pub(crate) fn catch() -> Self {
        let (count, counted) = watch::channel(0);
        let mut signals = Sources::register();
        tokio::spawn(async move {
            loop {
                signals.next().await;
                count.send_modify(|count| *count += 1);
            }
        });
        Self(counted)
    }

    /// Waits until `count` signals have come.
    pub(crate) fn received(&self, count: usize) -> impl Future<Output = ()> + use<> {
        let mut counted = self.0.clone();
        async move {
            if counted.wait_for(|received| *received >= count).await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

#[cfg(unix)]
struct Sources {
    interrupt: Option<tokio::signal::unix::Signal>,
    terminate: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Sources {
    fn register() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        let interrupt = signal(SignalKind::interrupt()).ok();
        Self { interrupt, terminate: signal(SignalKind::terminate()).ok() }
    }

    async fn next(&mut self) {
        let Self { interrupt, terminate } = self;
        tokio::select! {
            () = one(interrupt) => {}
            () = one(terminate) => {}
        }
    }
}

/// The next signal; without a source, never.
#[cfg(unix)]
async fn one(signal: &mut Option<tokio::signal::unix::Signal>) {
    let received = match signal {
        Some(signal) => signal.recv().await,
        None => None,
    };
    if received.is_none() {
        std::future::pending::<()>().await;
    }
}

#[cfg(not(unix))]
struct Sources;

#[cfg(not(unix))]
impl Sources {
    fn register() -> Self {
        Self
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
