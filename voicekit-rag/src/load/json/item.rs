//! Items of JSON as blocks.

use voicekit_core::error::Result;

use super::super::html;
use super::super::outline::Outline;
use super::kind::{
    BOOKKEEPING, ENVELOPE, TEXTS, TITLES, WRAPPERS, beside_items, counts, form, holds_items, is,
    is_id, is_map, is_short, one_of, opened,
};
use super::value::Json;

/// The longest HTML in a text, in bytes.
const LONGEST_HTML: usize = 1 << 20;

/// Puts items into an outline.
pub(super) struct Reader<'o> {
    outline: &'o mut Outline,
}

impl<'o> Reader<'o> {
    pub(super) fn new(outline: &'o mut Outline) -> Self {
        Self { outline }
    }

    pub(super) fn list(&mut self, items: &[Json]) -> Result<()> {
        if let Some(rows) = rows(items) {
            return self.table(None, &rows);
        }
        items.iter().try_for_each(|item| match item {
            Json::List(items) => self.list(items),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_) | Json::Object(_) => {
                self.place(item, None, true)
            }
        })
    }

    /// Puts an item that is known by `key` where it stands.
    pub(super) fn put(&mut self, item: &Json, key: Option<&str>) -> Result<()> {
        self.place(item, key, false)
    }

    /// Puts an item, which may be one of a list.
    fn place(&mut self, item: &Json, key: Option<&str>, listed: bool) -> Result<()> {
        let Json::Object(fields) = item else {
            return self.outline.whole(key, &said(item));
        };
        if let Some((columns, rows)) = columns(fields) {
            return self.table(Some(columns), &rows);
        }
        if let Some(talk) = talk(fields) {
            return self.outline.whole(key, &talk);
        }
        let fields = opened(fields);
        if is_map(&fields, listed) {
            for (name, value) in fields {
                self.put(value, Some(name))?;
            }
            return Ok(());
        }
        self.item(&fields, key)
    }

    fn item(&mut self, fields: &[(&str, &Json)], key: Option<&str>) -> Result<()> {
        let title = TITLES.iter().find_map(|title| {
            let named = |(name, value): &(&str, &Json)| is(name, title) && is_short(value);
            fields.iter().position(named)
        });
        let named = title.map(|place| said(fields[place].1));
        let has_text = title.is_some() || fields.iter().any(|(name, _)| one_of(name, TEXTS));
        let mut lines = Vec::new();
        let mut parts = Vec::new();
        for (place, (name, value)) in fields.iter().enumerate() {
            if Some(place) == title || one_of(name, BOOKKEEPING) {
                continue;
            }
            if one_of(name, ENVELOPE) && counts(value) && beside_items(fields) {
                continue;
            }
            if holds_items(name, value, has_text) {
                parts.push((*name, *value));
                continue;
            }
            if !has_text && one_of(name, ENVELOPE) && !fields.iter().all(|(_, v)| v.is_scalar()) {
                continue;
            }
            let value = said(value);
            if value.is_empty() {
                continue;
            }
            let question = one_of(name, &TITLES[..4]);
            let bare = question || one_of(name, TEXTS);
            let line = if bare { value } else { format!("{name}: {value}") };
            // A question stands before its answer.
            if question { lines.insert(0, line) } else { lines.push(line) }
        }
        let heading = named.as_deref().or_else(|| key.filter(|key| !is_id(key)));
        match (lines.is_empty(), parts.is_empty()) {
            // An item that is nothing but its title is about that.
            (true, true) => self.outline.whole(heading, named.as_deref().unwrap_or_default())?,
            (true, false) => {}
            (false, _) => self.outline.whole(heading, &lines.join("\n"))?,
        }
        if parts.is_empty() {
            return Ok(());
        }
        let entered = self.outline.enter(heading.unwrap_or_default())?;
        for (name, value) in parts {
            self.part(name, value)?;
        }
        if entered { self.outline.leave() } else { Ok(()) }
    }

    /// Puts the items of a field.
    fn part(&mut self, name: &str, value: &Json) -> Result<()> {
        match value {
            Json::List(items) => {
                let entered = !one_of(name, WRAPPERS) && self.outline.enter(name)?;
                self.list(items)?;
                if entered { self.outline.leave() } else { Ok(()) }
            }
            Json::Object(_) | Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_) => {
                let key = Some(name).filter(|name| !one_of(name, WRAPPERS));
                self.put(value, key)
            }
        }
    }

    fn table(&mut self, columns: Option<Vec<String>>, rows: &[&[Json]]) -> Result<()> {
        let Some((first, rest)) = rows.split_first() else { return Ok(()) };
        let (columns, rows) = match columns {
            Some(columns) => (columns, rows),
            None => (first.iter().map(said).collect(), rest),
        };
        for row in rows {
            let cells: Vec<String> = row.iter().map(said).collect();
            let heading = cells.first().map(String::as_str);
            self.outline.whole(heading, &super::super::outline::row(&columns, &cells))?;
        }
        Ok(())
    }
}

