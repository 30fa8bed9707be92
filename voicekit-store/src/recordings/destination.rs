//! Where recordings go.

use std::collections::BTreeMap;
use std::env;
use std::fmt;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use tokio::task::spawn_blocking;
use url::Url;
use voicekit_core::error::{Error, ErrorKind, Result};

use super::NAME;
use super::key::{Name, safe};
use crate::files;

/// How often a recording of one name may occur: more than a call can be recorded on one day.
const NAMESAKES: u32 = 10_000;

/// A store and the place in it.
pub(super) struct Destination {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    /// Where it is, if it is on this machine.
    directory: Option<PathBuf>,
}

impl Destination {
    pub(super) fn open(url: &str, options: &BTreeMap<String, String>) -> Result<Self> {
        if !url.contains("://") {
            return Self::directory(FilePath::new(url));
        }
        let wrong = |what: String| Error::new(ErrorKind::Config, NAME, what);
        let parsed =
            Url::parse(url).map_err(|error| wrong(format!("the URL cannot be read: {error}")))?;
        match parsed.scheme() {
            "file" => {
                let path = parsed.to_file_path();
                let path =
                    path.map_err(|()| wrong("file:// needs a path of this machine".into()))?;
                Self::directory(&path)
            }
            "memory" => Self::over(Arc::new(InMemory::new()), parsed.path()),
            "s3" => s3(&parsed, options),
            other => {
                let what = format!("{other}:// is not known: a path, file://, s3:// or memory://");
                Err(wrong(what))
            }
        }
    }

    pub(super) fn over(store: Arc<dyn ObjectStore>, prefix: &str) -> Result<Self> {
        let prefix = Path::parse(prefix).map_err(|error| {
            let what = format!("the prefix {prefix:?} cannot stand in a key");
            Error::new(ErrorKind::Config, NAME, what).with_source(error)
        })?;
        Ok(Self { store, prefix, directory: None })
    }

    fn directory(path: &FilePath) -> Result<Self> {
        let failed = |error: Box<dyn std::error::Error + Send + Sync>| {
            let what = format!("the directory {} cannot be used", path.display());
            Error::new(ErrorKind::Internal, NAME, what).with_source(error)
        };
        if path.as_os_str().is_empty() {
            return Err(Error::new(ErrorKind::Config, NAME, "the directory has no name"));
        }
        files::create_dir_all(path).map_err(|error| failed(error.into()))?;
        let store = LocalFileSystem::new_with_prefix(path).map_err(|error| failed(error.into()))?;
        // The spool's file is removed once the store has the recording: it must be on the disk.
        let store = Arc::new(store.with_fsync(true));
        Ok(Self { store, prefix: Path::default(), directory: Some(path.to_owned()) })
    }

    pub(super) fn store(&self) -> &dyn ObjectStore {
        &*self.store
    }

    /// Prepares for a recording at `key`: on this machine, its directories are made so that only
    /// their owner can read them.
    pub(super) async fn prepare(&self, key: &Path) -> std::io::Result<()> {
        let Some(path) = self.path_of(key) else { return Ok(()) };
        spawn_blocking(move || path.parent().map_or(Ok(()), files::create_dir_all)).await?
    }

    /// Takes the recording at `key` from everybody but its owner, if it is on this machine.
    pub(super) async fn seal(&self, key: &Path) -> std::io::Result<()> {
        let Some(path) = self.path_of(key) else { return Ok(()) };
        spawn_blocking(move || files::restrict_file(&path)).await?
    }

    /// Where the recording at `key` is, if it is on this machine. No part of a key leads elsewhere.
    fn path_of(&self, key: &Path) -> Option<PathBuf> {
        let directory = self.directory.as_ref()?;
        Some(key.parts().fold(directory.clone(), |path, part| {
            let part: &str = part.as_ref();
            path.join(part)
        }))
    }

    /// The first key for `name` that nothing has yet.
    pub(super) async fn vacant(&self, name: &Name) -> object_store::Result<Path> {
        let mut number = 1;
        loop {
            let key = name.another(number).key(&self.prefix);
            match self.store.head(&key).await {
                Err(object_store::Error::NotFound { .. }) => return Ok(key),
                Ok(_) if number < NAMESAKES => number += 1,
                Ok(_) => {
                    let source = "too many recordings of this name".into();
                    let path = key.into();
                    return Err(object_store::Error::AlreadyExists { path, source });
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// # Errors
    ///
    /// `Config` if the environment names no directory that survives a restart. The one for temporary
    /// files is no substitute: everybody on the machine can put links there.
    pub(super) fn default_spool(&self) -> Result<PathBuf> {
        if let Some(directory) = &self.directory {
            return Ok(directory.join(".spool"));
        }
        let set = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let state = set("XDG_STATE_HOME")
            .or_else(|| set("STATE_DIRECTORY"))
            .or_else(|| set("HOME").map(|home| home.join(".local/state")))
            .or_else(|| set("LOCALAPPDATA"));
        let Some(state) = state else {
            let what = "spool: there is no directory for it: set it, or HOME or XDG_STATE_HOME in \
                        the environment";
            return Err(Error::new(ErrorKind::Config, NAME, what));
        };
        // Recordings for one place must not be uploaded to another.
        let place = safe(&format!("{}/{}", self.store, self.prefix));
        Ok(state.join("voicekit").join("recordings").join(place))
    }
}

#[cfg(feature = "s3")]
fn s3(url: &Url, options: &BTreeMap<String, String>) -> Result<Destination> {
    Destination::over(super::s3::open(url, options)?, url.path())
}

#[cfg(not(feature = "s3"))]
fn s3(_: &Url, _: &BTreeMap<String, String>) -> Result<Destination> {
    let what = "s3:// needs the feature `s3` of voicekit-store";
    Err(Error::new(ErrorKind::Unsupported, NAME, what))
}

impl fmt::Debug for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.store, self.prefix)
    }
}
