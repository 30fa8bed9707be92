//! Tests of the crate's public interface.
#![allow(clippy::unwrap_used)]

mod minilm;
mod models;
mod piper;
mod receptionist;
mod silero;
mod speech;
mod whisper;
mod words;

use self::speech::Recording;

/// The recording in `file`.
fn recording(file: &str) -> Recording {
    speech::all().into_iter().find(|recording| recording.file == file).unwrap()
}
