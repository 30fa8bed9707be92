//! The agent's side: one reply at a time, from the question to the last mark.

use std::time::Duration;

use crate::ledger::Ledger;
use crate::time::Timestamp;
use crate::transport::Mark;
use crate::turn::event::{Action, Latency, ReplyId, Source, State};
use crate::turn::timer::Timer;

use super::Engine;
use super::prepare::Prepared;

/// What is to be said as soon as the agent may speak.
#[derive(Debug)]
pub(super) enum Queued {
    Said {
        text: String,
        interruptible: bool,
    },
    Warning,
    /// Nothing; the line is moved then.
    Leave,
}

/// A reply from the moment it is asked for until it has been heard.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) id: ReplyId,
    pub(super) source: Source,
    pub(super) ledger: Ledger,
    /// Its audio is kept back because the caller is speaking.
    pub(super) held: bool,
    /// Whether the caller may cut it off.
    pub(super) interruptible: bool,
    /// Since when it has been audible.
    pub(super) sounded_at: Option<Timestamp>,
    /// Since when the caller has been speaking while it is live.
    pub(super) spoken_over_since: Option<Timestamp>,
    /// How long they had spoken before that, since it last sounded.
    pub(super) spoken_over: Option<Duration>,
    pub(super) failed: bool,
    /// When the caller stopped speaking and when the turn was over without its transcript.
    pub(super) asked: Option<(Timestamp, Timestamp)>,
    /// When it was asked for, or prepared, if it was prepared before.
    pub(super) requested: Timestamp,
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
        self.discard();
        let id = self.next_reply();
        self.begin(now, Reply::new(id, source, now), Action::Reply { reply: id, source });
    }

    /// Begins to say what the application wants said.
    pub(super) fn say(&mut self, now: Timestamp, text: String, interruptible: bool) {
        self.discard();
        let id = self.next_reply();
        let mut reply = Reply::new(id, Source::Said, now);
        reply.interruptible = interruptible;
        self.begin(now, reply, Action::Say { reply: id, text });
    }

    /// The reply that was prepared is the one.
    pub(super) fn adopt(&mut self, now: Timestamp, prepared: &Prepared) {
        let mut reply = Reply::new(prepared.id, Source::Turn, now);
        reply.requested = prepared.since;
        self.begin(now, reply, Action::Adopt(prepared.id));
    }

    fn next_reply(&mut self) -> ReplyId {
        self.last_reply += 1;
        ReplyId(self.last_reply)
    }

    fn begin(&mut self, now: Timestamp, mut reply: Reply, action: Action) {
        let source = reply.source;
        reply.asked = self.turn.asked.take();
        self.silent = false;
        self.reply = Some(reply);
        self.ending |= matches!(source, Source::Goodbye | Source::Voicemail);
        self.timers.clear(Timer::Idle);
        self.timers.clear(Timer::Filler);
        if source.is_model() {
            self.runs.are_spoken();
        }
        if source == Source::Tools {
            self.runs.steps += 1;
        }
        let model = source.is_model();
        let wait = if model { self.config.reply_timeout } else { self.config.reply_stall };
        self.timers.set(Timer::ReplyStart, now + wait);
        self.actions.push_back(action);
        self.set_state(State::Processing);
        if self.speech.is_active() && self.voice_holds(now) {
            self.hold(now);
            if let Some(reply) = &mut self.reply {
                reply.spoken_over_since = Some(now);
                reply.spoken_over = Some(Duration::ZERO);
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
        let is_first = live.first_audio.is_none();
        live.first_audio.get_or_insert(now);
        live.ledger.audio(now, duration);
        if is_first && live.source.is_model() {
            let took = now.since(live.requested);
            self.slowest_reply = self.slowest_reply.max(took);
        }
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
        if source.is_model() {
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
        reply.sounded_at.get_or_insert(now);
        self.turn.pause_since = None;
        self.turn.exceeded = false;
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
            self.note_answer(&reply);
        } else {
            self.turn.asked = reply.asked;
        }
        self.record_runs();
        self.runs.are_heard_out(reply.ledger.made() > Duration::ZERO);
        if self.ending {
            return self.hang_up(now);
        }
        self.settle_owed(now);
        if reply.failed {
            return self.recover(now, reply.source);
        }
        if self.caller_has_floor() {
            return self.set_state(State::Listening);
        }
        let text = self.turn.text();
        let edge = self.config.backchannel_edge;
        let late = self.turn.quiet_since.is_some_and(|quiet| now.since(quiet) < edge);
        // What was too brief to interrupt may have been the answer to what was asked.
        let brief = reply.spoken_over.is_some_and(|spoken| self.is_brief(spoken));
        let asked = reply.ledger.text().trim_end().ends_with('?');
        let meant = self.turn.meant > 0 && (asked || !brief);
        let answers = meant || (late && !text.is_empty());
        if answers && !self.runs.are_pending() {
            return self.answer(now, now);
        }
        self.rest(now);
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
        self.recover(now, failed);
    }

    /// A reply has failed: the caller is told so if they wait for it.
    fn recover(&mut self, now: Timestamp, failed: Source) {
        self.forgo_runs("It did not happen: what was said with it could not be said.");
        self.record_runs();
        self.failures += 1;
        if self.failures >= self.config.max_failures {
            return self.give_up(now);
        }
        if failed.is_owed() {
            return self.start_reply(now, Source::Failure);
        }
        if self.caller_has_floor() {
            return self.set_state(State::Listening);
        }
        self.rest(now);
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
            interruptible: true,
            sounded_at: None,
            spoken_over_since: None,
            spoken_over: None,
            failed: false,
            asked: None,
            requested: started,
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

    /// The caller who spoke over it has fallen silent.
    pub(super) fn stop_speaking_over(&mut self, quiet: Timestamp) {
        let stretch = self.spoken_over_since.take().map(|since| quiet.since(since));
        if let Some(stretch) = stretch {
            self.spoken_over = Some(self.spoken_over.unwrap_or_default() + stretch);
        }
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
