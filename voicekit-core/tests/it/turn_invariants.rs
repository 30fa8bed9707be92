//! The invariants of the turn engine, held against random calls by a checker that knows nothing
//! of the engine's own code. The numbers are those of the `turn` module's documentation.

use std::time::Duration;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use voicekit_core::asr::TurnSign;
use voicekit_core::tool::OnBargeIn;
use voicekit_core::transport::Digit;
use voicekit_core::turn::dead_end::DeadEnd;
use voicekit_core::turn::trace::{Entry, Line};
use voicekit_core::turn::{Config, Engine, Mute, Start, Stop, answered};

use crate::turn_random::{AGES, Call, Op};

fn op() -> impl Strategy<Value = Op> {
    let back = || prop_oneof![8 => Just(0_u64), 1 => 1..3_u64];
    let sign = prop_oneof![
        Just(TurnSign::Started),
        Just(TurnSign::EagerEnd),
        Just(TurnSign::Resumed),
        Just(TurnSign::Ended),
    ];
    let policy = prop_oneof![
        Just(OnBargeIn::Finish),
        Just(OnBargeIn::Cancel),
        Just(OnBargeIn::Ask),
        Just(OnBargeIn::Forgo),
    ];
    let key = prop_oneof![4 => Just('5'), 1 => Just('#'), 1 => Just('*')];
    prop_oneof![
        20 => (any::<bool>(), 1..40_u8).prop_map(|(on, windows)| Op::Voice(on, windows)),
        6 => Just(Op::Interim),
        4 => (0..=100_u8).prop_map(Op::Judged),
        8 => any::<(bool, bool)>().prop_map(|(finalized, late)| Op::Final(finalized, late)),
        2 => sign.prop_map(Op::Sign),
        2 => Just(Op::HearingLost),
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
        1 => Just(Op::HandOn),
        1 => Just(Op::Leave),
        1 => Just(Op::End),
        1 => Just(Op::LineEnded),
    ]
}

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
    let dead_ends = prop_oneof![
        Just(DeadEnd::Ask),
        Just(DeadEnd::StaySilent),
        Just(DeadEnd::Transfer),
        Just(DeadEnd::HangUp),
    ];
    let rarely = || prop::bool::weighted(0.2);
    let others = (any::<bool>(), 0..3_u32, rarely(), rarely(), dead_ends);
    (starts, stops, mutes, others).prop_map(|(start, stop, mute, others)| {
        let (greet, speculate, places, limited, dead_end) = others;
        let mut config = Config::default();
        config.start = start;
        config.stop = stop;
        config.mute = mute;
        config.greet = greet;
        config.speculation.most = speculate;
        config.answered = places.then(answered::Config::default);
        config.turn_limit.words = limited.then_some(5);
        config.dead_ends.after_announcements = dead_end;
        config.dead_ends.announcements = 2;
        config.max_call = AGES * 2;
        let mut other = Config::default();
        other.endpoint.after_certain = Duration::from_millis(500);
        config.agents.insert("other".to_owned(), other);
        config
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

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
                Entry::Action(_) | Entry::Note(_) => continue,
            }
            again += &format!("{line}\n");
            while let Some(action) = engine.poll_action() {
                again += &format!("{}\n", Line { at: line.at, entry: Entry::Action(action) });
            }
        }
        prop_assert_eq!(again, text);
    }
}

/// Invariants 2 and 9: giving up ends the question who has picked up, which a greeting would follow.
#[test]
fn no_greeting_follows_an_apology_that_ends_the_call() {
    let mut config = Config::default();
    config.answered = Some(answered::Config::default());
    config.max_call = AGES * 2;
    let lost = vec![(10, Op::HearingLost); 5];
    let voice = [(0, Op::Voice(true, 28)), (0, Op::Voice(false, 30))];
    for rest in [&voice[..], &[(8_000, Op::Interim)], &[(0, Op::End), (9_000, Op::Interim)]] {
        Call::new(&config).run(&[&lost[..], rest].concat()).end();
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
