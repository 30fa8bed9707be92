//! The caller's side: their voice and their words.

use std::time::Duration;

use crate::time::Timestamp;
use crate::turn::endpoint;
use crate::turn::event::{Action, Hint, State};
use crate::turn::speech::Edge;
use crate::turn::strategy::Stop;
use crate::turn::timer::Timer;

use super::Engine;
use super::transcript::{Assumed, join};
use super::turn_end::Over;

/// A noise over the agent is waited out for twice its length, but for this long at least: a
/// recogniser needs it to make a word of a syllable.
const SHORTEST_PAUSE: Duration = Duration::from_millis(500);

/// What the caller has said since they were last answered.
#[derive(Debug, Default)]
pub(super) struct Turn {
    pub(super) finals: String,
    pub(super) interim: String,
    /// When they last changed.
    pub(super) changed_at: Timestamp,
    /// How many of these words are not backchannels.
    pub(super) meant: usize,
    /// So much of `finals` had been said before the agent spoke.
    pub(super) late: usize,
    /// How many of the words after that are not backchannels.
    pub(super) meant_over: usize,
    /// Whether one of them asks for the floor.
    pub(super) request: bool,
    /// Keys that were pressed and are not part of the words yet.
    pub(super) keys: String,
    /// When the latest of them was pressed.
    pub(super) keyed_at: Timestamp,
    /// How many of the words before the first of them are not backchannels.
    pub(super) meant_before_keys: usize,
    /// The recognizer has said that the turn is over, and it was kept open all the same.
    pub(super) signed_off: bool,
    /// When the latest final transcript came.
    pub(super) final_at: Option<Timestamp>,
    /// When the caller last fell silent.
    pub(super) quiet_since: Option<Timestamp>,
    /// Whether that is when words came without a voice.
    pub(super) unvoiced: bool,
    /// When their voice last fell silent, unless the agent has been audible since.
    pub(super) pause_since: Option<Timestamp>,
    /// The number of that pause, and how likely it ends the turn, once it was judged.
    pub(super) pause: u64,
    pub(super) finished: Option<f32>,
    /// When the latest stretch of speech began, while it goes on.
    pub(super) onset: Option<Timestamp>,
    /// The same, also after its end.
    pub(super) spoke_at: Timestamp,
    /// How long the caller has spoken in all.
    pub(super) voiced: Duration,
    /// The turn is over but for its transcript.
    pub(super) over: Option<Over>,
    /// Whether the recogniser owes an answer to a `Finalize`.
    pub(super) finalizing: bool,
    /// The words that are still to come have been answered already.
    pub(super) owed: bool,
    /// Interim words that were kept because no final transcript of them had come.
    pub(super) assumed: Option<Assumed>,
    /// How many replies were prepared for it.
    pub(super) prepared: u32,
    /// Whether it was reported as too long.
    pub(super) exceeded: bool,
    /// What the caller waits for since when, if the reply to it has made no sound.
    pub(super) asked: Option<(Timestamp, Timestamp)>,
}

impl Turn {
    pub(super) fn text(&self) -> String {
        join(&self.finals, &self.interim)
    }

    pub(super) fn has_words(&self) -> bool {
        !self.finals.trim().is_empty() || !self.interim.trim().is_empty()
    }

    /// Whether the words are final up to the end of the caller's speech.
    pub(super) fn is_covered(&self) -> bool {
        self.interim.is_empty()
            && self.final_at.is_some_and(|at| self.quiet_since.is_none_or(|quiet| at >= quiet))
    }
}

impl Engine {
    pub(super) fn voice(&mut self, now: Timestamp, probability: f32) {
        let edge = self.speech.handle(now, probability, &self.config);
        self.edge(now, edge);
        if self.speech.is_active() {
            self.timers.set(Timer::MediaGap, now + self.config.media_gap);
            let signs = self.signs(now);
            if signs.voiced.is_some() {
                self.weigh(now, &signs);
            }
            self.limit_turn(now);
        }
    }

    pub(super) fn edge(&mut self, now: Timestamp, edge: Option<Edge>) {
        match edge {
            None => {}
            Some(Edge::Started(onset)) => self.speech_started(now, onset),
            Some(Edge::Stopped(quiet)) => self.speech_stopped(now, quiet),
        }
    }

    fn speech_started(&mut self, now: Timestamp, onset: Timestamp) {
        self.learn_pause(onset);
        self.turn.onset = Some(onset);
        self.turn.spoke_at = onset;
        self.settle_owed(now);
        self.turn.owed = false;
        self.turn.signed_off = false;
        self.go_on_speaking();
        for timer in [Timer::Idle, Timer::Resume, Timer::Prepare, Timer::Filler] {
            self.timers.clear(timer);
        }
        if !self.turn.has_words() {
            self.timers.set(Timer::Noise, now + self.config.noise_after);
        }
        self.actions.push_back(Action::Hint(Hint::SpeechStarted));
        self.tell_answered(now, |answered| answered.speech_started(now));
        let Some(reply) = &mut self.reply else {
            // Tools run: whoever speaks while the agent waits for them has the floor.
            if self.state == State::Processing {
                self.set_state(State::Listening);
            }
            return;
        };
        reply.spoken_over_since = Some(onset);
        let before = reply.spoken_over.filter(|_| reply.held);
        reply.spoken_over = Some(before.unwrap_or_default());
        if self.state == State::Processing && self.voice_holds(now) {
            self.hold(now);
        }
    }

    /// A turn that was over by silence is not.
    fn go_on_speaking(&mut self) {
        if self.turn.over.is_some_and(|over| over.forced) {
            return;
        }
        self.turn.over = None;
        self.timers.clear(Timer::EndOfTurn);
        self.timers.clear(Timer::Transcript);
    }

