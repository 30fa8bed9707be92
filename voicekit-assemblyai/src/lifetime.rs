//! How long a session lives, and when to begin a new one.
//!
//! The service ends a session at a time that it says when it begins, three hours later at the
//! most. So that this does not happen in the middle of a sentence, a new one is begun while the
//! caller is silent, once little of the time is left.
//!
//! Nothing here reads a clock. The time is that of the stream's opening and the audio since.

use std::time::Duration;

/// What a session lives at most, and if the service does not say otherwise.
const LONGEST: Duration = Duration::from_secs(3 * 60 * 60);

/// The least that can be asked for. What would be less, or more than the most, is a clock that
/// goes wrong: ours or theirs.
const SHORTEST: Duration = Duration::from_secs(60);

/// From how long before the end on a pause is used, or the last quarter of a short session.
const MARGIN: Duration = Duration::from_secs(5 * 60);

#[derive(Debug)]
pub(crate) struct Lifetime {
    /// Unix time when the stream was opened.
    opened: Duration,
    /// How much audio has come when a pause is to be used.
    due: Option<Duration>,
}

impl Lifetime {
    pub(crate) fn new(opened: Duration) -> Self {
        Self { opened, due: None }
    }

    /// A session begins, `taken` into the audio.
    pub(crate) fn begin(&mut self, expires_at: Option<Duration>, taken: Duration) {
        let now = self.opened + taken;
        let said = expires_at.and_then(|expires| expires.checked_sub(now));
        let said = said.filter(|left| (SHORTEST / 2..=LONGEST + SHORTEST).contains(left));
        let left = said.unwrap_or(LONGEST);
        self.due = Some(taken + left - MARGIN.min(left / 4));
    }

    /// Whether a new session is to be begun in the next pause.
    pub(crate) fn is_due(&self, taken: Duration) -> bool {
        self.due.is_some_and(|due| taken >= due)
    }

    /// The session is being left.
    pub(crate) fn leave(&mut self) {
        self.due = None;
    }
}
