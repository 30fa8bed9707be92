//! Recordings of calls: a WAV file each, in a directory or an object store.
//!
//! [`Recordings`] is a [listener](voicekit_core::listen). While a call goes on, its sound is
//! written to a file on this machine, the *spool*; when it is over, the file is uploaded and only
//! then removed. What a crash leaves in the spool is repaired and uploaded by
//! [`recover`](Recordings::recover) at the next start.
//!
//! ```no_run
//! # async fn example() -> Result<(), voicekit_core::error::Error> {
//! use voicekit_store::recordings::Recordings;
//!
//! let recordings = Recordings::open("s3://calls/bakery")?;
//! recordings.recover().await?;
//! // Agent::builder().listen(recordings)…
//! # Ok(())
//! # }
//! ```
//!
//! # Where they go
//!
//! | URL | |
//! |---|---|
//! | a path, or `file:///path` | a directory, which is made if it is not there |
//! | `s3://bucket/prefix` | with the feature `s3`: Amazon S3, MinIO and others |
//! | `memory:///` | nowhere: for trying out |
//!
//! For S3, credentials and the rest come from the environment, as `object_store` reads it:
//! `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `AWS_REGION`, and
//! `AWS_ENDPOINT` for a server of one's own (`http://127.0.0.1:9000` for MinIO); without keys, the
//! machine's role is used. [`RecordingsConfig::options`] goes before it. Any other [`ObjectStore`] is given to [`Recordings::over`].
//!
//! A recording is named by the day on which the call began (UTC) and the call's id:
//! `{prefix}/2026/01/31/{id}.wav`. Of the id, letters, digits, `-` and `_` are kept and other bytes
//! become `=` and two hexadecimal digits; what is longer than 150 characters then is cut, and a
//! checksum added. Where the name is taken, `.2`, `.3` and so on is added: a recording never replaces
//! another. If a crash comes between an upload's end and the removal from the spool, the recording
//! is there twice.
//!
//! # What is in them
//!
//! Two channels at the rate of the line, caller left, agent right, placed as the caller heard them:
//! see [`Recording`](voicekit_core::record::recording::Recording). By default in the line's own
//! encoding, which loses nothing: 16 kB a second for mu-law at 8 kHz, 58 MB an hour.
//!
//! # When something fails
//!
//! - A disk that stalls, or is slower than the call: the call does not notice. The recording has
//!   silence of the right length where it could not follow, [`Recorded::lacks`] counts it, and a
//!   warning is logged.
//! - A disk that fails: what was written is uploaded, and the rest is missing. The error is logged.
//! - An upload that fails is tried again ([`RecordingsConfig::retry`]); then the recording stays in
//!   the spool, and the error, which names it, is logged.
//! - The process is killed: the sound of the last second is missing. A machine that loses power may
//!   lose what its system had not written yet.
//!
//! Several processes may share a spool: each locks the files that it is at. They must have the same
//! destination.

mod destination;
mod key;
mod record;
#[cfg(feature = "s3")]
mod s3;
mod spool;
mod upload;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures::future::BoxFuture;
use object_store::ObjectStore;
use tokio::sync::Semaphore;
use tracing::Instrument;
use voicekit_core::audio::Encoding;
use voicekit_core::error::{Error, Result};
use voicekit_core::listen::{CallAudio, Listen};
use voicekit_core::log::escaped;
use voicekit_core::record::recording::Lacks;
use voicekit_core::retry::RetryPolicy;
use voicekit_core::transport::CallInfo;

use destination::Destination;
use spool::{Spool, Spooled};

pub use object_store;
pub use record::{Written, record_to};

/// What errors call this.
const NAME: &str = "recordings";

/// Uploads at once; more wait. Each holds at most [`upload::PART`] in memory.
const UPLOADS: usize = 4;

