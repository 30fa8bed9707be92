#![doc = include_str!("../README.md")]

mod inference;
pub mod minilm;
pub mod models;
mod parts;
pub mod piper;
pub mod receptionist;
pub mod silero;
pub mod whisper;
mod wordpiece;

pub use minilm::MiniLm;
pub use parts::Parts;
pub use piper::Piper;
pub use receptionist::{Knowledge, Receptionist};
pub use silero::Silero;
pub use whisper::Whisper;
