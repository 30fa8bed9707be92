//! A service's protocol without its I/O: what an adapter writes.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use voicekit_core::audio::AudioChunk;
use voicekit_core::error::{Error, ErrorKind, Result, Retry};

use crate::pump::Weigh;
use crate::pump::positions::Positions;
use crate::refusal::Refusal;
use crate::websocket::Frame;

/// A service's protocol over a WebSocket: inputs to frames, frames to outputs.
///
/// A codec is pure. It performs no I/O and reads no clock, so its tests are a list of calls.
/// [`pump`](crate::pump::pump) owns the connection and calls it.
///
/// # Contract
///
/// 1. [`open`](Self::open) is called once for each connection, before anything is sent on it.
///    Inputs may be encoded before the first one: what they give is sent after it.
/// 2. Audio handed to [`Outbox::audio`] is cut anew to the sizes that the service takes, and kept
///    until [`Inbox::final_until`] says that it is understood. After a reconnect what is kept is
///    sent again, in order, together with the frames of [`Outbox::send_owed`] that were not
///    [`answered`](Inbox::answered). Other frames are not repeated: they belong into `open`.
/// 3. Times that the service gives count from the start of its connection.
///    [`Inbox::position`] turns them into positions in the input.
/// 4. A message of an unknown type is skipped; a malformed one is an error of kind `Protocol`.
pub trait WireCodec: Send + 'static {
    /// What goes in: [`AsrInput`](voicekit_core::asr::AsrInput), clauses.
    type In: Send + 'static;
    /// What comes out: [`AsrEvent`](voicekit_core::asr::AsrEvent),
    /// [`Spoken`](voicekit_core::tts::Spoken).
    type Out: Weigh + Send + 'static;

    /// The service's name in errors and logs.
    fn service(&self) -> &'static str;

    /// A connection is open. Default: nothing is sent.
    ///
    /// # Errors
    ///
    /// Ends the stream: for instance because what was lost cannot be made up for, when
    /// [`Outbox::connection`] is not 0.
    fn open(&mut self, to: &mut Outbox) -> Result<()> {
        let _ = to;
        Ok(())
    }

    /// Sends one input.
    ///
    /// # Errors
    ///
    /// Ends the stream: the input cannot be sent to this service.
    fn encode(&mut self, input: Self::In, to: &mut Outbox) -> Result<()>;

    /// Wraps audio of the right size. Default: a binary frame.
    fn wrap(&mut self, audio: Bytes) -> Frame {
        Frame::Binary(audio)
    }

    /// Understands one frame.
    ///
    /// # Errors
    ///
    /// Ends the stream, or, if the error is worth a retry, the connection.
    fn decode(&mut self, frame: Frame, from: &mut Inbox<'_, Self::Out>) -> Result<()>;

    /// The input is over: asks for the rest. All audio before it, padded if the service wants
    /// that, has been queued. Default: nothing is sent, and the connection is closed when
    /// nothing comes any more.
    ///
    /// # Errors
    ///
    /// Ends the stream.
    fn finish(&mut self, to: &mut Outbox) -> Result<()> {
        let _ = to;
        Ok(())
    }

    /// Nothing was sent for as long as [`PumpConfig::keep_alive`](crate::pump::PumpConfig) says:
    /// a message that keeps the connection, or silence. Default: nothing.
    fn keep_alive(&mut self, to: &mut Outbox) {
        let _ = to;
    }

    /// The output was dropped: the last words before the connection is closed, for services that
    /// would go on billing. They are given one second. Default: none, and the connection is
    /// closed at once.
    fn abandon(&mut self, to: &mut Outbox) {
        let _ = to;
    }

    /// An answer is owed, and nothing came for as long as
    /// [`PumpConfig::answer`](crate::pump::PumpConfig) says. `Ok` gives the answers up for lost.
    ///
    /// # Errors
    ///
    /// By default, `Timeout`, which breaks the connection.
    fn overdue(&mut self, from: &mut Inbox<'_, Self::Out>) -> Result<()> {
        let _ = from;
        Err(Error::new(ErrorKind::Timeout, self.service(), "no answer in time"))
    }

    /// What it means that the service closed the connection with this code (RFC 6455, section
    /// 7.4; 1005 if it gave none, 1006 if the connection just ended) before its work was done.
    /// Default: [`close_error`].
    fn closed(&mut self, code: u16, reason: &str) -> Error {
        close_error(self.service(), code, reason)
    }

    /// What it means that the service refused the connection. Default: [`Refusal::error`].
    fn refused(&mut self, refusal: &Refusal) -> Error {
        refusal.error()
    }
}

