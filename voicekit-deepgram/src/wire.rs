//! Messages as they are on the wire. Unknown fields are ignored; what the service does not
//! guarantee has a default.
//!
//! Sources: the service's AsyncAPI description (snapshot of July 2026), and for `ForceEndTurn` and
//! v1's `Error` its documentation and SDKs.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use voicekit_net::{Frame, lenient};

/// What every message has.
#[derive(Debug, Deserialize)]
pub(crate) struct Envelope {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    #[serde(default, deserialize_with = "lenient::some_text")]
    pub(crate) request_id: Option<String>,
    /// v2: counts the messages of a connection, of all types.
    #[serde(default, deserialize_with = "lenient::whole")]
    pub(crate) sequence_id: Option<u64>,
}

/// v1: what a stretch of audio sounds like.
#[derive(Debug, Deserialize)]
pub(crate) struct Results {
    #[serde(default, deserialize_with = "lenient::seconds")]
    pub(crate) start: Option<Duration>,
    #[serde(default, deserialize_with = "lenient::seconds")]
    pub(crate) duration: Option<Duration>,
    #[serde(default, deserialize_with = "lenient::flag")]
    pub(crate) is_final: bool,
    #[serde(default, deserialize_with = "lenient::flag")]
    pub(crate) speech_final: bool,
    #[serde(default, deserialize_with = "lenient::flag")]
    pub(crate) from_finalize: bool,
    pub(crate) channel: Channel,
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub(crate) metadata: Request,
}

#[derive(Debug)]
pub(crate) struct Channel {
    pub(crate) alternatives: Vec<Alternative>,
}

/// A channel is an object, and nothing else.
impl<'de> Deserialize<'de> for Channel {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Fields {
            #[serde(default, deserialize_with = "lenient::list")]
            alternatives: Vec<Alternative>,
        }
        let fields = serde_json::Map::<String, Value>::deserialize(from)?;
        let fields =
            Fields::deserialize(Value::Object(fields)).map_err(serde::de::Error::custom)?;
        Ok(Self { alternatives: fields.alternatives })
    }
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Alternative {
    #[serde(default, deserialize_with = "lenient::text")]
    transcript: String,
    #[serde(default, deserialize_with = "lenient::share")]
    pub(crate) confidence: Option<f32>,
    #[serde(default, deserialize_with = "lenient::list")]
    pub(crate) words: Vec<Word>,
}

/// A word, in v1 and v2.
#[derive(Debug, Deserialize)]
pub(crate) struct Word {
    #[serde(default, deserialize_with = "lenient::text")]
    word: String,
    #[serde(default, deserialize_with = "lenient::some_text")]
    punctuated_word: Option<String>,
    #[serde(default, deserialize_with = "lenient::share")]
    pub(crate) confidence: Option<f32>,
    #[serde(default, deserialize_with = "lenient::seconds")]
    pub(crate) start: Option<Duration>,
    #[serde(default, deserialize_with = "lenient::seconds")]
    pub(crate) end: Option<Duration>,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Request {
    #[serde(default, deserialize_with = "lenient::some_text")]
    pub(crate) request_id: Option<String>,
}

/// v2: how the caller's turn goes.
#[derive(Debug, Deserialize)]
pub(crate) struct TurnInfo {
    pub(crate) event: String,
    #[serde(default, deserialize_with = "lenient::whole")]
    pub(crate) turn_index: Option<u64>,
    #[serde(default, deserialize_with = "lenient::seconds")]
    pub(crate) audio_window_end: Option<Duration>,
    /// The whole turn so far.
    #[serde(default, deserialize_with = "lenient::text")]
    transcript: String,
    #[serde(default, deserialize_with = "lenient::list")]
    pub(crate) words: Vec<Word>,
}

/// `Error` and `Warning`. v1 says `variant` where the others say `code`.
#[derive(Debug, Deserialize)]
pub(crate) struct Complaint {
    #[serde(default, deserialize_with = "lenient::some_text")]
    code: Option<String>,
    #[serde(default, deserialize_with = "lenient::some_text")]
    variant: Option<String>,
    #[serde(default, deserialize_with = "lenient::some_text")]
    description: Option<String>,
    #[serde(default, deserialize_with = "lenient::some_text")]
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

impl Alternative {
    /// Its text; that of its words if it has no other.
    pub(crate) fn text(&self) -> String {
        text_of(&self.transcript, &self.words)
    }
}

impl TurnInfo {
    /// The turn so far.
    pub(crate) fn text(&self) -> String {
        text_of(&self.transcript, &self.words)
    }
}

impl Word {
    /// As it stands in the transcript.
    pub(crate) fn written(&self) -> &str {
        let punctuated = self.punctuated_word.as_deref().filter(|word| !word.trim().is_empty());
        punctuated.unwrap_or(&self.word).trim()
    }
}

fn text_of(transcript: &str, words: &[Word]) -> String {
    if !transcript.trim().is_empty() {
        return transcript.trim().to_owned();
    }
    let words = words.iter().map(Word::written).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}
