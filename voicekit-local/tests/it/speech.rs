//! The recorded speech of `voicekit-testkit/speech`, as it is and as a telephone carries it.

use std::fs;
use std::path::{Path, PathBuf};

use voicekit_core::codec::mulaw;
use voicekit_core::dsp::resample::Resampler;

/// One recording at 16 kHz.
pub(crate) struct Recording {
    pub(crate) file: String,
    /// What is said.
    pub(crate) text: String,
    pub(crate) samples: Vec<i16>,
}

impl Recording {
    /// At 8 kHz, through mu-law.
    pub(crate) fn over_the_phone(&self) -> Vec<i16> {
        let mut narrow = Vec::new();
        let mut resampler = Resampler::new(16_000, 8_000).unwrap();
        resampler.process(&self.samples, &mut narrow);
        resampler.flush(&mut narrow);
        narrow.iter().map(|&sample| mulaw::decode_sample(mulaw::encode_sample(sample))).collect()
    }
}

/// All recordings that the README lists.
pub(crate) fn all() -> Vec<Recording> {
    let directory = directory();
    let readme = fs::read_to_string(directory.join("README.md")).unwrap();
    let rows = readme.lines().filter_map(|line| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, file, text, ..] = cells[..] else { return None };
        file.ends_with(".wav").then(|| (file.to_owned(), text.to_owned()))
    });
    let recordings: Vec<Recording> = rows
        .map(|(file, text)| Recording { samples: read(&directory.join(&file)), file, text })
        .collect();
    assert_eq!(recordings.len(), 12, "recordings listed in the README");
    recordings
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../voicekit-testkit/speech")
}

fn read(path: &Path) -> Vec<i16> {
    let file = fs::read(path).unwrap();
    let data = file.windows(4).position(|four| four == b"data").unwrap() + 8;
    file[data..].as_chunks().0.iter().map(|bytes| i16::from_le_bytes(*bytes)).collect()
}
