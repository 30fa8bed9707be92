//! Wyoming's framing, without I/O: a line of JSON, then data as JSON, then bytes.
//!
//! ```text
//! {"type":"audio-chunk","version":"1.8.0","data_length":41,"payload_length":2048}\n
//! {"rate":22050,"width":2,"channels":1} … 2048 bytes
//! ```
//!
//! Data may also stand in the line itself, as `data`; where both say something, what comes after
//! the line holds. Source: the MIT-licensed `wyoming` library.

use bytes::{Buf, Bytes, BytesMut};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use voicekit_net::lenient;

/// The most bytes of a line and of data: a server that lists some thousand voices needs less.
pub(crate) const MOST: usize = 1024 * 1024;

/// The most bytes of a payload: half a minute of 48 kHz audio; servers send 2 kB at once.
pub(crate) const MOST_PAYLOAD: usize = 4 * 1024 * 1024;

/// The version of the protocol that this speaks.
const VERSION: &str = "1.8.0";

/// One event.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Event {
    pub(crate) kind: String,
    pub(crate) data: Map<String, Value>,
    pub(crate) payload: Bytes,
}

/// Why bytes are no events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) &'static str);

impl Event {
    pub(crate) fn new(kind: &str, data: Value) -> Self {
        let data = if let Value::Object(data) = data { data } else { Map::new() };
        Self { kind: kind.to_owned(), data, payload: Bytes::new() }
    }

    /// As it goes over the wire.
    pub(crate) fn encode(&self) -> Bytes {
        let data = if self.data.is_empty() { String::new() } else { json!(self.data).to_string() };
        let mut header = json!({ "type": self.kind, "version": VERSION });
        for (name, length) in [("data_length", data.len()), ("payload_length", self.payload.len())]
        {
            if length > 0 {
                header[name] = length.into();
            }
        }
        let header = header.to_string();
        Bytes::from([header.as_bytes(), b"\n", data.as_bytes(), &self.payload].concat())
    }

    /// A text in the data.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.data.get(name)?.as_str()
    }

    /// A number in the data.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.data.get(name).and_then(lenient::whole_of)
    }
}

/// Makes events of bytes, however they are cut.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    buffer: BytesMut,
    /// How much of the buffer is known to hold no end of a line.
    searched: usize,
    /// The line of the event that is being read.
    header: Option<Header>,
}

#[derive(Debug, Deserialize)]
struct Header {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default, deserialize_with = "lenient::or_default")]
    data: Map<String, Value>,
    #[serde(default, deserialize_with = "length")]
    data_length: usize,
    #[serde(default, deserialize_with = "length")]
    payload_length: usize,
}

impl Header {
    fn lengths(&self) -> (usize, usize) {
        (self.data_length, self.payload_length)
    }
}

impl Decoder {
    /// Takes in what has come.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next event that is complete.
    pub(crate) fn next(&mut self) -> Result<Option<Event>, Malformed> {
        let header = match self.header.take() {
            Some(header) => header,
            None => match self.line()? {
                Some(line) => header(&line)?,
                None => return Ok(None),
            },
        };
        let (data, payload) = header.lengths();
        if self.buffer.len() < data + payload {
            self.header = Some(header);
            return Ok(None);
        }
        let more = self.buffer.split_to(data);
        let payload = self.buffer.split_to(payload).freeze();
        let mut data = header.data;
        if !more.is_empty() {
            let Ok(Value::Object(more)) = lenient::parse(&String::from_utf8_lossy(&more)) else {
                return Err(Malformed("the data is no object"));
            };
            data.extend(more);
        }
        Ok(Some(Event { kind: header.kind, data, payload }))
    }

    /// The next whole line, without its end.
    fn line(&mut self) -> Result<Option<BytesMut>, Malformed> {
        let end = self.buffer[self.searched..].iter().position(|byte| *byte == b'\n');
        let Some(end) = end else {
            self.searched = self.buffer.len();
            let is_long = self.buffer.len() > MOST;
            return if is_long { Err(Malformed("the line is too long")) } else { Ok(None) };
        };
        let line = self.buffer.split_to(self.searched + end);
        self.buffer.advance(1);
        self.searched = 0;
        Ok(Some(line))
    }
}

fn header(line: &[u8]) -> Result<Header, Malformed> {
    let value = lenient::parse(&String::from_utf8_lossy(line)).ok();
    let header = value.and_then(|value| Header::deserialize(value).ok());
    let header = header.ok_or(Malformed("the line is no event"))?;
    let (data, payload) = header.lengths();
    if data > MOST || payload > MOST_PAYLOAD {
        return Err(Malformed("the event is too large"));
    }
    Ok(header)
}

/// A length, without which it is not known where the next event begins: missing means none, but
/// what is not a length is an error.
fn length<'de, D: serde::Deserializer<'de>>(from: D) -> Result<usize, D::Error> {
    let value = Value::deserialize(from)?;
    if value.is_null() {
        return Ok(0);
    }
    let length = lenient::whole_of(&value).and_then(|length| usize::try_from(length).ok());
    length.ok_or_else(|| serde::de::Error::custom("not a length"))
}

#[cfg(test)]
mod tests;
