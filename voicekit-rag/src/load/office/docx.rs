//! Word documents: paragraphs, headings, lists, tables, text boxes, notes, headers and footers.

use std::collections::{BTreeMap, BTreeSet};

use voicekit_core::error::Result;

use super::package::Package;
use super::table::{COLUMNS, Table};
use super::xml::{self, Node};
use crate::load::outline::Outline;

pub(super) fn read(package: &mut Package<'_>, outline: &mut Outline) -> Result<()> {
    let levels = match package.part("word/styles.xml")? {
        Some(styles) => levels(&styles)?,
        None => BTreeMap::new(),
    };
    let document = package.required("word/document.xml")?;
    let mut is_empty = body(&document, &levels, outline)?;
    for notes in ["word/footnotes.xml", "word/endnotes.xml"] {
        if let Some(notes) = package.part(notes)? {
            outline.end_block()?;
            is_empty &= body(&notes, &BTreeMap::new(), outline)?;
        }
    }
    let mut seen = BTreeSet::new();
    for name in [package.names("word/header"), package.names("word/footer")].concat() {
        let Some(text) = package.part(&name)?.filter(|text| seen.insert(text.clone())) else {
            continue;
        };
        outline.end_block()?;
        is_empty &= body(&text, &BTreeMap::new(), outline)?;
    }
    if is_empty && !package.names("word/media/").is_empty() {
        outline.lose("image", "", "the document is only images, whose text is not read");
    }
    Ok(())
}

/// The levels of headings, by the identifiers of their styles.
fn levels(styles: &str) -> Result<BTreeMap<String, u8>> {
    let mut levels = BTreeMap::new();
    let mut style = String::new();
    xml::read(styles, &mut |node| {
        match node {
            Node::Open("style", attributes) => {
                style = attributes.get("styleId").unwrap_or_default()
            }
            Node::Open("name", attributes) => {
                let name = attributes.get("val").unwrap_or_default().to_lowercase();
                let level = match name.as_str() {
                    "title" => Some(1),
                    name => name.strip_prefix("heading ").and_then(|level| level.parse().ok()),
                };
                levels.extend(level.map(|level| (style.clone(), level)));
            }
            Node::Open("outlineLvl", attributes) if !style.is_empty() => {
                let level = attributes.number("val").and_then(|level| u8::try_from(level + 1).ok());
                let level = level.filter(|level| *level <= 9);
                levels.extend(level.map(|level| (style.clone(), level)));
            }
            Node::Open(..) | Node::Close(_) | Node::Text(_) => {}
        }
        Ok(())
    })?;
    Ok(levels)
}

/// A paragraph while it is read.
#[derive(Default)]
struct Paragraph {
    text: String,
    level: Option<u8>,
    is_item: bool,
}

/// A table while it is read.
#[derive(Default)]
struct Open {
    table: Table,
    cells: Vec<String>,
    /// The row before, whose cells go on where they are merged downwards.
    before: Vec<String>,
    span: usize,
    goes_on: bool,
}

struct Body<'a> {
    levels: &'a BTreeMap<String, u8>,
    paragraphs: Vec<Paragraph>,
    tables: Vec<Open>,
    /// Depth within what is not shown.
    hidden: usize,
    in_text: bool,
    in_run: bool,
    is_vanished: bool,
    is_empty: bool,
}

/// Reads paragraphs and tables, and says whether there was no text.
fn body(text: &str, levels: &BTreeMap<String, u8>, outline: &mut Outline) -> Result<bool> {
    let mut body = Body {
        levels,
        paragraphs: Vec::new(),
        tables: Vec::new(),
        hidden: 0,
        in_text: false,
        in_run: false,
        is_vanished: false,
        is_empty: true,
    };
    xml::read(text, &mut |node| body.take(&node, outline))?;
    outline.end_block()?;
    Ok(body.is_empty)
}

