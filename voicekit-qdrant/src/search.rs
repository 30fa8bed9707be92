//! Finding passages.

use async_trait::async_trait;
use tokio::time::timeout;
use voicekit_core::error::{ErrorKind, Result};
use voicekit_core::retrieve::{Embedding, Passage, Query, Retriever, spoken};

use crate::client::For;
use crate::collection::late;
use crate::wire::{self, Found, Layout, Search};
use crate::{Qdrant, error, foreign, layout, point};

/// The most passages that are asked for, whatever is wanted.
pub const MOST: usize = 10_000;

/// How many more passages are asked for than are wanted, because those that say the same are left
/// out.
pub const SPARE: usize = 8;

#[async_trait]
impl Retriever for Qdrant {
    async fn retrieve(&self, query: &Query) -> Result<Vec<Passage>> {
        if query.limit == 0 {
            return Ok(Vec::new());
        }
        let text = spoken::essence(&query.text);
        let meaning = self.0.embedder.embed(std::slice::from_ref(&text)).await?.pop();
        let Some(meaning) = meaning else {
            return Err(error(ErrorKind::Protocol, "the embedder gave no embedding"));
        };
        let limit = self.0.config.search_timeout;
        let found = timeout(limit, self.search(query, &text, &meaning)).await;
        self.noticing(found.unwrap_or_else(|_| Err(late(limit))))
    }
}

impl Qdrant {
    async fn search(&self, query: &Query, text: &str, meaning: &Embedding) -> Result<Vec<Passage>> {
        let shape = self.shape(For::Search).await?.ok_or_else(|| self.missing())?;
        let config = &self.0.config;
        layout::compare(&config.collection, shape.size, meaning.values().len())?;
        let is_distance = matches!(shape.distance.as_str(), "Euclid" | "Manhattan");
        if is_distance && config.score_threshold.is_some() {
            let text = format!(
                "score_threshold: the collection compares by {}, not by cosine: remove it",
                shape.distance
            );
            return Err(error(ErrorKind::Config, text));
        }
        let words = (config.hybrid && shape.has_words).then(|| point::words_of_question(text));
        let search = Search {
            meaning: meaning.values(),
            words: words.filter(|words| !words.indices.is_empty()),
            using: shape.using.as_deref(),
            tenant: match shape.layout {
                Layout::Own => Some(self.tenant()),
                Layout::Foreign(_) => config.tenant.as_deref(),
            },
            conditions: wire::metadata_filter(&query.filter, &shape.layout)?,
            limit: query.limit.saturating_add(SPARE).min(MOST),
            config,
        };
        let body = wire::query(search);
        let mut found: Found = self.0.client.search(&body, config.search_timeout).await?;
        if is_distance {
            found.distances_to_scores();
        }
        if let Some(payloads) = found.without_text(&shape.layout) {
            return Err(foreign::no_text(config, &payloads));
        }
        Ok(found.passages(&shape.layout, &query.filter, query.limit))
    }
}
