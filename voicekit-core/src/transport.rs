//! Lines: how a call's audio comes in and goes out.

use std::collections::BTreeMap;
use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};

use crate::audio::{AudioChunk, AudioFormat};
use crate::control::CallControl;
use crate::error::Result;
use crate::time::MediaTime;

/// One call's line.
///
/// # Contract
///
/// 1. The events end with exactly one [`TransportEvent::Ended`] or exactly one `Err`.
/// 2. Audio arrives in order, without gaps: what the carrier lost has been filled with silence.
/// 3. Audio is played in the order it was sent, each chunk right after the one before.
/// 4. Every mark comes back exactly once: as `Played` when all audio sent before it has been
///    heard, as `Cleared` if a [`TransportCommand::Clear`] was sent first. After the line has
///    ended, none comes back.
/// 5. After a `Clear`, nothing sent before it is heard, but for what the network has in flight.
/// 6. Sending never waits for the caller to hear, only for room in a bounded queue.
/// 7. Dropping both halves hangs up.
pub trait Transport: fmt::Debug + Send {
    /// Who calls whom.
    fn call(&self) -> &CallInfo;

    /// The format in which audio arrives and must be sent.
    fn format(&self) -> AudioFormat;

    /// What the carrier can do to the call beside carrying it. Default: nothing.
    fn control(&self) -> Option<Arc<dyn CallControl>> {
        None
    }

    /// The line's two directions.
    fn split(
        self: Box<Self>,
    ) -> (Box<dyn TransportSink>, BoxStream<'static, Result<TransportEvent>>);
}

/// The direction towards the caller.
///
/// It is polled and not an `async fn`, whose future would be boxed fifty times a second.
pub trait TransportSink: Send {
    /// Takes `command`, leaving `None`, or leaves it there and wakes the task once there is room.
    /// Given nothing, it has nothing to do and is ready.
    ///
    /// # Errors
    ///
    /// `Connection` once the line is gone; the event stream says why.
    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        command: &mut Option<TransportCommand>,
    ) -> Poll<Result<()>>;
}

impl dyn TransportSink + '_ {
    /// Sends one command. If the future is dropped before it is ready, nothing of it is sent.
    ///
    /// # Errors
    ///
    /// `Connection` once the line is gone; the event stream says why.
    pub async fn send(&mut self, command: TransportCommand) -> Result<()> {
        let mut command = Some(command);
        poll_fn(|cx| self.poll_send(cx, &mut command)).await
    }
}

/// What can be done to a line. Exhaustive on purpose: an adapter must carry out each.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "adapters must not silently ignore a command")]
pub enum TransportCommand {
    /// Play this after what was sent before.
    Audio(AudioChunk),
    /// Report when everything sent so far has been played.
    Mark(Mark),
    /// Forget what has not been played yet.
    Clear,
    /// End the call. Nothing else follows.
    HangUp,
}

/// What happens on a line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransportEvent {
    /// The caller's sound.
    Audio {
        /// Where the chunk starts in the caller's stream.
        at: MediaTime,
        /// The sound.
        chunk: AudioChunk,
    },
    /// All audio sent before this mark has been heard.
    Played(Mark),
    /// This mark was outstanding when `Clear` was sent.
    Cleared(Mark),
    /// The caller pressed a key.
    Dtmf(Digit),
    /// The call is over.
    Ended(EndReason),
}

/// A point in the agent's speech: `position` into the reply `reply`.
///
/// The reply's number is the mark's generation: a mark of an older reply means nothing to a
/// newer one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[expect(clippy::exhaustive_structs, reason = "every transport must be able to name a mark")]
pub struct Mark {
    /// The number of the reply.
    pub reply: u64,
    /// Microseconds into the reply's audio.
    pub position_us: u64,
}

/// A key of a telephone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "char", into = "char")]
pub struct Digit(char);

impl Digit {
    /// The key `key`: `0`–`9`, `*`, `#` or `A`–`D`, if it is one.
    pub fn new(key: char) -> Option<Self> {
        matches!(key, '0'..='9' | '*' | '#' | 'A'..='D').then_some(Self(key))
    }

    /// The key as it is printed on the telephone.
    pub fn key(self) -> char {
        self.0
    }
}

impl TryFrom<char> for Digit {
    type Error = NotAKey;

    fn try_from(key: char) -> Result<Self, NotAKey> {
        Self::new(key).ok_or(NotAKey(key))
    }
}

impl From<Digit> for char {
    fn from(digit: Digit) -> Self {
        digit.0
    }
}

/// A telephone has no such key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a key of a telephone: 0 to 9, *, # and A to D are")]
pub struct NotAKey(char);

/// Why a call is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EndReason {
    /// The caller or the carrier ended it.
    CallerHungUp,
    /// The agent ended it.
    AgentHungUp,
    /// The line broke without a word.
    Lost,
}

/// Who calls whom, as the carrier says.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallInfo {
    /// The carrier's name of the call.
    pub id: String,
    /// The caller's number or address; carriers may withhold it.
    pub from: Option<String>,
    /// The number or address that was called.
    pub to: Option<String>,
    /// What the application attached to the call.
    pub parameters: BTreeMap<String, String>,
}

impl CallInfo {
    /// A call known as `id`.
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), ..Self::default() }
    }

    /// Sets [`from`](Self::from) and [`to`](Self::to).
    #[must_use]
    pub fn with_parties(mut self, from: Option<String>, to: Option<String>) -> Self {
        self.from = from;
        self.to = to;
        self
    }

    /// Sets [`parameters`](Self::parameters).
    #[must_use]
    pub fn with_parameters(mut self, parameters: BTreeMap<String, String>) -> Self {
        self.parameters = parameters;
        self
    }
}

/// Numbers and parameters are personal data: only their presence is shown.
impl fmt::Debug for CallInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallInfo")
            .field("id", &self.id)
            .field("from", &self.from.as_ref().map(|_| "…"))
            .field("to", &self.to.as_ref().map(|_| "…"))
            .field("parameters", &self.parameters.keys())
            .finish()
    }
}

/// Whoever answers calls: what a transport crate hands each new line to.
///
/// Implemented by voicekit's agent and by every `Fn(Box<dyn Transport>) -> impl Future`.
pub trait Answer: Send + Sync + 'static {
    /// Holds the conversation on this line until it ends.
    fn answer(&self, line: Box<dyn Transport>) -> BoxFuture<'static, ()>;

    /// Notes that a call is about to come: the carrier has announced it, and its line opens some
    /// hundred milliseconds later. Must not block. Does nothing by default.
    fn announced(&self) {}
}

impl<F, Fut> Answer for F
where
    F: Fn(Box<dyn Transport>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    fn answer(&self, line: Box<dyn Transport>) -> BoxFuture<'static, ()> {
        Box::pin(self(line))
    }
}

impl Answer for Arc<dyn Answer> {
    fn answer(&self, line: Box<dyn Transport>) -> BoxFuture<'static, ()> {
        (**self).answer(line)
    }

    fn announced(&self) {
        (**self).announced();
    }
}
