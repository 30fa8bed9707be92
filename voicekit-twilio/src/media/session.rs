//! One call's media stream after its start, as a pure state machine.
//!
//! [`Session`] reads no clock and owns no socket: texts and commands go in, events and texts come
//! out.
//!
//! # Driving it
//!
//! 1. Hand it what happens: [`handle_text`](Session::handle_text) and
//!    [`handle_command`](Session::handle_command), and [`handle_fault`](Session::handle_fault) and
//!    [`handle_loss`](Session::handle_loss) for what the socket itself says.
//! 2. Drain [`poll_event`](Session::poll_event), and write what [`poll_frame`](Session::poll_frame)
//!    yields.
//! 3. When it [`is_over`](Session::is_over), close the socket.
//!
//! # Invariants
//!
//! - The events end with exactly one `Ended` or one `Err`; nothing follows it.
//! - No audio that was sent before a `Clear` is polled after it.
//! - Every mark comes back at most once, see [`Marks`].

use std::collections::VecDeque;
use std::fmt;

use bytes::BytesMut;
use tokio_tungstenite::tungstenite::Utf8Bytes;
use tracing::{debug, warn};
use voicekit_core::audio::{AudioChunk, AudioFormat};
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_core::transport::{Digit, EndReason, TransportCommand, TransportEvent};

use super::marks::Marks;
use super::track::Track;
use crate::SERVICE;
use crate::wire::{self, BUFFER_BYTES, Inbound, Malformed, Media, Outbound};

/// The longest piece of audio sent in one message: 20 ms. The last of a chunk may be shorter; it
/// is not padded, which would be heard where another chunk follows.
const FRAME_BYTES: usize = 160;

#[derive(Debug)]
pub(crate) struct Session {
    stream: String,
    outbound: Outbound,
    /// What the caller's sound is written to.
    inbound: BytesMut,
    track: Track,
    marks: Marks,
    events: VecDeque<Result<TransportEvent>>,
    frames: VecDeque<Frame>,
    queued_bytes: usize,
    over: Option<Over>,
    /// Messages that named another stream.
    foreign: u64,
}

/// A message to the carrier.
#[derive(Debug)]
struct Frame {
    text: Utf8Bytes,
    is_audio: bool,
}

/// How a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    /// The caller hung up, the agent hung up, or the line was lost.
    Ended(EndReason),
    /// A newer stream of the same call has taken over.
    Displaced,
    /// The peer broke the protocol.
    Fault(Fault),
}

/// What a peer does that the protocol does not allow. It ends the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A binary message.
    Binary,
    /// A message longer than the limit.
    TooLong,
    /// Frames that are not WebSocket's.
    Framing,
    /// A message that cannot be understood.
    Malformed(Malformed),
    /// Audio that is not base64.
    Payload,
    /// A stream in another format than mu-law at 8 kHz.
    NotPhone,
}

impl Session {
    /// A session on the stream that calls itself `stream`.
    pub(crate) fn new(stream: &str) -> Self {
        Self {
            stream: stream.to_owned(),
            outbound: Outbound::new(stream),
            inbound: BytesMut::with_capacity(BUFFER_BYTES),
            track: Track::default(),
            marks: Marks::default(),
            events: VecDeque::new(),
            frames: VecDeque::new(),
            queued_bytes: 0,
            over: None,
            foreign: 0,
        }
    }

    /// Takes in one message of the carrier.
    pub(crate) fn handle_text(&mut self, text: &str) {
        if self.is_over() {
            return;
        }
        let message = match wire::decode(text) {
            Ok(message) => message,
            Err(malformed) => return self.handle_fault(Fault::Malformed(malformed)),
        };
        match message {
            Inbound::Media { stream, media } if self.is_ours(&stream) => self.media(&media),
            Inbound::Dtmf { stream, digit } if self.is_ours(&stream) => self.digit(&digit),
            Inbound::Mark { stream, name } if self.is_ours(&stream) => self.mark(&name),
            Inbound::Stop { stream } if self.is_ours(&stream) => {
                self.end(Over::Ended(EndReason::CallerHungUp));
            }
            Inbound::Media { .. }
            | Inbound::Dtmf { .. }
            | Inbound::Mark { .. }
            | Inbound::Stop { .. } => self.foreign(),
            Inbound::Connected | Inbound::Start(_) => debug!("a second start is ignored"),
            Inbound::Unknown(event) => debug!(%event, "an unknown event is ignored"),
        }
    }

    /// The socket ended or broke, or has been silent for too long.
    pub(crate) fn handle_loss(&mut self) {
        self.end(Over::Ended(EndReason::Lost));
    }

    /// The agent is done with the line.
    pub(crate) fn handle_hang_up(&mut self) {
        self.end(Over::Ended(EndReason::AgentHungUp));
    }

    /// A newer stream has taken the call over.
    pub(crate) fn handle_displacement(&mut self) {
        self.end(Over::Displaced);
    }

    /// The peer broke the protocol.
    pub(crate) fn handle_fault(&mut self, fault: Fault) {
        self.end(Over::Fault(fault));
    }

