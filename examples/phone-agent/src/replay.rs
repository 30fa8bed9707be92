//! `phone-agent replay`: runs recorded calls through the engine again and shows what differs.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::Value;
use voicekit_core::turn::Config;
use voicekit_core::turn::replay::{Replay, replay};
use voicekit_core::turn::trace::Line;

use crate::console;

/// So many differences are shown after the first: those that follow from them are the rest.
const SHOWN: usize = 9;

/// What to run again.
#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// Traces that `call` wrote (`call.jsonl`), or directories of them.
    #[arg(required = true, value_name = "TRACE|DIR")]
    traces: Vec<PathBuf>,
    /// Other timings than those of the recorded call: a JSON file with the fields that differ from
    /// the defaults, such as {"silence_after_ms": 300}.
    #[arg(long, value_name = "FILE.json")]
    config: Option<PathBuf>,
}

/// Succeeds if every trace comes out as recorded.
pub(crate) fn run(args: &ReplayArgs) -> Result<ExitCode> {
    let config = args.config.as_deref().map(read_config).transpose()?;
    let mut same = true;
    for path in traces(&args.traces)? {
        let name = path.display();
        let recorded = read(&path).with_context(|| name.to_string())?;
        let config = config.clone().unwrap_or(recorded.config);
        let result = replay(config, &recorded.lines).with_context(|| name.to_string())?;
        same &= result.is_same();
        show(&path, &result);
    }
    Ok(if same { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn show(path: &Path, result: &Replay) {
    let Replay { inputs, recorded, differences, .. } = result;
    let name = path.display();
    match differences.first() {
        None => {
            console::line(format_args!("{name}: {inputs} inputs, {recorded} actions, as recorded"))
        }
        Some(first) => {
            let count = differences.len();
            console::line(format_args!("{name}: {count} of {inputs} inputs led elsewhere, first"));
            console::line(first);
            for difference in differences.iter().skip(1).take(SHOWN) {
                console::line(difference);
            }
            if let Some(rest) = count.checked_sub(SHOWN + 1).filter(|rest| *rest > 0) {
                console::line(format_args!("and {rest} more"));
            }
        }
    }
}

/// A trace with the configuration it was recorded under.
struct Recorded {
    config: Config,
    lines: Vec<Line>,
}

fn read(path: &Path) -> Result<Recorded> {
    let text = std::fs::read_to_string(path).context("cannot read it")?;
    let mut recorded = Recorded { config: Config::default(), lines: Vec::new() };
    for (number, text) in text.lines().enumerate() {
        let value: Value = serde_json::from_str(text)
            .with_context(|| format!("line {} is not JSON", number + 1))?;
        if let Some(config) = value.get("turn") {
            recorded.config = serde_json::from_value(config.clone())
                .with_context(|| format!("line {}: the configuration", number + 1))?;
        }
        if let Some(line) = session_line(&value) {
            recorded.lines.push(line.parse().with_context(|| format!("line {}", number + 1))?);
        }
    }
    if recorded.lines.is_empty() {
        bail!("it holds no session: was the agent elsewhere when it was recorded?");
    }
    Ok(recorded)
}

/// The line of the engine's trace that a line of the file holds, if it does.
fn session_line(value: &Value) -> Option<String> {
    let (at, entry) = (value.get("session_ms")?.as_str()?, value.get("line")?.as_str()?);
    let way = match value.get("kind")?.as_str()? {
        "action" => "> ",
        "note" => "= ",
        _ => "",
    };
    Some(format!("{way}{at} {entry}"))
}

fn read_config(path: &Path) -> Result<Config> {
    let name = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {name}"))?;
    serde_json::from_str(&text).with_context(|| name.to_string())
}

/// The files, and those in the directories, in order of their names.
fn traces(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut traces = Vec::new();
    for path in paths {
        if !path.is_dir() {
            traces.push(path.clone());
            continue;
        }
        let entries = std::fs::read_dir(path).with_context(|| path.display().to_string())?;
        let files = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
        let is_trace = |file: &PathBuf| file.extension().is_some_and(|end| end == "jsonl");
        let mut files: Vec<PathBuf> = files.into_iter().filter(is_trace).collect();
        files.sort();
        traces.extend(files);
    }
    if traces.is_empty() {
        bail!("no trace (*.jsonl) there; `phone-agent call` writes one");
    }
    Ok(traces)
}
