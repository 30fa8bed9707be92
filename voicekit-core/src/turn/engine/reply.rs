//! The agent's side: one reply at a time, from the question to the last mark.

use std::time::Duration;

use crate::ledger::Ledger;
use crate::time::Timestamp;
use crate::transport::Mark;
use crate::turn::event::{Action, Latency, ReplyId, Source, State};
use crate::turn::timer::Timer;

use super::Engine;

/// A reply from the moment it is asked for until it has been heard.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) id: ReplyId,
    pub(super) source: Source,
    pub(super) ledger: Ledger,
    /// Its audio is kept back because the caller is speaking.
    pub(super) held: bool,
    /// It has been audible.
    pub(super) sounded: bool,
    /// Since when the caller has been speaking while it is live.
    pub(super) spoken_over_since: Option<Timestamp>,
    pub(super) failed: bool,
    /// When the caller stopped speaking and when the turn was over without its transcript.
    pub(super) asked: Option<(Timestamp, Timestamp)>,
    pub(super) started: Timestamp,
    pub(super) first_text: Option<Timestamp>,
    pub(super) first_audio: Option<Timestamp>,
    pub(super) measured: bool,
}

impl Engine {
    pub(super) fn live(&mut self, id: ReplyId) -> Option<&mut Reply> {
        self.reply.as_mut().filter(|reply| reply.id == id)
    }

    /// The live reply, if it is this one and not complete.
    pub(super) fn making(&mut self, id: ReplyId) -> Option<&mut Reply> {
        self.live(id).filter(|reply| !reply.ledger.is_finished())
    }

    pub(super) fn start_reply(&mut self, now: Timestamp, source: Source) {
        self.last_reply += 1;
        let id = ReplyId(self.last_reply);
        self.reply = Some(Reply::new(id, source, now));
        self.ending |= source == Source::Goodbye;
        self.timers.clear(Timer::Idle);
        let wait = match source {
            source if source.is_model() => self.config.reply_timeout,
            _ => self.config.reply_stall,
        };
        self.timers.set(Timer::ReplyStart, now + wait);
        self.actions.push_back(Action::Reply { reply: id, source });
        self.set_state(State::Processing);
        if self.speech.is_active() && self.may_interrupt(source) {
            self.hold(now);
            if let Some(reply) = &mut self.reply {
                reply.spoken_over_since = Some(now);
            }
        }
    }

    pub(super) fn clause(&mut self, now: Timestamp, reply: ReplyId, text: &str) {
        let Some(live) = self.making(reply) else { return };
        live.first_text.get_or_insert(now);
        live.ledger.clause(text);
    }

    pub(super) fn audio(&mut self, now: Timestamp, reply: ReplyId, duration: Duration) {
        let Some(live) = self.making(reply) else { return };
        live.first_audio.get_or_insert(now);
        live.ledger.audio(now, duration);
        self.timers.clear(Timer::ReplyStart);
        self.sound(now);
    }

    pub(super) fn reply_done(&mut self, now: Timestamp, reply: ReplyId) {
        let Some(live) = self.making(reply) else { return };
        live.ledger.finish();
        let (silent, source) = (live.ledger.made() == Duration::ZERO, live.source);
        self.timers.clear(Timer::ReplyStart);
        if silent {
            return self.finish_reply(now);
        }
        if source == Source::Turn {
            self.failures = 0;
        }
        self.sound(now);
    }

    /// The live reply has audio that may be heard: sees to the state and to the deadlines.
    pub(super) fn sound(&mut self, now: Timestamp) {
        let Some(reply) = &mut self.reply else { return };
        if reply.held || reply.first_audio.is_none() {
            return;
        }
        reply.sounded = true;
        let ends_at = reply.ledger.ends_at(now);
        if reply.ledger.is_finished() {
            self.timers.clear(Timer::ReplyStall);
            self.timers.set(Timer::Playout, ends_at + self.config.mark_grace);
        } else {
            self.timers.set(Timer::ReplyStall, ends_at + self.config.reply_stall);
        }
        let over = reply.is_over();
        self.set_state(State::Speaking);
        if over {
            self.finish_reply(now);
        }
    }

