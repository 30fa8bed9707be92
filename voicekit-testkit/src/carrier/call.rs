//! A scripted call over a connection.

use std::collections::BTreeMap;
use std::fmt;
use std::future::pending;
use std::io;
use std::time::Duration;

use futures::{Sink, SinkExt, Stream, StreamExt};
use serde::Serialize;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::Uri;
use tokio_tungstenite::tungstenite::{self, Message};
use voicekit_core::time::Timestamp;

use super::observe::{Observation, Watcher};
use super::wire::Names;
use super::{Carrier, CarrierConfig, Chaos, Exchange, Redirected, Violation, Webhook};
use crate::phone::Report;
use crate::script::{Caller, Outcome, Script};

/// Frames that wait to be sent when the server reads too slowly: 5 s of media. What comes on top
/// is lost, as it is at the carrier (code 31930), and counted in the report.
const OUTBOUND: usize = 250;

/// How long the closing handshake may take.
const CLOSING: Duration = Duration::from_secs(1);

type Observer = Box<dyn FnMut(Timestamp, &Observation) + Send>;

/// A call by a scripted caller to a media-stream server.
///
/// The caller's frames leave every 20 ms of `tokio`'s clock: in real time, or at once in a test
/// with a paused clock.
///
/// ```no_run
/// # async fn example() -> Result<(), voicekit_testkit::carrier::CallError> {
/// use std::time::Duration;
/// use voicekit_testkit::{carrier::SimulatedCall, phone::tone, script::Script};
///
/// let script = Script::new().say("hello", tone(Duration::from_secs(1)));
/// let call = SimulatedCall::new(script).dial("ws://127.0.0.1:8080/twilio/media").await?;
/// assert!(call.violations.is_empty());
/// println!("{:?}: {:?}", call.outcome, call.report.latencies());
/// # Ok(())
/// # }
/// ```
pub struct SimulatedCall {
    script: Script,
    call: u64,
    parameters: BTreeMap<String, String>,
    chaos: Chaos,
    headers: Vec<(&'static str, String)>,
    observer: Option<Observer>,
    orders: Option<watch::Receiver<Vec<Redirected>>>,
}

/// How a simulated call went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CallReport {
    /// How it ended.
    pub outcome: Outcome,
    /// What was said and heard.
    pub report: Report,
    /// What the server sent that the protocol does not allow.
    pub violations: Vec<Violation>,
    /// How many messages were lost because the server read too slowly.
    pub lost: u64,
    /// The code with which the server closed the socket, if it did.
    pub close_code: Option<u16>,
}

impl CallReport {
    /// A report of a call that needed no carrier, such as one over a
    /// [`FakeLine`](crate::fake::FakeLine).
    pub fn new(outcome: Outcome, report: Report) -> Self {
        Self { outcome, report, violations: Vec::new(), lost: 0, close_code: None }
    }
}

