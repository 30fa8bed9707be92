//! Measures how many words of PDF documents are read, against poppler's `pdftotext`.
//!
//! ```sh
//! cargo run --release -p voicekit-rag --features pdf --example measure_documents -- DIR…
//! ```
//!
//! Prints a row for each directory, of the files in which `pdftotext` finds at least 20 words: how many
//! of them have at least 95 % and 70 % of these words here, and the share of all words. With `MISSED=1`
//! also prints each file below 95 %. For a file, prints its text.
//!
//! Words are compared in two ways. *As cut* compares them exactly as `pdftotext` writes them. *As
//! read* leaves out differences that are not losses:
//!
//! - Where words are divided: `aw ay` and `away` are equal, in both directions.
//! - How characters are encoded: compared by compatibility (NFKC), so that `ﬁ` equals `fi`.
//! - Chinese and Japanese, which have no spaces, are compared character by character.
//! - Words of `pdftotext` with private, control or replacement characters, which nobody can read,
//!   are not expected.
//!
//! *Named* is the share of files with 95 % of the words as read, or with a reported loss. *Only here* is
//! the share of the words read here that `pdftotext` does not find: a high share would be garbage.
//!
//! Public collections that were measured: the test files of `mozilla/pdf.js`, `apache/pdfbox`,
//! `py-pdf/pypdf`, `py-pdf/sample-files`, `jsvine/pdfplumber`, `pdfminer/pdfminer.six` and
//! `camelot-dev/camelot`.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a measurement for a person")]

use std::collections::BTreeMap;
use std::ops::AddAssign;
use std::path::{Path, PathBuf};
use std::process::Command;

use unicode_normalization::UnicodeNormalization;
use voicekit_rag::load::{Format, Limits, load};

/// The most parts of which a divided word is put together.
const PARTS: usize = 24;

/// Counts of the words of one or more files.
#[derive(Clone, Copy, Default)]
struct Recall {
    expected: usize,
    found: usize,
    /// Words read here that are not expected.
    other: usize,
}

impl Recall {
    fn is_at_least(&self, percent: usize) -> bool {
        self.found * 100 >= self.expected * percent
    }
}

impl AddAssign for Recall {
    fn add_assign(&mut self, Self { expected, found, other }: Self) {
        self.expected += expected;
        self.found += found;
        self.other += other;
    }
}

/// What is measured of a collection in one way of comparing.
#[derive(Clone, Copy, Default)]
struct Score {
    words: Recall,
    good: usize,
    fair: usize,
}

impl Score {
    fn add(&mut self, recall: Recall) {
        self.words += recall;
        self.good += usize::from(recall.is_at_least(95));
        self.fair += usize::from(recall.is_at_least(70));
    }
}

impl AddAssign for Score {
    fn add_assign(&mut self, Self { words, good, fair }: Self) {
        self.words += words;
        self.good += good;
        self.fair += fair;
    }
}

#[derive(Clone, Copy, Default)]
struct Row {
    files: usize,
    as_cut: Score,
    as_read: Score,
    named: usize,
}

impl AddAssign for Row {
    fn add_assign(&mut self, Self { files, as_cut, as_read, named }: Self) {
        self.files += files;
        self.as_cut += as_cut;
        self.as_read += as_read;
        self.named += named;
    }
}

fn main() {
    println!(
        "| collection | files | as cut: >= 0.95 | >= 0.70 | words | as read: >= 0.95 | >= 0.70 | words \
         | named | only here |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
    let mut all = Row::default();
    for directory in std::env::args().skip(1) {
        let directory = Path::new(&directory);
        if directory.is_file() {
            println!("{}", text(directory).0);
            continue;
        }
        let mut row = Row::default();
        let mut files: Vec<PathBuf> = Vec::new();
        collect(directory, &mut files);
        files.sort();
        for file in files {
            measure(&file, &mut row);
        }
        print(&directory.file_name().unwrap_or_default().to_string_lossy(), &row);
        all += row;
    }
    print("all", &all);
}

fn print(name: &str, row: &Row) {
    let Row { files, as_cut, as_read, named } = row;
    let share =
        |count: usize, of: usize| format!("{:.1} %", 100.0 * count as f64 / of.max(1) as f64);
    let of_files = |count: usize| format!("{count} ({})", share(count, *files));
    let score = |Score { words, good, fair }: &Score| {
        format!(
            "{} | {} | {}",
            of_files(*good),
            of_files(*fair),
            share(words.found, words.expected)
        )
    };
    let Recall { found, other, .. } = as_read.words;
    let (cut, read) = (score(as_cut), score(as_read));
    let (named, other) = (of_files(*named), share(other, found + other));
    println!("| {name} | {files} | {cut} | {read} | {named} | {other} |");
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if Format::of(&path) == Some(Format::Pdf) {
            files.push(path);
        }
    }
}

