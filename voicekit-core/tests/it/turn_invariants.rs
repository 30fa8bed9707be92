//! The invariants of the turn engine, held against random calls by a checker that knows nothing
//! of the engine's own code.

use std::time::Duration;

use proptest::prelude::*;
use voicekit_core::llm::Message;
use voicekit_core::time::Timestamp;
use voicekit_core::transport::{Digit, EndReason, Mark};
use voicekit_core::turn::trace::{Entry, Line};
use voicekit_core::turn::{Action, Config, Engine, Event, ReplyId, Source, State};

/// One random thing that happens. Replies are named by their distance from the newest.
#[derive(Clone, Debug)]
enum Op {
    Voice(bool, u8),
    Interim,
    Judged(u8),
    Final(bool),
    HearingLost,
    Dtmf,
    Clause(u64),
    Audio(u64, u16),
    Done(u64),
    Failed(u64),
    Played(u64, u8),
    Cleared(u64),
    End,
    LineEnded,
}

fn op() -> impl Strategy<Value = Op> {
    let back = || prop_oneof![8 => Just(0_u64), 1 => 1..3_u64];
    prop_oneof![
        20 => (any::<bool>(), 1..40_u8).prop_map(|(on, windows)| Op::Voice(on, windows)),
        6 => Just(Op::Interim),
        4 => (0..=100_u8).prop_map(Op::Judged),
        8 => any::<bool>().prop_map(Op::Final),
        1 => Just(Op::HearingLost),
        1 => Just(Op::Dtmf),
        10 => back().prop_map(Op::Clause),
        12 => (back(), 20..3_000_u16).prop_map(|(reply, ms)| Op::Audio(reply, ms)),
        8 => back().prop_map(Op::Done),
        1 => back().prop_map(Op::Failed),
        10 => (back(), 0..=100_u8).prop_map(|(reply, percent)| Op::Played(reply, percent)),
        2 => back().prop_map(Op::Cleared),
        1 => Just(Op::End),
        1 => Just(Op::LineEnded),
    ]
}

/// A call under test and what the checker knows about it.
struct Call {
    engine: Engine,
    now: Timestamp,
    trace: Vec<Line>,
    words: u32,
    next_final: String,
    newest: u64,
    pause: u64,
    model: Model,
}

