//! A WebSocket server that plays one script a connection and records what it is told.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use hyper::StatusCode;
use hyper::header::{CONTENT_LENGTH, HeaderName, HeaderValue};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, duplex};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

/// How long [`WebSocketServer::until`] waits.
const PATIENCE: Duration = Duration::from_secs(30);

/// Bytes that a connection in memory holds before its writer has to wait.
const PIPE: usize = 64 * 1024;

/// A server whose connections play scripts. Dropping it ends them all.
///
/// Each connection plays the next script; when there is none left, connections are refused with
/// status 503. What clients ask and send is recorded, with the time since the connection was
/// opened. Connections come over loopback or [in memory](Self::connect), which suits a paused
/// clock: nothing is then on its way while nobody works.
pub struct WebSocketServer {
    shared: Arc<Shared>,
    tasks: Arc<Mutex<JoinSet<()>>>,
    port: u16,
}

/// A connection, as the server saw it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Opened {
    /// The path asked for, without the query.
    pub path: String,
    /// The query as it was sent, without the question mark.
    pub query: String,
    /// The request's headers; names in lower case.
    pub headers: Vec<(String, String)>,
    /// What came over it.
    pub received: Vec<Received>,
    /// Whether it is over.
    pub is_over: bool,
}

/// One message from a client.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Received {
    /// When it came, from the opening of the connection.
    pub at: Duration,
    /// What it was.
    pub sent: Sent,
}

/// What a client sends.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sent {
    /// Text.
    Text(String),
    /// Bytes.
    Binary(Bytes),
    /// A close frame with its code, if it has one.
    Close(Option<u16>),
}

/// What a server says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reply {
    /// Text.
    Text(String),
    /// Bytes.
    Binary(Bytes),
    /// A close frame.
    Close(u16, String),
}

/// What happens on one connection, in order. Afterwards it is read until the client closes it.
#[derive(Default)]
pub struct Script {
    refusal: Option<Refusal>,
    steps: VecDeque<Step>,
}

#[derive(Clone)]
struct Refusal {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

type Answers = Box<dyn FnMut(&Received) -> Vec<Reply> + Send>;
type Scripts = Box<dyn FnMut(usize) -> Option<Script> + Send>;

enum Step {
    Say(Reply),
    Wait(Duration),
    Until(Box<dyn FnMut(&Received) -> bool + Send>),
    Answer(Answers),
    Stall,
    Cut,
}

struct Shared {
    scripts: Mutex<(usize, Scripts)>,
    connections: Mutex<Vec<Opened>>,
    changed: Notify,
}

impl WebSocketServer {
    /// A server on a free port of the loopback interface.
    ///
    /// # Errors
    ///
    /// If no port can be had.
    pub async fn start(scripts: impl IntoIterator<Item = Script>) -> io::Result<Self> {
        let mut scripts: VecDeque<Script> = scripts.into_iter().collect();
        Self::serving(move |_| scripts.pop_front()).await
    }

    /// A server on a free port of the loopback interface whose connection number `n`, counted
    /// from 0, plays `scripts(n)`.
    ///
    /// # Errors
    ///
    /// If no port can be had.
    pub async fn serving(
        scripts: impl FnMut(usize) -> Option<Script> + Send + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let server = Self { port, ..Self::new(Box::new(scripts)) };
        let (shared, tasks) = (Arc::clone(&server.shared), Arc::downgrade(&server.tasks));
        lock(&server.tasks).spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let Some(tasks) = tasks.upgrade() else { return };
                let _ = socket.set_nodelay(true);
                lock(&tasks).spawn(serve(Arc::clone(&shared), socket));
            }
        });
        Ok(server)
    }

    /// A server without a port, to which [`connect`](Self::connect) leads.
    pub fn in_memory(scripts: impl IntoIterator<Item = Script>) -> Self {
        let mut scripts: VecDeque<Script> = scripts.into_iter().collect();
        Self::new(Box::new(move |_| scripts.pop_front()))
    }

    /// As [`in_memory`](Self::in_memory), with the script of each connection by its number.
    pub fn in_memory_serving(
        scripts: impl FnMut(usize) -> Option<Script> + Send + 'static,
    ) -> Self {
        Self::new(Box::new(scripts))
    }

    /// A new connection in memory. Must be called within a tokio runtime.
    pub fn connect(&self) -> DuplexStream {
        let (ours, theirs) = duplex(PIPE);
        let mut tasks = lock(&self.tasks);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(serve(Arc::clone(&self.shared), theirs));
        ours
    }

    /// Where it listens: `ws://127.0.0.1:port`; port 0 if it is in memory.
    pub fn url(&self) -> String {
        format!("ws://127.0.0.1:{}", self.port)
    }

    /// The connections so far, refused ones included, in order.
    pub fn connections(&self) -> Vec<Opened> {
        lock(&self.shared.connections).clone()
    }

    /// How many connections are open.
    pub fn open_connections(&self) -> usize {
        lock(&self.shared.connections).iter().filter(|opened| !opened.is_over).count()
    }

    /// Waits until the connections are as `wanted`, and gives them.
    ///
    /// # Panics
    ///
    /// If they are not within 30 s of tokio's clock.
    pub async fn until(&self, wanted: impl Fn(&[Opened]) -> bool) -> Vec<Opened> {
        let reached = async {
            loop {
                let changed = self.shared.changed.notified();
                let connections = self.connections();
                if wanted(&connections) {
                    return connections;
                }
                changed.await;
            }
        };
        match timeout(PATIENCE, reached).await {
            Ok(connections) => connections,
            Err(_) => panic!("it did not come to that: {:#?}", self.connections()),
        }
    }

    fn new(scripts: Scripts) -> Self {
        let shared = Shared {
            scripts: Mutex::new((0, scripts)),
            connections: Mutex::default(),
            changed: Notify::new(),
        };
        Self { shared: Arc::new(shared), tasks: Arc::default(), port: 0 }
    }
}

