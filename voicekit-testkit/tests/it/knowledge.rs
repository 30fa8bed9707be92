//! The contract tests of knowledge pass what keeps it and fail what breaks a clause.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_core::retrieve::{
    Chunk, Embedder, Embedding, Index, Passage, Query, Retriever, Settled,
};
use voicekit_testkit::contract::{self, Subject, knowledge};
use voicekit_testkit::contract_tests;
use voicekit_testkit::fake::{FakeEmbedder, FakeRetriever};

contract_tests! { index: Index = Subject::new(Shelf::default()) }
contract_tests! { embedder: Embedder = Subject::new(FakeEmbedder::new()) }
contract_tests! { retriever: Retriever = filled(Flaw::None).await }

contract_tests! {
    retriever_without_metadata: Retriever = {
        let facts = knowledge(&fake()).await;
        let passages = facts.into_iter().map(|chunk| (chunk.id, chunk.text));
        let retriever = FakeRetriever::new(passages).with_delay(Duration::from_secs(1));
        let journal = retriever.journal().clone();
        Subject::new(retriever).with_work(move || journal.open_count())
    },
    skip: { 4 => "its passages have no metadata" },
}

fn fake() -> Arc<dyn Embedder> {
    Arc::new(FakeEmbedder::new())
}

async fn filled(flaw: Flaw) -> Subject<Shelf> {
    let shelf = Shelf { flaw, ..Shelf::default() };
    shelf.upsert(knowledge(&fake()).await).await.unwrap();
    let work = Arc::clone(&shelf.searches);
    Subject::new(shelf).with_work(move || work.load(Ordering::Relaxed))
}

/// What is wrong with a shelf.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Flaw {
    #[default]
    None,
    AddsAgain,
    TakesTwice,
    TakesOtherDimensions,
    TakesNoEmbedding,
    KeepsHalfOfARefusedBatch,
    RefusesWithAnotherKind,
    FindsLater,
    KeepsWhatIsNotNamed,
    IsWholeAtOnce,
    IsWholeForEver,
    MissesTheMissing,
    DeletesNothing,
    LeavesATrace,
    WorstFirst,
    MoreThanWanted,
    Twice,
    FailsWhereNothingIs,
    FiltersNothing,
    FiltersByOneOnly,
    SearchesOn,
}

/// An index of a few chunks, compared one by one.
#[derive(Clone, Debug, Default)]
struct Shelf {
    flaw: Flaw,
    chunks: Arc<Mutex<Vec<Chunk>>>,
    late: Arc<Mutex<Vec<Chunk>>>,
    settled: Arc<Mutex<BTreeMap<String, String>>>,
    searches: Arc<AtomicUsize>,
}

impl Shelf {
    fn objection(&self, chunks: &[Chunk]) -> Option<&'static str> {
        let ids: BTreeSet<&String> = chunks.iter().map(|chunk| &chunk.id).collect();
        let own = self.chunks.lock().unwrap();
        let first =
            own.first().or_else(|| chunks.first()).map_or(0, |one| one.embedding.values().len());
        let sizes = chunks.iter().map(|chunk| chunk.embedding.values().len());
        if sizes.clone().any(|size| size == 0) {
            return (self.flaw != Flaw::TakesNoEmbedding).then_some("no embedding");
        }
        if sizes.clone().any(|size| size != first) {
            return (self.flaw != Flaw::TakesOtherDimensions).then_some("other dimensions");
        }
        (ids.len() < chunks.len() && self.flaw != Flaw::TakesTwice).then_some("an id twice")
    }

    fn keep(&self, chunks: Vec<Chunk>) {
        let mut own = self.chunks.lock().unwrap();
        for chunk in chunks {
            if self.flaw != Flaw::AddsAgain {
                own.retain(|other| other.id != chunk.id);
            }
            if self.flaw != Flaw::IsWholeForEver {
                self.settled.lock().unwrap().remove(&chunk.document);
            }
            own.push(chunk);
        }
    }
}

#[async_trait]
impl Index for Shelf {
    async fn upsert(&self, chunks: Vec<Chunk>) -> Result<()> {
        if let Some(problem) = self.objection(&chunks) {
            if self.flaw == Flaw::KeepsHalfOfARefusedBatch {
                self.keep(chunks.into_iter().take(1).collect());
            }
            let is_other = self.flaw == Flaw::RefusesWithAnotherKind;
            let kind = if is_other { ErrorKind::Internal } else { ErrorKind::Rejected };
            return Err(Error::new(kind, "shelf", problem));
        }
        if self.flaw == Flaw::FindsLater {
            let before = std::mem::replace(&mut *self.late.lock().unwrap(), chunks);
            self.keep(before);
            return Ok(());
        }
        self.keep(chunks);
        Ok(())
    }

    async fn settle(&self, document: Settled) -> Result<()> {
        if self.flaw != Flaw::KeepsWhatIsNotNamed {
            self.chunks.lock().unwrap().retain(|chunk| {
                chunk.document != document.document || document.chunks.contains(&chunk.id)
            });
        }
        self.settled.lock().unwrap().insert(document.document, document.fingerprint);
        Ok(())
    }

    async fn delete(&self, document: &str) -> Result<()> {
        let known = self.documents().await?;
        if self.flaw == Flaw::MissesTheMissing && !known.contains_key(document) {
            return Err(Error::new(ErrorKind::Rejected, "shelf", "no such document"));
        }
        if self.flaw != Flaw::DeletesNothing {
            self.chunks.lock().unwrap().retain(|chunk| chunk.document != document);
        }
        if self.flaw != Flaw::LeavesATrace {
            self.settled.lock().unwrap().remove(document);
        }
        Ok(())
    }

