//! Files as people and programs write them, and the blocks that become of them.
//!
//! Each file in `tests/data/documents` has its blocks beside it in `expected`: headings between `#`
//! and `/`, then the text, with `=` before the text of a block that stands for itself; `!` begins
//! what was lost. `VOICEKIT_WRITE_EXPECTED=1` writes them anew, to be read before they are committed.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use voicekit_rag::load::{Format, Limits, load};

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/documents")
}

/// The blocks of a file in a form for people.
fn blocks(path: &Path) -> String {
    let format = Format::of(path).unwrap();
    let bytes = fs::read(path).unwrap();
    let loaded = match load(format, "file name", &bytes, &Limits::default()) {
        Ok(loaded) => loaded,
        Err(error) => return format!("! {}\n", error.message()),
    };
    let mut text = String::new();
    for block in loaded.blocks {
        writeln!(text, "# {}", block.headings.join(" / ")).unwrap();
        let mark = if block.whole { "= " } else { "" };
        writeln!(text, "{mark}{}", block.text).unwrap();
    }
    for loss in loaded.losses {
        writeln!(text, "! {loss}").unwrap();
    }
    text
}

#[test]
fn each_file_becomes_the_blocks_that_a_reader_would_want() {
    let write = std::env::var_os("VOICEKIT_WRITE_EXPECTED").is_some();
    let expected = directory().join("expected");
    if write {
        fs::create_dir_all(&expected).unwrap();
    }
    let mut names = BTreeSet::new();
    let mut wrong = String::new();
    for entry in fs::read_dir(directory()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            continue;
        }
        let name = format!("{}.txt", path.file_name().unwrap().to_str().unwrap());
        let blocks = blocks(&path);
        if write {
            fs::write(expected.join(&name), &blocks).unwrap();
        }
        let wanted = fs::read_to_string(expected.join(&name)).unwrap_or_default();
        if blocks != wanted {
            writeln!(wrong, "--- {name}\n{wanted}+++ is\n{blocks}").unwrap();
        }
        names.insert(name);
    }
    assert!(names.len() >= 110, "{}", names.len());
    assert!(wrong.is_empty(), "{wrong}");
    let known = fs::read_dir(expected).unwrap();
    let known: BTreeSet<String> =
        known.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(known, names, "each expectation belongs to a file");
}

#[test]
fn binary_files_are_refused_by_name() {
    for (bytes, problem) in [
        (&b"\x89PNG\r\n\x1a\n\0\0\0"[..], "is a PNG image, not text"),
        (b"%PDF-1.7\n", "is a PDF, not text"),
        (b"PK\x03\x04\0\0", "is a ZIP archive or an Office document, not text"),
        (b"{\\rtf1 text}", "is RTF, not text"),
        (b"text\0\0\0\x01\x02\x03\0\0more", "is binary data"),
        (b"\xff\x00\x01\x02\xfe\x00\x03\x00\x00\x00\x01", "is binary data"),
    ] {
        for format in [Format::Text, Format::Markdown, Format::Html, Format::Table, Format::Json] {
            let failure = load(format, "", bytes, &Limits::default()).unwrap_err();
            assert!(failure.message().contains(problem), "{failure} for {format:?}");
        }
    }
}

#[test]
fn json_that_is_none_says_where() {
    for (text, problem) in [
        ("{\n  \"a\": 1,\n  \"b\": ]\n}", "line 3, column 8"),
        ("[1, 2", "line 1, column 1"),
        ("{\"a\": \"open\n", "line 1, column 7"),
        ("not json", "line 1, column 1"),
    ] {
        let failure = load(Format::Json, "", text.as_bytes(), &Limits::default()).unwrap_err();
        assert!(failure.message().contains(problem), "{failure}");
    }
}

#[test]
fn pages_made_to_break_a_reader_are_read_in_time() {
    let deep = "<b>".repeat(50_000) + "deep";
    let fonts: String = (0..20_000).map(|n| format!("<p><font size={n}>text")).collect();
    let tables = "<table><tr><td>".repeat(5_000) + "deep";
    let spans = "<table>".to_owned() + &"<tr><td rowspan=999 colspan=999>x<td>y".repeat(3_000);
    let lists = "<ul><li>".repeat(20_000) + "deep";
    let details = "<details><summary>s</summary>".repeat(5_000) + "deep";
    for page in [deep, fonts, tables, spans, lists, details] {
        let _ = load(Format::Html, "", page.as_bytes(), &Limits::default());
    }
    for text in [
        "> ".repeat(20_000),
        "!!! a\n    ".repeat(2_000),
        ":::a\n".repeat(5_000),
        "{{".repeat(20_000),
        "[^a]: x\n\n[^a]\n\n".repeat(2_000),
        "**a**\n\n".repeat(5_000),
    ] {
        let _ = load(Format::Markdown, "", text.as_bytes(), &Limits::default());
    }
    let quotes = "\"a,b\n".repeat(20_001);
    let _ = load(Format::Table, "", quotes.as_bytes(), &Limits::default());
    let brackets = "[{\"a\":".repeat(20_000);
    let _ = load(Format::JsonLines, "", brackets.as_bytes(), &Limits::default());
}
