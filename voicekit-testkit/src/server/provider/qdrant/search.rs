//! Queries, answered exactly.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::collection::{Collection, UNNAMED};
use super::filter::Filter;
use super::request::{By, Distance, OneOrMany, PointId, Prefetch, Query, Sparse, WithPayload};
use super::{Outcome, Refused, wrong_input};

/// The server's own constant of reciprocal ranks.
const RRF_K: usize = 2;

/// Points and their scores, best first.
type Hits = Vec<(PointId, f32)>;

pub(super) fn answer(collection: &Collection, query: &Query) -> Outcome {
    if query.limit == Some(0) {
        return Err(Refused(422, "limit: value 0 invalid, must be 1 or larger".to_owned()));
    }
    let prefetches = query.prefetch.as_ref().map(OneOrMany::as_slice).unwrap_or_default();
    let hits = match &query.query {
        None => return Err(wrong_input("a query is needed to score by")),
        Some(By::Fusion(_)) => fused(collection, prefetches, query, RRF_K, None)?,
        Some(By::Rrf(by)) => {
            let k = by.rrf.k.unwrap_or(RRF_K);
            fused(collection, prefetches, query, k, by.rrf.weights.as_deref())?
        }
        Some(by @ (By::Dense(_) | By::Sparse(_))) => {
            if !prefetches.is_empty() {
                return Err(Refused(501, "rescoring of prefetches is not played".to_owned()));
            }
            let search = Search {
                by,
                using: query.using.as_deref(),
                filters: [query.filter.as_ref(), None],
                threshold: query.score_threshold,
            };
            search.hits(collection)?
        }
    };
    let points: Vec<Value> = hits
        .into_iter()
        .skip(query.offset.unwrap_or(0))
        .take(query.limit.unwrap_or(10))
        .map(|(id, score)| {
            let payload = collection.points.get(&id).map(|point| &point.payload);
            let payload = payload
                .map(|payload| WithPayload::of(query.with_payload.as_ref(), payload))
                .unwrap_or_default();
            json!({"id": id, "version": 0, "score": score, "payload": payload, "vector": null})
        })
        .collect();
    Ok(json!({"points": points}))
}

/// One search among the points.
struct Search<'a> {
    by: &'a By,
    using: Option<&'a str>,
    filters: [Option<&'a Filter>; 2],
    threshold: Option<f32>,
}

impl Search<'_> {
    fn hits(&self, collection: &Collection) -> Outcome<Hits> {
        let using = self.using.unwrap_or(UNNAMED);
        let (mut hits, larger_is_better) = match self.by {
            By::Dense(vector) => self.by_meaning(collection, using, vector)?,
            By::Sparse(vector) => (self.by_words(collection, using, vector)?, true),
            By::Fusion(_) | By::Rrf(_) => {
                return Err(wrong_input("Fusion requires at least one prefetch"));
            }
        };
        if let Some(threshold) = self.threshold {
            hits.retain(|(_, score)| (*score >= threshold) == larger_is_better);
        }
        sort(&mut hits, larger_is_better);
        Ok(hits)
    }

    fn by_meaning(
        &self,
        collection: &Collection,
        using: &str,
        vector: &[f32],
    ) -> Outcome<(Hits, bool)> {
        let vector = collection.dense(using, vector.to_vec())?;
        let distance = collection.vectors.get(using).map(|params| params.distance);
        let score = |own: &[f32]| {
            let pairs = own.iter().zip(&vector);
            match distance {
                Some(Distance::Euclid) => pairs.map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt(),
                Some(Distance::Manhattan) => pairs.map(|(a, b)| (a - b).abs()).sum(),
                Some(Distance::Cosine | Distance::Dot) | None => pairs.map(|(a, b)| a * b).sum(),
            }
        };
        let hits = self
            .chosen(collection)
            .filter_map(|(id, point)| point.dense.get(using).map(|own| (id.clone(), score(own))));
        let larger_is_better = !matches!(distance, Some(Distance::Euclid | Distance::Manhattan));
        Ok((hits.collect(), larger_is_better))
    }

    /// Points that share no word are not found.
    fn by_words(&self, collection: &Collection, using: &str, vector: &Sparse) -> Outcome<Hits> {
        let question = collection.sparse(using, vector)?;
        let has_idf = collection.sparse.get(using).copied().unwrap_or_default();
        let all = collection.points.values().filter_map(|point| point.sparse.get(using));
        let all: Vec<&BTreeMap<u32, f32>> = all.collect();
        let weight = |term: &u32| {
            if !has_idf {
                return 1.0;
            }
            let (count, with) =
                (all.len(), all.iter().filter(|own| own.contains_key(term)).count());
            (1.0 + (count as f32 - with as f32 + 0.5) / (with as f32 + 0.5)).ln()
        };
        let question: Vec<(u32, f32)> =
            question.into_iter().map(|(term, value)| (term, value * weight(&term))).collect();
        let hits = self.chosen(collection).filter_map(|(id, point)| {
            let own = point.sparse.get(using)?;
            let shared = question.iter().filter_map(|(term, value)| Some(own.get(term)? * value));
            let shared: Vec<f32> = shared.collect();
            (!shared.is_empty()).then(|| (id.clone(), shared.iter().sum()))
        });
        Ok(hits.collect())
    }

    fn chosen<'a>(
        &'a self,
        collection: &'a Collection,
    ) -> impl Iterator<Item = (&'a PointId, &'a super::collection::Point)> {
        let [outer, inner] = self.filters;
        collection
            .chosen(outer)
            .filter(move |(id, point)| inner.is_none_or(|filter| filter.lets(id, point)))
    }
}

fn fused(
    collection: &Collection,
    prefetches: &[Prefetch],
    query: &Query,
    k: usize,
    weights: Option<&[f32]>,
) -> Outcome<Hits> {
    if prefetches.is_empty() {
        return Err(wrong_input("Fusion requires at least one prefetch"));
    }
    if weights.is_some_and(|weights| weights.len() != prefetches.len()) {
        return Err(wrong_input("there must be as many weights as prefetches"));
    }
    if query.using.is_some() {
        return Err(wrong_input("Fusion does not use a vector"));
    }
    let mut sums: BTreeMap<PointId, f32> = BTreeMap::new();
    for (nth, prefetch) in prefetches.iter().enumerate() {
        let search = Search {
            by: &prefetch.query,
            using: prefetch.using.as_deref(),
            filters: [query.filter.as_ref(), prefetch.filter.as_ref()],
            threshold: prefetch.score_threshold,
        };
        let weight = weights.map_or(1.0, |weights| weights[nth]);
        let hits = search.hits(collection)?;
        for (rank, (id, _)) in hits.into_iter().take(prefetch.limit.unwrap_or(10)).enumerate() {
            *sums.entry(id).or_default() += weight / (rank + k) as f32;
        }
    }
    let mut hits: Hits = sums.into_iter().collect();
    if let Some(threshold) = query.score_threshold {
        hits.retain(|(_, score)| *score >= threshold);
    }
    sort(&mut hits, true);
    Ok(hits)
}

fn sort(hits: &mut Hits, larger_is_better: bool) {
    hits.sort_by(|(_, a), (_, b)| if larger_is_better { b.total_cmp(a) } else { a.total_cmp(b) });
}