impl fmt::Debug for WebSocketServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocketServer").field("port", &self.port).finish_non_exhaustive()
    }
}

impl Opened {
    /// The parameters of the query, decoded, in order.
    pub fn parameters(&self) -> Vec<(String, String)> {
        form_urlencoded::parse(self.query.as_bytes()).into_owned().collect()
    }

    /// The first header called `name`, in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers.find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// The texts received.
    pub fn texts(&self) -> Vec<&str> {
        self.received.iter().filter_map(Received::text).collect()
    }

    /// The binary messages received.
    pub fn binaries(&self) -> Vec<&Bytes> {
        self.received.iter().filter_map(Received::binary).collect()
    }

    /// All binary messages received, joined.
    pub fn bytes(&self) -> Vec<u8> {
        self.received.iter().filter_map(Received::binary).flatten().copied().collect()
    }
}

impl Received {
    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match &self.sent {
            Sent::Text(text) => Some(text),
            Sent::Binary(_) | Sent::Close(_) => None,
        }
    }

    /// The bytes, if it is a binary message.
    pub fn binary(&self) -> Option<&Bytes> {
        match &self.sent {
            Sent::Binary(bytes) => Some(bytes),
            Sent::Text(_) | Sent::Close(_) => None,
        }
    }
}

impl Script {
    /// A connection that is accepted, and then only read.
    pub fn new() -> Self {
        Self::default()
    }

    /// A connection that is refused.
    pub fn refuse(status: u16, headers: &[(&str, &str)], body: impl Into<String>) -> Self {
        let headers = headers.iter().map(|&(name, value)| (name.to_owned(), value.to_owned()));
        let refusal = Refusal { status, headers: headers.collect(), body: body.into() };
        Self { refusal: Some(refusal), steps: VecDeque::new() }
    }

    /// Says a text.
    #[must_use]
    pub fn say(self, text: impl Into<String>) -> Self {
        self.step(Step::Say(Reply::Text(text.into())))
    }

    /// Says bytes.
    #[must_use]
    pub fn say_bytes(self, bytes: impl Into<Bytes>) -> Self {
        self.step(Step::Say(Reply::Binary(bytes.into())))
    }

    /// Reads for that long.
    #[must_use]
    pub fn wait(self, time: Duration) -> Self {
        self.step(Step::Wait(time))
    }

    /// Reads until a message is as `wanted`.
    #[must_use]
    pub fn until(self, wanted: impl FnMut(&Received) -> bool + Send + 'static) -> Self {
        self.step(Step::Until(Box::new(wanted)))
    }

    /// Reads until a text holds `part`.
    #[must_use]
    pub fn until_text(self, part: &'static str) -> Self {
        self.until(move |received| received.text().is_some_and(|text| text.contains(part)))
    }

    /// Reads until this many bytes have come in binary messages.
    #[must_use]
    pub fn until_bytes(self, bytes: usize) -> Self {
        let mut missing = bytes;
        self.until(move |received| {
            missing = missing.saturating_sub(received.binary().map_or(0, Bytes::len));
            missing == 0
        })
    }

    /// Answers every message until the connection is over.
    #[must_use]
    pub fn answer(self, answers: impl FnMut(&Received) -> Vec<Reply> + Send + 'static) -> Self {
        self.step(Step::Answer(Box::new(answers)))
    }

    /// Reads and says nothing more, as if the machine had frozen.
    #[must_use]
    pub fn stall(self) -> Self {
        self.step(Step::Stall)
    }

    /// Closes the connection.
    #[must_use]
    pub fn close(self, code: u16, reason: impl Into<String>) -> Self {
        self.step(Step::Say(Reply::Close(code, reason.into())))
    }

