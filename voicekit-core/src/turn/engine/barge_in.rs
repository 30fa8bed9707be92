//! Speaking over the agent: pausing, giving way, going on.

use crate::llm::Message;
use crate::time::Timestamp;
use crate::turn::event::{Action, Source, State};
use crate::turn::timer::Timer;

use super::Engine;

impl Engine {
    pub(super) fn may_interrupt(&self, source: Source) -> bool {
        source != Source::Goodbye && !self.ending
    }

    /// The caller is speaking over the agent: long enough to mean it? The silence at the end of
    /// a noise, which is only known later to be one, does not count.
    pub(super) fn barge_in(&mut self, now: Timestamp) {
        let Some(reply) = &self.reply else { return };
        let Some(since) = reply.spoken_over_since else { return };
        if !self.speech.is_voiced() || !self.may_interrupt(reply.source) {
            return;
        }
        if now.since(since) >= self.config.barge_in {
            self.interrupt(now);
        } else if now.since(since) >= self.config.pause_after {
            self.hold(now);
        }
    }

    /// Nothing has come of a noise: the agent goes on, unless there are words to wait for.
    pub(super) fn resume(&mut self, now: Timestamp) {
        if !self.speech.is_active() && self.config.is_backchannel(&self.turn.text()) {
            self.release(now);
        }
    }

    pub(super) fn interrupt(&mut self, now: Timestamp) {
        self.cancel_reply(now);
        self.set_state(State::Listening);
    }

    /// Ends the live reply where the caller is in it.
    pub(super) fn cancel_reply(&mut self, now: Timestamp) {
        let Some(mut reply) = self.reply.take() else { return };
        let heard = reply.ledger.heard(now);
        self.clear_reply_timers();
        self.actions.push_back(Action::Cancel(reply.id));
        if reply.is_unplayed() {
            self.actions.push_back(Action::Clear);
        }
        let whole = heard.len() == reply.ledger.text().len() && reply.ledger.is_finished();
        self.remember_heard(&heard, !whole);
    }

    pub(super) fn remember_heard(&mut self, heard: &str, interrupted: bool) {
        let text = heard.trim().to_owned();
        if !text.is_empty() {
            self.actions.push_back(Action::Remember(Message::Agent { text, interrupted }));
        }
    }

    /// Falls silent, to go on later from the start of the word that was cut.
    pub(super) fn hold(&mut self, now: Timestamp) {
        let Some(reply) = self.reply.as_mut().filter(|reply| !reply.held) else { return };
        let unplayed = reply.is_unplayed();
        reply.held = true;
        let from = reply.ledger.hold(now);
        self.actions.push_back(Action::Hold { from });
        if unplayed {
            self.actions.push_back(Action::Clear);
        }
        self.timers.clear(Timer::ReplyStall);
        self.timers.clear(Timer::Playout);
        self.set_state(State::Processing);
    }

    /// Goes on from where the agent fell silent.
    pub(super) fn release(&mut self, now: Timestamp) {
        let Some(reply) = self.reply.as_mut().filter(|reply| reply.held) else { return };
        self.timers.clear(Timer::Resume);
        reply.held = false;
        reply.ledger.release(now);
        if reply.is_over() {
            // The last mark was on its way when it fell silent.
            self.actions.push_back(Action::Cancel(reply.id));
            return self.finish_reply(now);
        }
        self.actions.push_back(Action::Release);
        self.sound(now);
    }
}
