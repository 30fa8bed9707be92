//! Words that were shown are kept: clause 8 of [`Asr`](super::Asr).

use std::pin::Pin;
use std::task::{Context, Poll};

use futures::Stream;
use futures::stream::BoxStream;

use super::{AsrEvent, Transcript, TurnSign};
use crate::error::Result;

/// Returns the same events without losing a word that an interim has shown.
///
/// For recognizers whose service may end an utterance without its words:
///
/// - a final without words gets those of the interim before it;
/// - an interim without words is dropped while words stand;
/// - words that stand when the turn or the stream ends, well or not, become final before that.
pub fn keep_words(
    events: BoxStream<'static, Result<AsrEvent>>,
) -> BoxStream<'static, Result<AsrEvent>> {
    Box::pin(KeptWords { events, shown: None, next: None, has_ended: false })
}

struct KeptWords {
    events: BoxStream<'static, Result<AsrEvent>>,
    /// The interim with words that no final has followed.
    shown: Option<Transcript>,
    /// What follows the words that became final.
    next: Option<Result<AsrEvent>>,
    has_ended: bool,
}

impl Stream for KeptWords {
    type Item = Result<AsrEvent>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(next) = self.next.take() {
                return Poll::Ready(Some(next));
            }
            if self.has_ended {
                return Poll::Ready(None);
            }
            match std::task::ready!(self.events.as_mut().poll_next(cx)) {
                Some(Ok(event)) => {
                    if let Some(event) = self.follow(event) {
                        return Poll::Ready(Some(Ok(event)));
                    }
                }
                end => {
                    self.has_ended = true;
                    self.next = end;
                    if let Some(words) = self.shown.take() {
                        return Poll::Ready(Some(Ok(AsrEvent::Final(words))));
                    }
                }
            }
        }
    }
}

impl KeptWords {
    fn follow(&mut self, event: AsrEvent) -> Option<AsrEvent> {
        match event {
            AsrEvent::Interim(words) if words.has_words() => {
                self.shown = Some(words.clone());
                Some(AsrEvent::Interim(words))
            }
            AsrEvent::Interim(nothing) => {
                self.shown.is_none().then_some(AsrEvent::Interim(nothing))
            }
            AsrEvent::Final(words) => Some(AsrEvent::Final(match self.shown.take() {
                Some(shown) if !words.has_words() => {
                    Transcript { finalized: words.finalized, ..shown }
                }
                _ => words,
            })),
            AsrEvent::Turn(TurnSign::Ended) => match self.shown.take() {
                Some(words) => {
                    self.next = Some(Ok(event));
                    Some(AsrEvent::Final(words))
                }
                None => Some(event),
            },
            AsrEvent::Turn(TurnSign::Started | TurnSign::EagerEnd | TurnSign::Resumed) => {
                Some(event)
            }
        }
    }
}
