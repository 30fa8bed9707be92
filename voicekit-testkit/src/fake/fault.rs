//! Ways in which a fake's stream goes wrong.

use std::future::pending;
use std::sync::Arc;

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use voicekit_core::error::{Error, ErrorKind, Result};

use super::journal::Page;

/// How a stream goes wrong. Items are what the stream gives out: events, pieces of text or audio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The stream cannot be opened.
    Refuse(ErrorKind),
    /// The stream fails after this many items.
    Fail(usize, ErrorKind),
    /// The stream gives nothing after this many items, and does not end.
    Stall(usize),
    /// The stream ends after this many items, as if it were complete.
    Truncate(usize),
}

/// Faults by the number of the stream.
#[derive(Clone, Debug, Default)]
pub(super) struct Faults(Vec<(usize, Fault)>);

impl Faults {
    pub(super) fn add(&mut self, stream: usize, fault: Fault) {
        self.0.push((stream, fault));
    }

    /// The error with which to refuse this stream, if it is to be refused.
    pub(super) fn refusal(&self, service: &'static str, stream: usize) -> Result<()> {
        match self.of(stream) {
            Some(Fault::Refuse(kind)) => Err(Error::new(kind, service, "refused by the test")),
            Some(Fault::Fail(..) | Fault::Stall(_) | Fault::Truncate(_)) | None => Ok(()),
        }
    }

    /// The stream with its fault built in; its end is noted on the page.
    pub(super) fn apply<T: Send + 'static, P: Send + Sync + 'static>(
        &self,
        service: &'static str,
        page: Arc<Page<P>>,
        stream: BoxStream<'static, Result<T>>,
    ) -> BoxStream<'static, Result<T>> {
        let fault = self.of(page.index());
        let state = Faulty { service, page, fault, given: 0, stream: Some(stream) };
        stream::unfold(state, |mut state| async { state.next().await.map(|item| (item, state)) })
            .fuse()
            .boxed()
    }

    fn of(&self, stream: usize) -> Option<Fault> {
        self.0.iter().find(|(number, _)| *number == stream).map(|&(_, fault)| fault)
    }
}

struct Faulty<T, P> {
    service: &'static str,
    page: Arc<Page<P>>,
    fault: Option<Fault>,
    given: usize,
    /// `None` after an error, which is the last item.
    stream: Option<BoxStream<'static, Result<T>>>,
}

impl<T, P> Faulty<T, P> {
    async fn next(&mut self) -> Option<Result<T>> {
        match self.fault {
            Some(Fault::Fail(after, kind)) if self.given == after => {
                drop(self.stream.take()?);
                self.page.end();
                return Some(Err(Error::new(kind, self.service, "failed by the test")));
            }
            Some(Fault::Stall(after)) if self.given == after => pending().await,
            Some(Fault::Truncate(after)) if self.given == after => self.stream = None,
            Some(Fault::Refuse(_) | Fault::Fail(..) | Fault::Stall(_) | Fault::Truncate(_))
            | None => {}
        }
        let item = match &mut self.stream {
            Some(stream) => stream.next().await,
            None => None,
        };
        self.given += 1;
        if item.is_none() {
            self.page.end();
        }
        item
    }
}
