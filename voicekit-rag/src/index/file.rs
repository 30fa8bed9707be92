//! The file of an index: a log of what was written, checksummed entry by entry.
//!
//! All numbers are little-endian. The file begins with [`MAGIC`] and [`VERSION`] (u32). An entry is
//! the length of its content (u32), its kind (u8), the CRC-32 of these five bytes, the CRC-32 of the
//! content, and the content. Texts are their length in bytes (u32) and UTF-8; lists their
//! length (u32) and items.
//!
//! A process that dies while it writes leaves an entry at the end that is not whole. Nothing whole
//! comes after it, so it is cut off, and the file is as it was before that entry. An entry that is
//! not whole *before* whole ones is damage, which is reported and never passed over.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_core::retrieve::Settled;

use super::SERVICE;
use super::shelf::{Count, Row, Shelf};

const MAGIC: &[u8; 12] = b"voicekit-rag";
/// Raised when the format or the terms of [`words`](voicekit_core::retrieve::words) change.
const VERSION: u32 = 1;
/// Of magic and version.
const START: usize = 16;
/// Of what comes before an entry's content.
const HEAD: usize = 13;
/// Chunks in an entry when a file is written anew.
const BATCH: usize = 256;

/// What was done.
#[derive(Debug)]
pub(crate) enum Entry {
    Chunks(Vec<(Row, Vec<f32>)>),
    Settled(Settled),
    Deleted(String),
}

impl Entry {
    pub(crate) fn apply(self, shelf: &mut Shelf) {
        match self {
            Self::Chunks(rows) => {
                rows.into_iter().for_each(|(row, vector)| shelf.put(row, &vector))
            }
            Self::Settled(settled) => shelf.settle(settled),
            Self::Deleted(document) => shelf.delete(&document),
        }
    }
}

/// Reads the file at `path`. Answers with what it holds and how many bytes of it are whole; a file
/// that is not there holds nothing.
pub(crate) fn read(path: &Path) -> Result<(Shelf, u64)> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Shelf::default(), 0)),
        Err(error) => return Err(failure(path, "cannot be read", error)),
    };
    let start = start();
    if bytes.len() < START && start.starts_with(&bytes) {
        return Ok((Shelf::default(), 0));
    }
    match bytes.get(..START) {
        Some(found) if found == start => {}
        Some(found) if found.starts_with(MAGIC) => {
            return Err(config(path, "was written by another version: ingest the documents again"));
        }
        _ => return Err(config(path, "is not an index")),
    }
    let mut shelf = Shelf::default();
    let mut at = START;
    while at < bytes.len() {
        let Some((kind, content)) = whole(&bytes, at) else {
            let later = (at + 1..bytes.len()).find(|later| whole(&bytes, *later).is_some());
            if later.is_some() {
                let problem = format!("is damaged at byte {at}: delete it and ingest again");
                return Err(config(path, problem));
            }
            tracing::warn!(path = %path.display(), at, "the last entry was not written whole");
            break;
        };
        let entry = decode(kind, content).filter(|entry| fits(entry, &shelf));
        let entry = entry.ok_or_else(|| {
            config(path, format!("has an entry at byte {at} that makes no sense"))
        })?;
        entry.apply(&mut shelf);
        at += HEAD + content.len();
    }
    let whole = u64::try_from(at).unwrap_or(u64::MAX);
    Ok((shelf, whole))
}

/// Whether all vectors have the same dimensions.
fn fits(entry: &Entry, shelf: &Shelf) -> bool {
    let Entry::Chunks(rows) = entry else { return true };
    let first = rows.first().map_or(0, |(_, vector)| vector.len());
    let known = if shelf.dimensions() == 0 { first } else { shelf.dimensions() };
    rows.iter().all(|(_, vector)| vector.len() == known && known > 0)
}

/// The file, open for writing. Nobody else has it open for writing meanwhile.
#[derive(Debug)]
pub(crate) struct Log {
    path: PathBuf,
    file: File,
    end: u64,
    _lock: File,
}

