//! The media stream: from the handshake to the end of the call.

mod line;
mod marks;
pub(crate) mod opening;
pub(crate) mod session;
mod track;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use futures::{SinkExt as _, StreamExt as _};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncReadExt as _;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::error::{Error as WsError, ProtocolError};
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tracing::{Instrument as _, debug, info, info_span, warn};
use voicekit_core::transport::CallInfo;

pub(crate) use self::line::Displace;
use self::line::TwilioLine;
use self::opening::{Opened, Opening};
use self::session::Fault;
pub(crate) use self::session::Session;
use crate::control::Control;
use crate::live::Key;
use crate::webhook::Front;
use crate::wire;

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// How long the peer may take to answer our close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// Allocated for each call, and zeroed before each read. Ten of the carrier's messages;
/// what is left, the next read takes.
const READ_BUFFER_BYTES: usize = 4 << 10;
/// The most that the WebSocket layer keeps for a peer that reads nothing: pongs and the messages
/// that were handed to it. What waits beyond that waits in the session.
const WRITE_BUFFER_BYTES: usize = 64 << 10;

/// Accepts the handshake; the call lives in the new socket's task.
pub(crate) fn upgrade(front: Arc<Front>, mut request: Request) -> Response {
    let response = match create_response_with_body(&request, Body::empty) {
        Ok(response) => response,
        Err(error) => {
            debug!(%error, "not a WebSocket handshake");
            return (StatusCode::BAD_REQUEST, "not a WebSocket handshake").into_response();
        }
    };
    let upgraded = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        match upgraded.await {
            Ok(io) => hold(&front, TokioIo::new(io)).await,
            Err(error) => debug!(%error, "the connection could not be made a WebSocket"),
        }
    });
    response
}

async fn hold(front: &Front, io: TokioIo<Upgraded>) {
    // Messages are written at once: what waits, waits in the session, where a clear finds it.
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_write_buffer_size(WRITE_BUFFER_BYTES)
        .max_message_size(Some(front.config.max_frame_bytes))
        .max_frame_size(Some(front.config.max_frame_bytes));
    let mut socket = WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await;
    let (mut place, _) = front.unstarted.enter();
    let opened = tokio::select! {
        opened = open(front, &mut socket) => opened,
        () = place.evicted() => {
            let why = "too many streams have not started";
            Err(Refusal { code: CloseCode::Again, why })
        }
    };
    drop(place);
    match opened {
        Ok(accepted) => {
            let span = info_span!("call", id = accepted.call.id);
            converse(front, socket, accepted).instrument(span).await;
        }
        Err(refusal) => {
            if let Some(suppressed) = front.refused_streams.admit() {
                warn!(why = refusal.why, suppressed, "a media stream is refused");
            }
            close(socket, refusal.code, refusal.why).await;
        }
    }
}

/// A stream that becomes a call.
struct Accepted {
    key: Key,
    call: CallInfo,
    stream: String,
}

async fn converse(front: &Front, socket: Socket, accepted: Accepted) {
    let Accepted { key, call, stream } = accepted;
    let session = Session::new(&stream);
    let rest = front.rest.as_ref();
    let control = rest.map(|rest| Control::new(rest, &call, front.config.answer_url()));
    let (line, end) = TwilioLine::new(socket, session, call, control, &front.config);
    let (seat, earlier) = front.live.enter(key, end.displace());
    // Given up when the application has returned and the line is over, whichever comes last.
    let seat = Arc::new(seat);
    let (line_seat, over) = (Arc::clone(&seat), end.displace());
    let answered = async move {
        let _seat = seat;
        if let Some(earlier) = earlier {
            info!("a newer stream takes the call over");
            earlier.settle().await;
        }
        // An even newer one may have come meanwhile.
        if over.is_displaced() {
            return;
        }
        info!("the call starts");
        front.answer.answer(Box::new(line)).await;
        info!("the call is over");
    };
    futures::join!(answered, end.close(line_seat));
}

/// Why a stream does not become a call.
struct Refusal {
    code: CloseCode,
    why: &'static str,
}

