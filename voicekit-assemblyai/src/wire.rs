//! Messages as they are on the wire. Unknown fields are ignored; what may be missing has a
//! default; what is of another type than expected, where nothing hangs on it, is as if missing.
//!
//! Source: the service's published description of its streaming API (v3) and its Python SDK.

use std::time::Duration;

use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use voicekit_net::Frame;

/// What every message has; `error` alone also makes one.
#[derive(Debug, Deserialize)]
pub(crate) struct Envelope {
    #[serde(rename = "type", default)]
    pub(crate) kind: Option<String>,
    #[serde(default)]
    pub(crate) error: Option<Value>,
    #[serde(default)]
    pub(crate) warning_code: Option<Value>,
}

/// The session has begun.
#[derive(Debug, Deserialize)]
pub(crate) struct Begin {
    #[serde(default)]
    pub(crate) id: Option<String>,
    /// Unix time; a date is taken as unknown.
    #[serde(default, deserialize_with = "seconds")]
    pub(crate) expires_at: Option<Duration>,
}

/// What a turn sounds like so far, or was.
#[derive(Debug, Deserialize)]
pub(crate) struct Turn {
    #[serde(default)]
    pub(crate) turn_order: Option<u64>,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) turn_is_formatted: bool,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) end_of_turn: bool,
    /// The words that will not change.
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) transcript: String,
    /// Those, and those that may.
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) words: Vec<Word>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Word {
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) text: String,
    #[serde(default, deserialize_with = "millis")]
    pub(crate) start: Option<Duration>,
    #[serde(default, deserialize_with = "millis")]
    pub(crate) end: Option<Duration>,
    #[serde(default)]
    pub(crate) confidence: Option<f32>,
    #[serde(default, deserialize_with = "or_default")]
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
        self.error_code.as_u64().and_then(|code| code.try_into().ok())
    }
}

impl Turn {
    /// The words so far, those that may change included.
    pub(crate) fn heard(&self) -> String {
        if self.end_of_turn || self.words.is_empty() {
            return self.transcript.trim().to_owned();
        }
        let words = self.words.iter().map(|word| word.text.trim());
        words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
    }

    /// Where the last of the words that will not change ends.
    pub(crate) fn final_until(&self) -> Option<Duration> {
        if self.end_of_turn {
            return self.words.last()?.end;
        }
        self.words.iter().take_while(|word| word.word_is_final).last()?.end
    }
}

/// `null` is as if missing.
fn or_default<'de, T: Default + Deserialize<'de>, D: Deserializer<'de>>(
    from: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

fn seconds<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    let number = Value::deserialize(from)?.as_f64();
    Ok(number.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()))
}

fn millis<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    let number = Value::deserialize(from)?.as_f64();
    Ok(number.and_then(|millis| Duration::try_from_secs_f64(millis / 1_000.0).ok()))
}
