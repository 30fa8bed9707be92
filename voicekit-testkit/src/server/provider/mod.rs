//! Providers' services as an agent meets them: scripts for the scripted servers that play each
//! provider's protocol, react to what they are sent, and need neither a network nor a key.
//!
//! ```
//! use voicekit_testkit::server::{WebSocketServer, provider::{Heard, deepgram, openai}};
//! use voicekit_testkit::server::http::HttpServer;
//!
//! let heard = Heard::new(["When are you open?"]);
//! let ears = WebSocketServer::in_memory_serving(move |_| Some(deepgram::nova(&heard)));
//! let mind = HttpServer::in_memory([openai::says("From nine to five.")]);
//! # let _ = (ears, mind);
//! ```
//!
//! Recognisers' services understand [`Heard`]: texts, one an utterance. Voices' services speak
//! every character as 50 ms of its own code, so that what came of a call can be read off the line
//! by [`spell`]. Latency, stalls, cuts, refusals and malformed messages are steps of
//! [`Script`](super::Script) and [`Answer`](super::http::Answer).
//!
//! All audio is mu-law at 8 kHz.

pub mod anthropic;
pub mod assemblyai;
pub mod deepgram;
pub mod elevenlabs;
pub mod openai;
pub mod qdrant;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use voicekit_core::audio::AudioFormat;

/// How long a character is spoken.
pub const CHARACTER: Duration = Duration::from_millis(50);

/// The least sound that is an utterance.
const UTTERANCE: Duration = Duration::from_millis(100);

/// Codes of less than this are louder than a quiet line.
const LOUD: u8 = 0x60;

/// What a recogniser's service understands: texts, one an utterance. Clones share them, so that
/// what one connection did not say, the next does.
#[derive(Clone, Debug)]
pub struct Heard {
    texts: Arc<Mutex<VecDeque<String>>>,
    length: Option<Duration>,
}

impl Heard {
    /// Understands these texts, and nothing after them.
    pub fn new<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Self {
        let texts = texts.into_iter().map(Into::into).collect();
        Self { texts: Arc::new(Mutex::new(texts)), length: None }
    }

    /// Each utterance lasts so long: of one that is not heard whole, only as many words are
    /// understood. Default: any sound is the whole utterance.
    #[must_use]
    pub fn with_length(mut self, length: Duration) -> Self {
        self.length = Some(length);
        self
    }

    fn next(&self) -> String {
        let mut texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        texts.pop_front().unwrap_or_default()
    }

    fn peek(&self) -> String {
        let texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        texts.front().cloned().unwrap_or_default()
    }
}

/// What came over one connection.
#[derive(Debug)]
struct Ear {
    heard: Heard,
    all: usize,
    loud: usize,
    quiet: usize,
}

impl Ear {
    fn new(heard: &Heard) -> Self {
        Self { heard: heard.clone(), all: 0, loud: 0, quiet: 0 }
    }

    fn hear(&mut self, codes: &[u8]) {
        let loud = codes.iter().filter(|code| (**code & 0x7f) < LOUD).count();
        self.all += codes.len();
        if loud * 4 > codes.len() {
            self.loud += codes.len();
            self.quiet = 0;
        } else {
            self.quiet += codes.len();
        }
    }

    /// From the start of the connection, in seconds.
    fn now(&self) -> f64 {
        AudioFormat::PHONE.duration_of(self.all).as_secs_f64()
    }

    fn is_utterance(&self) -> bool {
        AudioFormat::PHONE.duration_of(self.loud) >= UTTERANCE
    }

    fn quiet(&self) -> Duration {
        AudioFormat::PHONE.duration_of(self.quiet)
    }

    /// What is understood so far.
    fn interim(&self) -> String {
        if self.is_utterance() { self.part_of(&self.heard.peek()) } else { String::new() }
    }

    /// What was understood. The utterance is over.
    fn utterance(&mut self) -> String {
        if !self.is_utterance() {
            return String::new();
        }
        let text = self.heard.next();
        let part = self.part_of(&text);
        self.loud = 0;
        part
    }

    /// The words of `text` that were heard. A tenth of the sound may be missing.
    fn part_of(&self, text: &str) -> String {
        let Some(length) = self.heard.length else { return text.to_owned() };
        let share = AudioFormat::PHONE.duration_of(self.loud).as_secs_f64() / length.as_secs_f64();
        let words: Vec<&str> = text.split(' ').collect();
        let understood = (words.len() as f64 * share / 0.9).floor();
        let kept = words.iter().enumerate().take_while(|(index, _)| (*index as f64) < understood);
        kept.map(|(_, word)| *word).collect::<Vec<_>>().join(" ")
    }
}

/// Mu-law in which every character is [`CHARACTER`] of its own code. Only ASCII can be read again.
pub fn sound(text: &str) -> Vec<u8> {
    let length = AudioFormat::PHONE.bytes_in(CHARACTER);
    text.bytes().flat_map(|byte| std::iter::repeat_n(byte, length)).collect()
}

/// The text of which these codes are the [`sound`]. Silence is left out, spaces are pauses of any
/// length, and of what is not a whole character it is told which.
pub fn spell(codes: &[u8]) -> String {
    let length = AudioFormat::PHONE.bytes_in(CHARACTER);
    let runs = codes.chunk_by(|one, other| one == other).filter(|run| run[0] != 0xff);
    runs.map(|run| {
        let character = char::from(run[0]);
        let text = character.to_string().repeat(run.len() / length);
        let part = !run.len().is_multiple_of(length) && character != ' ';
        if part { format!("{text}[part of {character}]") } else { text }
    })
    .collect()
}
