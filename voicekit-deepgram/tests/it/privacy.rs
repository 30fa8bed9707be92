//! Keys appear nowhere.

use std::sync::Arc;

use futures::StreamExt;
use voicekit_core::audio::AudioFormat;
use voicekit_core::error::Error;
use voicekit_core::tts::{Tts, TtsRequest};
use voicekit_deepgram::{AuraConfig, FluxConfig, NovaConfig};
use voicekit_testkit::logs::Logs;
use voicekit_testkit::server::{Script, WebSocketServer};

use crate::support::{Call, KEY, account, aura, clauses, flux, nova, result, service};

#[tokio::test]
async fn no_debug_shows_the_key() {
    let server = service([]);
    let shown = [
        format!("{:?}", NovaConfig::new(account())),
        format!("{:?}", FluxConfig::new(account())),
        format!("{:?}", AuraConfig::new(account())),
        format!("{:?}", nova(&server)),
        format!("{:?}", flux(&server)),
        format!("{:?}", aura(&server)),
    ];
    for text in shown {
        assert!(!text.contains(KEY), "{text}");
        assert!(text.contains("redacted"), "{text}");
    }
}

#[tokio::test]
async fn a_configuration_that_is_written_down_holds_no_key() {
    let text = toml::to_string(&NovaConfig::new(account())).unwrap();
    assert!(!text.contains(KEY), "{text}");
}

#[tokio::test(start_paused = true)]
async fn no_error_repeats_the_key_and_no_log_holds_it_or_what_was_said() {
    let logs = Logs::catch();
    let echo = format!(r#"{{"err_msg":"no such key: {KEY}"}}"#);
    let in_band = format!(r#"{{"type":"Error","description":"bad key {KEY}"}}"#);
    let words = result("confidential words", 0.0, 1.0, &["is_final", "speech_final"]);
    let scripts = [
        Script::refuse(401, &[], echo),
        Script::new().until_bytes(1).close(1008, format!("bad key {KEY}")),
        Script::new().until_bytes(1).say(words).say(in_band),
        Script::new().say(format!(r#"{{"type":"Results","channel":"confidential {KEY}"}}"#)),
    ];
    for script in scripts {
        let server = service([script]);
        let mut call = Call::open(&nova(&server)).await;
        call.audio(100);
        assert_is_private(&call.error().await);
    }
    for service in refusing() {
        let mut call = Call::open(&flux(&service)).await;
        call.audio(100);
        assert_is_private(&call.error().await);
    }
    for service in refusing() {
        let (voice, request) = (aura(&service), TtsRequest::new(AudioFormat::PHONE));
        let spoken = voice.speak(request, clauses(&["confidential words"]));
        let items: Vec<_> = spoken.await.unwrap().collect().await;
        assert_is_private(items.last().unwrap().as_ref().unwrap_err());
    }
    let logged = logs.text();
    assert!(logged.contains("deepgram"), "nothing was logged");
    assert!(!logged.contains(KEY), "{logged}");
    assert!(!logged.contains("confidential"), "{logged}");
}

fn assert_is_private(error: &Error) {
    let text = format!("{error} {error:?}");
    assert!(!text.contains(KEY) && !text.contains("confidential"), "{text}");
}

/// Services that tell the key, refusing the connection and within it.
fn refusing() -> [Arc<WebSocketServer>; 2] {
    let echo = format!(r#"{{"err_msg":"no such key: {KEY}"}}"#);
    let in_band = format!(r#"{{"type":"Error","description":"bad key {KEY}"}}"#);
    let refuse = move |_| Some(Script::refuse(401, &[], echo.clone()));
    let close =
        move |_| Some(Script::new().say(in_band.clone()).close(1008, format!("bad key {KEY}")));
    [
        Arc::new(WebSocketServer::in_memory_serving(refuse)),
        Arc::new(WebSocketServer::in_memory_serving(close)),
    ]
}
