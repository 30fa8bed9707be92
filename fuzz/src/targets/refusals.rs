//! What services answer when they refuse: status, headers and body, as each adapter understands
//! them. Secrets are in no error, and no error is long.
//!
//! A byte is the status; then come headers, one a line, and after an empty line the body.

use std::time::Duration;

use voicekit_assemblyai::AssemblyAiConfig;
use voicekit_core::audio::AudioFormat;
use voicekit_core::error::{Error, Retry};
use voicekit_deepgram::NovaConfig;
use voicekit_net::{Endpoint, Refusal, WireCodec};

use crate::Input;

/// What must not be told: the requests carry it.
const SECRET: &str = "sk-hunter2-hunter2";

/// Runs the target on one input; panics if what must hold does not.
pub fn run(data: &[u8]) {
    let mut input = Input(data);
    let status = 400 + u16::from(input.byte()) % 200;
    let text = String::from_utf8_lossy(input.0);
    let (head, body) = text.split_once("\n\n").unwrap_or(("", &text));
    let headers: Vec<(&str, &str)> = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .filter(|(_, value)| !value.contains(SECRET))
        .collect();
    let endpoint = Endpoint::new("service", "https://example.org/v1")
        .and_then(|endpoint| endpoint.with_header("authorization", format!("Bearer {SECRET}")))
        .expect("a URL and a header");
    let refusal = Refusal::from_parts(&endpoint, status, &headers, body.to_owned());
    let _: Option<Duration> = refusal.retry_after();
    let said = refusal.said().unwrap_or_default();
    assert!(said.chars().count() <= 400, "{said}");
    let errors = [
        Some(refusal.error()),
        voicekit_openai::fuzz::refused(&refusal),
        voicekit_anthropic::fuzz::refused(&refusal),
        voicekit_elevenlabs::fuzz::refused(&refusal),
        Some(voicekit_piper::fuzz::refused(&refusal)),
        voicekit_qdrant::fuzz::refused(&refusal),
        Some(deepgram(&refusal)),
        Some(assemblyai(&refusal)),
    ];
    for error in errors.into_iter().flatten() {
        checked(&error);
    }
}

fn deepgram(refusal: &Refusal) -> Error {
    let config = NovaConfig::new(voicekit_deepgram::Account::new(SECRET));
    voicekit_deepgram::fuzz::nova(&config, AudioFormat::PHONE).refused(refusal)
}

fn assemblyai(refusal: &Refusal) -> Error {
    let config = AssemblyAiConfig::new(voicekit_assemblyai::Account::new(SECRET));
    voicekit_assemblyai::fuzz::codec(&config, AudioFormat::PHONE, None).refused(refusal)
}

fn checked(error: &Error) {
    let told = format!("{error} {error:?}");
    assert!(!told.contains(SECRET), "the secret is in {told}");
    assert!(error.message().chars().count() <= 1_000, "{told}");
    if let Retry::After(wait) = error.retry() {
        // It is added to a clock, which holds nanoseconds in 63 bits of seconds at best.
        assert!(i64::try_from(wait.as_secs()).is_ok(), "{wait:?}");
    }
}
