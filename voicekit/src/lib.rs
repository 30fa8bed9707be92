//! Put a voice agent on the phone: the session driver and the agent builder.
//!
//! An [`Agent`] is made of a recogniser, a model and a voice, each a value behind a trait of
//! [`voicekit_core`]. A transport hands it lines; on each it holds a conversation, which
//! [`Observer`]s can follow.

mod agent;
mod observer;
mod session;

pub use agent::{Agent, AgentBuilder, Phrases};
pub use observer::{CallEvent, CallReport, Observer, Part};
pub use session::{CallHandle, Session};
pub use voicekit_core as core;
