//! The index that needs no server: vectors and words in memory, kept in one file.
//!
//! # Finding
//!
//! Every chunk is compared with the question twice: by meaning (the cosine of the embeddings) and
//! by words (BM25F over headings and text, as the share of the question that is answered, 0 to 1).
//! There is no approximation: up to some ten thousand chunks, comparing all of them is as fast as
//! a graph, and it cannot miss. The two orders become one by [`Fusion`], and [`diversity`] leaves
//! room for passages that say something else. Hesitation and courtesies are dropped from the
//! question first ([`essence`]).
//!
//! # Keeping
//!
//! The file is a log with a checksum for each entry, so that writing a batch costs that batch, and a
//! process that dies loses at most the batch it was writing. Vectors and counted words lie in it
//! as they do in memory: 10,000 chunks are read in well under 100 ms. Space that replaced chunks
//! take is given back by [`EmbeddedIndex::compact`], which writes a new file beside the old one
//! and renames it. An index is opened for reading by any number of processes, which see it as it
//! was when they opened it, and for writing by one, which holds a lock on `FILE.lock`.
//!
//! [`diversity`]: SearchConfig::with_diversity

mod file;
mod search;
mod shelf;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use async_trait::async_trait;
use tokio::task::spawn_blocking;
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_core::retrieve::spoken::essence;
use voicekit_core::retrieve::{
    Chunk, Embedder, Index, Passage, Query, Reranker, Retriever, Settled,
};

use self::file::{Entry, Log};
use self::shelf::{Row, Shelf};

pub use self::search::{Fusion, Ranking, SearchConfig};

const SERVICE: &str = "embedded-index";

/// Knowledge in memory and in a file. Cloning shares it.
#[derive(Clone)]
pub struct EmbeddedIndex {
    shared: Arc<Shared>,
    embedder: Arc<dyn Embedder>,
    config: SearchConfig,
    reranker: Option<Arc<dyn Reranker>>,
}

struct Shared {
    shelf: RwLock<Shelf>,
    home: Home,
}

/// Where the index is kept.
enum Home {
    Memory,
    /// Read from there and not written.
    Read(PathBuf),
    Write(Mutex<Log>),
}

impl fmt::Debug for EmbeddedIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddedIndex").field("chunks", &self.len()).finish_non_exhaustive()
    }
}

impl EmbeddedIndex {
    /// An empty index that is kept nowhere. Questions are embedded by `embedder`.
    pub fn in_memory(embedder: Arc<dyn Embedder>) -> Self {
        Self::at(Home::Memory, Shelf::default(), embedder)
    }

    /// Opens the index in the file at `path` for reading. Blocks while it reads.
    ///
    /// # Errors
    ///
    /// `Config` if there is no such file, or it is damaged or something else; `Internal` if it
    /// cannot be read.
    pub fn open(path: impl AsRef<Path>, embedder: Arc<dyn Embedder>) -> Result<Self> {
        let path = path.as_ref();
        if !path.exists() {
            let problem = format!("{} is not there: ingest documents first", path.display());
            return Err(Error::new(ErrorKind::Config, SERVICE, problem));
        }
        let (shelf, _) = file::read(path)?;
        Ok(Self::at(Home::Read(path.to_owned()), shelf, embedder))
    }

    /// Opens the index in the file at `path` for reading and writing, and makes it if it is not
    /// there. Blocks while it reads.
    ///
    /// # Errors
    ///
    /// `Config` if the file is damaged or something else, or another process has it open for
    /// writing; `Internal` if it cannot be read or written.
    pub fn edit(path: impl AsRef<Path>, embedder: Arc<dyn Embedder>) -> Result<Self> {
        let (log, shelf) = Log::open(path.as_ref())?;
        Ok(Self::at(Home::Write(Mutex::new(log)), shelf, embedder))
    }

    fn at(home: Home, shelf: Shelf, embedder: Arc<dyn Embedder>) -> Self {
        let shared = Arc::new(Shared { shelf: RwLock::new(shelf), home });
        Self { shared, embedder, config: SearchConfig::default(), reranker: None }
    }

    /// Sets how passages are found.
    #[must_use]
    pub fn with_search(mut self, config: SearchConfig) -> Self {
        self.config = config;
        self
    }

    /// Has the best [`candidates`](SearchConfig::with_candidates) put in order by `reranker`.
    /// Default: none.
    #[must_use]
    pub fn with_reranker(mut self, reranker: Arc<dyn Reranker>) -> Self {
        self.reranker = Some(reranker);
        self
    }

