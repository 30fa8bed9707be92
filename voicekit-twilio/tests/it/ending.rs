//! How calls end: each exactly once.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::json;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use voicekit_core::audio::{AudioChunk, AudioFormat};
use voicekit_core::error::ErrorKind;
use voicekit_core::transport::{EndReason, Mark, TransportCommand, TransportEvent};
use voicekit_twilio::TwilioConfig;

use crate::carrier::{Call, Carrier, STREAM, media, media_with, pass, settle, stop};

fn word() -> TransportCommand {
    TransportCommand::Audio(AudioChunk::silence(AudioFormat::PHONE, Duration::from_millis(20)))
}

/// Checks that all that is left is the end, for this reason, and that nothing can be sent any more.
async fn ended(call: &mut Call, reason: EndReason) {
    let rest: Vec<_> = call.rest().await.into_iter().map(Result::unwrap).collect();
    assert_eq!(rest, [TransportEvent::Ended(reason)]);
    assert!(call.events.next().await.is_none());
    let gone = call.sink.send(word()).await.unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::Connection);
}

/// Checks that the call ends with a protocol error and the socket with `code`.
async fn broke(message: Message, code: u16) {
    let mut call = Carrier::new(TwilioConfig::local().with_max_frame_bytes(1 << 10)).call().await;
    call.send(TransportCommand::Mark(Mark { reply: 1, position_us: 0 })).await;
    call.socket.0.send(message).await.unwrap();
    call.socket.say(&stop()).await;
    let rest = call.rest().await;
    let [Err(error)] = &rest[..] else { panic!("{rest:?}") };
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert_eq!(error.service(), "twilio");
    assert!(call.sink.send(word()).await.is_err());
    assert_eq!(call.socket.closed().await, code);
}

#[tokio::test(start_paused = true)]
async fn the_caller_hangs_up() {
    let mut call = Carrier::local().call().await;
    call.socket.say(&stop()).await;
    call.socket.say(&media(0)).await;
    ended(&mut call, EndReason::CallerHungUp).await;
    assert_eq!(call.socket.closed().await, 1000);
}

#[tokio::test(start_paused = true)]
async fn the_agent_hangs_up() {
    let mut call = Carrier::local().call().await;
    call.send(TransportCommand::HangUp).await;
    call.send(TransportCommand::HangUp).await;
    assert_eq!(call.socket.closed().await, 1000);
    ended(&mut call, EndReason::AgentHungUp).await;
    call.send(TransportCommand::HangUp).await;
}

