//! The playout ledger: which words of a reply the caller has heard.
//!
//! A reply exists three times: as text, as audio, and as what the caller has heard of it.
//! [`Ledger`] ties them together. Text comes in clauses, audio in durations, word times if the
//! voice gives them, and marks as the carrier plays the audio. From these it tells the playout
//! position at any time, and the text up to that position, cut at a word boundary.
//!
//! # Position
//!
//! The carrier plays what it is sent at once and without gaps, so the position runs with the
//! clock from the moment audio is there, stands still when it has all been played, and is set
//! right by every mark that returns. It never passes the end of the audio made so far.
//!
//! # Words
//!
//! A word has been heard when the position has passed its end. Where the voice gives no times,
//! they are taken to be spread over the audio in proportion to their length; while the audio is
//! still being made, at [`CHARS_PER_SECOND`]. Where times are late, by more than a second, the words
//! after the last known time are taken to follow it at the pace of those before.
//!
//! # Invariants
//!
//! - What has been heard only grows, until the ledger is dropped.
//! - It is a prefix of the text, cut between words.

use std::time::Duration;

use crate::time::Timestamp;
use crate::tts::SpokenWord;

/// The usual rate of English speech: 150 words a minute of six characters each, the space
/// included.
pub const CHARS_PER_SECOND: f64 = 15.0;

/// Word times that lag behind what is heard by more than this are late. Longer than a voice pauses
/// between sentences, in which no word is spoken.
const LATE: Duration = Duration::from_secs(1);

/// How many words a word time may skip to find the word it belongs to. Voices leave out what
/// they do not pronounce, such as a lone dash.
const LOOK_AHEAD: usize = 8;

/// The words, audio and playout of one reply.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    words: Vec<Word>,
    /// The number of words whose time the voice has given or passed over.
    timed: usize,
    made: Duration,
    finished: bool,
    held: bool,
    /// The position at a moment from which it runs with the clock.
    anchor: Option<(Duration, Timestamp)>,
    /// The furthest position that the carrier has confirmed.
    played: Duration,
    /// The number of words that have been reported as heard.
    heard: usize,
}

/// One word and the spaces after it.
#[derive(Clone, Debug)]
struct Word {
    text: String,
    end: Option<Duration>,
}

impl Ledger {
    /// An empty ledger.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the next piece of text; pieces join without a space.
    pub fn clause(&mut self, text: &str) {
        let mut rest = text;
        if let Some(last) = self.words.last_mut() {
            let joined = joined_len(&last.text, rest);
            last.text.push_str(&rest[..joined]);
            rest = &rest[joined..];
        }
        while !rest.is_empty() {
            let (word, tail) = rest.split_at(word_len(rest));
            self.words.push(Word { text: word.to_owned(), end: None });
            rest = tail;
        }
    }

    /// Notes where a word lies. A word that is not in the text ahead is ignored.
    pub fn word(&mut self, spoken: &SpokenWord) {
        let ahead = self.words.iter().enumerate().skip(self.timed).take(LOOK_AHEAD);
        let Some((index, _)) = ahead.into_iter().find(|(_, word)| same(&word.text, &spoken.text))
        else {
            return;
        };
        for skipped in &mut self.words[self.timed..index] {
            skipped.end = Some(spoken.start);
        }
        self.words[index].end = Some(spoken.end);
        self.timed = index + 1;
    }

    /// Notes that more audio is ready to be played.
    pub fn audio(&mut self, now: Timestamp, duration: Duration) {
        let position = self.position(now);
        if position >= self.made && !self.held {
            self.anchor = Some((position, now));
        }
        self.made += duration;
    }

    /// Notes that no more text and audio will come.
    pub fn finish(&mut self) {
        self.finished = true;
    }

    /// Notes that nothing more will come, although there should have been more: the text ends
    /// where the audio made so far ends.
    pub fn finish_early(&mut self) {
        let spoken = self.words_before(self.made);
        self.words.truncate(spoken.max(self.heard));
        self.timed = self.timed.min(self.words.len());
        self.finished = true;
    }

    /// Keeps the audio back from here on, and returns from where it is to go on: the position,
    /// or the start of the word that it lies in; whole microseconds, as marks and traces have.
    pub fn hold(&mut self, now: Timestamp) -> Duration {
        let position = self.position(now);
        let from = self.word_start(position);
        let from = from.saturating_sub(Duration::from_nanos((from.subsec_nanos() % 1_000).into()));
        self.heard = self.heard.max(self.words_before(position));
        self.anchor = Some((from, now));
        self.held = true;
        from
    }

    /// Lets the position run again.
    pub fn release(&mut self, now: Timestamp) {
        let position = self.position(now);
        self.held = false;
        self.anchor = Some((position, now));
    }

