//! Tests of the crate's public interface.
#![allow(clippy::unwrap_used)]

mod echo;
mod minilm;
mod models;
mod piper;
mod receptionist;
mod silero;
mod whisper;
