//! How a stream ends.

use std::time::Duration;

use futures::StreamExt;
use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::Message;
use voicekit_core::error::ErrorKind;
use voicekit_net::{PumpConfig, RetryPolicy, pump};

use crate::codec::{In, Recogniser, chunk, feed};
use crate::server::Service;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn once() -> PumpConfig {
    PumpConfig::default().with_reconnect(RetryPolicy::never())
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_input_asks_for_the_rest_and_waits_for_it() {
    let mut service = Service::new(1 << 16);
    let (to, input) = feed();
    let output = pump(service.link(), Recogniser::default(), input, once());
    to.send(chunk(0)).await.unwrap_or_else(|_| panic!());
    drop(to);
    let server = tokio::spawn(async move {
        let mut peer = service.accept().await;
        peer.audio().await;
        assert_eq!(peer.text().await, "bye");
        tokio::time::sleep(ms(400)).await;
        peer.say("final 20 done").await;
        peer.close(1000, "").await;
    });
    let events: Vec<_> = output.map(Result::unwrap).collect().await;
    assert_eq!(events, ["done@20"]);
    server.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_last_word_of_the_service_ends_the_stream_at_once() {
    let mut service = Service::new(1 << 16);
    let (_to, input) = feed();
    let mut output = pump(service.link(), Recogniser::default(), input, once());
    let mut peer = service.accept().await;
    peer.say("final 0 word").await;
    peer.say("end").await;
    assert_eq!(output.next().await.unwrap().unwrap(), "word@0");
    let started = Instant::now();
    assert!(output.next().await.is_none());
    assert_eq!(started.elapsed(), Duration::ZERO);
    assert!(matches!(peer.next().await, Some(Message::Close(_))), "and is told goodbye");
}

#[tokio::test(start_paused = true)]
async fn a_service_that_never_closes_is_not_waited_for() {
    let mut service = Service::new(1 << 16);
    let (to, input) = feed();
    let mut output = pump(service.link(), Recogniser::default(), input, once());
    let mut peer = service.accept().await;
    let started = Instant::now();
    drop(to);
    assert_eq!(peer.text().await, "bye");
    assert!(output.next().await.is_none());
    assert_eq!(started.elapsed(), ms(5_000));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_owed_and_never_comes_is_a_timeout() {
    let mut service = Service::new(1 << 16);
    let (to, input) = feed();
    let mut output = pump(service.link(), Recogniser::default(), input, once());
    let mut peer = service.accept().await;
    to.send(In::Flush).await.unwrap_or_else(|_| panic!());
    assert_eq!(peer.text().await, "flush");
    tokio::time::sleep(ms(6_000)).await;
    peer.say("word 0 thinking").await;
    let started = Instant::now();
    assert_eq!(output.next().await.unwrap().unwrap(), "thinking?@0");
    let error = output.next().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(started.elapsed(), ms(10_000), "from the last message on");
    assert!(output.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_codec_may_give_an_answer_up_for_lost() {
    let mut service = Service::new(1 << 16);
    let codec = Recogniser { lenient: true, ..Recogniser::default() };
    let (to, input) = feed();
    let mut output = pump(service.link(), codec, input, once().with_answer(ms(500)));
    let mut peer = service.accept().await;
    to.send(In::Flush).await.unwrap_or_else(|_| panic!());
    assert_eq!(peer.text().await, "flush");
    assert_eq!(output.next().await.unwrap().unwrap(), "gave up");
    tokio::time::sleep(ms(2_000)).await;
    peer.say("still here").await;
    assert_eq!(output.next().await.unwrap().unwrap(), "still here");
}

#[tokio::test(start_paused = true)]
async fn a_service_that_accepts_and_never_answers_is_a_timeout() {
    let mut service = Service::new(1 << 16);
    let (_to, input) = feed();
    let started = Instant::now();
    let mut output = pump(service.link(), Recogniser::default(), input, once());
    let _open = service.raw().await;
    let error = output.next().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(started.elapsed(), ms(5_000));
}

#[tokio::test(start_paused = true)]
async fn a_service_that_stops_reading_is_a_timeout() {
    let mut service = Service::new(256);
    let (to, input) = feed();
    let mut output = pump(service.link(), Recogniser::default(), input, once());
    let _peer = service.accept().await;
    let started = Instant::now();
    for nth in 0..100 {
        to.send(chunk(nth)).await.unwrap_or_else(|_| panic!());
    }
    let error = output.next().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(started.elapsed(), ms(10_000));
}

#[tokio::test(start_paused = true)]
async fn a_close_before_the_end_says_why() {
    let mut service = Service::new(1 << 16);
    let (_to, input) = feed();
    let mut output = pump(service.link(), Recogniser::default(), input, PumpConfig::default());
    let mut peer = service.accept().await;
    let server = tokio::spawn(async move { peer.close(1008, "no such voice").await });
    let error = output.next().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert!(!error.to_string().contains("no such voice"), "{error}");
    assert_eq!(error.detail(), Some("no such voice"));
    assert!(output.next().await.is_none());
    server.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_keeps_breaking_is_given_up_in_time() {
    let mut service = Service::new(1 << 16);
    let (_to, input) = feed();
    let started = Instant::now();
    let mut output = pump(service.link(), Recogniser::default(), input, PumpConfig::default());
    let server = tokio::spawn(async move {
        let mut count = 0;
        while let Ok(Some(io)) = timeout(ms(60_000), async { Some(service.raw().await) }).await {
            count += 1;
            drop(io);
        }
        count
    });
    let error = output.next().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection);
    assert_eq!(started.elapsed(), ms(700), "100, 200 and 400 ms");
    drop(output);
    assert_eq!(server.await.unwrap(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_malformed_message_is_not_worth_a_reconnect() {
    let mut service = Service::new(1 << 16);
    let (_to, input) = feed();
    let mut output = pump(service.link(), Recogniser::default(), input, PumpConfig::default());
    let mut peer = service.accept().await;
    peer.say("bad").await;
    let error = output.next().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert!(output.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_half_closed_connection_is_lost_and_made_anew() {
    let mut service = Service::new(1 << 16);
    let (to, input) = feed();
    let _output = pump(service.link(), Recogniser::default(), input, PumpConfig::default());
    let mut peer = service.accept().await;
    to.send(chunk(0)).await.unwrap_or_else(|_| panic!());
    peer.audio().await;
    // The service's end is shut without a close frame, and what we say is still taken.
    peer.0.get_mut().shutdown().await.unwrap();
    let mut again = service.accept().await;
    assert_eq!(again.audio().await.len(), 160, "what was not final is said again");
}

#[tokio::test(start_paused = true)]
async fn an_input_that_ended_is_finished_on_the_next_connection_too() {
    let mut service = Service::new(1 << 16);
    let codec = Recogniser { owed_finish: true, ..Recogniser::default() };
    let (to, input) = feed();
    let output = pump(service.link(), codec, input, PumpConfig::default());
    to.send(chunk(0)).await.unwrap_or_else(|_| panic!());
    drop(to);
    let server = tokio::spawn(async move {
        let mut peer = service.accept().await;
        peer.audio().await;
        assert_eq!(peer.text().await, "bye");
        drop(peer);
        let mut peer = service.accept().await;
        assert_eq!(peer.audio().await.len(), 160);
        assert_eq!(peer.text().await, "bye");
        peer.say("final 20 done").await;
        peer.say("flushed").await;
        peer.close(1000, "").await;
    });
    let events: Vec<_> = output.map(Result::unwrap).collect().await;
    assert_eq!(events, ["done@20"]);
    server.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn dropping_the_output_drops_the_input_and_closes_the_connection() {
    let mut service = Service::new(1 << 16);
    let (to, input) = feed();
    let output = pump(service.link(), Recogniser::default(), input, PumpConfig::default());
    let mut peer = service.accept().await;
    let started = Instant::now();
    drop(output);
    to.closed().await;
    assert!(peer.next().await.is_none());
    assert_eq!(started.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn last_words_are_said_after_the_output_was_dropped() {
    let mut service = Service::new(1 << 16);
    let codec = Recogniser { farewell: true, ..Recogniser::default() };
    let (to, input) = feed();
    let mut output = pump(service.link(), codec, input, PumpConfig::default());
    let mut peer = service.accept().await;
    peer.say("listening").await;
    output.next().await.unwrap().unwrap();
    let started = Instant::now();
    drop(output);
    to.closed().await;
    assert_eq!(peer.text().await, "abandon");
    assert!(matches!(peer.next().await, Some(Message::Close(_))));
    assert!(started.elapsed() <= ms(1_000));
}

#[tokio::test(start_paused = true)]
async fn dropping_the_output_while_connecting_drops_the_input() {
    let mut service = Service::new(1 << 16);
    let (to, input) = feed();
    let output = pump(service.link(), Recogniser::default(), input, PumpConfig::default());
    let _open = service.raw().await;
    drop(output);
    timeout(ms(1), to.closed()).await.unwrap();
}
