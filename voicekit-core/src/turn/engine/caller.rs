//! The caller's side: their voice, their words, and when they have finished.

use std::time::Duration;

use crate::llm::Message;
use crate::time::Timestamp;
use crate::turn::endpoint;
use crate::turn::event::{Action, Hint, Source, State};
use crate::turn::speech::Edge;
use crate::turn::timer::Timer;

use super::Engine;

/// How often in a row a lost recogniser is opened again before the call is given up.
const HEARING_ATTEMPTS: u32 = 4;

/// The wait before each further attempt; it doubles.
const HEARING_BACKOFF: Duration = Duration::from_millis(250);

/// What the caller has said since they were last answered.
#[derive(Debug, Default)]
pub(super) struct Turn {
    pub(super) finals: String,
    pub(super) interim: String,
    /// When the latest final transcript came.
    pub(super) final_at: Option<Timestamp>,
    /// When the caller last fell silent.
    pub(super) quiet_since: Option<Timestamp>,
    /// The number of that pause, and how likely it ends the turn, once it was judged.
    pub(super) pause: u64,
    pub(super) finished: Option<f32>,
    /// When the latest stretch of speech began.
    pub(super) onset: Option<Timestamp>,
    /// How long the caller has spoken in all.
    pub(super) voiced: Duration,
    /// Since when the turn is over but for its transcript.
    pub(super) over_since: Option<Timestamp>,
    /// Whether the recogniser owes an answer to a `Finalize`.
    pub(super) finalizing: bool,
    /// An interim that was taken for final because the final one was overdue.
    pub(super) assumed: Option<String>,
}

