//! A call in which anything may happen at any time, and that the checker follows.

use std::time::Duration;

use voicekit_core::asr::TurnSign;
use voicekit_core::time::Timestamp;
use voicekit_core::tool::{OnBargeIn, ToolCall, ToolOutcome};
use voicekit_core::transport::{Digit, EndReason, Mark};
use voicekit_core::turn::trace::{Entry, Line};
use voicekit_core::turn::{Action, Config, Engine, Event, Expected, ReplyId, State};

use crate::turn_checker::Checker;

/// One random thing that happens. Replies are named by their distance from the newest.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    Voice(bool, u8),
    Interim,
    Judged(u8),
    Final(bool, bool),
    Sign(TurnSign),
    HearingLost,
    Dtmf(char),
    Clause(u64),
    Audio(u64, u16),
    Done(u64),
    Failed(u64),
    Tool(u64, OnBargeIn),
    ToolDone(u64),
    Played(u64, u8),
    Cleared(u64),
    TakeTurn,
    YieldTurn,
    Say(bool),
    Expect(u8),
    HandOn,
    Leave,
    End,
    LineEnded,
}

/// A call under test.
pub(crate) struct Call {
    engine: Engine,
    now: Timestamp,
    trace: Vec<Line>,
    pub(crate) events: usize,
    words: u32,
    next_final: String,
    newest: u64,
    pause: u64,
    runs: u64,
    calls: u64,
    pub(crate) checker: Checker,
}

impl Call {
    pub(crate) fn new(config: &Config) -> Self {
        let mut call = Self {
            engine: Engine::new(config.clone()).unwrap(),
            now: Timestamp::ZERO,
            trace: Vec::new(),
            events: 0,
            words: 0,
            next_final: String::new(),
            newest: 0,
            pause: 0,
            runs: 0,
            calls: 0,
            checker: Checker::new(config),
        };
        call.event(Event::Started);
        call
    }

    pub(crate) fn run(mut self, ops: &[(u16, Op)]) -> Self {
        for (wait, op) in ops {
            self.advance(Duration::from_millis(u64::from(*wait)));
            self.op(op);
        }
        self
    }

    fn op(&mut self, op: &Op) {
        let newest = self.newest;
        let reply = |back: u64| ReplyId::new(newest.saturating_sub(back));
        match *op {
            Op::Voice(on, windows) => {
                for _ in 0..windows {
                    self.event(Event::Voice(if on { 0.9 } else { 0.1 }));
                    self.advance(Duration::from_millis(32));
                }
            }
            Op::Interim => {
                self.next_words();
                self.event(Event::Interim(self.next_final.clone()));
            }
            Op::Judged(percent) => {
                let finished = f32::from(percent) / 100.0;
                self.event(Event::Judged { pause: self.pause, finished });
            }
            Op::Final(finalized, late) => {
                self.next_words();
                let text = self.final_words();
                let until = late.then(|| self.now - Duration::from_millis(900));
                self.event(Event::Final { text, finalized, until });
            }
            Op::Sign(sign) => self.event(Event::Sign(sign)),
            Op::HearingLost => self.event(Event::HearingLost),
            Op::Dtmf(key) => self.event(Event::Dtmf(Digit::new(key).unwrap())),
            Op::Clause(back) => {
                let (reply, text) = (reply(back), "alpha beta gamma. ".to_owned());
                self.event(Event::Clause { reply, text });
            }
            Op::Audio(back, ms) => {
                let duration = Duration::from_millis(u64::from(ms));
                self.event(Event::Audio { reply: reply(back), duration });
            }
            Op::Done(back) => self.event(Event::ReplyDone(reply(back))),
            Op::Failed(back) => self.event(Event::ReplyFailed(reply(back))),
            Op::Tool(back, on_barge_in) => {
                self.calls += 1;
                let call = ToolCall::new(format!("call{}", self.calls), "book", "{}");
                self.event(Event::ToolCalled { reply: reply(back), call, on_barge_in });
            }
            Op::ToolDone(back) => {
                let run = self.runs.saturating_sub(back);
                let outcome = ToolOutcome::ok(format!("result of {run} at {}", self.now));
                self.event(Event::ToolDone { run, outcome });
            }
            Op::Played(back, percent) => {
                let made = u64::try_from(self.checker.made().as_micros()).unwrap();
                let position_us = made / 100 * u64::from(percent);
                self.event(Event::Played(Mark { reply: reply(back).number(), position_us }));
            }
            Op::Cleared(back) => {
                let mark = Mark { reply: reply(back).number(), position_us: 20_000 };
                self.event(Event::Cleared(mark));
            }
            Op::TakeTurn => self.event(Event::TakeTurn),
            Op::YieldTurn => self.event(Event::YieldTurn),
            Op::Say(interruptible) => {
                self.event(Event::Say { text: "By the way. ".to_owned(), interruptible });
            }
            Op::Expect(digits) => {
                let expected = Expected::new("digits").with_digits(u32::from(digits));
                self.event(Event::Expect(expected));
            }
            Op::HandOn => self.event(Event::HandedTo("other".to_owned())),
            Op::Leave => self.event(Event::Leave),
            Op::End => self.event(Event::End),
            Op::LineEnded => self.event(Event::LineEnded(EndReason::CallerHungUp)),
        }
    }

