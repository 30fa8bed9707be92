//! The engine on its directory. Everything here blocks.

use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use qdrant_edge::{
    CountRequest, CreateIndex, Distance, EdgeConfig as Collection, EdgeShard, FieldIndexOperations,
    Filter, OperationError, PointId, PointInsertOperations, PointOperations, PointStructPersisted,
    UpdateOperation, WalOptions,
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_qdrant::{QdrantConfig, layout};

use crate::config::EdgeConfig;
use crate::error;

/// The file that the engine writes first, with which a directory is one of its own.
const CONFIG: &str = "edge_config.json";
/// What it makes before that.
const BEFORE: [&str; 2] = ["wal", "segments"];

/// Bytes of a file of the log. All of it is taken when it is begun, and the engine's 32 MiB are much
/// for a small directory; what is longer gets a file of its own.
const LOG: usize = 4 << 20;

#[derive(Debug)]
pub(crate) struct Engine {
    directory: PathBuf,
    pub(crate) tenant: String,
    pub(crate) collection: QdrantConfig,
    /// `None` while nothing was written.
    shard: RwLock<Option<Arc<Shard>>>,
    /// Held by whoever writes; whether the payload indexes were seen to. The engine panics if it is
    /// flushed while it writes.
    writing: Mutex<bool>,
}

/// What is open of the directory.
#[derive(Debug)]
pub(crate) struct Shard {
    /// Taken only when it is dropped.
    engine: Option<EdgeShard>,
    pub(crate) size: usize,
    pub(crate) has_words: bool,
}

impl Engine {
    pub(crate) fn new(config: &EdgeConfig) -> Self {
        Self {
            directory: config.directory.clone(),
            tenant: config.tenant().to_owned(),
            collection: config.collection(),
            shard: RwLock::default(),
            writing: Mutex::default(),
        }
    }

    /// Opens what is there.
    pub(crate) fn open(&self) -> Result<()> {
        if !self.directory.join(CONFIG).try_exists().map_err(|error| self.unreadable(&error))? {
            return self.check_empty();
        }
        let engine = EdgeShard::load(&self.directory, None).map_err(failed)?;
        self.set(engine)?;
        Ok(())
    }

    /// What is open; `None` if nothing was written.
    pub(crate) fn shard(&self) -> Option<Arc<Shard>> {
        self.shard.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Begins to write; embeddings have `size` dimensions, if it is known.
    pub(crate) fn write(&self, size: Option<usize>) -> Result<Option<Writing<'_>>> {
        let mut writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let shard = match (self.shard(), size) {
            (Some(shard), _) => shard,
            (None, Some(size)) => self.make(size)?,
            (None, None) => return Ok(None),
        };
        if size.is_some_and(|size| size != shard.size) {
            let (asked, own) = (size.unwrap_or_default(), shard.size);
            let text = format!(
                "an embedding has {asked} dimensions, the directory {own}: use the embedder that \
                 wrote it, or name another directory"
            );
            return Err(error(ErrorKind::Rejected, text));
        }
        if !*writing {
            self.index(shard.engine()?)?;
            *writing = true;
        }
        Ok(Some(Writing { shard, tenant: &self.tenant, _lock: writing }))
    }

    pub(crate) fn count(&self) -> Result<u64> {
        let Some(shard) = self.shard() else { return Ok(0) };
        let filter = Some(parsed(layout::all_chunks(&self.tenant))?);
        let count = shard.engine()?.count(CountRequest { filter, exact: true }).map_err(failed)?;
        Ok(count as u64)
    }

    pub(crate) fn optimize(&self) -> Result<bool> {
        let Some(writing) = self.write(None)? else { return Ok(false) };
        let engine = writing.shard.engine()?;
        let done = engine.optimize().map_err(failed)?;
        engine.flush();
        Ok(done)
    }

    fn make(&self, size: usize) -> Result<Arc<Shard>> {
        fs::create_dir_all(&self.directory).map_err(|error| self.unreadable(&error))?;
        let mut body = layout::collection(&self.collection, size);
        // The engine has an opinion of its own on fields that are optional for a server.
        if let Some(body) = body.as_object_mut() {
            body.remove("hnsw_config");
        }
        let mut collection: Collection = parsed(body)?;
        collection.wal_options =
            Some(WalOptions { segment_capacity: LOG, ..WalOptions::default() });
        self.set(EdgeShard::new(&self.directory, collection).map_err(failed)?)
    }

    /// Makes the payload indexes that are not there.
    fn index(&self, engine: &EdgeShard) -> Result<()> {
        let there = engine.info().payload_schema;
        for body in layout::indexes(&self.collection) {
            let index: CreateIndex = parsed(body)?;
            if !there.contains_key(&index.field_name) {
                let make = FieldIndexOperations::CreateIndex(index);
                engine.update(UpdateOperation::FieldIndexOperation(make)).map_err(failed)?;
            }
        }
        engine.flush();
        Ok(())
    }

    fn set(&self, engine: EdgeShard) -> Result<Arc<Shard>> {
        let shape = {
            let config = engine.config();
            let dense = config.vectors.get(layout::DENSE);
            let size = dense.filter(|own| own.distance == Distance::Cosine).map(|own| own.size);
            size.map(|size| (size, config.sparse_vectors.contains_key(layout::WORDS)))
        };
        let Some((size, has_words)) = shape else {
            return Err(self.strange("was made by somebody else"));
        };
        let shard = Arc::new(Shard { engine: Some(engine), size, has_words });
        *self.shard.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&shard));
        Ok(shard)
    }

    /// Only where there is nothing else, or what was begun, is a directory made one of the engine's.
    fn check_empty(&self) -> Result<()> {
        let entries = match fs::read_dir(&self.directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(self.unreadable(&error)),
        };
        for entry in entries {
            let name = entry.map_err(|error| self.unreadable(&error))?.file_name();
            let name = name.to_string_lossy();
            if !name.starts_with('.') && !BEFORE.contains(&&*name) {
                return Err(self.strange(&format!("holds {name:?}, which is not the engine's")));
            }
        }
        Ok(())
    }

    fn strange(&self, problem: &str) -> Error {
        let directory = &self.directory;
        let text = format!("the directory {directory:?} {problem}: name another");
        error(ErrorKind::Config, text)
    }

    fn unreadable(&self, problem: &io::Error) -> Error {
        error(ErrorKind::Internal, format!("the directory {:?}: {problem}", self.directory))
    }

    pub(crate) fn missing(&self) -> Error {
        let directory = &self.directory;
        let text = format!("nothing is in the directory {directory:?}: ingest documents first");
        error(ErrorKind::Config, text)
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }
}

