//! The line: a [`Session`] on a socket.
//!
//! Both halves and the task that closes the socket share it behind a lock that is held for one
//! poll, never across a wait. There is no queue between them: events are read from the socket when
//! they are asked for, commands are written where they are sent.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use futures::stream::BoxStream;
use futures::{Sink as _, Stream, StreamExt as _};
use tokio::time::{Instant, Sleep, sleep};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::error::Error as WsError;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tracing::{debug, warn};
use voicekit_core::audio::AudioFormat;
use voicekit_core::control::CallControl;
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_core::transport::{
    CallInfo, Transport, TransportCommand, TransportEvent, TransportSink,
};

use super::session::{Over, Session};
use super::{Read, Socket, code, read};
use crate::SERVICE;
use crate::config::TwilioConfig;
use crate::control::Control;

/// A call's line. Dropping it, or both its halves, hangs up.
pub(super) struct TwilioLine {
    call: CallInfo,
    control: Option<Arc<Control>>,
    watchdog: Duration,
    outward: Outward,
    inward: Half,
}

impl TwilioLine {
    /// A line on `socket`, and the end that waits for its end.
    pub(super) fn new(
        socket: Socket,
        session: Session,
        call: CallInfo,
        control: Option<Arc<Control>>,
        config: &TwilioConfig,
    ) -> (Self, End) {
        let shared = Shared {
            socket: Some(socket),
            session,
            halves: 2,
            reader: None,
            writer: None,
            closer: None,
        };
        let shared = Arc::new(Mutex::new(shared));
        let outward = Outward {
            half: Half(Arc::clone(&shared)),
            queue_bytes: config.outbound_queue_bytes,
            write_timeout: config.write_timeout,
            stalled: None,
        };
        let inward = Half(Arc::clone(&shared));
        (Self { call, control, watchdog: config.watchdog, outward, inward }, End(shared))
    }
}

impl fmt::Debug for TwilioLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TwilioLine").field("call", &self.call).finish_non_exhaustive()
    }
}

impl Transport for TwilioLine {
    fn call(&self) -> &CallInfo {
        &self.call
    }

    fn format(&self) -> AudioFormat {
        AudioFormat::PHONE
    }

    fn control(&self) -> Option<Arc<dyn CallControl>> {
        self.control.clone().map(|control| control as Arc<dyn CallControl>)
    }

    fn split(
        self: Box<Self>,
    ) -> (Box<dyn TransportSink>, BoxStream<'static, Result<TransportEvent>>) {
        let Self { watchdog, outward, inward, .. } = *self;
        (Box::new(outward), Inward { half: inward, watchdog, silence: None }.boxed())
    }
}

pub(crate) struct Shared {
    /// Taken when the session is over, to be closed.
    socket: Option<Socket>,
    session: Session,
    /// How many halves have not been dropped.
    halves: u8,
    reader: Option<Waker>,
    writer: Option<Waker>,
    closer: Option<Waker>,
}

impl Shared {
    /// Writes what the session has to say, as far as the network takes it.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WsError>> {
        let Some(socket) = &mut self.socket else { return Poll::Ready(Ok(())) };
        let mut socket = Pin::new(socket);
        while self.session.queued_bytes() > 0 {
            ready!(socket.as_mut().poll_ready(cx))?;
            if let Some(text) = self.session.poll_frame() {
                socket.as_mut().start_send(Message::Text(text))?;
            }
        }
        socket.poll_flush(cx)
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Message, WsError>>> {
        match &mut self.socket {
            Some(socket) => socket.poll_next_unpin(cx),
            None => Poll::Ready(None),
        }
    }

    /// Goes on with what a full network kept from being written. Errors are left to reading, which
    /// may still find why the peer left.
    fn keep_writing(&mut self, cx: &mut Context<'_>) {
        if self.session.queued_bytes() == 0 {
            return;
        }
        if let Poll::Ready(Err(error)) = self.poll_write(cx) {
            debug!(%error, "cannot write");
        }
        if let Some(writer) = self.writer.take() {
            writer.wake();
        }
    }

    /// Wakes everyone who waits for a line that is over.
    fn wake_if_over(&mut self) {
        if self.session.is_over() {
            let wakers = [self.reader.take(), self.writer.take(), self.closer.take()];
            wakers.into_iter().flatten().for_each(Waker::wake);
        }
    }
}

/// One of the two halves.
struct Half(Arc<Mutex<Shared>>);

impl Half {
    fn lock(&self) -> MutexGuard<'_, Shared> {
        lock(&self.0)
    }
}

impl Drop for Half {
    fn drop(&mut self) {
        let mut shared = self.lock();
        shared.halves -= 1;
        if shared.halves == 0 {
            shared.session.handle_hang_up();
            shared.wake_if_over();
        }
    }
}

/// The direction towards the caller.
struct Outward {
    half: Half,
    queue_bytes: usize,
    write_timeout: Duration,
    /// Fires when the network has taken nothing for as long as that. With the bytes that were
    /// queued when it was set.
    stalled: Option<(Pin<Box<Sleep>>, usize)>,
}

