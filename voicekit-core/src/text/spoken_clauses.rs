//! A reply as the clauses that a voice speaks.

use super::speakable::Filter;
use super::{Clauses, ClausesConfig};

/// One reply of a model, cut into clauses and freed of markup while it is being written.
///
/// Cuts as [`Clauses`] does and speaks what [`speakable`](super::speakable()) does, but knows the
/// whole reply: code, comments, tags, links and parentheses that a clause leaves open go on in the
/// next.
///
/// # Invariants
///
/// - The clauses, joined, are `speakable` of the text, apart from white space, and from a comma
///   where the text ends with a line end.
/// - They do not depend on how the text was split into deltas.
/// - Every clause has something to pronounce. It ends with a space if another may follow.
///
/// A tag or character reference that a clause cuts in two is decided when its end is known, at most
/// 400 characters later.
///
/// ```
/// use voicekit_core::text::SpokenClauses;
///
/// let mut clauses = SpokenClauses::default();
/// assert_eq!(clauses.push("Like **this**:\n```sh\nls"), ["Like this: "]);
/// assert_eq!(clauses.push(" -la\n```\nDone."), [""; 0]);
/// assert_eq!(clauses.flush(), ["Done."]);
/// ```
#[derive(Debug, Clone, Default)]
pub struct SpokenClauses {
    clauses: Clauses,
    filter: Filter,
}

impl SpokenClauses {
    /// Creates an empty reply.
    pub fn new(config: ClausesConfig) -> Self {
        Self { clauses: Clauses::new(config), filter: Filter::default() }
    }

    /// Appends what the model wrote and returns the clauses that it completes, often none.
    pub fn push(&mut self, delta: &str) -> Vec<String> {
        let spoken = self.clauses.push(delta).into_iter().map(|clause| self.filter.clause(&clause));
        spoken.filter(|clause| !clause.is_empty()).collect()
    }

    /// Ends the reply: returns the rest of it, and begins a new one.
    pub fn flush(&mut self) -> Vec<String> {
        let mut clauses = self.clauses.flush();
        let last = clauses.pop().unwrap_or_default();
        let mut spoken: Vec<String> =
            clauses.iter().map(|clause| self.filter.clause(clause)).collect();
        spoken.push(self.filter.last_clause(&last));
        spoken.retain(|clause| !clause.is_empty());
        spoken
    }

    /// Drops what was not returned yet, and begins a new reply.
    pub fn reset(&mut self) {
        self.clauses.reset();
        self.filter = Filter::default();
    }
}
