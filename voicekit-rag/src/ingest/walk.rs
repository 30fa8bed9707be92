//! The files of a directory.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use voicekit_core::error::{Error, ErrorKind, Result};

use super::SERVICE;
use crate::load::{Format, Limits, too_large};

/// Directories in directories.
const DEEPEST: usize = 32;
/// Files in all.
const MOST: usize = 100_000;

/// A file that can be read.
#[derive(Debug)]
pub(super) struct Source {
    /// Its path below the directory, with `/` on every system, or its address.
    pub(super) document: String,
    pub(super) place: Place,
}

/// Where it is.
#[derive(Debug)]
pub(super) enum Place {
    File {
        path: PathBuf,
        format: Format,
    },
    /// At the address that is the document's name.
    #[cfg(feature = "http")]
    Web,
}

#[derive(Debug)]
pub(super) struct Listing {
    /// In the order of their names.
    pub(super) sources: Vec<Source>,
    /// Files of other kinds.
    pub(super) ignored: usize,
}

/// What is in the directory at `path`, or the file that is there. Hidden files and links in
/// directories are left out.
pub(super) fn list(path: &Path) -> Result<Listing> {
    let mut listing = Listing { sources: Vec::new(), ignored: 0 };
    match Format::of(path).filter(|_| path.is_file()) {
        Some(format) => {
            let document = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let place = Place::File { path: path.to_owned(), format };
            listing.sources.push(Source { document, place });
        }
        None if path.is_file() => {}
        None => add(path, "", 0, &mut listing)?,
    }
    if listing.sources.is_empty() {
        let problem = format!(
            "{} is or holds no document: wanted are .md, .html, .txt, .csv, .json, .jsonl and .pdf",
            path.display()
        );
        return Err(Error::new(ErrorKind::Config, SERVICE, problem));
    }
    listing.sources.sort_by(|a, b| a.document.cmp(&b.document));
    Ok(listing)
}

fn add(directory: &Path, prefix: &str, depth: usize, listing: &mut Listing) -> Result<()> {
    let failed = |error: io::Error| {
        Error::new(ErrorKind::Config, SERVICE, format!("{} cannot be read", directory.display()))
            .with_source(error)
    };
    for entry in fs::read_dir(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let kind = entry.file_type().map_err(failed)?;
        if name.starts_with('.') || kind.is_symlink() {
            continue;
        }
        let document = format!("{prefix}{name}");
        if kind.is_dir() {
            if depth == DEEPEST {
                let problem = format!("{} is too deep", entry.path().display());
                return Err(Error::new(ErrorKind::Config, SERVICE, problem));
            }
            add(&entry.path(), &format!("{document}/"), depth + 1, listing)?;
            continue;
        }
        match Format::of(&entry.path()) {
            None => listing.ignored += 1,
            Some(_) if listing.sources.len() == MOST => {
                let problem = format!("there are more than {MOST} files");
                return Err(Error::new(ErrorKind::Config, SERVICE, problem));
            }
            Some(format) => {
                let place = Place::File { path: entry.path(), format };
                listing.sources.push(Source { document, place });
            }
        }
    }
    Ok(())
}

/// The file's name as a title: `getting-here.html` is `getting here`.
pub(super) fn name(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default();
    stem.to_string_lossy().replace(['-', '_'], " ")
}

/// The content of a file, which may grow meanwhile.
pub(super) fn read(path: &Path, limits: &Limits) -> Result<Vec<u8>> {
    let failed = |error: io::Error| {
        Error::new(ErrorKind::Rejected, SERVICE, "cannot be read").with_source(error)
    };
    let file = File::open(path).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    if size > limits.file {
        return Err(too_large(size, limits));
    }
    let mut bytes = Vec::new();
    file.take(limits.file.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}
