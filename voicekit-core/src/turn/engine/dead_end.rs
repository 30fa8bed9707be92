//! Turns that lead nowhere, and what is done instead of answering once more.

use crate::time::Timestamp;
use crate::turn::dead_end::DeadEnd;
use crate::turn::event::{Action, Source, State};
use crate::turn::timer::Timer;

use super::Engine;
use super::reply::Reply;

impl Engine {
    /// The caller's turn is over with `text`: whether something else than an answer follows.
    pub(super) fn leads_nowhere(&mut self, now: Timestamp, text: &str) -> bool {
        let config = &self.config.dead_ends;
        let mut follows = self.repetitions.heard(text, &self.vocabulary, config);
        if follows == DeadEnd::Ignore {
            follows = self.repetitions.led_nowhere(config);
        }
        match follows {
            DeadEnd::Ignore => return false,
            DeadEnd::StaySilent => self.stay_silent(now),
            DeadEnd::Ask => {
                self.repetitions.ask();
                self.start_reply(now, Source::DeadEnd);
            }
            DeadEnd::Transfer => {
                self.repetitions.ask();
                self.discard();
                self.actions.push_back(Action::Transfer);
                self.rest_quietly(now);
            }
            DeadEnd::HangUp => self.end_politely(now),
        }
        true
    }

    /// Says nothing to what was said, and waits for something else.
    fn stay_silent(&mut self, now: Timestamp) {
        self.silent = true;
        self.discard();
        self.rest_quietly(now);
    }

    fn rest_quietly(&mut self, now: Timestamp) {
        self.turn.asked = None;
        if !self.queue.is_empty() {
            return self.rest(now);
        }
        self.set_state(State::Listening);
        self.timers.set(Timer::Idle, now + self.idle_after());
    }

    /// How long nobody has to speak for before the agent does.
    pub(super) fn idle_after(&self) -> std::time::Duration {
        if self.silent { self.config.dead_ends.silence } else { self.config.idle }
    }

    /// A reply has been heard, as far as it went.
    pub(super) fn note_answer(&mut self, reply: &Reply) {
        if reply.source.is_model() {
            let text = reply.ledger.text();
            self.repetitions.answered(&text, &self.vocabulary, &self.config.dead_ends);
        }
    }
}
