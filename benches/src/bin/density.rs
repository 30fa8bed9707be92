//! Measures how many calls a machine holds.
#![expect(clippy::print_stdout, reason = "a command-line tool")]

use std::env;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use clap::Parser;
use voicekit_benches::density::{self, Config};

/// Holds many calls at once, over real sockets and in real time, and prints what they cost and how
/// late their frames are.
#[derive(Debug, Parser)]
struct Args {
    /// How many calls at once.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    calls: u32,
    /// For how many seconds they are measured.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// Be the callers of the agent at this address, until told to stop.
    #[arg(long, hide = true)]
    callers: Option<SocketAddr>,
}

fn main() -> Result<()> {
    let args = Args::parse();
    if let Some(address) = args.callers {
        let heard = density::callers::run(address, args.calls)?;
        println!("{}", serde_json::to_string(&heard)?);
        return Ok(());
    }
    let length = Duration::from_secs(args.seconds.into());
    let outcome = density::run(Config::new(args.calls, length), Command::new(env::current_exe()?))?;
    println!("{outcome}");
    Ok(())
}
