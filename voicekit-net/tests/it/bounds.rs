//! Queues are bounded in bytes: services that flood, and readers that do not read.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use voicekit_core::error::ErrorKind;
use voicekit_net::{HttpClient, HttpConfig, HttpRequest, PumpConfig, RetryPolicy, pump, sse};

use crate::codec::{In, Recogniser, feed};
use crate::server::{Service, endpoint};
use crate::web::{Script, plain};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A megabyte of text.
fn megabyte() -> String {
    "x".repeat(1 << 20)
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_not_read_on_while_megabytes_wait() {
    let mut service = Service::new(1 << 16);
    let (_to, input) = feed();
    let mut output = pump(service.link(), Recogniser::default(), input, PumpConfig::default());
    let mut peer = service.accept().await;
    let mut taken = 0;
    while timeout(ms(1_000), peer.0.send(Message::text(megabyte()))).await.is_ok() {
        taken += 1;
        assert!(taken < 20, "20 MB were taken that nobody reads");
    }
    assert!(taken >= 4, "{taken} MB");
    // It is read on as soon as there is room, and nothing is lost.
    for _ in 0..taken {
        assert_eq!(output.next().await.unwrap().unwrap().len(), 1 << 20);
    }
}

#[tokio::test(start_paused = true)]
async fn the_bound_in_bytes_can_be_set() {
    let mut service = Service::new(1 << 10);
    let (_to, input) = feed();
    let config = PumpConfig::default().with_output_bytes(2_000);
    let mut output = pump(service.link(), Recogniser::default(), input, config);
    let mut peer = service.accept().await;
    let text = "x".repeat(500);
    let mut taken = 0;
    while timeout(ms(1_000), peer.0.send(Message::text(text.clone()))).await.is_ok() {
        taken += 1;
        assert!(taken < 12, "{taken} texts of 500 bytes were taken");
    }
    for _ in 0..taken {
        assert_eq!(output.next().await.unwrap().unwrap(), text);
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_too_large_breaks_the_protocol() {
    let mut service = Service::new(1 << 16);
    let (_to, input) = feed();
    let mut output = pump(service.link(), Recogniser::default(), input, PumpConfig::default());
    let mut peer = service.accept().await;
    tokio::spawn(async move {
        let _ = peer.0.send(Message::text("x".repeat(5 << 20))).await;
    });
    let error = output.next().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
}

#[tokio::test(start_paused = true)]
async fn the_input_is_not_read_on_while_texts_wait_to_be_sent() {
    let mut service = Service::new(1 << 10);
    let (to, input) = feed();
    let config = PumpConfig::default().with_answer(ms(60_000));
    let _output = pump(service.link(), Recogniser::default(), input, config);
    let _peer = service.accept().await;
    for _ in 0..40 {
        to.send(In::Text("x".repeat(64 << 10))).await.unwrap_or_else(|_| panic!());
    }
    sleep(ms(1_000)).await;
    let left = to.max_capacity() - to.capacity();
    assert!(left > 30, "only {left} of 40 texts of 64 KiB wait in the input");
}

#[test]
fn the_id_of_an_event_is_not_repeated_without_bound() {
    let mut parser = sse::Parser::default();
    let id = "i".repeat(100_000);
    parser
        .feed(format!("id: {id}\nevent: {id}\ndata: one\n\nid: 7\ndata: two\n\n").as_bytes())
        .unwrap();
    let (one, two) = (parser.next_event().unwrap(), parser.next_event().unwrap());
    assert_eq!((one.id.as_str(), one.event.as_str(), one.data.as_str()), ("", "message", "one"));
    assert_eq!((two.id.as_str(), two.data.as_str()), ("7", "two"));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_too_large_is_given_up() {
    let service = Service::new(1 << 16);
    let config = HttpConfig::default().with_largest_body(1 << 20).with_retry(RetryPolicy::never());
    let client = HttpClient::new(service.connector(), config);
    Script::new([plain(200, vec![b' '; 2 << 20])]).on(service);
    let request = HttpRequest::get(endpoint("http://service.test"));
    let error = client.send(request).await.unwrap().bytes().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
}
