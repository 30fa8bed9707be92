//! Uploads, and stores that fail.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;
use voicekit_core::error::ErrorKind;
use voicekit_core::transport::CallInfo;
use voicekit_store::recordings::{Recordings, RecordingsConfig};

use crate::directory::{Directory, has_seconds, seconds};
use crate::flaky::Flaky;

/// More than two parts.
const LONG: u64 = 300;

fn call(id: &str) -> CallInfo {
    CallInfo::new(id)
}

fn over(store: &Flaky, spool: &Directory) -> Recordings {
    Recordings::over(Arc::new(store.clone()), "calls", spool.config()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_recording_goes_to_its_day_and_leaves_the_spool() {
    let (store, spool) = (Flaky::default(), Directory::new());
    for (id, length, key) in
        [("CA1", 3, "calls/2026/01/31/CA1.wav"), ("CA2", LONG, "calls/2026/01/31/CA2.wav")]
    {
        let recorded = over(&store, &spool).record(&call(id), seconds(length)).await.unwrap();
        assert_eq!(recorded.key, key);
        assert_eq!(recorded.duration, Duration::from_secs(length));
        assert_eq!(recorded.bytes, 44 + length * 64_000);
        assert!(recorded.lacks.is_nothing());
        has_seconds(&store.read(key).await, length);
        assert!(spool.files().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn what_fails_is_tried_again_with_growing_waits() {
    for (length, waited) in [(3, 3), (LONG, 3)] {
        let (store, spool) = (Flaky::default(), Directory::new());
        if length == LONG {
            store.faults.parts.store(1, Ordering::Relaxed);
            store.faults.completions.store(1, Ordering::Relaxed);
        } else {
            store.faults.heads.store(1, Ordering::Relaxed);
            store.faults.puts.store(1, Ordering::Relaxed);
        }
        let begun = Instant::now();
        let recorded = over(&store, &spool).record(&call("CA1"), seconds(length)).await.unwrap();
        assert_eq!(begun.elapsed().as_secs(), waited);
        has_seconds(&store.read(&recorded.key).await, length);
        assert_eq!(store.keys(), ["calls/2026/01/31/CA1.wav"]);
        assert_eq!(
            store.faults.aborted.load(Ordering::Relaxed),
            if length == LONG { 2 } else { 0 }
        );
        assert!(spool.files().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn what_fails_for_good_stays_in_the_spool_until_it_is_recovered() {
    let (store, spool) = (Flaky::default(), Directory::new());
    store.faults.puts.store(3, Ordering::Relaxed);
    let recordings = over(&store, &spool);
    let error = recordings.record(&call("CA1"), seconds(3)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection);
    assert_eq!(spool.files(), ["2026-01-31.CA1.wav"]);
    assert!(store.keys().is_empty());

    store.faults.puts.store(3, Ordering::Relaxed);
    let recovered = recordings.recover().await.unwrap();
    assert_eq!((recovered.uploaded.len(), recovered.left.len()), (0, 1));
    assert_eq!(spool.files(), ["2026-01-31.CA1.wav"]);

    let recovered = recordings.recover().await.unwrap();
    assert_eq!(recovered.uploaded[0].duration, Duration::from_secs(3));
    has_seconds(&store.read("calls/2026/01/31/CA1.wav").await, 3);
    assert!(spool.files().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_recording_never_replaces_another() {
    let (store, spool) = (Flaky::default(), Directory::new());
    let recordings = over(&store, &spool);
    for length in 1..=3 {
        recordings.record(&call("CA1"), seconds(length)).await.unwrap();
    }
    let (fourth, fifth) = (call("CA1"), call("CA1"));
    let both =
        tokio::join!(recordings.record(&fourth, seconds(4)), recordings.record(&fifth, seconds(5)));
    let mut lengths = Vec::new();
    for key in store.keys() {
        lengths.push((store.read(&key).await.len() as u64 - 44) / 64_000);
    }
    lengths.sort_unstable();
    assert_eq!(lengths, [1, 2, 3, 4, 5]);
    assert_ne!(both.0.unwrap().key, both.1.unwrap().key);
}

#[tokio::test(start_paused = true)]
async fn an_id_that_climbs_does_not_leave_the_directory() {
    let outside = Directory::new();
    let inside = outside.path().join("calls");
    let config = RecordingsConfig::default().with_clock(crate::directory::clock);
    let recordings = Recordings::with_config(inside.to_str().unwrap(), config).unwrap();
    for id in ["../../up", "/etc/passwd", "..", "a\\b", ""] {
        recordings.record(&call(id), seconds(1)).await.unwrap();
    }
    assert_eq!(
        outside.files(),
        ["==", "=2E=2E", "=2E=2E=2F=2E=2E=2Fup", "=2Fetc=2Fpasswd", "a=5Cb"]
            .map(|name| format!("calls/2026/01/31/{}.wav", if name == "==" { "=" } else { name }))
    );
}

#[tokio::test]
async fn what_cannot_be_opened_is_explained() {
    for (url, hint) in [
        ("ftp://host/x", "ftp:// is not known"),
        ("s3://", "s3://"),
        ("file://host/x", "path of this machine"),
        ("", "no name"),
        ("s3://bucket/a//b", "prefix"),
    ] {
        let spool = Directory::new();
        let error = Recordings::with_config(url, spool.config()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{url}");
        assert!(error.to_string().contains(hint), "{url}: {error}");
    }
    let spool = Directory::new();
    std::fs::write(spool.path().join("file"), "x").unwrap();
    let below = spool.path().join("file").join("calls");
    let error = Recordings::open(below.to_str().unwrap()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal);
    assert!(Recordings::with_config("memory:///", spool.config()).is_ok());
}

#[test]
fn no_option_is_shown() {
    let config = RecordingsConfig::default().with_option("aws_secret_access_key", "hush");
    assert!(!format!("{config:?}").contains("hush"));
    assert!(format!("{config:?}").contains("aws_secret_access_key"));
}
