mod barge_in;
mod caller;
mod dead_end;
mod end;
mod keys;
mod prepare;
mod reply;
mod tools;
mod transcript;
mod turn_end;
mod who;

use std::collections::VecDeque;
use std::time::Duration;

use crate::asr::TurnSign;
use crate::error::Result;
use crate::time::Timestamp;

use super::answered::Answered;
use super::config::Config;
use super::dead_end::Repetitions;
use super::event::{Action, Event, Expected, Source, State};
use super::pauses::Pauses;
use super::speech::Speech;
use super::timer::{Timer, Timers};
use super::words::Vocabulary;
use caller::Turn;
use prepare::Prepared;
use reply::{Queued, Reply};
use tools::Runs;

/// The turn and barge-in state machine of one call. See the [module](super) for how to drive it.
#[derive(Debug)]
pub struct Engine {
    config: Config,
    vocabulary: Vocabulary,
    state: State,
    timers: Timers,
    actions: VecDeque<Action>,
    speech: Speech,
    pauses: Pauses,
    turn: Turn,
    /// What the next turn answers.
    expected: Option<Expected>,
    /// The one reply that is being made or played.
    reply: Option<Reply>,
    /// The one that is being made in case the turn is over.
    prepared: Option<Prepared>,
    last_reply: u64,
    /// The longest that a reply of the model took up to its first audio.
    slowest_reply: Duration,
    runs: Runs,
    /// What is to be said as soon as the agent may speak.
    queue: VecDeque<Queued>,
    /// Who has picked up, until that is known.
    answered: Option<Answered>,
    /// The call is to end once the live reply has been heard; nothing new starts.
    ending: bool,
    hung_up: bool,
    line_ended: bool,
    limit_reached: bool,
    idle_prompts: u32,
    failures: u32,
    reprompts: u32,
    hearing_lost: u32,
    repetitions: Repetitions,
    /// The agent says nothing until something new is said.
    silent: bool,
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
            vocabulary: config.vocabulary(),
            config,
            state: State::Idle,
            timers: Timers::default(),
            actions: VecDeque::new(),
            speech: Speech::default(),
            pauses: Pauses::default(),
            turn: Turn::default(),
            expected: None,
            reply: None,
            prepared: None,
            last_reply: 0,
            slowest_reply: Duration::ZERO,
            runs: Runs::default(),
            queue: VecDeque::new(),
            answered: None,
            ending: false,
            hung_up: false,
            line_ended: false,
            limit_reached: false,
            idle_prompts: 0,
            failures: 0,
            reprompts: 0,
            hearing_lost: 0,
            repetitions: Repetitions::default(),
            silent: false,
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
            (_, Event::HandedTo(agent)) => self.hand_to(now, &agent),
            (State::Idle, _) | (_, Event::Started) => {}
            (_, Event::ToolDone { run, outcome }) => self.tool_done(now, run, outcome),
            // The caller's last words still belong to the history.
            (_, Event::Interim(text)) => self.interim(now, &text),
            (_, Event::Final { text, .. }) if self.hung_up => self.keep(now, &text),
            (_, Event::Sign(TurnSign::Ended) | Event::HearingLost) if self.hung_up => {
                self.keep_interim(now);
            }
            (_, _) if self.hung_up => {}
            (_, Event::Voice(probability)) => self.voice(now, probability),
            (_, Event::Final { text, finalized, until }) => {
                self.transcript(now, &text, finalized, until);
            }
            (_, Event::Sign(sign)) => self.sign(now, sign),
            (_, Event::Judged { pause, finished }) => self.judged(now, pause, finished),
            (_, Event::HearingLost) => self.hearing_lost(now),
            (_, Event::Dtmf(digit)) => self.key(now, digit),
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
            (_, Event::ToolCalled { reply, call, on_barge_in }) => {
                self.tool_called(now, reply, call, on_barge_in);
            }
            (_, Event::Played(mark)) => self.played(now, mark),
            // A reply that was cleared has been accounted for when it was cancelled.
            (_, Event::Cleared(_)) => {}
            (_, Event::TakeTurn) => self.take_turn(now),
            (_, Event::YieldTurn) => self.yield_turn(now),
            (_, Event::Say { text, interruptible }) => {
                self.queue.push_back(Queued::Said { text, interruptible });
                self.rest_if_free(now);
            }
            (_, Event::Leave) => {
                self.queue.push_back(Queued::Leave);
                self.rest_if_free(now);
            }
            (_, Event::Expect(expected)) => self.expected = Some(expected),
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
                Timer::Keys => self.keys_overdue(now),
                Timer::EndOfTurn | Timer::Noise => self.end_of_turn(now),
                Timer::Transcript => self.transcript_overdue(now),
                Timer::Prepare => self.prepare(now),
                Timer::Resume => self.resume(now),
                Timer::Idle => self.idle(now),
                Timer::ReplyStart | Timer::ReplyStall => self.fail_reply(now),
                Timer::Playout => self.finish_reply(now),
                Timer::Filler => self.fill(now),
                Timer::Tool => self.tools_overdue(now),
                Timer::PickedUp => self.pick_up_overdue(now),
                Timer::Hearing => self.actions.push_back(Action::RestartHearing),
                Timer::CallWarning => self.call_warning(now),
                Timer::CallLimit => self.call_limit(now),
                Timer::HangUp => self.end(now),
            }
        }
    }

    fn start(&mut self, now: Timestamp) {
        let limit = now + self.config.max_call;
        self.timers.set(Timer::CallWarning, limit - self.config.call_warning);
        self.timers.set(Timer::CallLimit, limit);
        if let Some(config) = self.config.answered.clone() {
            // Checked with the rest of the configuration.
            self.answered = Answered::new(config, now).ok();
            self.set_state(State::Listening);
            return self.watch_answered(now);
        }
        if self.config.greet {
            return self.start_reply(now, Source::Greeting);
        }
        self.rest(now);
    }

    /// Deadlines that run go on as they were set.
    fn hand_to(&mut self, now: Timestamp, agent: &str) {
        // The other agent has a recognizer of its own.
        self.keep_interim(now);
        let Some(config) = self.config.agents.get(agent).cloned() else { return };
        let agents = std::mem::take(&mut self.config.agents);
        self.config = Config { agents, ..config };
        self.vocabulary = self.config.vocabulary();
        self.expected = None;
        self.discard();
    }

    fn sign(&mut self, now: Timestamp, sign: TurnSign) {
        match sign {
            TurnSign::Started => self.recognizer_started(now),
            TurnSign::EagerEnd => self.prepare_eagerly(now),
            TurnSign::Resumed => self.discard(),
            TurnSign::Ended => self.recognizer_ended(now),
        }
    }

    fn set_state(&mut self, state: State) {
        if self.state != state {
            self.state = state;
            self.actions.push_back(Action::State(state));
        }
    }
}
