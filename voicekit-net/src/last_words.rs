//! No word is lost at the end of a stream.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures::Stream;
use futures::stream::BoxStream;
use voicekit_core::asr::{AsrEvent, Transcript};
use voicekit_core::error::{Error, Result};

/// The same events; but where they end, well or not, while an interim stands, it becomes final.
pub fn keep_last_words(
    events: BoxStream<'static, Result<AsrEvent>>,
) -> BoxStream<'static, Result<AsrEvent>> {
    Box::pin(LastWords { events, interim: None, end: None })
}

struct LastWords {
    events: BoxStream<'static, Result<AsrEvent>>,
    /// What stands.
    interim: Option<Transcript>,
    /// The events are over, with an error that is still to be told or not.
    end: Option<Option<Error>>,
}

impl Stream for LastWords {
    type Item = Result<AsrEvent>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.end.is_none() {
            match std::task::ready!(self.events.as_mut().poll_next(cx)) {
                Some(Ok(event)) => {
                    self.follow(&event);
                    return Poll::Ready(Some(Ok(event)));
                }
                Some(Err(error)) => self.end = Some(Some(error)),
                None => self.end = Some(None),
            }
        }
        if let Some(words) = self.interim.take() {
            return Poll::Ready(Some(Ok(AsrEvent::Final(words))));
        }
        Poll::Ready(self.end.as_mut().and_then(Option::take).map(Err))
    }
}

impl LastWords {
    fn follow(&mut self, event: &AsrEvent) {
        match event {
            AsrEvent::Interim(words) => self.interim = Some(words.clone()),
            AsrEvent::Final(_) => self.interim = None,
            // A sign changes no words.
            AsrEvent::Turn(_) | _ => {}
        }
    }
}
