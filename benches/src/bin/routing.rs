//! Measures the latency that voicekit adds to a call.
#![expect(clippy::print_stdout, reason = "a command-line tool")]

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::Parser;
use voicekit_benches::routing::{self, Config};

/// Measures the latency that voicekit itself adds to calls, over real sockets and in real time.
#[derive(Debug, Parser)]
struct Args {
    /// How many calls at once.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=500))]
    calls: u16,
    /// How long callers go on to speak, in seconds.
    #[arg(long, default_value_t = 30)]
    seconds: u32,
    /// Fails if a target is missed.
    #[arg(long)]
    check: bool,
}

fn main() -> Result<ExitCode> {
    let args = Args::parse();
    let length = Duration::from_secs(args.seconds.into());
    let outcome = routing::run(&Config::new(args.calls, length))?;
    println!("{outcome}");
    let fails = args.check && !outcome.passes();
    Ok(if fails { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
