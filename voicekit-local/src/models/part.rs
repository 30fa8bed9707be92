//! A file on its way: written as `NAME.part`, checked, then given its name.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use sha2::{Digest, Sha256};

use super::{Failure, ModelFile};

const BUFFER: usize = 256 * 1024;

/// Where one file is written until it is whole.
pub(super) struct Part<'a> {
    directory: &'a Path,
    file: &'a ModelFile,
    progress: &'a mut dyn FnMut(u64),
}

impl<'a> Part<'a> {
    pub(super) fn new(
        directory: &'a Path,
        file: &'a ModelFile,
        progress: &'a mut dyn FnMut(u64),
    ) -> Self {
        Self { directory, file, progress }
    }

    /// The model's directory.
    pub(super) fn directory(&self) -> &'a Path {
        self.directory
    }

    /// Bytes that an earlier try left, if more are to come.
    pub(super) fn written(&self) -> u64 {
        let length = fs::metadata(self.path()).map_or(0, |metadata| metadata.len());
        if length < self.file.bytes { length } else { 0 }
    }

    /// Writes all of `source` from the byte `start` on. What was written stays if it fails, to be
    /// continued, unless there is too much of it.
    pub(super) fn write(&mut self, start: u64, source: &mut dyn Read) -> Result<(), Failure> {
        let mut part =
            OpenOptions::new().create(true).write(true).truncate(false).open(self.path())?;
        part.set_len(start)?;
        part.seek(io::SeekFrom::Start(start))?;
        let (mut done, mut buffer) = (start, vec![0; BUFFER]);
        loop {
            (self.progress)(done.min(self.file.bytes));
            let length = read_full(source, &mut buffer, &mut part)?;
            if length == 0 {
                return Ok(());
            }
            done += length;
            if done > self.file.bytes {
                return Err(self.discard());
            }
        }
    }

    /// Gives the file its name if it is whole and right.
    pub(super) fn finish(&self) -> Result<(), Failure> {
        let part = File::open(self.path())?;
        let length = part.metadata()?.len();
        if length < self.file.bytes {
            return Err(Failure::Truncated(length, self.file.bytes));
        }
        if digest(&part)? != self.file.sha256 {
            return Err(self.discard());
        }
        part.sync_all()?;
        let path = self.directory.join(self.file.name);
        fs::rename(self.path(), &path)?;
        if cfg!(unix) {
            File::open(self.directory)?.sync_all()?;
        }
        stamp(&path, self.file)?;
        Ok(())
    }

    /// Deletes what cannot become the file.
    pub(super) fn discard(&self) -> Failure {
        match fs::remove_file(self.path()) {
            Ok(()) => Failure::WrongContents,
            Err(error) => error.into(),
        }
    }

    fn path(&self) -> PathBuf {
        self.directory.join(format!("{}.part", self.file.name))
    }
}

/// Fills `buffer` from `source` as far as it goes and writes that much, also when the source
/// breaks in between.
fn read_full(source: &mut dyn Read, buffer: &mut [u8], part: &mut File) -> io::Result<u64> {
    let (mut length, mut result) = (0, Ok(()));
    while length < buffer.len() {
        match source.read(&mut buffer[length..]) {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                result = Err(error);
                break;
            }
        }
    }
    part.write_all(&buffer[..length])?;
    result.map(|()| length as u64)
}

/// Whether `file` is in `directory`; a file that nobody checked yet is read.
pub(super) fn is_here(directory: &Path, file: &ModelFile) -> bool {
    if is_stamped(directory, file) {
        return true;
    }
    let path = directory.join(file.name);
    let right = is_right(&path, file);
    if right && let Err(error) = stamp(&path, file) {
        tracing::debug!(file = file.name, %error, "cannot note that the file is checked");
    }
    right
}

/// Whether `file` is in `directory` as it was when it was checked.
pub(super) fn is_stamped(directory: &Path, file: &ModelFile) -> bool {
    let path = directory.join(file.name);
    let expected = expected_stamp(&path, file);
    expected
        .is_ok_and(|expected| fs::read_to_string(stamp_path(&path)).is_ok_and(|s| s == expected))
}

/// Whether the file at `path` has the size and the SHA-256 of `file`.
pub(super) fn is_right(path: &Path, file: &ModelFile) -> bool {
    let right = || -> io::Result<bool> {
        let found = File::open(path)?;
        Ok(found.metadata()?.len() == file.bytes && digest(&found)? == file.sha256)
    };
    right().unwrap_or(false)
}

fn stamp(path: &Path, file: &ModelFile) -> io::Result<()> {
    fs::write(stamp_path(path), expected_stamp(path, file)?)
}

/// What the stamp says if the file at `path` is unchanged since it was found right.
fn expected_stamp(path: &Path, file: &ModelFile) -> io::Result<String> {
    let metadata = fs::metadata(path)?;
    let modified = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    if metadata.len() != file.bytes {
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok(format!("{} {} {}\n", file.sha256, file.bytes, modified.as_nanos()))
}

fn stamp_path(path: &Path) -> PathBuf {
    path.with_added_extension("sha256")
}

fn digest(file: &File) -> io::Result<String> {
    let (mut file, mut hash, mut buffer) = (file, Sha256::new(), vec![0; BUFFER]);
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            length => hash.update(&buffer[..length]),
        }
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
