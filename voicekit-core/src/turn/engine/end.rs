//! Silence, and how a call ends.

use crate::time::Timestamp;
use crate::turn::event::{Action, Source, State};
use crate::turn::timer::Timer;

use super::Engine;

impl Engine {
    /// Waits for the caller.
    pub(super) fn listen(&mut self, now: Timestamp) {
        self.set_state(State::Listening);
        self.timers.set(Timer::Idle, now + self.config.idle);
    }

    pub(super) fn idle(&mut self, now: Timestamp) {
        if self.idle_prompts >= self.config.idle_prompts {
            return self.start_reply(now, Source::Goodbye);
        }
        self.idle_prompts += 1;
        self.start_reply(now, Source::StillThere);
    }

    pub(super) fn end_politely(&mut self, now: Timestamp) {
        if self.ending {
            return;
        }
        self.ending = true;
        self.timers.clear(Timer::Idle);
        if self.reply.is_none() {
            return self.start_reply(now, Source::Goodbye);
        }
        self.release(now);
    }

    /// Nothing works any more: says so once more and ends the call.
    pub(super) fn give_up(&mut self, now: Timestamp) {
        if self.ending {
            return;
        }
        self.cancel_reply(now);
        self.ending = true;
        self.start_reply(now, Source::Failure);
    }

    pub(super) fn hang_up(&mut self, now: Timestamp) {
        if self.hung_up {
            return;
        }
        self.hung_up = true;
        self.ending = true;
        self.timers.clear_all();
        self.timers.set(Timer::HangUp, now + self.config.hang_up_timeout);
        self.actions.push_back(Action::HangUp);
    }

    pub(super) fn end(&mut self, now: Timestamp) {
        self.cancel_reply(now);
        self.commit_words();
        self.timers.clear_all();
        self.set_state(State::Ended);
    }
}
