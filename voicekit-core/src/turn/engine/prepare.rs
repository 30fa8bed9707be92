//! Preparing a reply while it is not certain yet that the caller has finished.
//!
//! A prepared reply is made up to its first audio and beyond, so that it sounds at once when the
//! turn ends. It is wasted if the caller goes on. So it is begun when it is due rather than when it
//! is possible: [`Speculation::lead`](crate::turn::Speculation::lead) before the turn can end.

use std::time::Duration;

use crate::time::Timestamp;
use crate::turn::event::{Action, ReplyId};
use crate::turn::strategy::Stop;
use crate::turn::timer::Timer;
use crate::turn::words::same_words;

use super::Engine;

/// How far the interim transcripts of streaming recognizers lag behind the sound, mostly.
const RECOGNIZER_LAG: Duration = Duration::from_millis(300);

/// A reply that is made in silence, and the words it answers.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) id: ReplyId,
    pub(super) text: String,
    pub(super) since: Timestamp,
}

impl Engine {
    /// The words or the end of the turn are known better than before: a prepared reply to other
    /// words is discarded, and one to these is prepared now or when it is due.
    pub(super) fn plan_reply(&mut self, now: Timestamp) {
        self.timers.clear(Timer::Prepare);
        if let Some(prepared) = &self.prepared
            && !same_words(&prepared.text, &self.turn.text())
        {
            self.discard();
        }
        let wanted = self.caller_has_floor() && !self.speech.is_active() && self.turn.has_words();
        if !wanted || self.prepared.is_some() || !self.may_prepare() {
            return;
        }
        let due = self.preparation_due();
        if due > now {
            return self.timers.set(Timer::Prepare, due);
        }
        self.prepare_eagerly(now);
    }

    pub(super) fn prepare(&mut self, now: Timestamp) {
        if !self.speech.is_active() {
            self.prepare_eagerly(now);
        }
    }

    /// Prepares a reply to the words so far. The recognizer, which follows turns, may believe that
    /// this one is over although the caller is still heard.
    pub(super) fn prepare_eagerly(&mut self, now: Timestamp) {
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
        self.prepared = Some(Prepared { id, text, since: now });
    }

    pub(super) fn discard(&mut self) {
        if let Some(prepared) = self.prepared.take() {
            self.actions.push_back(Action::Discard(prepared.id));
        }
    }

    /// When a reply to the words so far is due. Final words stand; interim ones may change and are
    /// waited for. A turn that ends by silence alone cannot end before its deadline.
    fn preparation_due(&self) -> Timestamp {
        let speculation = &self.config.speculation;
        let changed = self.turn.changed_at;
        // The end of speech that the recognizer has not caught up with.
        let behind = self.turn.quiet_since.filter(|quiet| changed < *quiet);
        let by_silence = self.config.stop.contains(&Stop::Silence);
        let stands = if self.turn.interim.is_empty() && by_silence {
            changed
        } else {
            behind.map_or(changed, |quiet| quiet + RECOGNIZER_LAG) + speculation.stable
        };
        let end = self.timers.get(Timer::EndOfTurn).filter(|_| by_silence);
        let lead = speculation.lead.max(self.slowest_reply);
        end.map_or(stands, |end| stands.max(end - lead))
    }

    fn may_prepare(&self) -> bool {
        self.turn.prepared < self.config.speculation.most
            && self.reply.is_none()
            && self.turn.keys.is_empty()
            && !self.ending
            && !self.silent
            && self.runs.is_empty()
            && self.answered.is_none()
    }
}
