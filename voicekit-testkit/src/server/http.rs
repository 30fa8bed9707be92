//! A web server on the loopback interface that answers by a script and records what it was asked.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! use voicekit_testkit::server::http::{Answer, HttpServer};
//!
//! let hello = Answer::events("data: hel\n\ndata: lo\n\n").in_pieces_of(5);
//! let server = HttpServer::start([Answer::json(429, "{}"), hello]).await?;
//! // … a client sends its requests to `server.url()` …
//! # let _ = server.url();
//! assert_eq!(server.asked().len(), 0);
//! # Ok(())
//! # }
//! ```
//!
//! Answers are given in the order of requests, over however many connections. A request after the
//! last answer is answered with status 501.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, duplex};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

/// Bytes that a connection in memory holds before its writer has to wait.
const PIPE: usize = 64 * 1024;

/// The server. Dropping it closes every connection.
pub struct HttpServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    /// `None` if it is in memory.
    accepting: Option<JoinHandle<()>>,
    connections: Mutex<JoinSet<()>>,
}

impl HttpServer {
    /// Serves `answers` on a free port of 127.0.0.1.
    ///
    /// # Errors
    ///
    /// If there is no port to be had.
    pub async fn start(answers: impl IntoIterator<Item = Answer>) -> io::Result<Self> {
        Self::start_answering(in_turn(answers.into_iter().collect())).await
    }

    /// As [`start`](Self::start), with the answer to each request.
    ///
    /// # Errors
    ///
    /// If there is no port to be had.
    pub async fn start_answering(
        answer: impl FnMut(&Asked) -> Answer + Send + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::new(answer));
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { address, shared, accepting: Some(accepting), connections: Mutex::default() })
    }

    /// Serves `answers` without a port, to whoever [`connect`](Self::connect)s: suits a paused
    /// clock.
    pub fn in_memory(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self::in_memory_answering(in_turn(answers.into_iter().collect()))
    }

    /// As [`in_memory`](Self::in_memory), with the answer to each request.
    pub fn in_memory_answering(answer: impl FnMut(&Asked) -> Answer + Send + 'static) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let shared = Arc::new(Shared::new(answer));
        Self { address, shared, accepting: None, connections: Mutex::default() }
    }

    /// A new connection in memory. Must be called within a tokio runtime.
    pub fn connect(&self) -> DuplexStream {
        let (ours, theirs) = duplex(PIPE);
        let mut connections = lock(&self.connections);
        while connections.try_join_next().is_some() {}
        connections.spawn(serve(theirs, Arc::clone(&self.shared)));
        ours
    }

    /// Where it is: `http://127.0.0.1:PORT`; port 0 if it is in memory.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests so far, in order.
    pub fn asked(&self) -> Vec<Asked> {
        lock(&self.shared.asked).clone()
    }

    /// How many connections were made so far.
    pub fn connections(&self) -> usize {
        self.shared.seen.borrow().connections
    }

    /// How many connections are open.
    pub fn open_connections(&self) -> usize {
        self.shared.seen.borrow().open
    }

    /// How many answers are being given.
    pub fn open_answers(&self) -> usize {
        self.shared.seen.borrow().answering
    }

    /// Waits until the client has gone away from `count` answers that were not complete.
    pub async fn abandoned(&self, count: usize) {
        let mut seen = self.shared.seen.subscribe();
        let _ = seen.wait_for(|seen| seen.abandoned >= count).await;
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        if let Some(accepting) = &self.accepting {
            accepting.abort();
        }
    }
}

impl fmt::Debug for HttpServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpServer").field("address", &self.address).finish_non_exhaustive()
    }
}

/// A request that came.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Asked {
    /// The method.
    pub method: String,
    /// The path and the query.
    pub target: String,
    /// The headers, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Bytes,
}

impl Asked {
    /// The body as JSON; `null` if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// A header; empty if it was not sent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// What the server answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    start: Start,
    steps: VecDeque<Step>,
}

/// When the head of an answer comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    AtOnce,
    After(Duration),
    Never,
    HangUp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Send(Bytes),
    Wait(Duration),
    Stall,
    Cut,
}

impl Answer {
    /// An answer with an empty body.
    pub fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), start: Start::AtOnce, steps: VecDeque::new() }
    }

    /// JSON.
    pub fn json(status: u16, body: impl Into<Bytes>) -> Self {
        Self::new(status).with_header("content-type", "application/json").then(body)
    }

    /// Server-sent events, as they go over the wire.
    pub fn events(body: impl Into<Bytes>) -> Self {
        Self::new(200).with_header("content-type", "text/event-stream").then(body)
    }

    /// No answer ever; the connection stays open.
    pub fn never() -> Self {
        Self { start: Start::Never, ..Self::new(200) }
    }

    /// The connection is closed without an answer.
    pub fn hang_up() -> Self {
        Self { start: Start::HangUp, ..Self::new(200) }
    }

    /// Lets the head of the answer come only after this time.
    #[must_use]
    pub fn after(mut self, time: Duration) -> Self {
        self.start = Start::After(time);
        self
    }

    /// Adds a header. What cannot be one is left out.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Then sends this piece of the body.
    #[must_use]
    pub fn then(mut self, piece: impl Into<Bytes>) -> Self {
        self.steps.push_back(Step::Send(piece.into()));
        self
    }

    /// Then waits.
    #[must_use]
    pub fn then_wait(mut self, time: Duration) -> Self {
        self.steps.push_back(Step::Wait(time));
        self
    }

    /// Then sends nothing more, with the connection open.
    #[must_use]
    pub fn then_stall(mut self) -> Self {
        self.steps.push_back(Step::Stall);
        self
    }

    /// Then cuts the connection within the body.
    #[must_use]
    pub fn then_cut(mut self) -> Self {
        self.steps.push_back(Step::Cut);
        self
    }

    /// Sends every piece so far in pieces of `bytes` bytes, at least one.
    #[must_use]
    pub fn in_pieces_of(mut self, bytes: usize) -> Self {
        let steps = std::mem::take(&mut self.steps);
        self.steps = steps.into_iter().flat_map(|step| step.split(bytes.max(1))).collect();
        self
    }
}

