//! Whisper tiny.en: speech recognition in pure Rust, on one processor thread.
//!
//! A decode has three parts: a spectrogram of the utterance, the encoder (once over all of it), and
//! the decoder (once a token, greedy). The model was trained on windows of 30 s; here the window
//! is the utterance and [`PADDING`] of silence, which costs a third to a fifth and, with less than
//! 3 s of padding, would make the model repeat itself.
//!
//! Three guards against its known failures: at most [`TOKENS_PER_SECOND`] x duration +
//! [`TOKENS_BESIDES`] tokens, a repeated tail of three or more words is dropped, and signs that are
//! not speech are never written.

mod decoder;
mod encoder;
mod layers;
mod mel;
mod tokens;
mod weights;

use std::path::Path;
use std::time::Duration;
use std::{fmt, fs};

use rten_simd::SimdOp;
use rten_vecmath::{MaxNum, SumExpSub};
use voicekit_core::dsp::resample::Resampler;
use voicekit_core::error::{Error, ErrorKind, Result};

use self::decoder::Decoder;
use self::encoder::Encoder;
use self::layers::HEAD_WIDTH;
use self::mel::Spectrogram;
use self::tokens::Vocabulary;
use self::weights::Weights;
use crate::inference::Lane;

const SERVICE: &str = "whisper";
const RATE_HZ: u32 = 16_000;
const PHONE_RATE_HZ: u32 = 8_000;
const MEL_BANDS: usize = 80;
/// The sizes of the model `tiny.en`.
const WIDTH: usize = 384;
const LAYERS: usize = 4;

const fn heads() -> usize {
    WIDTH / HEAD_WIDTH
}

/// The longest utterance that is decoded; of a longer one, the beginning is.
pub const LONGEST: Duration = Duration::from_secs(29);
/// Silence added to the utterance, as far as the model's 30 s reach.
const PADDING: Duration = Duration::from_secs(5);
/// Fast speech is about 4 words, hence 5 to 6 tokens, a second.
const TOKENS_PER_SECOND: usize = 6;
/// Room for punctuation and a mishearing.
const TOKENS_BESIDES: usize = 12;

/// Tells a decode to stop; asked between layers and tokens.
pub(crate) type Stop<'a> = &'a (dyn Fn() -> bool + Sync);

/// The recogniser. Loading takes some 100 ms and 60 MB; one value serves all calls.
pub struct Whisper {
    spectrogram: Spectrogram,
    encoder: Encoder,
    decoder: Decoder,
    vocabulary: Vocabulary,
    lane: Lane,
}

/// What an utterance was decoded to.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Decoded {
    /// The words, with punctuation and capital letters; digits where one would write digits.
    pub text: String,
    /// How likely nobody spoke, 0 to 1.
    pub no_speech: f32,
    /// The mean natural logarithm of the probability of each token, at most 0.
    pub mean_log_probability: f32,
}

impl Whisper {
    /// Loads `model.bin` (CTranslate2, 16-bit floats) and `tokenizer.json` from `directory`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if a file cannot be read or is not that of tiny.en.
    pub fn load(directory: &Path) -> Result<Self> {
        let file = read(&directory.join("model.bin"))?;
        let tokenizer = read(&directory.join("tokenizer.json"))?;
        let weights = Weights::parse(&file)?;
        Ok(Self {
            spectrogram: Spectrogram::new(),
            encoder: Encoder::load(&weights)?,
            decoder: Decoder::load(&weights, tokens::COUNT)?,
            vocabulary: Vocabulary::parse(&tokenizer)?,
            lane: Lane::private(),
        })
    }

    /// Decodes one utterance of linear samples at `rate_hz`, 8,000 or 16,000. Blocks, a tenth of
    /// the utterance's duration and more: not for an async task.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`] for another rate.
    pub fn transcribe(&self, samples: &[i16], rate_hz: u32) -> Result<Decoded> {
        let decoded = self.transcribe_until(samples, rate_hz, &|| false)?;
        Ok(decoded.unwrap_or_default())
    }

