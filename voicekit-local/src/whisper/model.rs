//! From audio to text: the parts of the model put together, greedy search, and the guards.

use std::time::Duration;

use rten_simd::SimdOp;
use rten_vecmath::{MaxNum, SumExpSub};
use voicekit_core::error::Result;

use super::decoder::{self, Decoder};
use super::encoder::{self, Encoder};
use super::repetition::without_repetition;
use super::tokens::{self, Vocabulary};
use super::weights::Weights;
use super::{Decoded, LONGEST, PADDING, Stop, TOKENS_BESIDES, TOKENS_PER_SECOND};
use crate::mel::{self, RATE_HZ, Spectrogram};

#[derive(Debug)]
pub(super) struct Model {
    spectrogram: Spectrogram,
    encoder: Encoder,
    decoder: Decoder,
    vocabulary: Vocabulary,
}

impl Model {
    /// From the contents of `model.bin` and `tokenizer.json`.
    pub(super) fn parse(weights: &[u8], tokenizer: &[u8]) -> Result<Self> {
        let weights = Weights::parse(weights)?;
        Ok(Self {
            spectrogram: Spectrogram::new(),
            encoder: Encoder::load(&weights)?,
            decoder: Decoder::load(&weights, tokens::COUNT)?,
            vocabulary: Vocabulary::parse(tokenizer)?,
        })
    }

    /// The text of `audio`, samples at [`RATE_HZ`] in -1..1; `None` if told to stop.
    pub(super) fn decode(&self, audio: &[f32], stop: Stop<'_>) -> Option<Decoded> {
        if audio.is_empty() {
            return Some(Decoded { no_speech: 1.0, ..Decoded::default() });
        }
        let audio = &audio[..audio.len().min(samples_in(LONGEST))];
        let window = audio.len() + samples_in(PADDING);
        let rows = window.div_ceil(2 * mel::HOP).min(encoder::POSITIONS) * 2;
        let heard = self.encoder.forward(&self.spectrogram.of(audio, rows), stop)?;
        self.write(&heard, most_tokens(audio.len()), stop)
    }

    fn write(&self, heard: &[f32], most: usize, stop: Stop<'_>) -> Option<Decoded> {
        let mut page = self.decoder.page(heard);
        let opening = self.decoder.write(&mut page, tokens::START);
        let no_speech = log_probability(&opening, tokens::NO_SPEECH).exp();
        let mut scores = self.decoder.write(&mut page, tokens::WITHOUT_TIMES);
        forbid(&mut scores, &tokens::NEVER_FIRST);
        let (mut written, mut total) = (Vec::new(), 0.0);
        let ran_on = loop {
            forbid(&mut scores, &tokens::NEVER);
            scores.truncate(tokens::END + 1);
            let token = likeliest(&scores);
            total += log_probability(&scores, token);
            if token == tokens::END || written.len() == most {
                break token != tokens::END;
            }
            if stop() {
                return None;
            }
            written.push(token);
            scores = self.decoder.write(&mut page, token);
        };
        let text = without_repetition(&self.vocabulary.text(&written), ran_on);
        let mean_log_probability = total / (written.len() + 1) as f32;
        Some(Decoded { text, no_speech, mean_log_probability })
    }
}

fn samples_in(duration: Duration) -> usize {
    usize::try_from(duration.as_millis()).unwrap_or(usize::MAX) * (RATE_HZ as usize / 1_000)
}

fn most_tokens(samples: usize) -> usize {
    let most = samples * TOKENS_PER_SECOND / RATE_HZ as usize + TOKENS_BESIDES;
    most.min(decoder::POSITIONS - 2)
}

fn forbid(scores: &mut [f32], tokens: &[usize]) {
    for &token in tokens {
        scores[token] = f32::NEG_INFINITY;
    }
}

fn likeliest(scores: &[f32]) -> usize {
    let best = scores.iter().enumerate().max_by(|(_, a), (_, b)| a.total_cmp(b));
    best.map_or(tokens::END, |(token, _)| token)
}

fn log_probability(scores: &[f32], token: usize) -> f32 {
    let highest = MaxNum::new(scores).dispatch();
    scores[token] - highest - SumExpSub::new(scores, highest).dispatch().ln()
}
