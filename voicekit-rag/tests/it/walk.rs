//! What a directory may hold.
#![cfg(unix)]

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::process::Command;
use std::sync::Arc;

use voicekit_core::retrieve::Index;
use voicekit_rag::ingest::Report;
use voicekit_rag::load::Limits;
use voicekit_rag::{EmbeddedIndex, Ingestion};
use voicekit_testkit::fake::FakeEmbedder;

use super::folder::Folder;

/// The report of an ingestion of `folder`, and the documents that are known then.
async fn run(folder: &Folder) -> (Report, Vec<String>) {
    let index = EmbeddedIndex::in_memory(Arc::new(FakeEmbedder::new()));
    let report = again(folder, &index).await;
    let documents = index.documents().await.unwrap().into_keys().collect();
    (report, documents)
}

async fn again(folder: &Folder, index: &EmbeddedIndex) -> Report {
    let embedder = Arc::new(FakeEmbedder::new());
    let ingestion = Ingestion::new(Arc::new(index.clone()), embedder)
        .with_limits(Limits::default().with_file(10_000));
    ingestion.run(folder.path(), |_| {}).await.unwrap()
}

fn skipped(report: &Report) -> Vec<(&str, &str)> {
    report.skipped.iter().map(|(path, why)| (path.as_str(), why.as_str())).collect()
}

#[tokio::test]
async fn files_of_a_mounted_config_map_are_read_once() {
    let folder = Folder::new();
    folder.write("..2026_12_01/policies.md", "# Dogs\n\nWelcome.");
    folder.write("..2026_12_01/prices.csv", "Room,Price\nSingle,79\n");
    symlink("..2026_12_01", folder.file("..data")).unwrap();
    for name in ["policies.md", "prices.csv"] {
        symlink(format!("..data/{name}"), folder.file(name)).unwrap();
    }
    let (report, documents) = run(&folder).await;
    assert_eq!(documents, ["policies.md", "prices.csv"]);
    assert!(report.is_complete(), "{report:?}");
}

#[tokio::test]
async fn a_config_map_that_is_updated_is_read_again() {
    let folder = Folder::new();
    let index = EmbeddedIndex::in_memory(Arc::new(FakeEmbedder::new()));
    folder.write("..1/policies.md", "Dogs are welcome.");
    symlink("..1", folder.file("..data")).unwrap();
    symlink("..data/policies.md", folder.file("policies.md")).unwrap();
    assert_eq!(again(&folder, &index).await.added, 1);
    folder.write("..2/policies.md", "Dogs stay outside.");
    folder.remove("..data");
    symlink("..2", folder.file("..data")).unwrap();
    let report = again(&folder, &index).await;
    assert_eq!((report.changed, report.added, report.removed), (1, 0, 0));
}

#[tokio::test]
async fn links_that_lead_in_a_circle_or_nowhere_or_out_are_named() {
    let (folder, outside) = (Folder::new(), Folder::new());
    outside.write("secret.md", "Not for callers.");
    folder.write("deep/dogs.md", "Dogs are welcome.");
    symlink(outside.path(), folder.file("out")).unwrap();
    symlink(outside.file("secret.md"), folder.file("out.md")).unwrap();
    symlink("../../../../../../etc/hostname", folder.file("deep/up.txt")).unwrap();
    symlink("nothing.md", folder.file("nowhere.md")).unwrap();
    symlink("b.md", folder.file("a.md")).unwrap();
    symlink("a.md", folder.file("b.md")).unwrap();
    symlink("..", folder.file("deep/parent")).unwrap();
    symlink(".", folder.file("self")).unwrap();
    let (report, documents) = run(&folder).await;
    assert_eq!(documents, ["deep/dogs.md"]);
    let names: Vec<&str> = report.skipped.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(names, ["a.md", "b.md", "deep/up.txt", "nowhere.md", "out", "out.md"]);
    let reasons = skipped(&report);
    assert!(reasons[0].1.starts_with("cannot be read"), "{reasons:?}");
    assert_eq!(reasons[3].1, "is a link that leads nowhere");
    assert_eq!(reasons[4].1, "is a link that leads out of the directory");
    assert_eq!(report.quiet["directories that were visited by another name"], 2);
}

#[tokio::test]
async fn a_file_with_several_names_is_read_once_by_its_own() {
    let folder = Folder::new();
    folder.write("z/dogs.md", "Dogs are welcome.");
    symlink("z/dogs.md", folder.file("a.md")).unwrap();
    symlink("z", folder.file("y")).unwrap();
    folder.write("hard.md", "Cats too.");
    std::fs::hard_link(folder.file("hard.md"), folder.file("harder.md")).unwrap();
    let (report, documents) = run(&folder).await;
    assert_eq!(documents.len(), 2, "{documents:?}");
    assert!(documents.contains(&"z/dogs.md".to_owned()), "{documents:?}");
    assert_eq!(report.quiet["further names of a file"], 2);
    assert!(report.is_complete());
}

#[tokio::test]
async fn pipes_sockets_and_devices_neither_hang_nor_break_it() {
    let folder = Folder::new();
    folder.write("dogs.md", "Dogs are welcome.");
    let pipe = folder.file("pipe.md");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let _socket = UnixListener::bind(folder.file("socket.md")).unwrap();
    symlink("pipe.md", folder.file("to-pipe.md")).unwrap();
    symlink("/dev/zero", folder.file("zero.txt")).unwrap();
    let (report, documents) = run(&folder).await;
    assert_eq!(documents, ["dogs.md"]);
    let expected = [
        ("pipe.md", "is a named pipe"),
        ("socket.md", "is a socket"),
        ("to-pipe.md", "is a named pipe"),
        ("zero.txt", "is a link that leads out of the directory"),
    ];
    assert_eq!(skipped(&report), expected);
}

