//! Tables whose first row may name the columns.

use voicekit_core::error::Result;

use crate::load::outline::{Outline, row};

/// The most columns that are read; later ones are dropped.
pub(super) const COLUMNS: usize = 512;

/// Rows in order, of which the first with several texts names the columns.
#[derive(Debug, Default)]
pub(super) struct Table {
    columns: Option<Vec<String>>,
    /// The row that names the columns, if no other row has come.
    alone: bool,
}

impl Table {
    /// Adds a row. In a sheet each row stands for itself, under the text of its first cell.
    pub(super) fn row(
        &mut self,
        cells: &[String],
        is_sheet: bool,
        outline: &mut Outline,
    ) -> Result<()> {
        let filled = cells.iter().filter(|cell| !cell.trim().is_empty()).count();
        if filled == 0 {
            // After an empty row of a sheet, another table may begin.
            return if is_sheet { self.end(outline) } else { Ok(()) };
        }
        if self.columns.is_none() {
            if filled > 1 && cells.iter().all(|cell| is_name(cell)) {
                self.columns = Some(cells.to_vec());
                self.alone = true;
                return Ok(());
            }
            if filled > 1 {
                self.columns = Some(Vec::new());
            }
        }
        self.alone = false;
        let empty = Vec::new();
        let columns = self.columns.as_ref().filter(|_| filled > 1).unwrap_or(&empty);
        if is_sheet && filled > 1 {
            let heading = cells.iter().find(|cell| !cell.trim().is_empty());
            return outline.whole(heading.map(String::as_str), &row(columns, cells));
        }
        outline.row(columns, cells)?;
        if is_sheet { outline.end_block() } else { Ok(()) }
    }

    /// Ends the table. Column names without rows are content, too.
    pub(super) fn end(&mut self, outline: &mut Outline) -> Result<()> {
        let columns = self.columns.take();
        if let Some(columns) = columns.filter(|_| std::mem::take(&mut self.alone)) {
            outline.row(&[], &columns)?;
        }
        outline.end_block()
    }
}

/// Whether a cell may name its column: it is empty or has letters and is not a sentence.
fn is_name(cell: &str) -> bool {
    let cell = cell.trim();
    let begins_with_number = cell.starts_with(|c: char| c.is_ascii_digit());
    cell.is_empty()
        || (cell.chars().any(char::is_alphabetic)
            && !begins_with_number
            && cell.chars().count() <= 60)
}