impl Turn {
    pub(super) fn text(&self) -> String {
        join(&self.finals, &self.interim)
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
            self.barge_in(now);
        }
    }

    pub(super) fn edge(&mut self, now: Timestamp, edge: Option<Edge>) {
        match edge {
            None => {}
            Some(Edge::Started(onset)) => self.speech_started(now, onset),
            Some(Edge::Stopped(quiet)) => self.speech_stopped(now, quiet),
        }
    }

    pub(super) fn speech_started(&mut self, now: Timestamp, onset: Timestamp) {
        self.turn.onset = Some(onset);
        self.turn.over_since = None;
        for timer in [Timer::Idle, Timer::EndOfTurn, Timer::Transcript, Timer::Resume] {
            self.timers.clear(timer);
        }
        self.actions.push_back(Action::Hint(Hint::SpeechStarted));
        let Some(reply) = &mut self.reply else { return };
        reply.spoken_over_since = Some(onset);
        let source = reply.source;
        if self.state == State::Processing && self.may_interrupt(source) {
            self.hold(now);
        }
    }

    pub(super) fn speech_stopped(&mut self, now: Timestamp, quiet: Timestamp) {
        let onset = self.turn.onset.take().unwrap_or(quiet);
        self.turn.voiced += quiet.since(onset);
        self.turn.quiet_since = Some(quiet);
        self.timers.clear(Timer::MediaGap);
        if let Some(reply) = &mut self.reply {
            reply.spoken_over_since = None;
            if reply.held {
                let resume = quiet + self.config.false_interruption;
                self.timers.set(Timer::Resume, resume.max(now));
            }
        }
        // The detector comes first: its verdict is needed sooner than the transcript.
        self.turn.pause += 1;
        self.turn.finished = None;
        self.actions.push_back(Action::JudgeTurn { pause: self.turn.pause });
        self.actions.push_back(Action::Hint(Hint::SpeechEnded));
        self.await_end_of_turn(now);
    }

    pub(super) fn judged(&mut self, now: Timestamp, pause: u64, finished: f32) {
        if pause == self.turn.pause && self.timers.is_set(Timer::EndOfTurn) {
            self.turn.finished = Some(finished);
            self.await_end_of_turn(now);
        }
    }

    /// Sets the deadline of the pause by what is known of it.
    pub(super) fn await_end_of_turn(&mut self, now: Timestamp) {
        let text = self.turn.text();
        let wait = endpoint::wait(self.turn.finished, &text, &self.config.endpoint);
        let quiet = self.turn.quiet_since.unwrap_or(now);
        self.timers.set(Timer::EndOfTurn, (quiet + wait).max(now));
    }

    /// The caller has done something other than speak.
    pub(super) fn show_life(&mut self, now: Timestamp) {
        self.idle_prompts = 0;
        if self.timers.is_set(Timer::Idle) {
            self.timers.set(Timer::Idle, now + self.config.idle);
        }
    }

    pub(super) fn interim(&mut self, now: Timestamp, text: String) {
        self.hearing_lost = 0;
        self.turn.interim = text;
        self.heard_words(now);
    }

    pub(super) fn transcript(&mut self, now: Timestamp, text: &str, finalized: bool) {
        self.hearing_lost = 0;
        self.turn.interim.clear();
        self.turn.final_at = Some(now);
        let assumed = self.turn.assumed.take();
        if finalized {
            self.turn.finalizing = false;
        }
        if assumed.is_none_or(|assumed| !same_words(&assumed, text)) {
            self.keep(text);
        }
        self.heard_words(now);
        if self.turn.over_since.is_some() && !self.speech.is_active() {
            self.close_turn(now);
        }
    }

    pub(super) fn keep(&mut self, text: &str) {
        self.turn.interim.clear();
        self.turn.finals = join(&self.turn.finals, text);
    }

    /// Words have come in: they may interrupt, and they give the turn a deadline if the voice
    /// activity detector missed them.
    pub(super) fn heard_words(&mut self, now: Timestamp) {
        let text = self.turn.text();
        if text.is_empty() {
            return;
        }
        self.timers.clear(Timer::Idle);
        if !self.speech.is_active() && self.turn.over_since.is_none() {
            self.await_end_of_turn(now);
        }
        let Some(reply) = &self.reply else { return };
        let paused = reply.held && reply.sounded;
        let needed = if paused { 1 } else { self.config.barge_in_words };
        let meant = self.config.meaningful_words(&text);
        if meant >= needed && self.may_interrupt(reply.source) {
            self.interrupt(now);
        } else if meant == 0 && paused && !self.speech.is_active() {
            self.release(now);
        }
    }

    pub(super) fn end_of_turn(&mut self, now: Timestamp) {
        self.turn.over_since = Some(now);
        if self.turn.is_covered() {
            return self.close_turn(now);
        }
        if !self.turn.finalizing {
            self.turn.finalizing = true;
            self.actions.push_back(Action::Hint(Hint::Finalize));
        }
        self.timers.set(Timer::Transcript, now + self.config.transcript_wait);
    }

    pub(super) fn transcript_overdue(&mut self, now: Timestamp) {
        let interim = std::mem::take(&mut self.turn.interim);
        if !interim.is_empty() {
            self.turn.finals = join(&self.turn.finals, &interim);
            self.turn.assumed = Some(interim);
        }
        self.close_turn(now);
    }

    /// The caller has finished and their words are known.
    pub(super) fn close_turn(&mut self, now: Timestamp) {
        let over_since = self.turn.over_since.take().unwrap_or(now);
        self.timers.clear(Timer::EndOfTurn);
        self.timers.clear(Timer::Transcript);
        let text = self.turn.text();
        if text.is_empty() {
            return self.nothing_said(now);
        }
        self.turn.voiced = Duration::ZERO;
        if self.ending {
            return;
        }
        match &self.reply {
            // Kept for the turn that follows.
            Some(reply) if self.state == State::Speaking && !self.may_interrupt(reply.source) => {}
            Some(_) if self.config.is_backchannel(&text) => self.release(now),
            Some(_) | None => self.answer(now, over_since),
        }
    }

    pub(super) fn answer(&mut self, now: Timestamp, over_since: Timestamp) {
        self.cancel_reply(now);
        let quiet = self.turn.quiet_since.take().unwrap_or(over_since);
        self.commit_words();
        self.idle_prompts = 0;
        self.reprompts = 0;
        self.start_reply(now, Source::Turn);
        if let Some(reply) = &mut self.reply {
            reply.asked = Some((quiet, over_since));
        }
    }

    /// Moves the turn's words into the history.
    pub(super) fn commit_words(&mut self) {
        let text = self.turn.text();
        self.turn.finals.clear();
        self.turn.interim.clear();
        if !text.is_empty() {
            self.actions.push_back(Action::Remember(Message::caller(text)));
        }
    }

    /// There was sound, but there were no words.
    pub(super) fn nothing_said(&mut self, now: Timestamp) {
        let voiced = std::mem::take(&mut self.turn.voiced);
        self.turn.quiet_since = None;
        if self.reply.is_some() {
            return self.release(now);
        }
        if voiced >= self.config.reprompt_after && self.reprompts == 0 {
            self.reprompts += 1;
            return self.start_reply(now, Source::NotUnderstood);
        }
        self.listen(now);
    }

    pub(super) fn hearing_lost(&mut self, now: Timestamp) {
        self.turn.finalizing = false;
        self.hearing_lost += 1;
        if self.hearing_lost > HEARING_ATTEMPTS {
            return self.give_up(now);
        }
        let wait = HEARING_BACKOFF * (1 << (self.hearing_lost - 1)) - HEARING_BACKOFF;
        self.timers.set(Timer::Hearing, now + wait);
    }
}

/// Both texts, with one space between them if both have words.
fn join(a: &str, b: &str) -> String {
    let (a, b) = (a.trim(), b.trim());
    let space = if a.is_empty() || b.is_empty() { "" } else { " " };
    format!("{a}{space}{b}")
}

/// Whether the texts differ in case, punctuation and spaces at most.
fn same_words(a: &str, b: &str) -> bool {
    fn letters(text: &str) -> impl Iterator<Item = char> {
        text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase)
    }
    letters(a).eq(letters(b))
}