    /// Ends the connection without a close frame.
    #[must_use]
    pub fn cut(self) -> Self {
        self.step(Step::Cut)
    }

    fn step(mut self, step: Step) -> Self {
        self.steps.push_back(step);
        self
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script").field("steps", &self.steps.len()).finish_non_exhaustive()
    }
}

impl Shared {
    fn next_script(&self) -> Script {
        let mut scripts = lock(&self.scripts);
        let number = scripts.0;
        scripts.0 += 1;
        (scripts.1)(number).unwrap_or_else(|| Script::refuse(503, &[], "no script is left"))
    }

    fn opened(&self, request: &Request) -> usize {
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers = request.headers().iter();
        let opened = Opened {
            path: request.uri().path().to_owned(),
            query: request.uri().query().unwrap_or_default().to_owned(),
            headers: headers.map(|(name, value)| (name.to_string(), text(value))).collect(),
            received: Vec::new(),
            is_over: false,
        };
        let mut connections = lock(&self.connections);
        connections.push(opened);
        self.changed.notify_waiters();
        connections.len() - 1
    }

    fn change(&self, connection: usize, change: impl FnOnce(&mut Opened)) {
        if let Some(opened) = lock(&self.connections).get_mut(connection) {
            change(opened);
        }
        self.changed.notify_waiters();
    }
}

/// One connection, from the upgrade to its end.
async fn serve<S: AsyncRead + AsyncWrite + Send + Unpin>(shared: Arc<Shared>, socket: S) {
    let mut script = Script::default();
    let mut number = usize::MAX;
    #[expect(clippy::result_large_err, reason = "the WebSocket library wants it so")]
    let decide = |request: &Request, response: Response| {
        number = shared.opened(request);
        script = shared.next_script();
        match script.refusal.clone() {
            None => Ok(response),
            Some(refusal) => Err(refusal.response()),
        }
    };
    let accepted = tokio_tungstenite::accept_hdr_async(socket, decide).await;
    if let Ok(socket) = accepted {
        let since = Instant::now();
        let mut played = Played { shared: &shared, number, socket, since, is_over: false };
        played.play(script).await;
    }
    shared.change(number, |opened| opened.is_over = true);
}

impl Refusal {
    fn response(self) -> ErrorResponse {
        let mut response = ErrorResponse::new(None);
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response.headers_mut().insert(CONTENT_LENGTH, self.body.len().into());
        for (name, value) in self.headers {
            if let (Ok(name), Ok(value)) =
                (HeaderName::try_from(name), HeaderValue::try_from(value))
            {
                response.headers_mut().append(name, value);
            }
        }
        *response.body_mut() = Some(self.body);
        response
    }
}

/// A connection that plays its script.
struct Played<'a, S> {
    shared: &'a Shared,
    number: usize,
    socket: WebSocketStream<S>,
    since: Instant,
    is_over: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Played<'_, S> {
    async fn play(&mut self, script: Script) {
        for step in script.steps {
            if self.is_over {
                return;
            }
            match step {
                Step::Say(reply) => self.say(reply).await,
                Step::Wait(time) => {
                    let end = Instant::now() + time;
                    while timeout_at(end, self.next()).await.is_ok_and(|next| next.is_some()) {}
                    tokio::time::sleep_until(end).await;
                }
                Step::Until(mut wanted) => {
                    while let Some(received) = self.next().await {
                        if wanted(&received) {
                            break;
                        }
                    }
                }
                Step::Answer(mut answers) => {
                    while let Some(received) = self.next().await {
                        for reply in answers(&received) {
                            self.say(reply).await;
                        }
                    }
                }
                Step::Stall => std::future::pending().await,
                Step::Cut => return,
            }
        }
        while self.next().await.is_some() {}
    }

    /// The next message, recorded; `None` when the connection is over.
    async fn next(&mut self) -> Option<Received> {
        loop {
            let Some(Ok(message)) = self.socket.next().await else {
                self.is_over = true;
                return None;
            };
            let sent = match message {
                Message::Text(text) => Sent::Text(text.as_str().to_owned()),
                Message::Binary(bytes) => Sent::Binary(bytes),
                Message::Close(frame) => Sent::Close(frame.map(|frame| frame.code.into())),
                Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => continue,
            };
            let received = Received { at: self.since.elapsed(), sent };
            self.shared.change(self.number, |opened| opened.received.push(received.clone()));
            return Some(received);
        }
    }

    async fn say(&mut self, reply: Reply) {
        let message = match reply {
            Reply::Text(text) => Message::text(text),
            Reply::Binary(bytes) => Message::Binary(bytes),
            Reply::Close(code, reason) => {
                Message::Close(Some(CloseFrame { code: code.into(), reason: reason.into() }))
            }
        };
        // A client that has gone is noticed when it is read from.
        let _ = self.socket.send(message).await;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
