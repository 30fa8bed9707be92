//! HTTP against servers in memory, in virtual time.

use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep, timeout};
use voicekit_core::error::ErrorKind;
use voicekit_net::{HttpClient, HttpConfig, HttpRequest, RetryPolicy};

use crate::server::{Service, endpoint};
use crate::web::{Script, plain, streamed, with_headers};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn client(service: &Service) -> HttpClient {
    HttpClient::new(service.connector(), HttpConfig::default())
}

fn post() -> HttpRequest {
    HttpRequest::post(endpoint("http://service.test/v1/chat")).json(&json!({"a": 1})).unwrap()
}

#[tokio::test(start_paused = true)]
async fn json_goes_out_and_comes_back_and_the_connection_is_used_again() {
    let service = Service::new(1 << 16);
    let client = client(&service);
    let script = Script::new([plain(200, r#"{"b":2}"#), plain(201, r#"{"c":3}"#)]);
    let connections = script.on(service);
    let endpoint = endpoint("http://service.test/v1?x=1").with_header("x-key", "k").unwrap();
    let request = HttpRequest::post(endpoint).json(&json!({"a": "é"})).unwrap();
    let answer: Value = client.send(request).await.unwrap().json().await.unwrap();
    assert_eq!(answer, json!({"b": 2}));
    let answer = client.send(post()).await.unwrap();
    assert_eq!(answer.status(), 201);
    assert_eq!(answer.bytes().await.unwrap(), r#"{"c":3}"#);
    let asked = script.asked();
    assert_eq!(asked[0].line, "POST /v1?x=1");
    assert_eq!(asked[0].body, r#"{"a":"é"}"#);
    assert_eq!(asked[0].headers["content-type"], "application/json");
    assert_eq!(asked[0].headers["host"], "service.test");
    assert_eq!(asked[0].headers["x-key"], "k");
    assert!(asked[0].headers["user-agent"].to_str().unwrap().starts_with("voicekit/"));
    assert_eq!(*connections.lock().unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_warm_connection_is_used_for_the_first_request() {
    let service = Service::new(1 << 16);
    let client = client(&service);
    let connections = Script::new([plain(200, "")]).on(service);
    client.warm(&endpoint("http://service.test")).await.unwrap();
    client.warm(&endpoint("http://service.test")).await.unwrap();
    client.send(post()).await.unwrap();
    assert_eq!(*connections.lock().unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_was_kept_too_long_is_not_used() {
    let service = Service::new(1 << 16);
    let client = client(&service);
    let connections = Script::new([plain(200, ""), plain(200, "")]).on(service);
    client.send(post()).await.unwrap().bytes().await.unwrap();
    sleep(Duration::from_secs(61)).await;
    client.send(post()).await.unwrap().bytes().await.unwrap();
    assert_eq!(*connections.lock().unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_kept_connection_that_the_service_closes_costs_no_attempt() {
    let mut service = Service::new(1 << 16);
    let config = HttpConfig::default().with_retry(RetryPolicy::never());
    let client = HttpClient::new(service.connector(), config);
    client.warm(&endpoint("http://service.test")).await.unwrap();
    let mut first = service.raw().await;
    let sending = tokio::spawn(async move { client.send(post()).await });
    // The service takes the request and closes without an answer.
    let _ = first.read(&mut [0; 4_096]).await.unwrap();
    drop(first);
    Script::new([plain(200, "fine")]).on(service);
    let answer = sending.await.unwrap().unwrap();
    assert_eq!(answer.bytes().await.unwrap(), "fine");
}

#[tokio::test(start_paused = true)]
async fn what_must_not_happen_twice_is_sent_once() {
    let mut service = Service::new(1 << 16);
    let client = client(&service);
    client.warm(&endpoint("http://service.test")).await.unwrap();
    let mut kept = service.raw().await;
    let sending = tokio::spawn(async move { client.send(post().once()).await });
    let _ = kept.read(&mut [0; 4_096]).await.unwrap();
    drop(kept);
    let script = Script::new([plain(200, "fine")]);
    script.on(service);
    assert_eq!(sending.await.unwrap().unwrap_err().kind(), ErrorKind::Connection);
    assert!(script.asked().is_empty());
}

#[tokio::test(start_paused = true)]
async fn events_come_as_they_are_sent() {
    let service = Service::new(1 << 16);
    let client = client(&service);
    let pieces =
        ["data: o", "ne\r", "\n\r\nevent: x\ndata: two\n", "\n", ": ping\n\ndata: [DONE]\n\n"];
    let pieces = stream::iter(pieces).then(|piece| async move {
        sleep(ms(100)).await;
        Bytes::from(piece)
    });
    Script::new([streamed(pieces.boxed())]).on(service);
    let started = Instant::now();
    let mut events = client.send(post().accept("text/event-stream")).await.unwrap().events();
    let mut seen = Vec::new();
    while let Some(event) = events.next().await {
        let event = event.unwrap();
        seen.push((event.event, event.data, started.elapsed().as_millis()));
    }
    let seen: Vec<_> = seen.iter().map(|(kind, data, at)| (&**kind, &**data, *at)).collect();
    assert_eq!(seen, [("message", "one", 300), ("x", "two", 400), ("message", "[DONE]", 500)]);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_falls_silent_is_a_timeout() {
    let service = Service::new(1 << 16);
    let client = client(&service);
    let pieces = stream::iter(["data: a\n\n"]).map(Bytes::from).chain(stream::pending());
    Script::new([streamed(pieces.boxed())]).on(service);
    let mut events = client.send(post()).await.unwrap().events();
    assert_eq!(events.next().await.unwrap().unwrap().data, "a");
    let started = Instant::now();
    let error = events.next().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(started.elapsed(), ms(20_000));
    assert!(events.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_cut_off_is_an_error_and_not_an_end() {
    let mut service = Service::new(1 << 16);
    let client = client(&service);
    let sending = tokio::spawn(async move { client.send(post()).await.unwrap().bytes().await });
    let mut io = service.raw().await;
    let _ = io.read(&mut [0; 4_096]).await.unwrap();
    io.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf").await.unwrap();
    drop(io);
    let error = sending.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_accepts_and_never_answers_is_a_timeout() {
    let service = Service::new(1 << 16);
    let config = HttpConfig::default().with_retry(RetryPolicy::never());
    let client = HttpClient::new(service.connector(), config);
    Script::default().on(service);
    let started = Instant::now();
    let error = client.send(post()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(started.elapsed(), ms(10_000));
}

#[tokio::test(start_paused = true)]
async fn a_body_larger_than_allowed_is_refused() {
    let service = Service::new(1 << 16);
    let config = HttpConfig::default().with_largest_body(1_000);
    let client = HttpClient::new(service.connector(), config);
    Script::new([plain(200, vec![b'x'; 1_001])]).on(service);
    let error = client.send(post()).await.unwrap().bytes().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
}

#[tokio::test(start_paused = true)]
async fn dropping_a_response_closes_its_connection() {
    let mut service = Service::new(1 << 16);
    let client = client(&service);
    let sending = tokio::spawn({
        let client = client.clone();
        async move { client.send(post()).await }
    });
    let mut io = service.raw().await;
    let _ = io.read(&mut [0; 4_096]).await.unwrap();
    io.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf").await.unwrap();
    let response = sending.await.unwrap().unwrap();
    let mut pieces = response.stream();
    assert_eq!(pieces.next().await.unwrap().unwrap(), "half");
    drop(pieces);
    let closed = timeout(ms(1), io.read(&mut [0; 16])).await.unwrap();
    assert_eq!(closed.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn dropping_a_request_closes_its_connection() {
    let mut service = Service::new(1 << 16);
    let client = client(&service);
    let sending = tokio::spawn(async move { client.send(post()).await.map(|_| ()) });
    let mut io = service.raw().await;
    let _ = io.read(&mut [0; 4_096]).await.unwrap();
    sending.abort();
    let closed = timeout(ms(1), io.read(&mut [0; 16])).await.unwrap();
    assert_eq!(closed.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_may_pass_is_tried_again_and_what_will_not_is_not() {
    let service = Service::new(1 << 16);
    let config = HttpConfig::default().with_retry(RetryPolicy::after([ms(100), ms(200)]));
    let client = HttpClient::new(service.connector(), config);
    let script = Script::new([
        plain(500, ""),
        with_headers(429, &[("retry-after", "1")], ""),
        plain(200, "fine"),
        plain(400, ""),
    ]);
    script.on(service);
    let started = Instant::now();
    let answer = client.send(post()).await.unwrap();
    assert_eq!(started.elapsed(), ms(1_100), "100 ms, then the second that was asked for");
    assert_eq!(answer.bytes().await.unwrap(), "fine");
    assert_eq!(client.send(post()).await.unwrap_err().kind(), ErrorKind::Rejected);
    assert_eq!(script.asked().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_as_long_as_a_service_likes() {
    let service = Service::new(1 << 16);
    let client = client(&service);
    let script = Script::new([with_headers(429, &[("retry-after", "30")], "")]);
    script.on(service);
    let error = client.send(post()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    assert_eq!(script.asked().len(), 1);
}
