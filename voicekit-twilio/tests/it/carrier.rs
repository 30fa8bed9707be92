//! A carrier that calls a server over in-memory connections.

use std::time::Duration;

use axum::Router;
use axum::http::{Request, Response, StatusCode};
use futures::stream::BoxStream;
use futures::{SinkExt, StreamExt};
use http_body_util::BodyExt;
use hyper::client::conn::http1 as client;
use hyper::server::conn::http1 as server;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use serde_json::{Value, json};
use tokio::io::DuplexStream;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};
use tokio_tungstenite::{WebSocketStream, client_async};
use voicekit_core::error::Result;
use voicekit_core::transport::{
    Answer, CallInfo, Transport, TransportCommand, TransportEvent, TransportSink,
};
use voicekit_twilio::{TwilioConfig, routes};

pub(crate) const CALL: &str = "CA00000000000000000000000000000001";
pub(crate) const STREAM: &str = "MZ00000000000000000000000000000001";
pub(crate) const ANNOUNCE: &str = "CallSid=CA00000000000000000000000000000001&From=%2B15551230001\
                            &To=%2B15551230002&CallStatus=ringing&FutureThing=x";

/// Bytes that a connection holds before writing to it waits.
const CONNECTION_BYTES: usize = 64 << 10;

pub(crate) struct Carrier {
    app: Router,
    lines: mpsc::Receiver<Box<dyn Transport>>,
}

impl Carrier {
    pub(crate) fn new(config: TwilioConfig) -> Self {
        let (sender, lines) = mpsc::channel(16);
        let answer = move |line: Box<dyn Transport>| {
            let sender = sender.clone();
            async move { sender.send(line).await.unwrap() }
        };
        Self { app: routes(answer, config).unwrap(), lines }
    }

    /// A local server whose lines never reach the test.
    pub(crate) fn answered_by(answer: impl Answer) -> Self {
        Self::answered(TwilioConfig::local(), answer)
    }

    /// A server whose lines never reach the test.
    pub(crate) fn answered(config: TwilioConfig, answer: impl Answer) -> Self {
        let (_, lines) = mpsc::channel(1);
        Self { app: routes(answer, config).unwrap(), lines }
    }

    pub(crate) fn local() -> Self {
        Self::new(TwilioConfig::local())
    }

    fn connect(&self) -> DuplexStream {
        let (ours, theirs) = tokio::io::duplex(CONNECTION_BYTES);
        let service = TowerToHyperService::new(self.app.clone());
        let serve = server::Builder::new().serve_connection(TokioIo::new(theirs), service);
        tokio::spawn(serve.with_upgrades());
        ours
    }

