//! The files of a directory.
//!
//! Symbolic links are followed as long as they stay within the directory, so that mounted volumes
//! such as Kubernetes' ConfigMaps can be read. Each file counts once, however many names it has: by
//! its own name where it has one, or else by the first link. What is not a document is skipped, and
//! said so.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::{self, File, FileType, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use voicekit_core::error::{Error, ErrorKind, Result};

use super::SERVICE;
use crate::load::{Format, Limits, too_large};

/// Directories in directories.
const DEEPEST: usize = 32;
/// Files in all.
const MOST: usize = 100_000;
/// Directories of tools, which hold no documents of the user's.
const TOOLS: &[&str] = &["node_modules", "__pycache__", "__MACOSX", "CVS", "lost+found"];
/// Files that systems leave in directories.
const CLUTTER: &[&str] = &["Thumbs.db", "desktop.ini"];

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

#[derive(Debug, Default)]
pub(super) struct Listing {
    /// In the order of their names.
    pub(super) sources: Vec<Source>,
    /// What could not be visited, by its path, and why.
    pub(super) skipped: Vec<(String, String)>,
    /// Number of files of kinds that are not read, by the ends of their names.
    pub(super) ignored: BTreeMap<String, usize>,
    /// Number of entries that are left out on purpose, by class.
    pub(super) quiet: BTreeMap<&'static str, usize>,
}

/// The documents in the directory at `path`, or the file that is there.
pub(super) fn list(path: &Path) -> Result<Listing> {
    let mut listing = Listing::default();
    let format = Format::of(path).filter(|_| path.is_file());
    if let Some(format) = format {
        let document = path.file_name().map(display).unwrap_or_default();
        let place = Place::File { path: path.to_owned(), format };
        listing.sources.push(Source { document, place });
    } else if !path.is_file() {
        let root = fs::canonicalize(path).map_err(|error| unreadable(path, error))?;
        fs::read_dir(&root).map_err(|error| unreadable(path, error))?;
        let mut walk = Walk { root, listing, seen: BTreeSet::new(), links: Vec::new() };
        walk.run()?;
        listing = walk.listing;
    }
    if listing.sources.is_empty() {
        let problem = format!(
            "{} is or holds no document: wanted are .md, .html, .txt, .csv, .json, .jsonl, .pdf, \
             .docx, .xlsx, .pptx, .odt, .ods and .odp",
            path.display()
        );
        return Err(Error::new(ErrorKind::Config, SERVICE, problem));
    }
    listing.sources.sort_by(|a, b| a.document.cmp(&b.document));
    listing.skipped.sort();
    Ok(listing)
}

fn unreadable(path: &Path, error: io::Error) -> Error {
    let problem = format!("{} cannot be read", path.display());
    Error::new(ErrorKind::Config, SERVICE, problem).with_source(error)
}

/// A directory or link that is still to be visited.
struct Visit {
    path: PathBuf,
    /// Its name below the root.
    document: String,
    depth: usize,
}

struct Walk {
    /// Without links.
    root: PathBuf,
    listing: Listing,
    /// Files and directories that have been visited.
    seen: BTreeSet<Identity>,
    /// Links, which are followed after everything that has a name of its own.
    links: Vec<Visit>,
}

impl Walk {
    fn run(&mut self) -> Result<()> {
        let mut directories =
            vec![Visit { path: self.root.clone(), document: String::new(), depth: 0 }];
        loop {
            while let Some(directory) = directories.pop() {
                self.directory(&directory, &mut directories)?;
            }
            // The first by name last, as links are taken from the end.
            self.links.sort_by(|a, b| b.document.cmp(&a.document));
            let Some(link) = self.links.pop() else { return Ok(()) };
            self.link(link, &mut directories)?;
        }
    }

    fn directory(&mut self, visit: &Visit, directories: &mut Vec<Visit>) -> Result<()> {
        let Visit { path, document, depth } = visit;
        if *depth > DEEPEST {
            let problem = format!("is more than {DEEPEST} directories deep");
            return self.skip(document, problem);
        }
        let entries = match fs::metadata(path).and_then(|data| Ok((data, fs::read_dir(path)?))) {
            Ok((data, entries)) if self.seen.insert(Identity::of(path, &data)) => entries,
            Ok(_) => return self.leave_out("directories that were visited by another name"),
            Err(error) => return self.fail(document, &error),
        };
        // In the order of their names, so that of several names of a file the same one is chosen.
        let mut found = Vec::new();
        for entry in entries {
            match entry.and_then(|entry| Ok((entry.file_name(), entry.file_type()?))) {
                Ok(entry) => found.push(entry),
                Err(error) => self.fail(document, &error)?,
            }
        }
        found.sort_by(|a, b| a.0.cmp(&b.0));
        for (name, kind) in found {
            let document = match document.as_str() {
                "" => display(&name),
                above => format!("{above}/{}", display(&name)),
            };
            let visit = Visit { path: path.join(&name), document, depth: depth + 1 };
            self.entry(kind, &name, visit, directories)?;
        }
        Ok(())
    }

