//! Conversations in a file, by redb.
//!
//! A value is the time it is kept until, in milliseconds since 1970 as eight little-endian bytes, and
//! the record as JSON. Each save is on the disk when it returns (`fsync`), and a crash at any moment
//! leaves the last state that was.

use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use redb::backends::FileBackend;
use redb::{Database, DatabaseError, ReadableDatabase, TableDefinition, TableError};
use tokio::task::spawn_blocking;
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_core::store::{SessionRecord, SessionStore};

use crate::files;

const SERVICE: &str = "session file";
const SESSIONS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("sessions");
/// Once in so many saves, what is over is removed.
const SWEEP_EVERY: u64 = 256;

/// Keeps conversations in a file. Clones share it; only one process can have it open.
#[derive(Clone)]
pub struct File(Arc<Inner>);

struct Inner {
    open: Box<Open>,
    /// Nothing after the disk has failed: an open database then refuses everything, and is opened
    /// again for the next request.
    database: RwLock<Option<Database>>,
    saves: AtomicU64,
}

type Open = dyn Fn() -> std::result::Result<Database, DatabaseError> + Send + Sync;

impl File {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    ///
    /// `Config` if it cannot be opened: another process has it, it is no such file, or the directory
    /// does not exist.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref().to_owned();
        let name = path.display().to_string();
        Self::over(move || database(&path)).map_err(|error| {
            let message = format!("cannot open {name}: {error}");
            Error::new(ErrorKind::Config, SERVICE, message).with_source(error)
        })
    }

    fn over(
        open: impl Fn() -> std::result::Result<Database, DatabaseError> + Send + Sync + 'static,
    ) -> std::result::Result<Self, DatabaseError> {
        let database = RwLock::new(Some(open()?));
        Ok(Self(Arc::new(Inner { open: Box::new(open), database, saves: AtomicU64::new(0) })))
    }

    /// Disks block.
    async fn on_disk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let inner = Arc::clone(&self.0);
        let done = spawn_blocking(move || {
            let done = work(&inner);
            if done.is_err() {
                inner.close();
            }
            done
        });
        let done = done.await;
        done.map_err(|error| failed("was stopped", error))?
    }
}

/// Opens or creates the database, readable by its owner only.
fn database(path: &Path) -> std::result::Result<Database, DatabaseError> {
    let is_new = !path.exists();
    let file = files::open(path)?;
    let opened =
        FileBackend::new(file).and_then(|file| Database::builder().create_with_backend(file));
    if is_new && opened.is_err() {
        // A file that could not even be begun is no obstacle to the next attempt.
        std::fs::remove_file(path).ok();
    }
    opened
}

impl Inner {
    /// Does `work` with the database, opened again if the disk has failed.
    fn with<T>(&self, work: impl FnOnce(&Database) -> Result<T>) -> Result<T> {
        let is_open = |database: &Option<Database>| database.is_some();
        if !is_open(&self.database.read().unwrap_or_else(PoisonError::into_inner)) {
            let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
            if database.is_none() {
                *database =
                    Some((self.open)().map_err(|error| failed("cannot be opened again", error))?);
            }
        }
        match &*self.database.read().unwrap_or_else(PoisonError::into_inner) {
            Some(database) => work(database),
            None => Err(Error::new(ErrorKind::Internal, SERVICE, "the disk has just failed")),
        }
    }

