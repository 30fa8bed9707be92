//! Glyphs become words, and words become rows: what stands on one baseline.

use std::cmp::Ordering;

use super::glyphs::Glyph;
use super::script;

/// The gap between two words, in parts of the font's size. A space is a quarter or more, a word gap
/// of justified text at least a sixth; kerning stays below a tenth.
const WORD_GAP: f64 = 0.13;
/// The gap between two cells or columns, in parts of the font's size.
pub(super) const CELL_GAP: f64 = 0.95;

/// The latest rows in which the row of a glyph is looked for.
const ROWS: usize = 300;

/// The most glyphs of runs that are put together.
const FILLED: usize = 1000;
/// Glyphs on either side of a place that may cover it.
const AROUND: usize = 3;

/// Text on one baseline without a wide gap. Coordinates are along the baseline (x) and upwards (y).
#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub(super) text: String,
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) baseline: f64,
    pub(super) size: f64,
}

/// The segments of one baseline, from left to right; at least one.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) segments: Vec<Segment>,
    pub(super) baseline: f64,
    pub(super) size: f64,
}

/// A glyph in the coordinates of its row.
#[derive(Clone, Debug)]
struct Placed {
    text: String,
    left: f64,
    right: f64,
    baseline: f64,
    size: f64,
}

/// The rows of the glyphs, whose text runs in one direction, from the top down.
pub(super) fn rows(glyphs: &[Glyph]) -> Vec<Row> {
    let mut rows: Vec<Vec<Placed>> = Vec::new();
    for glyph in glyphs {
        let placed = Placed::of(glyph);
        // Programs draw row by row, so that the row is most often one of the last.
        let mut near = rows.iter_mut().rev().take(ROWS);
        match near.find(|row| belongs(&row[0], &placed)) {
            Some(row) => row.push(placed),
            None => rows.push(vec![placed]),
        }
    }
    let mut rows: Vec<Row> = rows.into_iter().filter_map(row).collect();
    rows.sort_by(|a, b| compare(b.baseline, a.baseline));
    rows
}

impl Placed {
    fn of(glyph: &Glyph) -> Self {
        let Glyph { text, origin, along, advance, size } = glyph;
        let left = origin.x * along.x + origin.y * along.y;
        let baseline = origin.y * along.x - origin.x * along.y;
        let (advance, size) = (advance.max(0.0), *size);
        Self { text: text.clone(), left, right: left + advance, baseline, size }
    }
}

impl Placed {
    /// Whether it is a space, whose width says little. A glyph without text, which another one said,
    /// is none.
    fn is_blank(&self) -> bool {
        !self.text.is_empty() && self.text.trim().is_empty()
    }

    fn is_letter(&self) -> bool {
        self.text.trim().starts_with(char::is_alphanumeric)
    }
}

/// Whether a glyph stands in the row that begins with `first`: on its baseline, or next to it like
/// a superscript.
fn belongs(first: &Placed, glyph: &Placed) -> bool {
    let (large, small) = (first.size.max(glyph.size), first.size.min(glyph.size));
    let apart = (first.baseline - glyph.baseline).abs();
    if apart <= small * 0.15 {
        return true;
    }
    if large > small * 2.2 {
        return false;
    }
    // Glyphs are about 0.7 of their size high.
    let top = (first.baseline + first.size * 0.7).min(glyph.baseline + glyph.size * 0.7);
    let overlap = top - first.baseline.max(glyph.baseline);
    overlap >= large * 0.7 * 0.4
}

fn row(glyphs: Vec<Placed>) -> Option<Row> {
    let mut segments: Vec<Segment> =
        cells(filled(runs(glyphs))).iter().filter_map(|cell| segment(cell)).collect();
    if segments.iter().any(|segment| script::is_right_to_left(&segment.text)) {
        segments.reverse();
    }
    let largest = segments.iter().max_by(|a, b| compare(a.size, b.size))?;
    Some(Row { baseline: largest.baseline, size: largest.size, segments })
}

/// Glyphs that were drawn one after the other, each next to the one before; from left to right. What
/// was drawn over one another stays apart, and what was drawn twice, such as a shadow, comes once.
fn runs(glyphs: Vec<Placed>) -> Vec<Vec<Placed>> {
    let mut runs: Vec<Vec<Placed>> = Vec::new();
    let mut end = f64::NEG_INFINITY;
    for glyph in glyphs {
        let gap = (glyph.left - end) / glyph.size.max(0.01);
        if !glyph.is_blank() || runs.is_empty() {
            end = glyph.right;
        }
        match runs.last_mut() {
            Some(run) if (-0.5..CELL_GAP).contains(&gap) => run.push(glyph),
            _ => runs.push(vec![glyph]),
        }
    }
    runs.sort_by(|a, b| compare(a[0].left, b[0].left));
    let text = |run: &[Placed]| run.iter().map(|glyph| glyph.text.as_str()).collect::<String>();
    runs.dedup_by(|run, before| {
        let shift = run[0].left - before[0].left;
        run.len() > 2 && shift < run[0].size * 0.5 && text(run) == text(before)
    });
    runs
}

/// The runs, in which a run that fits into the gaps of the one before is part of it. Programs that
/// draw a text twice draw different glyphs each time, and a glyph that comes twice is kept once.
fn filled(runs: Vec<Vec<Placed>>) -> Vec<Vec<Placed>> {
    let mut filled: Vec<Vec<Placed>> = Vec::new();
    for run in runs {
        match filled.last_mut() {
            Some(before) if fits(before, &run) => {
                // A space that is drawn over letters does not separate them.
                let more: Vec<Placed> =
                    run.into_iter().filter(|glyph| has_room(before, glyph)).collect();
                before.extend(more);
                before.sort_by(|a, b| compare(a.left, b.left));
            }
            _ => filled.push(run),
        }
    }
    filled
}

