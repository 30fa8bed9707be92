//! An open WebSocket, and how it is opened.

use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::future::{Either, FutureExt, select};
use futures::{Sink, Stream};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{
    CONNECTION, HeaderMap, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::upgrade::Upgraded;
use hyper::{Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error as WsError, Message};
use voicekit_core::error::{Error, ErrorKind, Result};

use crate::connector::{Connector, Wire};
use crate::endpoint::Endpoint;
use crate::refusal::Refusal;

/// The largest message taken, in bytes: half a minute of 48 kHz audio in base64 fits.
const LARGEST_MESSAGE: usize = 4 * 1024 * 1024;

/// The most bytes that wait to be written. Pongs that the service does not read are then dropped;
/// messages of our own are one at a time, and far smaller.
const MOST_UNWRITTEN: usize = 1024 * 1024;

/// As much of a refusal's body as is read, in bytes.
pub(crate) const LARGEST_REFUSAL: usize = 64 * 1024;

/// What goes over a WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the protocol has these two kinds of data")]
pub enum Frame {
    /// Text, usually JSON.
    Text(String),
    /// Bytes, usually audio.
    Binary(Bytes),
}

impl Frame {
    /// A text frame.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A binary frame.
    pub fn binary(bytes: impl Into<Bytes>) -> Self {
        Self::Binary(bytes.into())
    }
}

impl From<Frame> for Message {
    fn from(frame: Frame) -> Self {
        match frame {
            Frame::Text(text) => Self::text(text),
            Frame::Binary(bytes) => Self::Binary(bytes),
        }
    }
}

/// What comes over a WebSocket from the peer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "data comes, or the connection ends")]
pub enum Received {
    /// Data.
    Frame(Frame),
    /// The connection has ended.
    Closed {
        /// RFC 6455, section 7.4: 1005 if the peer gave none, 1006 if it ended without a word.
        code: u16,
        /// The peer's reason, often empty.
        reason: String,
    },
}

/// Why a connection could not be opened.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "refused by the service, or did not get that far")]
pub enum OpenError {
    /// The service answered the upgrade with something else.
    Refused(Box<Refusal>),
    /// There was no answer.
    Failed(Error),
}

impl From<OpenError> for Error {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Refused(refusal) => refusal.error(),
            OpenError::Failed(error) => error,
        }
    }
}

/// An open WebSocket. Dropping it closes the connection.
pub struct WebSocket {
    endpoint: Endpoint,
    headers: HeaderMap,
    stream: WebSocketStream<TokioIo<Upgraded>>,
}

impl WebSocket {
    /// Opens a WebSocket at `endpoint` within `limit`: name resolution, TCP, TLS and upgrade.
    ///
    /// # Errors
    ///
    /// [`OpenError::Refused`] if the service answered with something else than an upgrade;
    /// otherwise `Timeout`, `Connection` or `Protocol`.
    pub async fn open(
        connector: &Connector,
        endpoint: &Endpoint,
        limit: Duration,
    ) -> Result<Self, OpenError> {
        timeout(limit, async {
            let io = connector.connect(endpoint, limit).await.map_err(OpenError::Failed)?;
            upgrade(endpoint, io).await
        })
        .await
        .unwrap_or_else(|_| {
            let text = format!("no WebSocket within {} ms", limit.as_millis());
            Err(OpenError::Failed(endpoint.error(ErrorKind::Timeout, text)))
        })
    }

    /// A header of the answer to the upgrade, such as a request's id.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Sends `frame`. If this is dropped before it is done, the frame may have gone in part: the
    /// connection is of no more use.
    ///
    /// # Errors
    ///
    /// `Connection` or `Protocol`.
    pub async fn send(&mut self, frame: Frame) -> Result<()> {
        poll_fn(|cx| self.poll_ready(cx)).await?;
        self.start_send(frame.into())?;
        poll_fn(|cx| self.poll_flush(cx)).await
    }

    /// What comes next. Pings are answered while this is awaited; nothing is lost if it is dropped.
    ///
    /// # Errors
    ///
    /// `Connection` or `Protocol`.
    pub async fn receive(&mut self) -> Result<Received> {
        let (code, reason) = match poll_fn(|cx| self.poll_read(cx)).await? {
            Read::Frame(frame) => return Ok(Received::Frame(frame)),
            Read::Left(None) => (1005, String::new()),
            Read::Left(Some(close)) => (close.code.into(), close.reason.as_str().to_owned()),
            Read::Gone => (1006, String::new()),
        };
        // The answer to a close frame goes out now or never.
        let _ = poll_fn(|cx| Poll::Ready(self.poll_flush(cx))).await;
        Ok(Received::Closed { code, reason })
    }

