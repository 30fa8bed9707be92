//! Measures how many words of PDF documents are read, against poppler's `pdftotext`.
//!
//! ```sh
//! cargo run --release -p voicekit-rag --features pdf --example measure_documents -- DIR…
//! ```
//!
//! Prints a row for each directory: files in which `pdftotext` finds at least 20 words, how many of
//! them have at least 95 % and 70 % of these words here, and the share of all words; with `MISSED=1`
//! also each file below 95 %. For a file, prints its text. Public collections that were measured: the test files of
//! `mozilla/pdf.js`, `apache/pdfbox`, `py-pdf/pypdf`, `py-pdf/sample-files`, `jsvine/pdfplumber`,
//! `pdfminer/pdfminer.six`, `camelot-dev/camelot` and `veraPDF/veraPDF-corpus`.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a measurement for a person")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use voicekit_rag::load::{Format, Limits, load};

#[derive(Default)]
struct Row {
    files: usize,
    good: usize,
    fair: usize,
    words: usize,
    found: usize,
}

fn main() {
    println!("| collection | files | recall >= 0.95 | recall >= 0.70 | words found |");
    println!("|---|---:|---:|---:|---:|");
    for directory in std::env::args().skip(1) {
        if Path::new(&directory).is_file() {
            println!("{}", text(Path::new(&directory)).0);
            continue;
        }
        let mut row = Row::default();
        let mut files: Vec<PathBuf> = Vec::new();
        collect(Path::new(&directory), &mut files);
        files.sort();
        for file in files {
            measure(&file, &mut row);
        }
        let Row { files, good, fair, words, found } = row;
        let share = |count: usize, of: usize| 100.0 * count as f64 / of.max(1) as f64;
        let name = Path::new(&directory).file_name().unwrap_or_default().to_string_lossy();
        let (good, fair, words) = (share(good, files), share(fair, files), share(found, words));
        println!("| {name} | {files} | {good:.1} % | {fair:.1} % | {words:.1} % |");
    }
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
    let expected = Command::new("timeout").arg("20").arg("pdftotext").arg(file).arg("-").output();
    let expected = counted(&String::from_utf8_lossy(&expected.unwrap().stdout));
    let total: usize = expected.values().sum();
    if total < 20 {
        return;
    }
    let (text, note) = text(file);
    let got = counted(&text);
    let shared =
        |(word, count): (&String, &usize)| (*count).min(got.get(word).copied().unwrap_or(0));
    let found: usize = expected.iter().map(shared).sum();
    row.files += 1;
    row.words += total;
    row.found += found;
    row.good += usize::from(found * 100 >= total * 95);
    row.fair += usize::from(found * 100 >= total * 70);
    if found * 100 < total * 95 && std::env::var_os("MISSED").is_some() {
        println!("{:.2} of {total} {} {note}", found as f64 / total as f64, file.display());
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

/// The words of a text, without punctuation and case, and how often each comes.
fn counted(text: &str) -> BTreeMap<String, usize> {
    let mut words = BTreeMap::new();
    let separate = |c: char| c.is_whitespace() || (!c.is_alphanumeric() && c != '\'');
    for word in text.split(separate).filter(|word| !word.is_empty()) {
        *words.entry(word.to_lowercase()).or_default() += 1;
    }
    words
}