impl Step {
    fn split(self, size: usize) -> Vec<Self> {
        match self {
            Self::Send(bytes) => {
                bytes.chunks(size).map(|piece| Self::Send(Bytes::copy_from_slice(piece))).collect()
            }
            Self::Wait(_) | Self::Stall | Self::Cut => vec![self],
        }
    }
}

type Answers = Box<dyn FnMut(&Asked) -> Answer + Send>;

struct Shared {
    answers: Mutex<Answers>,
    asked: Mutex<Vec<Asked>>,
    seen: watch::Sender<Seen>,
}

#[derive(Default)]
struct Seen {
    connections: usize,
    open: usize,
    answering: usize,
    abandoned: usize,
}

impl Shared {
    fn new(answer: impl FnMut(&Asked) -> Answer + Send + 'static) -> Self {
        let answers: Answers = Box::new(answer);
        Self {
            answers: Mutex::new(answers),
            asked: Mutex::default(),
            seen: watch::Sender::default(),
        }
    }

    fn answer(&self, asked: Asked) -> Answer {
        let answer = (lock(&self.answers))(&asked);
        lock(&self.asked).push(asked);
        answer
    }
}

/// These answers one after the other.
fn in_turn(mut script: VecDeque<Answer>) -> impl FnMut(&Asked) -> Answer {
    move |_| script.pop_front().unwrap_or_else(|| Answer::new(501).then("the script is over"))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((socket, _)) = listener.accept().await {
        let _ = socket.set_nodelay(true);
        connections.spawn(serve(socket, Arc::clone(&shared)));
    }
}

async fn serve<S>(socket: S, shared: Arc<Shared>)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let _open = Open::new(Arc::clone(&shared));
    let service = service_fn(|request| answer(request, Arc::clone(&shared)));
    // A client that goes away is recorded by the answer that it left.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(socket), service).await;
}

type Body = UnsyncBoxBody<Bytes, io::Error>;

async fn answer(request: Request<Incoming>, shared: Arc<Shared>) -> io::Result<Response<Body>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let headers = head.headers.iter().map(|(name, value)| {
        (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    let (method, target) = (head.method.to_string(), head.uri.to_string());
    let answer = shared.answer(Asked { method, target, headers: headers.collect(), body });
    let watch = Watch::new(shared);
    match answer.start {
        Start::AtOnce => {}
        Start::After(time) => sleep(time).await,
        Start::Never => pending().await,
        Start::HangUp => {
            watch.complete();
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
    }
    let mut response = Response::new(steps(answer.steps, watch));
    *response.status_mut() = StatusCode::from_u16(answer.status).map_err(io::Error::other)?;
    for (name, value) in &answer.headers {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            response.headers_mut().append(name, value);
        }
    }
    Ok(response)
}

fn steps(steps: VecDeque<Step>, watch: Watch) -> Body {
    let frames = stream::try_unfold((steps, watch), |(mut steps, watch)| async move {
        loop {
            match steps.pop_front() {
                Some(Step::Send(bytes)) => return Ok(Some((Frame::data(bytes), (steps, watch)))),
                Some(Step::Wait(time)) => sleep(time).await,
                Some(Step::Stall) => pending().await,
                Some(Step::Cut) => {
                    // What was sent before leaves first.
                    tokio::task::yield_now().await;
                    watch.complete();
                    return Err(io::ErrorKind::ConnectionAborted.into());
                }
                None => {
                    watch.complete();
                    return Ok(None);
                }
            }
        }
    });
    StreamBody::new(frames).boxed_unsync()
}

/// Counts a connection while it is open.
struct Open(Arc<Shared>);

impl Open {
    fn new(shared: Arc<Shared>) -> Self {
        shared.seen.send_modify(|seen| {
            seen.connections += 1;
            seen.open += 1;
        });
        Self(shared)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.seen.send_modify(|seen| seen.open -= 1);
    }
}

/// Sees whether an answer is given to its end.
struct Watch {
    shared: Arc<Shared>,
    complete: bool,
}

impl Watch {
    fn new(shared: Arc<Shared>) -> Self {
        shared.seen.send_modify(|seen| seen.answering += 1);
        Self { shared, complete: false }
    }

    fn complete(mut self) {
        self.complete = true;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.shared.seen.send_modify(|seen| {
            seen.answering -= 1;
            seen.abandoned += usize::from(!self.complete);
        });
    }
}
