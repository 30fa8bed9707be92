//! The messages of a media stream, from the carrier's side.
//!
//! What the server sends is checked strictly: exactly the documented keys, in a text frame, for the
//! stream that was started. The real carrier drops anything else with one warning a stream (codes
//! 31950 and 31951), so that a mistake is easily missed there.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use voicekit_core::transport::Digit;

use super::Breach;

/// What the server may send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ServerMessage {
    Media(Vec<u8>),
    Mark(String),
    Clear,
}

/// Reads a text frame from the server.
///
/// # Errors
///
/// What is wrong with it.
pub(crate) fn parse(text: &str, stream: &str) -> Result<ServerMessage, Breach> {
    let value: Value = serde_json::from_str(text).map_err(|_| Breach::NotJson)?;
    let Value::Object(message) = value else {
        return Err(Breach::NotJson);
    };
    let event = string(&message, "event")?;
    let keys: &[&str] = match event {
        "media" => &["event", "media", "streamSid"],
        "mark" => &["event", "mark", "streamSid"],
        "clear" => &["event", "streamSid"],
        other => return Err(Breach::UnknownEvent(other.to_owned())),
    };
    exactly(&message, keys)?;
    let sid = string(&message, "streamSid")?;
    if sid != stream {
        return Err(Breach::WrongStream(sid.to_owned()));
    }
    match event {
        "media" => payload(object(&message, "media", "payload")?).map(ServerMessage::Media),
        "mark" => Ok(ServerMessage::Mark(object(&message, "mark", "name")?.to_owned())),
        _ => Ok(ServerMessage::Clear),
    }
}

fn payload(encoded: &str) -> Result<Vec<u8>, Breach> {
    let codes = STANDARD.decode(encoded).map_err(|_| Breach::BadPayload("not base64"))?;
    if codes.starts_with(b"RIFF") {
        return Err(Breach::BadPayload("a WAV header, which is heard as noise"));
    }
    if codes.is_empty() {
        return Err(Breach::BadPayload("empty"));
    }
    Ok(codes)
}

/// The one string in the object under `key`.
fn object<'a>(message: &'a Map<String, Value>, key: &str, field: &str) -> Result<&'a str, Breach> {
    let Some(Value::Object(inner)) = message.get(key) else {
        return Err(Breach::WrongKey(key.to_owned()));
    };
    exactly(inner, &[field])?;
    string(inner, field)
}

fn string<'a>(object: &'a Map<String, Value>, key: &str) -> Result<&'a str, Breach> {
    object.get(key).and_then(Value::as_str).ok_or_else(|| Breach::WrongKey(key.to_owned()))
}

fn exactly(object: &Map<String, Value>, keys: &[&str]) -> Result<(), Breach> {
    let extra = object.keys().map(String::as_str).find(|key| !keys.contains(key));
    let missing = keys.iter().copied().find(|key| !object.contains_key(*key));
    extra.or(missing).map_or(Ok(()), |key| Err(Breach::WrongKey(key.to_owned())))
}

pub(crate) fn connected() -> String {
    json!({"event": "connected", "protocol": "Call", "version": "1.0.0"}).to_string()
}

/// Who is on the line.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    pub(crate) account: String,
    pub(crate) call: String,
    pub(crate) stream: String,
}

impl Names {
    /// The ids of call `number`, in the carrier's form: two letters and 32 hexadecimal digits.
    pub(crate) fn of_call(number: u64) -> Self {
        Self {
            account: format!("AC{:032x}", 0),
            call: format!("CA{number:032x}"),
            stream: format!("MZ{number:032x}"),
        }
    }
}

pub(crate) fn start(names: &Names, sequence: u64, parameters: &BTreeMap<String, String>) -> String {
    json!({
        "event": "start",
        "sequenceNumber": sequence.to_string(),
        "streamSid": names.stream,
        "start": {
            "accountSid": names.account,
            "callSid": names.call,
            "streamSid": names.stream,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": parameters,
        },
    })
    .to_string()
}

pub(crate) fn media(stream: &str, sequence: u64, chunk: u64, codes: &[u8]) -> String {
    json!({
        "event": "media",
        "sequenceNumber": sequence.to_string(),
        "streamSid": stream,
        "media": {
            "track": "inbound",
            "chunk": chunk.to_string(),
            "timestamp": ((chunk - 1) * 20).to_string(),
            "payload": STANDARD.encode(codes),
        },
    })
    .to_string()
}

pub(crate) fn dtmf(stream: &str, sequence: u64, digit: Digit) -> String {
    json!({
        "event": "dtmf",
        "sequenceNumber": sequence.to_string(),
        "streamSid": stream,
        "dtmf": {"track": "inbound_track", "digit": digit.key().to_string()},
    })
    .to_string()
}

pub(crate) fn mark(stream: &str, sequence: u64, name: &str) -> String {
    json!({
        "event": "mark",
        "sequenceNumber": sequence.to_string(),
        "streamSid": stream,
        "mark": {"name": name},
    })
    .to_string()
}

pub(crate) fn stop(names: &Names, sequence: u64) -> String {
    json!({
        "event": "stop",
        "sequenceNumber": sequence.to_string(),
        "streamSid": names.stream,
        "stop": {"accountSid": names.account, "callSid": names.call},
    })
    .to_string()
}
