//! Calls over simulated connections, in virtual time.
//!
//! The conformance list of the media-stream adapter, and what holds each item:
//!
//! 1. Published signatures: [`signature`], every vector, positive and negative.
//! 2. URL variants, repeated keys, hashed bodies, unknown parameters: [`signature`], [`webhook`].
//! 3. TwiML escaped, TLS, no query, parameter size: [`webhook`], [`config`].
//! 4. Order of the first messages, wrong tokens close with 1008: [`opening`].
//! 5. Lenient numbers, unknown events and fields: [`opening`], [`media`].
//! 6. Exact keys, text frames only: [`media`]. Fragments and compression: the handshake offers no
//!    extension ([`opening`]) and the WebSocket layer never fragments.
//! 7. Frames of 20 ms: [`media`]. A shorter last frame is sent as it is, not padded: padding would
//!    be heard where another chunk follows.
//! 8. Gaps and duplicates: [`media`], and the unit tests of `media/track.rs`.
//! 9. `Clear` pre-empts what is queued, order is kept: [`media`], and the properties of
//!    `media/session.rs`. Pacing is the session's, not the line's.
//! 10. Marks played and cleared told apart, foreign names ignored: [`media`], and the properties of
//!     `media/session.rs`.
//! 11. The playback position is derived from marks by the session, not here.
//! 12. Keys, `*`, `#` and `A`–`D` included: [`media`].
//! 13. Every kind of end, exactly once: [`ending`].
//! 14. Hanging up twice is hanging up: [`ending`]. A transfer ends in `stop`, as a hang-up does.
//! 15. Nothing is queued between the socket and the session, so there is nothing to overflow: what
//!     a slow session does not read waits in the network, and what the carrier drops comes back as
//!     silence of the same length ([`media`]). The other direction has a bounded queue ([`ending`]).
//! 17. REST: Basic auth, forms, back-off where the carrier asks for it, nothing repeated that may
//!     have been done: [`control`].
//! 18. Secrets and numbers in neither logs nor `Debug`: [`config`], [`privacy`].
//!
//! Item 16 is about callbacks that nobody asks for yet. Whole calls with another party's signatures and
//! clock are in [`simulated`].

#![allow(clippy::unwrap_used)]

mod carrier;
mod config;
mod control;
mod ending;
mod flood;
mod media;
mod opening;
mod privacy;
mod serve;
mod signature;
mod simulated;
mod takeover;
mod webhook;
