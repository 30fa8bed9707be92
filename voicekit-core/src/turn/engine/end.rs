//! Silence, and how a call ends.

use crate::time::Timestamp;
use crate::turn::event::{Action, Source, State};
use crate::turn::timer::Timer;

use super::Engine;
use super::reply::Queued;

impl Engine {
    /// Nobody speaks: whatever waits to be said is, or the caller is waited for.
    pub(super) fn rest(&mut self, now: Timestamp) {
        if self.ending {
            return self.start_reply(now, Source::Goodbye);
        }
        self.start_runs(now);
        if self.runs.are_pending() {
            return self.wait_for_tools(now);
        }
        if self.runs.are_unspoken() {
            if self.turn.has_words() {
                return self.answer(now, now);
            }
            return self.start_reply(now, Source::Tools);
        }
        match self.queue.pop_front() {
            Some(Queued::Said { text, interruptible }) => self.say(now, text, interruptible),
            Some(Queued::Warning) => self.start_reply(now, Source::Warning),
            Some(Queued::Leave) => {
                self.set_state(State::Listening);
                self.actions.push_back(Action::Leave);
                self.rest(now);
            }
            None => {
                self.set_state(State::Listening);
                self.timers.set(Timer::Idle, now + self.idle_after());
            }
        }
    }

    /// The same, if neither side has the floor.
    pub(super) fn rest_if_free(&mut self, now: Timestamp) {
        let free = self.reply.is_none() && !self.caller_has_floor() && self.answered.is_none();
        if free && !self.hung_up {
            self.rest(now);
        }
    }

    pub(super) fn idle(&mut self, now: Timestamp) {
        if self.silent || self.idle_prompts >= self.config.idle_prompts {
            return self.start_reply(now, Source::Goodbye);
        }
        self.idle_prompts += 1;
        self.start_reply(now, Source::StillThere);
    }

    pub(super) fn call_warning(&mut self, now: Timestamp) {
        if !self.ending {
            self.queue.push_front(Queued::Warning);
            self.rest_if_free(now);
        }
    }

    /// The call has lasted as long as it may: a goodbye, and no more than that.
    pub(super) fn call_limit(&mut self, now: Timestamp) {
        if self.limit_reached {
            return self.hang_up(now);
        }
        self.limit_reached = true;
        self.timers.set(Timer::CallLimit, now + self.config.call_grace);
        self.end_politely(now);
    }

    pub(super) fn end_politely(&mut self, now: Timestamp) {
        if self.ending {
            return;
        }
        self.start_ending();
        if self.reply.is_some() {
            return self.release(now);
        }
        if self.runs.follow_farewell() {
            return self.hang_up(now);
        }
        self.start_reply(now, Source::Goodbye);
    }

    /// Nothing works any more: says so once more and ends the call.
    pub(super) fn give_up(&mut self, now: Timestamp) {
        if self.ending {
            return;
        }
        self.cancel_reply(now);
        self.start_ending();
        self.start_reply(now, Source::Failure);
    }

    /// Stops whatever could start a reply of its own: the goodbye or the apology is the last one.
    /// That includes the question who has picked up, which a greeting would follow.
    fn start_ending(&mut self) {
        self.ending = true;
        self.answered = None;
        self.discard();
        for timer in [Timer::Idle, Timer::PickedUp, Timer::Filler] {
            self.timers.clear(timer);
        }
    }

    pub(super) fn hang_up(&mut self, now: Timestamp) {
        if self.hung_up {
            return;
        }
        self.hung_up = true;
        self.ending = true;
        self.discard();
        self.timers.clear_all();
        // What tools still do is limited all the same.
        self.await_tools();
        self.timers.set(Timer::HangUp, now + self.config.hang_up_timeout);
        self.actions.push_back(Action::HangUp);
    }

    /// The line is down. The tools that run come to their end first.
    pub(super) fn end(&mut self, now: Timestamp) {
        self.line_ended = true;
        self.hung_up = true;
        self.ending = true;
        self.drop_runs();
        self.discard();
        self.cancel_reply(now);
        self.keep_keys();
        self.commit_words(now);
        self.timers.clear_all();
        self.record_runs();
        if !self.runs.are_pending() {
            self.set_state(State::Ended);
        }
    }
}
