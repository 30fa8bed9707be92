//! PDF: the text of each page in reading order.
//!
//! A content stream places glyphs; spaces, lines and columns are only seen in their positions.
//! [`glyphs`] collects the glyphs while `hayro` interprets the page (its fonts, form objects and
//! annotations included), [`fonts`] finds characters that fonts do not say, [`lines`] makes words and rows of them, and [`layout`] paragraphs.
//!
//! Pages that are only images, and fonts that do not say which characters they draw, are losses.

mod bounds;
mod fonts;
mod form;
mod glyphs;
mod layout;
mod lines;
mod script;

use std::panic::{AssertUnwindSafe, catch_unwind};

use hayro_interpret::hayro_syntax::page::Page as Source;
use hayro_interpret::hayro_syntax::{DecryptionError, LoadPdfError, Pdf};
use hayro_interpret::kurbo::{Affine, Rect};
use hayro_interpret::{Context, InterpreterCache, InterpreterSettings, interpret_page};
use voicekit_core::error::Result;

use self::fonts::Characters;
use self::glyphs::{Budget, Page, Unknown};
use crate::load::outline::Outline;
use crate::load::rejected;

/// Pages that are read.
const PAGES: usize = 5000;
/// Drawing steps of a document, such as glyphs and shapes: a page of dense text takes 5,000.
const STEPS: u64 = 10_000_000;
/// Drawing steps of one page, so that one page cannot use up the document's.
const PAGE_STEPS: u64 = 500_000;

pub(super) fn read(bytes: &[u8], outline: &mut Outline) -> Result<()> {
    bounds::check(bytes)?;
    // The interpreter is robust, but a file that breaks it must not break the ingestion.
    let read = catch_unwind(AssertUnwindSafe(|| document(bytes, outline)));
    read.unwrap_or_else(|_| Err(rejected("is a PDF that cannot be read")))
}

fn document(bytes: &[u8], outline: &mut Outline) -> Result<()> {
    let pdf = Pdf::new(bytes.to_vec()).map_err(refused)?;
    if pdf.pages().iter().next().is_none() {
        return Err(rejected("has no page that can be read: it is broken"));
    }
    let cache = InterpreterCache::new();
    let characters = Characters::new(&pdf);
    let mut left = STEPS;
    for (page, number) in pdf.pages().iter().zip(1..) {
        let place = format!("page {number}");
        if number > PAGES || left == 0 {
            outline.lose("page", place, "the document is too long");
            continue;
        }
        let steps = left.min(PAGE_STEPS);
        let Some(content) = interpreted(&pdf, page, &cache, &characters, steps) else {
            outline.lose("page", place, "too complex, or broken");
            left = left.saturating_sub(steps);
            continue;
        };
        left = left.saturating_sub(content.steps);
        outline.heading(2, &format!("Page {number}"))?;
        for paragraph in &content.paragraphs {
            outline.text(paragraph)?;
            outline.text("\n")?;
        }
        outline.end_block()?;
        report(&content, &place, outline);
    }
    Ok(())
}

fn refused(error: LoadPdfError) -> voicekit_core::error::Error {
    match error {
        LoadPdfError::Decryption(DecryptionError::PasswordProtected) => {
            rejected("is a PDF with a password: save a copy without one")
        }
        LoadPdfError::Decryption(_) => rejected("is a PDF with an unknown encryption"),
        LoadPdfError::Invalid => rejected("is not a PDF, or broken"),
    }
}

/// What a page holds.
struct Content {
    paragraphs: Vec<String>,
    /// Glyphs whose character is unknown, per font.
    unknown: Vec<(String, Unknown)>,
    /// Number of glyphs whose character is known.
    glyphs: usize,
    images: f64,
    shapes: usize,
    steps: u64,
}

/// The content of a page; `None` if it takes more than `steps`, or breaks the interpreter.
fn interpreted<'a>(
    pdf: &'a Pdf,
    source: &Source<'a>,
    cache: &InterpreterCache<'a>,
    characters: &Characters<'_>,
    steps: u64,
) -> Option<Content> {
    let bounds = visible(source);
    let settings = InterpreterSettings::default();
    let mut context = Context::new(Affine::IDENTITY, bounds, cache, pdf.xref(), settings);
    let mut budget = Budget::new(steps);
    let mut page = Page::new(bounds, &mut budget, characters);
    let work = AssertUnwindSafe(|| interpret_page(source, &mut context, &mut page));
    catch_unwind(work).ok()?;
    form::add_texts(source, &mut page);
    let paragraphs = layout::paragraphs(&page.glyphs);
    let Page { glyphs, unknown, images, shapes, .. } = page;
    let (glyphs, unknown) = (glyphs.len(), unknown.into_iter().collect());
    let steps = steps - budget.left();
    Some(Content { paragraphs, unknown, glyphs, images, shapes, steps })
}

/// The part of a page that is shown. Viewers ignore a box without any area, and fall back to letter
/// paper.
fn visible(source: &Source<'_>) -> Rect {
    let boxes = [source.intersected_crop_box(), source.media_box()];
    let mut boxes = boxes.map(|area| Rect::new(area.x0, area.y0, area.x1, area.y1)).into_iter();
    let letter = Rect::new(0.0, 0.0, 612.0, 792.0);
    boxes.find(|area| area.width() > 0.0 && area.height() > 0.0).unwrap_or(letter)
}

/// Records what of a page could not be read.
fn report(content: &Content, place: &str, outline: &mut Outline) {
    for (font, Unknown { count, adjacent }) in &content.unknown {
        // A few are bullets and icons.
        if *count < 20 && *count * 20 < content.glyphs && *adjacent < 3 {
            continue;
        }
        let why = format!("{font} does not say which characters its glyphs are");
        outline.lose("font", place, why);
    }
    let words = |text: &String| text.split_whitespace().count();
    let words: usize = content.paragraphs.iter().map(words).sum();
    if words == 0 && content.images > 0.2 {
        outline.lose("page", place, "only a scanned image: make its text recognizable (OCR)");
    } else if words < 12 && content.images > 0.8 {
        outline.lose("page", place, "mostly an image, whose text is not read");
    } else if words == 0 && content.unknown.is_empty() && content.shapes > 100 {
        outline.lose("page", place, "its text is drawn as shapes");
    }
}
