//! Keeping an index in step with a directory.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_core::retrieve::{Embedder, Embedding, Index, Query, Retriever};
use voicekit_core::retry::RetryPolicy;
use voicekit_rag::ingest::Report;
use voicekit_rag::load::Limits;
use voicekit_rag::{EmbeddedIndex, Ingestion};
use voicekit_testkit::fake::FakeEmbedder;

use super::folder::Folder;

fn index() -> EmbeddedIndex {
    EmbeddedIndex::in_memory(Arc::new(FakeEmbedder::new()))
}

fn ingestion(index: &EmbeddedIndex) -> Ingestion {
    Ingestion::new(Arc::new(index.clone()), Arc::new(FakeEmbedder::new()))
}

/// Added, changed, unchanged, removed.
fn counts(report: &Report) -> [usize; 4] {
    [report.added, report.changed, report.unchanged, report.removed]
}

fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("dogs.md", "# Dogs\n\nDogs are welcome.\n");
    folder.write("deep/er/cars.txt", "Cars stay in the garage.");
    folder.write("picture.png", "not read");
    folder.write(".hidden.md", "not read");
    folder
}

#[tokio::test]
async fn only_what_changed_is_read_again() {
    let (folder, index) = (folder(), index());
    let ingestion = ingestion(&index);
    let report = ingestion.run(folder.path(), |_| {}).await.unwrap();
    assert_eq!((counts(&report), report.ignored[".png"], report.chunks), ([2, 0, 0, 0], 1, 2));
    let report = ingestion.run(folder.path(), |_| {}).await.unwrap();
    assert_eq!((counts(&report), report.chunks), ([0, 0, 2, 0], 0));
    folder.write("dogs.md", "# Dogs\n\nDogs must stay outside.\n");
    folder.remove("deep/er/cars.txt");
    folder.write("cats.md", "# Cats\n\nCats too.\n");
    let report = ingestion.run(folder.path(), |_| {}).await.unwrap();
    assert_eq!(counts(&report), [1, 1, 0, 1]);
    let texts: Vec<String> = index
        .retrieve(&Query::new("dogs cats cars"))
        .await
        .unwrap()
        .into_iter()
        .map(|passage| passage.text)
        .collect();
    assert!(texts.contains(&"Dogs must stay outside.".to_owned()), "{texts:?}");
    assert_eq!(texts.len(), 2);
}

