//! The stream's first messages: who gets a call, and who is shown the door.

use std::time::Duration;

use axum::http::Request;
use futures::SinkExt;
use serde_json::json;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};
use voicekit_core::audio::AudioFormat;
use voicekit_twilio::{Secret, SignaturePolicy, SignedBody, TokenPolicy, TwilioConfig, sign};

use crate::carrier::{self, CALL, Carrier, connected, media, start, start_of};

/// Opens a stream that says `messages` and expects it to be closed with `code`, without a call.
async fn refused(carrier: &mut Carrier, messages: &[String], code: u16) {
    let mut socket = carrier.open(&[]).await.unwrap();
    for message in messages {
        socket.say_text(message).await;
    }
    assert_eq!(socket.closed().await, code);
    assert!(!carrier.has_line());
}

#[tokio::test(start_paused = true)]
async fn a_stream_with_its_token_becomes_a_call() {
    let config = TwilioConfig::local().with_parameter("agent_id", "7f0c");
    let mut carrier = Carrier::new(config);
    let token = carrier.token().await;
    let mut socket = carrier.open(&[]).await.unwrap();
    socket.say(&connected()).await;
    socket.say(&start(&token)).await;
    let line = carrier.line().await;
    assert_eq!(line.format(), AudioFormat::PHONE);
    let call = line.call();
    assert_eq!(call.id, CALL);
    assert_eq!(call.from.as_deref(), Some("+15551230001"));
    assert_eq!(call.to.as_deref(), Some("+15551230002"));
    assert_eq!(call.parameters, [("agent_id".to_owned(), "7f0c".to_owned())].into());
}

#[tokio::test(start_paused = true)]
async fn numbers_may_come_bare_and_new_events_and_fields_are_ignored() {
    let mut carrier = Carrier::local();
    let token = carrier.token().await;
    let mut socket = carrier.open(&[]).await.unwrap();
    socket.say(&json!({"event": "hello", "media": 7, "start": []})).await;
    socket.say(&json!({"event": "connected", "new": {"a": [1]}})).await;
    socket.say(&media(0)).await;
    let mut start = start(&token);
    start["sequenceNumber"] = json!(1);
    start["start"]["mediaFormat"]["sampleRate"] = json!("8000");
    start["start"]["new"] = json!(null);
    socket.say(&start).await;
    assert_eq!(carrier.line().await.call().id, CALL);
}

#[tokio::test(start_paused = true)]
async fn audio_before_the_start_is_not_heard() {
    let mut carrier = Carrier::local();
    let token = carrier.token().await;
    let mut socket = carrier.open(&[]).await.unwrap();
    for message in [media(0), connected(), media(20), carrier::stop(), start(&token), media(5_000)]
    {
        socket.say(&message).await;
    }
    let (_sink, mut events) = carrier.line().await.split();
    let first = futures::StreamExt::next(&mut events).await.unwrap().unwrap();
    let voicekit_core::transport::TransportEvent::Audio { at, .. } = first else { panic!() };
    assert_eq!(at.samples, 40_000);
}

