//! PDF: a block for each page.

use std::panic::{AssertUnwindSafe, catch_unwind};

use lopdf::{Document, LoadOptions};
use voicekit_core::error::Result;

use super::outline::Outline;
use super::rejected;

/// The most that a stream or the drawing of a page may unpack to, in bytes: a page of dense text is
/// below 1 MB.
const STREAM: usize = 16 << 20;
/// Pages that are looked at.
const PAGES: usize = 5000;

pub(super) fn read(bytes: &[u8], outline: &mut Outline) -> Result<()> {
    // The reader is robust, but a file that breaks it must not break the ingestion.
    let read = catch_unwind(AssertUnwindSafe(|| pages(bytes, outline)));
    read.unwrap_or_else(|_| Err(rejected("is a PDF that cannot be read")))
}

fn pages(bytes: &[u8], outline: &mut Outline) -> Result<()> {
    let options = LoadOptions { max_decompressed_size: Some(STREAM), ..LoadOptions::default() };
    let document = Document::load_mem_with_options(bytes, options)
        .map_err(|error| rejected("is not a PDF, or broken").with_source(error))?;
    if document.is_encrypted() {
        return Err(rejected("is a PDF with a password"));
    }
    for number in document.get_pages().into_keys().take(PAGES) {
        let text = document
            .extract_text_with_limit(&[number], STREAM)
            .map_err(|error| rejected(format!("has a broken page {number}")).with_source(error))?;
        outline.heading(2, &format!("Page {number}"))?;
        outline.text(&text)?;
        outline.end_block()?;
    }
    Ok(())
}