    fn entry(
        &mut self,
        kind: FileType,
        name: &OsStr,
        visit: Visit,
        directories: &mut Vec<Visit>,
    ) -> Result<()> {
        let name = name.to_string_lossy();
        if name.starts_with('.') {
            return self.leave_out("hidden files and directories");
        }
        if TOOLS.contains(&&*name) && !kind.is_file() {
            return self.leave_out("directories of tools");
        }
        // Office programs leave these beside documents that are open.
        if CLUTTER.contains(&&*name) || name.starts_with("~$") {
            return self.leave_out("files that programs left behind");
        }
        if kind.is_symlink() {
            self.links.push(visit);
        } else if kind.is_dir() {
            directories.push(visit);
        } else if kind.is_file() {
            self.file(visit)?;
        } else {
            self.skip(&visit.document, special(kind))?;
        }
        Ok(())
    }

    fn link(&mut self, link: Visit, directories: &mut Vec<Visit>) -> Result<()> {
        let target = fs::canonicalize(&link.path);
        let (path, data) = match target.and_then(|path| Ok((fs::metadata(&path)?, path))) {
            Ok((data, path)) => (path, data),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return self.skip(&link.document, "is a link that leads nowhere");
            }
            Err(error) => return self.fail(&link.document, &error),
        };
        if !path.starts_with(&self.root) {
            return self.skip(&link.document, "is a link that leads out of the directory");
        }
        if data.is_dir() {
            directories.push(link);
            Ok(())
        } else if data.is_file() {
            self.file(link)
        } else {
            self.skip(&link.document, special(data.file_type()))
        }
    }

    fn file(&mut self, visit: Visit) -> Result<()> {
        let Visit { path, document, .. } = visit;
        let Some(format) = Format::of(Path::new(&document)) else {
            let end = Path::new(&document).extension().map(|end| end.to_string_lossy());
            let end = end.map_or_else(String::new, |end| format!(".{}", end.to_lowercase()));
            *self.listing.ignored.entry(end).or_default() += 1;
            return Ok(());
        };
        match fs::metadata(&path) {
            Ok(data) if self.seen.insert(Identity::of(&path, &data)) => {}
            Ok(_) => return self.leave_out("further names of a file"),
            Err(error) => return self.fail(&document, &error),
        }
        if self.listing.sources.len() == MOST {
            let problem = format!("there are more than {MOST} files");
            return Err(Error::new(ErrorKind::Config, SERVICE, problem));
        }
        self.listing.sources.push(Source { document, place: Place::File { path, format } });
        Ok(())
    }

    fn fail(&mut self, document: &str, error: &io::Error) -> Result<()> {
        self.skip(document, format!("cannot be read: {}", reason(error)))
    }

    fn skip(&mut self, document: &str, why: impl Into<String>) -> Result<()> {
        self.listing.skipped.push((document.to_owned(), why.into()));
        Ok(())
    }

    fn leave_out(&mut self, class: &'static str) -> Result<()> {
        *self.listing.quiet.entry(class).or_default() += 1;
        Ok(())
    }
}

/// What makes two names the same file.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Identity {
    #[cfg(unix)]
    Node(u64, u64),
    #[cfg(not(unix))]
    Path(PathBuf),
}

impl Identity {
    #[cfg(unix)]
    fn of(_: &Path, data: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        Self::Node(data.dev(), data.ino())
    }

    #[cfg(not(unix))]
    fn of(path: &Path, _: &Metadata) -> Self {
        Self::Path(fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()))
    }
}

#[cfg(unix)]
fn special(kind: FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    if kind.is_fifo() {
        "is a named pipe"
    } else if kind.is_socket() {
        "is a socket"
    } else {
        "is a device"
    }
}

#[cfg(not(unix))]
fn special(_: FileType) -> &'static str {
    "is neither a file nor a directory"
}

/// What went wrong, without the system's number for it.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}

/// A name as text; bytes that are not UTF-8 become `\xNN`, so that different names stay different.
fn display(name: &OsStr) -> String {
    if let Some(name) = name.to_str() {
        return name.to_owned();
    }
    let mut text = String::new();
    for chunk in name.as_encoded_bytes().utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
    }
    text
}

/// The file's name as a title: `getting-here.html` is `getting here`.
pub(super) fn name(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default();
    stem.to_string_lossy().replace(['-', '_'], " ")
}

/// The content of a file, which may change or vanish meanwhile.
pub(super) fn read(path: &Path, limits: &Limits) -> Result<Vec<u8>> {
    let failed = |error: io::Error| {
        let problem = if error.kind() == io::ErrorKind::NotFound {
            "vanished before it was read".to_owned()
        } else {
            format!("cannot be read: {}", reason(&error))
        };
        Error::new(ErrorKind::Rejected, SERVICE, problem).with_source(error)
    };
    // Opening a pipe would wait for a writer.
    if !fs::metadata(path).map_err(failed)?.is_file() {
        return Err(Error::new(
            ErrorKind::Rejected,
            SERVICE,
            "has been replaced by something that is not a file",
        ));
    }
    let file = File::open(path).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    if size > limits.file {
        return Err(too_large(size, limits));
    }
    let mut bytes = Vec::new();
    file.take(limits.file.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}
