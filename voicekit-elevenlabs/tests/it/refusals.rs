//! What the service's complaints mean.

use std::time::Duration;

use serde_json::json;
use voicekit_core::error::{ErrorKind, Retry};
use voicekit_testkit::server::Script;

use crate::support::{Talk, config, service, voice, voice_with};

fn detail(status: &str) -> String {
    json!({ "detail": { "status": status, "message": "No." } }).to_string()
}

async fn refused(status: u16, body: &str) -> (ErrorKind, Retry, String) {
    let script = || Script::refuse(status, &[("request-id", "r-7")], body);
    let server = service([script(), script()]);
    let error = Talk::whole(&voice(&server), &["One."]).await.error().await;
    assert_eq!(error.service(), "elevenlabs");
    let detail = error.detail().unwrap_or_default().to_owned();
    assert!(detail.is_empty() || !error.to_string().contains(&detail), "{error}");
    (error.kind(), error.retry(), format!("{error} | {detail}"))
}

#[tokio::test(start_paused = true)]
async fn a_refusal_says_who_is_at_fault() {
    for (status, code, kind) in [
        (400, "max_character_limit_exceeded", ErrorKind::Rejected),
        (400, "invalid_model", ErrorKind::Config),
        (400, "voice_not_found", ErrorKind::Config),
        (404, "voice_not_found", ErrorKind::Config),
        (401, "invalid_api_key", ErrorKind::Unauthenticated),
        (401, "missing_permissions", ErrorKind::Unauthenticated),
        (401, "quota_exceeded", ErrorKind::Quota),
        (403, "only_for_creator+", ErrorKind::Rejected),
        (403, "other", ErrorKind::Unauthenticated),
        (418, "other", ErrorKind::Rejected),
    ] {
        let (seen, retry, text) = refused(status, &detail(code)).await;
        assert_eq!((seen, retry), (kind, Retry::Never), "{status} {code}: {text}");
        assert!(text.contains("No.") && text.contains(code) && text.contains("r-7"), "{text}");
    }
    for (status, code, kind, wait) in [
        (429, "too_many_concurrent_requests", ErrorKind::RateLimited, 1_000),
        (429, "system_busy", ErrorKind::RateLimited, 250),
        (500, "other", ErrorKind::Connection, 0),
    ] {
        let (seen, retry, _) = refused(status, &detail(code)).await;
        let wait = Retry::After(Duration::from_millis(wait));
        assert_eq!((seen, retry), (kind, wait), "{status} {code}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_of_details_is_read_as_well() {
    let body = r#"{"detail":[{"loc":["body","text"],"msg":"field required","type":"missing"}]}"#;
    let (kind, retry, text) = refused(422, body).await;
    assert_eq!((kind, retry), (ErrorKind::Rejected, Retry::Never));
    assert!(text.contains("field required"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_voice_that_does_not_exist_is_named() {
    let server = service([Script::refuse(404, &[], detail("voice_not_found"))]);
    let voice = voice_with(&server, config().with_voice("nobody"));
    let error = Talk::whole(&voice, &["One."]).await.error().await;
    assert!(error.message().starts_with(r#"there is no voice "nobody": "#), "{error}");
    let reason = "A voice with voice_id nobody does not exist.";
    let server = service([Script::new().until_text("One").close(1008, reason)]);
    let voice = voice_with(&server, config().with_voice("nobody"));
    let error = Talk::whole(&voice, &["One."]).await.error().await;
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.message().starts_with(r#"there is no voice "nobody": "#), "{error}");
}

#[tokio::test(start_paused = true)]
async fn reasons_for_closing_mean_what_refusals_mean() {
    for (code, reason, kind, again) in [
        (1008, "This request exceeds your quota of 10000.", ErrorKind::Quota, false),
        (1008, "invalid_api_key", ErrorKind::Unauthenticated, false),
        (1008, "too_many_concurrent_requests", ErrorKind::RateLimited, true),
        (1008, "max_active_conversations", ErrorKind::Connection, true),
        (1008, "something else", ErrorKind::Rejected, false),
        (1011, "", ErrorKind::Connection, true),
        (1000, "", ErrorKind::Connection, true),
    ] {
        let script = || Script::new().until_text("One").close(code, reason);
        let server = service([script(), script()]);
        let error = Talk::whole(&voice(&server), &["One."]).await.error().await;
        let is_again = error.retry() != Retry::Never;
        assert_eq!((error.kind(), is_again), (kind, again), "{reason}: {error}");
        assert_eq!(server.connections().len(), if again { 2 } else { 1 }, "{reason}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_in_a_message_means_what_a_refusal_means() {
    for (error, kind, connections) in [
        (
            json!({ "error": "quota_exceeded", "message": "No credits.", "code": 1008 }),
            ErrorKind::Quota,
            1,
        ),
        (
            json!({ "error": "max_active_conversations", "message": "Too many.", "code": 1008 }),
            ErrorKind::Connection,
            2,
        ),
        (json!({ "error": { "deep": 1 }, "code": "x" }), ErrorKind::Rejected, 1),
    ] {
        let script = || Script::new().until_text("One").say(error.to_string()).stall();
        let server = service([script(), script()]);
        let seen = Talk::whole(&voice(&server), &["One."]).await.error().await;
        assert_eq!((seen.kind(), server.connections().len()), (kind, connections), "{seen}");
    }
}