/// A call could not be placed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The URL cannot be dialled.
    #[error("cannot dial {url:?}: {reason}")]
    Url {
        /// The URL.
        url: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Nobody listens there.
    #[error("cannot reach {authority}: {source}")]
    Connect {
        /// Host and port.
        authority: String,
        /// Why.
        source: io::Error,
    },
    /// The server did not upgrade to a WebSocket.
    #[error("the server refused the stream: {0}")]
    Handshake(#[source] Box<tungstenite::Error>),
    /// The webhook could not be asked.
    #[error("asking the webhook failed: {0}")]
    Webhook(#[source] hyper::Error),
    /// The webhook answered with this status instead of instructions.
    #[error("the webhook answered {0}")]
    Refused(u16),
    /// The webhook's answer has no `<Stream url="…">`.
    #[error("the webhook's answer does not connect the call to a stream")]
    NoStream,
}

impl SimulatedCall {
    /// A call by a caller who follows `script`.
    pub fn new(script: Script) -> Self {
        Self {
            script,
            call: 0,
            parameters: BTreeMap::new(),
            chaos: Chaos::default(),
            headers: Vec::new(),
            observer: None,
            orders: None,
        }
    }

    /// Leaves the stream when `exchange` is told to send the call elsewhere.
    #[must_use]
    pub fn reached_through(mut self, exchange: &Exchange) -> Self {
        self.orders = Some(exchange.orders());
        self
    }

    /// Which call it is: its ids are made of this number. Default: 0.
    #[must_use]
    pub fn with_call(mut self, number: u64) -> Self {
        self.call = number;
        self
    }

    /// The stream's custom parameters, as the TwiML would have set them. Default: none.
    #[must_use]
    pub fn with_parameters(mut self, parameters: BTreeMap<String, String>) -> Self {
        self.parameters = parameters;
        self
    }

    /// How the carrier misbehaves. Default: not at all.
    #[must_use]
    pub fn with_chaos(mut self, chaos: Chaos) -> Self {
        self.chaos = chaos;
        self
    }

    /// A header of the WebSocket handshake, such as a signature.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Calls `observer` as things happen, for people who watch.
    #[must_use]
    pub fn observe(
        mut self,
        observer: impl FnMut(Timestamp, &Observation) + Send + 'static,
    ) -> Self {
        self.observer = Some(Box::new(observer));
        self
    }

    /// Calls the stream server at `ws://host:port/path`.
    ///
    /// # Errors
    ///
    /// If there is no such server or it refuses the stream.
    pub async fn dial(self, url: &str) -> Result<CallReport, CallError> {
        let uri = parse(url, "ws")?;
        let stream = connect(&uri).await?;
        self.over(stream, url).await
    }

    /// Asks the voice webhook for instructions, as the carrier does when a call comes in, and
    /// calls the stream they name. A stream at `wss://` is called at the webhook's own host and
    /// port, without TLS: that is where the server behind a public name is tested.
    ///
    /// # Errors
    ///
    /// If the webhook fails, names no stream, or the stream cannot be called.
    pub async fn dial_webhook(self, webhook: &Webhook) -> Result<CallReport, CallError> {
        let uri = parse(webhook.url(), "http")?;
        let instructions = webhook.request(connect(&uri).await?).await?;
        let host =
            if instructions.url.starts_with("ws:") { parse(&instructions.url, "ws")? } else { uri };
        let stream = connect(&host).await?;
        self.follow(webhook, instructions, stream).await
    }

    /// Calls the stream the webhook's `instructions` name, over `stream`.
    ///
    /// # Errors
    ///
    /// If the server refuses the stream.
    pub async fn follow<S>(
        mut self,
        webhook: &Webhook,
        instructions: super::Instructions,
        stream: S,
    ) -> Result<CallReport, CallError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        self.call = webhook.call();
        self.headers.extend(webhook.signature_of(&instructions.url));
        self.parameters.extend(instructions.parameters);
        let path = instructions.url.split_once("://").map_or("", |(_, rest)| rest);
        self.over(stream, &format!("ws://{path}")).await
    }

    /// Calls over a connection that is already there; `url` is only told to the server.
    ///
    /// # Errors
    ///
    /// If the server refuses the stream.
    pub async fn over<S>(self, stream: S, url: &str) -> Result<CallReport, CallError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let refused = |error| CallError::Handshake(Box::new(error));
        let mut request = url.into_client_request().map_err(refused)?;
        for (name, value) in &self.headers {
            let value = value.parse().map_err(|_| CallError::Url {
                url: url.to_owned(),
                reason: "a header has characters that HTTP does not allow",
            })?;
            request.headers_mut().insert(*name, value);
        }
        let (socket, _) =
            tokio_tungstenite::client_async(request, stream).await.map_err(refused)?;
        Ok(Box::pin(self.converse(socket)).await)
    }

    async fn converse<S>(self, socket: WebSocketStream<S>) -> CallReport
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let (vanish, stall) = (self.chaos.vanish, self.chaos.stall);
        let mut redirected = Box::pin(redirected(self.orders, Names::of_call(self.call).call));
        let config = CarrierConfig::new()
            .with_call(self.call)
            .with_parameters(self.parameters)
            .with_chaos(self.chaos);
        let (sink, mut source) = socket.split();
        let (outbound, queue) = mpsc::channel(OUTBOUND);
        let mut writer = Box::pin(write(sink, queue));
        let mut conversation = Conversation {
            carrier: Carrier::new(config),
            caller: Caller::new(self.script),
            watcher: Watcher::default(),
            observer: self.observer,
            outbound,
            epoch: Instant::now(),
            outcome: None,
            close_code: None,
            lost: 0,
        };
        loop {
            let now = conversation.drive();
            if vanish.is_some_and(|at| now >= at) {
                return conversation.finish(Outcome::Lost);
            }
            if let Some(outcome) = conversation.outcome {
                let (report, outbound) = conversation.part(outcome);
                drop(outbound);
                // What is queued still goes out. A server that does not close loses nothing.
                let closing = async { tokio::join!(writer, drain(&mut source)) };
                let _ = timeout(CLOSING, closing).await;
                return report;
            }
            let stalled = stall.filter(|(from, to)| (*from..*to).contains(&now));
            let wake = [conversation.carrier.poll_timeout(), vanish, stalled.map(|(_, to)| to)];
            let wake = wake.into_iter().flatten().min().unwrap_or(now);
            // Cancel-safe: a message is taken whole or not at all, and the writer lives on.
            tokio::select! {
                biased;
                message = next(&mut source, stalled.is_some()) => conversation.receive(message),
                _ = &mut writer => conversation.outcome = Some(Outcome::Lost),
                () = &mut redirected, if conversation.outcome.is_none() => conversation.leave(),
                () = sleep_until(conversation.epoch + wake.since_start()) => {}
            }
        }
    }
}

