//! Renders the documentation in the run that tests its examples.
//!
//! `cargo doc` would check every dependency once more. Instead, `cargo test --doc` calls this
//! program in rustdoc's place ([`stand_in`]), and it calls rustdoc twice with the same crates: for
//! the tests and, with warnings denied, for the pages ([`test_and_render`]).

use std::env;
use std::ffi::{OsStr, OsString};
use std::process::{Command, ExitCode};

use crate::{Outcome, run};

/// Names the rustdoc that this program stands in for.
const REAL: &str = "XTASK_RUSTDOC";
/// Options of tests alone, and whether a value follows.
const OF_TESTS: &[(&str, bool)] = &[
    ("--test", false),
    ("--no-run", false),
    ("--nocapture", false),
    ("--test-args", true),
    ("--test-builder", true),
    ("--test-run-directory", true),
    ("--test-runtool", true),
    ("--test-runtool-arg", true),
];

/// Has `cargo` call this program where it would call rustdoc.
pub(crate) fn stand_in(cargo: &mut Command) -> Result<&mut Command, String> {
    let this = env::current_exe().map_err(|error| format!("this program: {error}"))?;
    let rustdoc = env::var_os("RUSTDOC").unwrap_or_else(|| "rustdoc".into());
    Ok(cargo.env("RUSTDOC", this).env(REAL, rustdoc))
}

/// The rustdoc that this program was called in place of.
pub(crate) fn real() -> Option<OsString> {
    env::var_os(REAL)
}

pub(crate) fn test_and_render(rustdoc: &OsStr) -> ExitCode {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    let mut outcome = run(Command::new(rustdoc).args(&arguments));
    if arguments.iter().any(|argument| argument == "--test") {
        outcome = outcome.and_then(|()| render(rustdoc, &arguments));
    }
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn render(rustdoc: &OsStr, tested: &[OsString]) -> Outcome {
    let mut command = Command::new(rustdoc);
    let mut arguments = tested.iter();
    while let Some(argument) = arguments.next() {
        match OF_TESTS.iter().find(|(name, _)| argument == name) {
            Some((_, true)) => _ = arguments.next(),
            Some((_, false)) => {}
            None => _ = command.arg(argument),
        }
    }
    run(command.args(["-D", "warnings", "--out-dir", "target/doc"]))
}