/// The rows of a table that is written as lists, of which the first names the columns.
fn rows(items: &[Json]) -> Option<Vec<&[Json]>> {
    let mut rows = Vec::new();
    for item in items {
        let Json::List(cells) = item else { return None };
        if !cells.iter().all(Json::is_scalar) {
            return None;
        }
        rows.push(cells.as_slice());
    }
    let (first, rest) = rows.split_first()?;
    let named = first.iter().all(|cell| matches!(cell, Json::Text(_)));
    (named && first.len() > 1 && !rest.is_empty()).then_some(rows)
}

/// A table whose columns are named apart from its rows.
fn columns(fields: &[(String, Json)]) -> Option<(Vec<String>, Vec<&[Json]>)> {
    let list = |names: &[&str]| {
        fields.iter().find_map(|(name, value)| match value {
            Json::List(items) if one_of(name, names) => Some(items),
            Json::Null
            | Json::Bool(_)
            | Json::Number(_)
            | Json::Text(_)
            | Json::List(_)
            | Json::Object(_) => None,
        })
    };
    let columns = list(&["columns", "header", "headers", "fields"])?;
    let rows = list(&["rows", "data", "values", "records"])?;
    let row = |row: &'_ Json| matches!(row, Json::List(cells) if cells.iter().all(Json::is_scalar));
    if rows.is_empty() || !rows.iter().all(row) {
        return None;
    }
    let name = |column: &Json| {
        let named = ["name", "title", "label"].iter().find_map(|key| column.get(key));
        said(named.unwrap_or(column))
    };
    let cells = rows.iter().filter_map(|row| match row {
        Json::List(cells) => Some(cells.as_slice()),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_) | Json::Object(_) => None,
    });
    Some((columns.iter().map(name).collect(), cells.collect()))
}

/// A conversation, whose turns belong together.
fn talk(fields: &[(String, Json)]) -> Option<String> {
    let is_talk =
        |name: &str| one_of(name, &["messages", "conversation", "conversations", "turns"]);
    let (_, turns) = fields.iter().find(|(name, _)| is_talk(name))?;
    let Json::List(turns) = turns else { return None };
    let mut lines = Vec::new();
    for turn in turns {
        let field = |names: &[&str]| names.iter().find_map(|name| turn.get(name)).map(said);
        let (who, what) =
            (field(&["role", "from", "speaker"])?, field(&["content", "value", "text"])?);
        if !is(&who, "system") {
            lines.push(format!("{who}: {what}"));
        }
    }
    Some(lines.join("\n"))
}

/// A value as a line, or as the lines of its HTML.
pub(super) fn said(value: &Json) -> String {
    match value {
        Json::Null => String::new(),
        Json::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        Json::Number(number) => number.clone(),
        Json::Text(text) => plain(text),
        Json::List(items) => {
            let parts: Vec<String> =
                items.iter().map(said).filter(|part| !part.is_empty()).collect();
            if items.iter().all(Json::is_scalar) {
                return parts.join(", ");
            }
            let mut text = String::new();
            for part in parts {
                if !text.is_empty() {
                    text.push_str(if text.ends_with(['.', '!', '?']) { " " } else { "; " });
                }
                text.push_str(&part);
            }
            text
        }
        Json::Object(fields) => {
            if let Some(text) = form(value) {
                return said(text);
            }
            let parts = fields.iter().filter(|(name, _)| !one_of(name, BOOKKEEPING));
            let parts = parts.map(|(name, value)| (name, said(value)));
            let mut parts: Vec<(&String, String)> =
                parts.filter(|(_, text)| !text.is_empty()).collect();
            let has_text = parts.iter().any(|(name, _)| one_of(name, TEXTS));
            let title = parts.iter().position(|(name, _)| has_text && one_of(name, TITLES));
            let title = title.map(|place| parts.remove(place).1);
            let parts = parts.into_iter().map(|(name, text)| match one_of(name, TEXTS) {
                true => text,
                false => format!("{name}: {text}"),
            });
            let text = parts.collect::<Vec<_>>().join(", ");
            match title {
                // What is named so is what the text is about.
                Some(title) if title.ends_with([':', '?', '!', '.']) => format!("{title} {text}"),
                Some(title) => format!("{title}: {text}"),
                None => text,
            }
        }
    }
}

/// The text of what may be HTML.
fn plain(text: &str) -> String {
    let tagged =
        text.contains("</") || text.contains("/>") || text.contains("<br") || text.contains("<p>");
    let entity = text.split('&').skip(1).any(|after| {
        let name = after.split(';').next().filter(|name| name.len() < after.len());
        name.is_some_and(|name| {
            (2..10).contains(&name.len())
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '#')
        })
    });
    if !tagged && !entity {
        return text.to_owned();
    }
    html::lines(text, LONGEST_HTML).unwrap_or_else(|_| text.to_owned())
}
