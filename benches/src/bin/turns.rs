//! Runs the turn engine over recorded calls and says how well it took turns.
#![expect(clippy::print_stdout, reason = "a command-line tool")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};
use voicekit_benches::call::{self, Held, Parts, Recognition};
use voicekit_benches::happening;
use voicekit_benches::metrics::Metrics;
use voicekit_benches::recording::{self, Recording};
use voicekit_benches::report::Report;
use voicekit_core::turn::Config;
use voicekit_local::models::{Model, Models};
use voicekit_local::{SmartTurn, Whisper};

/// Runs the turn engine over recorded calls, in virtual time, and says how well it took turns.
#[derive(Debug, Parser)]
struct Args {
    /// WAV files at 8 kHz, channel 0 the caller, channel 1 the agent, each with its label track.
    #[arg(value_name = "DIR")]
    recordings: PathBuf,
    /// Needs no labels; writes what the engine did to NAME.jsonl in this directory.
    #[arg(long, value_name = "OUT")]
    events: Option<PathBuf>,
    /// Writes what went into the engine and came out of it to NAME.trace in this directory.
    #[arg(long, value_name = "OUT")]
    trace: Option<PathBuf>,
    /// Who writes down the words.
    #[arg(long, value_enum, default_value_t = Asr::Whisper)]
    asr: Asr,
    /// Who judges pauses.
    #[arg(long, value_enum, default_value_t = Detector::SmartTurn)]
    detector: Detector,
    /// The engine's settings, as JSON; what it leaves out stays as it is. The language is that of
    /// each call, if its name has one.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Asr {
    /// Whisper, on this machine.
    Whisper,
    /// A streaming service, played by the labelled words.
    Labels,
    /// None: silence alone ends turns.
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Detector {
    SmartTurn,
    None,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let files = recording::find(&args.recordings)?;
    let mut parts = parts(&args)?;
    let labelled = args.events.is_none();
    let mut metrics = Metrics::default();
    let usual = parts.config.language.clone();
    for file in files {
        let recording = Recording::read(&file, labelled)?;
        language(&recording.name).unwrap_or(&usual).clone_into(&mut parts.config.language);
        let held = call::hold(&recording, &parts).with_context(|| file.display().to_string())?;
        write(&args, &recording, &held)?;
        metrics.add(&recording.labels, &held.happenings, recording.seconds());
    }
    if labelled {
        println!("{}", Report(&metrics));
    }
    Ok(())
}

fn parts(args: &Args) -> Result<Parts> {
    let models = Models::in_default_directory()?;
    let mut parts = Parts::default();
    if let Some(path) = &args.config {
        parts.config = config(path)?;
    }
    parts.asr = match args.asr {
        Asr::Whisper => {
            Recognition::Whisper(Whisper::load(&fetched(&models, &Model::whisper_tiny_en())?)?)
        }
        Asr::Labels => Recognition::Labels,
        Asr::None => Recognition::None,
    };
    if args.detector == Detector::SmartTurn {
        parts.detector = Some(SmartTurn::load(&fetched(&models, &Model::smart_turn())?)?);
    }
    Ok(parts)
}

/// The language in a name as `make_corpus.py` gives it: `clear-conversation-05-es-allison`.
fn language(name: &str) -> Option<&str> {
    let is_code = |part: &&str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_lowercase());
    name.split('-').find(is_code)
}

fn config(path: &Path) -> Result<Config> {
    let shown = path.display();
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
    let config: Config = serde_json::from_str(&text).with_context(|| shown.to_string())?;
    config.check().with_context(|| shown.to_string())?;
    Ok(config)
}

fn fetched(models: &Models, model: &Model) -> Result<PathBuf> {
    models.ensure(&[model], &mut |_| {})?;
    Ok(models.path(model))
}

fn write(args: &Args, recording: &Recording, held: &Held) -> Result<()> {
    if let Some(directory) = &args.events {
        let lines = happening::json_lines(&held.happenings)?;
        save(directory, &recording.name, "jsonl", &lines)?;
    }
    if let Some(directory) = &args.trace {
        let mut lines = String::new();
        for line in &held.trace {
            writeln!(lines, "{line}")?;
        }
        save(directory, &recording.name, "trace", &lines)?;
    }
    Ok(())
}

fn save(directory: &Path, name: &str, ending: &str, text: &str) -> Result<()> {
    let path = directory.join(format!("{name}.{ending}"));
    let written = fs::create_dir_all(directory).and_then(|()| fs::write(&path, text));
    written.with_context(|| format!("cannot write {}", path.display()))
}
