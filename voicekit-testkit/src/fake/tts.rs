//! A voice that hums.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use tokio::time::sleep;
use voicekit_core::audio::{AudioChunk, AudioFormat};
use voicekit_core::dsp::Converter;
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_core::tts::{Spoken, SpokenWord, Tts, TtsInfo, TtsRequest};

use super::fault::{Fault, Faults};
use super::journal::{Journal, Page};
use crate::phone::{RATE_HZ, silence, tone};

const NAME: &str = "fake-tts";

/// A voice that hums: every word is a tone followed by a short pause.
#[derive(Clone, Debug)]
pub struct FakeTts {
    formats: Vec<AudioFormat>,
    word: Duration,
    first_audio: Duration,
    words: bool,
    silent: bool,
    faults: Faults,
    journal: Journal<TtsCall>,
}

/// One reply that was spoken.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TtsCall {
    /// What was wanted.
    pub request: TtsRequest,
    /// The clauses that were fed, in order.
    pub clauses: Vec<String>,
    /// How much audio was given.
    pub audio: Duration,
}

impl Default for FakeTts {
    fn default() -> Self {
        Self {
            formats: vec![AudioFormat::PHONE, AudioFormat::pcm16(RATE_HZ)],
            word: Duration::from_millis(300),
            first_audio: Duration::from_millis(100),
            words: false,
            silent: false,
            faults: Faults::default(),
            journal: Journal::default(),
        }
    }
}

impl FakeTts {
    /// A voice with the defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// How long a word lasts, its pause of a fifth included. Default: 300 ms.
    #[must_use]
    pub fn with_word(mut self, length: Duration) -> Self {
        self.word = length;
        self
    }

    /// From each clause to its audio, which then comes all at once. Default: 100 ms.
    #[must_use]
    pub fn with_first_audio(mut self, delay: Duration) -> Self {
        self.first_audio = delay;
        self
    }

    /// Says when each word is spoken. Default: no.
    #[must_use]
    pub fn with_word_times(mut self) -> Self {
        self.words = true;
        self
    }

    /// Gives silence instead of tones.
    #[must_use]
    pub fn silent(mut self) -> Self {
        self.silent = true;
        self
    }

    /// The formats it gives, best first. Default: mu-law and linear at 8 kHz.
    #[must_use]
    pub fn with_formats(mut self, formats: impl Into<Vec<AudioFormat>>) -> Self {
        self.formats = formats.into();
        self
    }

    /// Builds a fault into stream number `stream`, from 0. Items are words and pieces of audio,
    /// one of each a word.
    #[must_use]
    pub fn with_fault(mut self, stream: usize, fault: Fault) -> Self {
        self.faults.add(stream, fault);
        self
    }

    /// What it was asked.
    pub fn journal(&self) -> &Journal<TtsCall> {
        &self.journal
    }
}

#[async_trait]
impl Tts for FakeTts {
    fn info(&self) -> TtsInfo {
        let info = TtsInfo::new(NAME, self.formats.clone());
        if self.words { info.with_words() } else { info }
    }

    async fn speak(
        &self,
        request: TtsRequest,
        text: BoxStream<'static, String>,
    ) -> Result<BoxStream<'static, Result<Spoken>>> {
        let format = request.format;
        let call = TtsCall { request, clauses: Vec::new(), audio: Duration::ZERO };
        let page = Arc::new(self.journal.open(call));
        if !self.formats.contains(&format) {
            return Err(Error::new(ErrorKind::Unsupported, NAME, "that format is not given"));
        }
        self.faults.refusal(NAME, page.index())?;
        let sound = self.sound(format)?;
        let mouth = Mouth {
            word: self.word,
            words: self.words,
            sound,
            page: Arc::clone(&page),
            position: Duration::ZERO,
        };
        let delay = self.first_audio;
        let spoken = stream::unfold((text, mouth), move |(mut text, mut mouth)| async move {
            let clause = text.next().await?;
            let items = mouth.speak(clause);
            if !items.is_empty() {
                sleep(delay).await;
            }
            Some((stream::iter(items), (text, mouth)))
        });
        Ok(self.faults.apply(NAME, page, spoken.flatten().boxed()))
    }
}

impl FakeTts {
    /// The sound of one word.
    fn sound(&self, format: AudioFormat) -> Result<AudioChunk> {
        let voiced = self.word * 4 / 5;
        let hum = if self.silent { silence(voiced) } else { tone(voiced) };
        let samples = [hum, silence(self.word.saturating_sub(voiced))].concat();
        let linear = AudioChunk::from_pcm(RATE_HZ, &samples);
        if format == linear.format() {
            return Ok(linear);
        }
        let mut converter = Converter::new(linear.format(), format)?;
        let pieces = [converter.process(&linear)?, converter.flush()?];
        let bytes: Vec<u8> = pieces.iter().flat_map(|piece| piece.bytes().to_vec()).collect();
        AudioChunk::new(format, bytes)
    }
}

struct Mouth {
    word: Duration,
    words: bool,
    sound: AudioChunk,
    page: Arc<Page<TtsCall>>,
    position: Duration,
}

impl Mouth {
    fn speak(&mut self, clause: String) -> Vec<Result<Spoken>> {
        let mut items = Vec::new();
        for word in clause.split_whitespace().filter(|word| word.contains(char::is_alphanumeric)) {
            let (start, end) = (self.position, self.position + self.word);
            if self.words {
                items.push(Ok(Spoken::Word(SpokenWord::new(word, start, end))));
            }
            items.push(Ok(Spoken::Audio(self.sound.clone())));
            self.position += self.sound.duration();
        }
        let position = self.position;
        self.page.note(|call| {
            call.clauses.push(clause);
            call.audio = position;
        });
        items
    }
}
