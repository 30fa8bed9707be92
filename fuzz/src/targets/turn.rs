//! The turn engine: any events at any time keep its invariants; any text is a trace or an error,
//! and what is a trace can be run.

use std::time::Duration;

use crate::Input;
use crate::turn_random::{AGES, Call, Op};
use voicekit_core::asr::TurnSign;
use voicekit_core::tool::OnBargeIn;
use voicekit_core::transport::Digit;
use voicekit_core::turn::replay::replay;
use voicekit_core::turn::trace::Line;
use voicekit_core::turn::{Config, Mute, Start, Stop, answered};

/// Runs the target on one input; panics if what must hold does not.
pub fn run(data: &[u8]) {
    match std::str::from_utf8(data) {
        Ok(text) if data.is_ascii() && data.contains(&b'\n') => trace(text),
        _ => call(Input(data)),
    }
}

fn trace(text: &str) {
    let lines: Vec<Line> = text.lines().filter_map(|line| line.parse().ok()).collect();
    for line in &lines {
        let again: Line = line.to_string().parse().expect("what is printed is read");
        assert_eq!(again.to_string(), line.to_string());
    }
    let replayed = replay(Config::default(), &lines).expect("the defaults do not contradict");
    assert!(replayed.inputs <= lines.len());
}

fn call(mut input: Input<'_>) {
    let config = config(&mut input);
    let mut ops = Vec::new();
    while !input.is_empty() && ops.len() < 200 {
        let wait = u16::from(input.byte());
        // Mostly short, sometimes up to nine seconds.
        let wait = if wait < 200 { wait / 4 } else { (wait - 200) * 160 };
        ops.push((wait, op(&mut input)));
    }
    let mut call = Call::new(&config).run(&ops);
    if ops.len().is_multiple_of(2) {
        assert!(call.rest() < Duration::from_secs(300), "it goes on for too long");
    } else {
        call.end();
        call.checker.check_tools();
        call.checker.check_words();
    }
    let trace: Vec<Line> = call.text().lines().map(|line| line.parse().expect("a trace")).collect();
    let replayed = replay(config, &trace).expect("the call ran with it");
    assert!(replayed.is_same(), "{:?}", replayed.differences);
}

/// The settings that change what the engine does most.
fn config(input: &mut Input<'_>) -> Config {
    let mut config = Config::default();
    config.max_call = AGES * 2;
    match input.below(5) {
        1 => config.start = vec![Start::Words { least: 3, after: Duration::ZERO }],
        2 => config.start = vec![Start::Key { key: Digit::new('*') }],
        3 => config.start = vec![Start::Recognizer, Start::Turn { after: Duration::ZERO }],
        4 => config.start = vec![],
        _ => {}
    }
    match input.below(4) {
        1 => config.stop = vec![Stop::Recognizer],
        2 => config.stop = vec![Stop::Key { key: digit('#') }],
        3 => config.stop = vec![],
        _ => {}
    }
    match input.below(4) {
        1 => config.mute = vec![Mute::Speaking],
        2 => config.mute = vec![Mute::Greeting, Mute::Tools],
        3 => config.mute = vec![Mute::Onset { lasts: Duration::from_secs(2) }],
        _ => {}
    }
    let flags = input.byte();
    config.greet = flags & 1 == 0;
    config.speculation.most = u32::from(flags >> 1 & 3);
    config.answered = (flags & 8 != 0).then(answered::Config::default);
    config.turn_limit.words = (flags & 16 != 0).then_some(5);
    config.agents.insert("other".to_owned(), Config::default());
    config
}

fn op(input: &mut Input<'_>) -> Op {
    let (what, how) = (input.byte(), input.byte());
    // The newest reply, seven times out of eight.
    let back = if how & 7 == 0 { u64::from(how >> 3 & 3) } else { 0 };
    let policies = [OnBargeIn::Finish, OnBargeIn::Ask, OnBargeIn::Cancel, OnBargeIn::Forgo];
    let policy = policies[usize::from(how >> 5 & 3)];
    let signs = [TurnSign::Started, TurnSign::EagerEnd, TurnSign::Resumed, TurnSign::Ended];
    match what % 24 {
        0..4 => Op::Voice(what & 64 == 0, how % 40),
        4 => Op::Interim,
        5 => Op::Judged(how % 101),
        6 | 7 => Op::Final(how & 1 == 0, how & 2 == 0),
        8 => Op::Sign(signs[usize::from(how % 4)]),
        9 => Op::HearingLost,
        10 => Op::Dtmf(['5', '#', '*', 'D'][usize::from(how % 4)]),
        11 => Op::Clause(back),
        12 => Op::Audio(back, 20 + u16::from(how) * 12),
        13 => Op::Done(back),
        14 => Op::Failed(back),
        15 => Op::Tool(back, policy),
        16 => Op::ToolDone(back),
        17 => Op::Played(back, how % 101),
        18 => Op::Cleared(back),
        19 => Op::TakeTurn,
        20 => Op::YieldTurn,
        21 => Op::Say(how & 1 == 0),
        22 => Op::Expect(how % 12),
        _ if how == 0 => Op::LineEnded,
        _ if how < 40 => Op::HandOn,
        _ if how < 80 => Op::Leave,
        _ => Op::End,
    }
}

fn digit(key: char) -> Digit {
    Digit::new(key).expect("a key of every telephone")
}
