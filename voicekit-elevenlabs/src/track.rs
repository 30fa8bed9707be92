//! The audio of one reply and where its words lie, whatever connections it comes over.
//!
//! A word that may not be whole is kept back together with its audio, so that it comes before or
//! with its audio, and so that after a lost connection it can be spoken again from its beginning.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use voicekit_core::audio::{AudioChunk, AudioFormat};
use voicekit_core::error::Result;
use voicekit_core::tts::Spoken;

use crate::wire::Character;
use crate::words::Words;

/// The longest that is kept back: a long word. Languages without spaces would otherwise be kept
/// back up to the end of their sentence.
const KEPT_BACK: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct Track {
    format: AudioFormat,
    with_words: bool,
    /// Audio that came and is not given yet.
    kept: BytesMut,
    /// Bytes of audio that were given.
    given: usize,
    /// Where the text begins that is being spoken, in bytes of audio.
    origin: usize,
    /// Bytes that come again and are left out.
    skip: usize,
    words: Words,
    /// When the last word began that was given.
    last: Duration,
    ready: VecDeque<Spoken>,
}

impl Track {
    pub(crate) fn new(format: AudioFormat, with_words: bool) -> Self {
        Self {
            format,
            with_words,
            kept: BytesMut::new(),
            given: 0,
            origin: 0,
            skip: 0,
            words: Words::default(),
            last: Duration::ZERO,
            ready: VecDeque::new(),
        }
    }

    /// The next thing to give.
    pub(crate) fn next(&mut self) -> Option<Spoken> {
        self.ready.pop_front()
    }

    /// `text` goes to the service.
    pub(crate) fn sent(&mut self, text: &str) {
        self.words.sent(text);
    }

    /// The next audio, and the next characters in the audio that starts at `base`.
    pub(crate) fn add(&mut self, audio: &Bytes, base: Duration, text: &[Character]) -> Result<()> {
        if text.is_empty() && !audio.is_empty() {
            self.words.complete();
        }
        self.words.add(base, text);
        self.kept.extend_from_slice(audio);
        let again = self.skip.min(self.whole());
        self.skip -= again;
        let _ = self.kept.split_to(again);
        self.give(self.free())
    }

    /// The next audio of a context, and its characters. By the service's reference their times
    /// count from the start of this piece of audio; some of its clients take them to count from the
    /// start of the context. What fits the audio is right.
    pub(crate) fn add_next(&mut self, audio: &Bytes, text: &[Character]) -> Result<()> {
        let origin = self.format.duration_of(self.origin);
        let base = self.end();
        let before = base.saturating_sub(origin);
        let length = self.format.duration_of(audio.len());
        let goes_on = |first: &Character, last: &Character| {
            !before.is_zero() && first.start >= before * 4 / 5 && last.end > length + before / 2
        };
        let counts_from_origin =
            text.first().zip(text.last()).is_some_and(|(first, last)| goes_on(first, last));
        self.add(audio, if counts_from_origin { origin } else { base }, text)
    }

    /// The end of the audio so far, where audio that comes next begins.
    pub(crate) fn end(&self) -> Duration {
        self.format.duration_of((self.given + self.kept.len()).saturating_sub(self.skip))
    }

    /// Nothing more comes of the text that was sent. What is no whole sample is dropped.
    pub(crate) fn finish(&mut self) -> Result<()> {
        self.words.complete();
        self.give(self.whole())?;
        if self.given > self.origin {
            self.give_words(Duration::MAX);
        }
        self.begin();
        Ok(())
    }

    /// Whether all of the text has been spoken, as far as is known.
    pub(crate) fn is_spoken(&self) -> bool {
        self.words.is_aligned() && self.words.are_taken()
    }

    /// Whether it is known what has been spoken.
    pub(crate) fn is_aligned(&self) -> bool {
        self.words.is_aligned()
    }

    /// The connection is lost: gives the text that is to be spoken on another. Without times of
    /// words that is all of it, and as much audio as was given is left out when it comes again.
    pub(crate) fn lost(&mut self) -> String {
        let knows = self.words.is_aligned() || self.given == self.origin;
        let origin = self.origin;
        let rest = self.words.rest();
        self.begin();
        if !knows {
            self.origin = origin;
            self.skip = self.given - origin;
        }
        rest
    }

    /// A new text begins where the audio that was given ends.
    fn begin(&mut self) {
        (self.origin, self.skip) = (self.given, 0);
        self.words = Words::default();
        self.kept.clear();
    }

    /// Bytes of whole samples that are not given yet.
    fn whole(&self) -> usize {
        self.kept.len() - self.kept.len() % self.format.encoding.bytes_per_sample()
    }

    /// As many of them as belong to whole words.
    fn free(&self) -> usize {
        let whole = self.whole();
        let Some(start) = self.words.partial_start().filter(|_| self.with_words) else {
            return whole;
        };
        let free = self.format.bytes_in(start).saturating_sub(self.given).min(whole);
        if whole - free > self.format.bytes_in(KEPT_BACK) { whole } else { free }
    }

    fn give(&mut self, bytes: usize) -> Result<()> {
        if bytes == 0 {
            return Ok(());
        }
        self.give_words(self.format.duration_of(self.given + bytes));
        let audio = self.kept.split_to(bytes).freeze();
        self.given += bytes;
        self.ready.push_back(Spoken::Audio(AudioChunk::new(self.format, audio)?));
        Ok(())
    }

    /// Gives the words that begin before `end`, but for those whose audio was given before.
    fn give_words(&mut self, end: Duration) {
        let given = self.format.duration_of(self.given);
        while let Some(mut word) = self.words.next_before(end) {
            word.start = word.start.max(self.last);
            word.end = word.end.max(word.start);
            if self.with_words && (word.end > given || end == Duration::MAX) {
                self.last = word.start;
                self.ready.push_back(Spoken::Word(word));
            }
        }
    }
}
