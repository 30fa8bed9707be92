//! The carrier's words: names, inbound messages, outbound messages.
//!
//! All messages are single text frames of JSON. Numbers arrive as strings or as numbers. Events and
//! fields that are not known are ignored: the carrier adds new ones at any time. Sequence and chunk
//! numbers are not read; what was lost shows in the timestamps.

mod lenient;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use base64::engine::general_purpose::STANDARD;
use base64::{DecodeSliceError, Engine as _};
use bytes::{Bytes, BytesMut};
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};
use tokio_tungstenite::tungstenite::Utf8Bytes;

pub(crate) const SIGNATURE_HEADER: &str = "x-twilio-signature";
pub(crate) const BODY_HASH_PARAMETER: &str = "bodySHA256";
pub(crate) const ACCOUNT: &str = "AccountSid";
pub(crate) const CALL: &str = "CallSid";
pub(crate) const FROM: &str = "From";
pub(crate) const TO: &str = "To";

/// The stream parameter that carries the one-time token.
pub(crate) const TOKEN_PARAMETER: &str = "token";
/// Name and value of a stream parameter together have fewer characters than this.
pub(crate) const MAX_PARAMETER_CHARS: usize = 500;

/// What is allocated at once for the sound or the messages of a call: some frames, so that the first
/// of them is done with when there is no room for another, and the memory is used again.
pub(crate) const BUFFER_BYTES: usize = 2 << 10;

/// One message from the carrier.
#[derive(Debug)]
pub(crate) enum Inbound<'a> {
    Connected,
    Start(Start),
    Media {
        stream: Cow<'a, str>,
        media: Media<'a>,
    },
    Dtmf {
        stream: Cow<'a, str>,
        digit: Cow<'a, str>,
    },
    Mark {
        stream: Cow<'a, str>,
        name: Cow<'a, str>,
    },
    Stop {
        stream: Cow<'a, str>,
    },
    /// An event of a later version of the protocol.
    Unknown(Cow<'a, str>),
}

/// What a stream says of itself.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Start {
    #[serde(default, deserialize_with = "lenient::owned")]
    pub(crate) stream_sid: String,
    /// Empty if it is missing.
    #[serde(default, deserialize_with = "lenient::owned")]
    pub(crate) account_sid: String,
    pub(crate) call_sid: String,
    pub(crate) media_format: MediaFormat,
    #[serde(default, deserialize_with = "lenient::parameters")]
    pub(crate) custom_parameters: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MediaFormat {
    encoding: String,
    #[serde(deserialize_with = "number")]
    sample_rate: u64,
    #[serde(default, deserialize_with = "lenient::whole")]
    channels: Option<u64>,
}

impl MediaFormat {
    pub(crate) fn is_phone(&self) -> bool {
        self.encoding == "audio/x-mulaw"
            && self.sample_rate == 8_000
            && self.channels.is_none_or(|count| count == 1)
    }
}

/// A piece of audio.
#[derive(Debug, Deserialize)]
pub(crate) struct Media<'a> {
    #[serde(borrow, default, deserialize_with = "lenient::text")]
    track: Cow<'a, str>,
    /// Milliseconds since the stream started.
    #[serde(default, deserialize_with = "lenient::whole")]
    pub(crate) timestamp: Option<u64>,
    #[serde(borrow)]
    payload: Cow<'a, str>,
}

impl Media<'_> {
    /// Whether this is the caller's voice, not the agent's own.
    pub(crate) fn is_inbound(&self) -> bool {
        self.track.is_empty() || self.track == "inbound"
    }

    /// The mu-law bytes, written to the end of `buffer` and split off.
    pub(crate) fn bytes(&self, buffer: &mut BytesMut) -> Result<Bytes, DecodeSliceError> {
        buffer.resize(base64::decoded_len_estimate(self.payload.len()), 0);
        let written = STANDARD.decode_slice(self.payload.as_bytes(), buffer);
        buffer.truncate(*written.as_ref().unwrap_or(&0));
        written.map(|_| buffer.split().freeze())
    }
}

/// Why a message cannot be understood. Holds nothing of the message itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Malformed {
    /// Not JSON of the documented shape.
    Message,
    /// An event without the part that it is named after.
    Missing(&'static str),
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message => f.write_str("the message is not JSON of the documented shape"),
            Self::Missing(part) => write!(f, "the message has no `{part}`"),
        }
    }
}

/// Reads one message.
pub(crate) fn decode(text: &str) -> Result<Inbound<'_>, Malformed> {
    match serde_json::from_str::<Envelope<'_>>(text) {
        Ok(envelope) => envelope.open(),
        Err(_) => unknown(text),
    }
}

