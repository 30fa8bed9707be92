//! The audio of one reply and where its words lie, whatever connections it comes over.
//!
//! Audio is given as it comes. A word is given once it is whole: with the audio that it ends in, or
//! with what comes next if only that shows that it is whole. After a lost connection, a word of which
//! a part was given is spoken again from its beginning, and as much audio is left out.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use voicekit_core::audio::{AudioChunk, AudioFormat};
use voicekit_core::error::Result;
use voicekit_core::tts::Spoken;

use crate::wire::Character;
use crate::words::Words;

#[derive(Debug)]
pub(crate) struct Track {
    format: AudioFormat,
    with_words: bool,
    /// Audio that came and is not given yet: what is to be left out, or half a sample.
    kept: BytesMut,
    /// Bytes of audio that were given.
    given: usize,
    /// Where the text begins that is being spoken, in bytes of audio.
    origin: usize,
    /// Bytes that come again and are left out.
    skip: usize,
    /// Words that end before were given with audio that is left out.
    resumed: Duration,
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
            resumed: Duration::ZERO,
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
        self.give(self.whole())
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
        let (origin, given) = (self.origin, self.given);
        let knows = self.words.is_aligned() || given == origin;
        let untaken = self.words.first_untaken().map(|start| self.format.bytes_in(start));
        let rest = self.words.rest();
        self.begin();
        self.origin = if knows { untaken.unwrap_or(given).clamp(origin, given) } else { origin };
        self.skip = given - self.origin;
        self.resumed = if knows { Duration::ZERO } else { self.format.duration_of(given) };
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

    fn give(&mut self, bytes: usize) -> Result<()> {
        self.give_words(self.format.duration_of(self.given + bytes));
        if bytes == 0 {
            return Ok(());
        }
        let audio = self.kept.split_to(bytes).freeze();
        self.given += bytes;
        self.ready.push_back(Spoken::Audio(AudioChunk::new(self.format, audio)?));
        Ok(())
    }

    /// Gives the whole words that begin before `end`, but for those whose audio is left out.
    fn give_words(&mut self, end: Duration) {
        while let Some(mut word) = self.words.next_before(end) {
            word.start = word.start.max(self.last);
            word.end = word.end.max(word.start);
            if self.with_words && word.end > self.resumed {
                self.last = word.start;
                self.ready.push_back(Spoken::Word(word));
            }
        }
    }
}
