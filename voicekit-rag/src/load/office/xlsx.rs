//! Workbooks: every visible sheet, row by row, with numbers as they are shown.

use std::collections::{BTreeMap, BTreeSet};

use voicekit_core::error::Result;

use super::numbers::{self, Style};
use super::package::Package;
use super::table::{COLUMNS, Table};
use super::xml::{self, Node};
use crate::load::outline::Outline;

/// What the sheets of a workbook share.
#[derive(Default)]
struct Shared {
    texts: Vec<String>,
    styles: Vec<Style>,
    since_1904: bool,
}

pub(super) fn read(package: &mut Package<'_>, outline: &mut Outline) -> Result<()> {
    const ROOT: &str = "xl/workbook.xml";
    let relations = package.relations(ROOT)?;
    let mut shared = Shared::default();
    let mut sheets = Vec::new();
    xml::read(&package.required(ROOT)?, &mut |node| {
        match node {
            Node::Open("workbookPr", attributes) => {
                shared.since_1904 =
                    attributes.get("date1904").is_some() && attributes.is_on("date1904");
            }
            Node::Open("sheet", attributes) => {
                let name = attributes.get("name").unwrap_or_default();
                let is_hidden = attributes.get("state").is_some_and(|state| state != "visible");
                let target = attributes.get("id").and_then(|id| relations.get(&id));
                sheets.push((name, is_hidden, target.cloned()));
            }
            Node::Open(..) | Node::Close(_) | Node::Text(_) => {}
        }
        Ok(())
    })?;
    if let Some(texts) = package.part("xl/sharedStrings.xml")? {
        shared.texts = strings(&texts)?;
    }
    if let Some(text) = package.part("xl/styles.xml")? {
        shared.styles = styles(&text)?;
    }
    for (name, is_hidden, target) in sheets {
        let place = format!("sheet {name}");
        if is_hidden {
            outline.lose("sheet", place, "hidden");
            continue;
        }
        let path = target.filter(|(_, kind)| kind == "worksheet").map(|(path, _)| path);
        let text = match path {
            Some(path) => package.part(&path)?,
            None => None,
        };
        let Some(text) = text else {
            outline.lose("sheet", place, "without cells, such as a chart");
            continue;
        };
        outline.heading(2, &name)?;
        sheet(&text, &shared, outline)?;
    }
    Ok(())
}

/// The texts that cells refer to by their numbers; hints on pronunciation are left out.
fn strings(text: &str) -> Result<Vec<String>> {
    let mut strings: Vec<String> = Vec::new();
    let (mut in_text, mut is_hint) = (false, false);
    xml::read(text, &mut |node| {
        match node {
            Node::Open("si", _) => strings.push(String::new()),
            Node::Open("rPh", _) => is_hint = true,
            Node::Close("rPh") => is_hint = false,
            Node::Open("t", _) => in_text = !is_hint,
            Node::Close("t") => in_text = false,
            Node::Text(text) if in_text => {
                strings.last_mut().into_iter().for_each(|last| last.push_str(text));
            }
            Node::Open(..) | Node::Close(_) | Node::Text(_) => {}
        }
        Ok(())
    })?;
    Ok(strings)
}

/// How the cells of each style show their numbers.
fn styles(text: &str) -> Result<Vec<Style>> {
    let mut codes = BTreeMap::new();
    let mut styles = Vec::new();
    let mut in_cells = false;
    xml::read(text, &mut |node| {
        match node {
            Node::Open("numFmt", attributes) => {
                let code = attributes.get("formatCode").unwrap_or_default();
                codes.extend(attributes.number("numFmtId").map(|id| (id, numbers::style(&code))));
            }
            Node::Open("cellXfs", _) => in_cells = true,
            Node::Close("cellXfs") => in_cells = false,
            Node::Open("xf", attributes) if in_cells => {
                let id = attributes.number("numFmtId").unwrap_or(0);
                let own = codes.get(&id).cloned();
                styles.push(own.unwrap_or_else(|| numbers::built_in(id)));
            }
            Node::Open(..) | Node::Close(_) | Node::Text(_) => {}
        }
        Ok(())
    })?;
    Ok(styles)
}

/// A cell while it is read.
#[derive(Default)]
struct Cell {
    column: usize,
    kind: String,
    style: usize,
    value: String,
}

/// A sheet while it is read.
#[derive(Default)]
struct Sheet {
    rows: Vec<(usize, Vec<String>)>,
    /// Cells that are merged downwards: column, first and last row.
    merged: Vec<(usize, usize, usize)>,
    hidden: BTreeSet<usize>,
    hidden_rows: BTreeSet<usize>,
}

