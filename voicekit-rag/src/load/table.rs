//! Tables: a block for each row, under the text of its first cell.

use csv::{ReaderBuilder, Trim};
use voicekit_core::error::Result;

use super::outline::{self, Outline};
use super::rejected;

pub(super) fn read(text: &str, outline: &mut Outline) -> Result<()> {
    let mut reader = ReaderBuilder::new()
        .delimiter(delimiter(text))
        .flexible(true)
        .trim(Trim::All)
        .from_reader(text.as_bytes());
    let broken = |error: csv::Error| rejected("is not a table").with_source(error);
    let columns: Vec<String> =
        reader.headers().map_err(broken)?.iter().map(str::to_owned).collect();
    for record in reader.records() {
        let cells: Vec<String> = record.map_err(broken)?.iter().map(str::to_owned).collect();
        let heading = cells.first().map(String::as_str);
        outline.whole(heading, &outline::row(&columns, &cells))?;
    }
    Ok(())
}

/// What the first line has most of: commas, semicolons or tabs.
fn delimiter(text: &str) -> u8 {
    let first = text.lines().next().unwrap_or_default();
    let count = |wanted: u8| first.bytes().filter(|byte| *byte == wanted).count();
    [b',', b';', b'\t'].into_iter().rev().max_by_key(|wanted| count(*wanted)).unwrap_or(b',')
}
