//! Documents become knowledge, and it stays in step with them.
//!
//! Every file that [`load`] can read is a document, named by its path below the
//! directory. A file whose content has not changed is skipped; one that is gone is removed from the
//! index; one that cannot be read is reported, keeps what is known of it, and the others go on. An
//! ingestion that breaks off is taken up where it stopped by running it again.
//!
//! With the feature `http`, a list of addresses is a source, too. An index is in step with one source:
//! what another left in it is removed.

mod walk;
#[cfg(feature = "http")]
mod web;

use std::collections::BTreeSet;
use std::fmt::{self, Write};
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_core::retrieve::{Chunk, Embedder, Embedding, Index, Settled};
use voicekit_core::retry::RetryPolicy;

use crate::load::{self, Format, Limits};
use crate::split::{Piece, SplitConfig, split};

use self::walk::{Listing, Place, Source};

#[cfg(feature = "http")]
pub use self::web::{Web, urls};

const SERVICE: &str = "ingestion";
/// Part of every fingerprint; raised when files are read or split otherwise.
const VERSION: &str = "1";

/// Keeps an index in step with a directory, a file or a list of addresses.
#[derive(Clone)]
pub struct Ingestion {
    index: Arc<dyn Index>,
    embedder: Arc<dyn Embedder>,
    split: SplitConfig,
    limits: Limits,
    retry: RetryPolicy,
    batch: usize,
    metadata: Vec<(String, String)>,
}

impl fmt::Debug for Ingestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ingestion")
            .field("index", &self.index)
            .field("embedder", &self.embedder)
            .field("split", &self.split)
            .finish_non_exhaustive()
    }
}

/// How far an ingestion is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress<'a> {
    /// The file at work, by its path below the directory, or the address.
    pub document: &'a str,
    /// Files that are done.
    pub files: usize,
    /// Files in all.
    pub of: usize,
    /// Chunks written so far.
    pub chunks: usize,
}

/// What an ingestion did.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// Documents that are new.
    pub added: usize,
    /// Documents that have changed.
    pub changed: usize,
    /// Documents that are as they were.
    pub unchanged: usize,
    /// Documents that are gone.
    pub removed: usize,
    /// Chunks that were written.
    pub chunks: usize,
    /// Files that could not be read, by their paths or addresses, and why.
    pub failed: Vec<(String, Error)>,
    /// Files of kinds that are not read.
    pub ignored: usize,
}

impl Ingestion {
    /// Into `index`, with the meanings that `embedder` sees.
    pub fn new(index: Arc<dyn Index>, embedder: Arc<dyn Embedder>) -> Self {
        Self {
            index,
            embedder,
            split: SplitConfig::default(),
            limits: Limits::default(),
            retry: RetryPolicy::exponential(
                4,
                std::time::Duration::from_millis(500),
                std::time::Duration::from_secs(8),
            )
            .with_patience(std::time::Duration::from_secs(60)),
            batch: 32,
            metadata: Vec::new(),
        }
    }

    /// Sets where documents are split.
    #[must_use]
    pub fn with_split(mut self, split: SplitConfig) -> Self {
        self.split = split;
        self
    }

    /// Sets what a file may cost.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets how often a batch is embedded again. Default: three times, after 0.5, 1 and 2 s, and
    /// waiting up to a minute where the service asks for it.
    #[must_use]
    pub fn with_retry(mut self, retry: RetryPolicy) -> Self {
        self.retry = retry;
        self
    }

    /// Sets how many chunks are embedded and written at a time, from 1. Default: 32.
    #[must_use]
    pub fn with_batch(mut self, chunks: usize) -> Self {
        self.batch = chunks.max(1);
        self
    }