impl fmt::Debug for SimulatedCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimulatedCall")
            .field("call", &self.call)
            .field("steps", &self.script.steps().len())
            .field("parameters", &self.parameters.keys())
            .field("chaos", &self.chaos)
            .finish_non_exhaustive()
    }
}

struct Conversation {
    carrier: Carrier,
    caller: Caller,
    watcher: Watcher,
    observer: Option<Observer>,
    outbound: mpsc::Sender<String>,
    epoch: Instant,
    outcome: Option<Outcome>,
    close_code: Option<u16>,
    lost: u64,
}

impl Conversation {
    fn now(&self) -> Timestamp {
        Timestamp::from(self.epoch.elapsed())
    }

    /// Does what is due, on the phone and for the caller.
    fn drive(&mut self) -> Timestamp {
        let now = self.now();
        self.carrier.handle_timeout(now);
        if self.outcome.is_none()
            && let Some(outcome) = self.caller.handle(now, self.carrier.phone())
        {
            self.carrier.stop(now);
            self.outcome = Some(outcome);
        }
        while let Some(text) = self.carrier.poll_output() {
            if self.outbound.try_send(text).is_err() {
                self.lost += 1;
            }
        }
        if let Some(observer) = &mut self.observer {
            self.watcher.watch(now, &self.carrier, &mut **observer);
        }
        now
    }

    fn receive(&mut self, message: Option<Result<Message, tungstenite::Error>>) {
        let now = self.now();
        let ended = match message {
            Some(Ok(Message::Text(text))) => return self.carrier.handle_text(now, &text),
            Some(Ok(Message::Binary(_))) => return self.carrier.handle_binary(now),
            Some(Ok(Message::Close(frame))) => {
                self.close_code = frame.map(|frame| frame.code.into());
                Outcome::AgentHungUp
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => return,
            Some(Err(_)) | None => Outcome::Lost,
        };
        self.carrier.end(now);
        self.outcome = Some(ended);
    }

    /// The call goes on elsewhere.
    fn leave(&mut self) {
        self.carrier.stop(self.now());
        self.outcome = Some(Outcome::Redirected);
    }

    fn finish(mut self, outcome: Outcome) -> CallReport {
        let now = self.now();
        self.carrier.end(now);
        self.part(outcome).0
    }

    fn part(mut self, outcome: Outcome) -> (CallReport, mpsc::Sender<String>) {
        let report = CallReport {
            outcome,
            report: self.carrier.phone().report(),
            violations: self.carrier.violations().to_vec(),
            lost: self.lost,
            close_code: self.close_code,
        };
        (report, self.outbound)
    }
}

/// Waits until `call` is sent elsewhere, for ever if nobody can.
async fn redirected(orders: Option<watch::Receiver<Vec<Redirected>>>, call: String) {
    let Some(mut orders) = orders else { return pending().await };
    let is_ours = |all: &Vec<Redirected>| all.iter().any(|order| order.call == call);
    if orders.wait_for(is_ours).await.is_err() {
        pending().await
    }
}

/// Sends what is queued; when the queue ends, closes the socket.
async fn write(
    mut sink: impl Sink<Message, Error = tungstenite::Error> + Unpin,
    mut queue: mpsc::Receiver<String>,
) -> Result<(), tungstenite::Error> {
    while let Some(text) = queue.recv().await {
        sink.send(Message::text(text)).await?;
    }
    sink.close().await
}

async fn next<S: Stream + Unpin>(source: &mut S, stalled: bool) -> Option<S::Item> {
    if stalled {
        return pending().await;
    }
    source.next().await
}

async fn drain<S: Stream + Unpin>(source: &mut S) {
    while source.next().await.is_some() {}
}

async fn connect(uri: &Uri) -> Result<TcpStream, CallError> {
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let port = uri.port_u16().unwrap_or(80);
    let host = uri.host().unwrap_or_default();
    let failed = |source| CallError::Connect { authority: authority.to_owned(), source };
    let stream = TcpStream::connect((host, port)).await.map_err(failed)?;
    stream.set_nodelay(true).map_err(failed)?;
    Ok(stream)
}

fn parse(url: &str, scheme: &str) -> Result<Uri, CallError> {
    let wrong = |reason| CallError::Url { url: url.to_owned(), reason };
    let uri: Uri = url.parse().map_err(|_| wrong("not a URL"))?;
    match uri.scheme_str() {
        Some(given) if given == scheme => {}
        Some("wss" | "https") => return Err(wrong("TLS is left to the proxy: dial behind it")),
        _ => return Err(wrong("expected ws://host:port/path for streams, http:// for webhooks")),
    }
    if uri.host().is_none_or(str::is_empty) {
        return Err(wrong("it names no host"));
    }
    Ok(uri)
}
