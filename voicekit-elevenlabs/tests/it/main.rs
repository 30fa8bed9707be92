//! Against servers that play scripts, in memory and in virtual time; over HTTP on loopback.
//!
//! What the adapter has to stand up to, and what holds each item:
//!
//!  1. URLs: voice encoded, defaults, formats and models; the key in a header only, and in neither
//!     `Debug` nor errors nor logs: [`config`], [`privacy`].
//!  2. A context is opened before it is told anything; settings only there; ids never reused:
//!     [`texts`], [`contexts`].
//!  3. Texts end in a space, empty ones are dropped, the form of keep-alives: [`texts`].
//!  4. Flushes per clause, by schedule and at the end: [`texts`].
//!  5. Both spellings of keys, missing and null fields, unknown types: [`messages`], [`ends`].
//!  6. Base64 to mu-law and linear samples, halves put together, no audio: [`messages`].
//!  7. Contexts that interleave; audio of a closed one is dropped: [`contexts`].
//!  8. `close_context` in the same tick, and no more text; closing contexts are counted:
//!     [`contexts`].
//!  9. Never a sixth context: [`contexts`].
//! 10. Keep-alives for live contexts only: [`texts`]; an idle socket that is closed: [`contexts`].
//! 11. Times of words over all messages, and none: [`words`].
//! 12. The end comes once, with `isFinal` or without: [`ends`]; a closed socket: [`reconnect`].
//! 13. `close_socket`, and no more than 2 s: [`contexts`].
//! 14. The table of errors: [`refusals`], [`http`].
//! 15. HTTP with back-pressure, cancelled by dropping: [`http`].
//! 16. One retry, nothing said twice, then HTTP: [`reconnect`].
//! 17. Nothing waits between the first text and the first audio: [`texts`].
//! 18. The published examples, interleaving, every 1008, the sixth context: [`messages`],
//!     [`contexts`], [`refusals`].
//!
//! The contract of the trait is checked in [`contract`], tasks and sockets are counted in
//! [`leaks`].

#![allow(clippy::unwrap_used)]

mod config;
mod contexts;
mod contract;
mod ends;
mod http;
mod leaks;
mod messages;
mod mutated;
mod privacy;
mod reconnect;
mod refusals;
mod support;
mod texts;
mod words;
