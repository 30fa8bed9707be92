//! What a crash leaves behind.

use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};
use voicekit_core::audio::{AudioChunk, AudioFormat, Encoding};
use voicekit_core::listen::{AudioEvent, CallAudio};
use voicekit_core::record::wav::Wav;
use voicekit_core::time::{MediaTime, Timestamp};
use voicekit_core::transport::CallInfo;
use voicekit_store::recordings::Recordings;

use crate::directory::{Directory, has_seconds, seconds};
use crate::flaky::Flaky;

fn over(store: &Flaky, spool: &Directory) -> Recordings {
    Recordings::over(Arc::new(store.clone()), "", spool.config()).unwrap()
}

/// A call that goes on, of which so many frames have been heard.
fn going_on(frames: u64) -> CallAudio {
    let events = (0..frames).map(|frame| {
        let at = MediaTime { samples: frame * 160, rate_hz: 8_000 };
        let chunk = AudioChunk::new(AudioFormat::PHONE, vec![0x42; 160]).unwrap();
        AudioEvent::caller(at, Timestamp::ZERO, chunk)
    });
    CallAudio::new(AudioFormat::PHONE, stream::iter(events).chain(stream::pending()))
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_process_dies_is_uploaded_at_the_next_start() {
    let (store, spool) = (Flaky::default(), Directory::new());
    let recordings = over(&store, &spool);
    let call = CallInfo::new("CA1");
    let recording = recordings.record(&call, going_on(500));
    // Dropping it is what a crash does to it.
    assert!(tokio::time::timeout(Duration::from_secs(1), recording).await.is_err());
    assert_eq!(spool.files(), ["2026-01-31.CA1.wav"]);

    let recovered = over(&store, &spool).recover().await.unwrap();
    assert_eq!(recovered.uploaded[0].key, "2026/01/31/CA1.wav");
    let file = store.read("2026/01/31/CA1.wav").await;
    let wav = Wav::parse(&file).unwrap();
    assert_eq!((wav.format(), wav.channels()), (AudioFormat::PHONE, 2));
    assert!(wav.frames() >= 499 * 160 - 8_000, "{}", wav.frames());
    assert!(wav.data().chunks(2).all(|frame| frame == [0x42, 0xFF]));
    assert!(spool.files().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_being_recorded_is_left_alone() {
    let (store, spool) = (Flaky::default(), Directory::new());
    let recordings = over(&store, &spool);
    let running = tokio::spawn({
        let recordings = recordings.clone();
        async move { recordings.record(&CallInfo::new("CA1"), going_on(500)).await }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    let recovered = over(&store, &spool).recover().await.unwrap();
    assert!(recovered.uploaded.is_empty() && recovered.left.is_empty());
    assert_eq!(spool.files().len(), 1);
    running.abort();
}

#[tokio::test(start_paused = true)]
async fn a_file_that_was_cut_short_anywhere_is_recovered_with_all_its_sound() {
    for encoding in [Encoding::Pcm16, Encoding::MuLaw] {
        let whole = {
            let (store, spool) = (Flaky::default(), Directory::new());
            let config = spool.config().with_encoding(encoding);
            let recordings = Recordings::over(Arc::new(store.clone()), "", config).unwrap();
            let key = recordings.record(&CallInfo::new("x"), seconds(1)).await.unwrap().key;
            store.read(&key).await
        };
        let header = whole.len() - Wav::parse(&whole).unwrap().data().len();
        let frame = 2 * encoding.bytes_per_sample();
        // As it was before the sizes were known.
        let mut open = whole.to_vec();
        let sizes: &[usize] = if encoding == Encoding::Pcm16 { &[4, 40] } else { &[4, 46, 54] };
        sizes.iter().for_each(|at| open[*at..at + 4].fill(0xFF));
        let ends = (0..header + 2 * frame + 1).chain((header..open.len()).step_by(997));
        let (store, spool) = (Flaky::default(), Directory::new());
        let mut with_sound = 0;
        for end in ends {
            let path = spool.path().join(format!("2026-01-31.at-{end}.wav"));
            std::fs::write(path, &open[..end]).unwrap();
            with_sound += usize::from(end >= header + frame);
        }
        let recovered = over(&store, &spool).recover().await.unwrap();
        assert_eq!(recovered.left.len(), 0, "{:?}", recovered.left);
        assert!(spool.files().is_empty());
        assert_eq!(recovered.uploaded.len(), store.keys().len());
        assert_eq!(store.keys().len(), with_sound);
        for key in store.keys() {
            let end: usize =
                key.rsplit("at-").next().unwrap()[..].trim_end_matches(".wav").parse().unwrap();
            let file = store.read(&key).await;
            let wav = Wav::parse(&file).unwrap();
            assert!(!wav.is_truncated());
            let sound = (end - header) / frame * frame;
            assert_eq!(wav.data(), &whole[header..header + sound], "cut at {end}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_file_of_somebody_elses_is_left_where_it_is() {
    let (store, spool) = (Flaky::default(), Directory::new());
    let files = ["2026-01-31.x.wav", "notes.txt", "x.wav"];
    for name in files {
        std::fs::write(spool.path().join(name), [7; 500]).unwrap();
    }
    let recovered = over(&store, &spool).recover().await.unwrap();
    assert_eq!((recovered.uploaded.len(), recovered.left.len()), (0, 1));
    assert_eq!(spool.files(), files);
}

#[tokio::test]
async fn a_spool_that_was_cleaned_away_is_made_again() {
    let (store, directory) = (Flaky::default(), Directory::new());
    let spool = directory.path().join("a/spool");
    let config = directory.config().with_spool(&spool);
    let recordings = Recordings::over(Arc::new(store.clone()), "", config).unwrap();
    for gone in [spool.clone(), directory.path().join("a")] {
        std::fs::remove_dir_all(&gone).unwrap();
        assert_eq!(recordings.recover().await.unwrap().uploaded.len(), 0);
        recordings.record(&CallInfo::new("CA1"), seconds(2)).await.unwrap();
    }
    assert_eq!(store.keys(), ["2026/01/31/CA1.2.wav", "2026/01/31/CA1.wav"]);
    has_seconds(&store.read("2026/01/31/CA1.2.wav").await, 2);
}
