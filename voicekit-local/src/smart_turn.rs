//! smart-turn v3.2: does this sound like the end of a turn?
//!
//! A small network (Daily, BSD-2-Clause) that listens to intonation and tempo, not to words: the
//! encoder of Whisper tiny over the last 8 s, of which a probability remains. Ask it once the
//! caller pauses, with the pause so far: it was trained with about 200 ms of it.
//!
//! It is a bias, not a judge: on real speech over the phone, from 0.5 on, it takes 91 % of turns
//! that are over for finished, and 53 % of pauses too; from 0.97 on, 62 % and 23 %.
//! [`endpoint`](voicekit_core::turn::endpoint) makes a waiting time of that. Give it the whole turn.
//!
//! The file is for processors that multiply 8-bit numbers. Here floating point is multiplied, and
//! the rounding between the layers is left out: a third faster, and no worse at telling ends from
//! pauses (area under the curve 0.783, not 0.774). Probabilities are higher than with rounding.

use std::path::Path;
use std::sync::Arc;
use std::{fmt, fs};

use async_trait::async_trait;
use rten::{Model, ModelOptions};
use rten_tensor::prelude::*;
use rten_tensor::{NdTensor, NdTensorView};
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_core::turn::{Heard, TurnDetector};

use crate::inference::{self, Lane};
use crate::mel::{self, Spectrogram};
use crate::onnx;

const SERVICE: &str = "smart-turn";
const FILE: &str = "smart-turn-v3.2-cpu.onnx";
/// What the network sees, in samples at 16 kHz and in rows of the spectrogram: 8 s.
const SAMPLES: usize = 8 * mel::RATE_HZ as usize;
const ROWS: usize = SAMPLES / mel::HOP;
/// Samples mirrored at the end, for the last row: half a window, as at the start.
const MIRRORED: usize = 200;

/// The detector. Loading takes some 50 ms; clones share the network, and one serves all calls.
///
/// ```no_run
/// # async fn ask(caller: Vec<i16>) -> voicekit_core::error::Result<()> {
/// use voicekit_core::turn::{Heard, TurnDetector};
/// use voicekit_local::models::{Model, Models};
/// use voicekit_local::smart_turn::SmartTurn;
///
/// let models = Models::in_default_directory()?;
/// let detector = SmartTurn::load(&models.path(&Model::smart_turn()))?;
/// let finished = detector.end_of_turn(&Heard::new(caller, 8_000, "I would like to")).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SmartTurn {
    network: Arc<Network>,
}

struct Network {
    model: Model,
    spectrogram: Spectrogram,
}

impl SmartTurn {
    /// Loads `smart-turn-v3.2-cpu.onnx` from `directory`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if the file cannot be read or is not that model.
    pub fn load(directory: &Path) -> Result<Self> {
        let path = directory.join(FILE);
        let broken = |source: Box<dyn std::error::Error + Send + Sync>| {
            let message = format!("cannot load {}", path.display());
            Error::new(ErrorKind::Config, SERVICE, message).with_source(source)
        };
        let file = fs::read(&path).map_err(|error| broken(error.into()))?;
        let file = onnx::without_rounding(&file).ok_or_else(|| broken("no ONNX file".into()))?;
        let mut options = ModelOptions::with_all_ops();
        let model = options.prepack_weights(true).load(file);
        let model = model.map_err(|error| broken(error.into()))?;
        Ok(Self { network: Arc::new(Network { model, spectrogram: Spectrogram::new() }) })
    }

    /// How likely it is that the caller has finished, 0 to 1, from the last 8 s of `samples` at
    /// 8,000 or 16,000 Hz. Blocks for about a tenth of a second: not for an async task.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`] for another rate; [`ErrorKind::Internal`] if the network fails.
    pub fn probability(&self, samples: &[i16], rate_hz: u32) -> Result<f32> {
        self.network.judge(&last_seconds(samples, rate_hz)?, &Lane::private())
    }
}

#[async_trait]
impl TurnDetector for SmartTurn {
    async fn end_of_turn(&self, heard: &Heard) -> Result<f32> {
        let audio = last_seconds(&heard.samples, heard.rate_hz)?;
        let network = Arc::clone(&self.network);
        inference::run(move |lane| network.judge(&audio, lane)).await?
    }
}

