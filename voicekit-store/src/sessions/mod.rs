//! Conversations that outlive their call: in memory, in a file, in Redis.
//!
//! | store | outlives | shared by | feature |
//! |---|---|---|---|
//! | [`Memory`] | the call | the process | `sessions` |
//! | `file::File` | the process | the process | `file` |
//! | `redis::Redis` | the machine | all machines | `redis` |
//!
//! All keep the same: a [`SessionRecord`](voicekit_core::store::SessionRecord) as JSON, until its time
//! is over. An agent is given one with `AgentBuilder::sessions`.

#[cfg(feature = "file")]
pub mod file;
mod memory;
#[cfg(feature = "redis")]
pub mod redis;

pub use memory::Memory;
