use std::collections::VecDeque;
use std::time::Duration;

use crate::error::Result;
use crate::ledger::Ledger;
use crate::llm::Message;
use crate::time::Timestamp;
use crate::transport::Mark;

use super::config::Config;
use super::endpoint;
use super::event::{Action, Event, Hint, Latency, ReplyId, Source, State};
use super::speech::{Edge, Speech};
use super::timer::{Timer, Timers};

/// How often in a row a lost recogniser is opened again before the call is given up.
const HEARING_ATTEMPTS: u32 = 4;

/// The wait before each further attempt; it doubles.
const HEARING_BACKOFF: Duration = Duration::from_millis(250);

/// The turn and barge-in state machine of one call. See the [module](super) for how to drive it.
#[derive(Debug)]
pub struct Engine {
    config: Config,
    state: State,
    timers: Timers,
    actions: VecDeque<Action>,
    speech: Speech,
    turn: Turn,
    /// The one reply that is being made or played.
    reply: Option<Reply>,
    last_reply: u64,
    /// The call is to end once the live reply has been heard; nothing new starts.
    ending: bool,
    hung_up: bool,
    idle_prompts: u32,
    failures: u32,
    reprompts: u32,
    hearing_lost: u32,
}

/// What the caller has said since they were last answered.
#[derive(Debug, Default)]
struct Turn {
    finals: String,
    interim: String,
    /// When the latest final transcript came.
    final_at: Option<Timestamp>,
    /// When the caller last fell silent.
    quiet_since: Option<Timestamp>,
    /// The number of that pause, and how likely it ends the turn, once it was judged.
    pause: u64,
    finished: Option<f32>,
    /// When the latest stretch of speech began.
    onset: Option<Timestamp>,
    /// How long the caller has spoken in all.
    voiced: Duration,
    /// Since when the turn is over but for its transcript.
    over_since: Option<Timestamp>,
    /// Whether the recogniser owes an answer to a `Finalize`.
    finalizing: bool,
    /// An interim that was taken for final because the final one was overdue.
    assumed: Option<String>,
}

/// A reply from the moment it is asked for until it has been heard.
#[derive(Debug)]
struct Reply {
    id: ReplyId,
    source: Source,
    ledger: Ledger,
    /// Its audio is kept back because the caller is speaking.
    held: bool,
    /// It has been audible.
    sounded: bool,
    /// Since when the caller has been speaking while it is live.
    spoken_over_since: Option<Timestamp>,
    failed: bool,
    /// When the caller stopped speaking and when the turn was over without its transcript.
    asked: Option<(Timestamp, Timestamp)>,
    started: Timestamp,
    first_text: Option<Timestamp>,
    first_audio: Option<Timestamp>,
    measured: bool,
}

impl Turn {
    fn text(&self) -> String {
        join(&self.finals, &self.interim)
    }

    /// Whether the words are final up to the end of the caller's speech.
    fn is_covered(&self) -> bool {
        self.interim.is_empty()
            && self.final_at.is_some_and(|at| self.quiet_since.is_none_or(|quiet| at >= quiet))
    }
}

impl Engine {
    /// An engine for one call.
    ///
    /// # Errors
    ///
    /// `Config` if two settings contradict each other.
    pub fn new(config: Config) -> Result<Self> {
        config.check()?;
        Ok(Self {
            config,
            state: State::Idle,
            timers: Timers::default(),
            actions: VecDeque::new(),
            speech: Speech::default(),
            turn: Turn::default(),
            reply: None,
            last_reply: 0,
            ending: false,
            hung_up: false,
            idle_prompts: 0,
            failures: 0,
            reprompts: 0,
            hearing_lost: 0,
        })
    }

    /// Who has the floor.
    pub fn state(&self) -> State {
        self.state
    }

    /// The earliest deadline and its reason, if there is one.
    pub fn poll_timeout(&self) -> Option<(Timestamp, Timer)> {
        self.timers.next()
    }

