//! What the program logs of a call: no secret at any level, and nothing said above DEBUG.
//! The models are fetched if they are not here.
#![cfg(unix)]
#![allow(clippy::unwrap_used, missing_docs)]

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

const SECRETS: [(&str, &str); 4] = [
    ("TWILIO_AUTH_TOKEN", "s3cr3t-of-the-carrier"),
    ("DEEPGRAM_API_KEY", "s3cr3t-of-the-recognizer"),
    ("OPENAI_API_KEY", "s3cr3t-of-the-model"),
    ("ELEVENLABS_API_KEY", "s3cr3t-of-the-voice"),
];
/// Nobody listens there: each provider fails, says why, and is stood in for.
const PROVIDERS: [(&str, &str); 3] = [
    ("DEEPGRAM_URL", "ws://127.0.0.1:9"),
    ("OPENAI_BASE_URL", "http://127.0.0.1:9/v1"),
    ("ELEVENLABS_URL", "ws://127.0.0.1:9"),
];
const PUBLIC_URL: &str = "https://phone.example";
/// What the caller says, however its numbers are written, and the number that the simulated carrier
/// calls from.
const PRIVATE: [&str; 3] = ["forward", "meters", "15551230001"];

#[test]
fn a_call_leaves_no_secret_in_the_log_and_nothing_said_above_debug() {
    let directory = std::env::temp_dir().join(format!("phone-agent-log-{}", std::process::id()));
    fs::create_dir_all(&directory).unwrap();
    let log = directory.join("log");
    let mut server = Command::new(env!("CARGO_BIN_EXE_phone-agent"))
        .args(["--listen", "127.0.0.1:0"])
        .envs(SECRETS)
        .envs(PROVIDERS)
        .env("PUBLIC_URL", PUBLIC_URL)
        .env("RUST_LOG", "trace")
        .stdout(Stdio::piped())
        .stderr(File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(server.stdout.take().unwrap());
    let mut said = String::new();
    let address = loop {
        let mut line = String::new();
        assert!(output.read_line(&mut line).unwrap() > 0, "{}", fs::read_to_string(&log).unwrap());
        said += &line;
        if let Some((_, address)) = line.split_once("Listening on http://") {
            break address.split_whitespace().next().unwrap().to_owned();
        }
    };
    let recording =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../../voicekit-testkit/speech/goforward.wav");
    let call = Command::new(env!("CARGO_BIN_EXE_phone-agent"))
        .args(["call", recording, "--url", &format!("http://{address}/twilio/voice")])
        .args(["--out", directory.join("call").to_str().unwrap()])
        .env("TWILIO_AUTH_TOKEN", SECRETS[0].1)
        .env("PUBLIC_URL", PUBLIC_URL)
        .output()
        .unwrap();
    assert!(call.status.success(), "{}", String::from_utf8_lossy(&call.stderr));
    let id = server.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    std::io::Read::read_to_string(&mut output, &mut said).unwrap();
    assert!(server.wait().unwrap().success());

    let log = fs::read_to_string(log).unwrap();
    for (name, secret) in SECRETS {
        assert!(!log.contains(secret) && !said.contains(secret), "{name} is in the log");
    }
    let above = |level: &str| ["ERROR", "WARN", "INFO"].contains(&level);
    let loud = log.lines().filter(|line| line.split_whitespace().any(above));
    let loud: Vec<&str> = loud.chain(said.lines()).collect();
    for private in PRIVATE {
        let line = loud.iter().find(|line| line.contains(private));
        assert!(line.is_none(), "{private:?} is above DEBUG: {line:?}");
    }
    // The call was held, and its log is the one that was read.
    assert!(loud.iter().any(|line| line.contains("call started")), "{log}");
    assert!(log.contains(" DEBUG ") && loud.iter().any(|line| line.contains(" WARN ")), "{log}");
    fs::remove_dir_all(&directory).unwrap();
}
