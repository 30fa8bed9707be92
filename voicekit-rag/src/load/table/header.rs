//! Whether the first row names the columns.

use super::super::outline::tidy;
use super::rows::Row;

/// The names of the columns.
pub(super) struct Header {
    pub(super) columns: Vec<String>,
}

/// What the text of a cell looks like.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Empty,
    Plain,
    /// Digits, also with currencies, units, times or dates.
    Number,
    Question,
    Sentence,
    Address,
}

impl Header {
    /// The header of a table; `None` if its first row looks like all others.
    pub(super) fn of(rows: &[Row]) -> Option<Self> {
        let (first, rest) = rows.split_first()?;
        let columns: Vec<String> = first.cells.iter().map(|cell| tidy(cell)).collect();
        let kinds: Vec<Kind> = columns.iter().map(|cell| kind(cell)).collect();
        let years = columns.iter().filter(|cell| is_year(cell)).count();
        let alike = kinds.iter().enumerate().any(|(place, kind)| {
            let same =
                |row: &&Row| row.cells.get(place).is_some_and(|cell| self::kind(cell) == *kind);
            let count = rest.iter().filter(same).count();
            *kind != Kind::Plain && *kind != Kind::Empty && count * 2 > rest.len().saturating_sub(1)
        });
        if columns.len() == 1 {
            return Self { columns }.of_one_column(rest);
        }
        let is_row = rest.is_empty()
            && kinds.iter().any(|kind| matches!(kind, Kind::Number | Kind::Sentence));
        ((!alike && !is_row) || years > 1).then_some(Self { columns })
    }

    /// The name of a single column is short, and what is below it is not.
    fn of_one_column(self, rest: &[Row]) -> Option<Self> {
        let name = self.columns.first()?;
        let long: usize = rest.iter().flat_map(|row| &row.cells).map(String::len).sum();
        let fits = kind(name) == Kind::Plain && long > 2 * name.len() * rest.len();
        (fits || rest.is_empty()).then_some(self)
    }
}

fn is_year(cell: &str) -> bool {
    cell.len() == 4
        && (cell.starts_with("19") || cell.starts_with("20"))
        && cell.bytes().all(|b| b.is_ascii_digit())
}

fn kind(cell: &str) -> Kind {
    let cell = cell.trim();
    let words = cell.split_whitespace().count();
    let digits = cell.chars().filter(char::is_ascii_digit).count();
    let letters = cell.chars().filter(|c| c.is_alphabetic()).count();
    if cell.is_empty() {
        Kind::Empty
    } else if cell.contains("://") || (cell.contains('@') && words == 1) {
        Kind::Address
    } else if cell.ends_with('?') {
        Kind::Question
    } else if digits > 0 && letters <= 3 {
        Kind::Number
    } else if cell.ends_with(['.', '!']) && words >= 2 {
        Kind::Sentence
    } else {
        Kind::Plain
    }
}
