//! Conversations in a file, by redb.
//!
//! A value is the time it is kept until, in milliseconds since 1970 as eight little-endian bytes, and
//! the record as JSON. Each save is on the disk when it returns (`fsync`), and a crash at any moment
//! leaves the last state that was.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use redb::{Database, ReadableDatabase, TableDefinition, TableError};
use tokio::task::spawn_blocking;
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_core::store::{SessionRecord, SessionStore};

const SERVICE: &str = "session file";
const SESSIONS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("sessions");
/// Once in so many saves, what is over is removed.
const SWEEP_EVERY: u64 = 256;

/// Keeps conversations in a file. Clones share it; only one process can have it open.
#[derive(Clone)]
pub struct File(Arc<Inner>);

struct Inner {
    database: Database,
    saves: AtomicU64,
}

impl File {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    ///
    /// `Config` if it cannot be opened: another process has it, it is no such file, or the directory
    /// does not exist.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let database = Database::create(path).map_err(|error| {
            let message = format!("cannot open {}: {error}", path.display());
            Error::new(ErrorKind::Config, SERVICE, message).with_source(error)
        })?;
        Ok(Self(Arc::new(Inner { database, saves: AtomicU64::new(0) })))
    }

    /// Disks block.
    async fn on_disk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let inner = Arc::clone(&self.0);
        let done = spawn_blocking(move || work(&inner)).await;
        done.map_err(|error| failed("was stopped", error))?
    }
}

impl Inner {
    fn load(&self, id: &str) -> Result<Option<SessionRecord>> {
        let read = self.database.begin_read().map_err(|error| failed("cannot be read", error))?;
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
        serde_json::from_slice(json)
            .map(Some)
            .map_err(|error| failed("has a damaged session", error))
    }

    fn change(
        &self,
        work: impl FnOnce(&mut redb::Table<'_, &'static str, &'static [u8]>) -> redb::Result<()>,
    ) -> Result<()> {
        let cannot = "cannot be written";
        let write = self.database.begin_write().map_err(|error| failed(cannot, error))?;
        {
            let mut sessions = write.open_table(SESSIONS).map_err(|error| failed(cannot, error))?;
            work(&mut sessions).map_err(|error| failed(cannot, error))?;
        }
        write.commit().map_err(|error| failed(cannot, error))
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
