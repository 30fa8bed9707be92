#![doc = include_str!("../README.md")]

mod agent;
mod calls;
mod observer;
pub mod resilience;
mod session;

pub use agent::{Agent, AgentBuilder, Phrases};
pub use calls::FAREWELL;
pub use observer::{CallEvent, CallReport, Observer, Part};
pub use session::{CallHandle, Refused, Session};
pub use voicekit_core as core;

/// The README's program compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
