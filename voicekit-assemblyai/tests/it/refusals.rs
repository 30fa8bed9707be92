//! What it means when the service does not do what it was asked.

use voicekit_core::error::{Error, ErrorKind, Retry};
use voicekit_testkit::server::Script;

use crate::support::{Call, config, service};

/// The error of connections that play `script`, and how many there were.
async fn failed(script: impl Fn() -> Script) -> (Error, usize) {
    let server = service((0..9).map(|_| script()));
    let mut call = Call::open(config(), &server).await;
    call.audio(1_000);
    let error = call.error().await;
    assert_eq!(call.next().await, "end", "an error is told once");
    (error, server.connections().len())
}

async fn closed(code: u16, reason: &'static str) -> (Error, usize) {
    failed(|| Script::new().until_bytes(1).close(code, reason)).await
}

async fn reported(message: &'static str) -> (Error, usize) {
    failed(|| Script::new().until_bytes(1).say(message).close(3006, "the same again")).await
}

#[tokio::test(start_paused = true)]
async fn a_refused_connection_is_tried_again_only_where_that_may_help() {
    let cases = [
        (400, ErrorKind::Config, 1),
        (401, ErrorKind::Unauthenticated, 1),
        (402, ErrorKind::Quota, 1),
        (403, ErrorKind::Unauthenticated, 1),
        (404, ErrorKind::Config, 1),
        (429, ErrorKind::RateLimited, 5),
        (500, ErrorKind::Connection, 5),
        (503, ErrorKind::RateLimited, 5),
    ];
    for (status, kind, attempts) in cases {
        let (error, connections) = failed(|| Script::refuse(status, &[], "")).await;
        assert_eq!((error.kind(), connections), (kind, attempts), "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn each_close_code_means_what_the_service_says_it_means() {
    let cases = [
        (1000, "", ErrorKind::Connection, 5),
        (1008, "Not authorized", ErrorKind::Unauthenticated, 1),
        (1008, "", ErrorKind::Unauthenticated, 1),
        (1008, "Insufficient funds", ErrorKind::Quota, 1),
        (1008, "Too many sessions per minute", ErrorKind::RateLimited, 5),
        (1013, "", ErrorKind::Connection, 5),
        (3005, "Server error", ErrorKind::Connection, 5),
        (3006, "Invalid parameter", ErrorKind::Config, 1),
        (3007, "Audio chunk duration violation", ErrorKind::Protocol, 1),
        (3008, "Session expired", ErrorKind::Connection, 5),
        (3009, "Too many concurrent sessions", ErrorKind::RateLimited, 5),
        (4001, "", ErrorKind::Unauthenticated, 1),
        (4002, "", ErrorKind::Quota, 1),
        (4008, "", ErrorKind::Connection, 5),
        (4029, "", ErrorKind::Protocol, 1),
        (4100, "", ErrorKind::Protocol, 1),
        (4102, "", ErrorKind::RateLimited, 5),
        (4103, "", ErrorKind::Connection, 5),
    ];
    for (code, reason, kind, attempts) in cases {
        let (error, connections) = closed(code, reason).await;
        assert_eq!((error.kind(), connections), (kind, attempts), "{code} {reason}");
        assert_eq!(error.retry() == Retry::Never, attempts == 1, "{code} {reason}");
        assert_eq!(error.detail().unwrap_or_default(), reason);
        assert!(reason.is_empty() || !error.to_string().contains(reason), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_and_the_close_after_it_are_told_once() {
    let (error, connections) =
        reported(r#"{"type":"Error","error_code":3007,"error":"chunk too short"}"#).await;
    assert_eq!((error.kind(), connections), (ErrorKind::Protocol, 1));
    assert_eq!(error.message(), "the service reported 3007");
    assert_eq!(error.detail(), Some("chunk too short"));
}

#[tokio::test(start_paused = true)]
async fn an_error_is_understood_by_its_code_or_else_by_its_words() {
    let cases = [
        (r#"{"type":"Error","error_code":3005,"error":"x"}"#, ErrorKind::Connection, 5),
        (r#"{"type":"Error","error_code":3006,"error":"x"}"#, ErrorKind::Config, 1),
        (r#"{"type":"Error","error_code":"3006","error":"x"}"#, ErrorKind::Config, 1),
        (r#"{"type":"Error","error":"Not authorized"}"#, ErrorKind::Unauthenticated, 1),
        (r#"{"error":"Insufficient balance"}"#, ErrorKind::Quota, 1),
        (r#"{"type":"Error","error":{"a":1}}"#, ErrorKind::Rejected, 1),
        (r#"{"type":"Error"}"#, ErrorKind::Rejected, 1),
    ];
    for (message, kind, attempts) in cases {
        let (error, connections) = reported(message).await;
        assert_eq!((error.kind(), connections), (kind, attempts), "{message}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_says_which_session_it_was() {
    let begin = r#"{"type":"Begin","id":"c3a1","expires_at":0}"#;
    let script = || Script::new().until_bytes(1).say(begin).close(3007, "");
    let (error, _) = failed(script).await;
    assert_eq!(error.message(), "the service closed the connection (3007) (session c3a1)");
}

#[tokio::test(start_paused = true)]
async fn a_malformed_message_breaks_the_protocol() {
    for wrong in ["{", "17", "{}", r#"{"type":null}"#, r#"{"type":7}"#] {
        let (error, connections) = failed(|| Script::new().say(wrong)).await;
        assert_eq!((error.kind(), connections), (ErrorKind::Protocol, 1), "{wrong}");
    }
}
