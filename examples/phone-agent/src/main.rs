//! A receptionist on the phone: it understands speech, answers aloud and lets itself be
//! interrupted, with no key, no account and, after the first start, no internet. With keys, the
//! services of the cloud do what they are for: see [`settings`].

mod agent;
mod booking;
mod call;
mod desk;
mod ingest;
mod log;
mod models;
mod parts;
mod replay;
mod serve;
mod settings;
mod signals;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use voicekit::store::recordings::Recordings;

/// A voice agent on the phone. Without a command, it waits for calls.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: serve::ServeArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Calls the agent over a simulated carrier, and keeps recording, trace and a page to look at.
    Call(Box<call::CallArgs>),
    /// Runs recorded calls through the engine again and shows what it does otherwise.
    Replay(replay::ReplayArgs),
    /// Makes knowledge of documents in a directory or on the web, or brings it up to date.
    Ingest(ingest::IngestArgs),
    /// Prints the passages that answer a question, with their scores.
    Ask(ingest::AskArgs),
    /// Fetches the models, so that later starts need no network.
    Models(ModelArgs),
}

/// Who the agent is and what does its work.
#[derive(Clone, Debug, Default, Args)]
struct AgentArgs {
    /// Which services to use and how: see the README. Keys in the environment suffice.
    #[arg(long, env = "VOICEKIT_CONFIG", value_name = "FILE.toml")]
    config: Option<PathBuf>,
    /// Records all calls, caller left and agent right, in a directory or an object store: a path,
    /// `file:///…`, or, if built with `--features s3`, `s3://bucket/prefix` [default: nowhere].
    #[arg(long, env = "VOICEKIT_RECORDINGS", value_name = "DIR|URL")]
    record: Option<String>,
    #[command(flatten)]
    desk: desk::DeskArgs,
    #[command(flatten)]
    models: ModelArgs,
}

impl AgentArgs {
    /// Where calls are recorded, if they are.
    fn recordings(&self) -> Result<Option<Recordings>> {
        Ok(self.record.as_deref().map(Recordings::open).transpose()?)
    }
}

/// Where the models are.
#[derive(Clone, Debug, Default, Args)]
struct ModelArgs {
    /// The directory of the models [default: voicekit/models in the user's cache].
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
    /// A directory that already has the model files or the packages they come in.
    #[arg(long, value_name = "DIR")]
    models_from: Option<PathBuf>,
}

fn main() -> std::process::ExitCode {
    let cli = Cli::parse();
    log::init();
    let outcome = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let outcome = outcome.map_err(anyhow::Error::from).and_then(|runtime| {
        let outcome = runtime.block_on(run(cli));
        // Inference that runs on a thread of its own must not hold up the end.
        runtime.shutdown_background();
        outcome
    });
    outcome.unwrap_or_else(|error| {
        console::error(&error);
        std::process::ExitCode::FAILURE
    })
}

async fn run(cli: Cli) -> Result<std::process::ExitCode> {
    match cli.command {
        None => serve::run(cli.serve).await?,
        Some(Command::Call(args)) => return call::run(*args).await,
        Some(Command::Replay(args)) => return replay::run(&args),
        Some(Command::Ingest(args)) => return ingest::ingest(args).await,
        Some(Command::Ask(args)) => ingest::ask(args).await?,
        Some(Command::Models(args)) => {
            models::load(&args).await?;
        }
    }
    Ok(std::process::ExitCode::SUCCESS)
}

/// The few lines that are for a person.
mod console {
    #![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool")]

    use voicekit_core::log::escaped_lines;

    pub(crate) fn line(text: impl std::fmt::Display) {
        println!("{}", escaped_lines(text));
    }

    pub(crate) fn note(text: impl std::fmt::Display) {
        eprintln!("{}", escaped_lines(text));
    }

    /// One line: what failed and why, outermost first.
    pub(crate) fn error(error: &anyhow::Error) {
        eprintln!("{}", escaped_lines(format_args!("error: {error:#}")));
    }
}
