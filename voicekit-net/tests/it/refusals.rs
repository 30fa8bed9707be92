//! What refusals mean, and what never gets into an error or a log.

use std::time::Duration;

use futures::StreamExt;
use voicekit_core::error::{Error, ErrorKind, Retry};
use voicekit_net::{
    Endpoint, HttpClient, HttpConfig, HttpRequest, PumpConfig, Refusal, RetryPolicy, Secret, pump,
};

use crate::codec::{Recogniser, feed};
use crate::server::{Service, endpoint};
use crate::web::{Answer, Script, plain, with_headers};

const KEY: &str = "sk-test-0123456789";

fn secret_endpoint(url: &str) -> Endpoint {
    let endpoint = endpoint(url).with_header("authorization", format!("Bearer {KEY}")).unwrap();
    endpoint.with_secret_query("token", &Secret::new("query-token-42")).unwrap()
}

async fn refused(answer: Answer) -> Error {
    let service = Service::new(1 << 16);
    let config = HttpConfig::default().with_retry(RetryPolicy::never());
    let client = HttpClient::new(service.connector(), config);
    Script::new([answer]).on(service);
    client.send(HttpRequest::get(secret_endpoint("http://service.test"))).await.unwrap_err()
}

#[tokio::test(start_paused = true)]
async fn a_status_says_who_is_at_fault_and_whether_to_try_again() {
    const SECOND: Retry = Retry::After(Duration::from_secs(1));
    const AT_ONCE: Retry = Retry::After(Duration::ZERO);
    for (status, kind, retry) in [
        (400, ErrorKind::Rejected, Retry::Never),
        (401, ErrorKind::Unauthenticated, Retry::Never),
        (402, ErrorKind::Quota, Retry::Never),
        (403, ErrorKind::Unauthenticated, Retry::Never),
        (404, ErrorKind::Rejected, Retry::Never),
        (408, ErrorKind::Timeout, AT_ONCE),
        (409, ErrorKind::Rejected, AT_ONCE),
        (422, ErrorKind::Rejected, Retry::Never),
        (429, ErrorKind::RateLimited, SECOND),
        (500, ErrorKind::Connection, AT_ONCE),
        (503, ErrorKind::RateLimited, SECOND),
        (504, ErrorKind::Timeout, AT_ONCE),
        (529, ErrorKind::RateLimited, SECOND),
        (302, ErrorKind::Rejected, Retry::Never),
    ] {
        let error = refused(plain(status, "<html>")).await;
        assert_eq!((error.kind(), error.retry()), (kind, retry), "{status}");
        assert!(error.message().starts_with(&format!("HTTP {status}")), "{error}");
        assert!(!error.message().contains("html"), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_may_say_how_long_to_leave_it_alone() {
    let date = "Sun, 06 Nov 1994 08:49:30 GMT";
    let later = "Sun, 06 Nov 1994 08:49:37 GMT";
    for (headers, expected) in [
        (vec![("retry-after", "7")], 7_000),
        (vec![("retry-after", "0.25")], 250),
        (vec![("retry-after", later), ("date", date)], 7_000),
        (vec![("retry-after", date), ("date", later)], 0),
        (vec![("retry-after-ms", "1500"), ("retry-after", "7")], 1_500),
        (vec![("retry-after", "soon")], 1_000),
        (vec![("retry-after", "-1")], 1_000),
    ] {
        let error = refused(with_headers(429, &headers, "")).await;
        assert_eq!(error.retry(), Retry::After(Duration::from_millis(expected)), "{headers:?}");
    }
    let never = refused(with_headers(500, &[("x-should-retry", "false")], "")).await;
    assert_eq!(never.retry(), Retry::Never);
    let again = refused(with_headers(400, &[("x-should-retry", "true")], "")).await;
    assert_eq!(again.retry(), Retry::After(Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn the_words_of_a_service_are_found_in_every_known_shape() {
    for body in [
        r#"{"error":{"message":"no such voice","code":null}}"#,
        r#"{"error":"no such voice"}"#,
        r#"{"detail":{"status":"x","message":"no such voice"}}"#,
        r#"{"detail":[{"loc":["body"],"msg":"no such voice"}]}"#,
        r#"{"detail":"no such voice"}"#,
        r#"{"message":"no\n such   voice"}"#,
        r#"{"err_code":"X","err_msg":"no such voice"}"#,
    ] {
        let error = refused(plain(400, body)).await;
        assert_eq!(
            (error.message(), error.detail()),
            ("HTTP 400 Bad Request", Some("no such voice"))
        );
        assert!(!format!("{error} {error:?}").contains("no such"), "{error:?}");
    }
    let long = format!(r#"{{"error":"{}"}}"#, "é".repeat(10_000));
    assert!(refused(plain(400, long)).await.detail().unwrap().chars().count() < 350);
}

#[tokio::test(start_paused = true)]
async fn an_adapter_may_know_better_what_a_refusal_means() {
    fn classify(refusal: &Refusal) -> Option<Error> {
        let code = refusal.field("/error/code")?;
        (code == "insufficient_quota").then(|| refusal.error_of(ErrorKind::Quota))
    }
    let service = Service::new(1 << 16);
    let client =
        HttpClient::new(service.connector(), HttpConfig::default()).with_classify(classify);
    Script::new([plain(429, r#"{"error":{"code":"insufficient_quota","message":"paid up"}}"#)])
        .on(service);
    let request = HttpRequest::get(endpoint("http://service.test"));
    let error = client.send(request).await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Quota, Retry::Never));
}

#[tokio::test(start_paused = true)]
async fn a_refused_upgrade_says_what_the_service_said() {
    let service = Service::new(1 << 16);
    let (_to, input) = feed();
    let link = service.link();
    let body = r#"{"err_code":"INVALID_AUTH","err_msg":"Invalid credentials."}"#;
    Script::new([plain(401, body)]).on(service);
    let mut output = pump(link, Recogniser::default(), input, PumpConfig::default());
    let error = output.next().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert_eq!(error.detail(), Some("Invalid credentials."));
    assert!(output.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn secrets_are_in_no_error_and_no_debug_output() {
    let body = format!(r#"{{"error":"the key {KEY} and query-token-42 are wrong"}}"#);
    let error = refused(plain(401, body)).await;
    let endpoint = secret_endpoint("wss://service.test/v1");
    let request = HttpRequest::post(endpoint.clone());
    for text in [
        format!("{error}"),
        format!("{error:?}"),
        format!("{endpoint:?}"),
        format!("{request:?}"),
        format!("{:?}", Secret::new(KEY)),
        serde_json::to_string(&Secret::new(KEY)).unwrap(),
    ] {
        assert!(!text.contains(KEY) && !text.contains("query-token-42"), "{text}");
    }
    assert_eq!(error.detail(), Some("the key [redacted] and [redacted] are wrong"));
    // Shortening does not leave half of a secret behind.
    let body = format!(r#"{{"error":"{}{KEY}"}}"#, "x".repeat(290));
    assert!(!refused(plain(400, body)).await.detail().unwrap().contains("sk-test"));
    let read: Secret = serde_json::from_str("\"quiet\"").unwrap();
    assert_eq!(read.expose(), "quiet");
}

#[test]
fn a_field_does_not_repeat_our_secret() {
    let endpoint = endpoint("https://api.test").with_header("x-key", KEY).unwrap();
    let body = format!(r#"{{"detail":{{"status":"no key {KEY}"}}}}"#);
    let refusal = Refusal::from_parts(&endpoint, 401, &[], body);
    let status = refusal.field("/detail/status").unwrap();
    assert!(status.starts_with("no key ") && !status.contains(KEY), "{status}");
}

#[test]
fn a_secret_that_is_not_set_is_a_setting_that_is_wrong() {
    let error = Secret::from_env("test", "VOICEKIT_NET_NO_SUCH_VARIABLE").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.message().contains("VOICEKIT_NET_NO_SUCH_VARIABLE"));
}

#[test]
fn an_endpoint_is_built_piece_by_piece() {
    let endpoint = endpoint("https://api.test/base/")
        .with_path("/v1/listen")
        .and_then(|endpoint| endpoint.with_query("keyterm", "two words+"))
        .and_then(|endpoint| endpoint.with_query("codes", r#"["a"]"#))
        .unwrap();
    let expected = "https://api.test/base/v1/listen?keyterm=two%20words%2B&codes=%5B%22a%22%5D";
    assert_eq!(endpoint.url(), expected);
    for wrong in ["api.test", "ftp://api.test", "https://", "https://me:pw@api.test", ""] {
        assert_eq!(Endpoint::new("test", wrong).unwrap_err().kind(), ErrorKind::Config, "{wrong}");
    }
    let header = endpoint.with_header("x-key", "line\nbreak").unwrap_err();
    assert_eq!(header.kind(), ErrorKind::Config);
    assert!(!header.to_string().contains("break"));
}
