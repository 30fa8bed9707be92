//! Frames without a socket, for benchmarks.

use voicekit_core::audio::AudioChunk;
use voicekit_core::transport::{TransportCommand, TransportEvent};

use crate::media::Session;

/// The frames of one call's media stream.
#[derive(Debug)]
pub struct Stream(Session);

impl Stream {
    /// The stream that calls itself `stream`.
    pub fn new(stream: &str) -> Self {
        Self(Session::new(stream))
    }

    /// The caller's sound in a message.
    pub fn decode(&mut self, text: &str) -> Option<AudioChunk> {
        self.0.handle_text(text);
        let TransportEvent::Audio { chunk, .. } = self.0.poll_event()?.ok()? else { return None };
        Some(chunk)
    }

    /// The message that carries the agent's sound.
    pub fn encode(&mut self, chunk: &AudioChunk) -> Option<impl AsRef<str> + use<>> {
        self.0.handle_command(TransportCommand::Audio(chunk.clone())).ok()?;
        self.0.poll_frame()
    }
}
