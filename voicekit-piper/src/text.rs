//! Clauses as the server takes them.

/// `clause` on one line; `None` if there is nothing to pronounce in it, which the server would
/// answer with an error.
pub(crate) fn utterance(clause: &str) -> Option<String> {
    if !clause.chars().any(char::is_alphanumeric) {
        return None;
    }
    let words = clause.split(|c: char| c.is_whitespace() || c.is_control());
    Some(words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" "))
}