    /// Notes that everything before `position` has been heard.
    pub fn played(&mut self, now: Timestamp, position: Duration) {
        self.played = self.played.max(position.min(self.made));
        if !self.held {
            self.anchor = Some((self.played, now));
        }
    }

    /// How far into the audio the caller is.
    pub fn position(&self, now: Timestamp) -> Duration {
        let Some((position, at)) = self.anchor else { return Duration::ZERO };
        if self.held {
            return position;
        }
        (position + now.since(at)).min(self.made)
    }

    /// How much audio there is so far.
    pub fn made(&self) -> Duration {
        self.made
    }

    /// Whether all text and audio has been made.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// Whether the carrier has confirmed that all audio made so far was played.
    pub fn is_played(&self) -> bool {
        self.played >= self.made
    }

    /// When the audio made so far will have been played, by the clock.
    pub fn ends_at(&self, now: Timestamp) -> Timestamp {
        now + self.made.saturating_sub(self.position(now))
    }

    /// The whole text so far.
    pub fn text(&self) -> String {
        self.words.iter().map(|word| word.text.as_str()).collect()
    }

    /// The words that the caller has heard, with the spaces between them.
    pub fn heard(&mut self, now: Timestamp) -> String {
        let position = self.position(now);
        let complete = self.finished && self.made > Duration::ZERO && position >= self.made;
        let count = if complete { self.words.len() } else { self.words_before(position) };
        self.heard = self.heard.max(count);
        self.words[..self.heard].iter().map(|word| word.text.as_str()).collect()
    }

    fn words_before(&self, position: Duration) -> usize {
        let timed = self.words[..self.timed].iter();
        let timed = timed.take_while(|word| word.end.is_some_and(|end| end <= position)).count();
        if timed < self.timed {
            return timed;
        }
        let since = self.timed_end().map_or(Duration::ZERO, |end| end + LATE);
        let mut left = position.saturating_sub(since).as_secs_f64() * self.chars_per_second();
        let chars = self.words[timed..].iter().map(|word| word.text.chars().count());
        let heard = chars.take_while(|&count| {
            left -= f64::from(u32::try_from(count).unwrap_or(u32::MAX));
            left >= 0.0
        });
        timed + heard.count()
    }

    /// The end of the last word whose time is known.
    fn timed_end(&self) -> Option<Duration> {
        self.timed.checked_sub(1).and_then(|last| self.words[last].end)
    }

    /// Where the word at `position` starts, as far as that is known.
    fn word_start(&self, position: Duration) -> Duration {
        let heard = self.words_before(position);
        if self.timed > 0 {
            // Of a word without a time it is not known where it ends: it goes on from where it is.
            let last = heard.checked_sub(1).map(|last| self.words[last].end.unwrap_or(position));
            return last.unwrap_or_default().min(position);
        }
        let chars: usize = self.words[..heard].iter().map(|word| word.text.chars().count()).sum();
        let chars = f64::from(u32::try_from(chars).unwrap_or(u32::MAX));
        Duration::from_secs_f64(chars / self.chars_per_second()).min(position)
    }

    fn chars_per_second(&self) -> f64 {
        if let Some(end) = self.timed_end().filter(|end| !end.is_zero()) {
            let chars = self.words[..self.timed].iter().map(|word| word.text.chars().count());
            let chars = u32::try_from(chars.sum::<usize>()).unwrap_or(u32::MAX);
            return f64::from(chars) / end.as_secs_f64();
        }
        let seconds = self.made.as_secs_f64();
        let chars: usize = self.words.iter().map(|word| word.text.chars().count()).sum();
        if !self.finished || seconds == 0.0 || chars == 0 {
            return CHARS_PER_SECOND;
        }
        f64::from(u32::try_from(chars).unwrap_or(u32::MAX)) / seconds
    }
}

/// The length of the first word of `text` with the spaces before and after it.
fn word_len(text: &str) -> usize {
    let start = text.len() - text.trim_start().len();
    joined_len(&text[..start], &text[start..]) + start
}

/// How many bytes of `rest` still belong to a word that begins with `word`.
fn joined_len(word: &str, rest: &str) -> usize {
    let spaced = word.ends_with(char::is_whitespace) && !word.trim().is_empty();
    let letters = if spaced { 0 } else { rest.find(char::is_whitespace).unwrap_or(rest.len()) };
    let tail = &rest[letters..];
    letters + (tail.len() - tail.trim_start().len())
}

