//! Looks for what the gate does not: see `fuzz/README.md`.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::{Outcome, cargo_command, run};

/// What each target is called, the slowest first.
const TARGETS: &[&str] = &[
    "jitter",
    "audio",
    "turn",
    "text",
    "recognisers",
    "voices",
    "models",
    "knowledge",
    "twilio",
    "refusals",
    "wav",
];

/// The longest input, in bytes. No fixture is longer.
const LONGEST: &str = "-max_len=4096";
/// An input that takes longer, in seconds, is a failure.
const TIMEOUT: &str = "-timeout=10";
/// A target that takes more memory, in megabytes, fails: inputs of a few kilobytes must not.
const MEMORY: &str = "-rss_limit_mb=512";

/// Lets `targets` run for so many seconds each, as many at once as there are cores.
fn check(seconds: u32, targets: &[&str]) -> Outcome {
    let fuzz = Fuzz::new(seconds)?;
    fuzz.build(targets)?;
    let (waiting, failed) = (Mutex::new(VecDeque::from(targets.to_vec())), Mutex::new(Vec::new()));
    // Not in the loop's head, which would keep the lock while the target runs.
    let next = || lock(&waiting).pop_front();
    let work = || {
        while let Some(target) = next() {
            if let Err(error) = fuzz.run(target) {
                lock(&failed).push(error);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    if failed.is_empty() { Ok(()) } else { Err(failed.join("\n")) }
}

/// `--seconds N` (default: 60) and names of targets (default: all).
pub(crate) fn command(mut arguments: impl Iterator<Item = String>) -> Outcome {
    let (mut seconds, mut targets) = (60, Vec::new());
    while let Some(argument) = arguments.next() {
        if argument == "--seconds" {
            let number = arguments.next().and_then(|number| number.parse().ok());
            seconds = number.filter(|number| *number > 0).ok_or("--seconds takes a number")?;
        } else {
            let known = TARGETS.iter().find(|target| **target == argument);
            targets.push(*known.ok_or_else(|| {
                format!("no target {argument}: there are {}", TARGETS.join(", "))
            })?);
        }
    }
    check(seconds, if targets.is_empty() { TARGETS } else { &targets })
}

/// Runs the tests with random seeds for their properties: `--rounds N` (default: 10), and names of
/// packages (default: all). Repeats ten times as often where a test repeats one thing
/// (`voicekit_testkit::repetitions`). Stops at the first failure, whose seed it names.
pub(crate) fn explore(mut arguments: impl Iterator<Item = String>) -> Outcome {
    let (mut rounds, mut packages) = (10, Vec::new());
    while let Some(argument) = arguments.next() {
        if argument == "--rounds" {
            let number = arguments.next().and_then(|number| number.parse().ok());
            rounds = number.filter(|number: &u64| *number > 0).ok_or("--rounds takes a number")?;
        } else {
            packages.extend(["--package".to_owned(), argument]);
        }
    }
    if packages.is_empty() {
        packages.push("--workspace".to_owned());
    }
    let random = RandomState::new();
    for round in 0..rounds {
        let seed = random.hash_one(round).to_string();
        let mut tests = cargo_command(&["test", "--quiet", "--tests"]);
        tests.args(&packages).env("PROPTEST_RNG_SEED", &seed).env("VOICEKIT_THOROUGH", "1");
        run(&mut tests).map_err(|error| format!("with PROPTEST_RNG_SEED={seed}: {error}"))?;
    }
    Ok(())
}

struct Fuzz {
    root: PathBuf,
    directory: PathBuf,
    seconds: u32,
}

impl Fuzz {
    fn new(seconds: u32) -> Result<Self, String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("no workspace")?;
        Ok(Self { root: root.to_owned(), directory: root.join("fuzz/coverage"), seconds })
    }

    /// The flags are those of `fuzz/coverage/.cargo/config.toml`, for which cargo must run in there.
    fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = cargo_command(arguments);
        command.current_dir(&self.directory);
        // They would take the place of the flags in the configuration.
        command.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
        command
    }

    fn build(&self, targets: &[&str]) -> Outcome {
        let names = targets.iter().flat_map(|target| ["--bin", target]);
        run(self.cargo(&["build", "--quiet", "--locked"]).args(names))
    }

    fn run(&self, target: &str) -> Outcome {
        let io = |error: io::Error| format!("{target}: {error}");
        let corpus = self.corpus(target).map_err(io)?;
        let (log, artifacts) = (self.log(target), format!("artifacts/{target}/"));
        fs::create_dir_all(self.directory.join(&artifacts)).map_err(io)?;
        let mut fuzzing =
            self.cargo(&["run", "--quiet", "--locked", "--bin", target, "--", LONGEST, TIMEOUT]);
        fuzzing.args([MEMORY, "-print_final_stats=1"]);
        fuzzing.arg(format!("-max_total_time={}", self.seconds));
        fuzzing.arg(format!("-artifact_prefix={artifacts}"));
        let dictionary = format!("../dictionaries/{target}.txt");
        if self.directory.join(&dictionary).exists() {
            fuzzing.arg(format!("-dict={dictionary}"));
        }
        // The message says where; a backtrace would push it out of what is shown.
        fuzzing.env("RUST_BACKTRACE", "0");
        fuzzing.arg(corpus).arg(format!("../seeds/{target}"));
        let file = File::create(&log).map_err(io)?;
        fuzzing.stdout(file.try_clone().map_err(io)?).stderr(file);
        let passed = fuzzing.status().map_err(io)?.success();
        let said = String::from_utf8_lossy(&fs::read(&log).map_err(io)?).into_owned();
        if passed {
            println!("{target}: {}", summary(&said));
            return Ok(());
        }
        Err(format!("{}\nfuzz target {target} failed: {}", complaint(&said), input(&said)))
    }

    /// The inputs to begin with: those of earlier runs, and the fixtures of the crates.
    fn corpus(&self, target: &str) -> io::Result<PathBuf> {
        let corpus = self.directory.join("corpus").join(target);
        fs::create_dir_all(&corpus)?;
        let fixtures = fs::read_to_string(self.root.join("fuzz/fixtures.tsv"))?;
        for (number, line) in fixtures.lines().enumerate() {
            let fields: Vec<&str> = line.split('\t').collect();
            let [name, before, path] = fields[..] else { continue };
            if name != target {
                continue;
            }
            for file in files(&self.root.join(path))? {
                let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
                let bytes = [hexadecimal(before), fs::read(&file)?].concat();
                fs::write(corpus.join(format!("fixture-{number}-{name}")), bytes)?;
            }
        }
        Ok(corpus)
    }

    fn log(&self, target: &str) -> PathBuf {
        self.directory.join("artifacts").join(format!("{target}.log"))
    }
}

/// The bytes that an even number of digits stand for.
fn hexadecimal(digits: &str) -> Vec<u8> {
    let (pairs, _) = digits.as_bytes().as_chunks::<2>();
    let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    pairs.iter().filter_map(byte).collect()
}

/// The file, or the recorded streams in the directory.
fn files(path: &Path) -> io::Result<Vec<PathBuf>> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.path()));
    let mut files: Vec<PathBuf> = entries.collect::<io::Result<_>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "sse"));
    files.sort();
    Ok(files)
}

fn summary(log: &str) -> String {
    let mut runs =
        log.lines().filter_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
    format!("{} inputs", runs.next_back().map_or("?", str::trim))
}

/// What the target said last, without its progress.
fn complaint(log: &str) -> String {
    let lines: Vec<&str> = log.lines().filter(|line| !line.starts_with(['#', '\t'])).collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}

/// Where the input is that the target failed with.
fn input(log: &str) -> String {
    let written = log.lines().find_map(|line| line.split_once("Test unit written to "));
    written.map_or_else(
        || "it has left no input".to_owned(),
        |(_, path)| format!("the input is fuzz/coverage/{path}"),
    )
}

fn lock<T>(shared: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