#[tokio::test]
async fn a_document_that_became_shorter_leaves_nothing_behind() {
    let (folder, index) = (folder(), index());
    folder.write("dogs.md", "# Dogs\n\nWelcome.\n\n## Food\n\nA bowl.\n\n## Beds\n\nA basket.\n");
    ingestion(&index).run(folder.path(), |_| {}).await.unwrap();
    assert_eq!(index.len(), 4);
    folder.write("dogs.md", "# Dogs\n\nWelcome.\n");
    ingestion(&index).run(folder.path(), |_| {}).await.unwrap();
    assert_eq!(index.len(), 2);
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_reported_and_keeps_what_was_known() {
    let (folder, index) = (folder(), index());
    let ingestion = ingestion(&index).with_limits(Limits::default().with_file(1000));
    ingestion.run(folder.path(), |_| {}).await.unwrap();
    folder.write("dogs.md", b"# Dogs \0\0\xff\xfe");
    folder.write("long.txt", "x".repeat(1001));
    folder.write("new.md", "New.");
    let report = ingestion.run(folder.path(), |_| {}).await.unwrap();
    let failed: Vec<(&str, &str)> =
        report.failed.iter().map(|(name, error)| (name.as_str(), error.message())).collect();
    let expected = [
        ("dogs.md", "is binary data, not text, at byte 9"),
        ("long.txt", "has 1001 bytes; 1000 are allowed"),
    ];
    assert_eq!(failed, expected);
    assert_eq!(counts(&report), [1, 0, 1, 0]);
    assert_eq!(index.documents().await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_directory_without_documents_is_an_error_and_removes_nothing() {
    let (folder, index) = (folder(), index());
    let ingestion = ingestion(&index);
    ingestion.run(folder.path(), |_| {}).await.unwrap();
    let empty = Folder::new();
    for path in [empty.path(), &empty.file("not there")] {
        let failure = ingestion.run(path, |_| {}).await.unwrap_err();
        assert_eq!(failure.kind(), ErrorKind::Config);
    }
    assert_eq!(index.len(), 2);
}

#[tokio::test]
async fn progress_counts_files_and_chunks() {
    let (folder, index) = (folder(), index());
    let mut heard = Vec::new();
    let ingestion = ingestion(&index);
    let follow = |progress: voicekit_rag::ingest::Progress<'_>| {
        heard.push((progress.document.to_owned(), progress.files, progress.of, progress.chunks));
    };
    ingestion.run(folder.path(), follow).await.unwrap();
    assert_eq!(heard.first().unwrap(), &("deep/er/cars.txt".to_owned(), 0, 2, 0));
    assert_eq!(heard.last().unwrap(), &(String::new(), 2, 2, 2));
}

/// Fails so many times, then works.
#[derive(Debug)]
struct Unsteady {
    failures: AtomicUsize,
    embedder: FakeEmbedder,
}

#[async_trait]
impl Embedder for Unsteady {
    async fn embed(&self, texts: &[String]) -> Result<Vec<Embedding>> {
        let fewer = |left: usize| left.checked_sub(1);
        if self.failures.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer).is_ok() {
            return Err(Error::new(ErrorKind::Connection, "unsteady", "broke off"));
        }
        self.embedder.embed(texts).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_fails_is_embedded_again_and_an_ingestion_that_broke_off_goes_on() {
    let folder = folder();
    let index = index();
    let embedder = |failures| {
        Arc::new(Unsteady { failures: AtomicUsize::new(failures), embedder: FakeEmbedder::new() })
    };
    let retry = RetryPolicy::after([Duration::from_secs(1)]);
    let run = |failures| {
        let ingestion = Ingestion::new(Arc::new(index.clone()), embedder(failures));
        let (ingestion, path) = (ingestion.with_retry(retry.clone()), folder.path());
        async move { ingestion.run(path, |_| {}).await }
    };
    assert_eq!(run(2).await.unwrap_err().message(), "broke off");
    let report = run(1).await.unwrap();
    assert_eq!(counts(&report), [2, 0, 0, 0]);
}

#[tokio::test]
async fn a_single_file_is_a_source_too() {
    let (folder, index) = (folder(), index());
    let ingestion = ingestion(&index);
    let report = ingestion.run(folder.file("dogs.md"), |_| {}).await.unwrap();
    assert_eq!(counts(&report), [1, 0, 0, 0]);
    assert_eq!(index.documents().await.unwrap().into_keys().collect::<Vec<_>>(), ["dogs.md"]);
    let failure = ingestion.run(folder.file("picture.png"), |_| {}).await.unwrap_err();
    assert_eq!(failure.kind(), ErrorKind::Config);
    assert!(failure.message().contains("no document"), "{failure}");
}

#[tokio::test]
async fn a_document_without_text_is_no_failure_and_leaves_nothing_behind() {
    let (folder, index) = (folder(), index());
    ingestion(&index).run(folder.path(), |_| {}).await.unwrap();
    folder.write("dogs.md", "---\nlayout: home\n---\n");
    folder.write("empty.txt", "");
    let report = ingestion(&index).run(folder.path(), |_| {}).await.unwrap();
    assert_eq!((counts(&report), report.failed.len()), ([1, 1, 1, 0], 0));
    assert_eq!(report.empty, ["dogs.md", "empty.txt"]);
    assert_eq!(index.len(), 1);
    let report = ingestion(&index).run(folder.path(), |_| {}).await.unwrap();
    assert_eq!(counts(&report), [0, 0, 3, 0]);
}

#[tokio::test]
async fn progress_knows_the_bytes_that_are_done() {
    let (folder, index) = (folder(), index());
    let mut heard = Vec::new();
    let follow = |progress: voicekit_rag::ingest::Progress<'_>| {
        heard.push((progress.bytes, progress.of_bytes));
    };
    ingestion(&index).run(folder.path(), follow).await.unwrap();
    assert_eq!((heard[0], *heard.last().unwrap()), ((0, 50), (50, 50)));
}

#[cfg(feature = "pdf")]
#[tokio::test]
async fn missing_parts_of_a_document_are_named_at_every_ingestion() {
    let (folder, index) = (folder(), index());
    folder.write("scan.pdf", super::pdf::text_and_scan());
    for expected in [[3, 0, 0, 0], [0, 0, 3, 0]] {
        let report = ingestion(&index).run(folder.path(), |_| {}).await.unwrap();
        assert_eq!(counts(&report), expected);
        let [(document, losses)] = report.partial.as_slice() else { panic!("{report:?}") };
        assert_eq!(
            (document.as_str(), losses[0].places.clone()),
            ("scan.pdf", vec!["page 2".to_owned()])
        );
        assert!(!report.is_complete());
    }
}