    /// The next thing to do, oldest first.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// Takes in one event that happened at `now`, which must not be before the event before it.
    pub fn handle(&mut self, now: Timestamp, event: Event) {
        match (self.state, event) {
            (State::Ended, _) => {}
            (_, Event::LineEnded(_)) => self.end(now),
            (State::Idle, Event::Started) => self.start(now),
            (State::Idle, _) | (_, Event::Started) => {}
            // The caller's last words still belong to the history.
            (_, Event::Final { text, .. }) if self.hung_up => self.keep(&text),
            (_, _) if self.hung_up => {}
            (_, Event::Voice(probability)) => self.voice(now, probability),
            (_, Event::Interim(text)) => self.interim(now, text),
            (_, Event::Final { text, finalized }) => self.transcript(now, &text, finalized),
            (_, Event::Judged { pause, finished }) => self.judged(now, pause, finished),
            (_, Event::HearingLost) => self.hearing_lost(now),
            (_, Event::Dtmf(_)) => self.show_life(now),
            (_, Event::Clause { reply, text }) => self.clause(now, reply, &text),
            (_, Event::Word { reply, word }) => {
                if let Some(live) = self.making(reply) {
                    live.ledger.word(&word);
                }
            }
            (_, Event::Audio { reply, duration }) => self.audio(now, reply, duration),
            (_, Event::ReplyDone(reply)) => self.reply_done(now, reply),
            (_, Event::ReplyFailed(reply)) => {
                if self.making(reply).is_some() {
                    self.fail_reply(now);
                }
            }
            (_, Event::Played(mark)) => self.played(now, mark),
            // A reply that was cleared has been accounted for when it was cancelled.
            (_, Event::Cleared(_)) => {}
            (_, Event::End) => self.end_politely(now),
        }
    }

    /// Takes in that `now` has come; does nothing before the deadline of [`poll_timeout`].
    ///
    /// [`poll_timeout`]: Self::poll_timeout
    pub fn handle_timeout(&mut self, now: Timestamp) {
        while let Some(timer) = self.timers.expire(now) {
            match timer {
                Timer::MediaGap => {
                    let edge = self.speech.media_lost();
                    self.edge(now, edge);
                }
                Timer::EndOfTurn => self.end_of_turn(now),
                Timer::Transcript => self.transcript_overdue(now),
                Timer::Resume => self.resume(now),
                Timer::Idle => self.idle(now),
                Timer::ReplyStart | Timer::ReplyStall => self.fail_reply(now),
                Timer::Playout => self.finish_reply(now),
                Timer::Hearing => self.actions.push_back(Action::RestartHearing),
                Timer::HangUp => self.end(now),
            }
        }
    }

    fn start(&mut self, now: Timestamp) {
        if self.config.greet {
            return self.start_reply(now, Source::Greeting);
        }
        self.listen(now);
    }

    // The caller's voice.

    fn voice(&mut self, now: Timestamp, probability: f32) {
        let edge = self.speech.handle(now, probability, &self.config);
        self.edge(now, edge);
        if self.speech.is_active() {
            self.timers.set(Timer::MediaGap, now + self.config.media_gap);
            self.barge_in(now);
        }
    }

    fn edge(&mut self, now: Timestamp, edge: Option<Edge>) {
        match edge {
            None => {}
            Some(Edge::Started(onset)) => self.speech_started(now, onset),
            Some(Edge::Stopped(quiet)) => self.speech_stopped(now, quiet),
        }
    }

    fn speech_started(&mut self, now: Timestamp, onset: Timestamp) {
        self.turn.onset = Some(onset);
        self.turn.over_since = None;
        for timer in [Timer::Idle, Timer::EndOfTurn, Timer::Transcript, Timer::Resume] {
            self.timers.clear(timer);
        }
        self.actions.push_back(Action::Hint(Hint::SpeechStarted));
        let Some(reply) = &mut self.reply else { return };
        reply.spoken_over_since = Some(onset);
        let source = reply.source;
        if self.state == State::Processing && self.may_interrupt(source) {
            self.hold(now);
        }
    }

