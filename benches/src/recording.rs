//! A recorded call: the caller on channel 0, the agent on channel 1.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use voicekit_core::codec::mulaw;
use voicekit_core::record::wav::Wav;

use crate::labels::{self, Label};

/// Samples a second.
pub const RATE_HZ: u32 = 8_000;

/// A call as the carrier delivers it: both channels have been through mu-law.
#[derive(Debug)]
#[non_exhaustive]
pub struct Recording {
    /// The file's name without its ending.
    pub name: String,
    /// The caller's side.
    pub caller: Vec<i16>,
    /// What the agent says, as long as the caller's side; empty if the file is mono.
    pub agent: Vec<i16>,
    /// What the recording holds, if that was asked for.
    pub labels: Vec<Label>,
}

impl Recording {
    /// Reads a WAV file at 8 kHz: 16-bit PCM, mu-law or A-law, mono or stereo. With `labelled`,
    /// also the label track of the same name ending in `.txt`.
    ///
    /// # Errors
    ///
    /// Whatever is wrong with a file, with its name.
    pub fn read(path: &Path, labelled: bool) -> Result<Self> {
        let shown = path.display();
        let bytes = fs::read(path).with_context(|| format!("cannot read {shown}"))?;
        let wav = Wav::parse(&bytes).with_context(|| format!("{shown}"))?;
        let rate_hz = wav.format().rate_hz;
        ensure!(rate_hz == RATE_HZ, "{shown}: {rate_hz} samples a second, not {RATE_HZ}");
        ensure!(wav.frames() > 0, "{shown}: there is no audio in it");
        let labels = if labelled { read_labels(&path.with_extension("txt"))? } else { Vec::new() };
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let (caller, agent) = (coded(&wav.channel(0)), coded(&wav.channel(1)));
        Ok(Self { name, caller, agent, labels })
    }

    /// Its length in seconds.
    pub fn seconds(&self) -> f64 {
        self.caller.len() as f64 / f64::from(RATE_HZ)
    }
}

/// The WAV files in `directory`, in the order of their names; or `directory` itself if it is one.
///
/// # Errors
///
/// If the directory cannot be read or there is none in it.
pub fn find(directory: &Path) -> Result<Vec<PathBuf>> {
    let shown = directory.display();
    if directory.is_file() {
        return Ok(vec![directory.to_owned()]);
    }
    let entries = fs::read_dir(directory).with_context(|| format!("cannot read {shown}"))?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    let mut files =
        paths.collect::<Result<Vec<PathBuf>, _>>().with_context(|| shown.to_string())?;
    files.retain(|path| path.extension().is_some_and(|kind| kind.eq_ignore_ascii_case("wav")));
    if files.is_empty() {
        bail!("{shown}: there is no WAV file in it");
    }
    files.sort();
    Ok(files)
}

fn read_labels(path: &Path) -> Result<Vec<Label>> {
    let track = fs::read_to_string(path);
    let track = track.with_context(|| format!("cannot read the labels {}", path.display()))?;
    labels::parse(&track).with_context(|| path.display().to_string())
}

fn coded(samples: &[i16]) -> Vec<i16> {
    samples.iter().map(|&s| mulaw::decode_sample(mulaw::encode_sample(s))).collect()
}