    /// The words that are due, or now and then none: a recognizer may show words and then give an
    /// empty final transcript. After some of these, the words come after all, and so they do after an
    /// announcement that is heard again and again.
    fn final_words(&mut self) -> String {
        let words = std::mem::take(&mut self.next_final);
        match self.words % 14 {
            3 => String::new(),
            10 => {
                self.next_final = words;
                String::new()
            }
            5..=7 => {
                self.next_final = words;
                "all agents are busy please hold".to_owned()
            }
            _ => words,
        }
    }

    /// Words that occur nowhere else, so that each can be followed.
    fn next_words(&mut self) {
        if self.next_final.is_empty() && self.words % 5 != 4 {
            self.next_final = format!("word{} word{}", self.words, self.words + 1000);
        }
        self.words += 1;
    }

    fn advance(&mut self, duration: Duration) {
        let until = self.now + duration;
        while let Some((due, _)) = self.engine.poll_timeout().filter(|(due, _)| *due <= until) {
            self.timeout(due);
        }
        self.now = until;
    }

    fn timeout(&mut self, due: Timestamp) {
        assert!(due >= self.now, "a deadline in the past");
        self.now = due;
        self.trace.push(Line { at: due, entry: Entry::Timeout });
        self.engine.handle_timeout(due);
        self.drain();
    }

    fn event(&mut self, event: Event) {
        self.events += 1;
        self.trace.push(Line { at: self.now, entry: Entry::Event(event.clone()) });
        self.checker.event(&event);
        self.engine.handle(self.now, event);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(action) = self.engine.poll_action() {
            match &action {
                Action::Reply { reply, .. }
                | Action::Say { reply, .. }
                | Action::Prepare { reply, .. } => self.newest = reply.number(),
                Action::JudgeTurn { pause } => self.pause = *pause,
                Action::RunTool { run, .. } => self.runs = *run,
                Action::Hint(_)
                | Action::RestartHearing
                | Action::Remember(_)
                | Action::Adopt(_)
                | Action::Discard(_)
                | Action::Cancel(_)
                | Action::Clear
                | Action::Hold { .. }
                | Action::Release
                | Action::CancelTool(_)
                | Action::TurnExceeded
                | Action::PickedUp(_)
                | Action::HangUp
                | Action::Leave
                | Action::Transfer
                | Action::State(_)
                | Action::Measured(_) => {}
            }
            self.checker.action(self.now, &action);
            self.trace.push(Line { at: self.now, entry: Entry::Action(action) });
        }
        self.checker.settle();
        let state = self.engine.state();
        let resting = matches!(state, State::Idle | State::Ended);
        assert!(resting || self.deadline().is_some(), "no deadline in {state:?}");
    }

    /// The next deadline, but for the one that every call has: its greatest length.
    fn deadline(&self) -> Option<Timestamp> {
        let (due, _) = self.engine.poll_timeout()?;
        (due < Timestamp::ZERO + AGES).then_some(due)
    }

    pub(crate) fn end(&mut self) {
        if self.engine.state() != State::Ended {
            self.event(Event::LineEnded(EndReason::CallerHungUp));
        }
        self.rest();
    }

    /// Nothing more happens. Returns how long the call goes on.
    pub(crate) fn rest(&mut self) -> Duration {
        let quiet = self.now;
        for _ in 0..400 {
            let Some(due) = self.deadline() else { break };
            self.timeout(due.max(self.now));
        }
        assert_eq!(self.engine.state(), State::Ended, "the call never ends");
        self.now.since(quiet)
    }

    pub(crate) fn text(&self) -> String {
        self.trace.iter().map(|line| format!("{line}\n")).collect()
    }
}

/// Longer than any call.
pub(crate) const AGES: Duration = Duration::from_secs(1_000_000);
