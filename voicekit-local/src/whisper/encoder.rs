//! The half of Whisper that listens: spectrogram in, one vector for each 20 ms out.

use voicekit_core::error::Result;

use super::layers::{Columns, Convolution, FeedForward, LayerNorm, Linear, add, attend};
use super::weights::Weights;
use super::{LAYERS, Stop, WIDTH, heads};
use crate::mel;

/// Positions of the learnt time axis: 30 s of 20 ms.
pub(super) const POSITIONS: usize = 1_500;

#[derive(Debug)]
pub(super) struct Encoder {
    first: Convolution,
    second: Convolution,
    positions: Vec<f32>,
    layers: Vec<Layer>,
    norm: LayerNorm,
}

impl Encoder {
    pub(super) fn load(weights: &Weights<'_>) -> Result<Self> {
        let layers = (0..LAYERS).map(|layer| Layer::load(weights, layer)).collect::<Result<_>>()?;
        Ok(Self {
            first: Convolution::load(weights, "encoder/conv1", WIDTH, mel::BANDS, 1)?,
            second: Convolution::load(weights, "encoder/conv2", WIDTH, WIDTH, 2)?,
            positions: weights
                .floats("encoder/position_encodings/encodings", &[POSITIONS, WIDTH])?,
            layers,
            norm: LayerNorm::load(weights, "encoder/layer_norm", WIDTH)?,
        })
    }

    /// Rows of [`WIDTH`] for a spectrogram of at most `2 * POSITIONS` rows of [`mel::BANDS`];
    /// `None` if told to stop.
    pub(super) fn forward(&self, spectrogram: &[f32], stop: Stop<'_>) -> Option<Vec<f32>> {
        let mut state = self.second.forward(&self.first.forward(spectrogram));
        add(&mut state, &self.positions);
        for layer in &self.layers {
            if stop() {
                return None;
            }
            layer.add_to(&mut state);
        }
        Some(self.norm.forward(&state))
    }
}

#[derive(Debug)]
struct Layer {
    norm: LayerNorm,
    queries_keys_values: Linear,
    output: Linear,
    feed_forward: FeedForward,
}

impl Layer {
    fn load(weights: &Weights<'_>, index: usize) -> Result<Self> {
        let layer = format!("encoder/layer_{index}");
        let attention = format!("{layer}/self_attention");
        Ok(Self {
            norm: LayerNorm::load(weights, &format!("{attention}/layer_norm"), WIDTH)?,
            queries_keys_values: Linear::load(
                weights,
                &format!("{attention}/linear_0"),
                3 * WIDTH,
                WIDTH,
            )?,
            output: Linear::load(weights, &format!("{attention}/linear_1"), WIDTH, WIDTH)?,
            feed_forward: FeedForward::load(weights, &layer, WIDTH)?,
        })
    }

    fn add_to(&self, state: &mut [f32]) {
        let projected = self.queries_keys_values.forward(&self.norm.forward(state));
        let part = |index| Columns { data: &projected, stride: 3 * WIDTH, first: index * WIDTH };
        add(state, &self.output.forward(&attend(heads(), part(0), part(1), part(2))));
        self.feed_forward.add_to(state);
    }
}
