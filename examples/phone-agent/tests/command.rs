//! The command line, as a person meets it.
#![allow(clippy::unwrap_used, missing_docs)]

use std::process::{Command, Output};

fn phone_agent(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_phone-agent")).args(args).output().unwrap()
}

/// Runs a command that must fail with one line that contains `hint`.
fn fails(args: &[&str], hint: &str) {
    let output = phone_agent(args);
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success(), "{args:?} succeeded");
    assert_eq!(text.trim().lines().count(), 1, "{text}");
    assert!(text.contains(hint), "{text}");
}

#[test]
fn a_file_that_is_no_recording_is_refused_with_what_to_do() {
    let directory = std::env::temp_dir().join(format!("phone-agent-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let file = directory.join("broken.wav");
    std::fs::write(&file, b"RIFFnot a wave file at all").unwrap();
    fails(&["call", file.to_str().unwrap()], "ffmpeg");
    fails(&["call", directory.join("missing.wav").to_str().unwrap()], "cannot read");
    std::fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn a_place_that_cannot_hold_recordings_is_refused_before_anything_else() {
    fails(&["call", "--record", "ftp://host/calls"], "ftp:// is not known");
    fails(&["--record", "ftp://host/calls", "--listen", "127.0.0.1:0"], "ftp:// is not known");
}

#[test]
fn nobody_at_the_address_is_said_in_one_line() {
    let recording =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../../voicekit-testkit/speech/cards-001.wav");
    let out = std::env::temp_dir().join(format!("phone-agent-out-{}", std::process::id()));
    let out_arg = out.to_str().unwrap();
    fails(
        &["call", recording, "--url", "ws://127.0.0.1:1/twilio/media", "--out", out_arg],
        "reach",
    );
    std::fs::remove_dir_all(&out).unwrap();
}

#[test]
fn models_that_cannot_be_had_are_said_with_what_to_do() {
    let directory = std::env::temp_dir().join(format!("phone-agent-models-{}", std::process::id()));
    let file = std::env::temp_dir().join(format!("phone-agent-file-{}", std::process::id()));
    std::fs::write(&file, b"x").unwrap();
    // A directory below a file cannot be made.
    let below = file.join("models");
    let output = phone_agent(&["models", "--models", below.to_str().unwrap()]);
    assert!(!output.status.success());
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.lines().any(|line| line.starts_with("error: ")), "{text}");
    std::fs::remove_file(&file).unwrap();
    assert!(!directory.exists());
}

#[test]
fn a_recorded_call_runs_again_as_it_was_and_otherwise_with_other_timings() {
    let directory = std::env::temp_dir().join(format!("phone-agent-replay-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let line = |kind: &str, at: &str, line: &str| {
        format!("{{\"kind\":\"{kind}\",\"session_ms\":\"{at}\",\"line\":\"{line}\"}}\n")
    };
    let trace = [
        "{\"kind\":\"config\",\"turn\":{\"greet\":false}}\n".to_owned(),
        line("event", "0", "started"),
        line("action", "0", "state listening"),
        line("timeout", "8000", "timeout"),
        line("action", "8000", "reply #1 still-there"),
        line("action", "8000", "state processing"),
    ];
    std::fs::write(directory.join("call.jsonl"), trace.concat()).unwrap();
    let traces = directory.to_str().unwrap();
    let output = phone_agent(&["replay", traces]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    assert!(text.contains("2 inputs, 3 actions, as recorded"), "{text}");

    let config = directory.join("patient.json");
    std::fs::write(&config, r#"{"greet": false, "idle_ms": 20000}"#).unwrap();
    let output = phone_agent(&["replay", traces, "--config", config.to_str().unwrap()]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!output.status.success());
    assert!(text.contains("1 of 2 inputs led elsewhere"), "{text}");
    assert!(text.contains("- >   8000 reply #1 still-there"), "{text}");

    std::fs::write(directory.join("call.jsonl"), "not json").unwrap();
    fails(&["replay", traces], "line 1 is not JSON");
    std::fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn a_source_or_a_place_of_knowledge_that_cannot_be_is_said_before_anything_is_fetched() {
    let directory = std::env::temp_dir().join(format!("phone-agent-list-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let list = directory.join("site.urls");
    std::fs::write(&list, "https://example.org/\nexample.org\n").unwrap();
    let list = list.to_str().unwrap();
    fails(&["ingest", list], "line 2 is no address");
    fails(&["ingest", "--urls", list], "line 2 is no address");
    fails(&["ingest", directory.join("missing").to_str().unwrap()], "is not there");
    fails(&["ingest", directory.to_str().unwrap(), "--to", "qdrant://db"], "no collection");
    fails(&["ask", "are you open", "--from", "http://db/kb"], "qdrant://host:port/collection");
    fails(&["ask", "are you open", "--in", "nowhere.index"], "phone-agent ingest");
    std::fs::remove_dir_all(&directory).unwrap();
}
