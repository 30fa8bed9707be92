//! A cloud recognizer in virtual time, for recordings whose words are labelled.
//!
//! It has the delays of the recognizer in [`response`](crate::response): it shows each word some time
//! after its end, and settles what was said some time after a silence, or after it was asked to. It writes no full stop or question mark: the labels
//! know where a turn ends, a recognizer does not. Where a stretch of speech has no words, it hears
//! [`UNKNOWN`] in the rhythm of speech, since a recognizer would hear something.

use std::time::Duration;

use voicekit_core::time::Timestamp;
use voicekit_core::turn::{Event, Hint};

use crate::labels::{Kind, Label};
use crate::response::Delays;

/// What is heard where the words are not known.
const UNKNOWN: &str = "word";
/// How long such a word is: English has some three words a second.
const UNKNOWN_SECONDS: f64 = 0.33;

#[derive(Debug)]
struct Word {
    start: Timestamp,
    end: Timestamp,
    text: String,
}

/// The recognizer of one call.
#[derive(Debug)]
pub(crate) struct Streaming {
    delays: Delays,
    words: Vec<Word>,
    /// How many words are shown, and how many settled.
    shown: usize,
    settled: usize,
    /// When it has to settle what it was asked to, if it was.
    asked: Option<Timestamp>,
}

impl Streaming {
    pub(crate) fn new(labels: &[Label]) -> Self {
        let at = |seconds: f64| Timestamp::from(Duration::from_secs_f64(seconds.max(0.0)));
        let word = |start: f64, end: f64, text: &str| {
            let text = text.trim_end_matches(['.', '?', '!', '…']).to_owned();
            Word { start: at(start), end: at(end), text }
        };
        let known = labels.iter().filter_map(|label| {
            let text = label.word().filter(|text| text.contains(char::is_alphanumeric))?;
            Some(word(label.start, label.end, text))
        });
        let mut words: Vec<Word> = known.collect();
        let is_said = |kind| matches!(kind, Kind::Speech | Kind::Backchannel | Kind::Interruption);
        for said in labels.iter().filter(|label| is_said(label.kind)) {
            let has_words = labels.iter().any(|label| {
                label.kind == Kind::Word && said.holds(label.start.midpoint(label.end))
            });
            if has_words {
                continue;
            }
            if said.kind == Kind::Backchannel {
                words.push(word(said.start, said.end, "mhm"));
                continue;
            }
            let is_pause = |t: f64| {
                labels.iter().any(|label| label.kind == Kind::Hesitation && label.holds(t))
            };
            let mut start = said.start;
            while start < said.end {
                let end = (start + UNKNOWN_SECONDS).min(said.end);
                if !is_pause(start.midpoint(end)) {
                    words.push(word(start, end, UNKNOWN));
                }
                start = end;
            }
        }
        words.sort_by_key(|word| word.end);
        Self { delays: Delays::default(), words, shown: 0, settled: 0, asked: None }
    }

    pub(crate) fn hint(&mut self, now: Timestamp, hint: Hint) {
        if hint == Hint::Finalize {
            self.asked.get_or_insert(now + self.delays.transcript);
        }
    }

    /// When the next answer is there.
    pub(crate) fn ready(&self) -> Option<Timestamp> {
        [self.asked, self.next_shown(), self.next_settled()].into_iter().flatten().min()
    }

    /// The answer that is there at `now`.
    pub(crate) fn take(&mut self, now: Timestamp) -> Option<Event> {
        if self.asked.is_some_and(|asked| asked <= now) {
            self.asked = None;
            let said =
                self.words.iter().filter(|word| word.end + self.delays.transcript <= now).count();
            return Some(self.settle(said, true));
        }
        if self.next_settled().is_some_and(|at| at <= now) {
            let said = self.utterance_end();
            return Some(self.settle(said, false));
        }
        if self.next_shown().is_some_and(|at| at <= now) {
            self.shown += 1;
            return Some(Event::Interim(self.text(self.shown)));
        }
        None
    }

    fn settle(&mut self, said: usize, finalized: bool) -> Event {
        let said = said.max(self.settled);
        let text = self.text(said);
        self.settled = said;
        self.shown = self.shown.max(said);
        Event::Final { text, finalized, until: None }
    }

    fn text(&self, until: usize) -> String {
        let words: Vec<&str> =
            self.words[self.settled..until].iter().map(|word| word.text.as_str()).collect();
        words.join(" ")
    }

    fn next_shown(&self) -> Option<Timestamp> {
        self.words.get(self.shown).map(|word| word.end + self.delays.interim)
    }

    fn next_settled(&self) -> Option<Timestamp> {
        let last = self.utterance_end().checked_sub(1).filter(|last| *last >= self.settled)?;
        Some(self.words[last].end + self.delays.endpointing + self.delays.transcript)
    }

    /// How many words there are up to the next silence that ends an utterance.
    fn utterance_end(&self) -> usize {
        let rest = &self.words[self.settled..];
        if rest.is_empty() {
            return self.settled;
        }
        let ends = |pair: &[Word]| pair[1].start.since(pair[0].end) >= self.delays.endpointing;
        self.settled + rest.windows(2).position(ends).unwrap_or(rest.len() - 1) + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_shown_and_settled_in_their_time() {
        let word = |start: f64, text: &str| {
            Label::new(start, start + 0.3, Kind::Word, format!("word {text}"))
        };
        let labels = [
            Label::new(1.0, 3.3, Kind::Speech, "speech"),
            word(1.0, "I'd"),
            word(1.3, "like,"),
            word(3.0, "two."),
        ];
        let mut recognizer = Streaming::new(&labels);
        let mut heard = Vec::new();
        while let Some(at) = recognizer.ready() {
            let event = recognizer.take(at).unwrap();
            heard.push((at.as_millis(), event));
        }
        let last = |text: &str| Event::Final { text: text.into(), finalized: false, until: None };
        let expected = [
            (1_450, Event::Interim("I'd".into())),
            (1_750, Event::Interim("I'd like,".into())),
            (2_000, last("I'd like,")),
            (3_450, Event::Interim("two".into())),
            (3_700, last("two")),
        ];
        assert_eq!(heard, expected);
    }
}
