//! A Piper voice: its settings, its network, and the network cut in two.
//!
//! The first half of VITS turns phonemes into latent frames and says how long each phoneme lasts;
//! it takes a seventh of the time. The decoder turns frames into sound and looks only a few frames
//! around itself, so that it can be run on a stretch at a time: the first sound of a sentence is
//! ready long before the last.

use std::collections::BTreeMap;
use std::ops::Range;

use misaki_rs::Language;
use rten::{Model, ModelOptions, NodeId, Value, ValueOrView};
use serde::Deserialize;
use voicekit_core::error::{Error, ErrorKind, Result};

use super::graph;
use super::phonemes::{Ids, Phonemes};
use super::spoken::Piece;
use crate::inference::Lane;

/// Frames on either side that a frame's sound depends on: the receptive field of the HiFi-GAN
/// decoders that Piper trains is 11 frames (medium) to 13 (high).
const CONTEXT: usize = 14;

/// A voice that is loaded.
#[derive(Debug)]
pub(super) struct Voice {
    network: Network,
    phonemes: Phonemes,
    scales: [f32; 3],
    speakers: u32,
    pub(super) rate_hz: u32,
}

/// A sentence between the two halves of the network.
#[derive(Debug)]
pub(super) struct Latent {
    /// Channel by channel, `frames` values each.
    values: Vec<f32>,
    channels: usize,
    /// How many frames there are.
    pub(super) frames: usize,
    /// The frames in which each piece sounds.
    pub(super) pieces: Vec<Option<Range<usize>>>,
}

struct Network {
    model: Model,
    input: NodeId,
    lengths: NodeId,
    scales: NodeId,
    speaker: Option<NodeId>,
    durations: NodeId,
    latent: NodeId,
    output: NodeId,
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Network").finish_non_exhaustive()
    }
}

/// The voice's `.onnx.json`, as far as it matters here.
#[derive(Debug, Deserialize)]
struct Settings {
    audio: AudioSettings,
    espeak: EspeakSettings,
    #[serde(default)]
    inference: Scales,
    #[serde(default = "one_speaker")]
    num_speakers: u32,
    phoneme_id_map: BTreeMap<char, Vec<i32>>,
    #[serde(default = "espeak")]
    phoneme_type: String,
}

#[derive(Debug, Deserialize)]
struct AudioSettings {
    sample_rate: u32,
}

#[derive(Debug, Deserialize)]
struct EspeakSettings {
    voice: String,
}

/// Piper's own defaults: `noise_scale` 0.667, `length_scale` 1, `noise_w` 0.8.
#[derive(Debug, Deserialize)]
#[serde(default)]
struct Scales {
    noise_scale: f32,
    length_scale: f32,
    noise_w: f32,
}

impl Default for Scales {
    fn default() -> Self {
        Self { noise_scale: 0.667, length_scale: 1.0, noise_w: 0.8 }
    }
}

fn one_speaker() -> u32 {
    1
}

fn espeak() -> String {
    "espeak".to_owned()
}

impl Voice {
    /// Loads a voice from its ONNX file and its settings.
    ///
    /// # Errors
    ///
    /// `Config` if either is not what Piper writes, `Unsupported` if the voice is not English.
    pub(super) fn new(onnx: &[u8], settings: &str) -> Result<Self> {
        let settings: Settings = serde_json::from_str(settings)
            .map_err(|error| config("the voice's settings cannot be read").with_source(error))?;
        let language = settings.language()?;
        if !(8_000..=48_000).contains(&settings.audio.sample_rate) {
            return Err(config("audio.sample_rate must be 8000 to 48000"));
        }
        let Scales { noise_scale, length_scale, noise_w } = settings.inference;
        let network = Network::new(onnx)?;
        if settings.num_speakers > 1 && network.speaker.is_none() {
            return Err(config("num_speakers is above 1 but the network takes no speaker"));
        }
        Ok(Self {
            network,
            phonemes: Phonemes::new(language, settings.phoneme_id_map),
            scales: [noise_scale, length_scale, noise_w],
            speakers: settings.num_speakers,
            rate_hz: settings.audio.sample_rate,
        })
    }

    /// The same voice at another speed: 2.0 takes half the time.
    pub(super) fn set_speed(&mut self, speed: f32) {
        self.scales[1] /= speed;
    }

    /// Whether the voice has a speaker with this number.
    pub(super) fn has_speaker(&self, speaker: u32) -> bool {
        speaker < self.speakers.max(1)
    }

    /// The first half: `pieces` as latent frames. `None` if there is nothing to pronounce.
    ///
    /// # Errors
    ///
    /// `Internal` if the network does not run.
    pub(super) fn plan(
        &self,
        pieces: &[Piece],
        speaker: u32,
        lane: &Lane,
    ) -> Result<Option<Latent>> {
        let ids = self.phonemes.ids(pieces);
        if ids.ids.is_empty() {
            return Ok(None);
        }
        let network = &self.network;
        let count = ids.ids.len();
        let mut inputs: Vec<(NodeId, ValueOrView<'_>)> = vec![
            (network.input, ints(&[1, count], ids.ids.clone())?),
            (network.lengths, ints(&[1], vec![i32::try_from(count).unwrap_or(i32::MAX)])?),
            (network.scales, floats(&[3], self.scales.to_vec())?),
        ];
        if let Some(id) = network.speaker {
            let speaker = i32::try_from(speaker).unwrap_or_default();
            inputs.push((id, ints(&[1], vec![speaker])?));
        }
        let outputs = [network.latent, network.durations];
        let [latent, durations] =
            network.model.run_n(inputs, outputs, Some(lane.options())).map_err(broken)?;
        let ([_, channels, frames], values) = latent.into_shape_vec::<f32, 3>().map_err(broken)?;
        let (_, durations) = durations.into_shape_vec::<f32, 3>().map_err(broken)?;
        let pieces = lengths(&ids, &durations, pieces.len());
        Ok(Some(Latent { values, channels, frames, pieces }))
    }

