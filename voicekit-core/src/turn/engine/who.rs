//! Who or what has picked up a call that we placed.

use crate::time::Timestamp;
use crate::turn::answered::Answered;
use crate::turn::event::{Action, Hint, Party, Source};
use crate::turn::timer::Timer;

use super::Engine;

impl Engine {
    /// Tells the classifier something, and acts if it knows now.
    pub(super) fn tell_answered(&mut self, now: Timestamp, tell: impl FnOnce(&mut Answered)) {
        if let Some(answered) = &mut self.answered {
            tell(answered);
            self.watch_answered(now);
        }
    }

    pub(super) fn watch_answered(&mut self, now: Timestamp) {
        let Some(answered) = &self.answered else { return };
        if let Some(party) = answered.verdict() {
            return self.picked_up(now, party);
        }
        match answered.poll_timeout() {
            Some(at) => self.timers.set(Timer::PickedUp, at.max(now)),
            None => self.timers.clear(Timer::PickedUp),
        }
    }

    pub(super) fn pick_up_overdue(&mut self, now: Timestamp) {
        self.tell_answered(now, |answered| answered.handle_timeout(now));
    }

    fn picked_up(&mut self, now: Timestamp, party: Party) {
        self.answered = None;
        for timer in [Timer::PickedUp, Timer::EndOfTurn, Timer::Transcript] {
            self.timers.clear(timer);
        }
        self.actions.push_back(Action::PickedUp(party));
        self.turn.over = None;
        if party == Party::Machine {
            self.commit_words(now);
            return self.start_reply(now, Source::Voicemail);
        }
        if !self.config.greet {
            // They have said hello, and are waiting.
            return self.force_end_of_turn(now);
        }
        if !self.turn.is_covered() && !self.turn.finalizing {
            self.turn.finalizing = true;
            self.actions.push_back(Action::Hint(Hint::Finalize));
        }
        // Their hello is answered by the greeting, however late its transcript comes.
        self.turn.owed = self.turn.finalizing;
        self.commit_words(now);
        self.start_reply(now, Source::Greeting);
    }
}
