//! An append-only file of lines that survives crashes and full disks.
//!
//! A line is either in the file as a whole or not at all: what a crash or a full disk left behind
//! without its line feed is cut off before anything else is written, so that two lines never become
//! one.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use crate::files;

/// A file of lines, open for appending.
#[derive(Debug)]
pub struct Lines {
    file: File,
    /// Where the last whole line ends, in bytes.
    end: u64,
}

/// What a file held when it was opened.
#[derive(Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Found {
    /// The whole lines, without their line feeds.
    pub lines: Vec<String>,
    /// Length in bytes of a last line that has no line feed and was cut off; 0 if there was none.
    pub torn: usize,
}

impl Lines {
    /// Opens the file at `path`, or creates it readable by its owner only, and returns its lines. A
    /// last line without a line feed is kept if `is_whole` says so, as an editor leaves it, and cut
    /// off otherwise.
    ///
    /// # Errors
    ///
    /// Those of the file system; `InvalidData` if a whole line is not UTF-8.
    pub fn open(path: &Path, is_whole: impl Fn(&str) -> bool) -> io::Result<(Self, Found)> {
        let mut file = files::open(path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let (head, tail) = bytes.split_at(whole);
        let text = str::from_utf8(head)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        let mut found =
            Found { lines: text.lines().map(str::to_owned).collect(), torn: tail.len() };
        let mut lines = Self { file, end: whole as u64 };
        if let Ok(last) = str::from_utf8(tail)
            && !last.trim().is_empty()
            && is_whole(last)
        {
            lines.append(last)?;
            found.lines.push(last.to_owned());
            found.torn = 0;
        } else if found.torn > 0 {
            lines.file.set_len(lines.end)?;
        }
        Ok((lines, found))
    }

    /// Appends `line`, and returns once it is on the disk.
    ///
    /// # Errors
    ///
    /// Those of the file system, such as a full disk. Then the line is not in the file, and the next
    /// one can be appended all the same.
    pub fn append(&mut self, line: &str) -> io::Result<()> {
        let bytes = format!("{line}\n").into_bytes();
        let written = self.write(&bytes);
        match written {
            Ok(()) => self.end += bytes.len() as u64,
            // If even this fails, the next append writes over what is left.
            Err(_) => self.file.set_len(self.end).unwrap_or_default(),
        }
        written
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.set_len(self.end)?;
        self.file.seek(SeekFrom::Start(self.end))?;
        self.file.write_all(bytes)?;
        self.file.sync_data()
    }
}
