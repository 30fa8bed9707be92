//! What may be logged, and what may not.

use serde_json::json;
use tracing::Level;
use voicekit_core::transport::TransportEvent;
use voicekit_testkit::logs::Logs;

use crate::carrier::{Carrier, STREAM, media, stop};

/// Runs a call whose webhook, audio, keys and numbers are known, and returns the log of it.
async fn log_of_a_call(level: Level) -> (String, String) {
    let logs = Logs::catch_up_to(level);
    let mut carrier = Carrier::local();
    let mut stray = carrier.open(&[]).await.unwrap();
    stray.say(&crate::carrier::start("5ec2e7")).await;
    stray.closed().await;
    let mut call = carrier.call().await;
    let dtmf = json!({"event": "dtmf", "streamSid": STREAM, "dtmf": {"digit": "7"}});
    for message in [media(0), dtmf, media(500), media(0), stop()] {
        call.socket.say(&message).await;
    }
    while !matches!(call.event().await, TransportEvent::Ended(_)) {}
    let shown = format!("{:?}", call.info);
    drop(call);
    (logs.text(), shown)
}

#[tokio::test(start_paused = true)]
async fn the_log_shows_calls_but_neither_numbers_nor_tokens_nor_keys_nor_audio() {
    let (log, shown) = log_of_a_call(Level::INFO).await;
    assert!(log.contains("the call starts") && log.contains(crate::carrier::CALL), "{log}");
    for secret in ["1555123", "f39/", "5ec2e7", "digit", "7f0c"] {
        assert!(!log.contains(secret), "{secret}: {log}");
        assert!(!shown.contains(secret), "{secret}: {shown}");
    }
    assert!(shown.contains("agent_id"));
}

#[tokio::test(start_paused = true)]
async fn not_even_the_debug_log_shows_tokens_numbers_or_audio() {
    let (log, _) = log_of_a_call(Level::DEBUG).await;
    assert!(log.contains("late chunk"), "{log}");
    for secret in ["1555123", "f39/", "5ec2e7"] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}