async fn open(front: &Front, socket: &mut Socket) -> Result<Accepted, Refusal> {
    let deadline = Instant::now() + front.config.start_timeout;
    let late = |_| Refusal { code: CloseCode::Policy, why: "the stream did not start in time" };
    let started = timeout_at(deadline, started(socket)).await.map_err(late)??;
    let Opened { account, call, stream, token, parameters } = started;
    let announced = front.redeem(&token, &account, &call).map_err(|refused| {
        debug!(?refused, "the stream's token");
        Refusal { code: CloseCode::Policy, why: "the stream's token is not valid" }
    })?;
    let account = if announced.account.is_empty() { account } else { announced.account };
    let key = Key { account, call: call.clone() };
    if token.is_empty() && front.live.holds(&key) {
        let why = "the call has a stream already, and this one has no token";
        return Err(Refusal { code: CloseCode::Policy, why });
    }
    let call =
        CallInfo::new(call).with_parties(announced.from, announced.to).with_parameters(parameters);
    Ok(Accepted { key, call, stream })
}

async fn started(socket: &mut Socket) -> Result<Opened, Refusal> {
    let mut opening = Opening::default();
    loop {
        let fault = match read(socket.next().await) {
            Read::Text(text) => match opening.handle_text(&text) {
                Ok(Some(opened)) => return Ok(opened),
                Ok(None) => continue,
                Err(fault) => fault,
            },
            Read::Nothing => continue,
            Read::Lost => {
                let why = "the stream ended before it started";
                return Err(Refusal { code: CloseCode::Normal, why });
            }
            Read::Fault(fault) => fault,
        };
        return Err(Refusal { code: code(fault), why: fault.why() });
    }
}

/// What came from the socket.
enum Read {
    Text(tokio_tungstenite::tungstenite::Utf8Bytes),
    /// Pings are answered by the WebSocket layer.
    Nothing,
    Lost,
    Fault(Fault),
}

fn read(message: Option<Result<Message, WsError>>) -> Read {
    match message {
        Some(Ok(Message::Text(text))) => Read::Text(text),
        Some(Ok(Message::Binary(_))) => Read::Fault(Fault::Binary),
        Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Read::Nothing,
        Some(Ok(Message::Close(_))) | None => Read::Lost,
        Some(Err(WsError::Capacity(_))) => Read::Fault(Fault::TooLong),
        Some(Err(WsError::Utf8(_))) => Read::Fault(Fault::Malformed(wire::Malformed::Message)),
        Some(Err(WsError::Protocol(ProtocolError::ResetWithoutClosingHandshake))) => Read::Lost,
        Some(Err(WsError::Protocol(_))) => Read::Fault(Fault::Framing),
        Some(Err(error)) => {
            debug!(%error, "the socket broke");
            Read::Lost
        }
    }
}

/// The close code of RFC 6455, section 7.4.1, for a fault.
fn code(fault: Fault) -> CloseCode {
    match fault {
        Fault::Binary | Fault::NotPhone => CloseCode::Unsupported,
        Fault::TooLong => CloseCode::Size,
        Fault::Framing => CloseCode::Protocol,
        Fault::Malformed(_) | Fault::Payload => CloseCode::Invalid,
    }
}

/// Says goodbye and waits a little for the peer's: a socket dropped with unread bytes in it is
/// reset, and the peer may never see why.
async fn close(mut socket: Socket, code: CloseCode, why: &'static str) {
    let goodbye = async {
        let frame = CloseFrame { code, reason: why.into() };
        let is_first = socket.send(Message::Close(Some(frame))).await.is_ok();
        while let Some(Ok(message)) = socket.next().await {
            if message.is_close() {
                return;
            }
        }
        if is_first {
            // Frames cannot be told apart any more.
            let mut rest = [0; 1 << 10];
            while socket.get_mut().read(&mut rest).await.is_ok_and(|count| count > 0) {}
        }
    };
    if timeout(CLOSE_TIMEOUT, goodbye).await.is_err() {
        debug!("the peer did not close its side");
    }
}
