//! Rows become paragraphs in reading order: columns one after the other, tables row by row.

use super::glyphs::Glyph;
use super::lines::{CELL_GAP, Row, Segment, compare, rows};

/// The most rows of a pair of columns: finding them takes the square of their number.
const ROWS: usize = 150;

/// The paragraphs of a page, in reading order. A row of a table is one line.
pub(super) fn paragraphs(glyphs: &[Glyph]) -> Vec<String> {
    let mut paragraphs = Vec::new();
    for glyphs in directions(glyphs) {
        read(rows(&glyphs), 0, &mut paragraphs);
    }
    paragraphs
}

/// The glyphs by the direction of their text, in steps of 15 degrees; most text first.
fn directions(glyphs: &[Glyph]) -> Vec<Vec<Glyph>> {
    let mut groups: Vec<(i64, Vec<Glyph>)> = Vec::new();
    for glyph in glyphs {
        #[expect(clippy::cast_possible_truncation, reason = "between -12 and 12")]
        let step = (glyph.along.y.atan2(glyph.along.x).to_degrees() / 15.0).round() as i64;
        let step = step.rem_euclid(24);
        match groups.iter_mut().find(|(other, _)| *other == step) {
            Some((_, group)) => group.push(glyph.clone()),
            None => groups.push((step, vec![glyph.clone()])),
        }
    }
    groups.sort_by_key(|(_, group)| std::cmp::Reverse(group.len()));
    groups.into_iter().map(|(_, group)| group).collect()
}

/// Reads `rows`; within a column, other columns are looked for to a depth of three.
fn read(rows: Vec<Row>, depth: usize, paragraphs: &mut Vec<String>) {
    let mut plain: Vec<Row> = Vec::new();
    let mut from = 0;
    while from < rows.len() {
        let found = if depth < 3 { columns(&rows[from..]) } else { None };
        let Some((count, gutter)) = found else {
            plain.push(rows[from].clone());
            from += 1;
            continue;
        };
        flow(&std::mem::take(&mut plain), paragraphs);
        let band = &rows[from..from + count];
        for is_left in [true, false] {
            let side = band.iter().filter_map(|row| row.side(gutter, is_left)).collect();
            read(side, depth + 1, paragraphs);
        }
        from += count;
    }
    flow(&plain, paragraphs);
}

impl Row {
    /// The part of the row on one side of `gutter`.
    fn side(&self, gutter: f64, is_left: bool) -> Option<Self> {
        let on_side = |segment: &&Segment| (segment.left < gutter) == is_left;
        let segments: Vec<Segment> = self.segments.iter().filter(on_side).cloned().collect();
        let size = segments.iter().map(|segment| segment.size).fold(0.0, f64::max);
        let baseline = segments.first()?.baseline;
        Some(Self { segments, baseline, size })
    }

    fn left(&self) -> f64 {
        self.segments.iter().map(|segment| segment.left).fold(f64::INFINITY, f64::min)
    }

    fn right(&self) -> f64 {
        self.segments.iter().map(|segment| segment.right).fold(f64::NEG_INFINITY, f64::max)
    }
}

/// How many of the first rows stand in two columns of text, and what is between the columns.
fn columns(rows: &[Row]) -> Option<(usize, f64)> {
    let first = rows.first()?;
    let mut taken: Vec<(f64, f64)> = Vec::new();
    let mut best = None;
    for (nth, row) in rows.iter().take(ROWS).enumerate() {
        for segment in &row.segments {
            take(&mut taken, segment.left, segment.right);
        }
        let gutters = gutters(&taken, first.size);
        if taken.len() == 1 && nth > 0 && best.is_some() {
            break;
        }
        if taken.len() == 1 && nth > 3 {
            break;
        }
        let seen = &rows[..=nth];
        if let Some(gutter) = gutters.into_iter().find(|gutter| is_text(seen, *gutter)) {
            best = Some((nth + 1, gutter));
        }
    }
    best
}

/// Marks the part of a line from `left` to `right` as taken; `taken` stays in order.
fn take(taken: &mut Vec<(f64, f64)>, left: f64, right: f64) {
    let (mut left, mut right) = (left, right);
    taken.retain(|(start, end)| {
        let is_apart = *end < left || *start > right;
        if !is_apart {
            left = left.min(*start);
            right = right.max(*end);
        }
        is_apart
    });
    let place = taken.partition_point(|(start, _)| *start < left);
    taken.insert(place, (left, right));
}

/// The middles of the free spaces that are wide enough, the widest first.
fn gutters(taken: &[(f64, f64)], size: f64) -> Vec<f64> {
    let pairs = taken.iter().zip(taken.iter().skip(1));
    let mut free: Vec<(f64, f64)> = pairs
        .map(|((_, end), (start, _))| (start - end, f64::midpoint(*start, *end)))
        .filter(|(width, _)| *width >= size * CELL_GAP * 0.85)
        .collect();
    free.sort_by(|a, b| compare(b.0, a.0));
    free.into_iter().map(|(_, middle)| middle).collect()
}

