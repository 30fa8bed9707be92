#![doc = include_str!("../README.md")]

mod agent;
mod calls;
pub mod knowledge;
pub mod memory;
mod observer;
mod phrases;
pub mod prompt;
pub mod resilience;
mod session;
pub mod slots;
pub mod team;
pub mod tools;

pub use agent::{Agent, AgentBuilder};
pub use calls::FAREWELL;
pub use knowledge::KnowledgeConfig;
pub use memory::Memory;
pub use observer::{CallEvent, CallReport, Observer, Part};
pub use phrases::Phrases;
pub use prompt::{Budget, Prompt, PromptError};
pub use schemars;
pub use session::{CallHandle, Refused, Session, SessionKey, Sessions};
pub use slots::Slot;
#[cfg(feature = "anthropic")]
pub use voicekit_anthropic as anthropic;
#[cfg(feature = "assemblyai")]
pub use voicekit_assemblyai as assemblyai;
pub use voicekit_core as core;
#[cfg(feature = "deepgram")]
pub use voicekit_deepgram as deepgram;
#[cfg(feature = "elevenlabs")]
pub use voicekit_elevenlabs as elevenlabs;
#[cfg(feature = "local")]
pub use voicekit_local as local;
#[cfg(feature = "openai")]
pub use voicekit_openai as openai;
#[cfg(feature = "piper")]
pub use voicekit_piper as piper;
#[cfg(feature = "qdrant")]
pub use voicekit_qdrant as qdrant;
#[cfg(feature = "rag")]
pub use voicekit_rag as rag;
#[cfg(feature = "store")]
pub use voicekit_store as store;
#[cfg(feature = "twilio")]
pub use voicekit_twilio as twilio;

/// The README's program compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
