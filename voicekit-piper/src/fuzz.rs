//! What the fuzz targets need of this crate; in no other build.

use bytes::Bytes;
use voicekit_core::audio::{AudioChunk, AudioFormat};
use voicekit_core::error::{Error, Result};
use voicekit_net::Refusal;

use crate::http;
use crate::wyoming::event::{Decoder, Event, Malformed};
use crate::wyoming::{Server, format};

/// An event of Wyoming: its type, its payload, and itself as it goes over the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "for the fuzz targets only")]
pub struct Framed {
    /// Its type.
    pub kind: String,
    /// Its bytes.
    pub payload: Bytes,
    /// All of it.
    pub encoded: Bytes,
}

/// The events in bytes that come in `pieces`, and whether what follows them is malformed.
pub fn events<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Framed>, bool) {
    let (mut decoder, mut events) = (Decoder::default(), Vec::new());
    for piece in pieces {
        decoder.feed(piece);
        loop {
            match decoder.next() {
                Ok(Some(event)) => events.push(framed(&event)),
                Ok(None) => break,
                Err(Malformed(_)) => return (events, true),
            }
        }
    }
    (events, false)
}

fn framed(event: &Event) -> Framed {
    let _: (Result<Option<AudioFormat>>, Server) = (format(event), Server::of(event));
    Framed { kind: event.kind.clone(), payload: event.payload.clone(), encoded: event.encode() }
}

/// The audio in an answer over HTTP.
pub fn audio(file: &[u8]) -> Result<AudioChunk> {
    http::audio(file)
}

/// What a refusal means.
pub fn refused(refusal: &Refusal) -> Error {
    http::classify(refusal)
}
