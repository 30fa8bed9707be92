//! Messages as they are on the wire. Unknown fields are ignored; what the service does not
//! guarantee has a default.
//!
//! Sources: the service's AsyncAPI description (snapshot of July 2026), and for `ForceEndTurn` and
//! v1's `Error` its documentation and SDKs.

use std::time::Duration;

use serde::{Deserialize, Deserializer};
use serde_json::json;
use voicekit_net::Frame;

/// No connection lasts a year. Times below it can be added up.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// What every message has.
#[derive(Debug, Deserialize)]
pub(crate) struct Envelope {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) request_id: Option<String>,
    /// v2: counts the messages of a connection, of all types.
    #[serde(default)]
    pub(crate) sequence_id: Option<u64>,
}

/// v1: what a stretch of audio sounds like.
#[derive(Debug, Deserialize)]
pub(crate) struct Results {
    #[serde(deserialize_with = "seconds")]
    pub(crate) start: Duration,
    #[serde(deserialize_with = "seconds")]
    pub(crate) duration: Duration,
    #[serde(default)]
    pub(crate) is_final: bool,
    #[serde(default)]
    pub(crate) speech_final: bool,
    #[serde(default)]
    pub(crate) from_finalize: bool,
    pub(crate) channel: Channel,
    #[serde(default)]
    pub(crate) metadata: Option<Request>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Channel {
    #[serde(default)]
    pub(crate) alternatives: Vec<Alternative>,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Alternative {
    #[serde(default)]
    pub(crate) transcript: String,
    #[serde(default)]
    pub(crate) confidence: Option<f32>,
    #[serde(default)]
    pub(crate) words: Vec<Word>,
}

/// A word, in v1 and v2.
#[derive(Debug, Deserialize)]
pub(crate) struct Word {
    #[serde(default)]
    pub(crate) word: String,
    #[serde(default)]
    pub(crate) punctuated_word: Option<String>,
    #[serde(default)]
    pub(crate) confidence: Option<f32>,
    #[serde(default, deserialize_with = "some_seconds")]
    pub(crate) start: Option<Duration>,
    #[serde(default, deserialize_with = "some_seconds")]
    pub(crate) end: Option<Duration>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Request {
    #[serde(default)]
    pub(crate) request_id: Option<String>,
}

/// v2: how the caller's turn goes.
#[derive(Debug, Deserialize)]
pub(crate) struct TurnInfo {
    pub(crate) event: String,
    #[serde(deserialize_with = "seconds")]
    pub(crate) audio_window_end: Duration,
    /// The whole turn so far.
    #[serde(default)]
    pub(crate) transcript: String,
    #[serde(default)]
    pub(crate) words: Vec<Word>,
}

/// `Error` and `Warning`. v1 says `variant` where the others say `code`.
#[derive(Debug, Deserialize)]
pub(crate) struct Complaint {
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    variant: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    message: Option<String>,
}

/// What we say. Audio is sent as binary messages.
#[derive(Debug)]
pub(crate) enum Said<'a> {
    KeepAlive,
    Finalize,
    CloseStream,
    ForceEndTurn,
    Speak { text: &'a str },
    Flush,
    Clear,
    Close,
}

impl Said<'_> {
    pub(crate) fn frame(&self) -> Frame {
        let json = match self {
            Self::KeepAlive => json!({ "type": "KeepAlive" }),
            Self::Finalize => json!({ "type": "Finalize" }),
            Self::CloseStream => json!({ "type": "CloseStream" }),
            Self::ForceEndTurn => json!({ "type": "ForceEndTurn" }),
            Self::Speak { text } => json!({ "type": "Speak", "text": text }),
            Self::Flush => json!({ "type": "Flush" }),
            Self::Clear => json!({ "type": "Clear" }),
            Self::Close => json!({ "type": "Close" }),
        };
        Frame::text(json.to_string())
    }
}

impl Complaint {
    pub(crate) fn code(&self) -> Option<&str> {
        self.code.as_deref().or(self.variant.as_deref())
    }

    pub(crate) fn text(&self) -> Option<&str> {
        self.description.as_deref().or(self.message.as_deref())
    }
}

impl Word {
    /// As it stands in the transcript.
    pub(crate) fn written(&self) -> &str {
        self.punctuated_word.as_deref().unwrap_or(&self.word)
    }
}

/// A number, or a number in a text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Plain(f64),
    Quoted(String),
}

impl Number {
    /// `None` if it is negative, which stands for unknown, or no number, or beyond [`LONGEST`].
    fn seconds(&self) -> Option<Duration> {
        let seconds = match self {
            Self::Plain(number) => *number,
            Self::Quoted(text) => text.trim().parse().ok()?,
        };
        Duration::try_from_secs_f64(seconds).ok().filter(|time| *time < LONGEST)
    }
}

fn seconds<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    let number = Number::deserialize(from)?;
    number.seconds().ok_or_else(|| serde::de::Error::custom("no time in seconds"))
}

fn some_seconds<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    Ok(Option::<Number>::deserialize(from)?.and_then(|number| number.seconds()))
}
