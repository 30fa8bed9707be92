//! Documents become knowledge, and it stays in step with them.
//!
//! Every file that [`load`] can read is a document, named by its path below the
//! directory. A file whose content has not changed is not read again; one that is gone is removed from
//! the index; one that cannot be read is reported, keeps what is known of it, and the others go on. An
//! ingestion that fails is resumed by running it again.
//!
//! Symbolic links are followed within the directory. The [`Report`] names everything that is not in
//! the index: documents that failed, the missing parts of others, and what was skipped.
//!
//! With the feature `http`, a list of addresses is a source, too. An index is in step with one source:
//! what another left in it is removed.

mod walk;
#[cfg(feature = "http")]
mod web;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write};
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_core::retrieve::{Chunk, Embedder, Embedding, Index, Settled};
use voicekit_core::retry::RetryPolicy;

use crate::load::{self, Format, Limits, Loss};
use crate::split::{Piece, SplitConfig, split};

use self::walk::{Listing, Place, Source};

#[cfg(feature = "http")]
pub use self::web::{Web, urls};

const SERVICE: &str = "ingestion";
/// Part of every fingerprint; raised when files are read or split otherwise.
const VERSION: &str = "2";
/// The end of the fingerprint of a document of which parts are missing: they are named again at
/// each ingestion.
const PARTIAL: &str = "-partial";

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

/// The progress of an ingestion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
    /// Bytes of the files that are done. Zero for addresses, whose size is not known before.
    pub bytes: u64,
    /// Bytes of all files.
    pub of_bytes: u64,
}

/// The outcome of an ingestion.
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
    /// Documents of which parts could not be read, by their paths or addresses.
    pub partial: Vec<(String, Vec<Loss>)>,
    /// Documents without any text, such as empty files and pages that are only front matter.
    pub empty: Vec<String>,
    /// Files and directories that could not be visited, by their paths, and why. What is known of
    /// them stays in the index.
    pub skipped: Vec<(String, String)>,
    /// Number of files of kinds that are not read, by the ends of their names, such as `.png`.
    pub ignored: BTreeMap<String, usize>,
    /// Number of entries that are left out on purpose, such as hidden files, by class.
    pub quiet: BTreeMap<&'static str, usize>,
}

