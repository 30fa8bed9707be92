//! Marks that name the source of a sentence.

use super::marks::{Context, Mark};

/// Words with which a citation begins.
const WORDS: &[&str] = &[
    "citation",
    "citations",
    "cite",
    "cites",
    "cit",
    "source",
    "sources",
    "src",
    "ref",
    "refs",
    "reference",
    "references",
    "doc",
    "docs",
    "document",
    "footnote",
    "passage",
    "chunk",
    "quelle",
    "quellen",
    "fuente",
    "fuentes",
    "fonte",
    "fonti",
];

/// Tags around the name of a source.
const SOURCES: &[&str] = &["ref", "source", "sources", "references", "citation", "citations"];

/// The longest citation in tags, in bytes.
const LONGEST: usize = 300;

/// Whether `[inner]` is a citation: `[1]`, `[^1]`, `[citation:3]`, `[Source: hours.md]`.
pub(super) fn in_brackets(inner: &str) -> bool {
    let inner = inner.trim();
    let is_footnote = inner.strip_prefix('^').is_some_and(|name| !name.is_empty());
    is_footnote
        || inner.contains('†')
        || is_numbers(inner)
        || is_named(inner, true)
        || is_address(inner)
        || is_search(inner)
}

/// Whether `【inner】` is one. These brackets are quotation marks as well.
pub(super) fn in_lenses(inner: &str) -> bool {
    inner.contains('†') || is_numbers(inner) || is_named(inner.trim(), true) || is_search(inner)
}

/// Whether `(inner)` is one: only if it says so, since numbers in parentheses are content.
pub(super) fn in_parentheses(inner: &str) -> bool {
    let inner = inner.trim();
    let inner = strip_word(inner, "see").unwrap_or(inner);
    is_named(inner, false) || inner.contains('†')
}

/// Whether `inner`, which is not closed yet, may become one.
pub(super) fn could_be(open: Option<char>, inner: &str) -> bool {
    let inner = inner.trim_start().to_ascii_lowercase();
    let inner = strip_word(&inner, "see").unwrap_or(&inner);
    if open == Some('【') {
        return inner.len() <= 60;
    }
    let is_bracket = open == Some('[');
    let first: String = inner.chars().take_while(|c| c.is_alphabetic()).collect();
    let is_word = match first.len() == inner.len() {
        true => WORDS.iter().chain(&["see"]).any(|word| word.starts_with(&first)),
        false => WORDS.contains(&&*first),
    };
    let is_marked = inner.starts_with(['^', '†']) || inner.contains('†');
    let is_address = "https://".starts_with(inner)
        || "http://".starts_with(inner)
        || inner.starts_with("http")
        || "turn".starts_with(inner)
        || inner.starts_with("turn");
    let is_number = inner.chars().all(is_of_number) || inner.contains('†');
    is_word || is_bracket && (is_marked || is_address || is_number)
}

/// A tag of citations: `<cite>`, `<sup>1</sup>`, `<ref>…</ref>`, `<co: 0>`.
pub(super) fn tag(text: &str, name: &str, is_closing: bool, context: Context<'_>) -> Option<Mark> {
    if !context.filter.citations {
        return None;
    }
    let is_source = SOURCES.contains(&name);
    let is_around_text = matches!(name, "cite" | "co:" | "co" | "antml:cite" | "grounding");
    if !is_source && !is_around_text && name != "sup" {
        return None;
    }
    let Some(head) = text.find('>') else { return Some(wait_or_text(text)) };
    if is_closing {
        return Some(if name == "sup" { Mark::Text(1) } else { Mark::Remove(head + 1) });
    }
    let is_power = name == "sup" && context.before.is_some_and(|c| c.is_numeric());
    if is_power {
        return Some(Mark::Text(1));
    }
    if text[..head].ends_with('/') {
        return Some(Mark::Remove(head + 1));
    }
    let closing = format!("</{name}");
    let rest = &text[head + 1..];
    let lower = rest.to_ascii_lowercase();
    let found = lower.find(&closing).and_then(|at| Some((at, at + rest[at..].find('>')? + 1)));
    let Some((inner, whole)) = found else {
        // What it is around may be as long as a sentence: that is the answer.
        let before_tag = rest.split('<').next().unwrap_or_default();
        let could = is_source || before_tag.chars().all(is_of_number);
        return Some(match could && rest.len() <= LONGEST && !context.ended {
            true => Mark::Wait,
            false if name == "sup" => Mark::Text(1),
            false => Mark::Remove(head + 1),
        });
    };
    let inner = rest[..inner].trim();
    let is_mark =
        is_source || inner.is_empty() || is_numbers(inner) || in_brackets(unbracketed(inner));
    Some(match is_mark {
        true => Mark::Remove(head + 1 + whole),
        false if name == "sup" => Mark::Text(1),
        false => Mark::Remove(head + 1),
    })
}

fn wait_or_text(text: &str) -> Mark {
    if text.len() > LONGEST { Mark::Text(1) } else { Mark::Wait }
}

fn unbracketed(text: &str) -> &str {
    text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text)
}

/// Numbers of sources, and what stands between them.
fn is_numbers(inner: &str) -> bool {
    inner.len() <= 24 && inner.chars().all(is_of_number) && inner.contains(|c: char| c.is_numeric())
}

fn is_of_number(c: char) -> bool {
    c.is_numeric() || matches!(c, ' ' | ',' | ';' | '-' | '–' | ':' | '#' | '[' | ']')
}

/// A word such as `source`, and which one. A bare word counts if `alone`.
fn is_named(inner: &str, alone: bool) -> bool {
    let lower = inner.to_lowercase();
    let end = lower.find(|c: char| !c.is_alphabetic()).unwrap_or(lower.len());
    let (word, rest) = lower.split_at(end);
    if !WORDS.contains(&word) {
        return false;
    }
    let rest = rest.trim_start_matches(['.', '_']);
    match rest.chars().next() {
        None => alone,
        Some(':' | '#' | '[' | '†') => true,
        Some(c) if c.is_numeric() => true,
        Some('-') => rest[1..].starts_with(|c: char| c.is_numeric()),
        Some(_) => {
            let next = rest.trim_start();
            next.starts_with(|c: char| c.is_numeric() || c == '#') || is_file(next)
        }
    }
}

fn is_file(text: &str) -> bool {
    let ends = [".md", ".pdf", ".txt", ".html", ".docx", ".csv", ".json"];
    !text.contains(' ') && ends.iter().any(|end| text.ends_with(end))
}

fn is_address(inner: &str) -> bool {
    inner.starts_with("http://") || inner.starts_with("https://")
}

/// `turn0search1`, as search tools number their results.
fn is_search(inner: &str) -> bool {
    let Some(rest) = inner.trim().strip_prefix("turn") else { return false };
    rest.starts_with(|c: char| c.is_ascii_digit())
        && (rest.contains("search") || rest.contains("news") || rest.contains("view"))
}

fn strip_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let start = text.get(..word.len())?;
    let rest = &text[word.len()..];
    (start.eq_ignore_ascii_case(word) && rest.starts_with(' ')).then(|| rest.trim_start())
}
