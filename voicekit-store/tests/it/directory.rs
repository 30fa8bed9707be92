//! Directories of tests.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use futures::stream;
use voicekit_core::audio::{AudioChunk, AudioFormat};
use voicekit_core::listen::{AudioEvent, CallAudio};
use voicekit_core::record::wav::Wav;
use voicekit_core::retry::RetryPolicy;
use voicekit_core::time::{MediaTime, Timestamp};
use voicekit_store::recordings::RecordingsConfig;

/// The last day of January 2026.
pub(crate) fn clock() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_769_860_799)
}

/// A directory that is gone when it is dropped.
pub(crate) struct Directory(PathBuf);

impl Directory {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("voicekit-store-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn url(&self) -> String {
        self.0.to_str().unwrap().to_owned()
    }

    /// All files below it, sorted.
    pub(crate) fn files(&self) -> Vec<String> {
        let mut files = Vec::new();
        let mut directories = vec![self.0.clone()];
        while let Some(directory) = directories.pop() {
            for entry in std::fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    directories.push(path);
                } else {
                    let path = path.strip_prefix(&self.0).unwrap();
                    files.push(path.to_str().unwrap().to_owned());
                }
            }
        }
        files.sort();
        files
    }

    /// Spools here, tries thrice.
    pub(crate) fn config(&self) -> RecordingsConfig {
        RecordingsConfig::default()
            .with_spool(&self.0)
            .with_clock(clock)
            .with_retry(RetryPolicy::after([Duration::from_secs(1), Duration::from_secs(2)]))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

/// So many seconds at 16 kHz, 64 kB each as a recording.
pub(crate) fn seconds(seconds: u64) -> CallAudio {
    let format = AudioFormat::pcm16(16_000);
    let events = (0..seconds).map(move |second| {
        let value = i16::try_from(second % 100).unwrap() + 1;
        let at = MediaTime { samples: second * 16_000, rate_hz: 16_000 };
        let chunk = AudioChunk::from_pcm(16_000, &vec![value; 16_000]);
        AudioEvent::caller(at, Timestamp::ZERO, chunk)
    });
    CallAudio::new(format, stream::iter(events))
}

/// Whether `file` is what [`seconds`] makes.
pub(crate) fn has_seconds(file: &[u8], seconds: u64) {
    let wav = Wav::parse(file).unwrap();
    assert!(!wav.is_truncated());
    let caller = wav.channel(0);
    assert_eq!(caller.len() as u64, seconds * 16_000);
    for (second, samples) in caller.chunks(16_000).enumerate() {
        let value = i16::try_from(second % 100).unwrap() + 1;
        assert!(samples.iter().all(|sample| *sample == value), "second {second}");
    }
}
