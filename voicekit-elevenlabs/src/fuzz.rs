//! What the fuzz targets need of this crate; in no other build.

use bytes::{Bytes, BytesMut};
use serde_json::Value;
use voicekit_core::audio::AudioFormat;
use voicekit_core::error::{Error, Result};
use voicekit_core::tts::Spoken;
use voicekit_net::Refusal;

use crate::AlignmentChoice;
use crate::track::Track;
use crate::wire::Heard;
use crate::{failure, http};

/// A reply over sockets, without them.
#[derive(Debug)]
pub struct Reply {
    track: Track,
    choice: AlignmentChoice,
}

impl Reply {
    /// A reply in `format`, with the times of words by `choice`.
    pub fn new(format: AudioFormat, choice: Option<AlignmentChoice>) -> Self {
        let track = Track::new(format, choice.is_some());
        Self { track, choice: choice.unwrap_or_default() }
    }

    /// `text` goes to the service.
    pub fn sent(&mut self, text: &str) {
        self.track.sent(text);
    }

    /// Reads a message, and gives its audio.
    pub fn message(&mut self, json: &[u8]) -> Result<Bytes> {
        let heard = Heard::read(json, self.choice)?;
        self.track.add_next(&heard.audio, &heard.alignment)?;
        Ok(heard.audio)
    }

    /// The next thing that was understood.
    pub fn next_spoken(&mut self) -> Option<Spoken> {
        self.track.next()
    }

    /// The text was spoken.
    pub fn finish(&mut self) -> Result<()> {
        self.track.finish()
    }

    /// The connection is lost: the text that is to be spoken again.
    pub fn lost(&mut self) -> String {
        self.track.lost()
    }
}

/// The messages of an answer over HTTP that comes in `pieces`.
pub fn values<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Result<Vec<Value>> {
    let (mut line, mut values) = (BytesMut::new(), Vec::new());
    for piece in pieces {
        line.extend_from_slice(piece);
        while let Some(value) = http::next_value(&mut line)? {
            Heard::of(value.clone(), AlignmentChoice::default())?;
            values.push(value);
        }
    }
    if line.trim_ascii().is_empty() { Ok(values) } else { Err(failure::malformed("an end")) }
}

/// What a refusal means.
pub fn refused(refusal: &Refusal) -> Option<Error> {
    failure::classify(refusal)
}
