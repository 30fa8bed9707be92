//! Finding passages.

use async_trait::async_trait;
use qdrant_edge::external::ordered_float::OrderedFloat;
use qdrant_edge::{
    Filter, Fusion, NamedQuery, Prefetch, QueryEnum, QueryRequest, ScoringQuery, SparseVector,
    VectorInternal, WithPayloadInterface, WithVector,
};
use voicekit_core::error::{ErrorKind, Result};
use voicekit_core::retrieve::{Embedding, Passage, Query, Retriever, spoken};
use voicekit_qdrant::layout;

use crate::engine::{Engine, failed, parsed};
use crate::{QdrantEdge, error};

/// The `k` of reciprocal ranks, as a server has it.
const RRF_K: usize = 2;

#[async_trait]
impl Retriever for QdrantEdge {
    async fn retrieve(&self, query: &Query) -> Result<Vec<Passage>> {
        if query.limit == 0 {
            return Ok(Vec::new());
        }
        let text = spoken::essence(&query.text);
        let meaning = self.0.embedder.embed(std::slice::from_ref(&text)).await?.pop();
        let Some(meaning) = meaning else {
            return Err(error(ErrorKind::Protocol, "the embedder gave no embedding"));
        };
        let query = query.clone();
        self.on_engine(move |engine| search(engine, &query, &text, &meaning)).await
    }
}

fn search(engine: &Engine, query: &Query, text: &str, meaning: &Embedding) -> Result<Vec<Passage>> {
    let shard = engine.shard().ok_or_else(|| engine.missing())?;
    let name = engine.directory().to_string_lossy();
    layout::compare(&name, shard.size, meaning.values().len())?;
    let config = &engine.collection;
    let filter: Filter = parsed(layout::filter(&engine.tenant, &query.filter)?)?;
    let limit = query.limit.saturating_add(layout::SPARE).min(layout::MOST);
    let by_meaning = nearest(VectorInternal::Dense(meaning.values().to_vec()), layout::DENSE);
    let mut request = QueryRequest {
        prefetches: Vec::new(),
        query: Some(by_meaning.clone()),
        filter: Some(filter.clone()),
        score_threshold: config.score_threshold.map(OrderedFloat),
        limit,
        offset: 0,
        params: None,
        with_vector: WithVector::Bool(false),
        with_payload: WithPayloadInterface::Bool(true),
    };
    let (indices, values) = layout::words(text);
    if config.hybrid && shard.has_words && !indices.is_empty() {
        let by_words = VectorInternal::Sparse(SparseVector { indices, values });
        let prefetch = |query| Prefetch {
            prefetches: Vec::new(),
            query: Some(query),
            limit: config.candidates.max(limit),
            params: None,
            filter: Some(filter.clone()),
            score_threshold: None,
        };
        request.prefetches = vec![prefetch(by_meaning), prefetch(nearest(by_words, layout::WORDS))];
        request.query = Some(ScoringQuery::Fusion(Fusion::Rrf { k: RRF_K, weights: None }));
        // Ranks are no cosines.
        request.score_threshold = None;
    }
    let found = shard.engine()?.query(request).map_err(failed)?;
    let points = found.into_iter().filter_map(|point| Some((point.score, point.payload?.0)));
    Ok(layout::passages(points, &query.filter, query.limit))
}

fn nearest(vector: VectorInternal, using: &str) -> ScoringQuery {
    let using = Some(using.to_owned());
    ScoringQuery::Vector(QueryEnum::Nearest(NamedQuery { query: vector, using }))
}
