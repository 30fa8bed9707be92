//! What benchmarks and fuzz targets need of this crate: media streams without sockets. In no other
//! build, and not part of what stays compatible.

use voicekit_core::error::Result;
use voicekit_core::transport::{TransportCommand, TransportEvent};

use crate::media::opening::Opening;
use crate::media::session::{Fault, Session};
use crate::webhook;
use crate::wire::{self, Inbound};

/// How a message is understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "for the fuzz targets")]
pub enum Message {
    /// As one that is known.
    Known,
    /// As one of a later version.
    Unknown,
    /// Not at all.
    Malformed,
}

/// How `text` is understood.
pub fn message(text: &str) -> Message {
    match wire::decode(text) {
        Ok(Inbound::Unknown(_)) => Message::Unknown,
        Ok(_) => Message::Known,
        Err(_) => Message::Malformed,
    }
}

/// The name of the stream that `text` starts, if it does.
pub fn start(text: &str) -> Option<String> {
    Opening::default().handle_text(text).ok().flatten().map(|opened| opened.stream)
}

/// A media stream after its start, without its socket.
#[derive(Debug)]
pub struct Stream(Session);

impl Stream {
    /// A stream that calls itself `name`.
    pub fn new(name: &str) -> Self {
        Self(Session::new(name))
    }

    /// The carrier says `text`.
    pub fn text(&mut self, text: &str) {
        self.0.handle_text(text);
    }

    /// The carrier says what it must not.
    pub fn binary(&mut self) {
        self.0.handle_fault(Fault::Binary);
    }

    /// The socket is gone.
    pub fn lost(&mut self) {
        self.0.handle_loss();
    }

    /// The agent wants something.
    pub fn command(&mut self, command: TransportCommand) -> Result<()> {
        self.0.handle_command(command)
    }

    /// The next thing that happened.
    pub fn event(&mut self) -> Option<Result<TransportEvent>> {
        self.0.poll_event()
    }

    /// The next message to the carrier.
    pub fn frame(&mut self) -> Option<impl AsRef<str> + use<>> {
        self.0.poll_frame()
    }

    /// Bytes that wait to be sent.
    pub fn queued(&self) -> usize {
        self.0.queued_bytes()
    }

    /// Whether it is over.
    pub fn is_over(&self) -> bool {
        self.0.is_over()
    }
}

/// The parameters in a webhook's body, and the call that it announces.
pub fn webhook(body: &[u8]) -> (Vec<(String, String)>, Option<String>) {
    let pairs = webhook::pairs(body);
    let call = webhook::announced(&pairs).map(|announced| announced.call);
    (pairs, call)
}
