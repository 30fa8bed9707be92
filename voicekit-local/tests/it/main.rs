//! Tests of the crate's public interface.
#![allow(clippy::unwrap_used)]

#[cfg(feature = "denoise")]
mod denoise;
mod echo;
mod minilm;
mod models;
mod piper;
mod receptionist;
mod receptionist_tools;
mod silero;
mod whisper;
