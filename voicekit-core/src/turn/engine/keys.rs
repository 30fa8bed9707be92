//! The caller's keys: part of the turn, and a way to take and to give up the floor.

use crate::time::Timestamp;
use crate::transport::Digit;
use crate::turn::strategy::{Start, Stop};
use crate::turn::timer::Timer;

use super::Engine;
use super::transcript::join;

impl Engine {
    pub(super) fn key(&mut self, now: Timestamp, digit: Digit) {
        self.idle_prompts = 0;
        if self.timers.is_set(Timer::Idle) {
            self.timers.set(Timer::Idle, now + self.config.idle);
        }
        let mut signs = self.signs(now);
        signs.key = Some(digit);
        self.weigh(now, &signs);
        if self.config.stop.contains(&Stop::Key { key: digit }) {
            self.keep_keys();
            return self.force_end_of_turn(now);
        }
        if self.config.start.contains(&Start::Key { key: Some(digit) }) {
            // It is a command and no input.
            return;
        }
        self.timers.clear(Timer::Idle);
        if self.turn.keys.is_empty() {
            self.turn.meant_before_keys = self.turn.meant;
        }
        if self.turn.keys.len() < MOST_KEYS {
            self.turn.keys.push(digit.key());
        }
        self.turn.keyed_at = now;
        if self.config.keys.end == Some(digit) || self.is_complete() {
            return self.keys_done(now);
        }
        self.timers.set(Timer::Keys, now + self.config.keys.timeout);
        if self.turn.over.is_some_and(|over| !over.forced) {
            // Whoever goes on keying had not finished when they fell silent.
            self.turn.over = None;
            self.timers.clear(Timer::Transcript);
            self.timers.set(Timer::EndOfTurn, now + self.config.keys.timeout);
        }
    }

    /// What was keyed in is complete: without a voice beside it, it is a turn.
    fn keys_done(&mut self, now: Timestamp) {
        self.keep_keys();
        if self.speech.is_active() || self.turn.over.is_some() {
            return;
        }
        if !self.timers.is_set(Timer::EndOfTurn) || self.turn.signed_off {
            return self.close_turn(now);
        }
        if self.turn.quiet_since.is_some() {
            // The turn was kept open for further keys.
            self.await_end_of_turn(now);
        }
    }

    /// No further key has come. What the caller mutters meanwhile does not end the number: then the
    /// end of their turn ends it.
    pub(super) fn keys_overdue(&mut self, now: Timestamp) {
        let mutters = self.speech.is_active() || self.timers.is_set(Timer::EndOfTurn);
        if !mutters || self.turn.over.is_some() {
            self.keys_done(now);
        }
    }

    /// Until when another key may follow, while a number is being keyed in.
    pub(super) fn keys_awaited_until(&self) -> Option<Timestamp> {
        if self.turn.keys.is_empty() {
            return None;
        }
        let until = self.turn.keyed_at + self.config.keys.timeout;
        let words = self.turn.meant.saturating_sub(self.turn.meant_before_keys);
        let mutters = words <= MUTTERED_WORDS && !self.turn.request && !self.speech.is_active();
        let quiet = self.turn.quiet_since.filter(|_| mutters);
        Some(quiet.map_or(until, |quiet| until.max(quiet + self.config.keys.timeout)))
    }

    pub(super) fn keep_keys(&mut self) {
        self.timers.clear(Timer::Keys);
        let keys = std::mem::take(&mut self.turn.keys);
        if keys.is_empty() {
            return;
        }
        let mut text = "[pressed".to_owned();
        for key in keys.chars() {
            text.push(' ');
            text.push(key);
        }
        text.push(']');
        self.turn.finals = join(&self.turn.finals, &text);
        let text = self.turn.text();
        self.weigh_words(&text);
    }
}

/// More keys in a row are not a number that anybody has.
const MOST_KEYS: usize = 64;

/// Whoever says more words than this while keying in a number speaks to the agent.
const MUTTERED_WORDS: usize = 3;
