//! The end of the caller's turn: waiting for its transcript, and what follows.

use std::time::Duration;

use crate::time::Timestamp;
use crate::turn::event::{Action, Hint, Source};
use crate::turn::strategy::{Mute, Stop, Verdict};
use crate::turn::timer::Timer;
use crate::turn::words::same_words;

use super::Engine;

/// How often in a row a lost recogniser is opened again before the call is given up.
const HEARING_ATTEMPTS: u32 = 4;

/// The wait before each further attempt; it doubles.
const HEARING_BACKOFF: Duration = Duration::from_millis(250);

/// A turn that is over but for its transcript.
#[derive(Clone, Copy, Debug)]
pub(super) struct Over {
    pub(super) since: Timestamp,
    /// It was ended by something else than silence: speech that goes on belongs to the next.
    pub(super) forced: bool,
    /// It was ended because nothing came of a voice: what goes on is not the caller.
    pub(super) noise: bool,
}

impl Engine {
    pub(super) fn end_of_turn(&mut self, now: Timestamp) {
        if let Some(known) = self.speech.known_at(&self.config).filter(|known| *known > now) {
            // They may be going on at this very moment.
            return self.timers.set(Timer::EndOfTurn, known);
        }
        if let Some(until) = self.kept_open_until(now) {
            return self.timers.set(Timer::EndOfTurn, until);
        }
        self.keep_keys();
        let noise = self.speech.is_active();
        self.turn.over = Some(Over { since: now, forced: noise, noise });
        self.await_transcript(now);
    }

    /// Until when the caller may be going on, whatever the silence or the recognizer says.
    pub(super) fn kept_open_until(&self, now: Timestamp) -> Option<Timestamp> {
        let until = self.keys_awaited_until().max(self.dictation_awaited_until());
        until.filter(|until| *until > now)
    }

    /// Ends the turn whether or not the caller is still speaking.
    pub(super) fn force_end_of_turn(&mut self, now: Timestamp) {
        self.timers.clear(Timer::EndOfTurn);
        self.timers.clear(Timer::Noise);
        self.turn.over = Some(Over { since: now, forced: true, noise: false });
        self.await_transcript(now);
    }

    fn await_transcript(&mut self, now: Timestamp) {
        if self.turn.is_covered() && !self.speech.is_active() {
            return self.close_turn(now);
        }
        if !self.turn.finalizing {
            self.turn.finalizing = true;
            self.actions.push_back(Action::Hint(Hint::Finalize));
        }
        let spoken = self.turn.quiet_since.unwrap_or(now) + self.config.transcript_wait;
        self.timers.set(Timer::Transcript, spoken.max(now + self.config.finalize_wait));
    }

    /// The application says that the caller has finished.
    pub(super) fn yield_turn(&mut self, now: Timestamp) {
        let spoken = self.turn.has_words() || !self.turn.keys.is_empty();
        if self.caller_has_floor() || (spoken && self.reply.is_none()) {
            self.keep_keys();
            self.force_end_of_turn(now);
        }
    }

    /// The recogniser, which follows turns, says that this one is over and its words are final.
    pub(super) fn recognizer_ended(&mut self, now: Timestamp) {
        self.keep_interim(now);
        if !self.config.stop.contains(&Stop::Recognizer) {
            return;
        }
        if !self.turn.has_words() && !self.caller_has_floor() {
            return;
        }
        if let Some(until) = self.kept_open_until(now) {
            self.turn.signed_off = true;
            if !self.speech.is_active() || !self.timers.is_set(Timer::EndOfTurn) {
                self.timers.set(Timer::EndOfTurn, until);
            }
            return;
        }
        self.turn.over = Some(Over { since: now, forced: true, noise: false });
        self.close_turn(now);
    }

    pub(super) fn transcript_overdue(&mut self, now: Timestamp) {
        self.keep_interim(now);
        self.close_turn(now);
    }