#[tokio::test(start_paused = true)]
async fn a_wrong_token_closes_the_stream_and_reaches_nobody() {
    let mut carrier = Carrier::local();
    carrier.token().await;
    let policy = 1008;
    let wrong = start(&"0".repeat(32)).to_string();
    refused(&mut carrier, &[connected().to_string(), wrong], policy).await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_without_a_token_is_refused_unless_the_server_is_local() {
    let config = TwilioConfig::local().with_token(TokenPolicy::Require);
    let mut carrier = Carrier::new(config);
    refused(&mut carrier, &[start_of(CALL, json!({})).to_string()], 1008).await;
    assert_eq!(TwilioConfig::new("t", "https://x.test").token, TokenPolicy::Require);

    let mut carrier = Carrier::local();
    let mut socket = carrier.open(&[]).await.unwrap();
    socket.say(&start_of(CALL, json!({}))).await;
    let line = carrier.line().await;
    assert_eq!((line.call().id.as_str(), &line.call().from), (CALL, &None));
}

#[tokio::test(start_paused = true)]
async fn a_token_opens_one_stream_only() {
    let mut carrier = Carrier::local();
    let token = carrier.token().await;
    let mut socket = carrier.open(&[]).await.unwrap();
    socket.say(&start(&token)).await;
    let _line = carrier.line().await;
    refused(&mut carrier, &[start(&token).to_string()], 1008).await;
}

#[tokio::test(start_paused = true)]
async fn a_token_opens_the_stream_of_its_call_only() {
    let mut carrier = Carrier::local();
    let token = carrier.token().await;
    let other = start_of("CA2", json!({"token": token})).to_string();
    refused(&mut carrier, &[other], 1008).await;
    refused(&mut carrier, &[start(&token).to_string()], 1008).await;
}

#[tokio::test(start_paused = true)]
async fn a_token_expires() {
    let mut carrier = Carrier::local();
    let (early, late) = (carrier.token().await, carrier.token().await);
    carrier::pass(Duration::from_secs(60)).await;
    let mut socket = carrier.open(&[]).await.unwrap();
    socket.say(&start(&early)).await;
    let _line = carrier.line().await;
    carrier::pass(Duration::from_millis(1)).await;
    refused(&mut carrier, &[start(&late).to_string()], 1008).await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_does_not_start_is_closed_in_time() {
    let mut carrier = Carrier::local();
    let opened = Instant::now();
    refused(&mut carrier, &[connected().to_string()], 1008).await;
    assert_eq!(opened.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_talks_but_never_starts_is_closed_in_time() {
    let mut carrier = Carrier::local();
    let mut socket = carrier.open(&[]).await.unwrap();
    let opened = Instant::now();
    while opened.elapsed() < Duration::from_secs(10) {
        socket.say(&media(0)).await;
        carrier::pass(Duration::from_millis(20)).await;
    }
    assert_eq!(socket.closed().await, 1008);
    assert!(!carrier.has_line());
}

#[tokio::test(start_paused = true)]
async fn what_is_not_the_protocol_is_refused_with_its_code() {
    let mut carrier = Carrier::local();
    let token = carrier.token().await;
    for malformed in ["", "{", "[]", "{}", r#"{"event":7}"#, r#"{"event":"start"}"#] {
        refused(&mut carrier, &[malformed.to_owned()], 1007).await;
    }
    let mut wide = start(&token);
    wide["start"]["mediaFormat"]["sampleRate"] = json!(16_000);
    refused(&mut carrier, &[wide.to_string()], 1003).await;
    refused(&mut carrier, &["x".repeat(99 << 10)], 1009).await;
    let mut socket = carrier.open(&[]).await.unwrap();
    socket.0.send(Message::binary(vec![1, 2, 3])).await.unwrap();
    assert_eq!(socket.closed().await, 1003);
    assert!(!carrier.has_line());
}

#[tokio::test(start_paused = true)]
async fn a_handshake_must_be_signed_where_signatures_are_required() {
    let config = TwilioConfig::new("12345", "https://agent.example.com");
    let url = "wss://agent.example.com/twilio/media";
    let signature = sign(&Secret::new("12345"), url, SignedBody::Empty);
    let carrier = Carrier::new(config.clone());
    assert!(carrier.open(&[("x-twilio-signature", &signature)]).await.is_ok());
    for headers in [&[][..], &[("x-twilio-signature", "x")][..]] {
        let Err(WsError::Http(response)) = carrier.open(headers).await.map(|_| ()) else {
            panic!()
        };
        assert_eq!(response.status().as_u16(), 403);
    }
    let carrier = Carrier::new(config.with_upgrade_signature(SignaturePolicy::Warn));
    assert!(carrier.open(&[]).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_no_handshake_is_refused() {
    let request = Request::get("/twilio/media").header("host", "agent.local");
    let response = Carrier::local().request(request.body(String::new()).unwrap()).await;
    assert_eq!(response.status().as_u16(), 400);
}
