//! Open documents: texts, sheets and presentations, which share their elements.

use voicekit_core::error::Result;

use super::package::Package;
use super::table::{COLUMNS, Table};
use super::xml::{self, Attributes, Node};
use crate::load::outline::Outline;
use crate::load::rejected;

/// The most copies of a cell or row that is said once for several.
const REPEATED: usize = 1000;

pub(super) fn read(package: &mut Package<'_>, outline: &mut Outline) -> Result<()> {
    let manifest = package.part("META-INF/manifest.xml")?.unwrap_or_default();
    if manifest.contains("encryption-data") {
        return Err(rejected("is protected by a password: save a copy without one"));
    }
    let content = package.required("content.xml")?;
    let mut body = Body::default();
    xml::read(&content, &mut |node| body.take(&node, outline))?;
    outline.end_block()
}

#[derive(Default)]
struct Body {
    /// Depth within what is not shown: comments and deleted text.
    hidden: usize,
    /// The open paragraphs with the levels of their headings.
    paragraphs: Vec<(String, Option<u8>)>,
    tables: Vec<Open>,
    lists: usize,
    is_sheet: bool,
    slides: usize,
}

#[derive(Default)]
struct Open {
    table: Table,
    cells: Vec<String>,
    copies: usize,
    rows: usize,
    is_hidden: bool,
}

impl Body {
    fn take(&mut self, node: &Node<'_>, outline: &mut Outline) -> Result<()> {
        const HIDDEN: &[&str] = &["annotation", "tracked-changes", "forms", "shapes"];
        match node {
            Node::Open(name, _) if HIDDEN.contains(name) => self.hidden += 1,
            Node::Close(name) if HIDDEN.contains(name) => {
                self.hidden = self.hidden.saturating_sub(1)
            }
            _ if self.hidden > 0 => {}
            Node::Open(name, attributes) => self.open(name, attributes, outline)?,
            Node::Close(name) => self.close(name, outline)?,
            Node::Text(text) => self.text(text),
        }
        Ok(())
    }

    fn open(
        &mut self,
        name: &str,
        attributes: &Attributes<'_>,
        outline: &mut Outline,
    ) -> Result<()> {
        match name {
            "spreadsheet" => self.is_sheet = true,
            "p" => self.paragraphs.push((String::new(), None)),
            "h" => {
                let level = attributes.number("outline-level").unwrap_or(1).clamp(1, 9);
                self.paragraphs.push((String::new(), u8::try_from(level).ok()));
            }
            "list" => self.lists += 1,
            "page" => {
                self.slides += 1;
                outline.heading(2, &format!("Slide {}", self.slides))?;
            }
            "s" => {
                let count = attributes.number("c").unwrap_or(1).min(8);
                self.text(&" ".repeat(count));
            }
            "tab" | "line-break" => self.text(" "),
            "table" => {
                let name = attributes.get("name").unwrap_or_default();
                if self.is_sheet && self.tables.is_empty() {
                    outline.heading(2, &name)?;
                }
                self.tables.push(Open::default());
            }
            "table-row" => {
                let rows = attributes.number("number-rows-repeated").unwrap_or(1);
                let is_hidden = attributes.get("visibility").is_some_and(|seen| seen != "visible");
                self.table(|open| (open.rows, open.is_hidden) = (rows, is_hidden));
            }
            "table-cell" | "covered-table-cell" => {
                let copies = attributes.number("number-columns-repeated").unwrap_or(1);
                self.table(|open| {
                    open.copies = copies;
                    open.cells.push(String::new());
                });
            }
            _ => {}
        }
        Ok(())
    }

    fn close(&mut self, name: &str, outline: &mut Outline) -> Result<()> {
        match name {
            "p" | "h" => {
                if let Some((text, level)) = self.paragraphs.pop() {
                    self.put(&text, level, outline)?;
                }
            }
            "list" => {
                self.lists = self.lists.saturating_sub(1);
                if self.lists == 0 && self.tables.is_empty() {
                    outline.end_block()?;
                }
            }
            "table-cell" | "covered-table-cell" => self.table(|open| {
                let cell = open.cells.pop().unwrap_or_default();
                let room = COLUMNS.saturating_sub(open.cells.len());
                open.cells.extend(std::iter::repeat_n(cell, open.copies.min(room)));
            }),
            "table-row" => self.row(outline)?,
            "table" => {
                if let Some(mut open) = self.tables.pop().filter(|_| self.tables.is_empty()) {
                    open.table.end(outline)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn row(&mut self, outline: &mut Outline) -> Result<()> {
        let is_inner = self.tables.len() > 1;
        let is_sheet = self.is_sheet;
        let Some(open) = self.tables.last_mut() else { return Ok(()) };
        let mut cells = std::mem::take(&mut open.cells);
        while cells.last().is_some_and(String::is_empty) {
            cells.pop();
        }
        if open.is_hidden {
            return Ok(());
        }
        if is_inner {
            let text = cells.join(", ");
            self.tables.pop().into_iter().for_each(|inner| {
                self.table(|outer| {
                    outer.cells.iter_mut().next_back().into_iter().for_each(|cell| {
                        cell.push(' ');
                        cell.push_str(&text);
                    })
                });
                self.tables.push(inner);
            });
            return Ok(());
        }
        let rows = if cells.is_empty() { 1 } else { open.rows.min(REPEATED) };
        (0..rows).try_for_each(|_| open.table.row(&cells, is_sheet, outline))
    }

    fn put(&mut self, text: &str, level: Option<u8>, outline: &mut Outline) -> Result<()> {
        // A paragraph within another is a note or a text box.
        let cell = self.tables.last_mut().and_then(|open| open.cells.last_mut());
        match (cell, level) {
            _ if text.trim().is_empty() => Ok(()),
            (Some(cell), _) => {
                cell.push(' ');
                cell.push_str(text);
                Ok(())
            }
            (None, Some(level)) => outline.heading(level, text),
            (None, None) => {
                outline.text(text)?;
                outline.text("\n")?;
                if self.lists > 0 || self.slides > 0 { Ok(()) } else { outline.end_block() }
            }
        }
    }

    fn text(&mut self, text: &str) {
        if let Some((paragraph, _)) = self.paragraphs.last_mut() {
            paragraph.push_str(text);
        }
    }

    fn table(&mut self, change: impl FnOnce(&mut Open)) {
        if let Some(open) = self.tables.last_mut() {
            change(open);
        }
    }
}