/// What the code of a close frame usually means: 1002, 1003, 1007 and 1009 that we broke the
/// protocol, 1008 and 1010 that we are refused; everything else that the connection broke. Codes
/// from 3000 on are the service's own and also break the connection, unless its codec knows better.
/// The reason is the error's [`detail`](Error::detail).
pub fn close_error(service: &'static str, code: u16, reason: &str) -> Error {
    let kind = match code {
        1002 | 1003 | 1007 | 1009 => ErrorKind::Protocol,
        1008 | 1010 => ErrorKind::Rejected,
        _ => ErrorKind::Connection,
    };
    let text = match code {
        1006 => "the connection ended without a close frame".to_owned(),
        _ => format!("the service closed the connection ({code})"),
    };
    let error = Error::new(kind, service, text).with_detail(reason);
    // 1012 and 1013: it restarts, or has too much to do.
    if matches!(code, 1012 | 1013) {
        return error.with_retry(Retry::After(Duration::from_secs(1)));
    }
    error
}

/// What a codec wants sent, in order.
#[derive(Debug)]
pub struct Outbox {
    connection: u32,
    pub(crate) items: Vec<Item>,
}

/// One thing to send.
#[derive(Debug)]
pub(crate) enum Item {
    Audio(AudioChunk),
    Silence(AudioChunk),
    Frame(Frame),
    Owed(Frame),
}

impl Outbox {
    /// An outbox on the connection `connection`, counted from 0: for tests of a codec.
    pub fn new(connection: u32) -> Self {
        Self { connection, items: Vec::new() }
    }

    /// Which connection this is, counted from 0. Beyond 0, an earlier one was lost.
    pub fn connection(&self) -> u32 {
        self.connection
    }

    /// Sends audio of the input, cut anew. All of a stream has one format.
    pub fn audio(&mut self, chunk: AudioChunk) {
        self.items.push(Item::Audio(chunk));
    }

    /// Sends audio that is not in the input, such as silence where the service needs some. It
    /// moves no position, and is not repeated.
    pub fn filler(&mut self, chunk: AudioChunk) {
        self.items.push(Item::Silence(chunk));
    }

    /// Sends a frame after all audio before it.
    pub fn send(&mut self, frame: Frame) {
        self.items.push(Item::Frame(frame));
    }

    /// Sends a frame that will be [`answered`](Inbox::answered). Until then the pump watches
    /// the time, and repeats the frame if it reconnects.
    pub fn send_owed(&mut self, frame: Frame) {
        self.items.push(Item::Owed(frame));
    }

    /// The frames sent so far, without audio: for tests of a codec.
    pub fn frames(&self) -> impl Iterator<Item = &Frame> {
        self.items.iter().filter_map(|item| match item {
            Item::Frame(frame) | Item::Owed(frame) => Some(frame),
            Item::Audio(_) | Item::Silence(_) => None,
        })
    }
}

/// What a codec has understood.
#[derive(Debug)]
pub struct Inbox<'a, Out> {
    events: &'a mut VecDeque<Out>,
    positions: &'a Positions,
    pub(crate) understood: Understood,
    pub(crate) replies: Outbox,
}

/// What follows from a frame for the pump.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Understood {
    pub(crate) final_until: Option<Duration>,
    pub(crate) answered: usize,
    pub(crate) ended: bool,
}

impl<'a, Out> Inbox<'a, Out> {
    pub(crate) fn new(
        connection: u32,
        events: &'a mut VecDeque<Out>,
        positions: &'a Positions,
    ) -> Self {
        let replies = Outbox::new(connection);
        Self { events, positions, understood: Understood::default(), replies }
    }

    /// Gives `event` to whoever reads the output.
    pub fn emit(&mut self, event: Out) {
        self.events.push_back(event);
    }

    /// Everything up to here, from the start of the connection, is understood for good: it is
    /// not sent again after a reconnect.
    pub fn final_until(&mut self, end: Duration) {
        self.understood.final_until = self.understood.final_until.max(Some(end));
    }

    /// The oldest owed answer has come.
    pub fn answered(&mut self) {
        self.understood.answered += 1;
    }

    /// The service has said its last word: the stream ends, whatever the input does.
    pub fn end(&mut self) {
        self.understood.ended = true;
    }

    /// Where in the input, from its first sample, this time of the connection lies.
    pub fn position(&self, on_connection: Duration) -> Duration {
        self.positions.in_input(on_connection)
    }

    /// Sends a frame in reply.
    pub fn reply(&mut self, frame: Frame) {
        self.replies.send(frame);
    }
}

/// Runs `understand` outside of a pump and gives what was emitted: for tests of a codec.
pub fn understood<Out>(
    understand: impl FnOnce(&mut Inbox<'_, Out>) -> Result<()>,
) -> Result<Vec<Out>> {
    let (mut events, positions) = (VecDeque::new(), Positions::default());
    understand(&mut Inbox::new(0, &mut events, &positions))?;
    Ok(events.into())
}