impl Log {
    /// Locks and reads the file at `path`, which is made if it is not there.
    pub(crate) fn open(path: &Path) -> Result<(Self, Shelf)> {
        let lock_path = beside(path, ".lock");
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(&lock_path);
        let lock = lock.map_err(|error| failure(&lock_path, "cannot be written", error))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(config(path, "is being written by another process"));
            }
            Err(TryLockError::Error(error)) => {
                return Err(failure(&lock_path, "cannot be locked", error));
            }
        }
        let (shelf, whole) = read(path)?;
        let file = OpenOptions::new().create(true).append(true).open(path);
        let file = file.map_err(|error| failure(path, "cannot be written", error))?;
        let mut log = Self { path: path.to_owned(), file, end: whole, _lock: lock };
        log.cut()?;
        if whole == 0 {
            log.write(&start())?;
        }
        Ok((log, shelf))
    }

    /// Writes an entry. On an error the file is as it was before.
    pub(crate) fn append(&mut self, entry: &Entry) -> Result<()> {
        let bytes = framed(entry).ok_or_else(|| {
            Error::new(ErrorKind::Rejected, SERVICE, "a batch is larger than 4 GB")
        })?;
        self.write(&bytes)
    }

    /// Returns once everything is on the disk.
    pub(crate) fn sync(&self) -> Result<()> {
        self.file.sync_data().map_err(|error| failure(&self.path, "cannot be synced", error))
    }

    /// Writes the file anew, with nothing but what is on the `shelf`, and puts it in the place of
    /// the old one.
    pub(crate) fn rewrite(&mut self, shelf: &Shelf) -> Result<()> {
        let next = beside(&self.path, ".new");
        let (file, end) = write_whole(&next, shelf)
            .map_err(|error| failure(&next, "cannot be written", error))?;
        fs::rename(&next, &self.path)
            .map_err(|error| failure(&self.path, "cannot be replaced", error))?;
        (self.file, self.end) = (file, end);
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if let Err(error) = self.file.write_all(bytes) {
            self.cut()?;
            return Err(failure(&self.path, "cannot be written", error));
        }
        self.end += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        Ok(())
    }

    /// Cuts off what is not whole.
    fn cut(&self) -> Result<()> {
        self.file.set_len(self.end).map_err(|error| failure(&self.path, "cannot be cut", error))
    }
}

fn write_whole(path: &Path, shelf: &Shelf) -> io::Result<(File, u64)> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = OpenOptions::new().create_new(true).append(true).open(path)?;
    let mut end = 0;
    let mut write = |bytes: &[u8]| {
        end += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        file.write_all(bytes)
    };
    write(&start())?;
    let too_large = || io::Error::from(io::ErrorKind::FileTooLarge);
    let rows: Vec<_> = shelf.rows().collect();
    for batch in rows.chunks(BATCH) {
        let copied = batch.iter().map(|(row, vector)| ((*row).clone(), vector.to_vec()));
        write(&framed(&Entry::Chunks(copied.collect())).ok_or_else(too_large)?)?;
    }
    for settled in shelf.settlements() {
        write(&framed(&Entry::Settled(settled)).ok_or_else(too_large)?)?;
    }
    file.sync_all()?;
    Ok((file, end))
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn start() -> [u8; START] {
    let mut start = [0; START];
    start[..MAGIC.len()].copy_from_slice(MAGIC);
    start[MAGIC.len()..].copy_from_slice(&VERSION.to_le_bytes());
    start
}

/// Kind and content of the entry at `at`, if it is whole.
fn whole(bytes: &[u8], at: usize) -> Option<(u8, &[u8])> {
    let mut head = Reader(bytes.get(at..)?);
    let described = head.0.get(..5)?;
    let (length, kind) = (head.number()?, head.byte()?);
    if head.number()? != crc32fast::hash(described) {
        return None;
    }
    let sum = head.number()?;
    let content = head.0.get(..usize::try_from(length).ok()?)?;
    (crc32fast::hash(content) == sum).then_some((kind, content))
}

