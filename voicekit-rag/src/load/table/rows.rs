//! Rows and cells, whatever separates them.

use std::collections::BTreeMap;

use csv::{ReaderBuilder, StringRecord, Trim};

/// What may separate cells; of those that do so equally well, the first.
const SEPARATORS: &[u8] = b"\t;|,";
/// Rows by which the separator is found.
const SAMPLE: usize = 100;
/// The beginning of a table in which they are, in bytes.
const HEAD: usize = 1 << 16;
/// The most lines of a cell.
const TALLEST: usize = 200;
/// Separates the cells of tables of one column.
const NONE: u8 = 0x1f;

/// A row of a table.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) cells: Vec<String>,
}

impl Row {
    /// Whether this is a remark of a program and not a row of a table of `width` columns.
    pub(super) fn is_comment(&self, width: usize) -> bool {
        let filled = self.cells.iter().filter(|cell| !cell.is_empty()).count();
        let marked = self.cells.first().is_some_and(|cell| {
            cell.strip_prefix('#')
                .is_some_and(|rest| rest.starts_with(|c: char| !c.is_ascii_digit()))
        });
        marked && width > 1 && filled < width && filled <= 2
    }
}

/// The number of cells that most rows have.
pub(super) fn width(rows: &[Row]) -> usize {
    let filled =
        |row: &Row| row.cells.iter().rposition(|cell| !cell.is_empty()).map_or(0, |at| at + 1);
    common(rows.iter().map(filled)).0
}

/// The rows of a table, and those that are broken: their lines, and why.
pub(super) fn rows(text: &str) -> (Vec<Row>, Vec<(usize, &'static str)>) {
    let (named, text, skipped) = named_separator(text);
    let separator = named.unwrap_or_else(|| separator(sample(text)));
    let dialect = Dialect { separator, escapes: escapes(text) };
    let mut rows = Vec::new();
    let mut broken = Vec::new();
    for (line, part) in parts(text, dialect) {
        match part {
            Err(why) => broken.push((line + skipped, why)),
            Ok(part) => rows.extend(row(part, dialect)),
        }
    }
    (rows, broken)
}

/// How a table is written.
#[derive(Clone, Copy)]
struct Dialect {
    separator: u8,
    /// Whether a backslash stands before quotes within quotes.
    escapes: bool,
}

/// The beginning of `text`, in whole lines.
fn sample(text: &str) -> &str {
    let head = &text[..text.floor_char_boundary(HEAD)];
    if head.len() == text.len() {
        text
    } else {
        head.rsplit_once('\n').map_or(head, |(head, _)| head)
    }
}

/// Whether quotes are escaped by backslashes, as some databases write them.
fn escapes(text: &str) -> bool {
    text.contains("\\\"") && !text.contains("\"\"")
}

fn row(part: &str, dialect: Dialect) -> Option<Row> {
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .delimiter(dialect.separator)
        .flexible(true)
        .escape(dialect.escapes.then_some(b'\\'))
        .trim(Trim::All)
        .from_reader(part.as_bytes());
    let mut record = StringRecord::new();
    // What was text stays text, and reading from memory does not fail.
    let read = reader.read_record(&mut record).unwrap_or_default();
    let cells: Vec<String> = record.iter().map(str::to_owned).collect();
    (read && cells.iter().any(|cell| !cell.is_empty())).then_some(Row { cells })
}

/// The separator that a first line such as `sep=;` names, as Excel does, and what is below it.
fn named_separator(text: &str) -> (Option<u8>, &str, usize) {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let line = first.trim_start().trim_end_matches(['\r', ' ']).trim_matches('"');
    let named = line.get(..4).filter(|start| start.eq_ignore_ascii_case("sep="));
    match named.and_then(|_| line.as_bytes().get(4)) {
        Some(separator) if line.len() == 5 && separator.is_ascii() => (Some(*separator), rest, 1),
        _ => (None, text, 0),
    }
}

/// What separates the cells of most rows into equally many.
fn separator(text: &str) -> u8 {
    let mut best = (0, 0, NONE);
    for separator in SEPARATORS {
        let dialect = Dialect { separator: *separator, escapes: escapes(text) };
        let parts = parts(text, dialect).into_iter().take(SAMPLE);
        let rows: Vec<Vec<String>> =
            parts.filter_map(|(_, part)| Some(row(part.ok()?, dialect)?.cells)).collect();
        let fractions = *separator == b',' && cuts_numbers(&rows);
        if *separator == b',' && is_prose(text) {
            continue;
        }
        let (width, count) = common(rows.iter().map(Vec::len));
        let share = count * 100 / rows.len().max(1);
        if width < 2 || share < 50 || (fractions && best.2 != NONE) {
            continue;
        }
        if (share, width.min(2)) > (best.0, best.1) {
            best = (share, width.min(2), *separator);
        }
    }
    if best.2 == NONE { mixed(text) } else { best.2 }
}

/// The separator of a table whose rows have different numbers of cells.
fn mixed(text: &str) -> u8 {
    let lines: Vec<&str> =
        text.lines().filter(|line| !line.trim().is_empty()).take(SAMPLE).collect();
    let has =
        |separator: u8| lines.iter().filter(|line| line.as_bytes().contains(&separator)).count();
    let most = SEPARATORS.iter().copied().find(|one| has(*one) == lines.len() && lines.len() > 1);
    most.unwrap_or(NONE)
}

/// Whether commas stand within numbers only, as in `3,50`.
fn cuts_numbers(rows: &[Vec<String>]) -> bool {
    let number = |pair: &[String]| {
        pair[0].ends_with(|c: char| c.is_ascii_digit())
            && pair[1].starts_with(|c: char| c.is_ascii_digit())
    };
    let cuts = |row: &Vec<String>| row.windows(2).all(number);
    rows.iter().filter(|row| row.len() > 1).all(cuts)
}

/// Whether commas stand within sentences only, below the name of a single column.
fn is_prose(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty()).take(SAMPLE);
    let named = lines.next().is_some_and(|line| !line.contains(','));
    let is_sentence = |line: &str| {
        line.ends_with(['.', '!', '?'])
            && line.split(',').skip(1).all(|after| after.starts_with(' '))
    };
    named && lines.all(is_sentence)
}