    /// How many chunks it holds.
    pub fn len(&self) -> usize {
        self.shared.read(Shelf::len)
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Gives back the space of chunks that were replaced or removed, if there are more of them than
    /// of live ones since the file was opened.
    ///
    /// # Errors
    ///
    /// `Internal` if the file cannot be written, `Unsupported` if it was opened for reading.
    pub async fn compact(&self) -> Result<()> {
        self.blocking(|shared| {
            let mut log = match &shared.home {
                Home::Memory => return Ok(()),
                Home::Read(path) => return Err(read_only(path)),
                Home::Write(log) => log.lock().unwrap_or_else(PoisonError::into_inner),
            };
            shared.read(
                |shelf| {
                    if shelf.dead() > shelf.len() { log.rewrite(shelf) } else { Ok(()) }
                },
            )
        })
        .await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let shared = Arc::clone(&self.shared);
        spawn_blocking(move || work(&shared)).await.map_err(|error| {
            Error::new(ErrorKind::Internal, SERVICE, "the work was broken off").with_source(error)
        })?
    }
}

impl Shared {
    fn read<T>(&self, look: impl FnOnce(&Shelf) -> T) -> T {
        look(&self.shelf.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Into the file first, then into memory.
    fn write(&self, entry: impl FnOnce(&Shelf) -> Result<Entry>, sync: bool) -> Result<()> {
        let log = match &self.home {
            Home::Memory => None,
            Home::Read(path) => return Err(read_only(path)),
            Home::Write(log) => Some(log.lock().unwrap_or_else(PoisonError::into_inner)),
        };
        let entry = self.read(entry)?;
        if let Some(mut log) = log {
            log.append(&entry)?;
            if sync {
                log.sync()?;
            }
            // Still under the log's lock, so that memory changes in the order of the file.
            self.apply(entry);
        } else {
            self.apply(entry);
        }
        Ok(())
    }

    fn apply(&self, entry: Entry) {
        entry.apply(&mut self.shelf.write().unwrap_or_else(PoisonError::into_inner));
    }
}

#[async_trait]
impl Index for EmbeddedIndex {
    async fn upsert(&self, chunks: Vec<Chunk>) -> Result<()> {
        let entry = move |shelf: &Shelf| match shelf.objection(&chunks) {
            Some(problem) => Err(Error::new(ErrorKind::Rejected, SERVICE, problem)),
            None => Ok(Entry::Chunks(chunks.into_iter().map(Row::new).collect())),
        };
        self.blocking(move |shared| shared.write(entry, false)).await
    }

    async fn settle(&self, document: Settled) -> Result<()> {
        self.blocking(move |shared| shared.write(|_| Ok(Entry::Settled(document)), true)).await
    }

    async fn delete(&self, document: &str) -> Result<()> {
        let document = document.to_owned();
        self.blocking(move |shared| shared.write(|_| Ok(Entry::Deleted(document)), true)).await
    }

    async fn documents(&self) -> Result<BTreeMap<String, String>> {
        self.blocking(|shared| Ok(shared.read(Shelf::documents))).await
    }
}

#[async_trait]
impl Retriever for EmbeddedIndex {
    async fn retrieve(&self, query: &Query) -> Result<Vec<Passage>> {
        if query.limit == 0 || self.is_empty() {
            return Ok(Vec::new());
        }
        let text = essence(&query.text);
        let meaning = match self.config.ranking {
            Ranking::Words => None,
            Ranking::Meaning | Ranking::Fused(_) => {
                self.embedder.embed(std::slice::from_ref(&text)).await?.pop()
            }
        };
        let (config, wanted) = (self.config, query.clone());
        let limit = match self.reranker {
            Some(_) => config.candidates.max(query.limit),
            None => query.limit,
        };
        let found = self.blocking(move |shared| {
            shared
                .read(|shelf| search::search(shelf, &text, meaning, &wanted.filter, limit, &config))
        });
        let mut passages = found.await?;
        if let Some(reranker) = &self.reranker {
            passages = reranker.rerank(query, passages).await?;
            passages.truncate(query.limit);
        }
        Ok(passages)
    }
}

fn read_only(path: &Path) -> Error {
    let problem = format!("{} was opened for reading: use edit", path.display());
    Error::new(ErrorKind::Unsupported, SERVICE, problem)
}