fn measure(file: &Path, row: &mut Row) {
    let output = Command::new("timeout").arg("20").arg("pdftotext").arg(file).arg("-").output();
    let expected = String::from_utf8_lossy(&output.unwrap().stdout).into_owned();
    let words_expected = words(&expected);
    if words_expected.len() < 20 {
        return;
    }
    let (text, losses) = text(file);
    let as_cut = compare(&words_expected, &words(&text));
    let as_read = compare_joined(&units(&readable(&expected)), &units(&text));
    row.files += 1;
    row.as_cut.add(as_cut);
    row.as_read.add(as_read);
    row.named += usize::from(as_read.is_at_least(95) || !losses.is_empty());
    let is_good = as_cut.is_at_least(95) && as_read.is_at_least(95);
    if !is_good && std::env::var_os("MISSED").is_some() {
        let share = |recall: Recall| recall.found as f64 / recall.expected.max(1) as f64;
        let (cut, read, total) = (share(as_cut), share(as_read), words_expected.len());
        println!("{cut:.2} {read:.2} of {total} {} {losses}", file.display());
    }
}

/// The text of a file, and what is missing from it.
fn text(file: &Path) -> (String, String) {
    let Some(format) = Format::of(file) else { return Default::default() };
    match load(format, "", &std::fs::read(file).unwrap(), &Limits::default()) {
        Ok(loaded) => {
            let texts = loaded.blocks.iter().map(|block| block.text.as_str());
            let losses: Vec<String> = loaded.losses.iter().map(ToString::to_string).collect();
            (texts.collect::<Vec<_>>().join("\n\n"), losses.join("; "))
        }
        Err(error) => (String::new(), error.message().to_owned()),
    }
}

/// The words of a text in order, without punctuation and case.
fn words(text: &str) -> Vec<String> {
    let separate = |c: char| c.is_whitespace() || (!c.is_alphanumeric() && c != '\'');
    let words = text.split(separate).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

/// The words of a text by compatibility; characters of Chinese and Japanese are words.
fn units(text: &str) -> Vec<String> {
    let mut spaced = String::with_capacity(text.len());
    for c in text.nfkc() {
        if is_unspaced(c) {
            spaced.extend([' ', c, ' ']);
        } else {
            spaced.push(c);
        }
    }
    words(&spaced)
}

/// Whether a character belongs to a script without spaces between words.
fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// The text without words that hold characters that have no meaning.
fn readable(text: &str) -> String {
    let is_meaningless = |c: char| {
        c == '\u{fffd}' || c.is_control() || matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..)
    };
    let words = text.split_whitespace().filter(|word| !word.contains(is_meaningless));
    words.collect::<Vec<_>>().join(" ")
}

fn counted(words: &[String]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for word in words {
        *counts.entry(word.as_str()).or_default() += 1;
    }
    counts
}

fn compare(expected: &[String], got: &[String]) -> Recall {
    let counts = counted(got);
    let shared = |(word, count): (&str, usize)| count.min(counts.get(word).copied().unwrap_or(0));
    let found = counted(expected).into_iter().map(shared).sum();
    Recall { expected: expected.len(), found, other: got.len() - found }
}

/// Compares words that may be divided on either side.
fn compare_joined(expected: &[String], got: &[String]) -> Recall {
    let (parts_expected, wholes_got) = joined(expected, surplus(got, expected));
    let (parts_got, wholes_expected) = joined(got, surplus(expected, got));
    let rest = compare(&parts_expected, &parts_got);
    let found = rest.found + (expected.len() - parts_expected.len()) + wholes_expected;
    let found_here = rest.found + (got.len() - parts_got.len()) + wholes_got;
    Recall { expected: expected.len(), found, other: got.len() - found_here }
}

/// The words that come more often in `words` than in `others`, and how many times more.
fn surplus(words: &[String], others: &[String]) -> BTreeMap<String, usize> {
    let others = counted(others);
    let more = |(word, count): (&str, usize)| {
        let more = count.saturating_sub(others.get(word).copied().unwrap_or(0));
        (more > 0).then(|| (word.to_owned(), more))
    };
    counted(words).into_iter().filter_map(more).collect()
}

/// The words of `parts` except for those that make one of `wholes` with their neighbors, and how many
/// such were found.
fn joined(parts: &[String], mut wholes: BTreeMap<String, usize>) -> (Vec<String>, usize) {
    let (mut rest, mut found, mut from) = (Vec::new(), 0, 0);
    while from < parts.len() {
        let mut whole = parts[from].clone();
        let mut taken = None;
        for (part, count) in parts.iter().skip(from + 1).zip(2..=PARTS) {
            whole.push_str(part);
            if wholes.get(&whole).is_some_and(|left| *left > 0) {
                taken = Some((whole.clone(), count));
            }
        }
        if let Some((whole, count)) = taken {
            wholes.entry(whole).and_modify(|left| *left -= 1);
            found += 1;
            from += count;
        } else {
            rest.push(parts[from].clone());
            from += 1;
        }
    }
    (rest, found)
}