/// Whether both sides of the gutter hold running text and not the cells of a table: at least three
/// rows each, of four words or more on the average.
fn is_text(rows: &[Row], gutter: f64) -> bool {
    [true, false].into_iter().all(|is_left| {
        let (mut lines, mut words, mut parts) = (0, 0, 0);
        for row in rows {
            let Some(side) = row.side(gutter, is_left) else { continue };
            lines += 1;
            parts += side.segments.len();
            let count = |segment: &Segment| segment.text.split_whitespace().count();
            words += side.segments.iter().map(count).sum::<usize>();
        }
        lines >= 3 && words >= lines * 4 && parts <= lines * 2
    })
}

/// Joins the rows of one column to paragraphs.
fn flow(rows: &[Row], paragraphs: &mut Vec<String>) {
    let right = rows.iter().map(Row::right).fold(f64::NEG_INFINITY, f64::max);
    let leading = leading(rows);
    let mut open: Option<(String, &Row)> = None;
    for (nth, row) in rows.iter().enumerate() {
        let cells: Vec<&str> = row.segments.iter().map(|segment| segment.text.trim()).collect();
        // A single row with wide gaps is a line of text, several are a table.
        let is_table = |row: Option<&Row>| row.is_some_and(|row| row.segments.len() > 1);
        let is_cell = is_table(rows.get(nth + 1)) || (nth > 0 && is_table(rows.get(nth - 1)));
        let text = cells.join(if is_cell { ", " } else { " " });
        open = Some(match open.take() {
            Some((mut so_far, before)) if goes_on(before, row, leading, right) => {
                append(&mut so_far, &text);
                (so_far, row)
            }
            before => {
                paragraphs.extend(before.map(|(text, _)| text));
                (text, row)
            }
        });
    }
    paragraphs.extend(open.map(|(text, _)| text));
}

/// The distance of baselines within paragraphs, in parts of the font's size: larger ones are between
/// them.
fn leading(rows: &[Row]) -> f64 {
    let pairs = rows.iter().zip(rows.iter().skip(1));
    let mut steps: Vec<f64> = pairs
        .map(|(a, b)| (a.baseline - b.baseline) / a.size.max(0.01))
        .filter(|step| (0.5..3.0).contains(step))
        .collect();
    steps.sort_by(|a, b| compare(*a, *b));
    steps.get(steps.len() / 4).copied().unwrap_or(1.2)
}

/// Whether `row` continues the paragraph of the row before it. The column ends at `right`.
fn goes_on(before: &Row, row: &Row, leading: f64, right: f64) -> bool {
    let (Some(last), [only]) = (before.segments.last(), row.segments.as_slice()) else {
        return false;
    };
    let size = before.size.max(row.size).max(0.01);
    let step = (before.baseline - row.baseline) / size;
    let is_same_size = (before.size - row.size).abs() <= size * 0.12;
    let is_near = step <= leading * 1.25 && step > -0.5;
    if before.segments.len() > 1 || !is_same_size || !is_near || begins_item(&only.text) {
        return false;
    }
    // A hyphen at the end promises more.
    if last.text.ends_with(['-', '\u{ad}']) {
        return true;
    }
    // A row that had room for the next word has been ended on purpose.
    let word = only.text.split_whitespace().next().map_or(0, |word| word.chars().count());
    let needed = (word as f64 + 1.0) * size * 0.5;
    let is_full = last.right + needed >= right;
    let is_indented = only.left > before.left() + size * 0.8;
    is_full && !is_indented
}

fn begins_item(text: &str) -> bool {
    let first = text.split_whitespace().next().unwrap_or_default();
    let is_bullet =
        matches!(first, "•" | "-" | "–" | "—" | "*" | "▪" | "■" | "●" | "○" | "o" | "‣" | "·");
    let is_number = first.ends_with(['.', ')'])
        && first.len() <= 4
        && first.starts_with(|c: char| c.is_ascii_digit());
    is_bullet || is_number
}

/// Adds a row to a paragraph; a word that was divided at the end of the row is put together.
fn append(text: &mut String, row: &str) {
    let goes_on = row.starts_with(char::is_lowercase);
    let is_divided = text.ends_with('\u{ad}')
        || (goes_on
            && text.strip_suffix('-').is_some_and(|text| text.ends_with(char::is_alphabetic)));
    if is_divided {
        text.pop();
    } else if !text.ends_with('-') {
        text.push(' ');
    }
    text.push_str(row);
}
