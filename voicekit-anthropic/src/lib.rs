#![doc = include_str!("../README.md")]

mod config;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod fuzz;
mod llm;
mod refusal;
mod wire;

/// What the service is called in errors, logs and traces.
const SERVICE: &str = "anthropic";

pub use config::{AnthropicConfig, Cache, Thinking, ToolChoice};
pub use llm::Anthropic;
