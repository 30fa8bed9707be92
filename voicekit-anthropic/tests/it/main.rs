//! The adapter against a server of our own over loopback, by the golden streams in `fixtures`.
//!
//! What is held, by number:
//!
//!  1. headers, version; the key is seen nowhere: `requests`, `failures`
//!  2. all seven streams, split anywhere: `answers`
//!  3. what is unknown is skipped: `answers`
//!  4. text only from text: `answers`
//!  5. tool calls in pieces, empty, cut off: `answers`
//!  6. usage replaced and summed: `answers`
//!  7. every reason to stop: `answers`
//!  8. errors within a stream: `failures`
//!  9. truncation: `failures`
//! 10. what is tried again and when: `failures`
//! 11. the conversation as the service wants it: `requests`
//! 12. thoughts go back as they came: `requests`
//! 13. blank texts are left out: `requests`
//! 14. cache marks: `requests`
//! 15. dropping closes the connection: `failures`
//! 16. each time limit has its own error: `failures`
//! 17. the request id is in errors: `failures`
//! 18. demands for tools: `requests`
//!
//! The contract of the trait is checked in `contract`, where nothing may be left behind.

#![allow(clippy::unwrap_used)]

mod answers;
mod contract;
mod failures;
mod mutated;
mod requests;
mod service;
