//! The invariants of the turn engine, held against random calls by a checker that knows nothing
//! of the engine's own code. The numbers are those of the `turn` module's documentation.

use std::time::Duration;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use voicekit_core::asr::TurnSign;
use voicekit_core::time::Timestamp;
use voicekit_core::tool::{OnBargeIn, ToolCall, ToolOutcome};
use voicekit_core::transport::{Digit, EndReason, Mark};
use voicekit_core::turn::trace::{Entry, Line};
use voicekit_core::turn::{
    Action, Config, Engine, Event, Expected, Mute, ReplyId, Start, State, Stop, answered,
};

use crate::turn_checker::Checker;

/// One random thing that happens. Replies are named by their distance from the newest.
#[derive(Clone, Debug)]
enum Op {
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
    End,
    LineEnded,
}

fn op() -> impl Strategy<Value = Op> {
    let back = || prop_oneof![8 => Just(0_u64), 1 => 1..3_u64];
    let sign = prop_oneof![
        Just(TurnSign::Started),
        Just(TurnSign::EagerEnd),
        Just(TurnSign::Resumed),
        Just(TurnSign::Ended),
    ];
    let policy = prop_oneof![Just(OnBargeIn::Finish), Just(OnBargeIn::Cancel)];
    let key = prop_oneof![4 => Just('5'), 1 => Just('#'), 1 => Just('*')];
    prop_oneof![
        20 => (any::<bool>(), 1..40_u8).prop_map(|(on, windows)| Op::Voice(on, windows)),
        6 => Just(Op::Interim),
        4 => (0..=100_u8).prop_map(Op::Judged),
        8 => any::<(bool, bool)>().prop_map(|(finalized, late)| Op::Final(finalized, late)),
        2 => sign.prop_map(Op::Sign),
        1 => Just(Op::HearingLost),
        2 => key.prop_map(Op::Dtmf),
        10 => back().prop_map(Op::Clause),
        12 => (back(), 20..3_000_u16).prop_map(|(reply, ms)| Op::Audio(reply, ms)),
        8 => back().prop_map(Op::Done),
        1 => back().prop_map(Op::Failed),
        3 => (back(), policy).prop_map(|(reply, policy)| Op::Tool(reply, policy)),
        3 => back().prop_map(Op::ToolDone),
        10 => (back(), 0..=100_u8).prop_map(|(reply, percent)| Op::Played(reply, percent)),
        2 => back().prop_map(Op::Cleared),
        1 => Just(Op::TakeTurn),
        1 => Just(Op::YieldTurn),
        1 => any::<bool>().prop_map(Op::Say),
        1 => (0..12_u8).prop_map(Op::Expect),
        1 => Just(Op::End),
        1 => Just(Op::LineEnded),
    ]
}

/// A call under test.
struct Call {
    engine: Engine,
    now: Timestamp,
    trace: Vec<Line>,
    events: usize,
    words: u32,
    next_final: String,
    newest: u64,
    pause: u64,
    runs: u64,
    calls: u64,
    checker: Checker,
}

