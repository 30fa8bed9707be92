use std::fmt;
use std::time::Duration;

use crate::asr::TurnSign;
use crate::llm::Message;
use crate::time::Timestamp;
use crate::tool::{OnBargeIn, ToolCall, ToolOutcome};
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
    /// Tools have given their results: the model goes on.
    Tools,
    /// A tool takes long.
    Filler,
    /// The application wants something said.
    Said,
    /// The call will soon have lasted as long as it may.
    Warning,
    /// Turns lead nowhere: the agent asks what it can do.
    DeadEnd,
    /// A machine has answered: the message for whoever listens to it.
    Voicemail,
    /// The call is about to end; it is hung up once this has been heard.
    Goodbye,
}

impl Source {
    /// Whether the caller waits for it.
    pub(super) fn is_owed(self) -> bool {
        !matches!(self, Self::StillThere | Self::Filler | Self::Said | Self::Warning)
    }

    /// Whether the words are the model's.
    pub fn is_model(self) -> bool {
        matches!(self, Self::Turn | Self::Tools)
    }
}

/// What the caller is about to be asked, and so how they will pause.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Expected {
    /// The name of the endpointing profile: see [`Config::profiles`](super::Config::profiles).
    pub profile: String,
    /// The answer is complete with so many digits, spoken or pressed, if that is known.
    pub digits: Option<u32>,
}

impl Expected {
    /// An answer that pauses like `profile`.
    pub fn new(profile: impl Into<String>) -> Self {
        Self { profile: profile.into(), digits: None }
    }

    /// Sets [`digits`](Self::digits).
    #[must_use]
    pub fn with_digits(mut self, digits: u32) -> Self {
        self.digits = Some(digits);
        self
    }
}

/// Who or what has picked up a call that we placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Party {
    /// A person.
    Human,
    /// An answering machine or a mailbox.
    Machine,
    /// Nothing was heard that tells.
    Uncertain,
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
        /// When the last word ended, if the recogniser says.
        until: Option<Timestamp>,
    },
    /// What the recogniser's own model of turns says.
    Sign(TurnSign),
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
    /// The model wants a tool run, as part of a reply.
    ToolCalled {
        /// The reply.
        reply: ReplyId,
        /// What is to be done.
        call: ToolCall,
        /// What becomes of it when the caller interrupts.
        on_barge_in: OnBargeIn,
    },
    /// A tool has come to its end.
    ToolDone {
        /// The number of the [`Action::RunTool`].
        run: u64,
        /// How it went.
        outcome: ToolOutcome,
    },
    /// The caller has heard everything up to this mark.
    Played(Mark),
    /// The mark was outstanding when the line was cleared.
    Cleared(Mark),
    /// The application gives the floor to the caller: whatever the agent says ends.
    TakeTurn,
    /// The application says that the caller has finished.
    YieldTurn,
    /// The application wants this said as soon as the agent may speak.
    Say {
        /// The words.
        text: String,
        /// Whether the caller may cut them off.
        interruptible: bool,
    },
    /// What the caller says next is an answer of this kind. Holds for one turn.
    Expect(Expected),
    /// Another agent has the call from here on: the timings are those of
    /// [`Config::agents`](super::Config::agents) under this name. Without such, nothing changes.
    HandedTo(String),
    /// The application wants the line moved elsewhere as soon as neither side speaks.
    Leave,
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
    /// Begin to say this, given by [`Event::Say`].
    Say {
        /// The number of the reply.
        reply: ReplyId,
        /// The words.
        text: String,
    },
    /// Begin to make a reply in silence, from the history and this turn after it. It may not run
    /// tools, and its events are kept back until it is adopted.
    Prepare {
        /// Its number.
        reply: ReplyId,
        /// What the caller has said so far.
        text: String,
    },
    /// The caller has said what the reply was prepared for: it is the reply to this turn.
    Adopt(ReplyId),
    /// The reply that was prepared is not wanted.
    Discard(ReplyId),
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
    /// Run a tool.
    RunTool {
        /// The number of the run.
        run: u64,
        /// What is to be done.
        call: ToolCall,
    },
    /// Drop a run.
    CancelTool(u64),
    /// The caller has been speaking for longer than [`Config::turn_limit`] allows. Told once a turn.
    ///
    /// [`Config::turn_limit`]: super::Config::turn_limit
    TurnExceeded,
    /// Who or what has picked up is known.
    PickedUp(Party),
    /// End the call.
    HangUp,
    /// Neither side speaks: move the line elsewhere, as [`Event::Leave`] wants. If that fails, the
    /// conversation goes on.
    Leave,
    /// Turns lead nowhere: transfer the caller. If that fails, the conversation goes on.
    Transfer,
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