#[tokio::test(start_paused = true)]
async fn hanging_up_wakes_who_is_listening() {
    let Call { mut sink, mut events, socket: _socket, .. } = Carrier::local().call().await;
    let listening = tokio::spawn(async move { events.next().await });
    tokio::task::yield_now().await;
    let before = Instant::now();
    sink.send(TransportCommand::HangUp).await.unwrap();
    let event = listening.await.unwrap().unwrap().unwrap();
    assert_eq!(event, TransportEvent::Ended(EndReason::AgentHungUp));
    assert_eq!(before.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn hanging_up_waits_for_nothing_and_says_nothing_more() {
    let mut call = Carrier::local().call().await;
    let mut sent = 0;
    while timeout(Duration::from_millis(10), call.sink.send(word())).await.is_ok() {
        sent += 1;
    }
    let before = Instant::now();
    call.send(TransportCommand::HangUp).await;
    assert_eq!(before.elapsed(), Duration::ZERO);
    let mut written = 0;
    while let Message::Text(_) = call.socket.0.next().await.unwrap().unwrap() {
        written += 1;
    }
    assert!(written < sent, "all {sent} words were written");
    ended(&mut call, EndReason::AgentHungUp).await;
}

#[tokio::test(start_paused = true)]
async fn the_socket_dies_in_the_middle_of_a_word() {
    let mut call = Carrier::local().call().await;
    call.socket.say(&media(0)).await;
    let Call { socket, sink, events, info } = call;
    drop(socket);
    let (_, dead) = tokio::io::duplex(1);
    let dead = tokio_tungstenite::WebSocketStream::from_raw_socket(
        dead,
        tokio_tungstenite::tungstenite::protocol::Role::Client,
        None,
    );
    let socket = crate::carrier::Socket(dead.await);
    let mut call = Call { socket, sink, events, info };
    assert!(matches!(call.event().await, TransportEvent::Audio { .. }));
    ended(&mut call, EndReason::Lost).await;
}

#[tokio::test(start_paused = true)]
async fn the_carrier_closes_the_socket_without_a_word() {
    let mut call = Carrier::local().call().await;
    call.socket.0.close(None).await.unwrap();
    ended(&mut call, EndReason::Lost).await;
}

#[tokio::test(start_paused = true)]
async fn the_carrier_falls_silent() {
    let mut call = Carrier::local().call().await;
    call.socket.say(&media(0)).await;
    assert!(matches!(call.event().await, TransportEvent::Audio { .. }));
    let silent_since = Instant::now();
    ended(&mut call, EndReason::Lost).await;
    assert_eq!(silent_since.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn any_message_shows_that_the_carrier_lives() {
    let mut call = Carrier::local().call().await;
    let since = Instant::now();
    for _ in 0..3 {
        let listened = timeout(Duration::from_secs(4), call.events.next()).await;
        assert!(listened.is_err(), "{listened:?}");
        call.socket.0.send(Message::Ping("x".into())).await.unwrap();
    }
    ended(&mut call, EndReason::Lost).await;
    assert_eq!(since.elapsed().as_secs(), 17);
    assert_eq!(call.socket.0.next().await.unwrap().unwrap(), Message::Pong("x".into()));
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_was_busy_longer_than_the_watchdog_still_hears_what_was_said() {
    let mut call = Carrier::local().call().await;
    call.socket.say(&media(0)).await;
    assert!(matches!(call.event().await, TransportEvent::Audio { .. }));
    call.socket.say(&media(20)).await;
    pass(Duration::from_secs(20)).await;
    assert!(matches!(call.event().await, TransportEvent::Audio { .. }));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_the_protocol_ends_the_call_with_an_error() {
    broke(Message::binary(vec![1, 2, 3]), 1003).await;
    broke(Message::text("not json"), 1007).await;
    broke(Message::text("{}"), 1007).await;
    broke(Message::text(r#"{"event":"media","streamSid":5}"#), 1007).await;
    broke(Message::text(format!(r#"{{"event":"media","streamSid":"{STREAM}"}}"#)), 1007).await;
    broke(Message::text(media_with(json!("0"), "not base64!").to_string()), 1007).await;
    broke(Message::text("x".repeat((1 << 10) + 1)), 1009).await;
}

#[tokio::test(start_paused = true)]
async fn a_message_in_pieces_may_not_be_longer_either() {
    let mut call = Carrier::new(TwilioConfig::local().with_max_frame_bytes(1 << 10)).call().await;
    for opcode in [Data::Text, Data::Continue] {
        let piece = Frame::message(vec![b' '; 1_000], OpCode::Data(opcode), false);
        call.socket.0.send(Message::Frame(piece)).await.unwrap();
    }
    assert!(matches!(&call.rest().await[..], [Err(_)]));
    assert_eq!(call.socket.closed().await, 1009);
}

#[tokio::test(start_paused = true)]
async fn dropping_both_halves_hangs_up() {
    let Call { mut socket, sink, events, .. } = Carrier::local().call().await;
    drop(sink);
    socket.say(&media(0)).await;
    drop(events);
    assert_eq!(socket.closed().await, 1000);
}

#[tokio::test(start_paused = true)]
async fn dropping_a_line_that_was_never_split_hangs_up() {
    let mut carrier = Carrier::local();
    let token = carrier.token().await;
    let mut socket = carrier.open(&[]).await.unwrap();
    socket.say(&crate::carrier::start(&token)).await;
    drop(carrier.line().await);
    assert_eq!(socket.closed().await, 1000);
}

#[tokio::test(start_paused = true)]
async fn sending_waits_for_room_in_the_queue_and_not_for_ever() {
    let config = TwilioConfig::local()
        .with_outbound_queue_bytes(4 << 10)
        .with_write_timeout(Duration::from_secs(1));
    let mut call = Carrier::new(config).call().await;
    let before = Instant::now();
    let mut sent = 0;
    let error = loop {
        match call.sink.send(word()).await {
            Ok(()) => sent += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::Connection);
    assert_eq!(before.elapsed().as_secs(), 1);
    assert!((150..300).contains(&sent), "{sent} frames of 320 bytes were taken");
    ended(&mut call, EndReason::Lost).await;
    assert_eq!(before.elapsed().as_secs(), 1);
}

#[tokio::test(start_paused = true)]
async fn sending_goes_on_when_the_carrier_reads_again() {
    let config = TwilioConfig::local().with_outbound_queue_bytes(4 << 10);
    let Call { mut socket, mut sink, mut events, .. } = Carrier::new(config).call().await;
    let sending = tokio::spawn(async move {
        for _ in 0..1_000 {
            sink.send(word()).await.unwrap();
        }
        sink
    });
    let listening = tokio::spawn(async move {
        while let Some(Ok(TransportEvent::Audio { .. })) = events.next().await {}
    });
    for n in 0..900 {
        if n % 100 == 0 {
            // Both directions wait, and the listener is the last to have looked.
            settle().await;
            socket.say(&media(n / 5)).await;
            settle().await;
        }
        assert_eq!(socket.hear().await["event"], "media");
    }
    let _sink = sending.await.unwrap();
    listening.abort();
}

#[tokio::test(start_paused = true)]
async fn a_carrier_that_returns_no_marks_does_not_fill_the_memory() {
    let mut call = Carrier::local().call().await;
    let mark = TransportCommand::Mark(Mark { reply: 1, position_us: 0 });
    let mut sent = 0;
    let error = loop {
        match call.sink.send(mark.clone()).await {
            Ok(()) => sent += 1,
            Err(error) => break error,
        }
        call.socket.hear().await;
    };
    assert_eq!((sent, error.kind()), (4_096, ErrorKind::Protocol));
}
