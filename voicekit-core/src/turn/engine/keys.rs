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
        if self.turn.keys.len() < MOST_KEYS {
            self.turn.keys.push(digit.key());
        }
        if self.config.keys.end == Some(digit) || self.is_complete() {
            return self.keys_done(now);
        }
        self.timers.set(Timer::Keys, now + self.config.keys.timeout);
    }

    /// What was keyed in is complete: without a voice beside it, it is a turn.
    pub(super) fn keys_done(&mut self, now: Timestamp) {
        self.keep_keys();
        if self.speech.is_active()
            || self.turn.over.is_some()
            || self.timers.is_set(Timer::EndOfTurn)
        {
            return;
        }
        self.close_turn(now);
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
