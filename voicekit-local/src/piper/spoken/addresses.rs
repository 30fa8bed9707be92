//! E-mail and web addresses, file names and handles.

use super::numbers::digits;
use super::token::{Said, Text};

const DOMAINS: &[&str] = &[
    "com", "org", "net", "edu", "gov", "io", "dev", "co", "uk", "de", "fr", "es", "it", "at", "ch",
    "eu", "us", "ca", "au", "nl", "be", "info", "biz", "app", "ai", "shop", "online", "me", "tv",
    "pl", "se", "no", "dk", "fi", "pt", "ie", "in", "jp", "br", "mx", "nz", "example", "store",
    "health", "cloud", "tech", "xyz", "local", "test",
];
const FILES: &[&str] = &[
    "pdf", "docx", "doc", "xlsx", "csv", "txt", "jpg", "jpeg", "png", "gif", "zip", "html", "js",
    "mp3", "mp4", "wav", "exe", "json", "xml",
];

/// The written word at `at`, if it is an address.
pub(super) fn address(text: &Text<'_>, at: usize) -> Option<Said> {
    let word = &text.words[text.tokens[at].word];
    Some(Said::new(spoken(word.core)?, text.word_end(at)))
}

fn spoken(core: &str) -> Option<String> {
    let bare = ["https://", "http://", "ftp://", "mailto:"]
        .iter()
        .find_map(|scheme| strip_prefix_any_case(core, scheme))
        .unwrap_or(core);
    if let Some(handle) = core.strip_prefix('@').filter(|handle| is_name(handle)) {
        return Some(format!("at {}", marks(handle)));
    }
    if let Some(tag) = core.strip_prefix('#').filter(|tag| tag.starts_with(char::is_alphabetic)) {
        return Some(format!("hashtag {}", marks(tag)));
    }
    let host = bare.split(['/', '?', '#', ':']).next().unwrap_or(bare);
    let labels: Vec<&str> = host.split('.').collect();
    // "today.In" lacks a space; "EXAMPLE.COM" is an address.
    let shouts = !host.contains(char::is_lowercase);
    let top =
        labels.last().map(|top| if shouts { top.to_ascii_lowercase() } else { (*top).to_owned() });
    let top = top.unwrap_or_default();
    let are_labels = labels.len() > 1 && labels.iter().all(|label| is_name(label));
    let known = are_labels && (DOMAINS.contains(&top.as_str()) || FILES.contains(&top.as_str()));
    let mail = core
        .split_once('@')
        .is_some_and(|(name, host)| !name.is_empty() && host.contains('.') && !host.ends_with('.'));
    let is_local = bare.starts_with("localhost:");
    let is_marked = bare.len() < core.len() || core.starts_with("www.") || is_local;
    let is_dotted = labels.iter().all(|label| label.chars().count() == 1);
    (mail || is_marked || known && !is_dotted).then(|| marks(bare.trim_end_matches('/')))
}

fn strip_prefix_any_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let head = text.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then(|| &text[prefix.len()..])
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_')
}

/// An address with the names of its marks.
fn marks(address: &str) -> String {
    let mut said = String::new();
    for c in address.chars() {
        match c {
            '.' => said.push_str(" dot "),
            '@' => said.push_str(" at "),
            '-' => said.push_str(" dash "),
            '_' => said.push_str(" underscore "),
            '/' => said.push_str(" slash "),
            '+' => said.push_str(" plus "),
            '?' => said.push_str(" question mark "),
            '=' => said.push_str(" equals "),
            '&' => said.push_str(" and "),
            '#' => said.push_str(" hash "),
            ':' => said.push_str(" colon "),
            '%' => said.push_str(" percent "),
            '0'..='9' => said.push_str(&format!(" {} ", digits(&c.to_string()))),
            c if c.is_alphanumeric() => said.push(c),
            _ => said.push(' '),
        }
    }
    let words = said.split_whitespace().map(|part| match part {
        "www" => "w w w".to_owned(),
        part if FILES.contains(&part) && part.len() <= 4 && part != "html" => spelled(part),
        part => part.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

fn spelled(word: &str) -> String {
    let letters = word.chars().map(|c| c.to_ascii_uppercase().to_string());
    letters.collect::<Vec<_>>().join(" ")
}
