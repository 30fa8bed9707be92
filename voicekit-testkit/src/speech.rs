//! The recorded speech of `voicekit-testkit/speech`, as it is and as a telephone carries it.

use std::fs;
use std::path::Path;

use voicekit_core::codec::mulaw;
use voicekit_core::dsp::resample::Resampler;
use voicekit_core::record::wav::Wav;

/// One recording at 16 kHz.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Recording {
    /// Its file name.
    pub file: String,
    /// What is said.
    pub text: String,
    /// Linear samples at 16 kHz.
    pub samples: Vec<i16>,
}

impl Recording {
    /// At 8 kHz, through mu-law.
    ///
    /// # Panics
    ///
    /// Never: the rates have a ratio of two.
    #[expect(clippy::expect_used, reason = "the rates have a ratio of two")]
    pub fn over_the_phone(&self) -> Vec<i16> {
        let mut narrow = Vec::new();
        let mut resampler = Resampler::new(16_000, 8_000).expect("a ratio of two");
        resampler.process(&self.samples, &mut narrow);
        resampler.flush(&mut narrow);
        narrow.iter().map(|&sample| mulaw::decode_sample(mulaw::encode_sample(sample))).collect()
    }
}

/// All recordings that `voicekit-testkit/speech/README.md` lists, with their texts.
///
/// # Panics
///
/// If a recording is missing: it is part of the repository.
#[expect(clippy::expect_used, reason = "the recordings are part of the repository")]
pub fn all() -> Vec<Recording> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("speech");
    let rows = include_str!("../speech/README.md").lines().filter_map(|line| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, file, text, ..] = cells[..] else { return None };
        file.ends_with(".wav").then(|| (file.to_owned(), text.to_owned()))
    });
    let read = |file: &str| {
        let bytes = fs::read(directory.join(file)).expect("the recording is in the repository");
        Wav::parse(&bytes).expect("the recording is a WAV file").channel(0)
    };
    rows.map(|(file, text)| Recording { samples: read(&file), file, text }).collect()
}

/// The recording with this file name.
///
/// # Panics
///
/// If there is none.
#[expect(clippy::expect_used, reason = "the names are written in tests")]
pub fn recording(file: &str) -> Recording {
    all().into_iter().find(|recording| recording.file == file).expect("a recording of this name")
}
