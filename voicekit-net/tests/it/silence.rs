//! A service that does not answer leaves one warning that names it.

use std::time::Duration;

use futures::StreamExt;
use tokio::time::{sleep, timeout};
use voicekit_core::error::ErrorKind;
use voicekit_net::{HttpClient, HttpConfig, HttpRequest, PumpConfig, RetryPolicy, pump};
use voicekit_testkit::logs::Logs;

use crate::codec::{In, Recogniser, chunk, feed};
use crate::server::{Service, endpoint};
use crate::web::Script;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// The warnings, and what weighs more.
fn warnings(logs: &Logs) -> Vec<String> {
    let text = logs.text();
    let lines = text.lines().filter(|line| line.contains(" WARN ") || line.contains("ERROR"));
    lines.map(str::to_owned).collect()
}

fn assert_is_one(logs: &Logs) {
    let warnings = warnings(logs);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("the service does not answer"), "{warnings:?}");
    assert!(warnings[0].contains("service=\"test\""), "{warnings:?}");
}

#[tokio::test(start_paused = true)]
async fn an_upgrade_that_is_not_answered_is_told_once() {
    let logs = Logs::catch();
    let mut service = Service::new(1 << 16);
    let (_to, input) = feed();
    let mut output = pump(service.link(), Recogniser::default(), input, PumpConfig::default());
    let mut held = Vec::new();
    let end = loop {
        tokio::select! {
            raw = service.raw() => held.push(raw),
            end = output.next() => break end,
        }
    };
    assert_eq!(end.unwrap().unwrap_err().kind(), ErrorKind::Timeout);
    assert!(held.len() > 1, "it was tried again");
    assert_is_one(&logs);
}

#[tokio::test(start_paused = true)]
async fn a_socket_on_which_nothing_ever_comes_is_told_once() {
    for lenient in [true, false] {
        let logs = Logs::catch();
        let mut service = Service::new(1 << 16);
        let (to, input) = feed();
        let codec = Recogniser { lenient, ..Recogniser::default() };
        let output = pump(service.link(), codec, input, PumpConfig::default());
        let reading = tokio::spawn(output.for_each(|_| async {}));
        let _peer = service.accept().await;
        to.send(In::Flush).await.unwrap_or_else(|_| panic!());
        sleep(ms(12_000)).await;
        reading.abort();
        sleep(ms(2_000)).await;
        assert_is_one(&logs);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_dropped_tells_of_a_service_that_never_said_a_word() {
    let logs = Logs::catch();
    let mut service = Service::new(1 << 16);
    let (to, input) = feed();
    let output = pump(service.link(), Recogniser::default(), input, PumpConfig::default());
    let _peer = service.accept().await;
    to.send(chunk(0)).await.unwrap_or_else(|_| panic!());
    sleep(ms(6_000)).await;
    assert!(warnings(&logs).is_empty());
    drop(output);
    sleep(ms(2_000)).await;
    assert_is_one(&logs);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_answers_leaves_no_warning() {
    let logs = Logs::catch();
    let mut service = Service::new(1 << 16);
    let (to, input) = feed();
    let mut output = pump(service.link(), Recogniser::default(), input, PumpConfig::default());
    let mut peer = service.accept().await;
    to.send(chunk(0)).await.unwrap_or_else(|_| panic!());
    peer.say("hello").await;
    output.next().await.unwrap().unwrap();
    sleep(ms(60_000)).await;
    drop((output, peer));
    sleep(ms(2_000)).await;
    assert!(warnings(&logs).is_empty(), "{:?}", warnings(&logs));
}

fn client(service: &Service, retries: usize) -> HttpClient {
    let retry = RetryPolicy::after(vec![ms(100); retries]);
    HttpClient::new(service.connector(), HttpConfig::default().with_retry(retry))
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_tried_again_and_never_answered_is_told_once() {
    let logs = Logs::catch();
    let service = Service::new(1 << 16);
    let client = client(&service, 3);
    Script::new([]).on(service);
    let error = client.send(HttpRequest::get(endpoint("http://service.test"))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_is_one(&logs);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_given_up_before_its_answer_is_told_once() {
    for (wait, count) in [(7_000, 1), (2_000, 0)] {
        let logs = Logs::catch();
        let service = Service::new(1 << 16);
        let client = client(&service, 3);
        Script::new([]).on(service);
        let asking = client.send(HttpRequest::get(endpoint("http://service.test")));
        assert!(timeout(ms(wait), asking).await.is_err());
        assert_eq!(warnings(&logs).len(), count, "{:?}", warnings(&logs));
    }
}
