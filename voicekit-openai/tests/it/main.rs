//! The adapter against a server of our own over loopback, by the golden streams in `fixtures`.
//!
//! What is held, by number:
//!
//!  1. golden requests per dialect, extra fields last: `requests`
//!  2. events split at every byte, CRLF, comments, no blank line at the end: `answers`
//!  3. text in order, nothing empty, no reasoning: `answers`
//!  4. parallel calls in any shape: `calls`
//!  5. every way to finish: `answers`, `calls`
//!  6. usage wherever it is: `answers`
//!  7. errors within a stream, truncation: `failures`
//!  8. `null` deltas, missing choices, unknown fields: `answers`
//!  9. what is tried again and when: `failures`
//! 10. dropping closes the connection: `failures`
//! 11. each time limit has its own error: `failures`
//! 12. tool results in order and paired: `requests`
//! 13. embeddings: `embeddings`
//! 14. raw audio with odd pieces: `speech`
//! 15. absent: this adapter speaks Chat Completions, and not Responses
//! 16. bodies of refusals in any shape: `failures`
//! 17. the key is seen nowhere, the request id in errors: `failures`
//! 18. the time to the first word is measured by whoever holds the call, for every model alike:
//!     `voicekit_core::turn::Latency`
//!
//! 19. whole completions, content in parts, errors in an answer of status 200, silent answers:
//!     `shapes`
//!
//! The contracts of the traits are checked in `contract`, where nothing may be left behind.

#![allow(clippy::unwrap_used)]

mod answers;
mod calls;
mod contract;
mod embeddings;
mod failures;
mod mutated;
mod requests;
mod schema;
mod service;
mod shapes;
mod speech;
