//! Speech in, speech out and a brain for voicekit, offline: no key and no account.

mod inference;
pub mod minilm;
pub mod models;
pub mod piper;
pub mod receptionist;
pub mod silero;
pub mod whisper;
mod wordpiece;

pub use minilm::MiniLm;
pub use piper::Piper;
pub use receptionist::{Knowledge, Receptionist};
pub use silero::Silero;
pub use whisper::Whisper;
