//! Nothing that a caller or a provider says, and no secret, is in a log where it does not belong.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use tracing::Level;
use voicekit::Agent;
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_core::tool::{Tool, ToolCall, ToolContext, ToolOutcome, ToolSpec};
use voicekit_core::transport::{EndReason, Transport};
use voicekit_testkit::carrier::{SimulatedCall, Webhook, in_memory};
use voicekit_testkit::fake::{FakeAsr, FakeLlm, FakeTts, FakeVad, scripted_line};
use voicekit_testkit::logs::Logs;
use voicekit_testkit::phone::tone;
use voicekit_testkit::script::Script;
use voicekit_twilio::{Account, TwilioConfig};

const GREETING: &str = "Corner Bakery, good morning.";
const ASKED: &str = "My card number is four four one one.";
const ANSWERED: &str = "I have noted your card.";
/// What must never be logged: keys and tokens.
const SECRETS: [&str; 2] = ["s3cr3t-auth-token", "s3cr3t-account-key"];
/// What is not logged above DEBUG: numbers and sentences.
const PRIVATE: [&str; 5] = ["15551230001", "15551230002", "four four one", "noted your", GREETING];

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A whole call over the signed protocol, and what was logged of it up to `level`.
async fn log_of_a_call(level: Level) -> String {
    let logs = Logs::catch_up_to(level);
    let agent = Agent::builder()
        .greeting(GREETING)
        .asr(FakeAsr::new([ASKED]).with_interims(None))
        .llm(FakeLlm::new([ANSWERED]))
        .tts(FakeTts::new().with_word_times())
        .vad(|| Ok(FakeVad::new()))
        .build()
        .unwrap();
    let account = Account::new("AC00000000000000000000000000000001", SECRETS[1]);
    let config = TwilioConfig::new(SECRETS[0], "https://public.example").with_account(account);
    let routes = voicekit_twilio::routes(agent, config).unwrap();
    let server = in_memory(Router::new().merge(routes));
    let webhook = Webhook::new("http://127.0.0.1:8080/twilio/voice")
        .with_public_url("https://public.example/twilio/voice")
        .with_auth_token(SECRETS[0]);
    let instructions = webhook.request(server.connect()).await.unwrap();
    let tokens: Vec<String> = instructions.parameters.values().cloned().collect();
    let call = SimulatedCall::new(Script::new().say("card", tone(ms(1_200))));
    let report = call.follow(&webhook, instructions, server.connect()).await.unwrap();
    assert!(report.report.turns[0].answer.is_some());
    tokio::time::sleep(ms(10_000)).await;
    let text = logs.text();
    for token in tokens.iter().filter(|token| token.len() == 32) {
        assert!(!text.contains(token), "{level}: a token: {text}");
    }
    text
}

#[tokio::test(start_paused = true)]
async fn a_call_leaves_no_secret_at_any_level_and_no_sentence_or_number_above_debug() {
    for level in [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG, Level::TRACE] {
        let text = log_of_a_call(level).await;
        // Other crates write whole messages at TRACE: `phone-agent` leaves theirs out.
        let ours: Vec<&str> = text.lines().filter(|line| line.contains("voicekit")).collect();
        for secret in SECRETS {
            assert!(!ours.iter().any(|line| line.contains(secret)), "{level} {secret}: {text}");
        }
        if level <= Level::INFO {
            for private in PRIVATE {
                assert!(!text.contains(private), "{level} {private}: {text}");
            }
        }
        if level == Level::INFO {
            assert!(text.contains("call started") && text.contains("call ended"), "{text}");
        }
    }
}

#[derive(Debug)]
struct Breaks;

#[async_trait]
impl Tool for Breaks {
    fn spec(&self) -> ToolSpec {
        ToolSpec::new("note", "Breaks.")
    }

    async fn run(&self, _: &ToolCall, _: &ToolContext) -> Result<ToolOutcome> {
        panic!("the caller said four four one one\nERROR forged");
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_tool_says_when_it_breaks_is_not_logged_above_debug() {
    for level in [Level::INFO, Level::DEBUG] {
        let logs = Logs::catch_up_to(level);
        let agent = Agent::builder()
            .asr(FakeAsr::new([ASKED]))
            .llm(FakeLlm::new(["", ANSWERED]).with_tool_call(0, ToolCall::new("c1", "note", "{}")))
            .tts(FakeTts::new())
            .vad(|| Ok(FakeVad::new()))
            .tool(Breaks)
            .build()
            .unwrap();
        let (line, _handle) = scripted_line(Script::new().say("card", tone(ms(1_200))));
        agent.call(Box::new(line)).await;
        let text = logs.text();
        assert!(text.contains("a tool broke"), "{text}");
        assert_eq!(text.contains("four four one"), level == Level::DEBUG, "{text}");
        assert!(!text.contains("\nERROR forged"), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_name_of_a_call_and_the_words_of_an_error_forge_no_log_line() {
    let logs = Logs::catch_up_to(Level::INFO);
    let evil = "CA1\n2026-01-01 ERROR forged\u{1b}[2J";
    let vads = AtomicU32::new(0);
    let agent = Agent::builder()
        .asr(FakeAsr::new([ASKED]))
        .llm(FakeLlm::new([ANSWERED]))
        .tts(FakeTts::new())
        // It works when the agent is built, and fails in the call.
        .vad(move || match vads.fetch_add(1, Ordering::Relaxed) {
            0 => Ok(FakeVad::new()),
            _ => Err(Error::new(ErrorKind::Internal, "vad", evil)),
        })
        .build()
        .unwrap();
    let (line, _handle) = scripted_line(Script::new());
    let line: Box<dyn Transport> = Box::new(line);
    let report = agent.call(line).await;
    assert_eq!(report.reason, EndReason::Lost);
    let text = logs.text();
    assert!(text.contains("forged"), "{text}");
    assert!(text.lines().all(|line| !line.starts_with("2026-01-01 ERROR forged")), "{text}");
    assert!(!text.contains('\u{1b}'), "{text}");
}
