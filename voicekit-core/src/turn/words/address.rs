//! E-mail and web addresses as they are said and as recognizers write them.

use super::dictated::{DOMAINS, Dictated};
use super::dictation::{contains_word, ends_with_word};
use super::language::{Language, is_ideograph, normalise, starts_with_phrase};

/// An address has so many words at most, from its sign or from what announces it.
const LONGEST: usize = 8;

/// Whether `text` ends in an address that may go on; `None` if it ends in none.
pub(super) fn is_unfinished(language: &Language, text: &str) -> Option<bool> {
    let lists = language.dictated;
    let lower = text.to_lowercase();
    if let Some((_, after)) = lower.rsplit_once('@') {
        let mut words = after.split_whitespace();
        let domain = words.next().filter(|_| !after.starts_with(char::is_whitespace));
        let whole = domain.is_some_and(is_domain);
        if words.next().is_none() && !after.is_empty() {
            return Some(!whole);
        }
        return if whole { None } else { is_domain_unfinished(lists, &normalise(after)) };
    }
    if lower.split_whitespace().next_back().is_some_and(is_domain) {
        return Some(false);
    }
    let words = normalise(text);
    if let Some(domain) = after_sign(lists, &words) {
        return is_domain_unfinished(lists, domain);
    }
    if ends_in_a_sign(lists, &words) || is_announced(lists, &words) {
        return Some(true);
    }
    dotted(lists, &words)
}

/// "example.com" in writing.
fn is_domain(domain: &str) -> bool {
    let domain = domain.trim_end_matches(|c: char| !c.is_alphanumeric());
    domain.rsplit_once('.').is_some_and(|(_, last)| DOMAINS.contains(&last))
}

/// What was said after the sign of an e-mail address, if there is one.
fn after_sign<'a>(lists: &Dictated, words: &'a str) -> Option<&'a str> {
    let end = last_of(lists.at, words).or_else(|| {
        let end = last_of(lists.maybe_at, words)?;
        let signs = lists.dot.iter().chain(lists.signs).any(|sign| contains_word(words, sign));
        let before = words[..end].rsplit_once(' ').map_or("", |(before, _)| before);
        (signs || is_announced(lists, before)).then_some(end)
    })?;
    Some(words[end..].trim_start())
}

/// Where the last of some words ends in normalised text.
fn last_of(wanted: &[&str], words: &str) -> Option<usize> {
    let ends = wanted.iter().filter_map(|word| {
        let found = words.match_indices(word).map(|(at, _)| at);
        found.filter(|at| is_word(words, *at, at + word.len())).max().map(|at| at + word.len())
    });
    ends.max()
}

/// Whether what stands between two places of normalised text is a word.
fn is_word(words: &str, start: usize, end: usize) -> bool {
    let before = words[..start].chars().next_back();
    let after = words[end..].chars().next();
    let apart = |c: Option<char>| c.is_none_or(|c| c == ' ' || is_ideograph(c));
    words[start..].starts_with(is_ideograph) || (apart(before) && apart(after))
}

/// Whether a domain that is said may go on; `None` if the caller has gone on to something else.
fn is_domain_unfinished(lists: &Dictated, domain: &str) -> Option<bool> {
    let Some(end) = last_of(lists.dot, domain) else {
        return (domain.split(' ').count() <= LONGEST).then_some(true);
    };
    let mut words = domain[end..].split_whitespace();
    let first = words.next().unwrap_or_default();
    if DOMAINS.contains(&first) {
        return if words.next().is_none() { Some(false) } else { None };
    }
    let letters: String = domain[end..].split(' ').take_while(|word| word.len() <= 1).collect();
    if DOMAINS.contains(&letters.as_str()) && domain.ends_with(&letters[letters.len() - 1..]) {
        return Some(false);
    }
    (domain.split(' ').count() <= LONGEST).then_some(true)
}

fn ends_in_a_sign(lists: &Dictated, words: &str) -> bool {
    let signs = lists.dot.iter().chain(lists.signs).chain(lists.maybe_at);
    let sign = signs.filter(|sign| ends_with_word(words, sign));
    let Some(sign) = sign.max_by_key(|sign| sign.len()) else { return false };
    let before = words[..words.len() - sign.len()].trim_end();
    // 七点 is seven o'clock.
    let counted = sign.starts_with(is_ideograph) && before.ends_with(is_ideograph);
    !counted && !lists.articles.iter().any(|article| ends_with_word(before, article))
}

/// "My e-mail is jane": nothing of the sign yet.
fn is_announced(lists: &Dictated, words: &str) -> bool {
    let Some(end) = last_of(lists.email, words) else { return false };
    let after = words[end..].trim_start();
    let noun = ["address", "adresse", "electrónico", "地址"].into_iter();
    let after =
        noun.filter_map(|noun| after.strip_prefix(noun)).next().unwrap_or(after).trim_start();
    let rest = lists.is.iter().find_map(|is| {
        let rest = after.strip_prefix(is)?;
        let apart = rest.is_empty() || rest.starts_with(' ') || is.starts_with(is_ideograph);
        apart.then(|| rest.trim_start())
    });
    rest.is_some_and(|rest| {
        rest.split(' ').count() <= LONGEST
            && !lists.no_address.iter().any(|no| starts_with_phrase(rest, no))
    })
}

/// "jane dot doe", which is the beginning of an address, or "example dot com", which is one.
fn dotted(lists: &Dictated, words: &str) -> Option<bool> {
    if !contains_word(words, "dot") {
        return None;
    }
    let (before, after) = words.rsplit_once("dot ")?;
    if before.is_empty() || after.split(' ').count() > LONGEST / 2 {
        return None;
    }
    is_domain_unfinished(lists, &format!("dot {after}"))
}
