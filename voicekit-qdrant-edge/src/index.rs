//! Keeping knowledge, in the order of writes of `voicekit-qdrant`: a document's marker says that it is
//! not whole before any of its chunks changes, and that it is only once all have.

use std::collections::BTreeMap;

use async_trait::async_trait;
use qdrant_edge::{PointId, ScrollRequest};
use voicekit_core::error::{ErrorKind, Result};
use voicekit_core::retrieve::{Chunk, Index, Settled};
use voicekit_qdrant::layout;

use crate::engine::{Engine, failed, parsed};
use crate::{QdrantEdge, error};

/// Chunks that are written at once, and markers that are read at once.
const BATCH: usize = 256;

#[async_trait]
impl Index for QdrantEdge {
    async fn upsert(&self, chunks: Vec<Chunk>) -> Result<()> {
        let Some(size) = layout::dimensions(&chunks)? else { return Ok(()) };
        self.on_engine(move |engine| upsert(engine, size, &chunks)).await
    }

    async fn settle(&self, document: Settled) -> Result<()> {
        let size = match self.0.engine.shard() {
            Some(shard) => shard.size,
            None => self.dimensions().await?,
        };
        self.on_engine(move |engine| settle(engine, size, &document)).await
    }

    async fn delete(&self, document: &str) -> Result<()> {
        let document = document.to_owned();
        self.on_engine(move |engine| delete(engine, &document)).await
    }

    async fn documents(&self) -> Result<BTreeMap<String, String>> {
        self.on_engine(documents).await
    }
}

impl QdrantEdge {
    /// How many dimensions the embedder's embeddings have.
    async fn dimensions(&self) -> Result<usize> {
        let embeddings = self.0.embedder.embed(&["dimensions".to_owned()]).await?;
        let size = embeddings.first().map_or(0, |embedding| embedding.values().len());
        if size == 0 {
            return Err(error(ErrorKind::Protocol, "the embedder gave no embedding"));
        }
        Ok(size)
    }
}

fn upsert(engine: &Engine, size: usize, chunks: &[Chunk]) -> Result<()> {
    let Some(writing) = engine.write(Some(size))? else { return Ok(()) };
    let tenant = &engine.tenant;
    let marker = |document| layout::marker(tenant, document, "");
    writing.put(layout::documents_of(chunks).into_iter().map(marker).collect())?;
    for batch in chunks.chunks(BATCH) {
        let point = |chunk| layout::chunk(tenant, chunk, writing.shard.has_words);
        writing.put(batch.iter().map(point).collect())?;
    }
    Ok(())
}

fn settle(engine: &Engine, size: usize, settled: &Settled) -> Result<()> {
    let Settled { document, fingerprint, chunks, .. } = settled;
    let Some(writing) = engine.write(Some(size))? else { return Ok(()) };
    writing.mark(document, "")?;
    writing.delete_chunks(document, chunks)?;
    writing.mark(document, fingerprint)
}

fn delete(engine: &Engine, document: &str) -> Result<()> {
    let Some(writing) = engine.write(None)? else { return Ok(()) };
    writing.mark(document, "")?;
    writing.delete_chunks(document, &[])?;
    writing.delete_marker(document)
}

fn documents(engine: &Engine) -> Result<BTreeMap<String, String>> {
    let mut documents = BTreeMap::new();
    let Some(shard) = engine.shard() else { return Ok(documents) };
    let mut offset: Option<PointId> = None;
    loop {
        let request = ScrollRequest {
            offset,
            limit: Some(BATCH),
            filter: Some(parsed(layout::all_markers(&engine.tenant))?),
            ..ScrollRequest::default()
        };
        let (points, next) = shard.engine()?.scroll(request).map_err(failed)?;
        let payloads = points.into_iter().filter_map(|point| point.payload);
        documents.extend(payloads.filter_map(|payload| layout::document(&payload.0)));
        match next {
            None => return Ok(documents),
            next if next == offset => {
                return Err(error(ErrorKind::Internal, "a page of points leads to itself"));
            }
            next => offset = next,
        }
    }
}
