//! Configuration: what is accepted, and what an error says.

use std::time::Duration;

use voicekit_core::error::ErrorKind;
use voicekit_core::transport::Transport;
use voicekit_twilio::{Secret, SignaturePolicy, TwilioConfig, routes};

async fn hang_up(_line: Box<dyn Transport>) {}

fn good() -> TwilioConfig {
    TwilioConfig::new("12345", "https://agent.example.com/voice")
}

/// Checks that `config` is refused and that the message has all of `words` in it.
fn check(config: TwilioConfig, words: &[&str]) {
    let error = routes(hang_up, config).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    for word in words {
        assert!(error.message().contains(word), "{word} is not in: {error}");
    }
}

#[test]
fn the_usual_settings_are_accepted() {
    assert!(routes(hang_up, good()).is_ok());
    assert!(routes(hang_up, TwilioConfig::local()).is_ok());
    assert!(routes(hang_up, good().with_public_url("https://agent.example.com:8443/a/b/")).is_ok());
    assert!(routes(hang_up, good().with_parameter("tenant", "x".repeat(493))).is_ok());
}

#[test]
fn signatures_cannot_be_required_without_a_token_or_an_address() {
    check(TwilioConfig::default(), &["auth_tokens", "TwilioConfig::local()"]);
    check(TwilioConfig::local().with_upgrade_signature(SignaturePolicy::Warn), &["auth_tokens"]);
    check(TwilioConfig::default().with_auth_token("12345"), &["public_url", "https://"]);
}

#[test]
fn an_error_names_the_field_the_value_and_the_range() {
    check(good().with_token_ttl(Duration::ZERO), &["token_ttl", "0ns", "1s", "3600s"]);
    check(good().with_start_timeout(Duration::from_secs(61)), &["start_timeout", "61s", "60s"]);
    check(good().with_watchdog(Duration::from_millis(999)), &["watchdog", "999ms", "1s"]);
    check(good().with_write_timeout(Duration::ZERO), &["write_timeout", "0ns", "100ms"]);
    check(good().with_max_frame_bytes(1_023), &["max_frame_bytes", "1023", "1024"]);
    check(good().with_outbound_queue_bytes(9 << 20), &["outbound_queue_bytes", "1048576"]);
}

#[test]
fn urls_and_paths_with_a_query_or_a_pattern_are_refused() {
    for url in [
        "http://agent.example.com",
        "agent.example.com",
        "https://",
        "https://agent.example.com/?a=1",
        "https://agent.example.com?a=1",
        "https://user:secret@agent.example.com",
        "https://agent.example.com/#x",
    ] {
        let error = routes(hang_up, good().with_public_url(url)).unwrap_err();
        assert!(error.message().contains("public_url"), "{url}");
        assert!(!error.to_string().contains("secret"), "{url}");
    }
    for path in ["", "/", "twilio", "/a?b=1", "/{id}", "/*rest", "/a b"] {
        check(good().with_answer_path(path), &["answer_path"]);
        check(good().with_media_path(path), &["media_path"]);
    }
    check(good().with_media_path("/twilio/voice"), &["answer_path", "media_path"]);
}

#[test]
fn parameters_that_the_carrier_would_not_carry_are_refused() {
    check(good().with_parameter("tenant", "x".repeat(494)), &["tenant", "500"]);
    check(good().with_parameter("token", "mine"), &["token"]);
    check(good().with_parameter("", "x"), &["parameters"]);
    check(good().with_parameter("a", "\u{0}"), &["control"]);
}

#[test]
fn auth_tokens_that_cannot_be_right_are_refused() {
    for token in ["", " ", "a b", "[redacted]"] {
        check(good().with_auth_token(token), &["auth_tokens[1]"]);
    }
}

#[test]
fn a_file_may_set_everything_and_nothing_else() {
    let config: TwilioConfig = toml::from_str(
        r#"
        auth_tokens = ["12345"]
        public_url = "https://agent.example.com"
        signature = "require"
        upgrade_signature = "warn"
        token_ttl_ms = 30000
        watchdog_ms = 2500
        [parameters]
        tenant = "7"
        "#,
    )
    .unwrap();
    assert_eq!(config.token_ttl, Duration::from_secs(30));
    assert_eq!(config.watchdog, Duration::from_millis(2_500));
    assert_eq!(config.start_timeout, Duration::from_secs(10));
    assert!(routes(hang_up, config).is_ok());
    assert!(toml::from_str::<TwilioConfig>("watchdog = 5").is_err());
}

#[test]
fn neither_debug_nor_a_file_shows_a_secret() {
    let config = good().with_auth_token("s3cret");
    let file = toml::to_string(&config).unwrap();
    let shown = format!("{config:?} {config:#?} {file} {:?}", Secret::new("s3cret"));
    assert!(!shown.contains("s3cret") && !shown.contains("12345"), "{shown}");
    let read_back: TwilioConfig = toml::from_str(&file).unwrap();
    check(read_back, &["auth_tokens[0]", "redacted"]);
}
