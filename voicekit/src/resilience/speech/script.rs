//! The text that is to be spoken, kept so that it can be spoken again.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use tokio::time::Instant;

use crate::resilience::overlap::plain;

/// How many words of a text may be passed over to find a word that is said to be spoken. Voices
/// leave out what they do not pronounce.
const LOOK_AHEAD: usize = 8;

/// A text, as far as it has come, and where in it reading goes on.
pub(super) struct Script(Arc<Mutex<State>>);

struct State {
    source: BoxStream<'static, String>,
    /// All that has come.
    text: String,
    /// Where each clause of it ends.
    ends: Vec<usize>,
    /// Where reading goes on.
    at: usize,
    over: bool,
    /// Since when there has been something to pronounce that nobody has read before.
    waiting: Option<Instant>,
    /// The reader that counts. Those before it belong to voices that have failed.
    reader: u32,
}

impl Script {
    pub(super) fn new(source: BoxStream<'static, String>) -> Self {
        Self(Arc::new(Mutex::new(State {
            source,
            text: String::new(),
            ends: Vec::new(),
            at: 0,
            over: false,
            waiting: None,
            reader: 0,
        })))
    }

    /// The text from where reading goes on, in clauses. Readers before it end.
    pub(super) fn reader(&self) -> Reader {
        let mut state = self.state();
        state.reader += 1;
        state.waiting = state.text[state.at..].contains(char::is_alphanumeric).then(Instant::now);
        Reader { state: Arc::clone(&self.0), number: state.reader }
    }

    /// Where reading goes on.
    pub(super) fn position(&self) -> usize {
        self.state().at
    }

    /// Goes on reading from here. The reader that counted ends.
    pub(super) fn seek(&self, position: usize) {
        let mut state = self.state();
        state.reader += 1;
        state.at = position.min(state.text.len());
    }

    /// The text that has come, from `position` on.
    pub(super) fn text_from(&self, position: usize) -> String {
        self.state().text[position..].to_owned()
    }

    /// Whether all of the text has come and been read.
    pub(super) fn is_over(&self) -> bool {
        let state = self.state();
        state.over && state.at == state.text.len()
    }

    /// Since when the voice has had something to pronounce.
    pub(super) fn waiting_since(&self) -> Option<Instant> {
        self.state().waiting
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.0)
    }
}

/// Reads a script. Only the last one made reads anything.
pub(super) struct Reader {
    state: Arc<Mutex<State>>,
    number: u32,
}

impl Stream for Reader {
    type Item = String;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<String>> {
        let state = &mut *lock(&self.state);
        if state.reader != self.number {
            return Poll::Ready(None);
        }
        while state.at == state.text.len() && !state.over {
            match std::task::ready!(state.source.poll_next_unpin(cx)) {
                Some(clause) => {
                    state.text.push_str(&clause);
                    state.ends.push(state.text.len());
                    if clause.contains(char::is_alphanumeric) {
                        state.waiting.get_or_insert_with(Instant::now);
                    }
                }
                None => state.over = true,
            }
        }
        let Some(&end) = state.ends.iter().find(|end| **end > state.at) else {
            return Poll::Ready(None);
        };
        let clause = state.text[state.at..end].to_owned();
        state.at = end;
        Poll::Ready(Some(clause))
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A word of a text.
pub(super) struct Word<'a> {
    /// With the spaces after it.
    pub(super) text: &'a str,
    /// Where it ends in the text, with the spaces after it.
    pub(super) end: usize,
}

/// The words of `text`.
pub(super) fn words(text: &str) -> impl Iterator<Item = Word<'_>> {
    let mut end = 0;
    text.split_inclusive(char::is_whitespace).filter_map(move |piece| {
        end += piece.len();
        (!piece.trim().is_empty()).then_some(Word { text: piece, end })
    })
}

/// Where in `text` the last of `spoken` ends, in bytes.
pub(super) fn end_of_last<'a>(text: &str, spoken: impl Iterator<Item = &'a str>) -> usize {
    let words: Vec<(String, usize)> =
        words(text).map(|word| (plain(word.text), word.end)).collect();
    let mut at = 0;
    for word in spoken.map(plain) {
        let ahead = words[at..].iter().take(LOOK_AHEAD);
        if let Some(skipped) = ahead.into_iter().position(|(text, _)| *text == word) {
            at += skipped + 1;
        }
    }
    at.checked_sub(1).map_or(0, |last| words[last].1)
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use futures::stream;

    use super::*;

    #[test]
    fn reading_goes_on_where_it_is_told_to() {
        let script = Script::new(stream::iter(["One two. ", "Three."].map(str::to_owned)).boxed());
        let mut first = script.reader();
        assert_eq!(first.next().now_or_never(), Some(Some("One two. ".to_owned())));
        script.seek(4);
        let mut second = script.reader();
        assert_eq!(first.next().now_or_never(), Some(None));
        let rest: Vec<String> = second.by_ref().collect().now_or_never().unwrap_or_default();
        assert_eq!(rest, ["two. ", "Three."]);
        assert!(script.is_over());
    }

    #[test]
    fn the_end_of_a_spoken_word_is_found_across_what_is_not_pronounced() {
        let text = "Well \u{2014} we open at nine. ";
        assert_eq!(end_of_last(text, ["Well", "we"].into_iter()), "Well \u{2014} we ".len());
        assert_eq!(end_of_last(text, [].into_iter()), 0);
        assert_eq!(
            end_of_last(text, ["Well", "we", "open", "at", "nine."].into_iter()),
            text.len()
        );
    }
}
