//! The key and what is said appear nowhere.

use serde_json::json;
use voicekit_testkit::logs::Logs;
use voicekit_testkit::server::Script;

use crate::support::{KEY, Talk, config, service, voice};

#[test]
fn no_debug_and_no_file_shows_the_key() {
    let shown = [
        format!("{:?}", config()),
        format!("{:?}", voice(&service([]))),
        toml::to_string(&config()).unwrap(),
    ];
    for text in shown {
        assert!(!text.contains(KEY), "{text}");
        assert!(text.contains("redacted"), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_error_repeats_the_key_and_no_log_holds_it_or_what_was_said() {
    let logs = Logs::catch();
    let detail = json!({ "detail": { "status": "invalid_api_key", "message": KEY } });
    let error = json!({ "error": "bad", "message": format!("bad key {KEY}"), "code": 1008 });
    let scripts = [
        Script::refuse(401, &[], detail.to_string()),
        Script::new().until_text("flush").close(1008, format!("bad key {KEY}")),
        Script::new().until_text("flush").say(error.to_string()),
        Script::new().until_text("flush").say(format!(r#"{{"audio":"confidential {KEY}"}}"#)),
        Script::new().until_text("flush").say(format!("confidential {KEY}")),
    ];
    for script in scripts {
        let server = service([script]);
        let error = Talk::whole(&voice(&server), &["confidential words"]).await.error().await;
        let text = format!("{error} {error:?}");
        assert!(!text.contains(KEY) && !text.contains("confidential"), "{text}");
    }
    let logged = logs.text();
    assert!(logged.contains("elevenlabs"), "nothing was logged");
    assert!(!logged.contains(KEY), "{logged}");
    assert!(!logged.contains("confidential"), "{logged}");
}