impl Report {
    /// Whether everything that was there is in the index: nothing failed, was skipped, is missing
    /// in part or is of a kind that is not read.
    pub fn is_complete(&self) -> bool {
        self.failed.is_empty()
            && self.partial.is_empty()
            && self.skipped.is_empty()
            && self.ignored.is_empty()
    }
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
        let listing = Listing { sources: sources.collect(), ..Listing::default() };
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
        let Listing { sources, skipped, ignored, quiet } = listing;
        let mut report = Report { skipped, ignored, quiet, ..Report::default() };
        let here: BTreeSet<&str> = sources.iter().map(|source| source.document.as_str()).collect();
        for document in known.keys().filter(|document| !here.contains(document.as_str())) {
            if !report.skipped.iter().any(|(skipped, _)| is_within(document, skipped)) {
                self.index.delete(document).await?;
                report.removed += 1;
            }
        }
        let (of, mut bytes) = (sources.len(), 0);
        let of_bytes = sources.iter().map(Source::size).sum();
        let mut pending = Pending::default();
        for (files, source) in sources.into_iter().enumerate() {
            let (document, size) = (source.document.clone(), source.size());
            let known = known.get(&document).cloned();
            let at = |chunks| Progress { document: &document, files, of, chunks, bytes, of_bytes };
            progress(at(report.chunks));
            match self.read(source, fetch, known.clone()).await {
                Err(error) => report.failed.push((document, error)),
                Ok(read) => {
                    report.note(&document, &read);
                    if let Some(version) = read.version {
                        let is_new = known.is_none_or(|fingerprint| fingerprint.is_empty());
                        pending.push(document.clone(), version, is_new);
                    } else {
                        report.unchanged += 1;
                    }
                    // Small documents are embedded together.
                    if pending.pieces >= self.batch {
                        let written = |chunks| progress(at(chunks));
                        self.write(&mut pending, &mut report, written).await?;
                    }
                }
            }
            bytes += size;
        }
        self.write(&mut pending, &mut report, |_| {}).await?;
        let chunks = report.chunks;
        progress(Progress { document: "", files: of, of, chunks, bytes, of_bytes });
        Ok(report)
    }

    /// The document; without its text if it is known as it is.
    async fn read(&self, source: Source, fetch: &Fetch, known: Option<String>) -> Result<Read> {
        let (limits, config) = (self.limits, self.split.clone());
        let salt = format!("{config:?} {:?}", self.metadata);
        let is_file = matches!(source.place, Place::File { .. });
        let Raw { format, name, bytes } = fetch.read(source, limits).await?;
        blocking(move || {
            let mut fingerprint = fingerprint(&salt, &bytes);
            let known = known.unwrap_or_default();
            let is_known = known.strip_suffix(PARTIAL).unwrap_or(&known) == fingerprint;
            if is_known && !known.ends_with(PARTIAL) {
                return Ok(Read::default());
            }
            let load::Loaded { blocks, losses, .. } = load::load(format, &name, &bytes, &limits)?;
            let is_empty = blocks.is_empty();
            if is_empty && !is_file {
                return Err(Error::new(ErrorKind::Rejected, SERVICE, "holds no text"));
            }
            if !losses.is_empty() {
                fingerprint.push_str(PARTIAL);
            }
            let version = Version { fingerprint, pieces: split(&blocks, &config) };
            Ok(Read { version: Some(version).filter(|_| !is_known), losses, is_empty })
        })
        .await
    }

    /// Embeds and writes the pending documents, a batch at a time; a document is settled once all of
    /// it is written.
    async fn write(
        &self,
        pending: &mut Pending,
        report: &mut Report,
        mut written: impl FnMut(usize) + Send,
    ) -> Result<()> {
        let documents = std::mem::take(pending).documents;
        let pieces = documents.iter().flat_map(|one| {
            let numbered = one.version.pieces.iter().zip(1..);
            numbered.map(move |(piece, number)| (one, piece, format!("{}#{number}", one.document)))
        });
        let pieces: Vec<(&Changed, &Piece, String)> = pieces.collect();
        let mut unsettled = documents.iter().peekable();
        let (mut ready, mut done) = (0, 0);
        for batch in pieces.chunks(self.batch) {
            let texts: Vec<String> = batch.iter().map(|(_, piece, _)| piece.in_context()).collect();
            let embeddings = self.embed(&texts).await?;
            let chunks = batch.iter().zip(embeddings).map(|((changed, piece, id), embedding)| {
                let mut chunk = Chunk::new(id.clone(), &changed.document, &piece.text, embedding)
                    .with_headings(piece.headings.clone());
                chunk.metadata.extend(self.metadata.iter().cloned());
                chunk
            });
            self.index.upsert(chunks.collect()).await?;
            done += batch.len();
            report.chunks += batch.len();
            written(report.chunks);
            while let Some(changed) =
                unsettled.next_if(|changed| ready + changed.version.pieces.len() <= done)
            {
                ready += changed.version.pieces.len();
                self.settle(changed, report).await?;
            }
        }
        // Documents without pieces may be left.
        for changed in unsettled {
            self.settle(changed, report).await?;
        }
        Ok(())
    }

    async fn settle(&self, changed: &Changed, report: &mut Report) -> Result<()> {
        let Changed { document, version, is_new } = changed;
        let ids = (1..=version.pieces.len()).map(|number| format!("{document}#{number}"));
        let ids: Vec<String> = ids.collect();
        let settled = Settled::new(document, version.fingerprint.clone(), ids);
        self.index.settle(settled).await?;
        if *is_new {
            report.added += 1;
        } else {
            report.changed += 1;
        }
        Ok(())
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

impl Source {
    /// Its size in bytes, if it is a file that is there.
    fn size(&self) -> u64 {
        match &self.place {
            Place::File { path, .. } => std::fs::metadata(path).map_or(0, |data| data.len()),
            #[cfg(feature = "http")]
            Place::Web => 0,
        }
    }
}

impl Report {
    fn note(&mut self, document: &str, read: &Read) {
        if read.is_empty {
            self.empty.push(document.to_owned());
        }
        if !read.losses.is_empty() {
            self.partial.push((document.to_owned(), read.losses.clone()));
        }
    }
}

/// Whether `document` is `above` or in the directory `above`.
fn is_within(document: &str, above: &str) -> bool {
    let rest = document.strip_prefix(above);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Documents that are read and not yet written.
#[derive(Default)]
struct Pending {
    documents: Vec<Changed>,
    /// Number of their pieces.
    pieces: usize,
}

/// A document that is new or has changed.
struct Changed {
    document: String,
    version: Version,
    is_new: bool,
}

impl Pending {
    fn push(&mut self, document: String, version: Version, is_new: bool) {
        self.pieces += version.pieces.len();
        self.documents.push(Changed { document, version, is_new });
    }
}

/// The result of reading a document.
#[derive(Default)]
struct Read {
    /// The document, if it has changed.
    version: Option<Version>,
    losses: Vec<Loss>,
    is_empty: bool,
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
