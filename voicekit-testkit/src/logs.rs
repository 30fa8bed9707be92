//! What is logged, caught: for tests that look for what must be in a log, or must not.
//!
//! ```
//! use voicekit_testkit::logs::Logs;
//!
//! let logs = Logs::catch();
//! tracing::debug!(name = "Ann", "a guest");
//! assert!(logs.text().contains("a guest name=\"Ann\""));
//! ```

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::subscriber::{DefaultGuard, set_default};
use tracing::{Dispatch, Level, Subscriber};
use tracing_subscriber::fmt::MakeWriter;

/// What one thread logs, from [`catch`](Self::catch) until it is dropped.
///
/// A runtime of one thread, as tests have it, is caught whole; other tests are not.
pub struct Logs {
    lines: Lines,
    _scope: DefaultGuard,
    _second: Dispatch,
}

impl Logs {
    /// Catches every level.
    pub fn catch() -> Self {
        Self::catch_up_to(Level::TRACE)
    }

    /// Catches `level` and what weighs more.
    pub fn catch_up_to(level: Level) -> Self {
        let lines = Lines::default();
        // A log line that is first met on a thread without a subscriber is switched off for good
        // while there is but one subscriber: tests that run beside this one would do that.
        let _second = Dispatch::new(lines.subscriber(level));
        Self { _scope: set_default(lines.subscriber(level)), _second, lines }
    }

    /// What was logged so far.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.lines.lock()).into_owned()
    }
}

impl fmt::Debug for Logs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logs").field("bytes", &self.lines.lock().len()).finish_non_exhaustive()
    }
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn subscriber(&self, level: Level) -> impl Subscriber + Send + Sync + use<> {
        let subscriber = tracing_subscriber::fmt().with_max_level(level).with_ansi(false);
        subscriber.with_writer(self.clone()).finish()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
