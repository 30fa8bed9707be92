use std::time::Duration;

use crate::time::Timestamp;

use super::config::Config;

/// The longest time between two windows of a detector.
const WINDOW: Duration = Duration::from_millis(40);

/// The caller's voice with hysteresis and hang-over: probabilities in, edges out.
///
/// This is live state, not turn state: it survives every change of turn.
#[derive(Clone, Debug, Default)]
pub(super) struct Speech {
    /// Whether the caller is speaking.
    active: bool,
    /// Since when the opposite of `active` has been seen without interruption.
    opposite_since: Option<Timestamp>,
    /// When the last window came.
    last: Option<Timestamp>,
    /// The voice is a noise: until it stops, it does not count.
    ignored: bool,
}

/// A change of [`Speech`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edge {
    /// The caller has been speaking since this time.
    Started(Timestamp),
    /// The caller has been silent since this time.
    Stopped(Timestamp),
}

impl Speech {
    /// Takes in one window of audio that ended at `now`.
    pub(super) fn handle(
        &mut self,
        now: Timestamp,
        probability: f32,
        config: &Config,
    ) -> Option<Edge> {
        self.last = Some(now);
        if self.ignored {
            return self.await_end_of_noise(now, probability, config);
        }
        let opposite = if self.active {
            probability < config.voice_off
        } else {
            probability >= config.voice_on
        };
        if !opposite {
            self.opposite_since = None;
            return None;
        }
        let since = *self.opposite_since.get_or_insert(now);
        let needed = if self.active { config.silence_after } else { config.speech_after };
        if now.since(since) < needed {
            return None;
        }
        Some(self.flip(since))
    }

    /// Media has stopped coming: whoever was speaking is not any more.
    pub(super) fn media_lost(&mut self) -> Option<Edge> {
        let last = self.last?;
        self.opposite_since = None;
        self.ignored = false;
        self.active.then(|| self.flip(last))
    }

    /// Takes the caller for silent; a voice that goes on starts anew.
    pub(super) fn reset(&mut self) {
        self.active = false;
        self.opposite_since = None;
    }

    /// Takes the voice for a noise, which counts as silence until it stops.
    pub(super) fn ignore(&mut self) {
        self.ignored = self.active;
        self.reset();
    }

    fn await_end_of_noise(
        &mut self,
        now: Timestamp,
        probability: f32,
        config: &Config,
    ) -> Option<Edge> {
        if probability >= config.voice_off {
            self.opposite_since = None;
            return None;
        }
        let since = *self.opposite_since.get_or_insert(now);
        if now.since(since) >= config.silence_after {
            self.opposite_since = None;
            self.ignored = false;
        }
        None
    }

    pub(super) fn is_active(&self) -> bool {
        self.active
    }

    /// When it will be known whether the caller is about to speak, if it sounds like it.
    pub(super) fn known_at(&self, config: &Config) -> Option<Timestamp> {
        let since = self.opposite_since.filter(|_| !self.active && !self.ignored)?;
        Some(since + config.speech_after + WINDOW)
    }

    /// Whether the caller is speaking and the latest window does not say otherwise.
    pub(super) fn is_voiced(&self) -> bool {
        self.active && self.opposite_since.is_none()
    }

    fn flip(&mut self, since: Timestamp) -> Edge {
        self.active = !self.active;
        self.opposite_since = None;
        if self.active { Edge::Started(since) } else { Edge::Stopped(since) }
    }
}
