//! Two orders of passages become one.

use std::collections::BTreeMap;

use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_core::retrieve::{Embedding, Passage, words};

use super::SERVICE;
use super::shelf::{Shelf, dot};

/// By what passages are found.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Ranking {
    /// By shared words alone: needs no embedding.
    Words,
    /// By meaning alone.
    Meaning,
    /// By both.
    Fused(Fusion),
}

/// How two orders become one.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Fusion {
    /// The cosine plus so much of the share of the question that the words answer.
    Scores {
        /// The weight of the words, from 0.
        words: f32,
    },
    /// Reciprocal ranks: 1 / (k + rank) in either order, added up. Needs no common scale; 60 is the
    /// `k` of its authors (Cormack, Clarke and Büttcher, 2009).
    Ranks {
        /// The larger, the less the first places count.
        k: f32,
    },
}

/// How passages are found.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct SearchConfig {
    /// By what. Default: [`Fusion::Scores`], 0.2 of words.
    pub ranking: Ranking,
    /// How many of the best are looked at for diversity or by a reranker. Default: 12.
    pub candidates: usize,
    /// How much a passage loses for saying what a better one says, 0 to 1. Default: 0.1.
    pub diversity: f32,
}

impl Default for SearchConfig {
    fn default() -> Self {
        let ranking = Ranking::Fused(Fusion::Scores { words: 0.2 });
        Self { ranking, candidates: 12, diversity: 0.1 }
    }
}

impl SearchConfig {
    /// Sets by what passages are found.
    #[must_use]
    pub fn with_ranking(mut self, ranking: Ranking) -> Self {
        self.ranking = ranking;
        self
    }

    /// Sets how many of the best are looked at for diversity or by a reranker.
    #[must_use]
    pub fn with_candidates(mut self, candidates: usize) -> Self {
        self.candidates = candidates;
        self
    }

    /// Sets how much a passage loses for saying what a better one says: maximal marginal relevance
    /// (Carbonell and Goldstein, 1998) with λ = 1 − `diversity`. 0 turns it off.
    #[must_use]
    pub fn with_diversity(mut self, diversity: f32) -> Self {
        self.diversity = diversity.clamp(0.0, 1.0);
        self
    }
}

/// A row and how well it fits, 0 to 1 for the best.
#[derive(Clone, Copy)]
struct Hit {
    at: usize,
    score: f32,
}

pub(super) fn search(
    shelf: &Shelf,
    question: &str,
    meaning: Option<Embedding>,
    filter: &BTreeMap<String, String>,
    limit: usize,
    config: &SearchConfig,
) -> Result<Vec<Passage>> {
    let meaning = meaning.as_ref().map_or(&[][..], Embedding::values);
    if !meaning.is_empty() && shelf.dimensions() != 0 && meaning.len() != shelf.dimensions() {
        let problem = format!(
            "the index was made with embeddings of {} dimensions, the question has {}: use the \
             same model, or ingest again",
            shelf.dimensions(),
            meaning.len()
        );
        return Err(Error::new(ErrorKind::Config, SERVICE, problem));
    }
    let rows: Vec<usize> = shelf.fitting(filter).collect();
    let by_words = || shelf.coverage(&words::question(question));
    let mut hits = match config.ranking {
        Ranking::Words => {
            let scores = by_words();
            let hits = hits(&rows, |at| scores[at]);
            hits.into_iter().filter(|hit| hit.score > 0.0).collect()
        }
        Ranking::Meaning => {
            let scores = shelf.cosines(meaning);
            hits(&rows, |at| scores[at])
        }
        Ranking::Fused(Fusion::Scores { words }) => {
            let (cosines, coverage) = (shelf.cosines(meaning), by_words());
            hits(&rows, |at| (cosines[at] + words * coverage[at]) / (1.0 + words.max(0.0)))
        }
        Ranking::Fused(Fusion::Ranks { k }) => {
            by_ranks(&rows, &shelf.cosines(meaning), &by_words(), k)
        }
    };
    best_first(&mut hits, limit.max(config.candidates));
    Ok(chosen(shelf, hits, limit, config.diversity))
}

fn hits(rows: &[usize], score: impl Fn(usize) -> f32) -> Vec<Hit> {
    rows.iter().map(|at| Hit { at: *at, score: score(*at) }).collect()
}

/// The best `count`, in order.
fn best_first(hits: &mut Vec<Hit>, count: usize) {
    let order = |a: &Hit, b: &Hit| b.score.total_cmp(&a.score).then(a.at.cmp(&b.at));
    if count > 0 && count < hits.len() {
        hits.select_nth_unstable_by(count - 1, order);
        hits.truncate(count);
    }
    hits.sort_unstable_by(order);
}

fn by_ranks(rows: &[usize], cosines: &[f32], coverage: &[f32], k: f32) -> Vec<Hit> {
    let mut sums: BTreeMap<usize, f32> = BTreeMap::new();
    for scores in [cosines, coverage] {
        let mut order = hits(rows, |at| scores[at]);
        order.retain(|hit| hit.score > 0.0);
        best_first(&mut order, 100);
        let mut rank = k.max(0.0);
        for hit in order {
            rank += 1.0;
            *sums.entry(hit.at).or_default() += 1.0 / rank;
        }
    }
    let whole = 2.0 / (k.max(0.0) + 1.0);
    sums.into_iter().map(|(at, score)| Hit { at, score: score / whole }).collect()
}

/// The best of `hits`, each charged with how much it resembles those before it.
fn chosen(shelf: &Shelf, mut hits: Vec<Hit>, limit: usize, diversity: f32) -> Vec<Passage> {
    let mut chosen: Vec<Hit> = Vec::new();
    let mut penalties = vec![0.0_f32; hits.len()];
    while chosen.len() < limit {
        let value =
            |(hit, penalty): (&Hit, &f32)| (1.0 - diversity) * hit.score - diversity * penalty;
        let values = hits.iter().zip(&penalties).map(value);
        let best = values.enumerate().reduce(|a, b| if b.1 > a.1 { b } else { a });
        let Some((place, score)) = best else { break };
        let hit = hits.remove(place);
        penalties.remove(place);
        let text = &shelf.row(hit.at).text;
        if chosen.iter().any(|other| shelf.row(other.at).text == *text) {
            continue;
        }
        for (other, penalty) in hits.iter().zip(&mut penalties) {
            *penalty = penalty.max(dot(shelf.vector(hit.at), shelf.vector(other.at)));
        }
        chosen.push(Hit { at: hit.at, score });
    }
    chosen.into_iter().map(|hit| passage(shelf, hit)).collect()
}

/// With the document and the headings among the metadata.
fn passage(shelf: &Shelf, hit: Hit) -> Passage {
    let row = shelf.row(hit.at);
    let mut passage = Passage::new(&row.id, &row.text, hit.score);
    passage.metadata.clone_from(&row.metadata);
    passage.metadata.insert(crate::SOURCE.to_owned(), row.document.clone());
    if !row.headings.is_empty() {
        passage.metadata.insert(crate::SECTION.to_owned(), row.section());
    }
    passage
}
