//! Runs traces written by hand through the turn engine.

use std::time::Duration;

use voicekit_core::time::Timestamp;
use voicekit_core::turn::trace::{Entry, Line};
use voicekit_core::turn::{Action, Config, Engine, Start};

/// Runs the events of a trace through an engine and compares what it does with the `>` lines.
///
/// Deadlines are taken in when they are due, so `timeout` lines are left out; so are `state`,
/// `hint`, `judge` and `measured` actions unless the trace has one of that kind. `speech A B`
/// stands for voice activity from A to B in windows of 20 ms, silence after it.
pub(crate) fn check_with(config: Config, script: &str) {
    let script = expand(script);
    let expected: Vec<String> =
        script.iter().filter(|line| is_action(line)).map(ToString::to_string).collect();
    let shown = |kind: &str| expected.iter().any(|line| line[9..].starts_with(kind));
    let (states, hints, judged) = (shown("state"), shown("hint"), shown("judge"));
    let mut actual = Vec::new();
    for line in run(config, &script) {
        let hidden = matches!(&line.entry, Entry::Action(Action::State(_)) if !states)
            || matches!(&line.entry, Entry::Action(Action::Hint(_)) if !hints)
            || matches!(&line.entry, Entry::Action(Action::JudgeTurn { .. }) if !judged)
            || matches!(&line.entry, Entry::Action(Action::Measured(_)) if !shown("measured"));
        if !hidden {
            actual.push(line.to_string());
        }
    }
    assert_eq!(actual.join("\n"), expected.join("\n"));
}

pub(crate) fn check(script: &str) {
    check_with(config(), script);
}

/// The caller speaks first, and nothing is prepared or learned. The timings that traces depend on
/// most are round and do not follow the defaults: 600 ms of silence end a turn that was not judged,
/// 200 ms of voice make the agent pause.
pub(crate) fn config() -> Config {
    let mut config = Config::default();
    config.greet = false;
    let ms = Duration::from_millis;
    config.endpoint.certain = 0.97;
    config.endpoint.after_certain = ms(450);
    config.endpoint.after_likely = ms(800);
    config.endpoint.after_unlikely = ms(1_500);
    config.endpoint.unjudged = ms(600);
    config.start[0] = Start::Voice { pause_after: ms(200), take_after: ms(700) };
    config.speculation.most = 0;
    config.pauses.weight = 0.0;
    config
}

fn is_action(line: &Line) -> bool {
    matches!(line.entry, Entry::Action(_))
}

fn expand(script: &str) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for text in script.lines().map(str::trim).filter(|text| !text.is_empty()) {
        let words: Vec<&str> = text.split_whitespace().collect();
        if let ["speech", from, to] = words[..] {
            let (from, to): (u64, u64) = (from.parse().unwrap(), to.parse().unwrap());
            lines.extend((from..to).step_by(20).map(|at| voice(at, 0.9)));
            lines.extend((to..=to + 240).step_by(20).map(|at| voice(at, 0.1)));
        } else {
            lines.push(text.parse().unwrap_or_else(|error| panic!("{error}")));
        }
    }
    let (actions, mut events): (Vec<_>, Vec<_>) = lines.into_iter().partition(is_action);
    events.sort_by_key(|line| line.at);
    events.extend(actions);
    events
}

fn voice(at: u64, probability: f32) -> Line {
    format!("{at} voice {probability}").parse().unwrap()
}

fn run(config: Config, script: &[Line]) -> Vec<Line> {
    let mut engine = Engine::new(config).unwrap();
    let mut out = Vec::new();
    let mut drain = |engine: &mut Engine, at: Timestamp| {
        while let Some(action) = engine.poll_action() {
            out.push(Line { at, entry: Entry::Action(action) });
        }
    };
    let last = script.iter().map(|line| line.at).max().unwrap_or_default();
    for line in script {
        let Entry::Event(event) = &line.entry else { continue };
        while let Some((due, _)) = engine.poll_timeout().filter(|(due, _)| *due < line.at) {
            engine.handle_timeout(due);
            drain(&mut engine, due);
        }
        engine.handle(line.at, event.clone());
        drain(&mut engine, line.at);
    }
    while let Some((due, _)) = engine.poll_timeout().filter(|(due, _)| *due <= last) {
        engine.handle_timeout(due);
        drain(&mut engine, due);
    }
    out
}

/// A trace that goes on while the agent speaks: as reply #1, from 1 s to 11 s, a word a second.
pub(crate) fn check_over_the_agent(config: Config, script: &str) {
    check_with(config, &format!("{SPEAKING}{script}"));
}

const SPEAKING: &str = r##"
     0 started
     0 final "Hello."
>  600 remember caller "Hello."
>  600 reply #1 turn
  1000 clause #1 "Our shop opens daily from nine until five, except Sundays."
  1000 word #1 "Our" 0 1000
  1000 word #1 "shop" 1000 2000
  1000 word #1 "opens" 2000 3000
  1000 word #1 "daily" 3000 4000
  1000 word #1 "from" 4000 5000
  1000 word #1 "nine" 5000 6000
  1000 word #1 "until" 6000 7000
  1000 word #1 "five," 7000 8000
  1000 word #1 "except" 8000 9000
  1000 word #1 "Sundays." 9000 10000
  1000 audio #1 10000
  1000 done #1
"##;
