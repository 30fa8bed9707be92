//! Names of tools that every model accepts.

use std::collections::BTreeSet;

/// Longest name, in characters (OpenAI and Anthropic alike).
const LONGEST: usize = 64;

/// The name with what models do not accept in names replaced, at most 64 characters.
pub(crate) fn fitting(name: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let name: String = name.chars().map(|c| if fits(c) { c } else { '_' }).take(LONGEST).collect();
    if name.chars().all(|c| c == '_') { "tool".to_owned() } else { name }
}

/// The name, with a number behind it if it is taken.
pub(crate) fn unique(name: &str, taken: &BTreeSet<String>) -> String {
    let numbered = (2_u64..).map(|number| {
        let end = format!("_{number}");
        name.chars().take(LONGEST - end.len()).collect::<String>() + &end
    });
    let mut all = std::iter::once(name.to_owned()).chain(numbered);
    all.find(|name| !taken.contains(name)).unwrap_or_default()
}

/// Whether models accept the name.
pub(crate) fn is_fitting(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    (1..=LONGEST).contains(&name.len()) && name.chars().all(fits)
}
