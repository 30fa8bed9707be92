#![doc = include_str!("../README.md")]

mod client;
mod config;
mod embed;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod fuzz;
mod llm;
mod refusal;
mod tts;
mod wire;

pub use config::{ChatConfig, Dialect, EmbeddingConfig, OpenAiConfig, SpeechConfig, ToolChoice};
pub use embed::OpenAiEmbedder;
pub use llm::OpenAi;
pub use tts::OpenAiTts;