    fn close(&self) {
        *self.database.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn load(&self, id: &str) -> Result<Option<SessionRecord>> {
        self.with(|database| load(database, id))
    }

    fn change(
        &self,
        work: impl FnOnce(&mut redb::Table<'_, &'static str, &'static [u8]>) -> redb::Result<()>,
    ) -> Result<()> {
        self.with(|database| change(database, work))
    }

    fn save(&self, id: &str, value: &[u8]) -> Result<()> {
        let sweep = self.saves.fetch_add(1, Ordering::Relaxed).is_multiple_of(SWEEP_EVERY);
        self.change(|sessions| {
            if sweep {
                let now = now();
                sessions.retain(|_, value| parts(value).is_some_and(|(until, _)| until > now))?;
            }
            sessions.insert(id, value)?;
            Ok(())
        })
    }
}

fn load(database: &Database, id: &str) -> Result<Option<SessionRecord>> {
    let read = database.begin_read().map_err(|error| failed("cannot be read", error))?;
    let sessions = match read.open_table(SESSIONS) {
        Ok(sessions) => sessions,
        Err(TableError::TableDoesNotExist(_)) => return Ok(None),
        Err(error) => return Err(failed("cannot be read", error)),
    };
    let value = sessions.get(id).map_err(|error| failed("cannot be read", error))?;
    let Some(value) = value else { return Ok(None) };
    let Some((until, json)) = parts(value.value()) else {
        return Err(Error::new(ErrorKind::Internal, SERVICE, "a session is damaged"));
    };
    if until <= now() {
        return Ok(None);
    }
    serde_json::from_slice(json).map(Some).map_err(|error| failed("has a damaged session", error))
}

fn change(
    database: &Database,
    work: impl FnOnce(&mut redb::Table<'_, &'static str, &'static [u8]>) -> redb::Result<()>,
) -> Result<()> {
    let cannot = "cannot be written";
    let write = database.begin_write().map_err(|error| failed(cannot, error))?;
    {
        let mut sessions = write.open_table(SESSIONS).map_err(|error| failed(cannot, error))?;
        work(&mut sessions).map_err(|error| failed(cannot, error))?;
    }
    write.commit().map_err(|error| failed(cannot, error))
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("File").finish_non_exhaustive()
    }
}

#[async_trait]
impl SessionStore for File {
    async fn load(&self, id: &str) -> Result<Option<SessionRecord>> {
        let id = id.to_owned();
        self.on_disk(move |inner| inner.load(&id)).await
    }

    async fn save(&self, id: &str, record: &SessionRecord, keep: Duration) -> Result<()> {
        let until = now().saturating_add(u64::try_from(keep.as_millis()).unwrap_or(u64::MAX));
        let mut value = until.to_le_bytes().to_vec();
        serde_json::to_writer(&mut value, record)
            .map_err(|error| failed("cannot hold it", error))?;
        let id = id.to_owned();
        self.on_disk(move |inner| inner.save(&id, &value)).await
    }

    async fn forget(&self, id: &str) -> Result<()> {
        let id = id.to_owned();
        self.on_disk(move |inner| {
            inner.change(|sessions| {
                sessions.remove(id.as_str())?;
                Ok(())
            })
        })
        .await
    }
}

fn parts(value: &[u8]) -> Option<(u64, &[u8])> {
    let (until, json) = value.split_first_chunk()?;
    Some((u64::from_le_bytes(*until), json))
}

#[expect(clippy::disallowed_methods, reason = "a file outlives every other clock")]
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn failed(what: &str, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::Internal, SERVICE, format!("the file {what}: {error}")).with_source(error)
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::atomic::AtomicBool;

    use redb::StorageBackend;
    use redb::backends::FileBackend;
    use voicekit_core::llm::Message;

    use super::*;

    /// A disk that is full while it is told to be.
    #[derive(Debug)]
    struct Disk {
        file: FileBackend,
        is_full: Arc<AtomicBool>,
    }

    impl Disk {
        fn room(&self) -> io::Result<()> {
            match self.is_full.load(Ordering::Relaxed) {
                true => Err(io::ErrorKind::StorageFull.into()),
                false => Ok(()),
            }
        }
    }

    impl StorageBackend for Disk {
        fn len(&self) -> io::Result<u64> {
            self.file.len()
        }

        fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
            self.file.read(offset, out)
        }

        fn set_len(&self, len: u64) -> io::Result<()> {
            self.room()?;
            self.file.set_len(len)
        }

        fn sync_data(&self) -> io::Result<()> {
            self.room()?;
            self.file.sync_data()
        }

        fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
            self.room()?;
            self.file.write(offset, data)
        }
    }

    #[tokio::test]
    async fn a_full_disk_costs_what_it_had_no_room_for_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let (path, is_full) = (directory.path().join("sessions"), Arc::new(AtomicBool::new(false)));
        let full = Arc::clone(&is_full);
        let store = File::over(move || {
            let file = FileBackend::new(files::open(&path)?)?;
            let disk = Disk { file, is_full: Arc::clone(&full) };
            Database::builder().create_with_backend(disk)
        });
        let store = store.unwrap();
        let record = SessionRecord::new(vec![Message::caller("hello")]);
        let hour = Duration::from_secs(3_600);
        store.save("before", &record, hour).await.unwrap();
        is_full.store(true, Ordering::Relaxed);
        for _ in 0..3 {
            let error = store.save("lost", &record, hour).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Internal);
        }
        is_full.store(false, Ordering::Relaxed);
        assert_eq!(store.load("before").await.unwrap().as_ref(), Some(&record));
        assert_eq!(store.load("lost").await.unwrap(), None);
        store.save("after", &record, hour).await.unwrap();
        assert_eq!(store.load("after").await.unwrap(), Some(record));
    }
}