    pub(crate) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_ready(cx).map_err(|error| broken(&self.endpoint, error))
    }

    pub(crate) fn start_send(&mut self, message: Message) -> Result<()> {
        Pin::new(&mut self.stream)
            .start_send(message)
            .map_err(|error| broken(&self.endpoint, error))
    }

    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx).map_err(|error| broken(&self.endpoint, error))
    }

    /// The next message other than the protocol's own; the close frame as `Left`.
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<Read>> {
        loop {
            let next = Pin::new(&mut self.stream).poll_next(cx);
            let message = match next {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => return Poll::Ready(Ok(Read::Gone)),
                Poll::Ready(Some(Err(WsError::Protocol(error)))) if is_abrupt(&error) => {
                    return Poll::Ready(Ok(Read::Gone));
                }
                Poll::Ready(Some(Err(error))) => {
                    return Poll::Ready(Err(broken(&self.endpoint, error)));
                }
                Poll::Ready(Some(Ok(message))) => message,
            };
            return Poll::Ready(Ok(match message {
                Message::Text(text) => Read::Frame(Frame::Text(text.as_str().to_owned())),
                Message::Binary(bytes) => Read::Frame(Frame::Binary(bytes)),
                Message::Close(frame) => Read::Left(frame),
                Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => continue,
            }));
        }
    }
}

impl fmt::Debug for WebSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocket").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

/// What comes from the peer.
pub(crate) enum Read {
    Frame(Frame),
    /// It closes the connection, with a reason if it gave one.
    Left(Option<CloseFrame>),
    /// The connection has ended without a close frame.
    Gone,
}

/// The upgrade is plain HTTP by hyper, so that a refusal comes with all of its body, which
/// tungstenite's own handshake gives only in part.
async fn upgrade(endpoint: &Endpoint, io: Wire) -> Result<WebSocket, OpenError> {
    let failed = |error: hyper::Error| {
        let text = format!("the WebSocket upgrade failed: {error}");
        OpenError::Failed(endpoint.error(ErrorKind::Connection, text).with_source(error))
    };
    let (mut sender, connection) = http1::handshake(TokioIo::new(io)).await.map_err(failed)?;
    let key = generate_key();
    let request = upgrade_request(endpoint, &key)?;
    let exchange = async {
        let response = sender.send_request(request).await.map_err(failed)?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(OpenError::Refused(Box::new(refusal(endpoint, response).await)));
        }
        Ok(response)
    };
    // The connection may end with the upgrade before the response has been looked at.
    let mut connection = pin!(connection.with_upgrades().fuse());
    let response = match select(pin!(exchange), &mut connection).await {
        Either::Left((response, _)) => response?,
        Either::Right((_, exchange)) => exchange.await?,
    };
    accept(endpoint, &response, &key).map_err(OpenError::Failed)?;
    let headers = response.headers().clone();
    let upgraded = match select(hyper::upgrade::on(response), connection).await {
        Either::Left((upgraded, _)) => upgraded,
        Either::Right((_, upgraded)) => upgraded.await,
    };
    let io = TokioIo::new(upgraded.map_err(failed)?);
    let config = WebSocketConfig::default()
        // Every message is written at once: the pump holds back, not the socket.
        .write_buffer_size(0)
        .max_write_buffer_size(MOST_UNWRITTEN)
        .max_message_size(Some(LARGEST_MESSAGE))
        .max_frame_size(Some(LARGEST_MESSAGE));
    let stream = WebSocketStream::from_raw_socket(io, Role::Client, Some(config)).await;
    Ok(WebSocket { endpoint: endpoint.clone(), headers, stream })
}

fn upgrade_request(
    endpoint: &Endpoint,
    key: &str,
) -> Result<hyper::Request<Empty<Bytes>>, OpenError> {
    let mut request = endpoint.request(Empty::new());
    let key = HeaderValue::from_str(key).map_err(|error| {
        let error = endpoint.error(ErrorKind::Internal, "no WebSocket key").with_source(error);
        OpenError::Failed(error)
    })?;
    let headers = request.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    headers.insert(SEC_WEBSOCKET_KEY, key);
    Ok(request)
}

async fn refusal(endpoint: &Endpoint, response: Response<Incoming>) -> Refusal {
    let (parts, mut body) = response.into_parts();
    let mut read = BytesMut::new();
    while let Some(Ok(frame)) = body.frame().await {
        let piece = frame.into_data().unwrap_or_default();
        let room = LARGEST_REFUSAL - read.len();
        read.extend_from_slice(&piece[..piece.len().min(room)]);
        if read.len() == LARGEST_REFUSAL {
            break;
        }
    }
    Refusal::new(endpoint, parts.status, parts.headers, read.freeze())
}

/// RFC 6455, section 4.1.
fn accept<B>(endpoint: &Endpoint, response: &Response<B>, key: &str) -> Result<()> {
    let answer = response.headers().get(SEC_WEBSOCKET_ACCEPT).map(HeaderValue::as_bytes);
    if answer == Some(derive_accept_key(key.as_bytes()).as_bytes()) {
        return Ok(());
    }
    Err(endpoint.error(ErrorKind::Protocol, "the WebSocket upgrade was not answered properly"))
}

fn broken(endpoint: &Endpoint, error: WsError) -> Error {
    let has_ended = matches!(
        error,
        WsError::Io(_) | WsError::ConnectionClosed | WsError::AlreadyClosed | WsError::Tls(_)
    );
    let kind = if has_ended { ErrorKind::Connection } else { ErrorKind::Protocol };
    endpoint.error(kind, format!("the WebSocket broke: {error}")).with_source(error)
}

fn is_abrupt(error: &ProtocolError) -> bool {
    matches!(error, ProtocolError::ResetWithoutClosingHandshake | ProtocolError::SendAfterClosing)
}
