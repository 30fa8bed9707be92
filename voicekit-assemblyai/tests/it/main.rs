//! Against servers that play scripts, in memory and in virtual time.
//!
//! What the adapter has to stand up to, and what holds each item:
//!
//! 1. The URL: lists as JSON, booleans, what depends on the model: [`query`].
//! 2. The key as the whole header, in neither `Debug` nor errors nor logs: [`query`],
//!    [`privacy`].
//! 3. Pieces of 50 to 100 ms; the tail is filled up to 50 ms before `Terminate`: [`session`].
//! 4. The telephone's bytes go through untouched: [`session`].
//! 5. Every published message is understood, unknown types and fields are skipped, nothing
//!    panics: [`messages`].
//! 6. Interims from the words, finals from the transcript: [`messages`], [`turns`].
//! 7. A final that comes twice is one: [`turns`].
//! 8. `ForceEndpoint` with and without an answer, never two answers: [`finalize`].
//! 9. `UpdateConfiguration` is never sent: what it changes is fixed for a call ([`messages`]).
//! 10. `Terminate` on every way out, and at most 5 s for the answer: [`session`].
//! 11. Which refusals and closes are tried again: [`refusals`].
//! 12. `Error` and the close frame after it are told once: [`refusals`].
//! 13. Times go on after a reconnect; what is sent again is little and slow, no word is lost:
//!     [`reconnect`].
//! 14. A token in the URL: [`query`].
//! 15. `KeepAlive` only where the service would end the session otherwise: [`session`].
//! 16. A session that is nearly over is left in a pause: [`session`].
//! 17. Milliseconds on the wire are durations: [`messages`].
//!
//! The contract of the trait is checked in [`contract`], settings in [`config`], and that
//! nothing is left behind in [`leaks`].

#![allow(clippy::unwrap_used)]

mod config;
mod contract;
mod finalize;
mod kept;
mod leaks;
mod messages;
mod privacy;
mod query;
mod reconnect;
mod refusals;
mod session;
mod support;
mod turns;
