mod barge_in;
mod caller;
mod end;
mod reply;

use std::collections::VecDeque;

use crate::error::Result;
use crate::time::Timestamp;

use super::config::Config;
use super::event::{Action, Event, Source, State};
use super::speech::Speech;
use super::timer::{Timer, Timers};
use caller::Turn;
use reply::Reply;

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
            (_, Event::Final { text, finalized, .. }) => self.transcript(now, &text, finalized),
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
            (
                _,
                Event::Sign(_)
                | Event::ToolCalled { .. }
                | Event::ToolDone { .. }
                | Event::TakeTurn
                | Event::YieldTurn
                | Event::Say { .. }
                | Event::Expect(_),
            ) => {}
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

    fn set_state(&mut self, state: State) {
        if self.state != state {
            self.state = state;
            self.actions.push_back(Action::State(state));
        }
    }
}
