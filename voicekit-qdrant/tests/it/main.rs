//! The adapter against a server in memory that keeps to Qdrant's OpenAPI description.
//!
//! What is held, by number:
//!
//!  1. the collection is made; a race, other dimensions, another distance: `collection`
//!  2. payload indexes, made once and before points: `collection`
//!  3. ids follow from tenant and chunk, writing again adds nothing: `write`
//!  4. batches by count and bytes: `write`
//!  5. payloads, order, threshold, limit: `search`
//!  6. the tenant in every filter, nothing of another's: `search`, `write`
//!  7. the bodies of requests, no threshold on ranks: `search`, `collection`, `write`
//!  8. collections with dense vectors only, and those of others: `search`, `foreign`
//!  9. what each refusal means, plain text included: `failures`
//! 10. a time limit on the whole search: `failures`; going on without passages is
//!     `voicekit::knowledge`'s
//! 11. what is tried again and when: `failures`
//! 12. the key is seen nowhere; a warning where it goes in clear: `failures`
//! 13. deleting by filter, scrolling to the end: `write`
//! 14. servers that are too old: `collection`
//! 15. unknown fields, points without a payload: `failures`
//! 16. names of collections with special characters: `collection`
//! 17. one client shared by many: `failures`
//!
//! The contracts of the traits are checked in `contract`; against a server of one's own, by the
//! example `check`.

#![allow(clippy::unwrap_used)]

mod collection;
mod contract;
mod failures;
mod foreign;
mod mutated;
mod search;
mod service;
mod write;