/// How calls are recorded.
#[derive(Clone)]
#[non_exhaustive]
pub struct RecordingsConfig {
    /// Where the files are until they are uploaded: a directory on a disk of this machine that
    /// survives a restart. Default: `.spool` in the destination if that is a directory; else
    /// `voicekit/recordings/{destination}` in the user's state directory (`XDG_STATE_HOME`,
    /// systemd's `STATE_DIRECTORY`, `~/.local/state`, on Windows `LOCALAPPDATA`). It is created
    /// readable by its owner only, and again if it is gone.
    pub spool: Option<PathBuf>,
    /// The encoding of the files. Default: the line's own.
    pub encoding: Option<Encoding>,
    /// Whether and when a failed upload is tried again. Default: eight attempts, 1 s after the
    /// first, twice as long after each further one, never longer than a minute.
    pub retry: RetryPolicy,
    /// What the store is to know, by `object_store`'s names, such as `aws_endpoint` and
    /// `aws_access_key_id`; goes before the environment. Default: nothing.
    pub options: BTreeMap<String, String>,
    /// Tells the time, for the day in a recording's name. Default: the system's clock.
    pub clock: fn() -> SystemTime,
}

impl Default for RecordingsConfig {
    fn default() -> Self {
        let (first, longest) = (Duration::from_secs(1), Duration::from_secs(60));
        Self {
            spool: None,
            encoding: None,
            retry: RetryPolicy::exponential(8, first, longest).with_patience(longest),
            options: BTreeMap::new(),
            clock: key::now,
        }
    }
}

impl RecordingsConfig {
    /// Sets [`spool`](Self::spool).
    #[must_use]
    pub fn with_spool(mut self, directory: impl Into<PathBuf>) -> Self {
        self.spool = Some(directory.into());
        self
    }

    /// Sets [`encoding`](Self::encoding).
    #[must_use]
    pub fn with_encoding(mut self, encoding: Encoding) -> Self {
        self.encoding = Some(encoding);
        self
    }

    /// Sets [`retry`](Self::retry).
    #[must_use]
    pub fn with_retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// Adds to [`options`](Self::options).
    #[must_use]
    pub fn with_option(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.options.insert(name.into(), value.into());
        self
    }

    /// Sets [`clock`](Self::clock).
    #[must_use]
    pub fn with_clock(mut self, clock: fn() -> SystemTime) -> Self {
        self.clock = clock;
        self
    }
}

/// Shows no option's value: some are secrets.
impl fmt::Debug for RecordingsConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordingsConfig")
            .field("spool", &self.spool)
            .field("encoding", &self.encoding)
            .field("retry", &self.retry)
            .field("options", &self.options.keys())
            .finish_non_exhaustive()
    }
}

/// Records calls. Cloning shares it. See the [module docs](self).
#[derive(Clone)]
pub struct Recordings(Arc<Shared>);

struct Shared {
    destination: Destination,
    spool: Spool,
    config: RecordingsConfig,
    uploads: Semaphore,
}

/// A recording that is where it belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recorded {
    /// Its name at the destination, such as `bakery/2026/01/31/CA1.wav`.
    pub key: String,
    /// How large it is.
    pub bytes: u64,
    /// How long it lasts.
    pub duration: Duration,
    /// What it lacks because the disk was too slow, as silence of the same length; unknown, and so
    /// nothing, after a crash.
    pub lacks: Lacks,
}

/// What came of the recordings that were left in the spool.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Recovered {
    /// Those that are where they belong now.
    pub uploaded: Vec<Recorded>,
    /// Those that are still in the spool, and why.
    pub left: Vec<(PathBuf, Error)>,
}

impl Recordings {
    /// Recordings that go to `url`, with the defaults.
    ///
    /// # Errors
    ///
    /// As [`with_config`](Self::with_config).
    pub fn open(url: &str) -> Result<Self> {
        Self::with_config(url, RecordingsConfig::default())
    }

    /// Recordings that go to `url`. Whether an object store can be reached shows with the first
    /// upload.
    ///
    /// # Errors
    ///
    /// `Config` if the URL cannot be read, or the environment does not say what the store needs;
    /// `Unsupported` if it is for a feature that is not there; `Internal` if a directory cannot be
    /// made; `Config` if there is no directory for the spool.
    pub fn with_config(url: &str, config: RecordingsConfig) -> Result<Self> {
        Self::new(Destination::open(url, &config.options)?, config)
    }