    pub(super) fn played(&mut self, now: Timestamp, mark: Mark) {
        let Some(reply) = self.live(ReplyId(mark.reply)) else { return };
        reply.ledger.played(now, Duration::from_micros(mark.position_us));
        if let Some(latency) = reply.measure(now) {
            self.actions.push_back(Action::Measured(latency));
        }
        self.sound(now);
    }

    /// The live reply has been heard to its end.
    pub(super) fn finish_reply(&mut self, now: Timestamp) {
        let Some(reply) = self.reply.take() else { return };
        self.clear_reply_timers();
        if reply.ledger.made() > Duration::ZERO {
            self.remember_heard(&reply.ledger.text(), false);
        }
        if self.ending {
            return self.hang_up(now);
        }
        if reply.failed {
            return self.apologise(now);
        }
        self.set_state(State::Listening);
        if self.speech.is_active() || self.timers.is_set(Timer::EndOfTurn) {
            return;
        }
        if self.turn.over_since.is_some() {
            return;
        }
        let text = self.turn.text();
        let edge = self.config.backchannel_edge;
        let late = self.turn.quiet_since.is_some_and(|quiet| now.since(quiet) < edge);
        if text.is_empty() || (self.config.is_backchannel(&text) && !late) {
            return self.listen(now);
        }
        self.answer(now, now);
    }

    /// The live reply cannot be made, or not to its end.
    pub(super) fn fail_reply(&mut self, now: Timestamp) {
        let Some(reply) = &mut self.reply else { return };
        reply.failed = true;
        if reply.first_audio.is_some() && reply.ledger.ends_at(now) > now && !reply.held {
            // What has been made is still worth hearing.
            reply.ledger.finish_early();
            return self.sound(now);
        }
        let failed = reply.source;
        self.cancel_reply(now);
        if failed == Source::Failure || self.ending {
            return self.hang_up(now);
        }
        self.apologise(now);
    }

    pub(super) fn apologise(&mut self, now: Timestamp) {
        self.failures += 1;
        if self.failures >= self.config.max_failures {
            return self.give_up(now);
        }
        self.start_reply(now, Source::Failure);
    }

    pub(super) fn clear_reply_timers(&mut self) {
        for timer in [Timer::Resume, Timer::ReplyStart, Timer::ReplyStall, Timer::Playout] {
            self.timers.clear(timer);
        }
    }
}

impl Reply {
    pub(super) fn new(id: ReplyId, source: Source, started: Timestamp) -> Self {
        Self {
            id,
            source,
            ledger: Ledger::new(),
            held: false,
            sounded: false,
            spoken_over_since: None,
            failed: false,
            asked: None,
            started,
            first_text: None,
            first_audio: None,
            measured: false,
        }
    }

    /// Whether audio was let go that the carrier has not confirmed as played.
    pub(super) fn is_unplayed(&self) -> bool {
        !self.held && !self.ledger.is_played()
    }

    /// Whether it has been made and heard to its end.
    pub(super) fn is_over(&self) -> bool {
        self.ledger.is_finished() && self.ledger.is_played()
    }

    /// What the caller waited for, told once.
    pub(super) fn measure(&mut self, now: Timestamp) -> Option<Latency> {
        if std::mem::replace(&mut self.measured, true) {
            return None;
        }
        let (quiet, over) = self.asked?;
        let text = self.first_text.unwrap_or(self.started);
        let audio = self.first_audio.unwrap_or(text);
        let steps = [quiet, over, self.started, text, audio, now];
        let mut parts = [Duration::ZERO; 5];
        for (part, step) in parts.iter_mut().zip(steps.windows(2)) {
            *part = step[1].since(step[0]);
        }
        Some(Latency::new(self.id, parts))
    }
}
