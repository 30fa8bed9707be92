//! The arrows between the crates run one way; the core stays pure.

use crate::{Outcome, cargo_command};

/// What brings I/O, a runtime, a clock or randomness.
const IMPURE: &[&str] = &[
    "tokio",
    "tokio-tungstenite",
    "tungstenite",
    "hyper",
    "reqwest",
    "ureq",
    "axum",
    "tower",
    "rustls",
    "mio",
    "socket2",
    "getrandom",
    "rand",
    "chrono",
    "time",
];

/// Adapters know neither each other nor the driver. They may share `voicekit-net`.
const ADAPTERS: &[&str] = &[
    "voicekit-twilio",
    "voicekit-deepgram",
    "voicekit-elevenlabs",
    "voicekit-assemblyai",
    "voicekit-piper",
    "voicekit-openai",
    "voicekit-anthropic",
    "voicekit-local",
    "voicekit-store",
    "voicekit-rag",
    "voicekit-qdrant",
];

/// What neither an adapter nor what adapters share may know.
const ABOVE: &[&str] = &["voicekit", "voicekit-testkit"];

pub(crate) fn check() -> Outcome {
    forbid("voicekit-core", IMPURE)?;
    forbid("voicekit", ADAPTERS)?;
    forbid("voicekit-net", ADAPTERS)?;
    forbid("voicekit-net", ABOVE)?;
    for adapter in ADAPTERS {
        let others: Vec<&str> = ADAPTERS.iter().copied().filter(|other| other != adapter).collect();
        forbid(adapter, &others)?;
        forbid(adapter, ABOVE)?;
    }
    Ok(())
}

/// Fails if `package` depends on one of `forbidden`, directly or not, other than for its tests.
fn forbid(package: &str, forbidden: &[&str]) -> Outcome {
    let dependencies = dependencies(package)?;
    match dependencies.iter().find(|name| forbidden.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => Err(format!("{package} must not depend on {name}: see ARCHITECTURE.md")),
    }
}

fn dependencies(package: &str) -> Result<Vec<String>, String> {
    let args = ["tree", "--edges", "normal", "--prefix", "none", "--format", "{p}", "-p", package];
    let output = cargo_command(&args).output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let names = text.lines().filter_map(|line| line.split_whitespace().next());
    Ok(names.skip(1).map(str::to_owned).collect())
}