/// Whether the two are the same word but for case, spaces and punctuation.
fn same(a: &str, b: &str) -> bool {
    fn letters(text: &str) -> impl Iterator<Item = char> {
        text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase)
    }
    letters(a).eq(letters(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn without_word_times_words_are_spread_over_the_audio() {
        let mut ledger = Ledger::new();
        ledger.clause("We are open ");
        ledger.clause("from nine to five.");
        ledger.audio(at(0), ms(3_000));
        ledger.finish();
        assert_eq!(ledger.heard(at(0)), "");
        assert_eq!(ledger.heard(at(1_200)), "We are open ");
        assert_eq!(ledger.heard(at(1_700)), "We are open from ");
        assert_eq!(ledger.heard(at(3_000)), "We are open from nine to five.");
    }

    #[test]
    fn word_times_decide_where_they_are_known() {
        let mut ledger = Ledger::new();
        ledger.clause("Yes — we do.");
        ledger.audio(at(1_000), ms(2_000));
        ledger.word(&SpokenWord::new("Yes", ms(0), ms(300)));
        ledger.word(&SpokenWord::new("we", ms(500), ms(700)));
        ledger.word(&SpokenWord::new("do.", ms(700), ms(1_900)));
        assert_eq!(ledger.heard(at(1_299)), "");
        assert_eq!(ledger.heard(at(1_300)), "Yes ");
        assert_eq!(ledger.heard(at(1_500)), "Yes — ");
        assert_eq!(ledger.heard(at(1_800)), "Yes — we ");
    }

    #[test]
    fn words_without_times_follow_the_last_time_at_its_pace_once_times_are_late() {
        let mut ledger = Ledger::new();
        ledger.clause("One two three four five six.");
        ledger.audio(at(0), ms(6_000));
        ledger.word(&SpokenWord::new("One", ms(0), ms(400)));
        ledger.word(&SpokenWord::new("two", ms(400), ms(800)));
        // Ten characters a second; within the second after "two", the voice may have paused.
        assert_eq!(ledger.heard(at(1_800)), "One two ");
        assert_eq!(ledger.heard(at(2_399)), "One two ");
        assert_eq!(ledger.heard(at(2_400)), "One two three ");
        assert_eq!(ledger.heard(at(2_900)), "One two three four ");
        // A time that comes takes nothing back.
        ledger.word(&SpokenWord::new("three", ms(1_000), ms(3_500)));
        assert_eq!(ledger.heard(at(3_000)), "One two three four ");
    }

    #[test]
    fn a_clause_may_end_inside_a_word() {
        let mut ledger = Ledger::new();
        for piece in ["It co", "sts ", "  3", ".50 ", "euros"] {
            ledger.clause(piece);
        }
        assert_eq!(ledger.text(), "It costs   3.50 euros");
        assert_eq!(ledger.words.len(), 4);
    }

    #[test]
    fn the_position_stands_still_while_there_is_nothing_to_play() {
        let mut ledger = Ledger::new();
        ledger.audio(at(0), ms(100));
        assert_eq!(ledger.position(at(500)), ms(100));
        ledger.audio(at(1_000), ms(100));
        assert_eq!(ledger.position(at(1_050)), ms(150));
        assert_eq!(ledger.ends_at(at(1_050)), at(1_100));
    }

    #[test]
    fn a_mark_sets_the_position_right_and_what_was_heard_stays_heard() {
        let mut ledger = Ledger::new();
        ledger.clause("one two three four five six seven ");
        ledger.audio(at(0), ms(2_000));
        ledger.finish();
        let before = ledger.heard(at(1_000));
        ledger.played(at(1_000), ms(500));
        assert_eq!(ledger.position(at(1_000)), ms(500));
        assert_eq!(ledger.heard(at(1_000)), before);
        assert!(!ledger.is_played());
        ledger.played(at(2_500), ms(2_000));
        assert!(ledger.is_played());
    }

    #[test]
    fn held_audio_is_not_heard() {
        let mut ledger = Ledger::new();
        assert_eq!(ledger.hold(at(0)), ms(0));
        ledger.clause("hello ");
        ledger.audio(at(0), ms(600));
        ledger.finish();
        assert_eq!(ledger.heard(at(5_000)), "");
        ledger.release(at(5_000));
        assert_eq!(ledger.position(at(5_100)), ms(100));
        assert_eq!(ledger.ends_at(at(5_100)), at(5_600));
    }

    #[test]
    fn a_held_reply_goes_on_from_the_start_of_the_word_it_was_in() {
        let mut timed = Ledger::new();
        timed.clause("We bake rye.");
        timed.audio(at(0), ms(1_000));
        for (word, start, end) in [("We", 0, 200), ("bake", 250, 500), ("rye.", 550, 1_000)] {
            timed.word(&SpokenWord::new(word, ms(start), ms(end)));
        }
        assert_eq!(timed.hold(at(600)), ms(500));
        // A mark that was on its way does not move the place.
        timed.played(at(650), ms(620));
        timed.release(at(2_000));
        assert_eq!(timed.position(at(2_100)), ms(600));

        let mut untimed = Ledger::new();
        untimed.clause("one two three four five ");
        untimed.audio(at(0), ms(2_400));
        untimed.finish();
        assert_eq!(untimed.hold(at(1_000)), ms(800));
    }
}