    /// Like [`transcribe`](Self::transcribe), but gives up with `None` when `stop` says so. It is
    /// asked every few milliseconds.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`] for another rate.
    pub fn transcribe_until(
        &self,
        samples: &[i16],
        rate_hz: u32,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<Option<Decoded>> {
        let audio = wide_band(samples, rate_hz)?;
        Ok(self.decode_on(&self.lane, &audio, stop))
    }

    /// Decodes on the thread of `lane`.
    fn decode_on(&self, lane: &Lane, audio: &[f32], stop: Stop<'_>) -> Option<Decoded> {
        match lane.options().thread_pool {
            Some(thread) => thread.run(|| self.decode(audio, stop)),
            None => self.decode(audio, stop),
        }
    }

    fn decode(&self, audio: &[f32], stop: Stop<'_>) -> Option<Decoded> {
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
        loop {
            forbid(&mut scores, &tokens::NEVER);
            scores.truncate(tokens::END + 1);
            let token = likeliest(&scores);
            total += log_probability(&scores, token);
            if token == tokens::END || written.len() == most {
                break;
            }
            if stop() {
                return None;
            }
            written.push(token);
            scores = self.decoder.write(&mut page, token);
        }
        let text = without_repeated_tail(&self.vocabulary.text(&written));
        let mean_log_probability = total / (written.len() + 1) as f32;
        Some(Decoded { text, no_speech, mean_log_probability })
    }
}

impl fmt::Debug for Whisper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Whisper").finish_non_exhaustive()
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|error| {
        let message = format!("cannot read {}", path.display());
        Error::new(ErrorKind::Config, SERVICE, message).with_source(error)
    })
}

/// Samples at 16 kHz in -1..1.
fn wide_band(samples: &[i16], rate_hz: u32) -> Result<Vec<f32>> {
    if rate_hz != RATE_HZ && rate_hz != PHONE_RATE_HZ {
        let message = format!("audio at {rate_hz} Hz; it takes {PHONE_RATE_HZ} and {RATE_HZ}");
        return Err(Error::new(ErrorKind::Unsupported, SERVICE, message));
    }
    let mut resampler = Resampler::new(rate_hz, RATE_HZ).map_err(|error| {
        Error::new(ErrorKind::Internal, SERVICE, "cannot resample").with_source(error)
    })?;
    let narrow: Vec<f32> = samples.iter().map(|&sample| f32::from(sample) / 32_768.0).collect();
    let mut wide = Vec::new();
    resampler.process_f32(&narrow, &mut wide);
    resampler.flush_f32(&mut wide);
    Ok(wide)
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

/// Drops the end of `text` if it says the three or more words before it once more, again and
/// again.
fn without_repeated_tail(text: &str) -> String {
    let mut words: Vec<&str> = text.split_whitespace().collect();
    while let Some(length) = repeated_tail(&words) {
        words.truncate(words.len() - length);
    }
    words.join(" ")
}

/// The length of the longest repeated tail.
fn repeated_tail(words: &[&str]) -> Option<usize> {
    const SHORTEST: usize = 3;
    (SHORTEST..=words.len() / 2).rev().find(|&length| {
        let (rest, tail) = words.split_at(words.len() - length);
        let said = &rest[rest.len() - length..];
        tail.iter().zip(said).all(|(a, b)| plain(a).eq(plain(b)))
    })
}

fn plain(word: &str) -> impl Iterator<Item = char> {
    word.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_said_again_is_dropped() {
        let cases = [
            ("Ten of clubs. Ten of clubs. Ten of clubs.", "Ten of clubs."),
            ("no no no no", "no no no no"),
            ("I would like to, I would like to order", "I would like to, I would like to order"),
            ("", ""),
        ];
        for (said, kept) in cases {
            assert_eq!(without_repeated_tail(said), kept);
        }
    }
}
