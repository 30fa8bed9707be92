//! Text on its way to a TTS voice.
//!
//! A model writes a reply in deltas of a few letters. [`SpokenClauses`] cuts them into clauses that
//! can be spoken one by one, the first of them early, and removes markup. [`Clauses`] cuts only;
//! [`speakable`] removes the markup of a whole text.
//!
//! ```
//! use voicekit_core::text::{Clauses, SpokenClauses};
//!
//! let mut spoken = SpokenClauses::default();
//! assert_eq!(spoken.push("**Yes**, Dr. Smith is in. Shall"), ["Yes, ", "Dr. Smith is in. "]);
//! assert_eq!(spoken.push(" I put you through?"), [""; 0]);
//! assert_eq!(spoken.flush(), ["Shall I put you through?"]);
//!
//! let mut clauses = Clauses::default();
//! assert_eq!(clauses.push("**Yes**, Dr. Smith is in. Shall"), ["**Yes**, ", "Dr. Smith is in. "]);
//! ```

mod abbreviations;
mod clauses;
mod joints;
mod markup;
mod speakable;
mod spoken_clauses;
mod words;

pub use clauses::{Clauses, ClausesConfig};
pub use speakable::speakable;
pub use spoken_clauses::SpokenClauses;