impl Network {
    fn judge(&self, audio: &[f32], lane: &Lane) -> Result<f32> {
        let rows = self.spectrogram.of(audio, ROWS);
        let bands = NdTensorView::from_data([1, ROWS, mel::BANDS], rows.as_slice());
        let bands: NdTensor<f32, 3> = bands.permuted([0, 2, 1]).to_tensor();
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| {
            Error::new(ErrorKind::Internal, SERVICE, "the network failed").with_source(source)
        };
        let output = self.model.run_one(bands.into(), Some(lane.options()));
        let output = output.map_err(|error| failed(error.into()))?;
        let output: NdTensor<f32, 2> =
            output.try_into().map_err(|error| failed(Box::new(error)))?;
        let probability = output.get([0, 0]).copied().filter(|p| p.is_finite());
        let probability = probability.ok_or_else(|| failed("it gave no number".into()))?;
        Ok(probability.clamp(0.0, 1.0))
    }
}

impl fmt::Debug for SmartTurn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmartTurn").finish_non_exhaustive()
    }
}

/// The last 8 s at 16 kHz after silence for what is missing, of mean 0 and variance 1, and the
/// mirrored end.
fn last_seconds(samples: &[i16], rate_hz: u32) -> Result<Vec<f32>> {
    let most = SAMPLES / (mel::RATE_HZ / rate_hz.clamp(1, mel::RATE_HZ)) as usize;
    let wide = mel::wide_band(&samples[samples.len().saturating_sub(most)..], rate_hz, SERVICE)?;
    let wide = &wide[wide.len().saturating_sub(SAMPLES)..];
    let mut audio = vec![0.0; SAMPLES - wide.len()];
    audio.extend_from_slice(wide);
    normalise(&mut audio);
    let mirrored: Vec<f32> = audio.iter().rev().skip(1).take(MIRRORED).copied().collect();
    audio.extend(mirrored);
    Ok(audio)
}

fn normalise(audio: &mut [f32]) {
    /// Keeps silence silent.
    const LEAST: f32 = 1e-7;
    let count = audio.len() as f32;
    let mean = audio.iter().sum::<f32>() / count;
    let variance = audio.iter().map(|sample| (sample - mean).powi(2)).sum::<f32>() / count;
    let scale = (variance + LEAST).sqrt().recip();
    for sample in audio {
        *sample = (*sample - mean) * scale;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_model_is_a_configuration_error_that_names_the_file() {
        let error = SmartTurn::load(Path::new("/nowhere")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("/nowhere/smart-turn-v3.2-cpu.onnx"), "{error}");
    }

    #[test]
    fn a_file_that_is_no_model_is_a_configuration_error() {
        let directory = std::env::temp_dir().join(format!("smart-turn-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join(FILE), b"no model").unwrap();
        let result = SmartTurn::load(&directory);
        fs::remove_dir_all(&directory).unwrap();
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Config);
    }

    #[test]
    fn the_network_sees_the_last_eight_seconds_after_silence() {
        for (rate_hz, seconds) in [(8_000_u32, 0), (8_000, 3), (8_000, 9), (16_000, 3), (16_000, 9)]
        {
            let tone = [8_000_i16, 0, -8_000, 0];
            let count = rate_hz as usize * seconds;
            let samples: Vec<i16> = tone.into_iter().cycle().take(count).collect();
            let audio = last_seconds(&samples, rate_hz).unwrap();
            assert_eq!(audio.len(), SAMPLES + MIRRORED);
            let silent = SAMPLES - (seconds * mel::RATE_HZ as usize).min(SAMPLES);
            let quiet = audio[..silent.saturating_sub(100)].iter().all(|s| s.abs() < 1e-3);
            assert!(quiet, "{seconds} s at {rate_hz} Hz");
            assert_eq!(audio[SAMPLES], audio[SAMPLES - 2]);
            if seconds > 0 {
                let power = audio[..SAMPLES].iter().map(|s| s * s).sum::<f32>() / SAMPLES as f32;
                assert!((power - 1.0).abs() < 1e-2, "{power}");
            }
        }
    }

    #[test]
    fn other_rates_are_refused() {
        for rate_hz in [0, 44_100, 48_000] {
            assert_eq!(last_seconds(&[0], rate_hz).unwrap_err().kind(), ErrorKind::Unsupported);
        }
    }
}