    async fn documents(&self) -> Result<BTreeMap<String, String>> {
        let version = if self.flaw == Flaw::IsWholeAtOnce { "v0" } else { "" };
        let chunks = self.chunks.lock().unwrap();
        let mut documents: BTreeMap<String, String> =
            chunks.iter().map(|chunk| (chunk.document.clone(), version.to_owned())).collect();
        documents.extend(self.settled.lock().unwrap().clone());
        Ok(documents)
    }
}

/// Counts a search while it goes on.
struct Going(Arc<AtomicUsize>);

impl Drop for Going {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[async_trait]
impl Retriever for Shelf {
    async fn retrieve(&self, query: &Query) -> Result<Vec<Passage>> {
        self.searches.fetch_add(1, Ordering::Relaxed);
        let going = Going(Arc::clone(&self.searches));
        let search = tokio::time::sleep(Duration::from_secs(1));
        if self.flaw == Flaw::SearchesOn {
            tokio::spawn(async move {
                let _going = going;
                tokio::time::sleep(Duration::from_secs(1_000)).await;
            });
            search.await;
        } else {
            search.await;
            drop(going);
        }
        let question =
            FakeEmbedder::new().embed(std::slice::from_ref(&query.text)).await?.remove(0);
        let mut wanted = query.filter.clone();
        match self.flaw {
            Flaw::FiltersNothing => wanted.clear(),
            Flaw::FiltersByOneOnly => wanted.retain(|key, _| key == "house"),
            _ => {}
        }
        let chunks = self.chunks.lock().unwrap();
        let fitting = chunks.iter().filter(|chunk| {
            wanted.iter().all(|(key, value)| chunk.metadata.get(key) == Some(value))
        });
        let mut found: Vec<Passage> = fitting
            .map(|chunk| {
                let score = question.similarity(&chunk.embedding);
                let mut passage = Passage::new(&chunk.id, &chunk.text, score);
                passage.metadata.clone_from(&chunk.metadata);
                passage
            })
            .collect();
        found.sort_by(|one, other| other.score.total_cmp(&one.score));
        if self.flaw == Flaw::WorstFirst {
            found.reverse();
        }
        if self.flaw == Flaw::Twice && !found.is_empty() {
            found.insert(0, found[0].clone());
        }
        if self.flaw != Flaw::MoreThanWanted {
            found.truncate(query.limit);
        }
        if self.flaw == Flaw::FailsWhereNothingIs && found.is_empty() {
            return Err(Error::new(ErrorKind::Rejected, "shelf", "nothing found"));
        }
        Ok(found)
    }
}

#[tokio::test(start_paused = true)]
async fn an_index_that_breaks_a_clause_is_found_out() {
    for (flaw, clause) in [
        (Flaw::AddsAgain, 1),
        (Flaw::TakesTwice, 2),
        (Flaw::TakesOtherDimensions, 2),
        (Flaw::TakesNoEmbedding, 2),
        (Flaw::KeepsHalfOfARefusedBatch, 2),
        (Flaw::RefusesWithAnotherKind, 2),
        (Flaw::FindsLater, 3),
        (Flaw::KeepsWhatIsNotNamed, 4),
        (Flaw::IsWholeAtOnce, 4),
        (Flaw::IsWholeForEver, 4),
        (Flaw::MissesTheMissing, 5),
        (Flaw::DeletesNothing, 5),
        (Flaw::LeavesATrace, 5),
    ] {
        let report = contract::index(&Subject::new(Shelf { flaw, ..Shelf::default() })).await;
        assert!(report.broken().contains(&clause), "{flaw:?}: {report}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_retriever_that_breaks_a_clause_is_found_out() {
    for (flaw, clause) in [
        (Flaw::WorstFirst, 1),
        (Flaw::MoreThanWanted, 1),
        (Flaw::Twice, 1),
        (Flaw::FailsWhereNothingIs, 2),
        (Flaw::SearchesOn, 3),
        (Flaw::FiltersNothing, 4),
        (Flaw::FiltersByOneOnly, 4),
    ] {
        let report = contract::retriever(&filled(flaw).await).await;
        assert!(report.broken().contains(&clause), "{flaw:?}: {report}");
    }
}

/// An embedder that breaks one clause in a way.
#[derive(Debug)]
struct BadEmbedder(&'static str, AtomicUsize);

#[async_trait]
impl Embedder for BadEmbedder {
    async fn embed(&self, texts: &[String]) -> Result<Vec<Embedding>> {
        let mut good = FakeEmbedder::new().embed(texts).await?;
        let turn = self.1.fetch_add(1, Ordering::Relaxed);
        match self.0 {
            "too few" => good.truncate(1),
            "turned around" => good.reverse(),
            "sizes" => {
                if let Some(last) = good.last_mut() {
                    *last = Embedding::new(vec![1.0; turn + 2]);
                }
            }
            "zeros" => good = vec![Embedding::new(vec![0.0; 4]); texts.len()],
            _ => {
                let mut values = vec![0.0; 4];
                values[turn % 4] = 1.0;
                good = vec![Embedding::new(values); texts.len()];
            }
        }
        Ok(good)
    }
}

#[tokio::test(start_paused = true)]
async fn an_embedder_that_breaks_a_clause_is_found_out() {
    for (flaw, clause) in
        [("too few", 1), ("turned around", 1), ("sizes", 2), ("zeros", 2), ("by chance", 3)]
    {
        let report =
            contract::embedder(&Subject::new(BadEmbedder(flaw, AtomicUsize::new(0)))).await;
        assert!(report.broken().contains(&clause), "{flaw}: {report}");
    }
}
