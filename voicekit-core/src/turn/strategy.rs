//! Small objects that say who has the floor: what takes it, what gives it up, what keeps it.
//!
//! They look at one moment and say what they make of it; the engine asks all that are configured
//! and alone decides. They are data, so that a trace can name them and a file can choose them. A
//! strategy of an application's own works from the outside, by
//! [`TakeTurn`](super::Event::TakeTurn) and [`YieldTurn`](super::Event::YieldTurn).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::transport::Digit;

use super::config::at_least;

/// What lets the caller take the floor while the agent speaks or is about to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Start {
    /// Their voice: a little of it makes the agent pause, more takes the floor whatever is said.
    Voice {
        /// The agent pauses after this much speech.
        #[serde(rename = "pause_after_ms", with = "crate::time::in_ms")]
        pause_after: Duration,
        /// The caller has the floor after this much. At least `pause_after`.
        #[serde(rename = "take_after_ms", with = "crate::time::in_ms")]
        take_after: Duration,
    },
    /// Words that are not backchannels.
    Words {
        /// So many take the floor.
        least: usize,
        /// If a voice was heard, it has lasted this long: what recognisers make of less is not to
        /// be relied on.
        #[serde(rename = "after_ms", with = "crate::time::in_ms")]
        after: Duration,
    },
    /// A word that asks for the floor, such as "stop" or "wait", however briefly it is said:
    /// [`Vocabulary::is_request`](super::Vocabulary::is_request).
    Request,
    /// A whole turn that is not a backchannel, once it is over.
    Turn {
        /// If a voice was heard, it has lasted this long.
        #[serde(rename = "after_ms", with = "crate::time::in_ms")]
        after: Duration,
    },
    /// The recogniser's own start of a turn, which makes the agent pause.
    Recognizer,
    /// A key of their telephone.
    Key {
        /// The one key that does, for push to talk; without it, each.
        key: Option<Digit>,
    },
}

/// What ends the caller's turn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Stop {
    /// Silence, as long as [`endpoint`](super::endpoint) says.
    Silence,
    /// The recogniser's own end of a turn.
    Recognizer,
    /// A key of their telephone, for push to talk.
    Key {
        /// Which.
        key: Digit,
    },
}

/// When the caller cannot take the floor from the agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "when", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Mute {
    /// Whenever the agent speaks.
    Speaking,
    /// While it greets.
    Greeting,
    /// While tools run.
    Tools,
    /// At the start of each reply, when what sounds like the caller may be the agent's own echo,
    /// or the end of what they were saying: their voice alone does not count, their words do.
    Onset {
        /// For so long.
        #[serde(rename = "for_ms", with = "crate::time::in_ms")]
        lasts: Duration,
    },
}

/// What of the caller a [`Start`] sees at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Signs {
    /// How long they have been speaking over the agent, with what they said before short gaps, if
    /// they are speaking at this very moment.
    pub voiced: Option<Duration>,
    /// The same, speaking or not; nothing if no voice was heard over the agent.
    pub spoken: Option<Duration>,
    /// How many of the turn's words are not backchannels.
    pub words: usize,
    /// Whether one of the turn's words asks for the floor.
    pub request: bool,
    /// Whether their turn is over.
    pub turn: bool,
    /// Whether the recogniser says that they have begun a turn.
    pub recognizer: bool,
    /// The key that they have pressed.
    pub key: Option<Digit>,
}

/// What a [`Start`] makes of it. The later variants outdo the earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "there is nothing between speaking and silence")]
pub enum Verdict {
    /// The agent goes on.
    Ignore,
    /// The agent pauses, to see what comes of it.
    Pause,
    /// The caller has the floor.
    Take,
}

impl Start {
    /// The strategies that suit a conversation on the telephone.
    ///
    /// 120 ms of voice make the agent pause, which callers hear as being listened to: by the time
    /// it is known, they have been speaking for a quarter of a second. 700 ms take the floor, which
    /// 4 % of backchannels last (59 % last 500 ms). Of less, a small recogniser makes words that
    /// were not said as often as not, so that only a word that asks for the floor counts.
    pub fn defaults() -> Vec<Self> {
        let ms = Duration::from_millis;
        vec![
            Self::Voice { pause_after: ms(120), take_after: ms(700) },
            Self::Words { least: 2, after: ms(700) },
            Self::Request,
            Self::Turn { after: ms(700) },
            Self::Recognizer,
            Self::Key { key: None },
        ]
    }

    /// What this makes of `signs`.
    ///
    /// ```
    /// use voicekit_core::turn::{Signs, Start, Verdict};
    ///
    /// let words = Start::Words { least: 3, after: Default::default() };
    /// let mut signs = Signs::default();
    /// signs.words = 2;
    /// assert_eq!(words.verdict(&signs), Verdict::Ignore);
    /// signs.words = 3;
    /// assert_eq!(words.verdict(&signs), Verdict::Take);
    /// ```
    pub fn verdict(&self, signs: &Signs) -> Verdict {
        match *self {
            Self::Voice { pause_after, take_after } => match signs.voiced {
                Some(voiced) if voiced >= take_after => Verdict::Take,
                Some(voiced) if voiced >= pause_after => Verdict::Pause,
                Some(_) | None => Verdict::Ignore,
            },
            Self::Words { least, after } => {
                take_if(signs.words >= least.max(1) && signs.lasted(after))
            }
            Self::Request => take_if(signs.request),
            Self::Turn { after } => take_if(signs.turn && signs.words > 0 && signs.lasted(after)),
            Self::Recognizer if signs.recognizer => Verdict::Pause,
            Self::Recognizer => Verdict::Ignore,
            Self::Key { key } => {
                take_if(signs.key.is_some_and(|pressed| key.is_none_or(|key| key == pressed)))
            }
        }
    }

    pub(super) fn check(&self, speech_after: Duration) -> Result<()> {
        let Self::Voice { pause_after, take_after } = *self else { return Ok(()) };
        let pause = ("start.pause_after", pause_after);
        at_least(pause, ("speech_after", speech_after))?;
        at_least(("start.take_after", take_after), pause)
    }
}

impl Signs {
    fn lasted(&self, after: Duration) -> bool {
        self.spoken.is_none_or(|spoken| spoken >= after)
    }
}

fn take_if(it: bool) -> Verdict {
    if it { Verdict::Take } else { Verdict::Ignore }
}
