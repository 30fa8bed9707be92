//! The half of Whisper that writes: one token at a time, from what was heard and written so far.

use voicekit_core::error::Result;

use super::layers::{Columns, FeedForward, LayerNorm, Linear, add, attend};
use super::weights::Weights;
use super::{LAYERS, WIDTH, heads};

/// Tokens that the model can keep in mind, its prompt included.
pub(super) const POSITIONS: usize = 448;

#[derive(Debug)]
pub(super) struct Decoder {
    /// Both the embedding of a token and, transposed, its score.
    embeddings: Linear,
    positions: Vec<f32>,
    layers: Vec<Layer>,
    norm: LayerNorm,
}

/// What was written so far about one utterance.
pub(super) struct Page {
    layers: Vec<Memory>,
    tokens: usize,
}

struct Memory {
    keys: Vec<f32>,
    values: Vec<f32>,
    /// Keys, then values, of each row that was heard.
    heard: Vec<f32>,
}

impl Decoder {
    pub(super) fn load(weights: &Weights<'_>, vocabulary: usize) -> Result<Self> {
        let layers = (0..LAYERS).map(|layer| Layer::load(weights, layer)).collect::<Result<_>>()?;
        Ok(Self {
            embeddings: Linear::load_without_bias(
                weights,
                "decoder/embeddings",
                vocabulary,
                WIDTH,
            )?,
            positions: weights
                .floats("decoder/position_encodings/encodings", &[POSITIONS, WIDTH])?,
            layers,
            norm: LayerNorm::load(weights, "decoder/layer_norm", WIDTH)?,
        })
    }

    /// An empty page about what the encoder `heard`.
    pub(super) fn page(&self, heard: &[f32]) -> Page {
        let layers = self.layers.iter().map(|layer| Memory {
            keys: Vec::new(),
            values: Vec::new(),
            heard: layer.heard_keys_values.forward(heard),
        });
        Page { layers: layers.collect(), tokens: 0 }
    }

    /// Writes `token` and gives the score of every token to follow it. A page holds
    /// [`POSITIONS`] tokens.
    pub(super) fn write(&self, page: &mut Page, token: usize) -> Vec<f32> {
        let mut state: Vec<f32> = self.embeddings.row(token).collect();
        add(&mut state, &self.positions[page.tokens * WIDTH..]);
        for (layer, memory) in self.layers.iter().zip(&mut page.layers) {
            layer.add_to(&mut state, memory);
        }
        page.tokens += 1;
        self.embeddings.forward(&self.norm.forward(&state))
    }
}

#[derive(Debug)]
struct Layer {
    written_norm: LayerNorm,
    written_queries_keys_values: Linear,
    written_output: Linear,
    heard_norm: LayerNorm,
    heard_queries: Linear,
    heard_keys_values: Linear,
    heard_output: Linear,
    feed_forward: FeedForward,
}

impl Layer {
    fn load(weights: &Weights<'_>, index: usize) -> Result<Self> {
        let layer = format!("decoder/layer_{index}");
        let norm = |part| LayerNorm::load(weights, &format!("{layer}/{part}/layer_norm"), WIDTH);
        let linear =
            |part, outputs| Linear::load(weights, &format!("{layer}/{part}"), outputs, WIDTH);
        Ok(Self {
            written_norm: norm("self_attention")?,
            written_queries_keys_values: linear("self_attention/linear_0", 3 * WIDTH)?,
            written_output: linear("self_attention/linear_1", WIDTH)?,
            heard_norm: norm("attention")?,
            heard_queries: linear("attention/linear_0", WIDTH)?,
            heard_keys_values: linear("attention/linear_1", 2 * WIDTH)?,
            heard_output: linear("attention/linear_2", WIDTH)?,
            feed_forward: FeedForward::load(weights, &layer, WIDTH)?,
        })
    }

    fn add_to(&self, state: &mut [f32], memory: &mut Memory) {
        self.add_written(state, memory);
        self.add_heard(state, &memory.heard);
        self.feed_forward.add_to(state);
    }

    fn add_written(&self, state: &mut [f32], memory: &mut Memory) {
        let projected = self.written_queries_keys_values.forward(&self.written_norm.forward(state));
        memory.keys.extend_from_slice(&projected[WIDTH..2 * WIDTH]);
        memory.values.extend_from_slice(&projected[2 * WIDTH..]);
        let mixed = attend(
            heads(),
            Columns { data: &projected[..WIDTH], stride: WIDTH, first: 0 },
            Columns { data: &memory.keys, stride: WIDTH, first: 0 },
            Columns { data: &memory.values, stride: WIDTH, first: 0 },
        );
        add(state, &self.written_output.forward(&mixed));
    }

    fn add_heard(&self, state: &mut [f32], heard: &[f32]) {
        let queries = self.heard_queries.forward(&self.heard_norm.forward(state));
        let mixed = attend(
            heads(),
            Columns { data: &queries, stride: WIDTH, first: 0 },
            Columns { data: heard, stride: 2 * WIDTH, first: 0 },
            Columns { data: heard, stride: 2 * WIDTH, first: WIDTH },
        );
        add(state, &self.heard_output.forward(&mixed));
    }
}
