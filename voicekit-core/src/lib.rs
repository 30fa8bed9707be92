//! The pure heart of voicekit: traits, audio, the turn and barge-in engine. No I/O, no clock, no runtime.
//!
//! Everything here is a value or a state machine: time is an argument, randomness does not exist,
//! and the same inputs always give the same outputs. The crates around it bring the sockets
//! (`voicekit-twilio`), the models (`voicekit-local`) and the loop that drives a call (`voicekit`).

pub mod asr;
pub mod audio;
pub mod codec;
pub mod dsp;
pub mod error;
pub mod ledger;
pub mod llm;
pub mod playout;
pub mod record;
pub mod retrieve;
pub mod store;
pub mod text;
pub mod time;
pub mod transport;
pub mod tts;
pub mod turn;
pub mod vad;
