//! The glyphs of a page with their positions, as its content streams draw them.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::resume_unwind;

use hayro_interpret::font::{Glyph as Drawn, GlyphRun};
use hayro_interpret::hayro_cmap::{BfString, WritingMode};
use hayro_interpret::hayro_syntax::object::{Dict, String as Bytes};
use hayro_interpret::kurbo::{Affine, BezPath, Point, Rect, Vec2};
use hayro_interpret::{
    BlendMode, ClipPath, Device, DrawMode, DrawProps, Image, ImageDrawProps, SoftMask,
};

use super::fonts::Characters;

/// Fonts of a page that are named as unreadable.
const FONTS: usize = 16;

/// A piece of text at its place: usually one character.
#[derive(Clone, Debug)]
pub(super) struct Glyph {
    pub(super) text: String,
    /// The start of its baseline, in points; y grows upwards.
    pub(super) origin: Point,
    /// The direction in which text goes on, of length one.
    pub(super) along: Vec2,
    /// The distance to the start of the next glyph, in points.
    pub(super) advance: f64,
    /// The size of the font, in points.
    pub(super) size: f64,
}

/// The work that a document may cause, counted so that its end does not depend on the clock.
#[derive(Debug)]
pub(super) struct Budget {
    left: u64,
}

/// The payload with which an interpretation is unwound when its budget is spent.
#[derive(Debug)]
pub(super) struct Spent;

impl Budget {
    pub(super) fn new(steps: u64) -> Self {
        Self { left: steps }
    }

    /// Takes one step. Unwinds with [`Spent`] if none is left: the interpreter has no other way
    /// to be stopped.
    fn step(&mut self) {
        self.spend(1);
    }

    /// Takes the steps of a form object, which is read anew whenever it is drawn.
    fn form(&mut self) {
        self.spend(10);
    }

    fn spend(&mut self, steps: u64) {
        match self.left.checked_sub(steps) {
            Some(left) => self.left = left,
            None => resume_unwind(Box::new(Spent)),
        }
    }

    /// Steps that are left.
    pub(super) fn left(&self) -> u64 {
        self.left
    }
}

/// Collects what is drawn on a page.
pub(super) struct Page<'b> {
    pub(super) glyphs: Vec<Glyph>,
    /// Glyphs without a known character, per font.
    pub(super) unknown: BTreeMap<String, Unknown>,
    /// The part of the page that images cover, from 0 to about 1 per full-page image.
    pub(super) images: f64,
    /// Number of filled or stroked shapes.
    pub(super) shapes: usize,
    bounds: Rect,
    budget: &'b mut Budget,
    characters: &'b Characters<'b>,
    /// The replacement texts of the open marked sequences.
    marked: Vec<Option<Replacement>>,
    /// Places at which a text was drawn, to know text that is drawn twice.
    seen: BTreeSet<(i64, i64, String)>,
    /// Glyphs without a known character since the last one with a character.
    adjacent: usize,
}

/// Glyphs of a font without a known character.
#[derive(Debug, Default)]
pub(super) struct Unknown {
    pub(super) count: usize,
    /// The most that follow one another: a word rather than bullets.
    pub(super) adjacent: usize,
}

#[derive(Debug)]
struct Replacement {
    text: String,
    is_used: bool,
}

impl<'b> Page<'b> {
    /// A page that shows `bounds`.
    pub(super) fn new(
        bounds: Rect,
        budget: &'b mut Budget,
        characters: &'b Characters<'b>,
    ) -> Self {
        Self {
            glyphs: Vec::new(),
            unknown: BTreeMap::new(),
            images: 0.0,
            shapes: 0,
            bounds,
            budget,
            characters,
            marked: Vec::new(),
            seen: BTreeSet::new(),
            adjacent: 0,
        }
    }

    /// Adds a text that is not drawn, such as the value of a form field.
    pub(super) fn put(&mut self, text: &str, origin: Point, size: f64) {
        let count = text.chars().count().max(1);
        let advance = size * 0.5 * count as f64;
        let along = Vec2::new(1.0, 0.0);
        self.glyphs.push(Glyph { text: text.to_owned(), origin, along, advance, size });
    }

    fn add_unknown(&mut self, glyph: &Drawn<'_>) {
        self.adjacent += 1;
        if self.unknown.len() < FONTS {
            let unknown = self.unknown.entry(font_name(glyph)).or_default();
            unknown.count += 1;
            unknown.adjacent = unknown.adjacent.max(self.adjacent);
        }
    }

    fn add(&mut self, glyph: Glyph) {
        let Point { x, y } = glyph.origin;
        if !(x.is_finite() && y.is_finite() && glyph.advance.is_finite() && glyph.size.is_finite())
        {
            return;
        }
        // What lies beside the page is not printed either.
        if !self.bounds.inflate(glyph.size, glyph.size).contains(glyph.origin) {
            return;
        }
        if !self.is_repeated(&glyph) {
            self.glyphs.push(glyph);
        }
    }

    /// Whether the same text has been drawn at the same place, as programs do to make it bold.
    fn is_repeated(&mut self, glyph: &Glyph) -> bool {
        if glyph.text.trim().is_empty() {
            return false;
        }
        // Bold is drawn a fortieth aside; the narrowest letters are a fifth wide.
        let cell = (glyph.size * 0.05).max(0.005);
        let place = |value: f64| -> i64 {
            #[expect(clippy::cast_possible_truncation, reason = "saturates")]
            let place = (value / cell).round() as i64;
            place
        };
        let (x, y) = (place(glyph.origin.x), place(glyph.origin.y));
        let around = [(0, 0), (-1, 0), (1, 0), (0, -1), (0, 1)];
        let is_there = around.iter().any(|(dx, dy)| {
            let key = (x.saturating_add(*dx), y.saturating_add(*dy), glyph.text.clone());
            self.seen.contains(&key)
        });
        self.seen.insert((x, y, glyph.text.clone()));
        is_there
    }

