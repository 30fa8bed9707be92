//! The task that owns a connection.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::SinkExt;
use futures::channel::{mpsc, oneshot};
use futures::future::{Either, select};
use futures::stream::BoxStream;
use tokio::time::{Instant, Sleep, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Message;
use voicekit_core::error::{Error, ErrorKind, Result};

use super::config::{Overflow, PumpConfig};
use super::log::{Log, Next};
use super::positions::Positions;
use super::room::{Room, Weigh};
use super::{Given, Link};
use crate::codec::{Inbox, Outbox, Understood, WireCodec};
use crate::silence::Silence;
use crate::websocket::{OpenError, Read, WebSocket};

/// Frames that may wait to be sent before the input is not read on: a sentence or two in the
/// smallest pieces that models give.
const MOST_FRAMES: usize = 64;

/// The same in bytes: more than the text of any reply.
const MOST_FRAME_BYTES: usize = 256 * 1024;

/// How long a service may say nothing at all before the end of the stream is worth a warning.
const SILENT: Duration = Duration::from_secs(5);

/// How long a connection lives before it counts as good, so that reconnecting starts anew.
const STABLE: Duration = Duration::from_secs(5);

/// What is left for last words after the output was dropped or has ended.
const FAREWELL: Duration = Duration::from_secs(1);

/// Close codes that are never sent (RFC 6455, section 7.4.1): none was given; it just ended.
const NO_CODE: u16 = 1005;
const ABRUPT: u16 = 1006;

pub(super) async fn run<C: WireCodec>(
    link: Link,
    codec: C,
    input: BoxStream<'static, C::In>,
    config: PumpConfig,
    output: Outputs<C::Out>,
    owned: oneshot::Receiver<()>,
) {
    let mut task = Task::new(link, codec, input, config, output);
    let is_over = {
        let serving = pin!(task.serve());
        matches!(select(owned, serving).await, Either::Right(_))
    };
    task.input = None;
    task.output.sender.close_channel();
    if !is_over {
        task.warn_if_silent();
    }
    let words = if is_over { VecDeque::new() } else { task.last_words() };
    task.leave(words).await;
}

/// Where outputs go, and the bytes that they may take there.
pub(super) struct Outputs<Out> {
    sender: mpsc::Sender<Given<Out>>,
    room: Room,
}

impl<Out> Outputs<Out> {
    pub(super) fn new(sender: mpsc::Sender<Given<Out>>, room: Room) -> Self {
        Self { sender, room }
    }
}

struct Task<C: WireCodec> {
    link: Link,
    codec: C,
    /// `None` once it has ended.
    input: Option<BoxStream<'static, C::In>>,
    config: PumpConfig,
    output: Outputs<C::Out>,
    /// Outputs that found no room yet.
    events: VecDeque<C::Out>,
    log: Log,
    positions: Positions,
    socket: Option<WebSocket>,
    /// How many connections there have been.
    connection: u32,
    /// Attempts that failed since a connection was good.
    failed: usize,
    dropped: Duration,
    clock: Clock,
    started: Instant,
    /// Whether the service has said anything on any connection.
    has_answered: bool,
    /// Whether it was told that the service does not answer.
    has_warned: bool,
}

/// When things happened on the connection.
struct Clock {
    timer: Pin<Box<Sleep>>,
    opened: Instant,
    received: Option<Instant>,
    sent: Instant,
    has_sent: bool,
    /// Since when something waits for the socket.
    blocked: Option<Instant>,
    /// Since when an answer is owed.
    owed: Option<Instant>,
    /// When the last input was sent.
    finished: Option<Instant>,
    /// When more audio may be sent.
    audio: Instant,
}

impl Clock {
    fn new(now: Instant) -> Self {
        Self {
            timer: Box::pin(sleep_until(now)),
            opened: now,
            received: None,
            sent: now,
            has_sent: false,
            blocked: None,
            owed: None,
            finished: None,
            audio: now,
        }
    }

    fn last(&self, since: Instant) -> Instant {
        self.received.map_or(since, |received| received.max(since))
    }
}

impl<C: WireCodec> Task<C> {
    fn new(
        link: Link,
        codec: C,
        input: BoxStream<'static, C::In>,
        config: PumpConfig,
        output: Outputs<C::Out>,
    ) -> Self {
        Self {
            link,
            codec,
            input: Some(input),
            log: Log::new(config.chunking),
            config,
            output,
            events: VecDeque::new(),
            positions: Positions::default(),
            socket: None,
            connection: 0,
            failed: 0,
            dropped: Duration::ZERO,
            clock: Clock::new(Instant::now()),
            started: Instant::now(),
            has_answered: false,
            has_warned: false,
        }
    }

    /// Everything up to the last output.
    async fn serve(&mut self) {
        let outcome = self.converse().await;
        while let Some(event) = self.events.pop_front() {
            self.output.room.add(event.bytes());
            let _ = self.output.sender.send(Some(Ok(event))).await;
        }
        if let Err(error) = outcome {
            self.socket = None;
            let _ = self.output.sender.send(Some(Err(error))).await;
        }
        let _ = self.output.sender.send(None).await;
    }

    async fn converse(&mut self) -> Result<()> {
        loop {
            let lost = match self.connect().await {
                Ok(()) => match poll_fn(|cx| self.poll_exchange(cx)).await {
                    Ok(()) => return Ok(()),
                    Err(lost) => lost,
                },
                Err(lost) => lost,
            };
            let service = self.codec.service();
            self.lose();
            let Some(wait) = self.config.reconnect.wait(self.failed, &lost) else {
                return Err(lost);
            };
            if lost.kind() == ErrorKind::Timeout {
                self.warn();
            }
            let detail = lost.detail();
            tracing::debug!(service, error = %lost, ?detail, ?wait, "connection lost");
            self.failed += 1;
            self.meanwhile(tokio::time::sleep(wait)).await?;
        }
    }

    /// Tells once in a stream that the service does not answer. What ends the stream is its
    /// reader's to tell.
    fn warn(&mut self) {
        if !std::mem::replace(&mut self.has_warned, true) {
            Silence::warn(self.codec.service());
        }
    }

    /// The stream was dropped, so that no error tells of a service that has said nothing.
    fn warn_if_silent(&mut self) {
        let is_silent = !self.has_answered && self.started.elapsed() >= SILENT;
        // A voice that was given no text owes nothing.
        if is_silent && (self.socket.is_none() || self.clock.has_sent) {
            self.warn();
        }
    }

    async fn connect(&mut self) -> Result<()> {
        let socket = match self.link.warm.take() {
            Some(socket) => socket,
            None => self.open().await?,
        };
        self.socket = Some(socket);
        self.clock = Clock::new(Instant::now());
        let mut outbox = Outbox::new(self.connection);
        self.codec.open(&mut outbox)?;
        self.log.open(outbox);
        if self.input.is_none() {
            self.finish()?;
        }
        Ok(())
    }

    async fn open(&mut self) -> Result<WebSocket> {
        let (connector, endpoint) = (self.link.connector.clone(), self.link.endpoint.clone());
        let limit = self.config.connect;
        let opening = async move { WebSocket::open(&connector, &endpoint, limit).await };
        self.meanwhile(opening).await?.map_err(|error| match error {
            OpenError::Refused(refusal) => self.codec.refused(&refusal),
            OpenError::Failed(error) => error,
        })
    }

    /// Waits for `work` while the input is read and the output written.
    async fn meanwhile<F: Future>(&mut self, work: F) -> Result<F::Output> {
        let mut work = pin!(work);
        poll_fn(|cx| {
            if let Poll::Ready(output) = work.as_mut().poll(cx) {
                return Poll::Ready(Ok(output));
            }
            self.poll_deliver(cx);
            loop {
                match self.poll_input(cx) {
                    Poll::Ready(Ok(())) => {}
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => return Poll::Pending,
                }
            }
        })
        .await
    }

    fn lose(&mut self) {
        let now = Instant::now();
        if self.socket.take().is_some() {
            self.connection += 1;
            let lived = now.duration_since(self.clock.opened);
            if self.clock.received.is_some() && lived >= STABLE {
                self.failed = 0;
            }
        }
        self.log.rewind(&mut self.positions);
        self.bound();
    }

    /// One connection, from its opening to its end. `Ok` is the end of the stream.
    ///
    /// Each round gives every source one turn, so that none waits for another.
    fn poll_exchange(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        loop {
            let now = Instant::now();
            let mut is_idle = !self.poll_deliver(cx);
            is_idle &= self.poll_write(cx, now)?.is_pending();
            match self.poll_read(cx, now)? {
                Poll::Ready(true) => return Poll::Ready(Ok(())),
                Poll::Ready(false) => is_idle = false,
                Poll::Pending => {}
            }
            is_idle &= self.poll_input(cx)?.is_pending();
            match self.poll_timers(cx, now)? {
                Poll::Ready(true) => return Poll::Ready(Ok(())),
                Poll::Ready(false) => is_idle = false,
                Poll::Pending => {}
            }
            if is_idle {
                return Poll::Pending;
            }
        }
    }

    /// Whether something was given to the reader.
    fn poll_deliver(&mut self, cx: &mut Context<'_>) -> bool {
        let mut has_given = false;
        while !self.events.is_empty() && self.output.room.is_left(cx) {
            match self.output.sender.poll_ready(cx) {
                Poll::Ready(Ok(())) => {}
                // The reader is gone, which ends the task by other means.
                Poll::Ready(Err(_)) | Poll::Pending => break,
            }
            let Some(event) = self.events.pop_front() else { break };
            self.output.room.add(event.bytes());
            has_given |= self.output.sender.start_send(Some(Ok(event))).is_ok();
        }
        has_given
    }

    /// Reads one input, if there is room for what it gives.
    fn poll_input(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let is_full = self.has_many_frames()
            || (self.config.overflow == Overflow::Wait && self.log.waiting() >= self.config.buffer);
        let Some(input) = self.input.as_mut().filter(|_| !is_full) else {
            return Poll::Pending;
        };
        let Some(input) = std::task::ready!(input.as_mut().poll_next(cx)) else {
            self.input = None;
            return Poll::Ready(if self.socket.is_some() { self.finish() } else { Ok(()) });
        };
        let mut outbox = Outbox::new(self.connection);
        let encoded = self.codec.encode(input, &mut outbox);
        Poll::Ready(encoded.and_then(|()| self.queue(outbox)))
    }

    fn has_many_frames(&self) -> bool {
        self.log.waiting_frames() >= MOST_FRAMES
            || self.log.waiting_frame_bytes() >= MOST_FRAME_BYTES
    }

    fn finish(&mut self) -> Result<()> {
        let mut outbox = Outbox::new(self.connection);
        self.codec.finish(&mut outbox)?;
        self.log.close();
        self.queue(outbox)
    }

    fn queue(&mut self, outbox: Outbox) -> Result<()> {
        for item in outbox.items {
            self.log.push(item).map_err(|_| {
                let text = "the audio's format changed within the stream";
                Error::new(ErrorKind::Unsupported, self.codec.service(), text)
            })?;
        }
        self.bound();
        Ok(())
    }

    fn bound(&mut self) {
        self.log.forget_sent(self.config.buffer);
        if self.config.overflow == Overflow::Wait {
            return;
        }
        let dropped = self.log.drop_waiting(self.config.buffer);
        if dropped.is_zero() {
            return;
        }
        let (service, before) = (self.codec.service(), self.dropped);
        self.dropped += dropped;
        // Once for every second of audio, not for every chunk.
        if before.is_zero() || before.as_secs() != self.dropped.as_secs() {
            tracing::warn!(service, dropped = ?self.dropped, "audio dropped: not sent in time");
        }
    }

    /// Sends what can be sent. `Ready` if anything was.
    fn poll_write(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<Result<()>> {
        let mut has_sent = false;
        let is_blocked = loop {
            let Some(socket) = self.socket.as_mut() else { return Poll::Pending };
            if socket.poll_ready(cx)?.is_pending() {
                break true;
            }
            let Some(message) = self.next_message(now) else {
                let Some(socket) = self.socket.as_mut() else { return Poll::Pending };
                break socket.poll_flush(cx)?.is_pending();
            };
            let Some(socket) = self.socket.as_mut() else { return Poll::Pending };
            socket.start_send(message)?;
            self.clock.sent = now;
            self.clock.has_sent = true;
            has_sent = true;
        };
        self.clock.blocked = match self.clock.blocked {
            Some(since) if is_blocked && !has_sent => Some(since),
            _ => is_blocked.then_some(now),
        };
        if self.input.is_none() && self.log.is_drained() && self.clock.finished.is_none() {
            self.clock.finished = Some(now);
        }
        if has_sent { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    fn next_message(&mut self, now: Instant) -> Option<Message> {
        if self.clock.audio > now && self.log.is_audio_next() {
            return None;
        }
        Some(match self.log.next(&mut self.positions)? {
            Next::Frame(frame) => frame.into(),
            Next::Owed(frame) => {
                self.clock.owed.get_or_insert(now);
                frame.into()
            }
            Next::Audio(bytes) => {
                self.pace(bytes.len(), now);
                self.codec.wrap(bytes).into()
            }
        })
    }

    fn pace(&mut self, bytes: usize, now: Instant) {
        let (Some(pace), Some(format)) = (self.config.pace, self.log.format()) else { return };
        let takes = format.duration_of(bytes).div_f64(pace.speed.max(1.0));
        let earliest = now.checked_sub(pace.burst).unwrap_or(self.clock.opened);
        self.clock.audio = self.clock.audio.max(earliest.max(self.clock.opened)) + takes;
    }

    /// Reads one message, if there is room for what it says. `true` is the end of the stream.
    fn poll_read(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<Result<bool>> {
        let has_room = self.events.is_empty() && !self.has_many_frames();
        let Some(socket) = self.socket.as_mut().filter(|_| has_room) else {
            return Poll::Pending;
        };
        let frame = match std::task::ready!(socket.poll_read(cx))? {
            Read::Frame(frame) => frame,
            Read::Gone => return Poll::Ready(Err(self.codec.closed(ABRUPT, ""))),
            Read::Left(reason) => {
                let is_done = self.clock.finished.is_some() && self.clock.owed.is_none();
                let code = reason.as_ref().map_or(NO_CODE, |reason| reason.code.into());
                if is_done && matches!(code, 1000 | 1001 | NO_CODE) {
                    return Poll::Ready(Ok(true));
                }
                let text = reason.as_ref().map_or("", |reason| reason.reason.as_str());
                return Poll::Ready(Err(self.codec.closed(code, text)));
            }
        };
        self.clock.received = Some(now);
        self.has_answered = true;
        let mut inbox = Inbox::new(self.connection, &mut self.events, &self.positions);
        self.codec.decode(frame, &mut inbox)?;
        let (understood, replies) = (inbox.understood, inbox.replies);
        self.settle(understood, replies, now)?;
        Poll::Ready(Ok(understood.ended))
    }

    fn settle(&mut self, understood: Understood, replies: Outbox, now: Instant) -> Result<()> {
        if let Some(end) = understood.final_until {
            self.log.final_until(self.positions.sample(end));
        }
        self.log.answered(understood.answered);
        self.clock.owed = (self.log.owed() > 0).then_some(self.clock.owed.unwrap_or(now));
        self.queue(replies)
    }

    /// `true` is the end of the stream.
    fn poll_timers(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<Result<bool>> {
        if let Some(since) = self.clock.blocked
            && now >= since + self.config.answer
        {
            let text = "nothing could be sent in time";
            return Poll::Ready(Err(Error::new(ErrorKind::Timeout, self.codec.service(), text)));
        }
        if self.answer_due().is_some_and(|due| now >= due) {
            self.overdue(now)?;
            return Poll::Ready(Ok(false));
        }
        if self.close_due().is_some_and(|due| now >= due) {
            return Poll::Ready(Ok(true));
        }
        if self.keep_alive_due().is_some_and(|due| now >= due) {
            self.clock.sent = now;
            let mut outbox = Outbox::new(self.connection);
            self.codec.keep_alive(&mut outbox);
            self.queue(outbox)?;
            return Poll::Ready(Ok(false));
        }
        self.poll_timer(cx, now)
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<Result<bool>> {
        let paced = (self.clock.audio > now && !self.log.is_drained()).then_some(self.clock.audio);
        let stalled = self.clock.blocked.map(|since| since + self.config.answer);
        let due = [self.answer_due(), self.close_due(), self.keep_alive_due(), paced, stalled];
        let Some(next) = due.into_iter().flatten().min() else { return Poll::Pending };
        if self.clock.timer.deadline() != next {
            self.clock.timer.as_mut().reset(next);
        }
        self.clock.timer.as_mut().poll(cx).map(|()| Ok(false))
    }

    fn answer_due(&self) -> Option<Instant> {
        self.clock.owed.map(|since| self.clock.last(since) + self.config.answer)
    }

    fn close_due(&self) -> Option<Instant> {
        let since = self.clock.finished.filter(|_| self.clock.owed.is_none())?;
        Some(self.clock.last(since) + self.config.close)
    }

    fn keep_alive_due(&self) -> Option<Instant> {
        let is_done = self.clock.finished.is_some() || self.clock.blocked.is_some();
        let after = self.config.keep_alive.filter(|_| !is_done)?;
        Some(self.clock.sent + after)
    }

    fn overdue(&mut self, now: Instant) -> Result<()> {
        let mut inbox = Inbox::new(self.connection, &mut self.events, &self.positions);
        self.codec.overdue(&mut inbox)?;
        let (mut understood, replies) = (inbox.understood, inbox.replies);
        if !self.has_answered {
            self.warn();
        }
        understood.answered = self.log.owed();
        self.settle(understood, replies, now)
    }

    /// What the codec says when nobody listens any more, instead of what waits. Without any, the
    /// connection is dropped.
    fn last_words(&mut self) -> VecDeque<Message> {
        let mut outbox = Outbox::new(self.connection);
        if self.socket.is_some() {
            self.codec.abandon(&mut outbox);
        }
        let words: VecDeque<_> = outbox.frames().cloned().map(Message::from).collect();
        if words.is_empty() {
            self.socket = None;
        }
        words
    }

    /// Sends the last words and the close frame, and reads until the peer has closed as well: a
    /// socket that is dropped with unread data takes what it has sent with it.
    async fn leave(&mut self, mut messages: VecDeque<Message>) {
        let Some(mut socket) = self.socket.take() else { return };
        messages.push_back(Message::Close(None));
        let farewell = poll_fn(|cx: &mut Context<'_>| -> Poll<Result<()>> {
            loop {
                if socket.poll_ready(cx)?.is_pending() {
                    break;
                }
                let Some(message) = messages.pop_front() else { break };
                socket.start_send(message)?;
            }
            let _ = socket.poll_flush(cx)?;
            while let Poll::Ready(read) = socket.poll_read(cx) {
                if matches!(read?, Read::Left(_) | Read::Gone) {
                    return Poll::Ready(Ok(()));
                }
            }
            Poll::Pending
        });
        let _ = timeout(FAREWELL, farewell).await;
    }
}
