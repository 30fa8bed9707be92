//! A telephone carrier that streams a call's media over a WebSocket, as Twilio does.
//!
//! [`Carrier`] is a pure machine: time is an argument, text frames go in and come out, and a
//! [`Phone`] plays, says and records. [`SimulatedCall`] drives it over a connection with a
//! [`Script`](crate::script::Script) for the caller, [`Chaos`] makes it misbehave, and
//! [`in_memory`] serves an HTTP service without a socket so that whole calls run in virtual time.

mod call;
mod chaos;
mod exchange;
mod memory;
mod observe;
mod webhook;
mod wire;

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;
use voicekit_core::time::Timestamp;

use crate::phone::{Output, Phone};
use wire::{Names, ServerMessage};

pub use call::{CallError, CallReport, SimulatedCall};
pub use chaos::Chaos;
pub use exchange::{Exchange, Redirected};
pub use memory::{InMemory, in_memory};
pub use observe::Observation;
pub use webhook::{Instructions, Webhook};

/// The carrier's end of one media stream.
///
/// # Driving it
///
/// As a [`Phone`]: feed [`handle_text`](Self::handle_text) and
/// [`handle_binary`](Self::handle_binary) with what the server sends and
/// [`handle_timeout`](Self::handle_timeout) when [`poll_timeout`](Self::poll_timeout) is due; then
/// send what [`poll_output`](Self::poll_output) gives. Session time starts when the stream starts.
///
/// ```
/// use voicekit_core::time::Timestamp;
/// use voicekit_testkit::carrier::Carrier;
///
/// let mut carrier = Carrier::new(Default::default());
/// carrier.handle_timeout(Timestamp::from_millis(20));
/// let sent: Vec<String> = std::iter::from_fn(|| carrier.poll_output()).collect();
/// assert_eq!(sent.len(), 3, "connected, start and one media message: {sent:?}");
/// ```
#[derive(Clone, Debug)]
pub struct Carrier {
    names: Names,
    phone: Phone,
    chaos: Chaos,
    sequence: u64,
    started: bool,
    stopped: bool,
    output: VecDeque<String>,
    violations: Vec<Violation>,
}

/// What a stream is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CarrierConfig {
    call: u64,
    parameters: BTreeMap<String, String>,
    chaos: Chaos,
}

impl CarrierConfig {
    /// Call number 0, no custom parameters, no misbehaviour.
    pub fn new() -> Self {
        Self::default()
    }

    /// Which call it is: the ids of call and stream are made of this number. Default: 0.
    #[must_use]
    pub fn with_call(mut self, number: u64) -> Self {
        self.call = number;
        self
    }

    /// The stream's custom parameters. Default: none.
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
}

/// Something the server sent that the protocol does not allow; it had no effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Violation {
    /// When it arrived.
    pub at: Timestamp,
    /// What is wrong with it.
    pub breach: Breach,
}

/// What is wrong with a message from the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Breach {
    /// A binary frame; all messages are text.
    #[error("a binary frame")]
    Binary,
    /// Text that is no JSON object.
    #[error("not a JSON object")]
    NotJson,
    /// An event that does not exist.
    #[error("unknown event {0:?}")]
    UnknownEvent(String),
    /// A key that is missing, undocumented, or holds the wrong type.
    #[error("key {0:?} is missing, undocumented or of the wrong type")]
    WrongKey(String),
    /// The message names another stream.
    #[error("streamSid {0:?} is not this stream")]
    WrongStream(String),
    /// Audio that is none.
    #[error("payload is {0}")]
    BadPayload(&'static str),
    /// A message before the stream has started.
    #[error("a message before the stream has started")]
    TooEarly,
}

impl Carrier {
    /// A stream about to start at time zero.
    pub fn new(config: CarrierConfig) -> Self {
        let mut carrier = Self {
            names: Names::of_call(config.call),
            phone: Phone::new(),
            chaos: config.chaos,
            sequence: 0,
            started: false,
            stopped: false,
            output: VecDeque::from([wire::connected()]),
            violations: Vec::new(),
        };
        carrier.start(&config.parameters);
        carrier
    }

    /// The caller's phone: give it clips to say and keys to press.
    pub fn phone(&mut self) -> &mut Phone {
        &mut self.phone
    }

    /// The carrier's name of the stream, as every message carries it.
    pub fn stream_sid(&self) -> &str {
        &self.names.stream
    }

    /// Takes in a text frame from the server.
    pub fn handle_text(&mut self, now: Timestamp, text: &str) {
        if !self.started {
            return self.violation(now, Breach::TooEarly);
        }
        match wire::parse(text, &self.names.stream) {
            Ok(ServerMessage::Media(codes)) => self.phone.play(now, &codes),
            Ok(ServerMessage::Mark(name)) => self.phone.mark(now, name),
            Ok(ServerMessage::Clear) => self.phone.clear(now),
            Err(breach) => self.violation(now, breach),
        }
        self.forward();
    }

    /// Takes in a binary frame from the server, which the protocol does not have.
    pub fn handle_binary(&mut self, now: Timestamp) {
        self.violation(now, Breach::Binary);
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due; `None` after the stop.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        let malformed = self.chaos.next_malformed();
        self.phone.poll_timeout().map(|at| malformed.map_or(at, |malformed| at.min(malformed)))
    }

    /// Does what is due by `now`.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        self.phone.handle_timeout(now);
        self.forward();
        if !self.stopped {
            self.output.extend(self.chaos.malformed_by(now));
        }
    }

    /// The next text frame for the server.
    pub fn poll_output(&mut self) -> Option<String> {
        self.output.pop_front()
    }

    /// The call is over because the caller hung up or the call was redirected: sends `stop`.
    pub fn stop(&mut self, now: Timestamp) {
        self.end(now);
        if !self.stopped {
            self.stopped = true;
            let sequence = self.next_sequence();
            self.output.push_back(wire::stop(&self.names, sequence));
        }
    }

    /// The connection is gone: what has not been played is never heard.
    pub fn end(&mut self, now: Timestamp) {
        self.phone.end(now);
        self.forward();
    }

    /// What the server did wrong so far.
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    fn start(&mut self, parameters: &BTreeMap<String, String>) {
        if self.chaos.without_start {
            return;
        }
        self.started = true;
        let sequence = self.next_sequence();
        self.output.push_back(wire::start(&self.names, sequence, parameters));
    }

    fn forward(&mut self) {
        while let Some(output) = self.phone.poll_output() {
            match output {
                Output::Frame { number, codes } => self.media(number + 1, &codes),
                Output::Digit(digit) => {
                    let sequence = self.next_sequence();
                    self.output.push_back(wire::dtmf(&self.names.stream, sequence, digit));
                }
                Output::Mark { name, .. } => {
                    let sequence = self.next_sequence();
                    self.output.push_back(wire::mark(&self.names.stream, sequence, &name));
                }
            }
        }
    }

    fn media(&mut self, chunk: u64, codes: &[u8]) {
        let stream = self.chaos.stream_of(chunk).unwrap_or(&self.names.stream).to_owned();
        let sequence = self.next_sequence();
        let message = wire::media(&stream, sequence, chunk, codes);
        let copies = self.chaos.copies_of(chunk);
        self.output.extend(std::iter::repeat_n(message, copies));
    }

    fn next_sequence(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    fn violation(&mut self, at: Timestamp, breach: Breach) {
        self.violations.push(Violation { at, breach });
    }
}
