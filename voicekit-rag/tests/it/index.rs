//! Keeping and finding.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use voicekit_core::error::ErrorKind;
use voicekit_core::retrieve::{Chunk, Embedder, Embedding, Index, Query, Retriever, Settled};
use voicekit_rag::index::{Fusion, Ranking, SearchConfig};
use voicekit_rag::{EmbeddedIndex, SECTION, SOURCE};
use voicekit_testkit::fake::FakeEmbedder;

use super::folder::Folder;

fn embedder() -> Arc<FakeEmbedder> {
    Arc::new(FakeEmbedder::new())
}

async fn chunk(id: &str, document: &str, text: &str) -> Chunk {
    let embedding = embedder().embed(&[text.to_owned()]).await.unwrap().remove(0);
    Chunk::new(id, document, text, embedding)
}

async fn found(index: &EmbeddedIndex, question: &str) -> Vec<String> {
    let passages = index.retrieve(&Query::new(question)).await.unwrap();
    passages.into_iter().map(|passage| passage.id).collect()
}

async fn fill(index: &EmbeddedIndex) {
    let chunks = vec![
        chunk("a#1", "a", "Parking is behind the house.").await,
        chunk("a#2", "a", "Breakfast begins at seven.").await,
    ];
    index.upsert(chunks).await.unwrap();
    index.settle(Settled::new("a", "v1", ["a#1".to_owned(), "a#2".to_owned()])).await.unwrap();
    let chunks = vec![chunk("b#1", "b", "Dogs are welcome.").await.with_metadata("site", "north")];
    index.upsert(chunks).await.unwrap();
    index.settle(Settled::new("b", "v1", ["b#1".to_owned()])).await.unwrap();
}

#[tokio::test]
async fn what_was_written_is_found_and_says_where_it_is_from() {
    let index = EmbeddedIndex::in_memory(embedder());
    assert!(found(&index, "parking").await.is_empty());
    let chunk = chunk("a#1", "a", "Parking is behind the house.").await;
    let chunk = chunk.with_headings(["House".to_owned(), "Cars".to_owned()]);
    index.upsert(vec![chunk]).await.unwrap();
    let passages = index.retrieve(&Query::new("is there parking")).await.unwrap();
    assert_eq!(passages[0].text, "Parking is behind the house.");
    assert_eq!(passages[0].metadata[SOURCE], "a");
    assert_eq!(passages[0].metadata[SECTION], "House › Cars");
}

