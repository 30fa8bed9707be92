//! A WebSocket that is read and written without the pump.

use std::time::Duration;

use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use voicekit_net::{Frame, Received, WebSocket};

use crate::server::{Peer, Service, endpoint};

async fn pair() -> (WebSocket, Peer) {
    let mut service = Service::new(1 << 16);
    let connector = service.connector();
    let endpoint = endpoint("ws://service.test/speak");
    let opening = WebSocket::open(&connector, &endpoint, Duration::from_secs(5));
    let (socket, peer) = tokio::join!(opening, service.accept());
    (socket.unwrap(), peer)
}

#[tokio::test(start_paused = true)]
async fn frames_go_both_ways() {
    let (mut socket, mut peer) = pair().await;
    socket.send(Frame::text("hello")).await.unwrap();
    socket.send(Frame::binary(vec![1, 2])).await.unwrap();
    assert_eq!((peer.text().await, peer.audio().await), ("hello".to_owned(), vec![1, 2]));
    peer.say("good morning").await;
    let received = socket.receive().await.unwrap();
    assert_eq!(received, Received::Frame(Frame::text("good morning")));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_lost_if_nobody_waits_for_it_any_more() {
    let (mut socket, mut peer) = pair().await;
    let tick = Duration::from_millis(1);
    assert!(tokio::time::timeout(tick, socket.receive()).await.is_err());
    peer.say("one").await;
    assert_eq!(socket.receive().await.unwrap(), Received::Frame(Frame::text("one")));
}

#[tokio::test(start_paused = true)]
async fn the_end_says_how_it_came() {
    let (mut socket, mut peer) = pair().await;
    let frame = CloseFrame { code: 1008.into(), reason: "too slow".into() };
    peer.0.close(Some(frame)).await.unwrap();
    let closed = Received::Closed { code: 1008, reason: "too slow".to_owned() };
    assert_eq!(socket.receive().await.unwrap(), closed);
    drop(socket);
    assert!(matches!(peer.next().await, Some(Message::Close(Some(_)))), "it is answered");
    let (mut socket, peer) = pair().await;
    drop(peer);
    let gone = Received::Closed { code: 1006, reason: String::new() };
    assert_eq!(socket.receive().await.unwrap(), gone);
}

#[tokio::test(start_paused = true)]
async fn pings_are_answered_while_something_is_waited_for() {
    let (mut socket, mut peer) = pair().await;
    let listening = tokio::spawn(async move { socket.receive().await.unwrap() });
    futures::SinkExt::send(&mut peer.0, Message::Ping(vec![7].into())).await.unwrap();
    assert_eq!(peer.next().await, Some(Message::Pong(vec![7].into())));
    peer.say("on").await;
    assert_eq!(listening.await.unwrap(), Received::Frame(Frame::text("on")));
}
