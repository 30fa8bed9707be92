//! What is sent and what comes, without I/O.
//!
//! What comes is read leniently: keys in either spelling, fields missing, null or of another
//! type, types that are not known. Only what is no JSON object, or no base64, is malformed.

use std::time::Duration;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use serde::Serialize;
use serde_json::{Map, Value};
use voicekit_core::audio::{AudioFormat, Encoding};
use voicekit_core::error::Result;
use voicekit_net::{Frame, lenient};

use crate::config::{
    AlignmentChoice, ElevenLabsConfig, PronunciationDictionary, TextNormalization, VoiceSettings,
};
use crate::failure::malformed;

/// The service's formats that a call can use: the telephone's first, then by rate. Its others are
/// compressed. `pcm_44100` and above need the plan for it.
pub(crate) const FORMATS: [AudioFormat; 9] = [
    AudioFormat::PHONE,
    AudioFormat::new(Encoding::ALaw, 8_000),
    AudioFormat::pcm16(8_000),
    AudioFormat::pcm16(16_000),
    AudioFormat::pcm16(22_050),
    AudioFormat::pcm16(24_000),
    AudioFormat::pcm16(32_000),
    AudioFormat::pcm16(44_100),
    AudioFormat::pcm16(48_000),
];

/// Languages that `eleven_flash_v2_5` and `eleven_turbo_v2_5` can be told to speak; others are
/// refused. The service's table of models.
const LANGUAGES: &[&str] = &[
    "ar", "bg", "cs", "da", "de", "el", "en", "es", "fi", "fil", "fr", "hi", "hr", "hu", "id",
    "it", "ja", "ko", "ms", "nl", "no", "pl", "pt", "ro", "ru", "sk", "sv", "ta", "tr", "uk", "vi",
    "zh",
];

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Characters of one message whose times are read: a quarter of an hour of speech. A message with
/// more of them has no times.
const MOST_CHARACTERS: usize = 16 * 1024;

/// Bytes that a character and its times take in memory, with its text.
const CHARACTER_BYTES: usize = size_of::<Character>() + 32;

/// A format as the service calls it, such as `ulaw_8000`.
pub(crate) fn format_name(format: AudioFormat) -> String {
    let encoding = match format.encoding {
        Encoding::MuLaw => "ulaw",
        Encoding::ALaw => "alaw",
        Encoding::Pcm16 => "pcm",
        _ => "pcm",
    };
    format!("{encoding}_{}", format.rate_hz)
}

/// The `language_code` for a BCP 47 tag, if `model` can be told to speak it.
pub(crate) fn language_code(model: &str, tag: &str) -> Option<String> {
    let code = tag.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
    let code = match code.as_str() {
        "nb" | "nn" => "no",
        "tl" => "fil",
        "cmn" => "zh",
        code => code,
    };
    let knows = match model {
        "eleven_flash_v2_5" | "eleven_turbo_v2_5" => LANGUAGES.contains(&code),
        model => model.starts_with("eleven_v3") && !code.is_empty(),
    };
    knows.then(|| code.to_owned())
}

impl TextNormalization {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::On => "on",
            Self::Off => "off",
        }
    }
}

/// What is said on a multi-context socket.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Say<'a> {
    /// Opens a context; nothing else may carry settings.
    Open {
        text: &'static str,
        context_id: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        voice_settings: Option<&'a VoiceSettings>,
        #[serde(skip_serializing_if = "Option::is_none")]
        generation_config: Option<GenerationConfig<'a>>,
        #[serde(skip_serializing_if = "<[_]>::is_empty")]
        pronunciation_dictionary_locators: &'a [PronunciationDictionary],
    },
    /// Text; an empty one keeps the context alive.
    Text {
        text: &'a str,
        context_id: &'a str,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        flush: bool,
    },
    Flush {
        context_id: &'a str,
        flush: bool,
    },
    CloseContext {
        context_id: &'a str,
        close_context: bool,
    },
    CloseSocket {
        close_socket: bool,
    },
}

#[derive(Debug, Serialize)]
pub(crate) struct GenerationConfig<'a> {
    chunk_length_schedule: &'a [u32],
}

impl<'a> Say<'a> {
    pub(crate) fn open(config: &'a ElevenLabsConfig, context_id: &'a str) -> Self {
        let settings = Some(&config.voice_settings);
        let schedule = Some(&*config.chunk_schedule).filter(|schedule| !schedule.is_empty());
        Self::Open {
            text: " ",
            context_id,
            voice_settings: settings.filter(|settings| **settings != VoiceSettings::default()),
            generation_config: schedule
                .map(|chunk_length_schedule| GenerationConfig { chunk_length_schedule }),
            pronunciation_dictionary_locators: &config.pronunciation,
        }
    }

    pub(crate) fn flush(context_id: &'a str) -> Self {
        Self::Flush { context_id, flush: true }
    }

    pub(crate) fn keep_alive(context_id: &'a str) -> Self {
        Self::Text { text: "", context_id, flush: false }
    }

    pub(crate) fn close_context(context_id: &'a str) -> Self {
        Self::CloseContext { context_id, close_context: true }
    }

    pub(crate) fn close_socket() -> Self {
        Self::CloseSocket { close_socket: true }
    }

    pub(crate) fn frame(&self) -> Frame {
        // Serialising to a string fails only for keys that are no strings.
        Frame::text(serde_json::to_string(self).unwrap_or_default())
    }
}

