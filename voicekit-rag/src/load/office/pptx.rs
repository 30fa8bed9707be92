//! Presentations: titles, texts, tables, diagrams and the speaker's notes.

use voicekit_core::error::Result;

use super::package::Package;
use super::table::{COLUMNS, Table};
use super::xml::{self, Node};
use crate::load::outline::Outline;

pub(super) fn read(package: &mut Package<'_>, outline: &mut Outline) -> Result<()> {
    const ROOT: &str = "ppt/presentation.xml";
    let relations = package.relations(ROOT)?;
    let mut slides = Vec::new();
    xml::read(&package.required(ROOT)?, &mut |node| {
        if let Node::Open("sldId", attributes) = node {
            // There is an `id` and an `r:id`: the latter begins with letters.
            let id = relations.keys().find(|id| attributes.has_value("id", id));
            slides.extend(id.and_then(|id| relations.get(id)).map(|(path, _)| path.clone()));
        }
        Ok(())
    })?;
    for (path, number) in slides.iter().zip(1..) {
        let place = format!("slide {number}");
        match package.part(path)? {
            Some(text) => slide(package, path, &text, &place, number, outline)?,
            None => outline.lose("slide", place, "missing from the file"),
        }
    }
    Ok(())
}

fn slide(
    package: &mut Package<'_>,
    path: &str,
    text: &str,
    place: &str,
    number: usize,
    outline: &mut Outline,
) -> Result<()> {
    let shown = shapes(text)?;
    if !shown.is_visible {
        outline.lose("slide", place, "hidden");
        return Ok(());
    }
    let relations = package.relations(path)?;
    let title = if shown.title.trim().is_empty() { format!("Slide {number}") } else { shown.title };
    outline.heading(2, &title)?;
    let mut is_empty = shown.parts.is_empty() && title.starts_with("Slide ");
    put(&shown.parts, outline)?;
    for (target, kind) in relations.values() {
        if !matches!(kind.as_str(), "notesSlide" | "diagramData") {
            continue;
        }
        if let Some(text) = package.part(target)? {
            let other = shapes(&text)?;
            is_empty &= other.parts.is_empty();
            put(&other.parts, outline)?;
        }
    }
    if is_empty && relations.values().any(|(_, kind)| kind == "image") {
        outline.lose("slide", place, "only an image, whose text is not read");
    }
    Ok(())
}

fn put(parts: &[Part], outline: &mut Outline) -> Result<()> {
    for part in parts {
        match part {
            Part::Text(text) => outline.text(&format!("{text}\n"))?,
            Part::Table(rows) => {
                outline.end_block()?;
                let mut table = Table::default();
                rows.iter().try_for_each(|row| table.row(row, false, outline))?;
                table.end(outline)?;
            }
        }
    }
    outline.end_block()
}

enum Part {
    Text(String),
    Table(Vec<Vec<String>>),
}

struct Shapes {
    is_visible: bool,
    title: String,
    parts: Vec<Part>,
}

/// The texts of the shapes of a slide, of its notes or of a diagram.
fn shapes(text: &str) -> Result<Shapes> {
    let mut shapes = Shapes { is_visible: true, title: String::new(), parts: Vec::new() };
    let mut kind = String::new();
    let mut paragraph = String::new();
    let mut rows: Option<Vec<Vec<String>>> = None;
    let (mut in_text, mut hidden) = (false, 0_usize);
    xml::read(text, &mut |node| {
        match node {
            Node::Open("Fallback", _) => hidden += 1,
            Node::Close("Fallback") => hidden = hidden.saturating_sub(1),
            _ if hidden > 0 => {}
            Node::Open("sld", attributes) => shapes.is_visible = attributes.is_on("show"),
            Node::Open("sp" | "graphicFrame" | "pt", _) => kind.clear(),
            Node::Open("ph", attributes) => kind = attributes.get("type").unwrap_or_default(),
            Node::Open("t", _) => in_text = true,
            Node::Close("t") => in_text = false,
            Node::Text(text) if in_text => paragraph.push_str(text),
            Node::Open("br" | "tab", _) => paragraph.push(' '),
            Node::Open("tbl", _) => rows = Some(Vec::new()),
            Node::Open("tr", _) => rows.iter_mut().for_each(|rows| rows.push(Vec::new())),
            Node::Open("tc", _) => {
                let row = rows.as_mut().and_then(|rows| rows.last_mut());
                row.filter(|row| row.len() < COLUMNS)
                    .into_iter()
                    .for_each(|row| row.push(String::new()));
            }
            Node::Close("tbl") => shapes.parts.extend(rows.take().map(Part::Table)),
            Node::Close("p") => {
                let text = std::mem::take(&mut paragraph);
                let cell = rows.as_mut().and_then(|rows| rows.last_mut()?.last_mut());
                match (cell, kind.as_str()) {
                    _ if text.trim().is_empty() => {}
                    (_, "sldNum" | "dt") => {}
                    (Some(cell), _) => {
                        cell.push(' ');
                        cell.push_str(&text);
                    }
                    (None, "title" | "ctrTitle") => {
                        shapes.title.push(' ');
                        shapes.title.push_str(&text);
                    }
                    (None, _) => shapes.parts.push(Part::Text(text)),
                }
            }
            Node::Open(..) | Node::Close(_) | Node::Text(_) => {}
        }
        Ok(())
    })?;
    Ok(shapes)
}
