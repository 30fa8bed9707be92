//! Text on its way to a voice.
//!
//! A model writes a reply in deltas of a few letters. [`Clauses`] cuts them into pieces that can be
//! spoken one by one, the first of them early; [`speakable`] takes out of a clause what is made for
//! the eye.
//!
//! ```
//! use voicekit_core::text::{Clauses, speakable};
//!
//! let mut clauses = Clauses::default();
//! assert_eq!(clauses.push("**Yes**, Dr. Smith is in. Shall"), ["**Yes**, Dr. Smith is in. "]);
//! assert_eq!(clauses.push(" I put you through?"), [""; 0]);
//! assert_eq!(clauses.flush(), ["Shall I put you through?"]);
//! assert_eq!(speakable("**Yes**, Dr. Smith is in. "), "Yes, Dr. Smith is in.");
//! ```

mod abbreviations;
mod clauses;
mod speakable;

pub use clauses::{Clauses, ClausesConfig};
pub use speakable::speakable;
