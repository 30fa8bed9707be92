//! A stretch of speech, as a result describes it.

use std::time::Duration;

use voicekit_core::asr::Transcript;

use crate::listen::join;

/// Words of one result, with positions in the input.
#[derive(Clone, Debug, Default)]
pub(super) struct Segment {
    pub(super) text: String,
    pub(super) confidence: Option<f32>,
    /// The words with where they begin and end; empty unless that is known of each.
    words: Vec<TimedWord>,
    /// Where its last word ends, if that is known.
    end: Option<Duration>,
    /// How far the result reached.
    pub(super) reach: Duration,
}

/// A word, its beginning and its end.
type TimedWord = (String, Duration, Duration);

/// Parts of a segment before and after a position.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub(super) before: Segment,
    pub(super) after: Segment,
}

impl Segment {
    pub(super) fn new(text: String, confidence: Option<f32>, reach: Duration) -> Self {
        Self { text, confidence, words: Vec::new(), end: None, reach }
    }

    /// Sets where the words lie, if each of them says so.
    pub(super) fn with_words(
        mut self,
        words: impl IntoIterator<Item = (String, Option<Duration>, Option<Duration>)>,
    ) -> Self {
        let words: Vec<_> = words.into_iter().collect();
        self.end = words.last().and_then(|(_, _, end)| *end);
        let is_whole = words.len() == self.text.split_whitespace().count();
        let timed = words.into_iter().map(|(word, start, end)| Some((word, start?, end?)));
        let timed = timed.collect::<Option<Vec<_>>>();
        self.words = timed.filter(|_| is_whole).unwrap_or_default();
        self
    }

    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Where its last word ends, if that is known.
    pub(super) fn end(&self) -> Option<Duration> {
        self.end
    }

    /// The same, with where its last word ends if that is known.
    pub(super) fn transcript(&self) -> Transcript {
        let mut transcript = Transcript::new(self.text.clone());
        if !self.is_empty() {
            transcript.confidence = self.confidence;
            transcript.end = self.end;
        }
        transcript
    }

    /// Cuts it at `at`. Where the words lie is not always known: then the first `heard` words lie
    /// before it, and all of them if the segment reaches no further than `slack` beyond it.
    pub(super) fn cut(self, at: Duration, slack: Duration, heard: usize) -> Parts {
        if self.reach <= at + slack {
            return Parts { before: self, after: Self::default() };
        }
        if self.words.is_empty() {
            let mut words = self.text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            let after = words.split_off(heard.min(words.len()));
            let (before, after) = (words.join(" "), after.join(" "));
            return Parts {
                before: Self::new(before, self.confidence, at),
                after: Self { end: self.end, ..Self::new(after, self.confidence, self.reach) },
            };
        }
        let (before, after) = self.words.into_iter().partition(|(_, start, _)| *start < at);
        let part = |words: Vec<TimedWord>, reach| {
            let text = words.iter().fold(String::new(), |text, (word, _, _)| join(&text, word));
            let end = words.last().map(|(_, _, end)| *end);
            Self { text, confidence: self.confidence, words, end, reach }
        };
        Parts { before: part(before, at), after: part(after, self.reach) }
    }
}
