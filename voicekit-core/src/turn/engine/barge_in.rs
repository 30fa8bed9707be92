//! Speaking over the agent: pausing, giving way, going on.

use std::time::Duration;

use crate::llm::Message;
use crate::time::Timestamp;
use crate::turn::event::{Action, Source, State};
use crate::turn::strategy::{Mute, Signs, Start, Verdict};
use crate::turn::timer::Timer;

use super::Engine;

/// What of the caller counts while the agent has the floor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attention {
    Nothing,
    /// Their voice alone does not.
    Words,
    All,
}

impl Engine {
    pub(super) fn attention(&self, now: Timestamp) -> Attention {
        let Some(reply) = &self.reply else { return Attention::All };
        if self.ending || !reply.interruptible {
            return Attention::Nothing;
        }
        let mut attention = Attention::All;
        for mute in &self.config.mute {
            let mutes = match mute {
                Mute::Speaking => true,
                Mute::Greeting => reply.source == Source::Greeting,
                Mute::Tools => self.runs.are_pending(),
                Mute::Onset { lasts } => {
                    if reply.sounded_at.is_some_and(|at| now.since(at) < *lasts) {
                        attention = Attention::Words;
                    }
                    false
                }
            };
            if mutes {
                return Attention::Nothing;
            }
        }
        attention
    }

    /// What the caller does at this moment, as the strategies see it. The silence at the end of a
    /// noise, which is only known later to be one, does not count as voice.
    pub(super) fn signs(&self, now: Timestamp) -> Signs {
        let (words, request) = (self.turn.meant_over, self.turn.request);
        let mut signs = Signs { words, request, ..Signs::default() };
        if let Some(reply) = &self.reply {
            let going_on = reply.spoken_over_since.map(|since| now.since(since));
            signs.spoken = reply.spoken_over.map(|before| before + going_on.unwrap_or_default());
            signs.voiced = signs.spoken.filter(|_| going_on.is_some() && self.speech.is_voiced());
        }
        signs
    }

    /// Asks the strategies, and does what the boldest of them says.
    pub(super) fn weigh(&mut self, now: Timestamp, signs: &Signs) -> Verdict {
        let verdict = self.verdict(now, signs);
        match verdict {
            Verdict::Take => self.interrupt(now),
            Verdict::Pause => self.hold(now),
            Verdict::Ignore => {}
        }
        verdict
    }

    pub(super) fn verdict(&self, now: Timestamp, signs: &Signs) -> Verdict {
        let attention = self.attention(now);
        if self.reply.is_none() || attention == Attention::Nothing {
            return Verdict::Ignore;
        }
        let counts = |start: &&Start| attention == Attention::All || !is_voice(start);
        let starts = self.config.start.iter().filter(counts);
        starts.map(|start| start.verdict(signs)).max().unwrap_or(Verdict::Ignore)
    }

    /// Whether a voice keeps a reply that is not audible yet from becoming so.
    pub(super) fn voice_holds(&self, now: Timestamp) -> bool {
        self.attention(now) == Attention::All && self.config.start.iter().any(is_voice)
    }

    /// The recogniser hears a turn begin.
    pub(super) fn recognizer_started(&mut self, now: Timestamp) {
        self.timers.clear(Timer::Idle);
        self.turn.signed_off = false;
        if !self.speech.is_active() && !self.timers.is_set(Timer::EndOfTurn) {
            self.timers.set(Timer::EndOfTurn, now + self.config.turn_timeout);
        }
        let mut signs = self.signs(now);
        signs.recognizer = true;
        self.weigh(now, &signs);
    }

    /// Nothing has come of a noise: the agent goes on, unless there are words to wait for.
    pub(super) fn resume(&mut self, now: Timestamp) {
        if !self.speech.is_active() && self.means_little() {
            self.release(now);
        }
    }

    /// Whether what the caller says over the agent is no more than a noise or a backchannel, as far
    /// as that is known: no words, or too brief to rely on them.
    pub(super) fn means_little(&self) -> bool {
        let spoken = self.reply.as_ref().and_then(|reply| reply.spoken_over);
        self.turn.meant_over == 0 || spoken.is_some_and(|spoken| self.is_brief(spoken))
    }

    pub(super) fn is_brief(&self, spoken: Duration) -> bool {
        let longer = |start: &Start| matches!(start, Start::Voice { take_after, .. } if spoken < *take_after);
        self.config.start.iter().any(longer)
    }

    /// The application gives the caller the floor.
    pub(super) fn take_turn(&mut self, now: Timestamp) {
        if self.reply.is_some() && !self.ending {
            self.interrupt(now);
        }
    }

    pub(super) fn interrupt(&mut self, now: Timestamp) {
        self.drop_runs();
        self.cancel_reply(now);
        self.set_state(State::Listening);
        if !self.caller_has_floor() {
            self.timers.set(Timer::Idle, now + self.config.idle);
        }
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
        self.record_runs();
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
        if !self.speech.is_active() {
            self.timers.set(Timer::Resume, now + self.config.false_interruption);
        }
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

fn is_voice(start: &Start) -> bool {
    matches!(start, Start::Voice { .. } | Start::Recognizer)
}
