//! Messages as they are on the wire. Unknown fields are ignored; what may be missing has a
//! default; what is of another type than expected, where nothing hangs on it, is as if missing.
//!
//! Source: the service's published description of its streaming API (v3) and its Python SDK.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use voicekit_net::{Frame, lenient};

/// What every message has; `error` alone also makes one.
#[derive(Debug, Deserialize)]
pub(crate) struct Envelope {
    #[serde(rename = "type", default, deserialize_with = "kind")]
    pub(crate) kind: Option<String>,
    #[serde(default)]
    pub(crate) error: Option<Value>,
    #[serde(default)]
    pub(crate) warning_code: Option<Value>,
}

/// The session has begun.
#[derive(Debug, Deserialize)]
pub(crate) struct Begin {
    #[serde(default, deserialize_with = "lenient::some_text")]
    pub(crate) id: Option<String>,
    /// Unix time; a date is taken as unknown.
    #[serde(default, deserialize_with = "unix_time")]
    pub(crate) expires_at: Option<Duration>,
}

/// What a turn sounds like so far, or was.
#[derive(Debug, Deserialize)]
pub(crate) struct Turn {
    #[serde(default, deserialize_with = "lenient::whole")]
    pub(crate) turn_order: Option<u64>,
    #[serde(default, deserialize_with = "lenient::flag")]
    pub(crate) turn_is_formatted: bool,
    #[serde(default, deserialize_with = "lenient::flag")]
    pub(crate) end_of_turn: bool,
    /// The words that will not change.
    #[serde(default, deserialize_with = "lenient::text")]
    transcript: String,
    /// Those, and those that may.
    #[serde(default, deserialize_with = "lenient::list")]
    pub(crate) words: Vec<Word>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Word {
    #[serde(default, deserialize_with = "lenient::text")]
    pub(crate) text: String,
    #[serde(default, deserialize_with = "lenient::millis")]
    pub(crate) start: Option<Duration>,
    #[serde(default, deserialize_with = "lenient::millis")]
    pub(crate) end: Option<Duration>,
    #[serde(default, deserialize_with = "lenient::share")]
    pub(crate) confidence: Option<f32>,
    #[serde(default, deserialize_with = "lenient::flag")]
    pub(crate) word_is_final: bool,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Complaint {
    #[serde(default)]
    error_code: Value,
    #[serde(default)]
    pub(crate) error: Value,
}

/// What we say. Audio is sent as binary messages.
#[derive(Debug)]
pub(crate) enum Said {
    ForceEndpoint,
    KeepAlive,
    Terminate,
}

impl Said {
    pub(crate) fn frame(&self) -> Frame {
        let kind = match self {
            Self::ForceEndpoint => "ForceEndpoint",
            Self::KeepAlive => "KeepAlive",
            Self::Terminate => "Terminate",
        };
        Frame::text(json!({ "type": kind }).to_string())
    }
}

impl Complaint {
    pub(crate) fn code(&self) -> Option<u16> {
        lenient::whole_of(&self.error_code).and_then(|code| code.try_into().ok())
    }
}

impl Turn {
    /// The words so far, those that may change included.
    pub(crate) fn heard(&self) -> String {
        let words = self.words.iter().map(|word| word.text.trim());
        let words = words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
        let transcript = self.transcript.trim();
        if words.is_empty() || (self.end_of_turn && !transcript.is_empty()) {
            return transcript.to_owned();
        }
        words
    }

    /// Where the last of the words that will not change ends.
    pub(crate) fn final_until(&self) -> Option<Duration> {
        if self.end_of_turn {
            return self.words.last()?.end;
        }
        self.words.iter().take_while(|word| word.word_is_final).last()?.end
    }
}

/// Unix time lies further from zero than any time of a connection.
fn unix_time<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    let seconds = lenient::number(from)?;
    Ok(seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()))
}

/// A type is text, and nothing else.
fn kind<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(Value::deserialize(from)?.as_str().map(str::to_owned))
}
