//! Preparing a reply while it is not certain yet that the caller has finished.

use crate::time::Timestamp;
use crate::turn::event::{Action, ReplyId};
use crate::turn::timer::Timer;

use super::Engine;
use super::transcript::same_words;

/// A reply that is made in silence, and the words it answers.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) id: ReplyId,
    pub(super) text: String,
}

impl Engine {
    /// The words have changed: a reply to others is not wanted, one to these soon may be.
    pub(super) fn plan_reply(&mut self, now: Timestamp) {
        self.timers.clear(Timer::Prepare);
        if let Some(prepared) = &self.prepared
            && !same_words(&prepared.text, &self.turn.text())
        {
            self.discard();
        }
        if self.prepared.is_none() && self.may_prepare() && self.turn.has_words() {
            let stable = self.turn.changed_at + self.config.speculation.stable;
            self.timers.set(Timer::Prepare, stable.max(now));
        }
    }

    pub(super) fn prepare(&mut self) {
        if !self.speech.is_active() {
            self.prepare_eagerly();
        }
    }

    /// The recogniser, which follows turns, believes that this one is over.
    pub(super) fn prepare_eagerly(&mut self) {
        self.timers.clear(Timer::Prepare);
        let text = self.turn.text();
        let stale = |prepared: &Prepared| !same_words(&prepared.text, &text);
        let open = self.vocabulary.is_open(&text) || self.is_dictating();
        let unwanted = text.is_empty() || open || !self.may_prepare();
        if unwanted || !self.prepared.as_ref().is_none_or(stale) {
            return;
        }
        self.discard();
        self.turn.prepared += 1;
        self.last_reply += 1;
        let id = ReplyId(self.last_reply);
        self.actions.push_back(Action::Prepare { reply: id, text: text.clone() });
        self.prepared = Some(Prepared { id, text });
    }

    pub(super) fn discard(&mut self) {
        if let Some(prepared) = self.prepared.take() {
            self.actions.push_back(Action::Discard(prepared.id));
        }
    }

    fn may_prepare(&self) -> bool {
        let doubted = |finished| finished < self.config.endpoint.likely;
        self.turn.prepared < self.config.speculation.most
            && self.reply.is_none()
            && self.turn.keys.is_empty()
            && !self.turn.finished.is_some_and(doubted)
            && !self.ending
            && !self.silent
            && self.runs.is_empty()
            && self.answered.is_none()
    }
}
