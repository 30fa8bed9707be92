//! In-memory fakes of every trait: deterministic, in virtual time, and able to misbehave.
//!
//! Each fake is cheap to clone; clones share what they record, so that a test keeps one clone and
//! gives the other away. A [`Journal`] tells what was asked and whether the answer's stream was
//! dropped before its end, which is how work is cancelled.

mod asr;
mod fault;
mod journal;
mod line;
mod llm;
mod retrieve;
mod store;
mod tool;
mod tts;
mod vad;

pub use asr::{AsrCall, FakeAsr};
pub use fault::Fault;
pub use journal::{Entry, Fate, Journal};
pub use line::{FakeLine, LineHandle, line, scripted_line};
pub use llm::{FakeLlm, LlmCall};
pub use retrieve::{FakeEmbedder, FakeRetriever};
pub use store::MemoryStore;
pub use tool::FakeTool;
pub use tts::{FakeTts, TtsCall};
pub use vad::{FakeTurnDetector, FakeVad};