impl Call {
    fn new(config: Config) -> Self {
        let mut call = Self {
            engine: Engine::new(config).unwrap(),
            now: Timestamp::ZERO,
            trace: Vec::new(),
            words: 0,
            next_final: String::new(),
            newest: 0,
            pause: 0,
            model: Model::default(),
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
        let reply = |back: u64, newest: u64| ReplyId::new(newest.saturating_sub(back));
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
            Op::Final(finalized) => {
                self.next_words();
                let text = std::mem::take(&mut self.next_final);
                self.event(Event::Final { text, finalized });
            }
            Op::HearingLost => self.event(Event::HearingLost),
            Op::Dtmf => self.event(Event::Dtmf(Digit::new('5').unwrap())),
            Op::Clause(back) => {
                let reply = reply(back, self.newest);
                self.event(Event::Clause { reply, text: "alpha beta gamma. ".into() });
            }
            Op::Audio(back, ms) => {
                let duration = Duration::from_millis(u64::from(ms));
                self.event(Event::Audio { reply: reply(back, self.newest), duration });
            }
            Op::Done(back) => self.event(Event::ReplyDone(reply(back, self.newest))),
            Op::Failed(back) => self.event(Event::ReplyFailed(reply(back, self.newest))),
            Op::Played(back, percent) => {
                let made = u64::try_from(self.model.made.as_micros()).unwrap();
                let position_us = made / 100 * u64::from(percent);
                let reply = reply(back, self.newest).number();
                self.event(Event::Played(Mark { reply, position_us }));
            }
            Op::Cleared(back) => {
                let reply = reply(back, self.newest).number();
                self.event(Event::Cleared(Mark { reply, position_us: 20_000 }));
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
        self.trace.push(Line { at: self.now, entry: Entry::Event(event.clone()) });
        self.model.event(&event);
        self.engine.handle(self.now, event);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(action) = self.engine.poll_action() {
            if let Action::Reply { reply, .. } = &action {
                self.newest = reply.number();
            }
            if let Action::JudgeTurn { pause } = &action {
                self.pause = *pause;
            }
            self.model.action(&action);
            self.trace.push(Line { at: self.now, entry: Entry::Action(action) });
        }
        self.model.settle();
        let resting = matches!(self.engine.state(), State::Idle | State::Ended);
        assert!(
            resting || self.engine.poll_timeout().is_some(),
            "no deadline in {:?}",
            self.engine.state()
        );
    }

    fn end(&mut self) {
        if self.engine.state() != State::Ended {
            self.event(Event::LineEnded(EndReason::CallerHungUp));
        }
    }

    fn text(&self) -> String {
        self.trace.iter().map(|line| format!("{line}\n")).collect()
    }
}

/// What a listener on the outside can know about a call.
#[derive(Default)]
struct Model {
    live: Option<ReplyId>,
    last: u64,
    text: String,
    made: Duration,
    played: Duration,
    held: bool,
    over: bool,
    remembered: bool,
    /// A cancelled reply whose audio must be cleared next.
    owes_clear: bool,
    just_silenced: bool,
    ending: bool,
    hung_up: bool,
    line_ended: bool,
    failing: bool,
    finals: Vec<String>,
    said: String,
}

impl Model {
    fn event(&mut self, event: &Event) {
        let making = self.live.filter(|_| !self.over);
        match event {
            Event::Clause { reply, text } if Some(*reply) == making => self.text += text,
            Event::Audio { reply, duration } if Some(*reply) == making => {
                self.made += *duration;
            }
            Event::ReplyDone(reply) if Some(*reply) == making => self.over = true,
            Event::ReplyFailed(reply) if Some(*reply) == making => {
                self.over = true;
                self.failing = true;
            }
            Event::Played(mark) if Some(ReplyId::new(mark.reply)) == self.live => {
                let position = Duration::from_micros(mark.position_us);
                self.played = self.played.max(position.min(self.made));
            }
            Event::Final { text, .. } if !self.line_ended => self.finals.push(text.clone()),
            Event::End => self.ending = true,
            Event::LineEnded(_) => self.line_ended = true,
            Event::Started
            | Event::Voice(_)
            | Event::Interim(_)
            | Event::Final { .. }
            | Event::HearingLost
            | Event::Judged { .. }
            | Event::Dtmf(_)
            | Event::Clause { .. }
            | Event::Word { .. }
            | Event::Audio { .. }
            | Event::ReplyDone(_)
            | Event::ReplyFailed(_)
            | Event::Played(_)
            | Event::Cleared(_) => {}
        }
    }

    fn action(&mut self, action: &Action) {
        if self.owes_clear {
            assert_eq!(action, &Action::Clear, "unplayed audio was not cleared");
        }
        if action == &Action::Clear {
            assert!(self.just_silenced, "a Clear without a Cancel or a Hold");
        }
        self.owes_clear = false;
        self.just_silenced = false;
        match action {
            Action::Reply { reply, source } => self.reply(*reply, *source),
            Action::Cancel(reply) => self.cancel(*reply),
            Action::Hold { from } => {
                assert!(!self.held && *from <= self.made, "held twice, or beyond the audio");
                self.owes_clear = self.played < self.made;
                self.just_silenced = true;
                self.held = true;
            }
            Action::Release => self.held = false,
            Action::Remember(Message::Agent { text, interrupted }) => {
                self.remember(text, *interrupted);
            }
            Action::Remember(Message::Caller { text }) => {
                self.said = format!("{} {text}", self.said);
            }
            Action::HangUp => {
                assert!(!self.hung_up, "hung up twice");
                self.hung_up = true;
            }
            Action::Measured(latency) => assert_eq!(Some(latency.reply), self.live),
            Action::State(State::Ended) => self.line_ended = true,
            Action::State(_)
            | Action::Clear
            | Action::Hint(_)
            | Action::RestartHearing
            | Action::JudgeTurn { .. } => {}
        }
    }

    fn reply(&mut self, reply: ReplyId, source: Source) {
        assert!(reply.number() > self.last, "ids must grow");
        assert!(self.live.is_none() || self.over || self.made > Duration::ZERO, "two voices");
        assert!(!self.hung_up && !self.line_ended, "a reply after the end");
        let last_words = matches!(source, Source::Goodbye | Source::Failure);
        assert!(!self.ending || last_words, "a new reply although the call is ending");
        self.ending |= source == Source::Goodbye;
        *self = Self {
            live: Some(reply),
            last: reply.number(),
            ending: self.ending,
            finals: std::mem::take(&mut self.finals),
            said: std::mem::take(&mut self.said),
            ..Self::default()
        };
    }

    fn cancel(&mut self, reply: ReplyId) {
        assert_eq!(Some(reply), self.live, "cancelled a reply that is not live");
        let interrupts = !self.failing && !self.line_ended && !self.timed_out();
        assert!(!self.ending || !interrupts, "the goodbye was interrupted");
        self.owes_clear = !self.held && self.played < self.made;
        self.just_silenced = true;
        self.live = None;
    }

    /// Whether the reply may have been given up for want of audio.
    fn timed_out(&self) -> bool {
        !self.over
    }

    fn remember(&mut self, text: &str, interrupted: bool) {
        assert!(!self.remembered, "remembered twice");
        self.remembered = true;
        assert!(self.made > Duration::ZERO, "remembered what was never audible");
        let rest = self.text.trim_start().strip_prefix(text).expect("not a prefix of the reply");
        assert!(rest.is_empty() || rest.starts_with(' '), "cut inside a word: {text:?}");
        let whole = self.text.trim() == text;
        assert!(whole || interrupted || self.failing, "cut short and not said to be");
    }

    fn settle(&self) {
        assert!(!self.owes_clear, "unplayed audio was not cleared");
    }

    fn check_words(&self) {
        let mut said = self.said.split_whitespace();
        for word in self.finals.iter().flat_map(|text| text.split_whitespace()) {
            assert!(said.any(|heard| heard == word), "{word} was lost or out of order");
        }
    }
}

fn calls() -> impl Strategy<Value = (bool, Vec<(u16, Op)>)> {
    let waits = prop_oneof![6 => 0..60_u16, 3 => 0..900_u16, 1 => 0..9_000_u16];
    (any::<bool>(), prop::collection::vec((waits, op()), 1..120))
}

fn config(greet: bool) -> Config {
    let mut config = Config::default();
    config.greet = greet;
    config
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, ..ProptestConfig::default() })]

    /// Invariants 2 to 5 and 7 are asserted by the model at every step.
    #[test]
    fn one_voice_cleared_when_cut_and_remembered_as_heard((greet, ops) in calls()) {
        Call::new(config(greet)).run(&ops).end();
    }

    /// Invariant 1.
    #[test]
    fn a_call_without_further_input_ends_in_bounded_time((greet, ops) in calls()) {
        let mut call = Call::new(config(greet)).run(&ops);
        let quiet = call.now;
        for _ in 0..60 {
            let Some((due, _)) = call.engine.poll_timeout() else { break };
            call.timeout(due.max(call.now));
        }
        prop_assert_eq!(call.engine.state(), State::Ended);
        prop_assert!(call.now.since(quiet) < Duration::from_secs(180));
    }

    /// Invariant 6.
    #[test]
    fn no_word_of_the_caller_is_lost((greet, ops) in calls()) {
        let mut call = Call::new(config(greet)).run(&ops);
        call.end();
        call.model.check_words();
    }

    /// Invariant 8, and the trace is all it takes.
    #[test]
    fn a_trace_runs_again_byte_for_byte((greet, ops) in calls()) {
        let text = Call::new(config(greet)).run(&ops).text();
        let mut engine = Engine::new(config(greet)).unwrap();
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
