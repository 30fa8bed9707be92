#![doc = include_str!("../README.md")]

mod config;
mod failure;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod fuzz;
mod http;
mod pool;
mod socket;
mod speech;
mod track;
mod tts;
mod voices;
mod wire;
mod words;

pub use config::{
    AlignmentChoice, ElevenLabsConfig, PronunciationDictionary, Route, TextNormalization,
    VoiceSettings,
};
pub use tts::ElevenLabs;
pub use voicekit_net::Secret;
pub use voices::Voice;

/// The name under which this crate's errors appear.
const SERVICE: &str = "elevenlabs";