    fn speech_stopped(&mut self, now: Timestamp, quiet: Timestamp) {
        let onset = self.turn.onset.take().unwrap_or(quiet);
        self.turn.voiced += quiet.since(onset);
        self.turn.quiet_since = Some(quiet);
        self.timers.clear(Timer::MediaGap);
        if let Some(reply) = &mut self.reply {
            reply.spoken_over_since = None;
            if reply.held {
                let resume = quiet + self.config.false_interruption;
                self.timers.set(Timer::Resume, resume.max(now));
            }
        }
        // The detector comes first: its verdict is needed sooner than the transcript.
        self.turn.pause += 1;
        self.turn.finished = None;
        self.actions.push_back(Action::JudgeTurn { pause: self.turn.pause });
        self.actions.push_back(Action::Hint(Hint::SpeechEnded));
        self.await_end_of_turn(now);
    }

    fn judged(&mut self, now: Timestamp, pause: u64, finished: f32) {
        if pause == self.turn.pause && self.timers.is_set(Timer::EndOfTurn) {
            self.turn.finished = Some(finished);
            self.await_end_of_turn(now);
        }
    }

    /// Sets the deadline of the pause by what is known of it.
    fn await_end_of_turn(&mut self, now: Timestamp) {
        let text = self.turn.text();
        let wait = endpoint::wait(self.turn.finished, &text, &self.config.endpoint);
        let quiet = self.turn.quiet_since.unwrap_or(now);
        self.timers.set(Timer::EndOfTurn, (quiet + wait).max(now));
    }

    /// The caller has done something other than speak.
    fn show_life(&mut self, now: Timestamp) {
        self.idle_prompts = 0;
        if self.timers.is_set(Timer::Idle) {
            self.timers.set(Timer::Idle, now + self.config.idle);
        }
    }

    // The caller's words.

    fn interim(&mut self, now: Timestamp, text: String) {
        self.hearing_lost = 0;
        self.turn.interim = text;
        self.heard_words(now);
    }

    fn transcript(&mut self, now: Timestamp, text: &str, finalized: bool) {
        self.hearing_lost = 0;
        self.turn.interim.clear();
        self.turn.final_at = Some(now);
        let assumed = self.turn.assumed.take();
        if finalized {
            self.turn.finalizing = false;
        }
        if assumed.is_none_or(|assumed| !same_words(&assumed, text)) {
            self.keep(text);
        }
        self.heard_words(now);
        if self.turn.over_since.is_some() && !self.speech.is_active() {
            self.close_turn(now);
        }
    }

    fn keep(&mut self, text: &str) {
        self.turn.interim.clear();
        self.turn.finals = join(&self.turn.finals, text);
    }

    /// Words have come in: they may interrupt, and they give the turn a deadline if the voice
    /// activity detector missed them.
    fn heard_words(&mut self, now: Timestamp) {
        let text = self.turn.text();
        if text.is_empty() {
            return;
        }
        self.timers.clear(Timer::Idle);
        if !self.speech.is_active() && self.turn.over_since.is_none() {
            self.await_end_of_turn(now);
        }
        let Some(reply) = &self.reply else { return };
        let paused = reply.held && reply.sounded;
        let needed = if paused { 1 } else { self.config.barge_in_words };
        let meant = self.config.meaningful_words(&text);
        if meant >= needed && self.may_interrupt(reply.source) {
            self.interrupt(now);
        } else if meant == 0 && paused && !self.speech.is_active() {
            self.release(now);
        }
    }

    fn end_of_turn(&mut self, now: Timestamp) {
        self.turn.over_since = Some(now);
        if self.turn.is_covered() {
            return self.close_turn(now);
        }
        if !self.turn.finalizing {
            self.turn.finalizing = true;
            self.actions.push_back(Action::Hint(Hint::Finalize));
        }
        self.timers.set(Timer::Transcript, now + self.config.transcript_wait);
    }

    fn transcript_overdue(&mut self, now: Timestamp) {
        let interim = std::mem::take(&mut self.turn.interim);
        if !interim.is_empty() {
            self.turn.finals = join(&self.turn.finals, &interim);
            self.turn.assumed = Some(interim);
        }
        self.close_turn(now);
    }

