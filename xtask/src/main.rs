//! Repository automation: `cargo xtask test` is what CI runs and what passes before a commit.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool")]

mod fuzz;
mod layering;
mod report;
mod rustdoc;
mod setup;

use std::env;
use std::process::{Command, ExitCode};
use std::time::SystemTime;

type Outcome = Result<(), String>;

/// Tests that need the models or take many seconds, as a filter of nextest.
const SLOW: &str = "package(phone-agent) | package(voicekit-local) | package(voicekit-benches) \
    | (package(voicekit) & test(allocations)) \
    | (package(voicekit-core) & (test(jitter) | test(a_million_random_events))) \
    | (package(voicekit-rag) & (test(quality) | test(forms_that_draw_themselves) \
    | test(pages_made_to_break_a_reader) | test(unpacks_to_far_more)))";

const USAGE: &str = "\
usage: cargo xtask COMMAND

  test       set up, lint, check the layering, run all tests and build the documentation
  check      the same for the edit loop: no set-up, no documentation, no slow tests
  setup      check for what the machine needs and fetch the models
  lint       rustfmt and clippy, warnings denied
  fuzz       coverage-guided fuzzing with random seeds: [--seconds N] [TARGET ...],
             by default all targets for 60 s each
  explore    the tests, with random seeds for their properties: [--rounds N] [PACKAGE ...]
  layering   the arrows between the crates run one way
  bench-report
             run all benchmarks and write their table into docs/performance.md;
             --last: write that of the runs before";

fn main() -> ExitCode {
    if let Some(rustdoc) = rustdoc::real() {
        return rustdoc::test_and_render(&rustdoc);
    }
    let mut arguments = env::args().skip(1);
    let outcome = match arguments.next().unwrap_or_default().as_str() {
        "test" => test(),
        "check" => check(),
        "setup" => setup(),
        "lint" => lint(),
        "fuzz" => fuzz::command(arguments),
        "explore" => fuzz::explore(arguments),
        "layering" => layering::check(),
        "bench-report" => report::write(arguments),
        _ => Err(USAGE.to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

/// Everything is built once. Clippy's driver compiles the workspace's crates, the build of
/// `phone-agent` for the tests fetches the models, and rustdoc renders what it tests.
fn test() -> Outcome {
    step("rustfmt", rustfmt)?;
    step("layering", layering::check)?;
    step("tools", setup::tools)?;
    step("build", build)?;
    step("models", setup::models)?;
    step("tests", || run_tests(None))?;
    step("documentation", documentation)
}

fn check() -> Outcome {
    step("rustfmt", rustfmt)?;
    step("layering", layering::check)?;
    step("build", build)?;
    step("tests", || run_tests(Some(SLOW)))
}

fn setup() -> Outcome {
    setup::tools()?;
    build()?;
    setup::models()
}

fn lint() -> Outcome {
    rustfmt()?;
    build()
}

fn rustfmt() -> Outcome {
    cargo(&["fmt", "--all", "--check"])?;
    for outside in ["fuzz/coverage/Cargo.toml", "voicekit-qdrant-edge/Cargo.toml"] {
        cargo(&["fmt", "--manifest-path", outside, "--check"])?;
    }
    Ok(())
}

/// Builds everything that the workspace has, linted, warnings denied.
fn build() -> Outcome {
    run(&mut linted(&["test", "--workspace", "--all-targets", "--no-run", "--quiet"]))
}

/// Runs all tests, or all but those that `without` names.
fn run_tests(without: Option<&str>) -> Outcome {
    if !setup::answers("cargo", &["nextest", "--version"]) {
        if without.is_some() {
            println!("note: no cargo-nextest; the slow tests run too");
        }
        return run(&mut linted(&["test", "--workspace", "--tests"]));
    }
    let filter = without.map(|without| format!("not ({without})"));
    let mut nextest = linted(&["nextest", "run", "--workspace", "--no-fail-fast"]);
    if let Some(filter) = &filter {
        nextest.args(["--filterset", filter]);
    }
    run(&mut nextest)
}

/// Tests the examples in the documentation of the libraries and renders it, warnings denied.
fn documentation() -> Outcome {
    let mut doctests = linted(&["test", "--workspace", "--doc", "--quiet", "--no-fail-fast"]);
    run(rustdoc::stand_in(&mut doctests)?)
}

/// A cargo that compiles the workspace's crates with clippy's driver, which does what rustc does
/// and lints besides. So linting shares its build with the tests, dependencies included.
fn linted(args: &[&str]) -> Command {
    let mut command = cargo_command(args);
    command.env("RUSTC_WORKSPACE_WRAPPER", "clippy-driver");
    command.env("CLIPPY_ARGS", "-D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__");
    command
}

fn step(name: &str, work: impl FnOnce() -> Outcome) -> Outcome {
    println!("── {name}");
    let start = now();
    work().map_err(|error| format!("{name}: {error}"))?;
    let seconds = now().duration_since(start).unwrap_or_default().as_secs();
    println!("── {name}: {seconds} s");
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "how long a step took is for people to read")]
fn now() -> SystemTime {
    SystemTime::now()
}

fn cargo(args: &[&str]) -> Outcome {
    run(&mut cargo_command(args))
}

fn cargo_command(args: &[&str]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args);
    command
}

fn run(command: &mut Command) -> Outcome {
    let status = command.status().map_err(|error| format!("{command:?}: {error}"))?;
    if status.success() {
        return Ok(());
    }
    Err(format!("{command:?} failed"))
}
