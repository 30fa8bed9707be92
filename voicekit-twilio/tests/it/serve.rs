//! The server: slow peers, too many peers, and stopping.

use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use futures::{SinkExt, StreamExt};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::Message;
use voicekit_core::error::ErrorKind;
use voicekit_core::transport::Transport;
use voicekit_testkit::logs::Logs;
use voicekit_twilio::serve::{ServerConfig, serve};
use voicekit_twilio::{TwilioConfig, routes};

use crate::carrier::{ANNOUNCE, CALL, connected, media, settle, start_of, token_in};

/// Connections of this process.
struct InMemory(mpsc::Receiver<DuplexStream>);

impl Listener for InMemory {
    type Io = DuplexStream;
    type Addr = ();

    async fn accept(&mut self) -> (DuplexStream, ()) {
        match self.0.recv().await {
            Some(io) => (io, ()),
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> std::io::Result<()> {
        Ok(())
    }
}

struct Server {
    connections: mpsc::Sender<DuplexStream>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Server {
    fn start(config: ServerConfig) -> Self {
        let (connections, listener) = mpsc::channel(1_024);
        let (stop, stopped) = oneshot::channel();
        let echo = |line: Box<dyn Transport>| async move {
            let (_sink, mut events) = line.split();
            while let Some(Ok(_)) = events.next().await {}
        };
        let slow = axum::routing::get(async || {
            tokio::time::sleep(Duration::from_secs(3_600)).await;
        });
        let app: Router = routes(echo, TwilioConfig::local()).unwrap().route("/slow", slow);
        let stopped = async { stopped.await.unwrap_or_default() };
        let task = tokio::spawn(async move {
            serve(InMemory(listener), app, &config, stopped).await.unwrap();
        });
        Self { connections, stop: Some(stop), task }
    }

    async fn connect(&self) -> DuplexStream {
        let (ours, theirs) = duplex(64 << 10);
        self.connections.send(theirs).await.unwrap();
        settle().await;
        ours
    }

    /// Sends `text` on a connection of its own.
    async fn send(&self, text: &str) -> DuplexStream {
        let mut io = self.connect().await;
        io.write_all(text.as_bytes()).await.unwrap();
        settle().await;
        io
    }

    fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    /// A live call on a socket of its own.
    async fn call(&self, number: usize) -> crate::carrier::Socket {
        let id = format!("CA{number:032}");
        let mut webhook = self.send(&announcement().replace(CALL, &id)).await;
        let answer = response(&mut webhook).await;
        let request = "ws://agent.local:8080/twilio/media";
        let io = self.connect().await;
        let (socket, _) = tokio_tungstenite::client_async(request, io).await.unwrap();
        let mut socket = crate::carrier::Socket(socket);
        socket.say(&connected()).await;
        socket.say(&start_of(&id, json!({"token": token_in(&answer)}))).await;
        settle().await;
        socket
    }
}

fn announcement() -> String {
    format!(
        "POST /twilio/voice HTTP/1.1\r\nhost: agent.local:8080\r\nconnection: close\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{ANNOUNCE}",
        ANNOUNCE.len()
    )
}

/// All that the server says until it closes the connection.
async fn response(io: &mut DuplexStream) -> String {
    let mut bytes = Vec::new();
    io.read_to_end(&mut bytes).await.unwrap();
    String::from_utf8(bytes).unwrap()
}

async fn is_alive(socket: &mut crate::carrier::Socket) -> bool {
    socket.say(&media(0)).await;
    socket.0.send(Message::Ping("x".into())).await.unwrap();
    matches!(socket.0.next().await, Some(Ok(Message::Pong(_))))
}

#[tokio::test(start_paused = true)]
async fn a_head_that_does_not_come_in_time_closes_the_connection() {
    let server = Server::start(ServerConfig::default());
    for begun in ["", "POST /twilio", "POST /twilio/voice HTTP/1.1\r\nhost: a\r\nx: y\r\n"] {
        let since = Instant::now();
        let mut io = server.send(begun).await;
        let said = response(&mut io).await;
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 408"), "{said}");
        assert_eq!(since.elapsed().as_secs(), 10, "{begun:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_that_drips_gets_no_more_time_than_one_that_stalls() {
    let server = Server::start(ServerConfig::default());
    let mut io = server.send("GET /twilio/voice HTTP/1.1\r\n").await;
    let since = Instant::now();
    while io.write_all(b"x: y\r\n").await.is_ok() && since.elapsed() < Duration::from_secs(60) {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!(since.elapsed() <= Duration::from_secs(12), "{:?}", since.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_in_time_is_answered_with_408() {
    let server = Server::start(ServerConfig::default());
    let since = Instant::now();
    let whole = announcement();
    let mut io = server.send(&whole[..whole.len() - 10]).await;
    let said = response(&mut io).await;
    assert!(said.starts_with("HTTP/1.1 408"), "{said}");
    assert_eq!(since.elapsed().as_secs(), 15);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_idles_after_a_request_is_closed() {
    let server = Server::start(ServerConfig::default());
    let keep_alive = announcement().replace("connection: close\r\n", "");
    let since = Instant::now();
    let mut io = server.send(&keep_alive).await;
    assert!(response(&mut io).await.starts_with("HTTP/1.1 200"));
    assert_eq!(since.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn an_unfinished_request_does_not_hold_up_the_stop() {
    let whole = announcement();
    for begun in [
        "",
        "POST /twilio/voice HT",
        &whole[..whole.len() - 10],
        "GET /slow HTTP/1.1\r\nhost: a\r\n\r\n",
    ] {
        let mut server = Server::start(ServerConfig::default());
        let _io = server.send(begun).await;
        let since = Instant::now();
        server.stop();
        (&mut server.task).await.unwrap();
        assert!(since.elapsed() <= Duration::from_secs(1), "{begun:?}: {:?}", since.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_under_way_is_answered_while_the_server_stops() {
    let mut server = Server::start(ServerConfig::default());
    let whole = announcement();
    let mut io = server.send(&whole[..whole.len() - 10]).await;
    server.stop();
    settle().await;
    io.write_all(&whole.as_bytes()[whole.len() - 10..]).await.unwrap();
    assert!(response(&mut io).await.starts_with("HTTP/1.1 200"));
    (&mut server.task).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn live_calls_go_on_when_the_server_has_stopped() {
    let mut server = Server::start(ServerConfig::default());
    let mut socket = server.call(1).await;
    server.stop();
    timeout(Duration::from_secs(2), &mut server.task).await.unwrap().unwrap();
    assert!(is_alive(&mut socket).await);
}

#[tokio::test(start_paused = true)]
async fn connections_that_are_no_calls_take_no_call_its_place() {
    let logs = Logs::catch();
    let config = ServerConfig::default().with_max_connections(12).with_max_waiting(8);
    let server = Server::start(config);
    let mut socket = server.call(1).await;
    let mut idle = Vec::new();
    for _ in 0..50 {
        idle.push(server.send("GET /").await);
    }
    assert!(is_alive(&mut socket).await);
    // The newest still get in, at the expense of the oldest.
    let mut webhook = server.send(&announcement()).await;
    assert!(response(&mut webhook).await.starts_with("HTTP/1.1 200"));
    let said = timeout(Duration::from_secs(1), response(&mut idle[0])).await.unwrap();
    assert_eq!(said, "");
    let text = logs.text();
    let warned = text.lines().filter(|line| line.contains("WARN")).count();
    assert_eq!(warned, 1, "{text}");
}

#[tokio::test(start_paused = true)]
async fn beyond_the_limit_new_connections_are_closed_and_those_that_end_make_room() {
    let config = ServerConfig::default().with_max_connections(3).with_max_waiting(3);
    let server = Server::start(config);
    let mut one = server.call(1).await;
    let two = server.call(2).await;
    let _three = server.connect().await;
    let mut refused = server.connect().await;
    let said = timeout(Duration::from_secs(1), response(&mut refused)).await.unwrap();
    assert_eq!(said, "");
    drop(two);
    settle().await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(is_alive(&mut one).await);
    let mut webhook = server.send(&announcement()).await;
    assert!(response(&mut webhook).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test(start_paused = true)]
async fn limits_that_make_no_sense_are_refused_by_name() {
    for (config, name) in [
        (ServerConfig::default().with_max_connections(0), "max_connections: 0 is outside"),
        (ServerConfig::default().with_max_waiting(0), "max_waiting: 0 is outside"),
        (ServerConfig::default().with_header_timeout(Duration::ZERO), "header_timeout"),
        (ServerConfig::default().with_request_timeout(Duration::ZERO), "request_timeout"),
        (ServerConfig::default().with_stop_timeout(Duration::MAX), "stop_timeout"),
    ] {
        let (_, listener) = mpsc::channel(1);
        let outcome = serve(InMemory(listener), Router::new(), &config, async {}).await;
        let error = outcome.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.message().contains(name), "{error}");
    }
}