#[tokio::test]
async fn what_was_replaced_deleted_or_left_out_is_not_found() {
    let index = EmbeddedIndex::in_memory(embedder());
    fill(&index).await;
    index.upsert(vec![chunk("a#1", "a", "Cars stay in the garage.").await]).await.unwrap();
    assert_eq!(index.documents().await.unwrap()["a"], "", "being written, a is not settled");
    index.settle(Settled::new("a", "v2", ["a#1".to_owned()])).await.unwrap();
    assert_eq!(index.len(), 2);
    assert_eq!(index.documents().await.unwrap()["a"], "v2");
    index.delete("a").await.unwrap();
    index.delete("nowhere").await.unwrap();
    assert_eq!(found(&index, "garage parking breakfast dogs").await, ["b#1"]);
    index.delete("b").await.unwrap();
    assert!(index.is_empty() && index.documents().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_filter_leaves_only_what_has_the_metadata() {
    let index = EmbeddedIndex::in_memory(embedder());
    fill(&index).await;
    for (key, value, ids) in
        [("site", "north", &["b#1"][..]), ("site", "south", &[]), (SOURCE, "b", &["b#1"])]
    {
        let query = Query::new("parking breakfast dogs").with_filter(key, value);
        let passages = index.retrieve(&query).await.unwrap();
        let found: Vec<&str> = passages.iter().map(|passage| passage.id.as_str()).collect();
        assert_eq!(found, ids, "{key} {value}");
    }
}

#[tokio::test]
async fn passages_come_best_first_and_none_twice() {
    let index = EmbeddedIndex::in_memory(embedder());
    fill(&index).await;
    index.upsert(vec![chunk("c#1", "c", "Dogs are welcome.").await]).await.unwrap();
    let rankings = [
        Ranking::Words,
        Ranking::Meaning,
        Ranking::Fused(Fusion::Scores { words: 0.2 }),
        Ranking::Fused(Fusion::Ranks { k: 60.0 }),
    ];
    for ranking in rankings {
        let config = SearchConfig::default().with_ranking(ranking);
        let index = index.clone().with_search(config);
        let query = Query::new("are dogs welcome at breakfast").with_limit(3);
        let passages = index.retrieve(&query).await.unwrap();
        assert_eq!(passages[0].text, "Dogs are welcome.", "{ranking:?}");
        assert!(passages[1..].iter().all(|passage| passage.text != passages[0].text));
        assert!(passages.is_sorted_by(|a, b| a.score >= b.score), "{ranking:?} {passages:?}");
        assert!(index.retrieve(&query.with_limit(1)).await.unwrap().len() == 1);
    }
}

#[tokio::test]
async fn a_batch_that_makes_no_sense_is_refused_and_changes_nothing() {
    let index = EmbeddedIndex::in_memory(embedder());
    fill(&index).await;
    let twice = vec![chunk("d#1", "d", "one").await, chunk("d#1", "d", "two").await];
    let other = vec![Chunk::new("d#1", "d", "one", Embedding::new(vec![1.0, 0.0]))];
    let none = vec![Chunk::new("d#1", "d", "one", Embedding::new(Vec::new()))];
    for (batch, problem) in [(twice, "twice"), (other, "2 dimensions"), (none, "no embedding")] {
        let failure = index.upsert(batch).await.unwrap_err();
        assert_eq!(failure.kind(), ErrorKind::Rejected);
        assert!(failure.message().contains(problem), "{failure}");
        assert_eq!(index.len(), 3);
    }
}

#[tokio::test]
async fn a_file_holds_what_was_written() {
    let folder = Folder::new();
    let path = folder.file("index");
    assert_eq!(EmbeddedIndex::open(&path, embedder()).unwrap_err().kind(), ErrorKind::Config);
    let index = EmbeddedIndex::edit(&path, embedder()).unwrap();
    fill(&index).await;
    index.delete("b").await.unwrap();
    let reader = EmbeddedIndex::open(&path, embedder()).unwrap();
    assert_eq!(reader.len(), 2);
    assert_eq!(found(&reader, "when is breakfast").await[0], "a#2");
    assert_eq!(reader.documents().await.unwrap(), index.documents().await.unwrap());
    let failure = reader.delete("a").await.unwrap_err();
    assert_eq!(failure.kind(), ErrorKind::Unsupported);
}

#[tokio::test]
async fn only_one_writes_at_a_time() {
    let folder = Folder::new();
    let path = folder.file("index");
    let index = EmbeddedIndex::edit(&path, embedder()).unwrap();
    let failure = EmbeddedIndex::edit(&path, embedder()).unwrap_err();
    assert!(failure.message().contains("being written"), "{failure}");
    drop(index);
    EmbeddedIndex::edit(&path, embedder()).unwrap();
}

#[tokio::test]
async fn a_file_written_anew_holds_the_same_in_less_space() {
    let folder = Folder::new();
    let path = folder.file("index");
    let index = EmbeddedIndex::edit(&path, embedder()).unwrap();
    for _ in 0..5 {
        fill(&index).await;
    }
    let (size, documents) = (fs::metadata(&path).unwrap().len(), index.documents().await.unwrap());
    index.compact().await.unwrap();
    assert!(fs::metadata(&path).unwrap().len() < size / 3);
    // What is written afterwards goes into the new file.
    index.upsert(vec![chunk("c#1", "c", "Cats too.").await]).await.unwrap();
    index.settle(Settled::new("c", "v1", ["c#1".to_owned()])).await.unwrap();
    drop(index);
    let reader = EmbeddedIndex::open(&path, embedder()).unwrap();
    assert_eq!(found(&reader, "breakfast").await[0], "a#2");
    assert_eq!(found(&reader, "cats").await[0], "c#1");
    assert_eq!(reader.documents().await.unwrap().len(), documents.len() + 1);
}

/// The bytes of a file after each thing that was written.
async fn stages(path: &Path) -> Vec<Vec<u8>> {
    let mut stages = Vec::new();
    let index = EmbeddedIndex::edit(path, embedder()).unwrap();
    for (id, text) in [("a", "Parking is behind the house."), ("b", "Dogs are welcome.")] {
        index.upsert(vec![chunk(id, id, text).await]).await.unwrap();
        stages.push(fs::read(path).unwrap());
    }
    stages
}

#[tokio::test]
async fn a_file_that_was_cut_anywhere_holds_what_was_whole() {
    let folder = Folder::new();
    let path = folder.file("index");
    let stages = stages(&path).await;
    for length in 0..stages[1].len() {
        fs::write(&path, &stages[1][..length]).unwrap();
        let whole = usize::from(length >= stages[0].len());
        assert_eq!(EmbeddedIndex::open(&path, embedder()).unwrap().len(), whole, "{length} bytes");
        assert_eq!(fs::read(&path).unwrap().len(), length, "reading does not write");
        if length % 50 == 0 {
            let index = EmbeddedIndex::edit(&path, embedder()).unwrap();
            index.upsert(vec![chunk("c", "c", "Cats too.").await]).await.unwrap();
            let reader = EmbeddedIndex::open(&path, embedder()).unwrap();
            assert_eq!(reader.len(), whole + 1, "written on after {length} bytes");
        }
    }
}

#[tokio::test]
async fn damage_before_what_is_whole_is_reported() {
    let folder = Folder::new();
    let path = folder.file("index");
    let stages = stages(&path).await;
    for at in (16..stages[0].len()).step_by(7) {
        let mut bytes = stages[1].clone();
        bytes[at] ^= 0x40;
        fs::write(&path, bytes).unwrap();
        let failure = EmbeddedIndex::open(&path, embedder()).unwrap_err();
        assert!(failure.message().contains("damaged at byte 16"), "{failure}");
    }
}

#[test]
fn other_files_are_refused() {
    let folder = Folder::new();
    for (content, problem) in [
        (&b"not an index at all, but a text"[..], "is not an index"),
        (b"voicekit-rag\xff\0\0\0 of the future", "another version"),
    ] {
        folder.write("index", content);
        for opened in [
            EmbeddedIndex::open(folder.file("index"), embedder()),
            EmbeddedIndex::edit(folder.file("index"), embedder()),
        ] {
            let failure = opened.unwrap_err();
            assert!(failure.message().contains(problem), "{failure}");
        }
        assert_eq!(fs::read(folder.file("index")).unwrap(), content, "and left alone");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let folder = Folder::new();
        folder.write("index", [b"voicekit-rag\x01\0\0\0", &bytes[..]].concat());
        let _ = EmbeddedIndex::open(folder.file("index"), embedder());
    }
}
