//! Answers that come as server-sent events.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use tokio::time::timeout;
use voicekit_core::error::{Result, Retry};

use crate::sse::Event;

/// How long the end of the body may come after the service's last word. Usually it is in the same
/// packet; it is read so that the connection can be used again.
const LAST_WORD: Duration = Duration::from_millis(50);

/// What a service says in events. Pure: neither clock nor socket.
pub trait EventCodec: Send + 'static {
    /// What an event means.
    type Out: Send + 'static;

    /// Understands one event. `Break` if it was the service's last word.
    ///
    /// # Errors
    ///
    /// `Protocol` if it is malformed; what the event says if it reports a failure. What was put
    /// into `to` before is still given out.
    fn decode(&mut self, event: Event, to: &mut VecDeque<Self::Out>) -> Result<ControlFlow<()>>;

    /// The events have ended without the service's last word.
    ///
    /// # Errors
    ///
    /// `Protocol` if the answer was cut off.
    fn finish(&mut self, to: &mut VecDeque<Self::Out>) -> Result<()>;
}

/// What `codec` makes of `events`. The stream ends after the service's last word or one error.
///
/// What the last word completes is given at once; the end of the stream then waits for that of the
/// body, for 50 ms at most. Whoever reads it to its end can use the connection again.
///
/// An error after the first item is never worth a retry, whatever its kind: what was given out
/// cannot be taken back.
pub fn decode<C: EventCodec>(
    events: BoxStream<'static, Result<Event>>,
    codec: C,
) -> BoxStream<'static, Result<C::Out>> {
    let decoding = Decoding {
        events,
        codec,
        ready: VecDeque::new(),
        end: None,
        has_rest: false,
        given: false,
    };
    stream::unfold(decoding, |mut decoding| async move {
        let item = decoding.next().await?;
        Some((item, decoding))
    })
    .boxed()
}

struct Decoding<C: EventCodec> {
    events: BoxStream<'static, Result<Event>>,
    codec: C,
    ready: VecDeque<C::Out>,
    /// How it ended, once it did; the error is given out after what is ready.
    end: Option<Result<()>>,
    /// Whether the body was not read to its end.
    has_rest: bool,
    given: bool,
}

impl<C: EventCodec> Decoding<C> {
    async fn next(&mut self) -> Option<Result<C::Out>> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                self.given = true;
                return Some(Ok(item));
            }
            if std::mem::take(&mut self.has_rest) {
                let rest = async { while self.events.next().await.is_some() {} };
                let _ = timeout(LAST_WORD, rest).await;
            }
            if let Some(end) = &mut self.end {
                let error = std::mem::replace(end, Ok(())).err()?;
                return Some(Err(if self.given { error.with_retry(Retry::Never) } else { error }));
            }
            self.take().await;
        }
    }

    async fn take(&mut self) {
        self.end = match self.events.next().await {
            Some(Ok(event)) => match self.codec.decode(event, &mut self.ready) {
                Ok(ControlFlow::Continue(())) => None,
                Ok(ControlFlow::Break(())) => {
                    self.has_rest = true;
                    Some(Ok(()))
                }
                Err(error) => Some(Err(error)),
            },
            Some(Err(error)) => Some(Err(error)),
            None => Some(self.codec.finish(&mut self.ready)),
        };
    }
}
