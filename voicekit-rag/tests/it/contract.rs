//! The contracts of the embedded index.

use std::sync::Arc;

use voicekit_core::retrieve::{Embedder, Index};
use voicekit_rag::EmbeddedIndex;
use voicekit_rag::index::{Ranking, SearchConfig};
use voicekit_testkit::contract::{Subject, knowledge};
use voicekit_testkit::contract_tests;
use voicekit_testkit::fake::FakeEmbedder;

use super::folder::Folder;

contract_tests! { index: Index = Subject::new(EmbeddedIndex::in_memory(embedder())), time: real }

contract_tests! {
    index_in_a_file: Index = {
        let folder = Folder::new();
        let index = EmbeddedIndex::edit(folder.file("index"), embedder()).unwrap();
        // The folder lives as long as the subject.
        Subject::new(index).with_work(move || folder.path().components().count())
    },
    time: real,
}

contract_tests! {
    retriever: Retriever = Subject::new(filled().await),
    skip: { 3 => "a search of thousands of chunks takes a millisecond and is not cut short" },
    time: real,
}

contract_tests! {
    retriever_by_words: Retriever = {
        let config = SearchConfig::default().with_ranking(Ranking::Words);
        Subject::new(filled().await.with_search(config))
    },
    skip: { 3 => "a search of thousands of chunks takes a millisecond and is not cut short" },
    time: real,
}

fn embedder() -> Arc<dyn Embedder> {
    Arc::new(FakeEmbedder::new())
}

async fn filled() -> EmbeddedIndex {
    let index = EmbeddedIndex::in_memory(embedder());
    index.upsert(knowledge(&embedder()).await).await.unwrap();
    index
}
