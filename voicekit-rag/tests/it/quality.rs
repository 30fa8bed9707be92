//! How well spoken questions find their passage, with MiniLM.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use voicekit_core::retrieve::{Passage, Query, Retriever};
use voicekit_local::MiniLm;
use voicekit_local::models::{Model, Models};
use voicekit_rag::index::{Fusion, Ranking, SearchConfig};
use voicekit_rag::{CrossCheck, EmbeddedIndex, Ingestion, SECTION, SOURCE};

/// What a caller asks, and the file and section that answer it.
struct Question {
    text: &'static str,
    source: &'static str,
    section: &'static str,
}

fn questions() -> Vec<Question> {
    let lines = include_str!("../data/questions.tsv").lines().filter(|line| !line.starts_with('#'));
    let question = |line: &'static str| {
        let mut fields = line.split('\t');
        let mut next = || fields.next().unwrap();
        Question { text: next(), source: next(), section: next() }
    };
    lines.map(question).collect()
}

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/hotel")
}

fn minilm() -> Arc<MiniLm> {
    let models = Models::in_default_directory().unwrap();
    let directory = models.locate(&Model::minilm()).expect("`cargo xtask setup` fetches MiniLM");
    Arc::new(MiniLm::load(directory.join("model.onnx")).unwrap())
}

async fn hotel(embedder: Arc<MiniLm>) -> EmbeddedIndex {
    let index = EmbeddedIndex::in_memory(embedder.clone());
    let report =
        Ingestion::new(Arc::new(index.clone()), embedder).run(data(), |_| {}).await.unwrap();
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    index
}

impl Question {
    fn is_answered_by(&self, passage: &Passage) -> bool {
        let section = passage.metadata[SECTION].rsplit(" › ").next().unwrap();
        passage.metadata[SOURCE] == self.source && section == self.section
    }
}

/// Of all questions, those whose passage is first, and those whose passage is among the first four.
struct Recall {
    first: f64,
    fourth: f64,
    missed: Vec<String>,
}

async fn recall(retriever: &dyn Retriever, questions: &[Question]) -> Recall {
    let (mut first, mut fourth, mut missed) = (0, 0, Vec::new());
    for question in questions {
        let found = retriever.retrieve(&Query::new(question.text)).await.unwrap();
        let place = found.iter().position(|passage| question.is_answered_by(passage));
        first += usize::from(place == Some(0));
        fourth += usize::from(place.is_some());
        if place != Some(0) {
            let best = found.first().map(|passage| passage.metadata[SECTION].clone());
            missed
                .push(format!("{:?} {place:?}: {} not {best:?}", question.text, question.section));
        }
    }
    let share = |count: usize| count as f64 / questions.len() as f64;
    Recall { first: share(first), fourth: share(fourth), missed }
}

/// Prints the table in the crate's documentation, and with `MISSED` set, what was not found first.
#[tokio::test]
async fn spoken_questions_find_their_passage() {
    let embedder = minilm();
    let index = hotel(embedder.clone()).await;
    let questions = questions();
    assert!(index.len() >= 60 && questions.len() >= 100);
    let by = |ranking| index.clone().with_search(SearchConfig::default().with_ranking(ranking));
    let words = recall(&by(Ranking::Words), &questions).await;
    let meaning = recall(&by(Ranking::Meaning), &questions).await;
    let ranks = recall(&by(Ranking::Fused(Fusion::Ranks { k: 60.0 })), &questions).await;
    let fused = recall(&index, &questions).await;
    let reranked = index.clone().with_reranker(Arc::new(CrossCheck::new(embedder)));
    let reranked = recall(&reranked, &questions).await;
    println!("{} passages, {} questions: recall@1, recall@4", index.len(), questions.len());
    for (name, recall) in [
        ("words", &words),
        ("meaning", &meaning),
        ("fused by ranks", &ranks),
        ("fused by scores", &fused),
        ("reranked", &reranked),
    ] {
        println!("{name:16} {:.2} {:.2}", recall.first, recall.fourth);
    }
    if std::env::var_os("MISSED").is_some() {
        println!("{}", reranked.missed.join("\n"));
    }
    assert!(fused.first > words.first && fused.fourth >= meaning.fourth);
    assert!(fused.first >= 0.66 && fused.fourth >= 0.9, "{:.3} {:.3}", fused.first, fused.fourth);
    assert!(reranked.first >= fused.first && reranked.first >= 0.7, "{:.3}", reranked.first);
}