impl Outward {
    /// Waits until less than the bound is queued, or there is no use in waiting.
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let mut shared = self.half.lock();
        if shared.session.is_over() {
            return Poll::Ready(Ok(()));
        }
        if let Poll::Ready(Err(error)) = shared.poll_write(cx) {
            return Poll::Ready(Err(broken(error)));
        }
        let (queued, write_timeout) = (shared.session.queued_bytes(), self.write_timeout);
        if queued < self.queue_bytes {
            self.stalled = None;
            return Poll::Ready(Ok(()));
        }
        shared.writer = Some(cx.waker().clone());
        if self.stalled.as_ref().is_some_and(|(_, before)| queued < *before) {
            self.stalled = None;
        }
        let (stalled, _) =
            self.stalled.get_or_insert_with(|| (Box::pin(sleep(write_timeout)), queued));
        ready!(expired(stalled, write_timeout, cx));
        warn!(?write_timeout, "the network takes nothing: the line is lost");
        shared.session.handle_loss();
        shared.wake_if_over();
        Poll::Ready(Err(Error::new(ErrorKind::Connection, SERVICE, "the network takes nothing")))
    }
}

impl TransportSink for Outward {
    /// Waits for room in the queue, then takes the command as a whole. `Clear` and `HangUp` wait
    /// for nothing.
    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        command: &mut Option<TransportCommand>,
    ) -> Poll<Result<()>> {
        if !matches!(command, Some(TransportCommand::Clear | TransportCommand::HangUp)) {
            ready!(self.poll_room(cx))?;
        }
        let Some(command) = command.take() else { return Poll::Ready(Ok(())) };
        let mut shared = self.half.lock();
        shared.session.handle_command(command)?;
        shared.wake_if_over();
        match shared.poll_write(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(broken(error))),
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Ready(Ok(())),
        }
    }
}

/// The direction from the caller.
struct Inward {
    half: Half,
    watchdog: Duration,
    /// Fires when nothing has come for as long as the watchdog waits.
    silence: Option<Pin<Box<Sleep>>>,
}

impl Stream for Inward {
    type Item = Result<TransportEvent>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Self { half, watchdog, silence } = &mut *self;
        let silence = silence.get_or_insert_with(|| Box::pin(sleep(*watchdog)));
        let mut shared = half.lock();
        loop {
            if let Some(event) = shared.session.poll_event() {
                return Poll::Ready(Some(event));
            }
            if shared.session.is_over() {
                return Poll::Ready(None);
            }
            shared.keep_writing(cx);
            match shared.poll_read(cx) {
                Poll::Ready(message) => {
                    silence.as_mut().reset(Instant::now() + *watchdog);
                    match read(message) {
                        Read::Text(text) => shared.session.handle_text(&text),
                        Read::Nothing => {}
                        Read::Lost => shared.session.handle_loss(),
                        Read::Fault(fault) => shared.session.handle_fault(fault),
                    }
                }
                Poll::Pending => {
                    shared.reader = Some(cx.waker().clone());
                    ready!(expired(silence, *watchdog, cx));
                    warn!(watchdog = ?*watchdog, "nothing comes from the carrier: the line is lost");
                    shared.session.handle_loss();
                }
            }
            shared.wake_if_over();
        }
    }
}

/// How late a timer may fire before the process counts as having stood still.
const LATE: Duration = Duration::from_millis(500);

/// Waits until `timer` fires. One that fires late is set again for `period`: the process stood
/// still (a machine that was paused, a stopped process), and the peer has had no chance to be heard.
fn expired(timer: &mut Pin<Box<Sleep>>, period: Duration, cx: &mut Context<'_>) -> Poll<()> {
    loop {
        ready!(timer.as_mut().poll(cx));
        let now = Instant::now();
        if now.duration_since(timer.deadline()) < LATE {
            return Poll::Ready(());
        }
        debug!("the process stood still: the line is given its time again");
        timer.as_mut().reset(now + period);
    }
}

/// Waits for the end of a line and closes its socket.
pub(super) struct End(Arc<Mutex<Shared>>);

/// Ends a line because a newer stream has taken its call over.
pub(crate) struct Displace(Weak<Mutex<Shared>>);

impl Displace {
    pub(crate) fn displace(&self) {
        let Some(shared) = self.0.upgrade() else { return };
        let mut shared = lock(&shared);
        shared.session.handle_displacement();
        shared.wake_if_over();
    }

    /// Whether a newer stream has taken over, or the line is gone.
    pub(super) fn is_displaced(&self) -> bool {
        let shared = self.0.upgrade();
        shared.is_none_or(|shared| lock(&shared).session.over() == Some(Over::Displaced))
    }
}

impl End {
    /// The way to end the line from outside.
    pub(super) fn displace(&self) -> Displace {
        Displace(Arc::downgrade(&self.0))
    }

    /// Returns when the session is over, or both halves are dropped, and the socket is closed.
    /// `seat` is dropped as soon as the session is over.
    pub(super) async fn close<T>(self, seat: T) {
        let (socket, over) = futures::future::poll_fn(|cx| self.poll_over(cx)).await;
        drop(seat);
        let Some(socket) = socket else { return };
        match over {
            Over::Ended(_) => super::close(socket, CloseCode::Normal, "").await,
            Over::Displaced => {
                super::close(socket, CloseCode::Policy, "a newer stream has taken the call over")
                    .await;
            }
            Over::Fault(fault) => super::close(socket, code(fault), fault.why()).await,
        }
    }

    fn poll_over(&self, cx: &Context<'_>) -> Poll<(Option<Socket>, Over)> {
        let mut shared = lock(&self.0);
        let Some(over) = shared.session.over() else {
            shared.closer = Some(cx.waker().clone());
            return Poll::Pending;
        };
        Poll::Ready((shared.socket.take(), over))
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn broken(error: WsError) -> Error {
    Error::new(ErrorKind::Connection, SERVICE, "the socket broke").with_source(error)
}