/// The most common of some numbers, above all greater than 1, and how often it is there.
fn common(numbers: impl Iterator<Item = usize>) -> (usize, usize) {
    let mut counts = BTreeMap::new();
    for number in numbers {
        *counts.entry(number).or_insert(0_usize) += 1;
    }
    counts.into_iter().max_by_key(|(number, count)| (*count, *number)).unwrap_or_default()
}

/// The text of each row with the number of its first line, or why it is broken.
fn parts(text: &str, dialect: Dialect) -> Vec<(usize, Result<&str, &'static str>)> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let starts: Vec<usize> = lines
        .iter()
        .scan(0, |end, line| {
            let start = *end;
            *end += line.len();
            Some(start)
        })
        .collect();
    let mut parts = Vec::new();
    let mut nth = 0;
    while nth < lines.len() {
        let mut state = Quotes::Outside;
        let mut end = nth;
        while end < lines.len() && end - nth < TALLEST {
            state = quotes(lines[end], dialect, state);
            end += 1;
            if state != Quotes::Open {
                break;
            }
        }
        let stop = starts.get(end).copied().unwrap_or(text.len());
        // A quote that ends within a later row was never closed in its own.
        if state == Quotes::Open || (state == Quotes::Stray && end - nth > 1) {
            parts.push((nth + 1, Err("its quote is not closed")));
            nth += 1;
            continue;
        }
        parts.push((nth + 1, Ok(&text[starts[nth]..stop])));
        nth = end;
    }
    parts
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Quotes {
    Outside,
    Open,
    /// Text follows on a closed quote.
    Stray,
}

/// The state after `line`.
fn quotes(line: &str, dialect: Dialect, before: Quotes) -> Quotes {
    let bytes = line.as_bytes();
    let mut open = before == Quotes::Open;
    let mut stray = before == Quotes::Stray;
    let (mut begins, mut closed) = (!open, false);
    let mut nth = 0;
    while let Some(byte) = bytes.get(nth) {
        nth += 1;
        if open {
            match byte {
                b'\\' if dialect.escapes => nth += 1,
                b'"' if bytes.get(nth) == Some(&b'"') => nth += 1,
                b'"' => (open, closed) = (false, true),
                _ => {}
            }
        } else if *byte == dialect.separator {
            (begins, closed) = (true, false);
        } else if *byte == b'"' && begins {
            (open, begins) = (true, false);
        } else if !byte.is_ascii_whitespace() {
            stray |= closed;
            begins = false;
        }
    }
    match (open, stray) {
        (true, _) => Quotes::Open,
        (false, true) => Quotes::Stray,
        (false, false) => Quotes::Outside,
    }
}