    /// The caller has finished and their words are known.
    pub(super) fn close_turn(&mut self, now: Timestamp) {
        let over = self.turn.over.take();
        let over_since = over.map_or(now, |over| over.since);
        for timer in [Timer::EndOfTurn, Timer::Transcript, Timer::Prepare, Timer::Noise] {
            self.timers.clear(timer);
        }
        self.turn.signed_off = false;
        if !self.timers.is_set(Timer::Keys) {
            self.keep_keys();
        }
        if self.speech.is_active() {
            self.end_speech(now, over.is_some_and(|over| over.noise));
        }
        if self.answered.is_some() {
            return self.tell_answered(now, |answered| answered.turn_over(now));
        }
        if !self.turn.has_words() {
            return self.nothing_said(now);
        }
        self.turn.voiced = Duration::ZERO;
        if self.ending {
            return;
        }
        if self.reply.is_none() {
            if self.waits_for_tools() {
                return self.rest(now);
            }
            return self.answer(now, over_since);
        }
        let mut signs = self.signs(now);
        signs.turn = true;
        if self.verdict(now, &signs) == Verdict::Take {
            return self.answer(now, over_since);
        }
        // The words are kept for the turn that follows.
        self.release(now);
    }

    /// The turn ends in the middle of speech: what follows starts anew, if it is speech at all.
    fn end_speech(&mut self, now: Timestamp, noise: bool) {
        let onset = self.turn.onset.take().unwrap_or(now);
        self.turn.voiced += now.since(onset);
        self.timers.clear(Timer::MediaGap);
        self.actions.push_back(Action::Hint(Hint::SpeechEnded));
        if let Some(reply) = &mut self.reply {
            reply.stop_speaking_over(now);
        }
        if noise { self.speech.ignore() } else { self.speech.reset() }
    }

    /// Whether the caller's words have to wait until the tools have run.
    fn waits_for_tools(&self) -> bool {
        self.runs.are_pending() && self.config.mute.contains(&Mute::Tools)
    }

    pub(super) fn answer(&mut self, now: Timestamp, over_since: Timestamp) {
        self.drop_runs();
        self.cancel_reply(now);
        self.record_runs();
        let quiet = self.turn.quiet_since.take().unwrap_or(over_since);
        self.turn.unvoiced = false;
        let text = self.turn.text();
        self.commit_words(now);
        self.expected = None;
        self.idle_prompts = 0;
        self.reprompts = 0;
        self.runs.steps = 0;
        self.turn.asked = Some((quiet, over_since));
        self.silent = false;
        if self.leads_nowhere(now, &text) {
            return;
        }
        match self.prepared.take() {
            Some(prepared) if same_words(&prepared.text, &text) => self.adopt(now, &prepared),
            prepared => {
                self.prepared = prepared;
                self.start_reply(now, Source::Turn);
            }
        }
    }

    /// There was sound, but there were no words.
    fn nothing_said(&mut self, now: Timestamp) {
        let voiced = std::mem::take(&mut self.turn.voiced);
        self.turn.quiet_since = None;
        if self.reply.is_some() {
            return self.release(now);
        }
        let asks = voiced >= self.config.reprompt_after && self.reprompts == 0 && !self.silent;
        if asks && self.runs.is_empty() && !self.ending {
            self.reprompts += 1;
            return self.start_reply(now, Source::NotUnderstood);
        }
        self.rest(now);
    }

    pub(super) fn hearing_lost(&mut self, now: Timestamp) {
        self.keep_interim(now);
        self.turn.finalizing = false;
        self.hearing_lost += 1;
        if self.hearing_lost > HEARING_ATTEMPTS {
            return self.give_up(now);
        }
        let wait = HEARING_BACKOFF * (1 << (self.hearing_lost - 1)) - HEARING_BACKOFF;
        self.timers.set(Timer::Hearing, now + wait);
    }
}
