//! As much of YAML as names a page.
//!
//! Front matter is often not quite YAML, such as titles with colons, which generators accept. Lines
//! are read one by one, so that such a page is read, too.

/// Whether the lines between two `---` are keys with values, and not text between two rules.
pub(super) fn is_mapping(inner: &str) -> bool {
    let begins_empty = inner.lines().next().is_some_and(|line| line.trim().is_empty());
    let mut keys = 0;
    let mut spaced = false;
    for line in inner.lines() {
        let nested = line.starts_with([' ', '\t']) || line.trim().is_empty();
        if nested || line.starts_with('#') || line.starts_with("- ") || line.trim() == "-" {
            continue;
        }
        if key(line).is_some() {
            keys += 1;
        } else if is_spaced_key(line) {
            spaced = true;
        } else if !line.starts_with(['}', ']']) {
            return false;
        }
    }
    // Text has labels of several words, too, but none of the keys of front matter.
    let known = !spaced || inner.lines().filter_map(key).any(|(key, _)| is_usual(key));
    !begins_empty && ((keys > 0 && known) || inner.trim().is_empty())
}

/// Whether a line begins with a key of some words, as `Last updated: today`.
fn is_spaced_key(line: &str) -> bool {
    line.split_once(": ").is_some_and(|(key, _)| {
        (2..=4).contains(&key.split(' ').count())
            && key.chars().all(|c| c.is_alphanumeric() || matches!(c, ' ' | '_' | '-'))
    })
}

/// Whether a key is one that most site generators know.
fn is_usual(key: &str) -> bool {
    let usual = [
        "title",
        "layout",
        "tags",
        "date",
        "slug",
        "draft",
        "permalink",
        "categories",
        "category",
        "aliases",
        "author",
        "weight",
        "cssclass",
        "cssclasses",
        "id",
        "publish",
        "description",
    ];
    usual.iter().any(|one| key.eq_ignore_ascii_case(one))
}

/// The key of a line, and what follows it.
fn key(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once(':')?;
    let quoted = key.len() > 2 && key.starts_with(['"', '\'']);
    let plain = !key.is_empty()
        && key
            .trim_end()
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '@' | '$'));
    let ends = value.is_empty() || value.starts_with([' ', '\t']) || value.starts_with(['"', '\'']);
    ((quoted || plain) && ends).then(|| (key.trim().trim_matches(['"', '\'']), value.trim()))
}

/// The title among the keys of a mapping.
pub(super) fn title(inner: &str) -> Option<String> {
    let lines: Vec<&str> = inner.lines().collect();
    ["title", "name", "linktitle", "nav_title", "sidebar_label", "pagetitle", "heading"]
        .iter()
        .find_map(|wanted| {
            let named =
                |line: &&str| key(line).is_some_and(|(key, _)| key.eq_ignore_ascii_case(wanted));
            let place = lines.iter().position(named)?;
            let (_, value) = key(lines[place])?;
            value_of(value, &lines[place + 1..])
        })
}

/// A value that begins in its key's line and may go on below it.
fn value_of(value: &str, below: &[&str]) -> Option<String> {
    let value = unmarked(value);
    let within =
        below.iter().take_while(|line| line.trim().is_empty() || line.starts_with([' ', '\t']));
    let within: Vec<&str> =
        within.map(|line| line.trim()).filter(|line| !line.is_empty()).collect();
    if value.starts_with(['>', '|']) && !value.contains(' ') {
        return Some(within.join(" ")).filter(|text| !text.is_empty());
    }
    if value.is_empty() || value.starts_with('#') {
        // The first of several languages.
        let first = within.first()?;
        return match key(first) {
            Some((_, value)) => scalar(value),
            None => scalar(first.trim_start_matches("- ")),
        };
    }
    if value.starts_with(['{', '[']) {
        return None;
    }
    let all = std::iter::once(value).chain(within).collect::<Vec<_>>().join(" ");
    scalar(&all)
}

/// A value without its tag and anchor.
fn unmarked(value: &str) -> &str {
    let mut value = value.trim();
    while value.starts_with(['!', '&']) {
        value = value.split_once(' ').map_or("", |(_, rest)| rest.trim_start());
    }
    value
}

/// The text of a quoted or plain value; `None` for none.
pub(super) fn scalar(value: &str) -> Option<String> {
    let value = unmarked(value);
    let text = if let Some(inner) = value.strip_prefix('"') {
        escaped(inner)
    } else if let Some(inner) = value.strip_prefix('\'') {
        single(inner)
    } else {
        let plain = value.find(" #").map_or(value, |comment| &value[..comment]);
        plain.trim().to_owned()
    };
    let none = ["", "~", "null", "Null", "NULL"].contains(&text.trim());
    (!none).then(|| text.trim().to_owned())
}

/// The text up to the closing quote, where two quotes are one.
fn single(inner: &str) -> String {
    let mut text = String::new();
    let mut chars = inner.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\'' && chars.next_if_eq(&'\'').is_none() {
            break;
        }
        text.push(c);
    }
    text
}

/// The text up to the closing quote, with what backslashes stand for.
fn escaped(inner: &str) -> String {
    let mut text = String::new();
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => break,
            '\\' => match chars.next() {
                Some('n' | 't' | 'r') => text.push(' '),
                Some(code @ ('u' | 'x' | 'U')) => {
                    let length = match code {
                        'x' => 2,
                        'u' => 4,
                        _ => 8,
                    };
                    let digits: String = chars.by_ref().take(length).collect();
                    let code = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
                    text.push(code.unwrap_or(char::REPLACEMENT_CHARACTER));
                }
                Some(other) => text.push(other),
                None => {}
            },
            _ => text.push(c),
        }
    }
    text
}
