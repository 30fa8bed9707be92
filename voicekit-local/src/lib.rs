#![doc = include_str!("../README.md")]

#[cfg(feature = "denoise")]
pub mod denoise;
mod inference;
mod mel;
pub mod minilm;
pub mod models;
mod onnx;
mod parts;
pub mod piper;
pub mod receptionist;
pub mod silero;
pub mod smart_turn;
pub mod whisper;
mod wordpiece;

pub use minilm::MiniLm;
pub use parts::Parts;
pub use piper::Piper;
pub use receptionist::{Knowledge, Receptionist};
pub use silero::Silero;
pub use smart_turn::SmartTurn;
pub use whisper::Whisper;