/// All events in one flat shape, so that nothing is copied on the way to the audio.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    #[serde(borrow)]
    event: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "lenient::text")]
    stream_sid: Cow<'a, str>,
    start: Option<Start>,
    #[serde(borrow)]
    media: Option<Media<'a>>,
    #[serde(borrow)]
    dtmf: Option<Dtmf<'a>>,
    #[serde(borrow)]
    mark: Option<MarkName<'a>>,
}

#[derive(Deserialize)]
struct Dtmf<'a> {
    #[serde(borrow)]
    digit: Cow<'a, str>,
}

#[derive(Deserialize)]
struct MarkName<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
}

impl<'a> Envelope<'a> {
    fn open(self) -> Result<Inbound<'a>, Malformed> {
        let stream = self.stream_sid;
        match &*self.event {
            "connected" => Ok(Inbound::Connected),
            "start" => {
                let mut start = self.start.ok_or(Malformed::Missing("start"))?;
                if !stream.is_empty() {
                    start.stream_sid = stream.into_owned();
                }
                Ok(Inbound::Start(start))
            }
            "media" => {
                let media = self.media.ok_or(Malformed::Missing("media"))?;
                Ok(Inbound::Media { stream, media })
            }
            "dtmf" => {
                let digit = self.dtmf.ok_or(Malformed::Missing("dtmf"))?.digit;
                Ok(Inbound::Dtmf { stream, digit })
            }
            "mark" => {
                let name = self.mark.ok_or(Malformed::Missing("mark"))?.name;
                Ok(Inbound::Mark { stream, name })
            }
            "stop" => Ok(Inbound::Stop { stream }),
            _ => Ok(Inbound::Unknown(self.event)),
        }
    }
}

/// An event that is not known may use a known name for a part of another shape.
fn unknown(text: &str) -> Result<Inbound<'_>, Malformed> {
    #[derive(Deserialize)]
    struct Name<'a> {
        #[serde(borrow)]
        event: Cow<'a, str>,
    }
    let Name { event } = serde_json::from_str(text).map_err(|_| Malformed::Message)?;
    match &*event {
        "connected" | "start" | "media" | "dtmf" | "mark" | "stop" => Err(Malformed::Message),
        _ => Ok(Inbound::Unknown(event)),
    }
}

/// What this side sends, with exactly the documented keys.
///
/// Holds the stream's name as JSON, and the memory of messages that were sent, for those to come.
#[derive(Debug)]
pub(crate) struct Outbound {
    stream_json: String,
    buffer: BytesMut,
}

impl Outbound {
    pub(crate) fn new(stream: &str) -> Self {
        Self { stream_json: json_string(stream), buffer: BytesMut::with_capacity(BUFFER_BYTES) }
    }

    pub(crate) fn media(&mut self, mulaw: &[u8]) -> Utf8Bytes {
        self.begin("media", r#","media":{"payload":""#);
        let start = self.buffer.len();
        self.buffer.resize(start + mulaw.len().div_ceil(3) * 4, b'=');
        let written = STANDARD.encode_slice(mulaw, &mut self.buffer[start..]);
        self.buffer.truncate(start + written.unwrap_or_default());
        self.end(r#""}}"#)
    }

    pub(crate) fn mark(&mut self, name: &str) -> Utf8Bytes {
        self.begin("mark", r#","mark":{"name":"#);
        self.buffer.extend_from_slice(json_string(name).as_bytes());
        self.end("}}")
    }

    pub(crate) fn clear(&mut self) -> Utf8Bytes {
        self.begin("clear", "");
        self.end("}")
    }

    fn begin(&mut self, event: &str, rest: &str) {
        let stream = &self.stream_json;
        for part in [r#"{"event":""#, event, r#"","streamSid":"#, stream, rest] {
            self.buffer.extend_from_slice(part.as_bytes());
        }
    }

    #[expect(clippy::expect_used, reason = "all parts are strings")]
    fn end(&mut self, rest: &str) -> Utf8Bytes {
        self.buffer.extend_from_slice(rest.as_bytes());
        Utf8Bytes::try_from(self.buffer.split()).expect("all parts are strings")
    }
}

fn json_string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    struct Number;
    impl Visitor<'_> for Number {
        type Value = u64;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a whole number, bare or in quotes")
        }
        fn visit_u64<E: de::Error>(self, value: u64) -> Result<u64, E> {
            Ok(value)
        }
        fn visit_str<E: de::Error>(self, value: &str) -> Result<u64, E> {
            value.parse().map_err(|_| E::custom("not a whole number"))
        }
    }
    deserializer.deserialize_any(Number)
}

#[cfg(test)]
mod tests;