    /// The second half: the sound of `frames` of a sentence, as linear samples.
    ///
    /// # Errors
    ///
    /// `Internal` if the network does not run.
    pub(super) fn decode(
        &self,
        latent: &Latent,
        frames: Range<usize>,
        speaker: u32,
        lane: &Lane,
    ) -> Result<Vec<i16>> {
        let seen = frames.start.saturating_sub(CONTEXT)..(frames.end + CONTEXT).min(latent.frames);
        let mut values = Vec::with_capacity(latent.channels * seen.len());
        for channel in latent.values.chunks_exact(latent.frames) {
            values.extend_from_slice(&channel[seen.clone()]);
        }
        let network = &self.network;
        let shape = [1, latent.channels, seen.len()];
        let mut inputs: Vec<(NodeId, ValueOrView<'_>)> =
            vec![(network.latent, floats(&shape, values)?)];
        if let Some(id) = network.speaker {
            let speaker = i32::try_from(speaker).unwrap_or_default();
            inputs.push((id, ints(&[1], vec![speaker])?));
        }
        let [sound] =
            network.model.run_n(inputs, [network.output], Some(lane.options())).map_err(broken)?;
        let (_, sound) = sound.into_shape_vec::<f32, 4>().map_err(broken)?;
        let hop = sound.len() / seen.len().max(1);
        let from = (frames.start - seen.start) * hop;
        let sound = sound.get(from..from + frames.len() * hop).unwrap_or_default();
        Ok(sound.iter().map(|sample| pcm(*sample)).collect())
    }
}

impl Settings {
    fn language(&self) -> Result<Language> {
        let unsupported = |message| Err(Error::new(ErrorKind::Unsupported, "piper", message));
        if self.phoneme_type != "espeak" {
            return unsupported("phoneme_type must be espeak");
        }
        match self.espeak.voice.as_str() {
            "en-us" | "en" => Ok(Language::EnglishUS),
            british if british.starts_with("en-gb") => Ok(Language::EnglishGB),
            _ => unsupported("only voices for English (espeak.voice en-us or en-gb) can be used"),
        }
    }
}

impl Network {
    fn new(onnx: &[u8]) -> Result<Self> {
        let graph = graph::prepare(onnx)
            .map_err(|error| config("the file is not a Piper voice").with_source(error))?;
        let mut options = ModelOptions::with_all_ops();
        options.prepack_weights(true);
        let model = options
            .load(graph.onnx)
            .map_err(|error| config("the voice's network cannot be loaded").with_source(error))?;
        let node = |name: &str| {
            let lacking = || config(format!("the voice's network has no value {name:?}"));
            model.find_node(name).ok_or_else(lacking)
        };
        Ok(Self {
            input: node("input")?,
            lengths: node("input_lengths")?,
            scales: node("scales")?,
            speaker: model.find_node("sid"),
            durations: node(&graph.durations)?,
            latent: node(&graph.latent)?,
            output: node("output")?,
            model,
        })
    }
}

/// Where each piece sounds, from the lengths of its phonemes.
fn lengths(ids: &Ids, durations: &[f32], pieces: usize) -> Vec<Option<Range<usize>>> {
    let mut spans: Vec<Option<Range<usize>>> = vec![None; pieces];
    let mut at = 0;
    for (piece, frames) in ids.pieces.iter().zip(durations) {
        let end = at + whole(*frames);
        if let Some(span) = piece.and_then(|piece| spans.get_mut(piece)) {
            span.get_or_insert(at..end).end = end;
        }
        at = end;
    }
    spans
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
fn whole(frames: f32) -> usize {
    frames as usize
}

#[expect(clippy::cast_possible_truncation, reason = "`as` saturates")]
fn pcm(sample: f32) -> i16 {
    (sample * f32::from(i16::MAX)) as i16
}

fn ints(shape: &[usize], data: Vec<i32>) -> Result<ValueOrView<'static>> {
    Value::from_shape(shape, data).map(ValueOrView::Value).map_err(broken)
}

fn floats(shape: &[usize], data: Vec<f32>) -> Result<ValueOrView<'static>> {
    Value::from_shape(shape, data).map(ValueOrView::Value).map_err(broken)
}

fn config(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Config, "piper", message)
}

fn broken(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::Internal, "piper", "the voice's network does not run").with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::piper::spoken::pieces;

    #[test]
    fn sound_decoded_in_stretches_equals_sound_decoded_at_once() {
        let network = include_bytes!("../../tests/data/tiny-voice.onnx");
        let settings = include_str!("../../tests/data/tiny-voice.onnx.json");
        let voice = Voice::new(network, settings).unwrap();
        let lane = Lane::private();
        let latent = voice.plan(&pieces("Thank you for calling."), 0, &lane).unwrap().unwrap();
        let whole = voice.decode(&latent, 0..latent.frames, 0, &lane).unwrap();
        let mut stretches = Vec::new();
        for start in (0..latent.frames).step_by(20) {
            let frames = start..(start + 20).min(latent.frames);
            stretches.extend(voice.decode(&latent, frames, 0, &lane).unwrap());
        }
        assert_eq!(whole.len(), latent.frames * 256);
        assert_eq!(whole, stretches);
    }
}
