//! Programs that are MCP servers, started with an environment of their own.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_net::Secret;

use super::lines::Lines;

/// Variables of this process that every program gets if they are set: what programs need to run,
/// and nothing that holds a secret.
const PASSED_ON: [&str; 30] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "TERM",
    "LANG",
    "LANGUAGE",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "TMPDIR",
    // Windows.
    "APPDATA",
    "COMSPEC",
    "HOMEDRIVE",
    "HOMEPATH",
    "LOCALAPPDATA",
    "NUMBER_OF_PROCESSORS",
    "PATHEXT",
    "PROCESSOR_ARCHITECTURE",
    "PROGRAMDATA",
    "PROGRAMFILES",
    "PROGRAMFILES(X86)",
    "SYSTEMDRIVE",
    "SYSTEMROOT",
    "TEMP",
    "TMP",
    "USERNAME",
    "USERPROFILE",
    "WINDIR",
];

/// Maximum length of a line of a program's log that is logged, in bytes.
const LONGEST_LINE: u64 = 1_024;

/// How to start a program.
#[derive(Clone, Debug)]
pub(super) struct Program {
    pub(super) program: String,
    pub(super) arguments: Vec<String>,
    pub(super) env: BTreeMap<String, Secret>,
    pub(super) cwd: Option<PathBuf>,
}

impl Program {
    /// Starts the program. It is killed when what is returned is dropped.
    pub(super) fn start(&self, server: &str) -> Result<Lines<ChildStdout, ChildStdin>> {
        let mut child = self.command().spawn().map_err(|error| {
            let text = format!("cannot be started: {error}");
            Error::new(ErrorKind::Connection, "mcp", text).with_source(error)
        })?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(input), Some(output)) => {
                if let Some(log) = child.stderr.take() {
                    tokio::spawn(follow(log, server.to_owned()));
                }
                Ok(Lines::new(output, input, Some(child)))
            }
            _ => Err(no_pipes(child)),
        }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).env_clear().kill_on_drop(true);
        for name in PASSED_ON {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command.envs(self.env.iter().map(|(name, value)| (name, value.expose())));
        if let Some(cwd) = &self.cwd {
            command.current_dir(cwd);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

fn no_pipes(_: Child) -> Error {
    Error::new(ErrorKind::Connection, "mcp", "has no standard input or output")
}

/// Reads what the program logs, so that it never waits for a reader.
async fn follow(log: ChildStderr, server: String) {
    let mut log = BufReader::new(log);
    let mut line = Vec::new();
    loop {
        line.clear();
        match (&mut log).take(LONGEST_LINE).read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {
                let text = String::from_utf8_lossy(&line);
                tracing::debug!(server, line = ?text.trim_end(), "log of an MCP server");
            }
        }
    }
}