fn sheet(text: &str, shared: &Shared, outline: &mut Outline) -> Result<()> {
    let mut sheet = Sheet::default();
    let mut cell = Cell::default();
    let (mut row, mut is_shown, mut in_value) = (0, true, false);
    xml::read(text, &mut |node| {
        match node {
            Node::Open("col", attributes) => {
                if attributes.get("hidden").is_some() && attributes.is_on("hidden") {
                    let ends = ["min", "max"].map(|end| attributes.number(end).unwrap_or(0));
                    sheet
                        .hidden
                        .extend((ends[0].max(1)..=ends[1].min(COLUMNS)).map(|column| column - 1));
                }
            }
            Node::Open("row", attributes) => {
                row = attributes.number("r").unwrap_or(row + 1);
                is_shown = attributes.get("hidden").is_none() || !attributes.is_on("hidden");
                if is_shown {
                    sheet.rows.push((row, Vec::new()));
                } else {
                    sheet.hidden_rows.insert(row);
                }
                cell.column = 0;
            }
            Node::Open("c", attributes) => {
                let place = attributes.get("r").and_then(|place| column(&place));
                cell = Cell {
                    column: place.unwrap_or(cell.column),
                    kind: attributes.get("t").unwrap_or_default(),
                    style: attributes.number("s").unwrap_or(0),
                    value: String::new(),
                };
            }
            // A formula is not shown, its value is.
            Node::Open("v" | "t", _) => in_value = true,
            Node::Close("v" | "t") => in_value = false,
            Node::Text(text) if in_value => cell.value.push_str(text),
            Node::Close("c") => {
                let text = shown(&cell, shared);
                if is_shown && cell.column < COLUMNS && !sheet.hidden.contains(&cell.column) {
                    let rows = sheet.rows.last_mut().map(|(_, cells)| cells);
                    rows.into_iter().for_each(|cells| {
                        if cells.len() <= cell.column {
                            cells.resize(cell.column + 1, String::new());
                        }
                        cells[cell.column] = text.clone();
                    });
                }
                cell.column += 1;
            }
            Node::Open("mergeCell", attributes) => {
                sheet.merged.extend(attributes.get("ref").and_then(|area| downwards(&area)));
            }
            Node::Open(..) | Node::Close(_) | Node::Text(_) => {}
        }
        Ok(())
    })?;
    sheet.write(outline)
}

impl Sheet {
    fn write(mut self, outline: &mut Outline) -> Result<()> {
        for (column, first, last) in std::mem::take(&mut self.merged) {
            self.fill(column, first, last);
        }
        let mut table = Table::default();
        let mut before = 0;
        for (row, cells) in &self.rows {
            if (before + 1..*row).any(|row| !self.hidden_rows.contains(&row)) {
                table.row(&[], true, outline)?;
            }
            before = *row;
            table.row(cells, true, outline)?;
        }
        table.end(outline)
    }

    /// A cell that reaches over several rows counts in each of them that has other cells.
    fn fill(&mut self, column: usize, first: usize, last: usize) {
        let start = self.rows.partition_point(|(row, _)| *row < first);
        let text = self.rows.get(start).filter(|(row, _)| *row == first);
        let Some(text) = text.and_then(|(_, cells)| cells.get(column)).cloned() else { return };
        for (_, cells) in self.rows[start..].iter_mut().take_while(|(row, _)| *row <= last) {
            let is_filled = cells.iter().any(|cell| !cell.is_empty());
            if let Some(cell) = cells.get_mut(column).filter(|_| is_filled) {
                cell.clone_from(&text);
            }
        }
    }
}

/// A cell as it is shown.
fn shown(cell: &Cell, shared: &Shared) -> String {
    let value = cell.value.as_str();
    match cell.kind.as_str() {
        "s" => {
            let text = value.trim().parse().ok().and_then(|nth: usize| shared.texts.get(nth));
            text.cloned().unwrap_or_default()
        }
        "b" => if value.trim() == "1" { "yes" } else { "no" }.to_owned(),
        // An error such as `#REF!` says nothing.
        "e" => String::new(),
        "" | "n" => match value.trim().parse::<f64>() {
            Ok(number) => {
                let style = shared.styles.get(cell.style).unwrap_or(&Style::General);
                numbers::shown(number, style, shared.since_1904)
            }
            Err(_) => value.to_owned(),
        },
        _ => value.to_owned(),
    }
}

/// The column of a place such as `BC12`, from 0.
fn column(place: &str) -> Option<usize> {
    let letters = place.bytes().take_while(u8::is_ascii_alphabetic).take(4);
    let digit = |letter: u8| usize::from(letter.to_ascii_uppercase() - b'A') + 1;
    letters.fold(0, |column, letter| column * 26 + digit(letter)).checked_sub(1)
}

/// An area such as `B2:B5`, if it reaches over several rows.
fn downwards(area: &str) -> Option<(usize, usize, usize)> {
    let (start, end) = area.split_once(':')?;
    let row =
        |place: &str| place.trim_start_matches(|c: char| c.is_ascii_alphabetic()).parse().ok();
    let (first, last): (usize, usize) = (row(start)?, row(end)?);
    (last > first).then_some((column(start)?, first, last))
}