fn framed(entry: &Entry) -> Option<Vec<u8>> {
    let mut content = Writer(Vec::new());
    let kind = match entry {
        Entry::Chunks(rows) => {
            content.list(rows, |out, (row, vector)| out.row(row, vector))?;
            1
        }
        Entry::Settled(settled) => {
            content.text(&settled.document)?;
            content.text(&settled.fingerprint)?;
            content.list(&settled.chunks, |out, id| out.text(id))?;
            2
        }
        Entry::Deleted(document) => {
            content.text(document)?;
            3
        }
    };
    let mut bytes = u32::try_from(content.0.len()).ok()?.to_le_bytes().to_vec();
    bytes.push(kind);
    bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
    bytes.extend(crc32fast::hash(&content.0).to_le_bytes());
    bytes.append(&mut content.0);
    Some(bytes)
}

fn decode(kind: u8, content: &[u8]) -> Option<Entry> {
    let mut content = Reader(content);
    let entry = match kind {
        1 => Entry::Chunks(content.list(Reader::row)?),
        2 => {
            let (document, fingerprint) = (content.text()?, content.text()?);
            Entry::Settled(Settled::new(document, fingerprint, content.list(Reader::text)?))
        }
        3 => Entry::Deleted(content.text()?),
        _ => return None,
    };
    content.0.is_empty().then_some(entry)
}

/// Writes what a [`Reader`] reads. `None` if something has a length that does not fit 32 bits.
struct Writer(Vec<u8>);

impl Writer {
    fn length(&mut self, length: usize) -> Option<()> {
        self.0.extend(u32::try_from(length).ok()?.to_le_bytes());
        Some(())
    }

    fn text(&mut self, text: &str) -> Option<()> {
        self.length(text.len())?;
        self.0.extend(text.as_bytes());
        Some(())
    }

    fn list<T>(&mut self, items: &[T], write: impl Fn(&mut Self, &T) -> Option<()>) -> Option<()> {
        self.length(items.len())?;
        items.iter().try_for_each(|item| write(self, item))
    }

    fn row(&mut self, row: &Row, vector: &[f32]) -> Option<()> {
        self.text(&row.id)?;
        self.text(&row.document)?;
        self.list(&row.headings, |out, heading| out.text(heading))?;
        self.text(&row.text)?;
        self.length(row.metadata.len())?;
        for (key, value) in &row.metadata {
            self.text(key)?;
            self.text(value)?;
        }
        self.list(&row.counts, |out, count| {
            out.0.extend(count.term.to_le_bytes());
            out.0.extend([count.headings, count.text]);
            Some(())
        })?;
        self.length(vector.len())?;
        vector.iter().for_each(|value| self.0.extend(value.to_le_bytes()));
        Some(())
    }
}

/// Reads from the front of the bytes. `None` if they are not what is expected.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*first)
    }

    fn byte(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn number(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn length(&mut self) -> Option<usize> {
        usize::try_from(self.number()?).ok()
    }

    fn bytes(&mut self, length: usize) -> Option<&[u8]> {
        let (first, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(first)
    }

    fn text(&mut self) -> Option<String> {
        let length = self.length()?;
        std::str::from_utf8(self.bytes(length)?).ok().map(str::to_owned)
    }

    fn list<T>(&mut self, read: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let length = self.length()?;
        // No item is smaller than a byte, so that a wrong length cannot ask for more memory than
        // the file has.
        if length > self.0.len() {
            return None;
        }
        (0..length).map(|_| read(self)).collect()
    }

    fn row(&mut self) -> Option<(Row, Vec<f32>)> {
        let (id, document) = (self.text()?, self.text()?);
        let (headings, text) = (self.list(Self::text)?, self.text()?);
        let metadata = self.list(|from| Some((from.text()?, from.text()?)))?;
        let counts = self.list(|from| {
            Some(Count { term: from.number()?, headings: from.byte()?, text: from.byte()? })
        })?;
        let length = self.length()?.checked_mul(4)?;
        let values = self.bytes(length)?.as_chunks::<4>().0;
        let vector = values.iter().map(|value| f32::from_le_bytes(*value)).collect();
        let metadata: BTreeMap<String, String> = metadata.into_iter().collect();
        let counts = counts.into_boxed_slice();
        Some((Row { id, document, headings, text, metadata, counts }, vector))
    }
}

fn config(path: &Path, problem: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Config, SERVICE, format!("{} {problem}", path.display()))
}

fn failure(path: &Path, problem: &str, error: io::Error) -> Error {
    Error::new(ErrorKind::Internal, SERVICE, format!("{} {problem}", path.display()))
        .with_source(error)
}
