//! Front matter: what a page says of itself before its text.

use super::super::json;
use super::yaml;

/// What MultiMarkdown and others write above a page without a fence around it.
const FIRST: &[&str] =
    &["title", "author", "authors", "date", "css", "slug", "layout", "base header level"];
/// What may follow on it.
const METADATA: &[&str] = &[
    "title",
    "author",
    "authors",
    "date",
    "css",
    "slug",
    "tags",
    "category",
    "categories",
    "summary",
    "lang",
    "language",
    "layout",
    "keywords",
    "status",
    "template",
    "description",
    "base header level",
    "affiliation",
    "copyright",
    "subtitle",
    "modified",
    "id",
    "permalink",
    "draft",
    "weight",
];

/// The title that a page gives itself, and what is below its front matter.
pub(super) fn split(text: &str) -> (Option<String>, &str) {
    let start = text.trim_start_matches(['\u{feff}', ' ', '\n', '\t']);
    // Four spaces are code.
    let indented = text.len() > start.len() && text[..text.len() - start.len()].ends_with("    ");
    if indented {
        return (None, text);
    }
    let found = fenced(start)
        .or_else(|| in_json(start))
        .or_else(|| title_block(start))
        .or_else(|| headers(start));
    let (title, rest) = found.unwrap_or((None, text));
    (title.filter(|title| !title.contains("{{") && !title.contains("{%")), rest)
}

/// `---`, `+++` or `;;;` around YAML, TOML or JSON.
fn fenced(text: &str) -> Option<(Option<String>, &str)> {
    let (first, rest) = text.split_once('\n')?;
    let fence = first.get(..3).filter(|fence| matches!(*fence, "---" | "+++" | ";;;"))?;
    let kind = first[3..].trim().to_ascii_lowercase();
    let ends = |line: &str| {
        let line = line.trim_end();
        line == fence || (fence == "---" && line == "...")
    };
    let mut place = 0;
    let inner = loop {
        let line = rest[place..].split_inclusive('\n').next()?;
        if ends(line) {
            break &rest[..place];
        }
        place += line.len();
    };
    let below = rest[place..].split_once('\n').map_or("", |(_, below)| below);
    let title = match (fence, kind.as_str()) {
        ("---", "" | "yaml" | "yml") => {
            if !yaml::is_mapping(inner) {
                return None;
            }
            yaml::title(inner)
        }
        ("+++", "") | ("---", "toml") => toml_title(inner),
        (";;;", "") | ("---", "json") => json_title(inner),
        _ => return None,
    };
    Some((title, below))
}

fn json_title(inner: &str) -> Option<String> {
    let inner = inner.trim();
    json::title(inner).or_else(|| json::title(&format!("{{{inner}}}")))
}

/// The object with which a page begins.
fn in_json(text: &str) -> Option<(Option<String>, &str)> {
    if !text.starts_with('{') {
        return None;
    }
    let length = json::first_length(text)?;
    let (object, rest) = text.split_at(length);
    let alone = rest.is_empty() || rest.trim_start_matches([' ', '\t']).starts_with('\n');
    (alone && json::is_object(object)).then(|| (json::title(object), rest))
}

/// The value of `title = "…"` above all tables.
fn toml_title(inner: &str) -> Option<String> {
    let lines: Vec<&str> = inner.lines().collect();
    let top =
        lines.iter().position(|line| line.trim_start().starts_with('[')).unwrap_or(lines.len());
    ["title", "name", "linktitle"].iter().find_map(|key| {
        let place = lines[..top].iter().position(|line| {
            line.split_once('=').is_some_and(|(name, _)| {
                name.trim().trim_matches(['"', '\'']).eq_ignore_ascii_case(key)
            })
        })?;
        let (_, value) = lines[place].split_once('=')?;
        let value = value.trim();
        for quotes in ["\"\"\"", "'''"] {
            if let Some(value) = value.strip_prefix(quotes) {
                let all = [&[value][..], &lines[place + 1..]].concat().join("\n");
                return all.split(quotes).next().map(|text| text.replace('\n', " "));
            }
        }
        yaml::scalar(value)
    })
}

/// Pandoc's `% title`, whose lines go on with a space.
fn title_block(text: &str) -> Option<(Option<String>, &str)> {
    if !text.starts_with("% ") && !text.starts_with("%\n") {
        return None;
    }
    let mut title = Vec::new();
    let (mut place, mut fields) = (0, 0);
    for line in text.split_inclusive('\n') {
        let begins = line.starts_with('%');
        fields += usize::from(begins);
        if (begins && fields > 3) || !(begins || line.starts_with(' ')) {
            break;
        }
        if fields == 1 {
            title.push(line.trim_start_matches('%').trim());
        }
        place += line.len();
    }
    let title = title.join(" ");
    Some((Some(title).filter(|title| !title.is_empty()), &text[place..]))
}

/// `Key: value` lines up to an empty line. Where some are not known as metadata, all are text, too.
fn headers(text: &str) -> Option<(Option<String>, &str)> {
    let mut title = None;
    let mut place = 0;
    let mut unknown = false;
    for (nth, line) in text.split_inclusive('\n').enumerate() {
        if line.trim().is_empty() {
            place += line.len();
            break;
        }
        if nth > 0 && line.starts_with([' ', '\t']) {
            place += line.len();
            continue;
        }
        let (key, value) = line.split_once(':')?;
        let key = key.trim().to_ascii_lowercase();
        if nth == 0 && !FIRST.contains(&key.as_str()) {
            return None;
        }
        unknown |= !METADATA.contains(&key.as_str());
        if key == "title" {
            title = yaml::scalar(value.trim());
        }
        place += line.len();
    }
    Some((title, if unknown { text } else { &text[place..] }))
}
