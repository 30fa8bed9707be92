//! Running a recorded call through the engine again.
//!
//! A trace holds every event and deadline that went into the engine and every action that came
//! out. The same engine with the same configuration gives the same actions, byte for byte; another
//! version or configuration shows what it would have done instead, as far as the recorded events
//! still fit.

use std::fmt;

use crate::error::Result;

use super::config::Config;
use super::engine::Engine;
use super::trace::{Entry, Line};

/// What came of running a trace again.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Replay {
    /// Events and deadlines that went in.
    pub inputs: usize,
    /// Actions that were recorded.
    pub recorded: usize,
    /// Where the actions differ: after each input that led to others than recorded.
    pub differences: Vec<Difference>,
}

/// An input that led to other actions than recorded.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Difference {
    /// What went in.
    pub input: Line,
    /// The actions that were recorded after it.
    pub recorded: Vec<Line>,
    /// The actions that came out.
    pub replayed: Vec<Line>,
}

impl Replay {
    /// Whether everything came out as recorded.
    pub fn is_same(&self) -> bool {
        self.differences.is_empty()
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  {}", self.input)?;
        self.recorded.iter().try_for_each(|line| writeln!(f, "- {line}"))?;
        self.replayed.iter().try_for_each(|line| writeln!(f, "+ {line}"))
    }
}

/// Runs the inputs of `trace` through a new engine and compares the actions.
///
/// # Errors
///
/// `Config` if two settings contradict each other.
pub fn replay(config: Config, trace: &[Line]) -> Result<Replay> {
    let mut engine = Engine::new(config)?;
    let mut replay = Replay::default();
    let is_of_the_engine = |line: &&Line| !matches!(line.entry, Entry::Note(_));
    let mut rest = trace.iter().filter(is_of_the_engine).peekable();
    while let Some(input) = rest.next() {
        match &input.entry {
            Entry::Event(event) => engine.handle(input.at, event.clone()),
            Entry::Timeout => engine.handle_timeout(input.at),
            // Actions follow an input; one at the very start was caused by nothing.
            Entry::Action(_) | Entry::Note(_) => continue,
        }
        replay.inputs += 1;
        let mut recorded = Vec::new();
        while let Some(line) = rest.next_if(|line| matches!(line.entry, Entry::Action(_))) {
            recorded.push(line.clone());
        }
        let mut replayed = Vec::new();
        while let Some(action) = engine.poll_action() {
            replayed.push(Line { at: input.at, entry: Entry::Action(action) });
        }
        replay.recorded += recorded.len();
        if recorded != replayed {
            replay.differences.push(Difference { input: input.clone(), recorded, replayed });
        }
    }
    Ok(replay)
}