    /// The text of a glyph, unless it has none that is known.
    fn text(&mut self, glyph: &Drawn<'_>) -> Option<String> {
        if let Some(replaced) = self.marked.iter_mut().flatten().next() {
            let text = if replaced.is_used { String::new() } else { replaced.text.clone() };
            replaced.is_used = true;
            return Some(text);
        }
        let text = glyph.as_unicode().map(|text| match text {
            BfString::Char(c) => c.to_string(),
            BfString::String(text) => text,
        });
        let is_known = |text: &String| !text.is_empty() && text.chars().all(is_readable);
        text.filter(is_known).or_else(|| self.character(glyph).filter(is_known))
    }

    /// The character of a glyph whose font does not say it directly.
    fn character(&self, glyph: &Drawn<'_>) -> Option<String> {
        match glyph {
            Drawn::Outline(outline) => self.characters.of(outline),
            Drawn::Type3(_) => None,
        }
    }

    /// Adds an image of so many pixels, each of which fills a unit square of its space.
    fn image(&mut self, transform: Affine, pixels: f64) {
        self.images += transform.determinant().abs() * pixels / self.bounds.area().max(1.0);
    }
}

fn is_readable(c: char) -> bool {
    let is_private = matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..);
    !is_private && c != '\u{fffd}' && (!c.is_control() || c.is_whitespace())
}

fn font_name(glyph: &Drawn<'_>) -> String {
    let name = match glyph {
        Drawn::Outline(outline) => outline.font_data().and_then(|font| font.postscript_name),
        Drawn::Type3(_) => Some("Type 3".to_owned()),
    };
    // A subset's name begins with six letters and a plus sign.
    let name = name.unwrap_or_default();
    let bare = name.split_once('+').map_or(name.as_str(), |(_, bare)| bare);
    let bare: String = bare.chars().filter(|c| !c.is_control()).take(60).collect();
    if bare.is_empty() { "a font without a name".to_owned() } else { bare }
}

impl<'a> Device<'a> for Page<'_> {
    fn draw_path(&mut self, _: &BezPath, _: DrawProps<'a>, _: &DrawMode) {
        self.budget.step();
        self.shapes += 1;
    }

    fn push_clip_path(&mut self, _: &ClipPath) {
        self.budget.form();
    }

    fn push_clip_rect(&mut self, _: &Rect) {
        self.budget.form();
    }

    fn draw_rect(&mut self, _: &Rect, _: DrawProps<'a>, _: &DrawMode) {
        self.budget.step();
    }

    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'a>>, _: BlendMode) {
        self.budget.form();
    }

    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, 'a>, props: DrawProps<'a>, _: &DrawMode) {
        let is_vertical = run.writing_mode() == WritingMode::Vertical;
        for glyph in run.glyphs() {
            self.budget.step();
            let [a, b, c, d, x, y] = (props.transform * glyph.transform()).as_coeffs();
            let (right, up) = (Vec2::new(a, b), Vec2::new(c, d));
            // A glyph's space has 1,000 units per em.
            let size = up.hypot() * 1000.0;
            let units = match &**glyph {
                Drawn::Outline(outline) => outline.advance_width().map_or(500.0, f64::from),
                Drawn::Type3(shape) => shape.advance_width().map_or(500.0, f64::from),
            };
            let (along, advance) = match is_vertical {
                true => (-up, size),
                false => (right, right.hypot() * units),
            };
            let length = along.hypot();
            if length <= 0.0 || size <= 0.0 {
                continue;
            }
            let origin = Point::new(x, y);
            match self.text(glyph) {
                Some(text) => {
                    if !text.trim().is_empty() {
                        self.adjacent = 0;
                    }
                    let along = along / length;
                    self.add(Glyph { text, origin, along, advance, size });
                }
                None if self.bounds.contains(origin) => self.add_unknown(glyph),
                None => {}
            }
        }
    }

    fn draw_image(&mut self, image: Image<'a, '_>, props: ImageDrawProps<'a>) {
        self.budget.step();
        self.image(props.transform, f64::from(image.width()) * f64::from(image.height()));
    }

    fn pop_clip(&mut self) {
        self.budget.step();
    }

    fn pop_transparency_group(&mut self) {
        self.budget.step();
    }

    fn begin_marked_content(&mut self, _: &[u8], properties: Option<&Dict<'_>>) {
        self.budget.step();
        let text = properties.and_then(|properties| properties.get::<Bytes<'_>>("ActualText"));
        let text = text.map(|text| decode(text.as_bytes()));
        self.marked.push(text.map(|text| Replacement { text, is_used: false }));
    }

    fn end_marked_content(&mut self) {
        self.budget.step();
        self.marked.pop();
    }
}

/// A text string of PDF: UTF-16 or UTF-8 if it says so, or else close to Latin-1.
pub(super) fn decode(bytes: &[u8]) -> String {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes.as_chunks().0.iter().map(|pair| unit(*pair)).collect();
        String::from_utf16_lossy(&units)
    };
    match bytes {
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        bytes => bytes.iter().map(|byte| pdf_doc(*byte)).collect(),
    }
}

/// A byte of the encoding PDFDocEncoding, which differs from Latin-1 in these.
fn pdf_doc(byte: u8) -> char {
    match byte {
        0x80 => '•',
        0x84 => '—',
        0x85 => '–',
        0x8d => '“',
        0x8e => '”',
        0x8f => '‘',
        0x90 => '’',
        0x92 => '™',
        0x93 => 'ﬁ',
        0x94 => 'ﬂ',
        0xa0 => '€',
        byte => char::from(byte),
    }
}