    /// Takes in one command.
    ///
    /// # Errors
    ///
    /// `Connection` once the session is over, except for `HangUp`, which has what it wants;
    /// `Unsupported` for audio in another format; `Protocol` if too many marks are outstanding.
    pub(crate) fn handle_command(&mut self, command: TransportCommand) -> Result<()> {
        if self.is_over() && command != TransportCommand::HangUp {
            return Err(Error::new(ErrorKind::Connection, SERVICE, "the line is gone"));
        }
        match command {
            TransportCommand::Audio(chunk) => self.audio(&chunk)?,
            TransportCommand::Mark(mark) => {
                let name = self.marks.send(mark).ok_or_else(too_many_marks)?;
                let text = self.outbound.mark(&name);
                self.queue(text, false);
            }
            TransportCommand::Clear => {
                self.marks.clear();
                self.frames.retain(|frame| !frame.is_audio);
                self.queued_bytes = self.frames.iter().map(|frame| frame.text.len()).sum();
                let text = self.outbound.clear();
                self.queue(text, false);
            }
            TransportCommand::HangUp => self.handle_hang_up(),
        }
        Ok(())
    }

    /// The next thing that happened.
    pub(crate) fn poll_event(&mut self) -> Option<Result<TransportEvent>> {
        self.events.pop_front()
    }

    /// The next message to write.
    pub(crate) fn poll_frame(&mut self) -> Option<Utf8Bytes> {
        let frame = self.frames.pop_front()?;
        self.queued_bytes -= frame.text.len();
        Some(frame.text)
    }

    /// Bytes of messages that have not been polled.
    pub(crate) fn queued_bytes(&self) -> usize {
        self.queued_bytes
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over.is_some()
    }

    /// How the session ended, if it has.
    pub(crate) fn over(&self) -> Option<Over> {
        self.over
    }

    fn end(&mut self, over: Over) {
        if self.is_over() {
            return;
        }
        self.over = Some(over);
        self.frames.clear();
        self.queued_bytes = 0;
        self.events.push_back(match over {
            Over::Ended(reason) => Ok(TransportEvent::Ended(reason)),
            Over::Displaced => Ok(TransportEvent::Ended(EndReason::Lost)),
            Over::Fault(fault) => Err(Error::new(ErrorKind::Protocol, SERVICE, fault.to_string())),
        });
    }

    fn media(&mut self, media: &Media<'_>) {
        if !media.is_inbound() {
            debug!("audio that is not the caller's is ignored");
            return;
        }
        let Ok(bytes) = media.bytes(&mut self.inbound) else {
            return self.handle_fault(Fault::Payload);
        };
        if bytes.is_empty() {
            return;
        }
        let Some(placed) = self.track.place(media.timestamp, bytes.len()) else {
            debug!(timestamp = media.timestamp, "a late chunk of audio is dropped");
            return;
        };
        if let Some((at, length)) = placed.silence {
            debug!(?length, "lost audio is replaced with silence");
            let chunk = AudioChunk::silence(AudioFormat::PHONE, length);
            self.events.push_back(Ok(TransportEvent::Audio { at, chunk }));
        }
        match AudioChunk::new(AudioFormat::PHONE, bytes.slice(placed.samples)) {
            Ok(chunk) => {
                self.events.push_back(Ok(TransportEvent::Audio { at: placed.at, chunk }));
            }
            Err(_) => self.handle_fault(Fault::Payload),
        }
    }

    fn digit(&mut self, digit: &str) {
        let mut keys = digit.chars().map(|key| Digit::new(key.to_ascii_uppercase()));
        match (keys.next().flatten(), keys.next()) {
            (Some(digit), None) => self.events.push_back(Ok(TransportEvent::Dtmf(digit))),
            _ => debug!("a key that no telephone has is ignored"),
        }
    }

    fn mark(&mut self, name: &str) {
        self.events.extend(self.marks.returned(name).map(Ok));
    }

    fn is_ours(&self, stream: &str) -> bool {
        stream == self.stream
    }

    fn foreign(&mut self) {
        self.foreign += 1;
        if self.foreign == 1 {
            warn!("a message for another stream is ignored, as all that follow");
        }
        debug!(ignored = self.foreign, "a message for another stream is ignored");
    }

    fn audio(&mut self, chunk: &AudioChunk) -> Result<()> {
        if chunk.format() != AudioFormat::PHONE {
            let message = format!("audio must be {}, not {}", AudioFormat::PHONE, chunk.format());
            return Err(Error::new(ErrorKind::Unsupported, SERVICE, message));
        }
        for frame in chunk.bytes().chunks(FRAME_BYTES) {
            let text = self.outbound.media(frame);
            self.queue(text, true);
        }
        Ok(())
    }

    fn queue(&mut self, text: Utf8Bytes, is_audio: bool) {
        self.queued_bytes += text.len();
        self.frames.push_back(Frame { text, is_audio });
    }
}

impl Fault {
    /// What is wrong, in at most 123 bytes, which is what a close frame holds.
    pub(crate) fn why(self) -> &'static str {
        match self {
            Self::Binary => "messages must be text",
            Self::TooLong => "a message is longer than allowed",
            Self::Framing => "the frames are not those of a WebSocket",
            Self::Malformed(Malformed::Message) => "a message is not JSON of the documented shape",
            Self::Malformed(Malformed::Missing(_)) => "a message lacks what its event promises",
            Self::Payload => "the payload is not base64",
            Self::NotPhone => "the media format is not mu-law at 8 kHz",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(malformed) => malformed.fmt(f),
            Self::Binary | Self::TooLong | Self::Framing | Self::Payload | Self::NotPhone => {
                f.write_str(self.why())
            }
        }
    }
}

fn too_many_marks() -> Error {
    let message = "too many marks are outstanding: the carrier does not return them";
    Error::new(ErrorKind::Protocol, SERVICE, message)
}

#[cfg(test)]
mod tests;
