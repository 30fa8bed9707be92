//! How long it takes to open an index of ten thousand chunks and to find in it, with the question
//! embedded by MiniLM.
//!
//! ```sh
//! cargo run --release -p voicekit-rag --example measure_index
//! ```
#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "it measures and prints")]

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use voicekit_core::retrieve::{Chunk, Embedder, Embedding, Index, Query, Retriever};
use voicekit_local::MiniLm;
use voicekit_local::models::{Model, Models};
use voicekit_rag::EmbeddedIndex;

const CHUNKS: usize = 10_000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (models, model) = (Models::in_default_directory()?, Model::minilm());
    models.ensure(&[&model], &mut |_| {})?;
    let embedder = Arc::new(MiniLm::load(models.path(&model).join("model.onnx"))?);
    let path = std::env::temp_dir().join("voicekit-rag-measure");
    fill(&EmbeddedIndex::edit(&path, embedder.clone())?).await?;
    println!("{CHUNKS} chunks, {:.1} MB", std::fs::metadata(&path)?.len() as f64 / 1e6);

    let opened = times(20, || EmbeddedIndex::open(&path, embedder.clone()).map(drop))?;
    println!("open: {}", said(opened));

    let index = EmbeddedIndex::open(&path, embedder.clone())?;
    let questions = include_str!("../tests/data/questions.tsv").lines().skip(1);
    let questions: Vec<&str> = questions.filter_map(|line| line.split('\t').next()).collect();
    let (mut embedded, mut found) = (Vec::new(), Vec::new());
    for question in questions.iter().cycle().take(1000) {
        let start = Instant::now();
        embedder.embed(&[(*question).to_owned()]).await?;
        embedded.push(start.elapsed());
        let start = Instant::now();
        index.retrieve(&Query::new(*question)).await?;
        found.push(start.elapsed());
    }
    println!("embed alone: {}", said(embedded));
    println!("embed and find: {}", said(found));
    std::fs::remove_file(path)?;
    Ok(())
}

/// Texts of 60 words of a vocabulary of 20,000, and vectors that point anywhere.
async fn fill(index: &EmbeddedIndex) -> Result<(), Box<dyn Error>> {
    let mut state = 1_u32;
    let mut random = move || {
        // Numerical Recipes' generator.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state >> 8
    };
    for batch in 0..CHUNKS / 500 {
        let chunk = |number: usize| {
            let words = (0..60).map(|_| format!("word{}", random() % 20_000));
            let text = words.collect::<Vec<_>>().join(" ");
            let values = (0..384).map(|_| random() as f32 / 8_388_608.0 - 1.0).collect();
            let (id, document) = (format!("{batch}#{number}"), format!("{batch}"));
            Chunk::new(id, document, text, Embedding::new(values))
        };
        index.upsert((0..500).map(chunk).collect()).await?;
    }
    Ok(())
}

fn times<E>(count: usize, mut work: impl FnMut() -> Result<(), E>) -> Result<Vec<Duration>, E> {
    let one = |_| {
        let start = Instant::now();
        work().map(|()| start.elapsed())
    };
    (0..count).map(one).collect()
}

fn said(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |share: usize| times[(times.len() - 1) * share / 100];
    format!("median {:.1?}, p99 {:.1?}, longest {:.1?}", at(50), at(99), at(100))
}