    fn learn_pause(&mut self, onset: Timestamp) {
        let Some(since) = self.turn.pause_since.take() else { return };
        let pause = onset.since(since);
        // The pauses between the groups of a number say nothing about those between sentences.
        if pause >= self.config.silence_after && !self.is_dictating() {
            self.pauses.learn(pause, &self.config.pauses);
        }
    }

    fn speech_stopped(&mut self, now: Timestamp, quiet: Timestamp) {
        let onset = self.turn.onset.take().unwrap_or(quiet);
        self.turn.voiced += quiet.since(onset);
        self.turn.quiet_since = Some(quiet);
        self.turn.unvoiced = false;
        self.timers.clear(Timer::MediaGap);
        self.timers.clear(Timer::Noise);
        match &mut self.reply {
            Some(reply) => {
                reply.stop_speaking_over(quiet);
                if reply.held {
                    let spoken = reply.spoken_over.unwrap_or_default();
                    let wait = (spoken * 2).max(SHORTEST_PAUSE);
                    let resume = quiet + wait.min(self.config.false_interruption);
                    self.timers.set(Timer::Resume, resume.max(now));
                }
                self.turn.pause_since = reply.sounded_at.is_none().then_some(quiet);
            }
            None => self.turn.pause_since = Some(quiet),
        }
        // The detector comes first: its verdict is needed sooner than the transcript.
        self.turn.pause += 1;
        self.turn.finished = None;
        if self.config.stop.contains(&Stop::Silence) {
            self.actions.push_back(Action::JudgeTurn { pause: self.turn.pause });
        }
        self.actions.push_back(Action::Hint(Hint::SpeechEnded));
        self.tell_answered(now, |answered| answered.speech_stopped(now, quiet));
        if self.turn.over.is_none() {
            self.await_end_of_turn(now);
        }
        self.plan_reply(now);
    }

    pub(super) fn judged(&mut self, now: Timestamp, pause: u64, finished: f32) {
        let asked = pause == self.turn.pause && !self.speech.is_active();
        if asked && self.turn.over.is_none() && self.timers.is_set(Timer::EndOfTurn) {
            self.turn.finished = Some(finished);
            self.await_end_of_turn(now);
            self.plan_reply(now);
        }
    }

    /// Sets the deadline of the pause by what is known of it.
    pub(super) fn await_end_of_turn(&mut self, now: Timestamp) {
        let quiet = self.turn.quiet_since.unwrap_or(now);
        self.timers.set(Timer::EndOfTurn, (quiet + self.silence_needed()).max(now));
    }

    fn silence_needed(&self) -> Duration {
        if self.turn.signed_off {
            // The turn is over but for what may be dictated or keyed in.
            return Duration::ZERO;
        }
        if !self.config.stop.contains(&Stop::Silence) {
            return self.config.turn_timeout;
        }
        if self.is_complete() {
            return self.config.endpoint.after_certain;
        }
        let config = self.config.endpoint_for(self.expected.as_ref());
        // Words from before the latest stretch of speech say nothing about its end.
        let known = self.turn.changed_at >= self.turn.spoke_at;
        let text = if known { self.turn.text() } else { String::new() };
        let wait = endpoint::wait(self.turn.finished, &text, &self.vocabulary, config);
        if self.turn.finished.is_some_and(|finished| finished >= config.certain) {
            return wait;
        }
        wait.max(self.pauses.floor(&self.config.pauses))
    }

    /// Until when more of what the caller dictates may follow.
    pub(super) fn dictation_awaited_until(&self) -> Option<Timestamp> {
        let quiet = self.turn.quiet_since.filter(|_| !self.speech.is_active())?;
        let config = self.config.endpoint_for(self.expected.as_ref());
        self.is_dictating().then(|| quiet + config.after_dictation)
    }

    /// Whether the words end in a number, a spelling or an address that may go on.
    pub(super) fn is_dictating(&self) -> bool {
        let text = self.turn.text();
        match self.expected.as_ref().and_then(|expected| expected.digits) {
            Some(needed) if self.vocabulary.digits(&text) > 0 => {
                self.vocabulary.digits(&text) < needed
            }
            Some(_) | None => self.vocabulary.is_dictating(&text),
        }
    }

    /// Whether as many digits have come as were asked for.
    pub(super) fn is_complete(&self) -> bool {
        let Some(needed) = self.expected.as_ref().and_then(|expected| expected.digits) else {
            return false;
        };
        let keyed = self.turn.keys.chars().filter(char::is_ascii_digit).count();
        let said = self.vocabulary.digits(&self.turn.text());
        u32::try_from(keyed).unwrap_or(u32::MAX).saturating_add(said) >= needed
    }

    /// Reports a caller who speaks for too long.
    pub(super) fn limit_turn(&mut self, now: Timestamp) {
        let limit = &self.config.turn_limit;
        if self.turn.exceeded || (limit.words.is_none() && limit.speech_ms.is_none()) {
            return;
        }
        let speaking = self.turn.onset.map_or(Duration::ZERO, |onset| now.since(onset));
        let voiced = self.turn.voiced + speaking;
        let long = limit.speech_ms.is_some_and(|most| voiced > Duration::from_millis(most));
        let wordy = |most| self.turn.text().split_whitespace().count() > most;
        if long || limit.words.is_some_and(wordy) {
            self.turn.exceeded = true;
            self.actions.push_back(Action::TurnExceeded);
        }
    }

    /// Whether the caller speaks, or has and is about to be answered.
    pub(super) fn caller_has_floor(&self) -> bool {
        let pending = [Timer::EndOfTurn, Timer::Transcript, Timer::Keys];
        self.speech.is_active() || pending.into_iter().any(|timer| self.timers.is_set(timer))
    }
}
