//! The key and what is said appear nowhere.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::json;
use tracing::Dispatch;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::MakeWriter;
use voicekit_testkit::server::Script;

use crate::support::{KEY, Talk, config, service, voice};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Everything logged until what is returned is dropped.
    fn listen(&self) -> (DefaultGuard, Dispatch) {
        let subscriber = || {
            let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE);
            subscriber.with_ansi(false).with_writer(self.clone()).finish()
        };
        // Were it the only one, tests on other threads would switch log lines off for good.
        let second = Dispatch::new(subscriber());
        (tracing::subscriber::set_default(subscriber()), second)
    }
}

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

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
    let lines = Lines::default();
    let _guard = lines.listen();
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
    let logged = lines.text();
    assert!(logged.contains("elevenlabs"), "nothing was logged");
    assert!(!logged.contains(KEY), "{logged}");
    assert!(!logged.contains("confidential"), "{logged}");
}
