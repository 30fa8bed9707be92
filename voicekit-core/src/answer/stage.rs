//! Stage directions: what a model does instead of saying something.
//!
//! A phrase is one if its first word that carries meaning is a verb of the stage, such as
//! `laughs`. Words that are also common in what is really said (`checks`, `looks`) count only where
//! a sentence begins, and verbs that need an object (`clears`, `takes`) only with it.

use super::stage_words::{AMBIGUOUS, CERTAIN, CHINESE, DELIVERY, LEADING, MANNER, WITH_OBJECT};

/// What the phrase stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `*laughs*`, `_laughs_`, `**laughs**`. Emphasis looks the same.
    Emphasis,
    /// `[laughs]`.
    Brackets,
    /// `(laughs)`.
    Parentheses,
}

/// The most words of a stage direction.
const MOST_WORDS: usize = 10;

/// Whether `inner` is a stage direction, after the last character `before` that is not blank.
pub(super) fn is_direction(inner: &str, form: Form, before: Option<char>) -> bool {
    let inner = inner.trim_matches(is_decoration);
    let chinese = CHINESE.iter().any(|word| inner.contains(word));
    if chinese && inner.chars().count() <= 8 {
        return true;
    }
    let words = words(inner);
    if words.is_empty() || words.len() > MOST_WORDS {
        return false;
    }
    let is_delivery = |word: &String| DELIVERY.contains(&word.as_str()) || is_leading(word);
    let delivers = words.iter().any(|word| DELIVERY.contains(&word.as_str()));
    if form != Form::Emphasis && delivers && words.iter().all(is_delivery) {
        return true;
    }
    let manner = words.last().is_some_and(|last| MANNER.contains(&last.as_str()));
    if manner && words.len() > 1 && (form != Form::Emphasis || words[0] == "in") {
        return words.iter().any(|word| DELIVERY.contains(&word.as_str()) || word == "in");
    }
    let Some(at) = words.iter().position(|word| !is_leading(word)) else { return false };
    let head = words[at].as_str();
    if CERTAIN.contains(&head) {
        return true;
    }
    if let Some((_, objects)) = WITH_OBJECT.iter().find(|(verb, _)| *verb == head) {
        return words[at + 1..].iter().any(|word| objects.contains(&word.as_str()));
    }
    let begins = before.is_none_or(|c| !c.is_alphanumeric());
    AMBIGUOUS.contains(&head) && begins
}

/// Whether `inner`, which is not closed yet, may become one.
pub(super) fn could_be(inner: &str) -> bool {
    let inner = inner.trim_start_matches(is_decoration);
    if inner.is_empty() || inner.starts_with(|c: char| ('\u{3400}'..='\u{9FFF}').contains(&c)) {
        return inner.chars().count() <= 8;
    }
    let words = words(inner);
    if words.len() > MOST_WORDS {
        return false;
    }
    let is_cut = inner.ends_with(|c: char| c.is_alphanumeric() || c == '-' || c == '\'');
    let Some(at) = words.iter().position(|word| !is_leading(word)) else { return true };
    let head = words[at].as_str();
    let is_partial = is_cut && at + 1 == words.len();
    let fits = |word: &str| if is_partial { word.starts_with(head) } else { word == head };
    let lists = [CERTAIN, AMBIGUOUS, DELIVERY, LEADING, MANNER];
    lists.iter().any(|list| list.iter().any(|word| fits(word)))
        || WITH_OBJECT.iter().any(|(verb, _)| fits(verb))
}

/// Whether `<name>` is one, as some voices take them: `<laugh>`.
pub(super) fn is_tag(name: &str) -> bool {
    CERTAIN.contains(&name)
}

fn is_leading(word: &str) -> bool {
    LEADING.contains(&word) || (word.len() > 4 && word.ends_with("ly"))
}

fn is_decoration(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, '*' | '_' | '(' | ')' | '[' | ']' | '.' | '!' | '…' | '"' | '~' | ':')
}

fn words(text: &str) -> Vec<String> {
    let is_inside = |c: char| c.is_alphanumeric() || c == '-' || c == '\'' || c == '’';
    let words = text.split(|c| !is_inside(c)).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}