    /// Recordings that go to `store`, below `prefix`.
    ///
    /// # Errors
    ///
    /// `Config` if the prefix cannot stand in a key; `Internal` if the spool cannot be made.
    pub fn over(
        store: Arc<dyn ObjectStore>,
        prefix: &str,
        config: RecordingsConfig,
    ) -> Result<Self> {
        Self::new(Destination::over(store, prefix)?, config)
    }

    fn new(destination: Destination, config: RecordingsConfig) -> Result<Self> {
        let directory = match &config.spool {
            Some(directory) => directory.clone(),
            None => destination.default_spool()?,
        };
        let spool = Spool::open(directory)?;
        Ok(Self(Arc::new(Shared { destination, spool, config, uploads: Semaphore::new(UPLOADS) })))
    }

    /// Records one call and uploads the recording.
    ///
    /// # Errors
    ///
    /// `Internal` if the disk fails, in which case what was written has been uploaded; the upload's
    /// own, `Connection` or `Unauthenticated` for instance, if it failed for good: then the
    /// recording is in the spool.
    pub async fn record(&self, call: &CallInfo, audio: CallAudio) -> Result<Recorded> {
        let shared = &*self.0;
        let name = key::Name::new((shared.config.clock)(), &call.id);
        let spooled = shared.spool.create(&name).await?;
        let (spooled, written) = spooled.fill(audio, shared.config.encoding).await;
        let recorded = self.deliver(spooled).await?;
        let Written { lacks, .. } = written?;
        Ok(Recorded { lacks, ..recorded })
    }

    /// Uploads what an earlier process has left in the spool, one after another. What another
    /// process is at is left alone.
    ///
    /// # Errors
    ///
    /// `Internal` if the spool cannot be read.
    pub async fn recover(&self) -> Result<Recovered> {
        let mut recovered = Recovered::default();
        for path in self.0.spool.list().await? {
            match self.recover_one(path.clone()).await {
                Ok(uploaded) => recovered.uploaded.extend(uploaded),
                Err(error) => recovered.left.push((path, error)),
            }
        }
        if !recovered.uploaded.is_empty() || !recovered.left.is_empty() {
            let (uploaded, left) = (recovered.uploaded.len(), recovered.left.len());
            tracing::info!(uploaded, left, "recordings of an earlier process");
        }
        Ok(recovered)
    }

    async fn recover_one(&self, path: PathBuf) -> Result<Option<Recorded>> {
        let Some(spooled) = self.0.spool.adopt(path).await? else { return Ok(None) };
        self.deliver(spooled).await.map(Some)
    }

    /// Brings a recording to its destination, and removes it from the spool.
    async fn deliver(&self, spooled: Spooled) -> Result<Recorded> {
        let shared = &*self.0;
        let (bytes, duration) = spooled.repair().await?;
        let uploaded =
            upload::upload(&shared.destination, &spooled, &shared.config.retry, &shared.uploads);
        let key = match uploaded.await {
            Ok(key) => key,
            Err(error) => {
                let path = spooled.path().display();
                let path = escaped(path);
                tracing::error!(%error, %path, "a recording could not be uploaded and is kept");
                return Err(error);
            }
        };
        spooled.remove().await;
        tracing::debug!(%key, bytes, "recording uploaded");
        Ok(Recorded { key: key.into(), bytes, duration, lacks: Lacks::default() })
    }
}

impl Listen for Recordings {
    fn listen(&self, call: CallInfo, audio: CallAudio) -> BoxFuture<'static, ()> {
        let recordings = self.clone();
        let span = tracing::info_span!("recording", call = %escaped(&call.id));
        let recorded = async move {
            if let Err(error) = recordings.record(&call, audio).await {
                tracing::error!(%error, "a call is not recorded as it should be");
            }
        };
        Box::pin(recorded.instrument(span))
    }
}

impl fmt::Debug for Recordings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shared { destination, spool, config, .. } = &*self.0;
        f.debug_struct("Recordings")
            .field("destination", destination)
            .field("spool", spool)
            .field("config", config)
            .finish_non_exhaustive()
    }
}