    /// The caller has finished and their words are known.
    fn close_turn(&mut self, now: Timestamp) {
        let over_since = self.turn.over_since.take().unwrap_or(now);
        self.timers.clear(Timer::EndOfTurn);
        self.timers.clear(Timer::Transcript);
        let text = self.turn.text();
        if text.is_empty() {
            return self.nothing_said(now);
        }
        self.turn.voiced = Duration::ZERO;
        if self.ending {
            return;
        }
        match &self.reply {
            // Kept for the turn that follows.
            Some(reply) if self.state == State::Speaking && !self.may_interrupt(reply.source) => {}
            Some(_) if self.config.is_backchannel(&text) => self.release(now),
            Some(_) | None => self.answer(now, over_since),
        }
    }

    fn answer(&mut self, now: Timestamp, over_since: Timestamp) {
        self.cancel_reply(now);
        let quiet = self.turn.quiet_since.take().unwrap_or(over_since);
        self.commit_words();
        self.idle_prompts = 0;
        self.reprompts = 0;
        self.start_reply(now, Source::Turn);
        if let Some(reply) = &mut self.reply {
            reply.asked = Some((quiet, over_since));
        }
    }

    /// Moves the turn's words into the history.
    fn commit_words(&mut self) {
        let text = self.turn.text();
        self.turn.finals.clear();
        self.turn.interim.clear();
        if !text.is_empty() {
            self.actions.push_back(Action::Remember(Message::caller(text)));
        }
    }

    /// There was sound, but there were no words.
    fn nothing_said(&mut self, now: Timestamp) {
        let voiced = std::mem::take(&mut self.turn.voiced);
        self.turn.quiet_since = None;
        if self.reply.is_some() {
            return self.release(now);
        }
        if voiced >= self.config.reprompt_after && self.reprompts == 0 {
            self.reprompts += 1;
            return self.start_reply(now, Source::NotUnderstood);
        }
        self.listen(now);
    }

    fn hearing_lost(&mut self, now: Timestamp) {
        self.turn.finalizing = false;
        self.hearing_lost += 1;
        if self.hearing_lost > HEARING_ATTEMPTS {
            return self.give_up(now);
        }
        let wait = HEARING_BACKOFF * (1 << (self.hearing_lost - 1)) - HEARING_BACKOFF;
        self.timers.set(Timer::Hearing, now + wait);
    }

    // Barge-in.

    fn may_interrupt(&self, source: Source) -> bool {
        source.interruptible() && !self.ending
    }