/// Whether `other` begins within `run`, and none of its glyphs covers one of the run.
fn fits(run: &[Placed], other: &[Placed]) -> bool {
    if run.len() + other.len() > FILLED {
        return false;
    }
    let end = run.iter().map(|glyph| glyph.right).fold(f64::NEG_INFINITY, f64::max);
    let is_sorted = run.is_sorted_by(|a, b| a.left <= b.left);
    let mut drawn = other.iter().filter(|glyph| !glyph.is_blank());
    is_sorted && other[0].left < end && drawn.all(|glyph| has_room(run, glyph))
}

/// Whether no glyph of `run`, which is in order, covers more of `glyph` than kerning does. A space
/// is not kerned.
fn has_room(run: &[Placed], glyph: &Placed) -> bool {
    let next = run.partition_point(|other| other.left < glyph.left);
    let around = run[..next].iter().rev().take(AROUND).chain(run[next..].iter().take(AROUND));
    let covers = |other: &Placed| glyph.right.min(other.right) - glyph.left.max(other.left);
    let mut drawn = around.filter(|other| !other.is_blank());
    let most = if glyph.is_blank() { 0.05 } else { 0.15 };
    drawn.all(|other| covers(other) <= most * glyph.size)
}

/// The glyphs of each cell: runs with no wide gap between them.
fn cells(runs: Vec<Vec<Placed>>) -> Vec<Vec<Placed>> {
    let mut cells: Vec<Vec<Placed>> = Vec::new();
    let mut end = f64::NEG_INFINITY;
    for run in runs {
        let gap = run[0].left - end;
        let size = run[0].size.max(0.01);
        let drawn = run.iter().filter(|glyph| !glyph.is_blank());
        end = drawn.map(|glyph| glyph.right).fold(end, f64::max);
        match cells.last_mut() {
            Some(cell) if gap <= CELL_GAP * size => {
                // Text over other text is a word of its own.
                if gap < -0.5 * size && run.len() > 1 {
                    cell.push(Placed { text: " ".to_owned(), ..run[0].clone() });
                }
                cell.extend(run);
            }
            _ => cells.push(run),
        }
    }
    cells
}

fn segment(glyphs: &[Placed]) -> Option<Segment> {
    let gap = word_gap(glyphs);
    let mut segment: Option<Segment> = None;
    let mut is_spaced = false;
    for glyph in glyphs {
        let text = script::as_drawn(glyph.text.trim());
        // A space that is drawn separates words, however wide it is.
        is_spaced |= glyph.text.starts_with(char::is_whitespace);
        match &mut segment {
            Some(segment) => {
                let size = glyph.size.min(segment.size);
                let is_apart = is_spaced || glyph.left - segment.right > gap * size;
                if is_apart && !text.is_empty() {
                    segment.text.push(' ');
                }
                segment.text.push_str(&text);
                // Drawn spaces may be wider than they look; an empty text takes its room.
                if !text.is_empty() || glyph.text.is_empty() {
                    segment.right = segment.right.max(glyph.right);
                    segment.size = segment.size.max(glyph.size);
                }
            }
            None if text.is_empty() => {}
            None => {
                let Placed { left, right, baseline, size, .. } = *glyph;
                segment = Some(Segment { text: text.to_string(), left, right, baseline, size });
            }
        }
        if !text.is_empty() {
            is_spaced = glyph.text.ends_with(char::is_whitespace);
        }
    }
    let mut segment = segment?;
    segment.text = script::readable(&segment.text);
    Some(segment)
}

/// The gap from which on glyphs of a cell are different words, in parts of the font's size: more
/// where letters are spaced out. Other characters, such as the dots of a table of contents, only count
/// where there are few letters.
fn word_gap(glyphs: &[Placed]) -> f64 {
    let drawn =
        |(a, b): &(&Placed, &Placed)| !a.text.trim().is_empty() && !b.text.trim().is_empty();
    let mut pairs: Vec<(&Placed, &Placed)> =
        glyphs.iter().zip(glyphs.iter().skip(1)).filter(drawn).collect();
    let is_word = |(a, b): &(&Placed, &Placed)| a.is_letter() && b.is_letter();
    if pairs.iter().filter(|pair| is_word(pair)).count() >= 3 {
        pairs.retain(is_word);
    }
    let em = |a: &Placed, b: &Placed| a.size.min(b.size).max(0.01);
    let mut gaps: Vec<f64> = pairs.iter().map(|(a, b)| (b.left - a.right) / em(a, b)).collect();
    if gaps.len() < 3 {
        return WORD_GAP;
    }
    gaps.sort_by(|a, b| compare(*a, *b));
    let median = gaps[gaps.len() / 2];
    let mut pitches: Vec<f64> = pairs.iter().map(|(a, b)| (b.left - a.left) / em(a, b)).collect();
    pitches.sort_by(|a, b| compare(*a, *b));
    // Letters in a grid, whatever their own width is.
    let pitch = pitches[pitches.len() / 2];
    let in_grid = pitches.iter().filter(|one| (*one / pitch - 1.0).abs() < 0.04).count();
    let touching = gaps.iter().filter(|gap| gap.abs() < 0.05).count();
    let is_grid = in_grid * 10 >= pitches.len() * 7 && touching * 10 < gaps.len() * 6;
    if median < 0.3 && pitch > 0.3 && is_grid {
        return WORD_GAP.max(pitch * 0.7);
    }
    if median > WORD_GAP * 0.6 && median < 0.6 { median * 1.5 + 0.1 } else { WORD_GAP }
}

pub(super) fn compare(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or(Ordering::Equal)
}
