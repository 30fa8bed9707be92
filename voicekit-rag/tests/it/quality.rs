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

fn questions(lines: &'static str) -> Vec<Question> {
    let lines = lines.lines().filter(|line| !line.starts_with('#'));
    let question = |line: &'static str| {
        let mut fields = line.split('\t');
        let mut next = || fields.next().unwrap();
        Question { text: next(), source: next(), section: next() }
    };
    lines.map(question).collect()
}

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

fn minilm() -> Arc<MiniLm> {
    let models = Models::in_default_directory().unwrap();
    let directory = models.locate(&Model::minilm()).expect("`cargo xtask setup` fetches MiniLM");
    Arc::new(MiniLm::load(directory.join("model.onnx")).unwrap())
}

async fn index(documents: PathBuf, embedder: Arc<MiniLm>) -> EmbeddedIndex {
    let index = EmbeddedIndex::in_memory(embedder.clone());
    let report =
        Ingestion::new(Arc::new(index.clone()), embedder).run(documents, |_| {}).await.unwrap();
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

/// The recall of each way to rank, as the crate's documentation has it.
struct Table {
    words: Recall,
    meaning: Recall,
    ranks: Recall,
    scores: Recall,
    reranked: Recall,
}

/// Makes and prints the table, and with `MISSED` set, what was not found first.
#[expect(clippy::print_stdout, reason = "the table is for people")]
async fn table(documents: &str, lines: &'static str) -> Table {
    let embedder = minilm();
    let index = index(data(documents), embedder.clone()).await;
    let questions = questions(lines);
    assert!(index.len() >= 60 && questions.len() >= 100);
    let by = |ranking| index.clone().with_search(SearchConfig::default().with_ranking(ranking));
    let reranked = index.clone().with_reranker(Arc::new(CrossCheck::new(embedder)));
    let table = Table {
        words: recall(&by(Ranking::Words), &questions).await,
        meaning: recall(&by(Ranking::Meaning), &questions).await,
        ranks: recall(&by(Ranking::Fused(Fusion::Ranks { k: 60.0 })), &questions).await,
        scores: recall(&index, &questions).await,
        reranked: recall(&reranked, &questions).await,
    };
    println!("{documents}: {} passages, {} questions: recall@1, @4", index.len(), questions.len());
    for (name, recall) in [
        ("words", &table.words),
        ("meaning", &table.meaning),
        ("fused by ranks", &table.ranks),
        ("fused by scores", &table.scores),
        ("reranked", &table.reranked),
    ] {
        println!("{name:16} {:.3} {:.3}", recall.first, recall.fourth);
    }
    if std::env::var_os("MISSED").is_some() {
        println!("{}", table.reranked.missed.join("\n"));
    }
    table
}

#[tokio::test]
async fn questions_in_callers_words_find_their_passage() {
    let Table { words, meaning, scores, reranked, .. } =
        table("dentist", include_str!("../data/dentist-questions.tsv")).await;
    assert!(scores.first > words.first && scores.first >= meaning.first);
    assert!(reranked.first >= 0.9 && reranked.fourth >= 0.95, "{:.3}", reranked.first);
}

/// These avoid the documents' words on purpose.
#[tokio::test]
async fn questions_in_other_words_find_their_passage() {
    let Table { words, meaning, scores, reranked, .. } =
        table("hotel", include_str!("../data/questions.tsv")).await;
    assert!(scores.first > words.first && scores.fourth >= meaning.fourth);
    assert!(
        scores.first >= 0.66 && scores.fourth >= 0.9,
        "{:.3} {:.3}",
        scores.first,
        scores.fourth
    );
    assert!(reranked.first >= scores.first && reranked.first >= 0.7, "{:.3}", reranked.first);
}
