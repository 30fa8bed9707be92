//! What it means when the service does not do what it was asked.

use voicekit_core::error::{Error, ErrorKind, Retry};
use voicekit_testkit::server::Script;

use crate::support::{Call, METADATA, closing, ms, nova, result, service};

/// The error of a connection that is refused, and how many connections there were.
async fn refused(status: u16, body: &str) -> (Error, usize) {
    let headers = [("dg-request-id", "request-9"), ("dg-error", "from the header")];
    let server = service((0..9).map(|_| Script::refuse(status, &headers, body)));
    let error = Call::open(&nova(&server)).await.error().await;
    (error, server.connections().len())
}

/// The error of connections that are closed, and how many there were.
async fn closed(code: u16, reason: &'static str) -> (Error, usize) {
    let script = || Script::new().until_bytes(1).close(code, reason);
    let server = service((0..9).map(|_| script()));
    let mut call = Call::open(&nova(&server)).await;
    call.audio(1_000);
    (call.error().await, server.connections().len())
}

#[tokio::test(start_paused = true)]
async fn what_another_attempt_cannot_mend_is_not_tried_again() {
    let cases = [
        (400, ErrorKind::Config),
        (401, ErrorKind::Unauthenticated),
        (402, ErrorKind::Quota),
        (403, ErrorKind::Unauthenticated),
        (404, ErrorKind::Config),
    ];
    for (status, kind) in cases {
        let (error, connections) = refused(status, "").await;
        assert_eq!((error.kind(), error.retry()), (kind, Retry::Never), "{status}");
        assert_eq!(connections, 1, "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_another_attempt_may_mend_is_tried_again() {
    for (status, kind) in
        [(429, ErrorKind::RateLimited), (500, ErrorKind::Connection), (503, ErrorKind::RateLimited)]
    {
        let (error, connections) = refused(status, "").await;
        assert_eq!(error.kind(), kind, "{status}");
        assert_eq!(connections, 5, "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_says_why_and_which_request_it_was() {
    let body =
        r#"{"err_code":"INVALID_AUTH","err_msg":"Invalid credentials.","request_id":"request-8"}"#;
    let (error, _) = refused(401, body).await;
    let wanted = "deepgram: HTTP 401 Unauthorized [INVALID_AUTH] (request request-9)";
    assert_eq!(error.to_string(), wanted);
    assert_eq!(error.detail(), Some("Invalid credentials."));
    let body =
        r#"{"category":"INVALID_QUERY","message":"Bad model.","details":"x","request_id":"r"}"#;
    let (error, _) = refused(400, body).await;
    let wanted = "deepgram: HTTP 400 Bad Request [INVALID_QUERY] (request request-9)";
    assert_eq!(error.to_string(), wanted);
    assert_eq!(error.detail(), Some("Bad model."));
    let (error, _) = refused(402, "").await;
    assert_eq!(error.detail(), Some("from the header"));
}

#[tokio::test(start_paused = true)]
async fn audio_that_the_service_cannot_read_is_a_wrong_setting() {
    let (error, connections) = closed(1008, "DATA-0000").await;
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Config, Retry::Never));
    assert!(error.message().contains("DATA-0000"), "{error}");
    assert_eq!(connections, 1);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_the_service_closes_for_want_of_audio_is_made_again() {
    let (error, connections) = closed(1011, "NET-0001").await;
    assert_eq!(error.kind(), ErrorKind::Connection);
    assert!(error.message().contains("NET-0001"), "{error}");
    assert_eq!(connections, 5);
}

#[tokio::test(start_paused = true)]
async fn a_close_before_the_end_is_not_the_end() {
    let hello = result("Hello.", 0.0, 1.0, &["is_final", "speech_final"]);
    let second = Script::new().until_bytes(8_000).say(hello).answer(closing(METADATA));
    let server = service([Script::new().until_bytes(1).close(1000, ""), second]);
    let mut call = Call::open(&nova(&server)).await;
    call.audio(1_000);
    assert_eq!(call.next().await, "= Hello.");
    tokio::time::sleep(ms(100)).await;
    call.hang_up();
    assert!(call.rest().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_malformed_message_breaks_the_protocol() {
    for wrong in ["{", "17", r#"{"no":"type"}"#, r#"{"type":"Results","start":0}"#] {
        let server = service([Script::new().say(wrong)]);
        let error = Call::open(&nova(&server)).await.error().await;
        assert_eq!((error.kind(), error.service()), (ErrorKind::Protocol, "deepgram"), "{wrong}");
        assert_eq!(error.retry(), Retry::Never);
    }
}
