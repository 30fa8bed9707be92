//! One loop for every service that is spoken to over a WebSocket.
//!
//! [`pump`] takes a [`WireCodec`], an input stream and a way to connect, and gives an output
//! stream. In between it
//!
//! - opens the connection, within a time limit, while the input is already being read;
//! - cuts audio anew to the sizes that the service takes, and sends it no faster than allowed;
//! - keeps the connection alive, answers pings, and notices a service that has fallen silent;
//! - reconnects on a fixed schedule and sends again what was not understood for good;
//! - asks for the rest when the input ends, and waits for it no longer than allowed.
//!
//! # The task
//!
//! The connection lives in one task that the output stream owns, so that pings are answered and
//! keep-alives sent while nobody reads the output, as when playout is ahead of the caller's ear.
//! Dropping the output drops the input and closes the connection the next time the task runs,
//! which dropping wakes; if the codec has [last words](WireCodec::abandon), the connection
//! lives on for them, for a second at most.
//!
//! # Queues
//!
//! All are bounded. Audio: [`PumpConfig::buffer`], and what happens when it is full is
//! [`PumpConfig::overflow`]. Frames other than audio: 64 or 256 KiB, beyond which neither the input
//! nor the connection is read on. Outputs: [`PumpConfig::outputs`] or
//! [`PumpConfig::output_bytes`], whichever is reached first, and those of one message more; beyond
//! that the connection is not read on. A message has 4 MiB at most, a larger one is an error of kind
//! `Protocol`.
//!
//! # Errors
//!
//! The output ends after its first error. A connection that breaks is an error only when the
//! schedule is exhausted or the error is not worth a retry.

mod config;
mod log;
pub(crate) mod positions;
mod room;
mod task;

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::Stream;
use futures::channel::{mpsc, oneshot};
use futures::stream::BoxStream;
use voicekit_core::error::{Error, ErrorKind, Result};

use crate::codec::WireCodec;
use crate::connector::Connector;
use crate::endpoint::Endpoint;
use crate::websocket::WebSocket;

use room::Room;

pub use config::{Chunking, Overflow, Pace, PumpConfig};
pub use room::Weigh;

/// How to reach a service.
#[derive(Debug)]
pub struct Link {
    connector: Connector,
    endpoint: Endpoint,
    warm: Option<WebSocket>,
}

impl Link {
    /// Connects to `endpoint` by `connector`.
    pub fn new(connector: Connector, endpoint: Endpoint) -> Self {
        Self { connector, endpoint, warm: None }
    }

    /// Begins with a connection that is already open.
    #[must_use]
    pub fn with_open(mut self, socket: WebSocket) -> Self {
        self.warm = Some(socket);
        self
    }
}

/// Speaks `codec` over `link`: what `input` gives goes out, what is understood comes out.
///
/// The output ends after the service's last word, or after one error. Dropping it ends
/// everything.
///
/// # Panics
///
/// Outside of a tokio runtime.
pub fn pump<C: WireCodec>(
    link: Link,
    codec: C,
    input: BoxStream<'static, C::In>,
    config: PumpConfig,
) -> BoxStream<'static, Result<C::Out>> {
    let service = codec.service();
    let (output, receiver) = mpsc::channel(config.outputs);
    let (owner, owned) = oneshot::channel();
    let room = Room::new(config.output_bytes);
    let outputs = task::Outputs::new(output, room.clone());
    tokio::spawn(task::run(link, codec, input, config, outputs, owned));
    Box::pin(Output { service, receiver, room, _owner: owner, has_ended: false })
}

/// What the task gives: an output, or at the end nothing.
type Given<Out> = Option<Result<Out>>;

/// The output. Dropping `_owner` ends the task.
struct Output<Out> {
    service: &'static str,
    receiver: mpsc::Receiver<Given<Out>>,
    room: Room,
    _owner: oneshot::Sender<()>,
    has_ended: bool,
}

impl<Out: Weigh> Stream for Output<Out> {
    type Item = Result<Out>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.has_ended {
            return Poll::Ready(None);
        }
        let next = std::task::ready!(Pin::new(&mut self.receiver).poll_next(cx));
        self.has_ended = !matches!(next, Some(Some(Ok(_))));
        if let Some(Some(Ok(output))) = &next {
            self.room.take(output.bytes());
        }
        Poll::Ready(next.unwrap_or_else(|| {
            // The task ended without saying so: its codec panicked, or the runtime stops.
            let text = "the connection's task was stopped";
            Some(Err(Error::new(ErrorKind::Internal, self.service, text)))
        }))
    }
}

impl<Out> fmt::Debug for Output<Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output").field("service", &self.service).finish_non_exhaustive()
    }
}