    pub(crate) async fn request(&self, request: Request<String>) -> Response<String> {
        let (mut sender, connection) =
            client::handshake(TokioIo::new(self.connect())).await.unwrap();
        tokio::spawn(connection);
        let (parts, body) = sender.send_request(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Response::from_parts(parts, String::from_utf8(body.to_vec()).unwrap())
    }

    pub(crate) async fn post(&self, body: &str, headers: &[(&str, &str)]) -> Response<String> {
        let mut request = Request::post("/twilio/voice")
            .header("host", "agent.local:8080")
            .header("content-type", "application/x-www-form-urlencoded");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.request(request.body(body.to_owned()).unwrap()).await
    }

    /// Announces [`CALL`] and returns the stream's token.
    pub(crate) async fn token(&self) -> String {
        let response = self.post(ANNOUNCE, &[]).await;
        assert_eq!(response.status(), StatusCode::OK);
        token_in(response.body())
    }

    /// Opens the media stream's socket.
    pub(crate) async fn open(&self, headers: &[(&str, &str)]) -> Result<Socket, WsError> {
        let mut request = "ws://agent.local:8080/twilio/media".into_client_request().unwrap();
        for (name, value) in headers {
            let name = axum::http::HeaderName::from_bytes(name.as_bytes()).unwrap();
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        let (socket, response) = client_async(request, self.connect()).await?;
        assert!(!response.headers().contains_key("sec-websocket-extensions"));
        Ok(Socket(socket))
    }

    pub(crate) async fn line(&mut self) -> Box<dyn Transport> {
        self.lines.recv().await.unwrap()
    }

    /// Whether a call has reached the application.
    pub(crate) fn has_line(&mut self) -> bool {
        self.lines.try_recv().is_ok()
    }

    /// A whole call up to its first word.
    pub(crate) async fn call(&mut self) -> Call {
        let token = self.token().await;
        let mut socket = self.open(&[]).await.unwrap();
        socket.say(&connected()).await;
        socket.say(&start(&token)).await;
        let line = self.line().await;
        let info = line.call().clone();
        let (sink, events) = line.split();
        Call { socket, sink, events, info }
    }
}

pub(crate) struct Socket(pub(crate) WebSocketStream<DuplexStream>);

impl Socket {
    pub(crate) async fn say(&mut self, message: &Value) {
        self.say_text(&message.to_string()).await;
    }

    pub(crate) async fn say_text(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    /// The next message from the server, which must be text.
    pub(crate) async fn hear(&mut self) -> Value {
        let message = self.0.next().await.unwrap().unwrap();
        let Message::Text(text) = &message else { panic!("not a text message: {message:?}") };
        serde_json::from_str(text).unwrap()
    }

    /// The code with which the server closes, after whatever else it says.
    pub(crate) async fn closed(&mut self) -> u16 {
        loop {
            if let Message::Close(frame) = self.0.next().await.unwrap().unwrap() {
                return frame.unwrap().code.into();
            }
        }
    }
}

pub(crate) struct Call {
    pub(crate) socket: Socket,
    pub(crate) sink: Box<dyn TransportSink>,
    pub(crate) events: BoxStream<'static, Result<TransportEvent>>,
    pub(crate) info: CallInfo,
}

impl Call {
    pub(crate) async fn event(&mut self) -> TransportEvent {
        self.events.next().await.unwrap().unwrap()
    }

    pub(crate) async fn send(&mut self, command: TransportCommand) {
        self.sink.send(command).await.unwrap();
    }

    /// All that is left of the events.
    pub(crate) async fn rest(&mut self) -> Vec<Result<TransportEvent>> {
        self.events.by_ref().collect().await
    }
}

pub(crate) fn token_in(twiml: &str) -> String {
    let (_, rest) = twiml.split_once(r#"<Parameter name="token" value=""#).unwrap();
    rest.split('"').next().unwrap().to_owned()
}

pub(crate) fn connected() -> Value {
    json!({"event": "connected", "protocol": "Call", "version": "1.0.0"})
}

pub(crate) fn start(token: &str) -> Value {
    start_of(CALL, json!({"token": token, "agent_id": "7f0c"}))
}

pub(crate) fn start_of(call: &str, parameters: Value) -> Value {
    json!({
        "event": "start", "sequenceNumber": "1", "streamSid": STREAM,
        "start": {
            "accountSid": "AC1", "callSid": call, "streamSid": STREAM, "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": parameters,
        },
    })
}

/// 20 ms of audio at `ms`.
pub(crate) fn media(ms: u64) -> Value {
    media_with(json!(ms.to_string()), &("f39/".repeat(53) + "fw=="))
}

pub(crate) fn media_with(timestamp: Value, payload: &str) -> Value {
    json!({
        "event": "media", "sequenceNumber": "3", "streamSid": STREAM,
        "media": {"track": "inbound", "chunk": "1", "timestamp": timestamp, "payload": payload},
    })
}

pub(crate) fn returned(mark: &Value) -> Value {
    json!({"event": "mark", "sequenceNumber": "4", "streamSid": STREAM, "mark": mark["mark"]})
}

pub(crate) fn stop() -> Value {
    json!({"event": "stop", "streamSid": STREAM, "stop": {"accountSid": "AC1", "callSid": CALL}})
}

/// Lets virtual time pass.
pub(crate) async fn pass(time: Duration) {
    tokio::time::advance(time).await;
}

/// Lets every other task go on until it waits.
pub(crate) async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}
