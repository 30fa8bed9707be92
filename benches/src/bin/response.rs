//! Measures how long a caller waits for an answer.
#![expect(clippy::print_stdout, reason = "a command-line tool")]

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::{Parser, ValueEnum};
use voicekit_benches::response::{self, Config, Delays, Scenario, Targets};

/// Measures how long a caller waits for an answer, in virtual time, with providers of fixed delays.
#[derive(Debug, Parser)]
struct Args {
    /// Number of calls, one after the other.
    #[arg(long, default_value_t = 10)]
    calls: u32,
    /// Content of each turn.
    #[arg(long, value_enum, default_value_t = Kind::Answer)]
    scenario: Kind,
    /// The turn detector's verdicts, 0 to 1, in turn; without any there is no detector.
    #[arg(long, value_delimiter = ',')]
    verdicts: Vec<f32>,
    /// Prints what the turn engine was told and what it did.
    #[arg(long)]
    trace: bool,
    /// Fails if a target is missed.
    #[arg(long)]
    check: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// The model answers.
    Answer,
    /// The model asks for one tool first.
    Tool,
}

fn main() -> Result<ExitCode> {
    let args = Args::parse();
    let ms = Duration::from_millis;
    let (scenario, targets) = match args.scenario {
        Kind::Answer => {
            (Scenario::Answer, Targets { median: ms(720), slow: ms(950), requests: 1.6 })
        }
        // Two requests belong to each turn.
        Kind::Tool => (Scenario::Tool, Targets { median: ms(950), slow: ms(1_200), requests: 2.6 }),
    };
    let config =
        Config { calls: args.calls, scenario, verdicts: args.verdicts, delays: Delays::default() };
    let outcome = response::run(&config)?;
    if args.trace {
        outcome.traces.iter().flatten().for_each(|line| println!("{line}"));
    }
    println!("{outcome}");
    let fails = args.check && !outcome.meets(&targets);
    Ok(if fails { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
