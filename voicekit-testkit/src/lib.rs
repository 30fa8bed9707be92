//! Test whole phone calls: a carrier simulator and in-memory fakes of every voicekit trait.
//!
//! - [`phone`]: the caller's telephone as a pure machine. It says clips at given times, plays what
//!   the agent sends at real time, and records to the sample who heard what and when.
//! - [`carrier`]: the phone behind a media-stream WebSocket, as a carrier speaks it; a scripted
//!   caller; and ways to misbehave. It dials a server over TCP or in memory.
//! - [`fake`]: every trait of voicekit in memory, in virtual time.
//! - [`contract`]: whether an adapter keeps the numbered clauses of its trait.
//!
//! Everything runs on `tokio`'s clock, so that a test with a paused clock holds a minute's call in
//! milliseconds:
//!
//! ```
//! use std::time::Duration;
//! use voicekit_testkit::{phone::tone, script::Script};
//!
//! let script = Script::new()
//!     .say("order", tone(Duration::from_millis(800)))
//!     .say("thanks", tone(Duration::from_millis(500)))
//!     .interrupt_after(0, Duration::from_millis(600));
//! assert_eq!(script.steps().len(), 2);
//! ```

pub mod carrier;
pub mod contract;
pub mod fake;
pub mod mulaw;
pub mod phone;
pub mod script;
