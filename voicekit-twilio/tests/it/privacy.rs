//! What may be logged, and what may not.

use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::json;
use tracing_subscriber::filter::LevelFilter;
use voicekit_core::transport::TransportEvent;

use crate::carrier::{Carrier, STREAM, media, stop};

/// Runs a call whose webhook, audio, keys and numbers are known, and returns the log of it.
async fn log_of_a_call(level: LevelFilter) -> (String, String) {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
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
    drop(guard);
    (log.text(), shown)
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn the_log_shows_calls_but_neither_numbers_nor_tokens_nor_keys_nor_audio() {
    let (log, shown) = log_of_a_call(LevelFilter::INFO).await;
    assert!(log.contains("the call starts") && log.contains(crate::carrier::CALL), "{log}");
    for secret in ["1555123", "f39/", "5ec2e7", "digit", "7f0c"] {
        assert!(!log.contains(secret), "{secret}: {log}");
        assert!(!shown.contains(secret), "{secret}: {shown}");
    }
    assert!(shown.contains("agent_id"));
}

#[tokio::test(start_paused = true)]
async fn not_even_the_debug_log_shows_tokens_numbers_or_audio() {
    let (log, _) = log_of_a_call(LevelFilter::DEBUG).await;
    assert!(log.contains("late chunk"), "{log}");
    for secret in ["1555123", "f39/", "5ec2e7"] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}
