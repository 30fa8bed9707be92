//! Speech in the making: clauses in, stretches of sound out.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use voicekit_core::audio::AudioChunk;
use voicekit_core::error::Result;
use voicekit_core::text::{Clauses, ClausesConfig};
use voicekit_core::time::MediaTime;
use voicekit_core::tts::{Spoken, SpokenWord};

use super::Piper;
use super::phrases::Phrase;
use super::spoken::{Piece, pieces};
use super::voice::Latent;
use crate::inference;

/// Frames in the first stretch of a clause: 0.37 s, decoded in about a quarter of that time, so
/// that the next stretch is ready before this one has been played.
const FIRST: usize = 32;
/// Frames in the stretches after it: 0.74 s. Longer ones waste less on the frames around them,
/// shorter ones leave the lane to others sooner.
const NEXT: usize = 64;
/// The most characters spoken in one go. Longer clauses cost memory and lose their melody.
const LONGEST: usize = 240;

/// A reply being spoken.
pub(super) struct Speech {
    piper: Piper,
    text: BoxStream<'static, String>,
    /// Clauses that have arrived and not begun.
    clauses: VecDeque<String>,
    current: Option<Clause>,
    /// What is ready to be given out.
    ready: VecDeque<Spoken>,
    /// From the start of the stream to the start of the current clause.
    samples: u64,
}

/// A clause of which the first half is done.
struct Clause {
    text: String,
    latent: Arc<Latent>,
    words: Vec<SpokenWord>,
    done: usize,
    sound: Vec<i16>,
}

impl Speech {
    pub(super) fn new(piper: Piper, text: BoxStream<'static, String>) -> Self {
        let (clauses, ready) = (VecDeque::new(), VecDeque::new());
        Self { piper, text, clauses, current: None, ready, samples: 0 }
    }

    pub(super) fn into_stream(self) -> BoxStream<'static, Result<Spoken>> {
        stream::unfold(Some(self), |speech| async move {
            let mut speech = speech?;
            match speech.next().await {
                Ok(Some(part)) => Some((Ok(part), Some(speech))),
                Ok(None) => None,
                Err(error) => Some((Err(error), None)),
            }
        })
        .boxed()
    }

    async fn next(&mut self) -> Result<Option<Spoken>> {
        loop {
            if let Some(part) = self.ready.pop_front() {
                return Ok(Some(part));
            }
            if let Some(clause) = self.current.take() {
                self.go_on(clause).await?;
                continue;
            }
            if let Some(clause) = self.clauses.pop_front() {
                self.begin(clause).await?;
                continue;
            }
            match self.text.next().await {
                Some(text) => self.clauses.extend(sentences(&text)),
                None => return Ok(None),
            }
        }
    }

    /// Takes up a clause: from the store, or through the first half of the network.
    async fn begin(&mut self, text: String) -> Result<()> {
        if let Some(phrase) = self.piper.phrases.recall(&self.piper.name, &text) {
            self.give_words(&phrase.words);
            self.give_audio(phrase.audio.clone());
            self.samples += phrase.audio.samples() as u64;
            return Ok(());
        }
        let (voice, speaker) = (self.piper.voice.clone(), self.piper.speaker);
        let (text, pieces, latent) = inference::run(move |lane| {
            let pieces = pieces(&text);
            let latent = voice.plan(&pieces, speaker, lane);
            (text, pieces, latent)
        })
        .await?;
        let Some(latent) = latent? else { return Ok(()) };
        let words = self.words(&text, &pieces, &latent);
        let latent = Arc::new(latent);
        self.current = Some(Clause { text, latent, words, done: 0, sound: Vec::new() });
        Ok(())
    }

    /// Decodes the next stretch of a clause.
    async fn go_on(&mut self, mut clause: Clause) -> Result<()> {
        if clause.done == 0 {
            self.give_words(&clause.words);
        }
        let stretch = stretch(clause.done, clause.latent.frames);
        let (voice, latent) = (self.piper.voice.clone(), clause.latent.clone());
        let (frames, speaker) = (stretch.clone(), self.piper.speaker);
        let sound =
            inference::run(move |lane| voice.decode(&latent, frames, speaker, lane)).await??;
        let rate_hz = self.piper.voice.rate_hz;
        self.give_audio(AudioChunk::from_pcm(rate_hz, &sound));
        clause.sound.extend(sound);
        clause.done = stretch.end;
        if clause.done < clause.latent.frames {
            self.current = Some(clause);
            return Ok(());
        }
        self.samples += clause.sound.len() as u64;
        let audio = AudioChunk::from_pcm(rate_hz, &clause.sound);
        let phrase = Phrase { audio, words: clause.words };
        self.piper.phrases.store(&self.piper.name, &clause.text, phrase);
        Ok(())
    }

    /// The words of a clause with their times from the start of the clause.
    fn words(&self, text: &str, pieces: &[Piece], latent: &Latent) -> Vec<SpokenWord> {
        let written: Vec<&str> = text.split_whitespace().collect();
        let mut words = Vec::with_capacity(written.len());
        for (piece, span) in pieces.iter().zip(&latent.pieces) {
            let Some(span) = span else { continue };
            let written = written.get(piece.words.clone()).unwrap_or_default();
            let share = span.len() / written.len().max(1);
            for (index, word) in written.iter().enumerate() {
                let start = span.start + index * share;
                let end = if index + 1 == written.len() { span.end } else { start + share };
                words.push(SpokenWord::new(*word, self.time(start), self.time(end)));
            }
        }
        words
    }

    fn give_words(&mut self, words: &[SpokenWord]) {
        let rate_hz = self.piper.voice.rate_hz;
        let before = MediaTime { samples: self.samples, rate_hz }.duration();
        self.ready.extend(words.iter().map(|word| {
            Spoken::Word(SpokenWord::new(word.text.clone(), before + word.start, before + word.end))
        }));
    }

    fn give_audio(&mut self, audio: AudioChunk) {
        if !audio.is_empty() {
            self.ready.push_back(Spoken::Audio(audio));
        }
    }

    /// A frame of VITS is 256 samples.
    fn time(&self, frames: usize) -> Duration {
        let rate_hz = self.piper.voice.rate_hz;
        MediaTime { samples: frames as u64 * 256, rate_hz }.duration()
    }
}

