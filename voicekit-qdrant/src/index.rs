//! Keeping knowledge.
//!
//! Whatever is done in several requests is done in an order in which breaking off loses nothing:
//! a document's marker says that it is not whole before any of its chunks changes, and that it is
//! only once all have. So a document of which something is missing is never taken for whole, and one
//! of which something is left is always listed.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use serde::Serialize;
use serde_json::json;
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_core::retrieve::{Chunk, Index, Settled};

use crate::client::For;
use crate::collection::Shape;
use crate::point::{self, Point};
use crate::wire::{self, Counted, Scrolled};
use crate::{Qdrant, error, layout};

/// Whose knowledge it is where nobody is named.
pub const NOBODY: &str = "default";

#[async_trait]
impl Index for Qdrant {
    async fn upsert(&self, chunks: Vec<Chunk>) -> Result<()> {
        let Some(size) = dimensions(&chunks)? else { return Ok(()) };
        let shape = self.made_for(size).await?;
        if let Some(problem) = shape.mismatch(size) {
            self.0.known.set(None);
            return Err(error(ErrorKind::Rejected, problem));
        }
        let tenant = self.tenant();
        let points = chunks.iter().map(|chunk| {
            let point = point::of_chunk(tenant, chunk, shape.has_words);
            self.written(&point).map_err(|problem| {
                let text = format!("the chunk {:?} {problem}", chunk.id);
                error(ErrorKind::Rejected, text)
            })
        });
        let points: Vec<String> = points.collect::<Result<_>>()?;
        let markers =
            layout::documents_of(&chunks).into_iter().map(|document| self.mark(document, ""));
        self.put(markers.collect::<Result<_>>()?).await?;
        self.put(points).await
    }

    async fn settle(&self, document: Settled) -> Result<()> {
        let Settled { document, fingerprint, chunks, .. } = document;
        if self.writable().await?.is_none() {
            self.made_for(self.dimensions().await?).await?;
        }
        self.put(vec![self.mark(&document, "")?]).await?;
        self.delete_chunks(&document, &chunks).await?;
        self.put(vec![self.mark(&document, &fingerprint)?]).await
    }

    async fn delete(&self, document: &str) -> Result<()> {
        if self.writable().await?.is_none() {
            return Ok(());
        }
        self.put(vec![self.mark(document, "")?]).await?;
        self.delete_chunks(document, &[]).await?;
        self.delete_points(&wire::delete_marker(self.tenant(), document)).await
    }

    async fn documents(&self) -> Result<BTreeMap<String, String>> {
        let mut documents = BTreeMap::new();
        if self.writable().await?.is_none() {
            return Ok(documents);
        }
        let mut offset = None;
        loop {
            let body = wire::markers(self.tenant(), offset.as_ref());
            let page = self.0.client.ask::<Scrolled>("points/scroll", &body).await;
            let page = self.noticing(page)?;
            documents.extend(page.documents());
            match page.next_page_offset {
                None => return Ok(documents),
                next if next == offset => {
                    return Err(error(ErrorKind::Protocol, "a page of points leads to itself"));
                }
                next => offset = next,
            }
        }
    }
}

impl Qdrant {
    /// How many chunks there are, counted exactly.
    ///
    /// # Errors
    ///
    /// Any of the server's: `Unauthenticated`, `Connection`, `Timeout`, `RateLimited`; `Config` if it
    /// is too old.
    pub async fn count(&self) -> Result<u64> {
        if self.writable().await?.is_none() {
            return Ok(0);
        }
        let body = json!({ "exact": true, "filter": wire::all_chunks(self.tenant()) });
        let counted = self.0.client.ask::<Counted>("points/count", &body).await;
        Ok(self.noticing(counted)?.count)
    }

    pub(crate) fn tenant(&self) -> &str {
        self.0.config.tenant.as_deref().unwrap_or(NOBODY)
    }

    /// The collection, if it is there; an error if it is somebody else's.
    async fn writable(&self) -> Result<Option<Shape>> {
        let shape = self.shape(For::Write).await?;
        let problem = shape.as_ref().and_then(|shape| shape.mismatch(shape.size));
        problem.map_or(Ok(shape), |problem| Err(error(ErrorKind::Config, problem)))
    }

    /// A document's marker, as it goes over the wire.
    fn mark(&self, document: &str, fingerprint: &str) -> Result<String> {
        let marker = point::marker(self.tenant(), document, fingerprint);
        self.written(&marker).map_err(|problem| {
            error(ErrorKind::Rejected, format!("the document {document:?} {problem}"))
        })
    }

    fn written<P: Serialize>(&self, point: &Point<'_, P>) -> Result<String, String> {
        let json = serde_json::to_string(point)
            .map_err(|error| format!("cannot be written as JSON: {error}"))?;
        let (own, most) = (json.len() + AROUND, self.0.config.batch_bytes);
        if own > most {
            return Err(format!("has {own} bytes; batch_bytes is {most}"));
        }
        Ok(json)
    }

    /// Puts points in as many requests as it takes.
    async fn put(&self, points: Vec<String>) -> Result<()> {
        let config = &self.0.config;
        let mut points = points.into_iter().peekable();
        while points.peek().is_some() {
            let (mut body, mut count) = (String::from(r#"{"points":["#), 0);
            let fits = |body: &String, next: &String| body.len() + next.len() + 3;
            while let Some(next) = points
                .next_if(|next| count < config.batch && fits(&body, next) <= config.batch_bytes)
            {
                if count > 0 {
                    body.push(',');
                }
                body.push_str(&next);
                count += 1;
            }
            body.push_str("]}");
            self.noticing(self.0.client.put("points", body).await)?;
        }
        Ok(())
    }

    /// Deletes a document's chunks, but for those that are to stay.
    async fn delete_chunks(&self, document: &str, stay: &[String]) -> Result<()> {
        let filter = wire::chunks_of(self.tenant(), document, stay);
        self.delete_points(&json!({ "filter": filter })).await
    }

    async fn delete_points(&self, body: &impl Serialize) -> Result<()> {
        self.noticing(self.0.client.delete(body).await)
    }

    /// What is known of the collection is forgotten if the server refuses something.
    pub(crate) fn noticing<T>(&self, outcome: Result<T>) -> Result<T> {
        let is_refused =
            |error: &&Error| matches!(error.kind(), ErrorKind::Config | ErrorKind::Rejected);
        if outcome.as_ref().err().filter(is_refused).is_some() {
            self.0.known.set(None);
        }
        outcome
    }
}

/// Bytes around a point that is alone in a request.
const AROUND: usize = 14;

/// The dimensions of all embeddings; `None` if there are no chunks.
///
/// # Errors
///
/// `Rejected` if they differ, are none or not finite, or if an id is there twice.
pub fn dimensions(chunks: &[Chunk]) -> Result<Option<usize>> {
    let wrong = |text: String| Err(error(ErrorKind::Rejected, text));
    let mut ids = BTreeSet::new();
    let mut size = None;
    for Chunk { id, embedding, .. } in chunks {
        let own = embedding.values().len();
        if !ids.insert(id) {
            return wrong(format!("the chunk {id:?} is in a batch twice"));
        }
        if own == 0 {
            return wrong(format!("the chunk {id:?} has no embedding"));
        }
        if embedding.values().iter().any(|value| !value.is_finite()) {
            return wrong(format!("the chunk {id:?} has an embedding that is not finite"));
        }
        let first = *size.get_or_insert(own);
        if own != first {
            return wrong(format!(
                "the chunk {id:?} has an embedding of {own} dimensions, others of {first}: another \
                 model made it"
            ));
        }
    }
    Ok(size)
}
