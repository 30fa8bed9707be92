//! Against servers that play scripts, in memory and in virtual time.
//!
//! What the adapter has to stand up to, and what holds each item:
//!
//! 1. JSON with its content type; text trimmed, on one line, and not empty: [`http`],
//!    [`speaking`].
//! 2. WAV files with other chunks, of odd sizes, of unknown length: [`http`].
//! 3. The voice's rate is converted to the promised one: [`speaking`].
//! 4. An answer that claims to be HTML: [`http`].
//! 5. 404, 405 and 500 with HTML are typed errors: [`http`].
//! 6. A voice that the server does not have is refused: [`http`], [`wyoming`].
//! 7. The next clause is asked for while one is heard; the order is kept: [`speaking`].
//! 8. Dropping the output drops what was asked for: [`speaking`], [`http`].
//! 9. Time limits: [`wyoming`], [`http`].
//! 10. Stereo and other widths are refused: [`wyoming`], [`http`].
//! 11. Framing: cut at any byte, data in the line and after it, limits, unknown events, `error`,
//!     `audio-stop`: [`wyoming`], and the codec's own tests.
//! 12. Connections are kept, and made again: [`wyoming`].
//! 13. Nothing of Piper is linked: the crate's dependencies are those of the workspace.
//! 14. No more than so many clauses are with the server: [`speaking`].
//!
//! The contract of the trait is checked in [`contract`], where nothing may be left behind; settings
//! in [`config`].

#![allow(clippy::unwrap_used)]

mod config;
mod contract;
mod http;
mod mutated;
mod server;
mod speaking;
mod support;
mod wyoming;
