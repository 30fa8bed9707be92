//! Keys appear nowhere.

use voicekit_testkit::logs::Logs;
use voicekit_testkit::server::Script;

use crate::support::{Call, KEY, asr, config, said, service};

#[tokio::test]
async fn no_debug_and_no_file_shows_the_key() {
    let server = service([]);
    let written = toml::to_string(&config()).unwrap();
    for text in [format!("{:?}", config()), format!("{:?}", asr(config(), &server)), written] {
        assert!(!text.contains(KEY), "{text}");
        assert!(text.contains("redacted"), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_error_repeats_the_key_and_no_log_holds_it_or_what_was_said() {
    let logs = Logs::catch();
    let in_band = format!(r#"{{"type":"Error","error":"bad key {KEY}"}}"#);
    let words = said(0, "confidential words", 0).end().text();
    let scripts = [
        Script::refuse(401, &[], format!(r#"{{"error":"no such key: {KEY}"}}"#)),
        Script::new().until_bytes(1).close(1008, format!("bad key {KEY}")),
        Script::new().say(r#"{"type":"Begin","id":"s"}"#).until_bytes(1).say(words).say(in_band),
        Script::new().say(format!(r#"{{"type":7,"words":"confidential {KEY}"}}"#)),
    ];
    for script in scripts {
        let server = service([script]);
        let mut call = Call::open(config(), &server).await;
        call.audio(100);
        let error = call.error().await;
        let text = format!("{error} {error:?}");
        assert!(!text.contains(KEY) && !text.contains("confidential"), "{text}");
    }
    let logged = logs.text();
    assert!(logged.contains("assemblyai"), "nothing was logged");
    assert!(!logged.contains(KEY), "{logged}");
    assert!(!logged.contains("confidential"), "{logged}");
}