impl Shard {
    pub(crate) fn engine(&self) -> Result<&EdgeShard> {
        self.engine.as_ref().ok_or_else(|| error(ErrorKind::Internal, "the engine is gone"))
    }
}

impl Drop for Shard {
    /// The engine flushes when it is dropped, and panics if it cannot.
    fn drop(&mut self) {
        let engine = self.engine.take();
        if catch_unwind(AssertUnwindSafe(|| drop(engine))).is_err() {
            tracing::error!("the engine broke down as it was closed");
        }
    }
}

/// One who writes. What is done is on the disk when the method returns.
#[derive(Debug)]
pub(crate) struct Writing<'a> {
    pub(crate) shard: Arc<Shard>,
    tenant: &'a str,
    _lock: MutexGuard<'a, bool>,
}

impl Writing<'_> {
    pub(crate) fn mark(&self, document: &str, fingerprint: &str) -> Result<()> {
        self.put(vec![layout::marker(self.tenant, document, fingerprint)])
    }

    pub(crate) fn put(&self, points: Vec<Value>) -> Result<()> {
        let points = points.into_iter().map(parsed::<PointStructPersisted>);
        let points = PointInsertOperations::PointsList(points.collect::<Result<_>>()?);
        self.done(PointOperations::UpsertPoints(points))
    }

    /// Deletes a document's chunks, but for those that are to stay.
    pub(crate) fn delete_chunks(&self, document: &str, stay: &[String]) -> Result<()> {
        let filter: Filter = parsed(layout::chunks_of(self.tenant, document, stay))?;
        self.done(PointOperations::DeletePointsByFilter(filter))
    }

    pub(crate) fn delete_marker(&self, document: &str) -> Result<()> {
        let id: PointId = parsed(layout::marker_id(self.tenant, document))?;
        self.done(PointOperations::DeletePoints { ids: vec![id] })
    }

    /// The engine does not read its log when it is opened: only what was flushed is kept.
    fn done(&self, operation: PointOperations) -> Result<()> {
        let engine = self.shard.engine()?;
        engine.update(UpdateOperation::PointOperation(operation)).map_err(failed)?;
        engine.flush();
        Ok(())
    }
}

/// What the engine reads from JSON.
pub(crate) fn parsed<T: DeserializeOwned>(json: Value) -> Result<T> {
    serde_json::from_value(json).map_err(|problem| {
        error(ErrorKind::Internal, "the engine does not understand").with_source(problem)
    })
}

pub(crate) fn failed(problem: OperationError) -> Error {
    let is_refused = matches!(
        problem,
        OperationError::WrongVectorDimension { .. } | OperationError::ValidationError { .. }
    );
    let kind = if is_refused { ErrorKind::Rejected } else { ErrorKind::Internal };
    error(kind, problem.to_string())
}