/// What is asked over HTTP.
#[derive(Debug, Serialize)]
pub(crate) struct Ask<'a> {
    pub(crate) text: &'a str,
    pub(crate) model_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) language_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) voice_settings: Option<&'a VoiceSettings>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(crate) pronunciation_dictionary_locators: &'a [PronunciationDictionary],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) previous_text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) seed: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) apply_text_normalization: Option<TextNormalization>,
}

/// What comes, on a socket or in a line of `/stream/with-timestamps`.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// The context it is about.
    pub(crate) context: Option<String>,
    /// Sound, often none.
    pub(crate) audio: Bytes,
    /// Where the characters lie, in the text that was chosen or, failing that, the other.
    pub(crate) alignment: Vec<Character>,
    /// Nothing more comes of the context.
    pub(crate) is_final: bool,
    /// All that was to be flushed has come.
    pub(crate) is_flushed: bool,
    /// The service's word for what went wrong, and its text.
    pub(crate) error: Option<(String, String)>,
}

/// Where a character lies, in audio whose start depends on where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Character {
    pub(crate) text: String,
    pub(crate) start: Duration,
    pub(crate) end: Duration,
}

impl Heard {
    /// Bytes that it takes in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.audio.len() + self.alignment.len() * CHARACTER_BYTES
    }

    /// Reads a message of a socket.
    pub(crate) fn read(json: &[u8], choice: AlignmentChoice) -> Result<Self> {
        let text = String::from_utf8_lossy(json);
        Self::of(lenient::parse(&text).map_err(|_| malformed("no JSON"))?, choice)
    }

    /// Reads a message, or a value of an answer.
    pub(crate) fn of(value: Value, choice: AlignmentChoice) -> Result<Self> {
        let Value::Object(fields) = value else { return Err(malformed("no JSON object")) };
        let text =
            |names: &[&str]| field(&fields, names).and_then(Value::as_str).map(str::to_owned);
        let given = field(&fields, &["alignment"]).and_then(characters);
        let normalized =
            field(&fields, &["normalizedAlignment", "normalized_alignment"]).and_then(characters);
        let alignment = match choice {
            AlignmentChoice::Given => given.or(normalized),
            AlignmentChoice::Normalized => normalized.or(given),
        };
        let encoded = text(&["audio", "audio_base64"]).unwrap_or_default();
        let audio = BASE64.decode(encoded).map_err(|_| malformed("audio that is no base64"))?;
        let kind = text(&["type"]);
        if let Some(kind) = kind.as_deref().filter(|kind| *kind != "flush_done") {
            tracing::debug!(service = crate::SERVICE, kind, "message of a type that is not known");
        }
        let error = field(&fields, &["error"]).filter(|error| says_something(error)).map(|error| {
            let message = text(&["message"]).unwrap_or_default();
            (error.as_str().map_or_else(|| error.to_string(), str::to_owned), message)
        });
        let is_final = field(&fields, &["isFinal", "is_final"]).is_some_and(lenient::flag_of);
        Ok(Self {
            context: text(&["contextId", "context_id"]),
            audio: audio.into(),
            alignment: alignment.unwrap_or_default(),
            is_final,
            is_flushed: kind.as_deref() == Some("flush_done"),
            error,
        })
    }
}

/// The first of these fields that is there and not null.
fn field<'a>(fields: &'a Map<String, Value>, names: &[&str]) -> Option<&'a Value> {
    names.iter().find_map(|name| fields.get(*name).filter(|value| !value.is_null()))
}

/// Whether an `error` is one: a service that writes out all of its fields sends empty ones as well.
fn says_something(error: &Value) -> bool {
    match error {
        Value::String(text) => !text.trim().is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Null | Value::Bool(false) => false,
        Value::Bool(true) | Value::Number(_) => true,
    }
}

/// The characters of an alignment, in milliseconds from the start of its audio or in seconds from
/// the start of the answer; `None` if its lists do not fit each other.
fn characters(alignment: &Value) -> Option<Vec<Character>> {
    let Value::Object(lists) = alignment else { return None };
    let list = |names: &[&str]| field(lists, names).and_then(Value::as_array);
    let texts = list(&["chars", "characters"])?;
    let millis = list(&["charStartTimesMs", "charsStartTimesMs", "char_start_times_ms"]);
    let (starts, ends, unit, ends_are_lengths) = match millis {
        Some(starts) => {
            let names = ["charDurationsMs", "charsDurationsMs", "char_durations_ms"];
            (starts, list(&names)?, 0.001, true)
        }
        None => {
            let ends = list(&["character_end_times_seconds"])?;
            (list(&["character_start_times_seconds"])?, ends, 1.0, false)
        }
    };
    if texts.is_empty()
        || texts.len() > MOST_CHARACTERS
        || texts.len() != starts.len()
        || texts.len() != ends.len()
    {
        return None;
    }
    let mut characters = Vec::with_capacity(texts.len());
    for ((text, start), end) in texts.iter().zip(starts).zip(ends) {
        let (start, end) = (duration(start, unit)?, duration(end, unit)?);
        let end = if ends_are_lengths { start + end } else { end.max(start) };
        characters.push(Character { text: text.as_str()?.to_owned(), start, end });
    }
    Some(characters)
}

/// Rounding of the service may make a time negative; none is longer than an hour.
fn duration(value: &Value, unit: f64) -> Option<Duration> {
    let seconds = lenient::number_of(value)? * unit;
    (seconds < 3_600.0).then(|| Duration::from_secs_f64(seconds.max(0.0)))
}
