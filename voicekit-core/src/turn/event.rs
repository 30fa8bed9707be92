use std::fmt;
use std::time::Duration;

use crate::llm::Message;
use crate::transport::{Digit, EndReason, Mark};
use crate::tts::SpokenWord;

/// A number that names one reply of a call. It only grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReplyId(pub(super) u64);

impl ReplyId {
    /// The reply with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number; marks carry it.
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for ReplyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// Who has the floor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum State {
    /// The call has not started.
    Idle,
    /// The agent is silent; the caller speaks, or may.
    Listening,
    /// The caller has finished, or the agent wants to say something; nothing is audible yet.
    Processing,
    /// The agent is audible.
    Speaking,
    /// The call is over.
    Ended,
}

/// Why the agent speaks, and so where the words come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Source {
    /// The call has begun.
    Greeting,
    /// The caller has finished a turn: the model answers.
    Turn,
    /// The caller said something that was not understood.
    NotUnderstood,
    /// The caller has been silent for long.
    StillThere,
    /// A reply failed.
    Failure,
    /// The call is about to end; it is hung up once this has been heard.
    Goodbye,
}

impl Source {
    /// Whether the caller may cut it off.
    pub fn interruptible(self) -> bool {
        self != Self::Goodbye
    }
}

/// What goes into the engine.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "the driver and the trace must know every input")]
pub enum Event {
    /// The line is up.
    Started,
    /// A window of the caller's audio is speech with this probability.
    Voice(f32),
    /// What the caller's current stretch of speech sounds like so far.
    Interim(String),
    /// What a stretch of the caller's speech was.
    Final {
        /// The words; may be empty.
        text: String,
        /// Whether it answers a [`Hint::Finalize`].
        finalized: bool,
    },
    /// A detector was asked about a pause and says how likely it ends the turn.
    Judged {
        /// The pause of the [`Action::JudgeTurn`] that this answers.
        pause: u64,
        /// The probability that the caller has finished.
        finished: f32,
    },
    /// The recogniser's stream has failed or ended.
    HearingLost,
    /// The caller pressed a key.
    Dtmf(Digit),
    /// The next piece of a reply's text is on its way to the voice.
    Clause {
        /// The reply.
        reply: ReplyId,
        /// The piece, with its spaces.
        text: String,
    },
    /// The voice says where a word of a reply lies in its audio.
    Word {
        /// The reply.
        reply: ReplyId,
        /// The word and its place.
        word: SpokenWord,
    },
    /// More of a reply's audio is ready to be played.
    Audio {
        /// The reply.
        reply: ReplyId,
        /// How long the audio lasts.
        duration: Duration,
    },
    /// All of a reply's text and audio has been made.
    ReplyDone(ReplyId),
    /// A reply could not be made, or not to its end.
    ReplyFailed(ReplyId),
    /// The caller has heard everything up to this mark.
    Played(Mark),
    /// The mark was outstanding when the line was cleared.
    Cleared(Mark),
    /// The application wants the call to end, politely.
    End,
    /// The call is over.
    LineEnded(EndReason),
}

/// What the engine wants done, in order.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "the driver and the trace must know every action")]
pub enum Action {
    /// Tell the recogniser.
    Hint(Hint),
    /// Ask the detector, if there is one, whether the caller has finished.
    JudgeTurn {
        /// The number of the pause. It only grows; a newer question replaces an older one.
        pause: u64,
    },
    /// Open the recogniser's stream anew.
    RestartHearing,
    /// Append this to the history.
    Remember(Message),
    /// Begin to make this reply, from the history as it stands.
    Reply {
        /// Its number.
        reply: ReplyId,
        /// Where its words come from.
        source: Source,
    },
    /// Stop making this reply and forget what of it has not been sent.
    Cancel(ReplyId),
    /// Have the carrier forget what has not been played.
    Clear,
    /// Keep the reply's audio back, to go on later from this place in it.
    Hold {
        /// From the start of the reply's audio.
        from: Duration,
    },
    /// Let the reply's audio go.
    Release,
    /// End the call.
    HangUp,
    /// The state has changed.
    State(State),
    /// A reply has begun to be heard, this long after the caller's last word.
    Measured(Latency),
}

/// What the engine tells the recogniser.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the driver must pass on every hint")]
pub enum Hint {
    /// The caller began to speak.
    SpeechStarted,
    /// The caller paused.
    SpeechEnded,
    /// The turn is over: the final transcript is wanted.
    Finalize,
}

/// How long the caller waited for a reply, and for what. The parts add up to the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Latency {
    /// The reply.
    pub reply: ReplyId,
    /// Silence needed to be sure that the caller had finished.
    pub endpointing: Duration,
    /// Waiting for the final transcript beyond that.
    pub transcript: Duration,
    /// From the end of the turn to the first words of the reply.
    pub model: Duration,
    /// From the first words to the first audio.
    pub voice: Duration,
    /// From the first audio to the return of its mark.
    pub line: Duration,
}

impl Latency {
    /// From the end of the caller's speech to the return of the first mark.
    pub fn total(&self) -> Duration {
        self.endpointing + self.transcript + self.model + self.voice + self.line
    }

    pub(super) fn new(reply: ReplyId, parts: [Duration; 5]) -> Self {
        let [endpointing, transcript, model, voice, line] = parts;
        Self { reply, endpointing, transcript, model, voice, line }
    }
}
