//! The spool: recordings on this machine until they are uploaded.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use object_store::PutPayload;
use tokio::task::spawn_blocking;
use voicekit_core::audio::Encoding;
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_core::listen::CallAudio;
use voicekit_core::log::escaped;
use voicekit_core::record::wav::WavWriter;
use voicekit_core::time::MediaTime;

use super::NAME;
use super::key::Name;
use super::record::{Written, record_to};
use crate::files;

/// More than any header has.
const HEAD: usize = 128;

/// Calls of one name that are recorded at once.
const NAMESAKES: u32 = 1_000;

/// A directory of recordings that are not uploaded yet.
#[derive(Debug)]
pub(super) struct Spool(PathBuf);

/// A recording in the spool. Nobody else touches it while this lives.
#[derive(Debug)]
pub(super) struct Spooled {
    path: PathBuf,
    name: Name,
    /// Locked.
    file: File,
}

impl Spool {
    pub(super) fn open(directory: PathBuf) -> Result<Self> {
        files::create_dir_all(&directory).map_err(|error| failed(&directory, error))?;
        Ok(Self(directory))
    }

    /// A new recording.
    pub(super) async fn create(&self, name: &Name) -> Result<Spooled> {
        let (directory, name) = (self.0.clone(), name.clone());
        blocking(self.0.clone(), move || create(&directory, &name)).await
    }

    /// The recordings that are in it, oldest day first.
    pub(super) async fn list(&self) -> Result<Vec<PathBuf>> {
        let directory = self.0.clone();
        blocking(self.0.clone(), move || {
            let entries = match fs::read_dir(&directory) {
                Ok(entries) => entries.collect::<io::Result<Vec<_>>>()?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
                Err(error) => return Err(error),
            };
            let mut paths: Vec<_> = entries.iter().map(fs::DirEntry::path).collect();
            paths.retain(|path| name_of(path).is_some());
            paths.sort();
            Ok(paths)
        })
        .await
    }

    /// Takes over what an earlier process has left at `path`; `None` if another one is at it, or
    /// there is no sound in it.
    pub(super) async fn adopt(&self, path: PathBuf) -> Result<Option<Spooled>> {
        blocking(path.clone(), move || adopt(path)).await
    }
}

impl Spooled {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn name(&self) -> &Name {
        &self.name
    }

    /// Writes a call's sound into it.
    pub(super) async fn fill(
        self,
        audio: CallAudio,
        encoding: Option<Encoding>,
    ) -> (Self, Result<Written>) {
        let Self { path, name, file } = self;
        let mut file = tokio::fs::File::from_std(file);
        let written = record_to(audio, encoding, &mut file).await;
        (Self { path, name, file: file.into_std().await }, written)
    }

    /// Cuts off what is not whole, and lets the header tell how much there is. Returns the length in
    /// bytes and in time.
    pub(super) async fn repair(&self) -> Result<(u64, Duration)> {
        let (path, mut file) = self.handle()?;
        blocking(path, move || repair(&mut file)).await
    }

    /// The bytes from `at` on, at most so many.
    pub(super) async fn read(&self, at: u64, most: usize) -> Result<PutPayload> {
        let (path, mut file) = self.handle()?;
        blocking(path, move || {
            let mut bytes = Vec::new();
            file.seek(SeekFrom::Start(at))?;
            file.take(most as u64).read_to_end(&mut bytes)?;
            Ok(bytes.into())
        })
        .await
    }

    /// It is no longer needed here.
    pub(super) async fn remove(self) {
        let path = self.path.clone();
        let removed = blocking(path.clone(), move || {
            // Not every system removes what is open.
            drop(self.file);
            fs::remove_file(&path)
        });
        if let Err(error) = removed.await {
            tracing::warn!(%error, "an uploaded recording cannot be removed from the spool");
        }
    }

    fn handle(&self) -> Result<(PathBuf, File)> {
        let file = self.file.try_clone().map_err(|error| failed(&self.path, error))?;
        Ok((self.path.clone(), file))
    }
}

fn create(directory: &Path, name: &Name) -> io::Result<Spooled> {
    for number in 1..=NAMESAKES {
        let name = name.another(number);
        let path = directory.join(name.to_string());
        match create_in(directory, &path) {
            Ok(file) => {
                file.try_lock()?;
                return Ok(Spooled { path, name, file });
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::new(io::ErrorKind::AlreadyExists, "too many recordings of this call"))
}

/// Creates the file, and the directory again if it is gone: whoever cleans up temporary files takes
/// empty directories along.
fn create_in(directory: &Path, path: &Path) -> io::Result<File> {
    match files::create_new(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            files::create_dir_all(directory)?;
            files::create_new(path)
        }
        created => created,
    }
}

fn adopt(path: PathBuf) -> io::Result<Option<Spooled>> {
    let Some(name) = name_of(&path) else { return Ok(None) };
    let file = match OpenOptions::new().read(true).write(true).open(&path) {
        Ok(file) => file,
        // Another process has uploaded it since.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    if !path.try_exists()? {
        return Ok(None);
    }
    let mut spooled = Spooled { path, name, file };
    if !has_sound(&mut spooled.file)? {
        let path = escaped(spooled.path.display());
        tracing::warn!(%path, "a recording without sound is removed");
        fs::remove_file(&spooled.path)?;
        return Ok(None);
    }
    Ok(Some(spooled))
}

/// Whether there is a frame behind the header. What does not begin as a recording does is for
/// [`repair`] to refuse.
fn has_sound(file: &mut File) -> io::Result<bool> {
    let head = head(file)?;
    let begins = b"RIFF".starts_with(&head[..head.len().min(4)]);
    match WavWriter::resume(&head, file.metadata()?.len()) {
        Ok(writer) => Ok(writer.frames() > 0),
        Err(_) => Ok(head.len() == HEAD || !begins),
    }
}

fn repair(file: &mut File) -> io::Result<(u64, Duration)> {
    let head = head(file)?;
    let mut writer = WavWriter::resume(&head, file.metadata()?.len()).map_err(io::Error::other)?;
    file.set_len(writer.len())?;
    let mut rest = Vec::new();
    writer.finish(&mut rest);
    file.seek(SeekFrom::End(0))?;
    file.write_all(&rest)?;
    for patch in writer.patches() {
        file.seek(SeekFrom::Start(patch.offset))?;
        file.write_all(&patch.bytes)?;
    }
    file.sync_all()?;
    let length = MediaTime { samples: writer.frames(), rate_hz: writer.format().rate_hz };
    Ok((file.metadata()?.len(), length.duration()))
}

fn head(file: &mut File) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(HEAD);
    file.seek(SeekFrom::Start(0))?;
    file.take(HEAD as u64).read_to_end(&mut head)?;
    Ok(head)
}

fn name_of(path: &Path) -> Option<Name> {
    path.file_name()?.to_str().and_then(Name::parse)
}

/// Runs what waits for the disk on a thread for that.
async fn blocking<T: Send + 'static>(
    path: PathBuf,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T> {
    let done = spawn_blocking(work).await.map_err(io::Error::other);
    done.and_then(|done| done).map_err(|error| failed(&path, error))
}

fn failed(path: &Path, error: io::Error) -> Error {
    let what = format!("the disk failed at {}", path.display());
    Error::new(ErrorKind::Internal, NAME, what).with_source(error)
}