    /// The caller is speaking over the agent: long enough to mean it? The silence at the end of
    /// a noise, which is only known later to be one, does not count.
    fn barge_in(&mut self, now: Timestamp) {
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
    fn resume(&mut self, now: Timestamp) {
        if !self.speech.is_active() && self.config.is_backchannel(&self.turn.text()) {
            self.release(now);
        }
    }

    fn interrupt(&mut self, now: Timestamp) {
        self.cancel_reply(now);
        self.set_state(State::Listening);
    }

    /// Ends the live reply where the caller is in it.
    fn cancel_reply(&mut self, now: Timestamp) {
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

    fn remember_heard(&mut self, heard: &str, interrupted: bool) {
        let text = heard.trim().to_owned();
        if !text.is_empty() {
            self.actions.push_back(Action::Remember(Message::Agent { text, interrupted }));
        }
    }

    /// Falls silent, to go on later from the start of the word that was cut.
    fn hold(&mut self, now: Timestamp) {
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
    fn release(&mut self, now: Timestamp) {
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

    // Replies.

    fn live(&mut self, id: ReplyId) -> Option<&mut Reply> {
        self.reply.as_mut().filter(|reply| reply.id == id)
    }

    /// The live reply, if it is this one and not complete.
    fn making(&mut self, id: ReplyId) -> Option<&mut Reply> {
        self.live(id).filter(|reply| !reply.ledger.is_finished())
    }

    fn start_reply(&mut self, now: Timestamp, source: Source) {
        self.last_reply += 1;
        let id = ReplyId(self.last_reply);
        self.reply = Some(Reply::new(id, source, now));
        self.ending |= source == Source::Goodbye;
        self.timers.clear(Timer::Idle);
        let wait = match source {
            Source::Turn => self.config.reply_timeout,
            Source::Greeting
            | Source::NotUnderstood
            | Source::StillThere
            | Source::Failure
            | Source::Goodbye => self.config.reply_stall,
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

    fn clause(&mut self, now: Timestamp, reply: ReplyId, text: &str) {
        let Some(live) = self.making(reply) else { return };
        live.first_text.get_or_insert(now);
        live.ledger.clause(text);
    }

    fn audio(&mut self, now: Timestamp, reply: ReplyId, duration: Duration) {
        let Some(live) = self.making(reply) else { return };
        live.first_audio.get_or_insert(now);
        live.ledger.audio(now, duration);
        self.timers.clear(Timer::ReplyStart);
        self.sound(now);
    }

    fn reply_done(&mut self, now: Timestamp, reply: ReplyId) {
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
    fn sound(&mut self, now: Timestamp) {
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

    fn played(&mut self, now: Timestamp, mark: Mark) {
        let Some(reply) = self.live(ReplyId(mark.reply)) else { return };
        reply.ledger.played(now, Duration::from_micros(mark.position_us));
        if let Some(latency) = reply.measure(now) {
            self.actions.push_back(Action::Measured(latency));
        }
        self.sound(now);
    }

    /// The live reply has been heard to its end.
    fn finish_reply(&mut self, now: Timestamp) {
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
    fn fail_reply(&mut self, now: Timestamp) {
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

    fn apologise(&mut self, now: Timestamp) {
        self.failures += 1;
        if self.failures >= self.config.max_failures {
            return self.give_up(now);
        }
        self.start_reply(now, Source::Failure);
    }

    fn clear_reply_timers(&mut self) {
        for timer in [Timer::Resume, Timer::ReplyStart, Timer::ReplyStall, Timer::Playout] {
            self.timers.clear(timer);
        }
    }

    // Silence and the end.

    /// Waits for the caller.
    fn listen(&mut self, now: Timestamp) {
        self.set_state(State::Listening);
        self.timers.set(Timer::Idle, now + self.config.idle);
    }

    fn idle(&mut self, now: Timestamp) {
        if self.idle_prompts >= self.config.idle_prompts {
            return self.start_reply(now, Source::Goodbye);
        }
        self.idle_prompts += 1;
        self.start_reply(now, Source::StillThere);
    }

    fn end_politely(&mut self, now: Timestamp) {
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
    fn give_up(&mut self, now: Timestamp) {
        if self.ending {
            return;
        }
        self.cancel_reply(now);
        self.ending = true;
        self.start_reply(now, Source::Failure);
    }

    fn hang_up(&mut self, now: Timestamp) {
        if self.hung_up {
            return;
        }
        self.hung_up = true;
        self.ending = true;
        self.timers.clear_all();
        self.timers.set(Timer::HangUp, now + self.config.hang_up_timeout);
        self.actions.push_back(Action::HangUp);
    }

    fn end(&mut self, now: Timestamp) {
        self.cancel_reply(now);
        self.commit_words();
        self.timers.clear_all();
        self.set_state(State::Ended);
    }

    fn set_state(&mut self, state: State) {
        if self.state != state {
            self.state = state;
            self.actions.push_back(Action::State(state));
        }
    }
}

impl Reply {
    fn new(id: ReplyId, source: Source, started: Timestamp) -> Self {
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
    fn is_unplayed(&self) -> bool {
        !self.held && !self.ledger.is_played()
    }

    /// Whether it has been made and heard to its end.
    fn is_over(&self) -> bool {
        self.ledger.is_finished() && self.ledger.is_played()
    }

    /// What the caller waited for, told once.
    fn measure(&mut self, now: Timestamp) -> Option<Latency> {
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

/// Both texts, with one space between them if both have words.
fn join(a: &str, b: &str) -> String {
    let (a, b) = (a.trim(), b.trim());
    let space = if a.is_empty() || b.is_empty() { "" } else { " " };
    format!("{a}{space}{b}")
}

/// Whether the texts differ in case, punctuation and spaces at most.
fn same_words(a: &str, b: &str) -> bool {
    fn letters(text: &str) -> impl Iterator<Item = char> {
        text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase)
    }
    letters(a).eq(letters(b))
}