#[tokio::test]
async fn a_pipe_as_the_source_is_refused_at_once() {
    let folder = Folder::new();
    let pipe = folder.file("pipe.md");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let embedder = Arc::new(FakeEmbedder::new());
    let index = Arc::new(EmbeddedIndex::in_memory(embedder.clone()));
    let failure = Ingestion::new(index, embedder).run(&pipe, |_| {}).await.unwrap_err();
    assert!(failure.message().contains("cannot be read"), "{failure}");
}

#[tokio::test]
async fn names_of_any_kind_stay_different() {
    let folder = Folder::new();
    for name in [&b"caf\xe9.md"[..], b"caf\xe8.md", b"Dogs.md", b"dogs.md", b"a\nb.md", b"DOGS.MD"]
    {
        std::fs::write(folder.path().join(OsStr::from_bytes(name)), "Text.").unwrap();
    }
    let (_, documents) = run(&folder).await;
    let expected = ["DOGS.MD", "Dogs.md", "a\nb.md", "caf\\xe8.md", "caf\\xe9.md", "dogs.md"];
    assert_eq!(documents, expected);
}

#[tokio::test]
async fn what_is_left_out_on_purpose_is_counted() {
    let folder = Folder::new();
    folder.write("dogs.md", "Dogs are welcome.");
    folder.write(".git/readme.md", "No.");
    folder.write(".hidden.md", "No.");
    folder.write("node_modules/a/readme.md", "No.");
    folder.write("__MACOSX/dogs.md", "No.");
    folder.write("~$menu.docx", "No.");
    let (report, documents) = run(&folder).await;
    assert_eq!(documents, ["dogs.md"]);
    let quiet: Vec<(&str, usize)> = report.quiet.into_iter().collect();
    let expected = [
        ("directories of tools", 2),
        ("files that programs left behind", 1),
        ("hidden files and directories", 2),
    ];
    assert_eq!(quiet, expected);
}

#[tokio::test]
async fn kinds_that_are_not_read_are_counted_and_make_the_report_incomplete() {
    let folder = Folder::new();
    folder.write("dogs.md", "Dogs are welcome.");
    for name in ["a.PNG", "b.png", "c.epub", "Makefile"] {
        folder.write(name, "x");
    }
    let (report, _) = run(&folder).await;
    let ignored: Vec<(&str, usize)> =
        report.ignored.iter().map(|(kind, count)| (kind.as_str(), *count)).collect();
    assert_eq!(ignored, [("", 1), (".epub", 1), (".png", 2)]);
    assert!(!report.is_complete());
}

#[tokio::test]
async fn directories_that_are_too_deep_are_named_and_the_others_read() {
    let folder = Folder::new();
    folder.write("dogs.md", "Dogs are welcome.");
    folder.write(&("d/".repeat(40) + "deep.md"), "Too deep.");
    let (report, documents) = run(&folder).await;
    assert_eq!(documents, ["dogs.md"]);
    assert_eq!(report.skipped.len(), 1);
    assert_eq!(report.skipped[0].1, "is more than 32 directories deep");
}

#[tokio::test]
async fn a_huge_file_is_refused_by_its_size() {
    let folder = Folder::new();
    folder.write("dogs.md", "Dogs are welcome.");
    let file = std::fs::File::create(folder.file("huge.txt")).unwrap();
    file.set_len(1 << 33).unwrap();
    let (report, documents) = run(&folder).await;
    assert_eq!(documents, ["dogs.md"]);
    assert!(report.failed[0].1.message().contains("10000 are allowed"));
}

#[tokio::test]
async fn what_cannot_be_visited_keeps_what_is_known_of_it() {
    let folder = Folder::new();
    let index = EmbeddedIndex::in_memory(Arc::new(FakeEmbedder::new()));
    folder.write("dogs.md", "Dogs are welcome.");
    folder.write("rooms/single.md", "A single room.");
    folder.write("rooms2/double.md", "A double room.");
    assert_eq!(again(&folder, &index).await.added, 3);
    // The directory gives way to a link that leads nowhere, as while a volume is not mounted.
    std::fs::remove_dir_all(folder.file("rooms")).unwrap();
    std::fs::remove_dir_all(folder.file("rooms2")).unwrap();
    symlink("missing", folder.file("rooms")).unwrap();
    let report = again(&folder, &index).await;
    assert_eq!((report.removed, report.skipped.len()), (1, 1));
    let documents: Vec<String> = index.documents().await.unwrap().into_keys().collect();
    assert_eq!(documents, ["dogs.md", "rooms/single.md"]);
}

#[tokio::test]
async fn a_file_that_vanishes_meanwhile_is_named() {
    let folder = Folder::new();
    folder.write("a.md", "Dogs are welcome.");
    folder.write("b.md", "Cats too.");
    let embedder = Arc::new(FakeEmbedder::new());
    let index = Arc::new(EmbeddedIndex::in_memory(embedder.clone()));
    let ingestion = Ingestion::new(index, embedder);
    let report = ingestion.run(folder.path(), |progress| {
        if progress.files == 0 && progress.document == "a.md" {
            let _ = std::fs::remove_file(folder.file("b.md"));
        }
    });
    let report = report.await.unwrap();
    assert_eq!(report.failed[0].1.message(), "vanished before it was read");
}
