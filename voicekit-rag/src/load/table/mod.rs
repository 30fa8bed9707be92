//! Tables of separated values: a block for each row, under the text that names it.

mod header;
mod rows;

use voicekit_core::error::Result;

use self::header::Header;
use self::rows::{Row, rows};
use super::outline::{self, Outline};

/// Names of columns whose cells say what a row is about.
const NAMING: &[&str] = &["question", "frage", "q", "prompt", "title", "name", "topic", "subject"];

pub(super) fn read(text: &str, outline: &mut Outline) -> Result<()> {
    let (mut rows, broken) = rows(text);
    for (line, why) in broken {
        outline.lose("row", format!("line {line}"), why);
    }
    let width = rows::width(&rows);
    let titles = titles(&mut rows, width);
    if let Some((first, rest)) = titles.split_first() {
        outline.title(first);
        for line in rest {
            outline.text(line)?;
            outline.end_block()?;
        }
    }
    rows.retain(|row| !row.is_comment(width));
    let header = Header::of(&rows);
    let skipped = usize::from(header.is_some());
    for row in rows.iter().skip(skipped) {
        match &header {
            Some(header) => put(row, &header.columns, outline)?,
            None => put_unnamed(row, outline)?,
        }
    }
    Ok(())
}

/// The lines above a table that say what it is.
fn titles(rows: &mut Vec<Row>, width: usize) -> Vec<String> {
    let alone = |row: &Row| row.cells.iter().filter(|cell| !cell.is_empty()).count() == 1;
    let above = rows.iter().take_while(|row| width > 1 && alone(row)).count();
    if above == rows.len() {
        return Vec::new();
    }
    let titles: Vec<Row> = rows.drain(..above).filter(|row| !row.is_comment(width)).collect();
    titles.into_iter().flat_map(|row| row.cells).filter(|cell| !cell.is_empty()).collect()
}

fn put(row: &Row, columns: &[String], outline: &mut Outline) -> Result<()> {
    let mut cells = row.cells.clone();
    // What is beyond the last column belongs to its text.
    if cells.len() > columns.len() && columns.len() > 1 {
        let beyond: Vec<String> =
            cells.drain(columns.len()..).filter(|cell| !cell.is_empty()).collect();
        if let Some(last) = cells.last_mut() {
            for cell in beyond {
                if !last.is_empty() {
                    last.push_str(", ");
                }
                last.push_str(&cell);
            }
        }
    }
    let naming = NAMING.iter().find_map(|name| {
        let place = columns.iter().position(|column| column.eq_ignore_ascii_case(name))?;
        cells.get(place).filter(|cell| !cell.is_empty())
    });
    let first = cells.iter().find(|cell| cell.chars().any(char::is_alphabetic));
    let heading = naming.or(first).or_else(|| cells.iter().find(|cell| !cell.is_empty()));
    outline.whole(heading.map(String::as_str), &outline::row(columns, &cells))
}

/// Puts a row of a table that names no columns.
fn put_unnamed(row: &Row, outline: &mut Outline) -> Result<()> {
    let cells: Vec<&str> =
        row.cells.iter().map(String::as_str).filter(|cell| !cell.is_empty()).collect();
    let Some((first, rest)) = cells.split_first() else { return Ok(()) };
    if rest.is_empty() {
        return outline.whole(None, first);
    }
    let between = if first.ends_with([':', '?', '!', '.']) { " " } else { ": " };
    outline.whole(Some(first), &format!("{first}{between}{}", rest.join(", ")))
}