/// The stretch that begins at `start`. A rest too short to be worth a run of its own is added.
fn stretch(start: usize, frames: usize) -> Range<usize> {
    let length = if start == 0 { FIRST } else { NEXT };
    let end = start + length;
    start..if end + FIRST / 2 >= frames { frames } else { end }
}

/// `text` in sentences, and long ones in shorter parts, cut as replies are.
fn sentences(text: &str) -> Vec<String> {
    let config = ClausesConfig::default().without_early_first().with_min_chars(0);
    let mut clauses = Clauses::new(config.with_max_chars(LONGEST));
    let mut sentences = clauses.push(text);
    sentences.extend(clauses.flush());
    let words = |sentence: String| sentence.split_whitespace().collect::<Vec<_>>().join(" ");
    sentences.into_iter().map(words).filter(|sentence| !sentence.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_spoken_sentence_by_sentence() {
        let text = "Hi there! Dr. Smith is in at 7 a.m. Monday. Shall I book? Yes (or no)";
        let expected =
            ["Hi there!", "Dr. Smith is in at 7 a.m. Monday.", "Shall I book?", "Yes (or no)"];
        assert_eq!(sentences(text), expected);
        assert!(sentences(" \n").is_empty());
    }

    #[test]
    fn endless_text_is_cut() {
        let parts = sentences(&"bread and butter, ".repeat(100));
        assert!(parts.iter().all(|part| part.len() <= LONGEST && part.ends_with(',')));
    }

    #[test]
    fn stretches_cover_a_clause_without_a_crumb() {
        for frames in 0..400 {
            let mut done = 0;
            loop {
                let next = stretch(done, frames);
                assert_eq!(next.start, done);
                assert!(next.len() > FIRST / 2 || next.end == frames);
                done = next.end;
                if done >= frames {
                    break;
                }
            }
            assert_eq!(done, frames);
        }
    }
}