impl Body<'_> {
    fn take(&mut self, node: &Node<'_>, outline: &mut Outline) -> Result<()> {
        // A fallback repeats what stands before it; moved and deleted text is elsewhere or gone.
        const HIDDEN: &[&str] = &["Fallback", "moveFrom", "del", "comment"];
        match node {
            Node::Open(name, _) if HIDDEN.contains(name) => self.hidden += 1,
            Node::Close(name) if HIDDEN.contains(name) => {
                self.hidden = self.hidden.saturating_sub(1)
            }
            _ if self.hidden > 0 => {}
            Node::Open(name, attributes) => self.open(name, attributes),
            Node::Close(name) => self.close(name, outline)?,
            Node::Text(text) if self.in_text => self.text(text),
            Node::Text(_) => {}
        }
        Ok(())
    }

    fn open(&mut self, name: &str, attributes: &xml::Attributes<'_>) {
        let value = || attributes.get("val").unwrap_or_default();
        match name {
            "p" => self.paragraphs.push(Paragraph::default()),
            "pStyle" => {
                let level = self.levels.get(&value()).copied();
                self.paragraph(|paragraph| paragraph.level = level.or(paragraph.level));
            }
            "outlineLvl" => {
                let level = attributes.number("val").and_then(|level| u8::try_from(level + 1).ok());
                let level = level.filter(|level| *level <= 9);
                self.paragraph(|paragraph| paragraph.level = level.or(paragraph.level));
            }
            "numPr" => self.paragraph(|paragraph| paragraph.is_item = true),
            "r" => {
                self.in_run = true;
                self.is_vanished = false;
            }
            "vanish" if self.in_run => self.is_vanished = attributes.is_on("val"),
            "t" => self.in_text = true,
            "tab" if self.in_run => self.text(" "),
            "br" | "cr" if self.in_run => self.text("\n"),
            "noBreakHyphen" => self.text("-"),
            "tbl" => self.tables.push(Open::default()),
            "tc" => self.table(|open| {
                open.span = 1;
                open.goes_on = false;
                open.cells.push(String::new());
            }),
            "gridSpan" => {
                let span = attributes.number("val").unwrap_or(1).clamp(1, COLUMNS);
                self.table(|open| open.span = span);
            }
            "vMerge" => {
                let goes_on = value() != "restart";
                self.table(|open| open.goes_on = goes_on);
            }
            _ => {}
        }
    }

    fn close(&mut self, name: &str, outline: &mut Outline) -> Result<()> {
        match name {
            "t" => self.in_text = false,
            "r" => {
                self.in_run = false;
                self.is_vanished = false;
            }
            "p" => {
                if let Some(paragraph) = self.paragraphs.pop() {
                    self.put(&paragraph, outline)?;
                }
            }
            "tc" => self.table(|open| {
                let place = open.cells.len().saturating_sub(1);
                if let (true, Some(above)) = (open.goes_on, open.before.get(place)) {
                    open.cells[place].clone_from(above);
                }
                let width = (place + open.span).min(COLUMNS);
                if open.cells.len() < width {
                    open.cells.resize(width, String::new());
                }
            }),
            "tr" => {
                let is_inner = self.tables.len() > 1;
                if let Some(open) = self.tables.last_mut() {
                    let cells = std::mem::take(&mut open.cells);
                    if !is_inner {
                        open.table.row(&cells, false, outline)?;
                    }
                    open.before = cells;
                    if is_inner {
                        self.lift();
                    }
                }
            }
            "tbl" => {
                if let Some(mut open) = self.tables.pop().filter(|_| self.tables.is_empty()) {
                    open.table.end(outline)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// A row of a table within a cell is text of the cell.
    fn lift(&mut self) {
        let [.., outer, inner] = self.tables.as_mut_slice() else { return };
        let cells: Vec<&str> = inner.before.iter().map(String::as_str).collect();
        if let Some(cell) = outer.cells.last_mut() {
            cell.push(' ');
            cell.push_str(cells.join(", ").trim());
        }
    }

    fn put(&mut self, paragraph: &Paragraph, outline: &mut Outline) -> Result<()> {
        if paragraph.text.trim().is_empty() {
            return Ok(());
        }
        self.is_empty = false;
        // A text box stands in the middle of a paragraph.
        let cell = self.tables.last_mut().and_then(|open| open.cells.last_mut());
        if let Some(cell) = cell {
            cell.push(' ');
            cell.push_str(paragraph.text.trim());
            return Ok(());
        }
        if let Some(level) = paragraph.level {
            return outline.heading(level, &paragraph.text);
        }
        outline.text(&paragraph.text)?;
        outline.text("\n")?;
        if paragraph.is_item { Ok(()) } else { outline.end_block() }
    }

    fn text(&mut self, text: &str) {
        if !self.is_vanished {
            self.paragraph(|paragraph| paragraph.text.push_str(text));
        }
    }

    fn paragraph(&mut self, change: impl FnOnce(&mut Paragraph)) {
        if let Some(paragraph) = self.paragraphs.last_mut() {
            change(paragraph);
        }
    }

    fn table(&mut self, change: impl FnOnce(&mut Open)) {
        if let Some(open) = self.tables.last_mut() {
            change(open);
        }
    }
}
