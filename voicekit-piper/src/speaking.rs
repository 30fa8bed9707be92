//! One stream of speech: clauses are asked for ahead and given out in order, in one format.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use futures::stream::{BoxStream, Fuse};
use futures::{FutureExt, Stream, StreamExt};
use voicekit_core::audio::{AudioChunk, AudioFormat};
use voicekit_core::dsp::Converter;
use voicekit_core::error::{Error, Result};
use voicekit_core::tts::Spoken;

use crate::piper::Answer;
use crate::text::utterance;

type Ask = Box<dyn FnMut(String) -> BoxFuture<'static, Result<Answer>> + Send>;

/// Nothing happens unless it is polled. Dropping it drops what was asked for, and with that its
/// connections.
pub(crate) struct Speaking {
    text: Fuse<BoxStream<'static, String>>,
    ask: Ask,
    concurrency: usize,
    format: AudioFormat,
    /// What is heard, and what makes it the right format.
    heard: Option<(Answer, Option<Converter>)>,
    /// The clauses after it, in order.
    ahead: VecDeque<Ahead>,
}

enum Ahead {
    Asked(BoxFuture<'static, Result<Answer>>),
    Answered(Result<Answer>),
}

impl Speaking {
    pub(crate) fn new(
        text: BoxStream<'static, String>,
        ask: impl FnMut(String) -> BoxFuture<'static, Result<Answer>> + Send + 'static,
        concurrency: usize,
        format: AudioFormat,
    ) -> Self {
        let (text, ask) = (text.fuse(), Box::new(ask));
        Self { text, ask, concurrency, format, heard: None, ahead: VecDeque::new() }
    }

    /// Asks for as many clauses as may be with the server at once.
    fn poll_ahead(&mut self, cx: &mut Context<'_>) {
        while self.ahead.len() + usize::from(self.heard.is_some()) < self.concurrency {
            let Poll::Ready(Some(clause)) = self.text.poll_next_unpin(cx) else { break };
            if let Some(text) = utterance(&clause) {
                self.ahead.push_back(Ahead::Asked((self.ask)(text)));
            }
        }
        for one in &mut self.ahead {
            if let Ahead::Asked(asking) = one
                && let Poll::Ready(answer) = asking.poll_unpin(cx)
            {
                *one = Ahead::Answered(answer);
            }
        }
    }

    /// Goes on with the next clause; `false` if that is still to come.
    fn advance(&mut self) -> Result<bool> {
        match self.ahead.pop_front() {
            Some(Ahead::Answered(answer)) => {
                self.heard = Some((answer?, None));
                Ok(true)
            }
            Some(asked @ Ahead::Asked(_)) => {
                self.ahead.push_front(asked);
                Ok(false)
            }
            None => Ok(false),
        }
    }

    /// The next audio of the clause that is heard, as it is to be given out.
    fn poll_heard(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<AudioChunk>>> {
        let Some((answer, converter)) = &mut self.heard else { return Poll::Ready(Ok(None)) };
        let Some(chunk) = std::task::ready!(answer.poll_next_unpin(cx)).transpose()? else {
            let rest = converter.as_mut().map(Converter::flush).transpose();
            self.heard = None;
            return Poll::Ready(rest);
        };
        let converter = match converter {
            Some(converter) => converter,
            None => converter.insert(Converter::new(chunk.format(), self.format)?),
        };
        Poll::Ready(converter.process(&chunk).map(Some))
    }

    fn fail(&mut self, error: Error) -> Poll<Option<Result<Spoken>>> {
        self.heard = None;
        self.ahead.clear();
        self.text = futures::stream::empty().boxed().fuse();
        Poll::Ready(Some(Err(error)))
    }
}

impl Stream for Speaking {
    type Item = Result<Spoken>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            self.poll_ahead(cx);
            if self.heard.is_some() {
                match std::task::ready!(self.poll_heard(cx)) {
                    Ok(Some(chunk)) if !chunk.is_empty() => {
                        return Poll::Ready(Some(Ok(Spoken::Audio(chunk))));
                    }
                    Ok(_) => continue,
                    Err(error) => return self.fail(error),
                }
            }
            match self.advance() {
                Ok(true) => {}
                Ok(false) if self.ahead.is_empty() && self.text.is_done() => {
                    return Poll::Ready(None);
                }
                Ok(false) => return Poll::Pending,
                Err(error) => return self.fail(error),
            }
        }
    }
}