    /// Gives every chunk this metadata, to be filtered by.
    #[must_use]
    pub fn with_metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.push((key.into(), value.into()));
        self
    }

    /// Brings the index in step with the directory or file at `path`. `progress` hears of every batch
    /// and file.
    ///
    /// # Errors
    ///
    /// `Config` if there is no such path, or nothing in it that can be read: then nothing is
    /// removed. What the embedder and the index fail with. Files that cannot be read are no error of
    /// the whole: see [`Report::failed`].
    pub async fn run(
        &self,
        path: impl AsRef<Path>,
        progress: impl FnMut(Progress<'_>) + Send,
    ) -> Result<Report> {
        let path = path.as_ref().to_owned();
        let listing = blocking(move || walk::list(&path)).await?;
        self.keep(listing, &Fetch::default(), progress).await
    }

    /// Brings the index in step with what is at `urls` on the `web`, as [`urls`] reads them off a list.
    /// The address is the document's name.
    ///
    /// # Errors
    ///
    /// `Config` if there is no address. What the embedder and the index fail with. What cannot be
    /// fetched or read is no error of the whole, and what is known of it stays: see
    /// [`Report::failed`].
    #[cfg(feature = "http")]
    pub async fn run_urls(
        &self,
        web: &Web,
        urls: impl IntoIterator<Item = String>,
        progress: impl FnMut(Progress<'_>) + Send,
    ) -> Result<Report> {
        let sources = urls.into_iter().map(|url| Source { document: url, place: Place::Web });
        let listing = Listing { sources: sources.collect(), ignored: 0 };
        if listing.sources.is_empty() {
            return Err(Error::new(ErrorKind::Config, SERVICE, "there is no address"));
        }
        let fetch = Fetch { web: Some(web.client(&self.limits, &self.retry)) };
        self.keep(listing, &fetch, progress).await
    }

    async fn keep(
        &self,
        listing: Listing,
        fetch: &Fetch,
        mut progress: impl FnMut(Progress<'_>) + Send,
    ) -> Result<Report> {
        let known = self.index.documents().await?;
        let of = listing.sources.len();
        let mut report = Report { ignored: listing.ignored, ..Report::default() };
        let here: BTreeSet<&str> =
            listing.sources.iter().map(|source| source.document.as_str()).collect();
        for document in known.keys().filter(|document| !here.contains(document.as_str())) {
            self.index.delete(document).await?;
            report.removed += 1;
        }
        for (files, source) in listing.sources.into_iter().enumerate() {
            let document = source.document.clone();
            let known = known.get(&document).cloned();
            progress(Progress { document: &document, files, of, chunks: report.chunks });
            let read = self.read(source, fetch, known.clone()).await;
            match read {
                Err(error) => report.failed.push((document, error)),
                Ok(None) => report.unchanged += 1,
                Ok(Some(version)) => {
                    let before = report.chunks;
                    self.write(&document, version, |written| {
                        let chunks = before + written;
                        progress(Progress { document: &document, files, of, chunks });
                        report.chunks = chunks;
                    })
                    .await?;
                    match known.is_some_and(|fingerprint| !fingerprint.is_empty()) {
                        true => report.changed += 1,
                        false => report.added += 1,
                    }
                }
            }
        }
        progress(Progress { document: "", files: of, of, chunks: report.chunks });
        Ok(report)
    }

    /// The document, unless it is known as it is.
    async fn read(
        &self,
        source: Source,
        fetch: &Fetch,
        known: Option<String>,
    ) -> Result<Option<Version>> {
        let (limits, config) = (self.limits, self.split.clone());
        let salt = format!("{config:?} {:?}", self.metadata);
        let Raw { format, name, bytes } = fetch.read(source, limits).await?;
        blocking(move || {
            let fingerprint = fingerprint(&salt, &bytes);
            if known.as_ref() == Some(&fingerprint) {
                return Ok(None);
            }
            let loaded = load::load(format, &name, &bytes, &limits)?;
            Ok(Some(Version { fingerprint, pieces: split(&loaded.blocks, &config) }))
        })
        .await
    }

    async fn write(
        &self,
        document: &str,
        version: Version,
        mut written: impl FnMut(usize) + Send,
    ) -> Result<()> {
        let mut ids = Vec::with_capacity(version.pieces.len());
        for batch in version.pieces.chunks(self.batch) {
            let texts: Vec<String> = batch.iter().map(Piece::in_context).collect();
            let embeddings = self.embed(&texts).await?;
            let mut chunks = Vec::with_capacity(batch.len());
            for (piece, embedding) in batch.iter().zip(embeddings) {
                let id = format!("{document}#{}", ids.len() + 1);
                ids.push(id.clone());
                let mut chunk = Chunk::new(id, document, &piece.text, embedding)
                    .with_headings(piece.headings.clone());
                chunk.metadata.extend(self.metadata.iter().cloned());
                chunks.push(chunk);
            }
            self.index.upsert(chunks).await?;
            written(ids.len());
        }
        self.index.settle(Settled::new(document, version.fingerprint, ids)).await
    }

    async fn embed(&self, texts: &[String]) -> Result<Vec<Embedding>> {
        let mut failed = 0;
        loop {
            let error = match self.embedder.embed(texts).await {
                Ok(embeddings) if embeddings.len() == texts.len() => return Ok(embeddings),
                Ok(embeddings) => {
                    let problem = format!(
                        "{} texts were given to the embedder, {} embeddings came back",
                        texts.len(),
                        embeddings.len()
                    );
                    return Err(Error::new(ErrorKind::Protocol, SERVICE, problem));
                }
                Err(error) => error,
            };
            let Some(wait) = self.retry.wait(failed, &error) else { return Err(error) };
            tracing::debug!(%error, ?wait, "a batch is embedded again");
            sleep(wait).await;
            failed += 1;
        }
    }
}

/// A document's bytes.
struct Raw {
    format: Format,
    /// A title, where it has none.
    name: String,
    bytes: Vec<u8>,
}

/// Gets documents from where they are.
#[derive(Default)]
struct Fetch {
    #[cfg(feature = "http")]
    web: Option<web::Client>,
}

impl Fetch {
    async fn read(&self, source: Source, limits: Limits) -> Result<Raw> {
        match source.place {
            Place::File { path, format } => {
                let name = walk::name(&path);
                let bytes = blocking(move || walk::read(&path, &limits)).await?;
                Ok(Raw { format, name, bytes })
            }
            #[cfg(feature = "http")]
            Place::Web => {
                let Some(web) = &self.web else {
                    return Err(Error::new(ErrorKind::Internal, SERVICE, "there is no web"));
                };
                let web::Page { bytes, format, name } = web.fetch(&source.document).await?;
                Ok(Raw { format, name, bytes })
            }
        }
    }
}

/// A document as it is.
struct Version {
    fingerprint: String,
    pieces: Vec<Piece>,
}

/// Of the content and of how it is read.
fn fingerprint(salt: &str, bytes: &[u8]) -> String {
    let mut hash = Sha256::new();
    for part in [VERSION, salt] {
        hash.update(part);
        hash.update([0]);
    }
    hash.update(bytes);
    hash.finalize().iter().fold(String::new(), |mut text, byte| {
        // Writing into a text cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    spawn_blocking(work).await.map_err(|error| {
        Error::new(ErrorKind::Internal, SERVICE, "the work was broken off").with_source(error)
    })?
}
