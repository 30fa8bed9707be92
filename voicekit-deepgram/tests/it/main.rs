//! Against servers that play scripts, in memory and in virtual time.
//!
//! What the adapter has to stand up to, and what holds each item:
//!
//! 1. Queries: lists repeated, values encoded, v1 and v2 apart: [`query`].
//! 2. Credentials as key and token, in neither `Debug` nor errors nor logs; the request's id in
//!    errors: [`query`], [`refusals`], [`privacy`].
//! 3. Every published message is understood, unknown types and fields are skipped, what is missing
//!    has a default: [`messages`].
//! 4. Utterances are put together from segments; two ends are one, empty ones none: [`nova`].
//! 5. Interims replace each other: [`nova`].
//! 6. `KeepAlive` as text while there is no audio; none on v2: [`nova`], [`flux`].
//! 7. No empty and no odd audio is sent: [`nova`].
//! 8. `Finalize` with an answer, an empty one and none: [`nova`]. `ForceEndTurn` likewise:
//!    [`flux`].
//! 9. `CloseStream` waits for the last words, not for long; dropping closes as well: [`nova`].
//! 10. Which refusals and closes are tried again: [`refusals`].
//! 11. What is sent again after a reconnect is bounded and paced, times go on: [`nova`].
//! 12. Eager, resumed and ended turns; the eager text is the final text: [`flux`].
//! 13. Silence where no audio comes, until the stream ends: [`flux`].
//! 14. `Configure` is not sent: what it changes is fixed for a call. A `ConfigureFailure` is
//!     skipped like any message that is not known: [`messages`].
//! 15. `Error` is told once and ends the stream: [`flux`].
//! 16. A gap in `sequence_id` is logged: [`messages`].
//! 17. A service that takes nothing holds nobody up; what it misses is dropped and counted by the
//!     pump: [`nova`].
//! 18. The telephone's bytes go through untouched: [`nova`].
//!
//! The contracts of the traits are checked in [`contract`], the voice in [`aura`], and that
//! nothing is left behind in [`leaks`].

#![allow(clippy::unwrap_used)]

mod aura;
mod config;
mod contract;
mod flux;
mod kept;
mod leaks;
mod messages;
mod mutated;
mod nova;
mod privacy;
mod query;
mod refusals;
mod support;
