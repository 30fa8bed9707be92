//! What a listener on the line would notice, as it happens.

use std::time::Duration;

use serde::Serialize;
use voicekit_core::time::Timestamp;

use super::{Carrier, Violation};
use crate::phone::Utterance;

/// The agent counts as silent after a pause this long, as in reports.
const PAUSE: Duration = Duration::from_millis(300);

/// What a listener on the line would notice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Observation {
    /// The caller begins to speak.
    CallerSpeaks {
        /// Which clip it is, from 0.
        clip: usize,
        /// What it is called.
        label: String,
    },
    /// The caller has finished speaking.
    CallerDone {
        /// Which clip it was, from 0.
        clip: usize,
    },
    /// The agent has become audible.
    AgentSpeaks {
        /// From the end of the caller's last clip, if this is the first sound since.
        latency: Option<Duration>,
    },
    /// The agent has fallen silent.
    AgentSilent {
        /// How long it had been speaking.
        spoke: Duration,
    },
    /// The agent dropped what had not been played.
    Cleared {
        /// How much that was.
        dropped: Duration,
    },
    /// The server sent what the protocol does not allow.
    Violation(Violation),
}

/// Notices what has changed since it last looked.
#[derive(Debug, Default)]
pub(super) struct Watcher {
    begun: usize,
    done: usize,
    heard: Option<Utterance>,
    silent: bool,
    clears: usize,
    violations: usize,
    /// The end of the clip that has had no answer yet.
    unanswered: Option<Timestamp>,
}

impl Watcher {
    pub(super) fn watch(
        &mut self,
        now: Timestamp,
        carrier: &Carrier,
        tell: &mut dyn FnMut(Timestamp, &Observation),
    ) {
        self.caller(now, carrier, tell);
        for clear in &carrier.phone.clears()[self.clears..] {
            tell(clear.at, &Observation::Cleared { dropped: clear.dropped });
        }
        self.clears = carrier.phone.clears().len();
        if let Some(heard) = carrier.phone.last_heard() {
            self.agent(now, heard, tell);
        }
        for violation in &carrier.violations[self.violations..] {
            tell(violation.at, &Observation::Violation(violation.clone()));
        }
        self.violations = carrier.violations.len();
    }

    fn caller(
        &mut self,
        now: Timestamp,
        carrier: &Carrier,
        tell: &mut dyn FnMut(Timestamp, &Observation),
    ) {
        let clips = carrier.phone.clips();
        while let Some(clip) = clips.get(self.done) {
            if self.begun == self.done && clip.speech.start <= now {
                let label = clip.label.clone();
                tell(clip.speech.start, &Observation::CallerSpeaks { clip: self.begun, label });
                self.begun += 1;
            }
            if self.begun == self.done || clip.speech.end > now {
                return;
            }
            tell(clip.speech.end, &Observation::CallerDone { clip: self.done });
            self.unanswered = Some(clip.speech.end);
            self.done += 1;
        }
    }

    fn agent(
        &mut self,
        now: Timestamp,
        heard: Utterance,
        tell: &mut dyn FnMut(Timestamp, &Observation),
    ) {
        if self.heard.map(|before| before.start) != Some(heard.start) {
            let answered = self.unanswered.take_if(|end| *end <= heard.start);
            let latency = answered.map(|end| heard.start.since(end));
            tell(heard.start, &Observation::AgentSpeaks { latency });
            self.silent = false;
        }
        self.heard = Some(heard);
        if !self.silent && now >= heard.end + PAUSE {
            tell(heard.end, &Observation::AgentSilent { spoke: heard.length() });
            self.silent = true;
        }
    }
}