impl Call {
    fn new(config: &Config) -> Self {
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

    fn run(mut self, ops: &[(u16, Op)]) -> Self {
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
                let text = std::mem::take(&mut self.next_final);
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
            Op::End => self.event(Event::End),
            Op::LineEnded => self.event(Event::LineEnded(EndReason::CallerHungUp)),
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

    fn end(&mut self) {
        if self.engine.state() != State::Ended {
            self.event(Event::LineEnded(EndReason::CallerHungUp));
        }
        self.rest();
    }

    /// Nothing more happens. Returns how long the call goes on.
    fn rest(&mut self) -> Duration {
        let quiet = self.now;
        for _ in 0..400 {
            let Some(due) = self.deadline() else { break };
            self.timeout(due.max(self.now));
        }
        assert_eq!(self.engine.state(), State::Ended, "the call never ends");
        self.now.since(quiet)
    }

    fn text(&self) -> String {
        self.trace.iter().map(|line| format!("{line}\n")).collect()
    }
}

/// Longer than any call.
const AGES: Duration = Duration::from_secs(1_000_000);

fn ops() -> impl Strategy<Value = Vec<(u16, Op)>> {
    let waits = prop_oneof![6 => 0..60_u16, 3 => 0..900_u16, 1 => 0..9_000_u16];
    prop::collection::vec((waits, op()), 1..120)
}

/// The settings that change what the engine does most.
fn config() -> impl Strategy<Value = Config> {
    let starts = prop_oneof![
        4 => Just(Start::defaults()),
        1 => Just(vec![Start::Words { least: 3, after: Duration::ZERO }]),
        1 => Just(vec![Start::Key { key: Digit::new('*') }]),
        1 => Just(vec![Start::Recognizer, Start::Turn { after: Duration::ZERO }]),
        1 => Just(vec![]),
    ];
    let stops = prop_oneof![
        4 => Just(vec![Stop::Silence, Stop::Recognizer]),
        1 => Just(vec![Stop::Recognizer]),
        1 => Just(vec![Stop::Key { key: Digit::new('#').unwrap() }]),
        1 => Just(vec![]),
    ];
    let mutes = prop_oneof![
        4 => Just(vec![]),
        1 => Just(vec![Mute::Speaking]),
        1 => Just(vec![Mute::Greeting, Mute::Tools]),
        1 => Just(vec![Mute::Onset { lasts: Duration::from_secs(2) }]),
    ];
    let others = (any::<bool>(), 0..3_u32, prop::bool::weighted(0.2), prop::bool::weighted(0.2));
    (starts, stops, mutes, others).prop_map(|(start, stop, mute, others)| {
        let (greet, speculate, places, limited) = others;
        let mut config = Config::default();
        config.start = start;
        config.stop = stop;
        config.mute = mute;
        config.greet = greet;
        config.speculation.most = speculate;
        config.answered = places.then(answered::Config::default);
        config.turn_limit.words = limited.then_some(5);
        config.max_call = AGES * 2;
        config
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, ..ProptestConfig::default() })]

    /// Invariant 1.
    #[test]
    fn a_call_without_further_input_ends_in_bounded_time(config in config(), ops in ops()) {
        let lasted = Call::new(&config).run(&ops).rest();
        prop_assert!(lasted < Duration::from_secs(300), "{lasted:?}");
    }

    /// Invariants 2 to 5, 8 and 9 are asserted by the checker at every step.
    #[test]
    fn one_voice_cleared_when_cut_and_remembered_as_heard(config in config(), ops in ops()) {
        Call::new(&config).run(&ops).end();
    }

    /// Invariant 6.
    #[test]
    fn every_tool_call_is_remembered_once_with_its_result(config in config(), ops in ops()) {
        let mut call = Call::new(&config).run(&ops);
        call.end();
        call.checker.check_tools();
    }

    /// Invariant 7.
    #[test]
    fn no_word_of_the_caller_is_lost(config in config(), ops in ops()) {
        let mut call = Call::new(&config).run(&ops);
        call.end();
        call.checker.check_words();
    }

    /// Invariant 10, and the trace is all it takes.
    #[test]
    fn a_trace_runs_again_byte_for_byte(config in config(), ops in ops()) {
        let text = Call::new(&config).run(&ops).text();
        let mut engine = Engine::new(config).unwrap();
        let mut again = String::new();
        for line in text.lines() {
            let line: Line = line.parse().unwrap();
            match &line.entry {
                Entry::Event(event) => engine.handle(line.at, event.clone()),
                Entry::Timeout => engine.handle_timeout(line.at),
                Entry::Action(_) => continue,
            }
            again += &format!("{line}\n");
            while let Some(action) = engine.poll_action() {
                again += &format!("{}\n", Line { at: line.at, entry: Entry::Action(action) });
            }
        }
        prop_assert_eq!(again, text);
    }
}

/// All invariants but the last, in the same calls on every machine.
#[test]
fn a_million_random_events_break_no_invariant() {
    let mut runner = TestRunner::deterministic();
    let mut events = 0;
    while events < 1_000_000 {
        let (config, ops) = (config(), ops()).new_tree(&mut runner).unwrap().current();
        let mut call = Call::new(&config).run(&ops);
        call.end();
        call.checker.check_tools();
        call.checker.check_words();
        events += call.events;
    }
}
