//! Boxes, folds and tabs that dialects of Markdown add to it.

/// What begins a box.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Opening<'a> {
    /// What is indented below the line is in the box.
    Indented(&'a str),
    /// The box goes on to a line of colons.
    Fenced(&'a str),
    /// The line of colons ends the last box.
    End,
}

/// The box that a line without its indentation begins or ends, and its title.
pub(super) fn opening(line: &str) -> Option<Opening<'_>> {
    for mark in ["!!!", "???+", "???"] {
        if let Some(rest) = line.strip_prefix(mark)
            && rest.starts_with([' ', '\t'])
            && rest.trim_start().starts_with(|c: char| c.is_alphanumeric() || c == '"')
        {
            return Some(Opening::Indented(quoted(rest).unwrap_or_default()));
        }
    }
    for mark in ["===!", "===+", "==="] {
        if let Some(rest) = line.strip_prefix(mark)
            && let Some(title) =
                Some(rest.trim()).filter(|rest| rest.starts_with('"')).and_then(quoted)
        {
            return Some(Opening::Indented(title));
        }
    }
    let rest = line.trim_start_matches(':');
    if line.len() - rest.len() < 3 {
        return None;
    }
    let rest = rest.trim().trim_end_matches(':').trim_end();
    if rest.is_empty() { Some(Opening::End) } else { Some(Opening::Fenced(container_title(rest))) }
}

/// `tip Title`, `tip[Title]{…}`, `note{title="Title"}` or `{.callout title="Title"}`.
fn container_title(text: &str) -> &str {
    let kind = text.find(|c: char| !(c.is_alphanumeric() || matches!(c, '-' | '_')));
    let rest = text[kind.unwrap_or(text.len())..].trim();
    if let Some(inner) = rest.strip_prefix('[') {
        return inner.split(']').next().unwrap_or_default();
    }
    if rest.starts_with('{') {
        let attributes = rest.trim_start_matches('{').split('}').next().unwrap_or_default();
        let after = rest.split_once('}').map_or("", |(_, after)| after.trim());
        return attribute(attributes, &["title", "label", "name", "caption"]).unwrap_or(after);
    }
    let rest = rest.split('{').next().unwrap_or_default().trim();
    quoted(rest).filter(|_| rest.starts_with('"')).unwrap_or(rest)
}

/// The text between the first quotes.
pub(super) fn quoted(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once('"')?;
    rest.rsplit_once('"').or_else(|| rest.split_once('"')).map(|(inner, _)| inner)
}

/// The value of the first of these attributes that is there.
pub(super) fn attribute<'a>(text: &'a str, names: &[&str]) -> Option<&'a str> {
    names.iter().find_map(|name| {
        let mut places = text.match_indices(name);
        places.find_map(|(place, _)| {
            let begins = text[..place].chars().last().is_none_or(|c| c.is_whitespace() || c == '{');
            let value =
                text[place + name.len()..].trim_start().strip_prefix(['=', ':'])?.trim_start();
            let quote = value.chars().next().filter(|c| matches!(c, '"' | '\'' | '`'))?;
            begins.then(|| value[1..].split(quote).next())?
        })
    })
}

/// The title of a callout such as `[!faq]- Title`, without the marks of its quote; `None` if it is
/// none.
pub(super) fn callout(text: &str) -> Option<&str> {
    let (kind, rest) = text.trim_start().strip_prefix("[!")?.split_once(']')?;
    let named = !kind.is_empty()
        && kind.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '|' | ' '));
    named.then(|| rest.trim_start_matches(['+', '-']).trim())
}

/// What stands alone in a line of a template may be the title of what is below it.
pub(super) fn template_title(call: &str) -> Option<&str> {
    let titles = ["title", "caption", "header", "label", "summary", "question", "heading", "name"];
    if let Some(title) = attribute(call, &titles) {
        return Some(title);
    }
    let folds = [
        "details",
        "expand",
        "fold",
        "collapse",
        "accordion",
        "spoiler",
        "tab",
        "faq",
        "notice",
        "alert",
        "hint",
        "callout",
        "admonition",
    ];
    let name = call.trim_start_matches(['{', '<', '%', '-', ' ']).split_whitespace().next()?;
    let is_fold = folds.iter().any(|fold| name.starts_with(fold));
    let quoted = call.split_once('"').and_then(|(_, rest)| rest.split('"').next());
    quoted.filter(|text| {
        is_fold && (text.contains(' ') || name.starts_with("tab")) && !call.contains('=')
    })
}
