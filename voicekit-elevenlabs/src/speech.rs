//! A reply over sockets.
//!
//! Nothing happens unless the reply is polled, but for what its socket's task does: keeping its
//! context alive and reading ahead. Dropping the reply closes its context.
//!
//! # Text
//!
//! Every clause is sent with a `flush`, because it is fit to be spoken by itself and what comes
//! next may take the model long; the context keeps the melody. With a `chunk_schedule` the service
//! gathers text, and only the end is flushed.
//!
//! # The end
//!
//! After the text come a `flush` and `close_context`, and the service answers with the rest of the
//! audio and `isFinal`, which ends the reply. Services are known to leave that out. So the reply
//! also ends when nothing has come for
//!
//! - [`SETTLED`], if the times of all words are known and their audio is there, or if every flush
//!   was answered by `flush_done`;
//! - [`FADED`], if there was audio after the last text and nothing says what of it.
//!
//! Otherwise audio is missing, and after `answer` the connection is taken for lost.
//!
//! # Lost connections
//!
//! What was not spoken goes over a new socket, once, and the second time over HTTP. A socket that
//! waited in the pool and fails without a word costs no attempt.

use std::collections::VecDeque;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::{self, BoxStream, Fuse};
use futures::{FutureExt, StreamExt};
use tokio::time::{Instant, sleep, sleep_until};
use voicekit_core::error::{Error, ErrorKind, Result, Retry};
use voicekit_core::tts::{Spoken, TtsRequest};
use voicekit_net::{Endpoint, RetryPolicy, Silence};

use crate::SERVICE;
use crate::failure::naming;
use crate::http::Reading;
use crate::socket::{Command, Event, Line, connect};
use crate::track::Track;
use crate::tts::Service;
use crate::wire::Heard;
use crate::words::is_pronounceable;

/// Longer than messages of one piece of speech are apart.
const SETTLED: Duration = Duration::from_millis(500);

/// Longer than the service pauses between pieces of speech that it has the text of.
const FADED: Duration = Duration::from_secs(2);

/// How long to wait before a connection is tried again.
const BACKOFF: Duration = Duration::from_millis(100);

pub(crate) struct Speaking {
    service: Arc<Service>,
    endpoint: Endpoint,
    request: TtsRequest,
    text: Fuse<BoxStream<'static, String>>,
    /// Clauses that were not sent yet.
    waiting: VecDeque<String>,
    link: Link,
    told: Told,
    track: Track,
    losses: usize,
    /// The wait for the service's first message on a socket.
    silence: Silence,
    /// Whether a socket of the pool has failed without a word.
    has_forgiven: bool,
    /// The rest of the reply, once sockets were given up.
    rest: Option<Box<Reading>>,
    is_over: bool,
}

enum Link {
    None,
    Opening(BoxFuture<'static, Result<Line>>),
    Open(Line),
}

/// What was told to the service on this line, and heard of it.
struct Told {
    /// Texts.
    texts: usize,
    /// Flushes that were not answered.
    flushes: usize,
    /// Whether it has been told that this was all.
    ended: bool,
    /// Whether audio has come since the last text was sent.
    sounded: bool,
    /// Whether anything has come.
    answered: bool,
    /// When the last message went or came.
    last: Instant,
}

enum Step {
    Opened(Result<Line>),
    Event(Option<Event>),
    Clause(Option<String>),
    Silence,
}

impl Speaking {
    pub(crate) fn new(
        service: Arc<Service>,
        endpoint: Endpoint,
        request: TtsRequest,
        text: BoxStream<'static, String>,
    ) -> Self {
        let track = Track::new(request.format, service.config.words);
        let link = opening(&service, &endpoint, false, Duration::ZERO);
        Self {
            service,
            endpoint,
            request,
            text: text.fuse(),
            waiting: VecDeque::new(),
            link,
            told: Told::new(),
            track,
            losses: 0,
            silence: Silence::none(SERVICE),
            has_forgiven: false,
            rest: None,
            is_over: false,
        }
    }

    pub(crate) async fn next(&mut self) -> Option<Result<Spoken>> {
        loop {
            if let Some(spoken) = self.track.next() {
                return Some(Ok(spoken));
            }
            if let Some(rest) = &mut self.rest {
                return rest.next().await;
            }
            if self.is_over {
                return None;
            }
            if let Err(error) = self.advance().await {
                self.end();
                return Some(Err(naming(error, self.service.voice(&self.request))));
            }
        }
    }

    async fn advance(&mut self) -> Result<()> {
        self.tell().await;
        if self.is_over {
            return Ok(());
        }
        match self.step().await {
            Step::Opened(Ok(line)) => {
                self.link = Link::Open(line);
                self.told.last = Instant::now();
                Ok(())
            }
            Step::Opened(Err(error)) | Step::Event(Some(Event::Lost(error))) => self.lost(error),
            Step::Event(Some(Event::Heard(heard, _room))) => self.hear(&heard),
            Step::Event(None) => {
                self.lost(Error::new(ErrorKind::Connection, SERVICE, "the socket's task has ended"))
            }
            Step::Clause(clause) => {
                self.waiting.extend(clause.as_deref().and_then(sendable));
                Ok(())
            }
            Step::Silence => self.fall_silent(),
        }
    }

    /// Sends what there is to send.
    async fn tell(&mut self) {
        let is_all = self.text.is_done();
        if is_all && self.waiting.is_empty() && self.told.texts == 0 {
            return self.end();
        }
        if matches!(self.link, Link::None) && !self.waiting.is_empty() {
            self.link = opening(&self.service, &self.endpoint, false, Duration::ZERO);
        }
        let Link::Open(line) = &self.link else { return };
        let flush = self.service.config.chunk_schedule.is_empty();
        while let Some(text) = self.waiting.pop_front() {
            self.track.sent(&text);
            // A line that is gone says so by an event.
            let _ = line.commands.send(Command::Say { text, flush }).await;
            self.told.texts += 1;
            if !self.told.answered {
                self.silence.wait();
            }
            self.told.flushes += usize::from(flush);
            (self.told.sounded, self.told.last) = (false, Instant::now());
        }
        if is_all && !self.told.ended {
            let _ = line.commands.send(Command::End).await;
            self.told.flushes += 1;
            (self.told.ended, self.told.last) = (true, Instant::now());
        }
    }

    async fn step(&mut self) -> Step {
        let deadline = self.deadline();
        tokio::select! {
            biased;
            step = self.link.step() => step,
            clause = self.text.next(), if !self.text.is_done() => Step::Clause(clause),
            () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                Step::Silence
            }
        }
    }

    /// Until when something has to come.
    fn deadline(&self) -> Option<Instant> {
        let Link::Open(_) = self.link else { return None };
        let wait = if self.is_settled() {
            SETTLED
        } else if self.has_faded() {
            FADED
        } else if self.told.ended || (self.told.flushes > 0 && !self.told.sounded) {
            self.service.config.answer
        } else {
            return None;
        };
        Some(self.told.last + wait)
    }

    /// Whether all of the text has come.
    fn is_settled(&self) -> bool {
        self.told.ended && self.told.sounded && (self.track.is_spoken() || self.told.flushes == 0)
    }

    /// Whether audio has come that may be all.
    fn has_faded(&self) -> bool {
        self.told.ended && self.told.sounded && !self.track.is_aligned()
    }

    fn hear(&mut self, heard: &Heard) -> Result<()> {
        self.told.answered = true;
        self.silence.end();
        self.told.last = Instant::now();
        self.told.sounded |= !heard.audio.is_empty();
        self.told.flushes = self.told.flushes.saturating_sub(usize::from(heard.is_flushed));
        self.track.add_next(&heard.audio, &heard.alignment)?;
        if !heard.is_final {
            return Ok(());
        }
        if self.told.ended {
            self.track.finish()?;
            self.end();
            return Ok(());
        }
        // It has closed the context before its text was over.
        let is_missing = self.track.is_aligned() && !self.track.is_spoken();
        if is_missing || !self.told.sounded {
            let text = "the context was closed by the service";
            return self.lost(Error::new(ErrorKind::Connection, SERVICE, text));
        }
        self.track.finish()?;
        (self.link, self.told) = (Link::None, Told::new());
        Ok(())
    }

    fn fall_silent(&mut self) -> Result<()> {
        if self.is_settled() || self.has_faded() {
            self.track.finish()?;
            self.end();
            return Ok(());
        }
        let millis = self.service.config.answer.as_millis();
        let text = format!("no audio came for {millis} ms");
        self.lost(Error::new(ErrorKind::Timeout, SERVICE, text))
    }

    fn lost(&mut self, error: Error) -> Result<()> {
        self.silence.end();
        if error.retry() == Retry::Never {
            return Err(error);
        }
        let mut is_stale = false;
        if let Link::Open(line) = std::mem::replace(&mut self.link, Link::None) {
            is_stale = line.was_kept && !self.told.answered && !self.has_forgiven;
            line.give_up();
        }
        self.told = Told::new();
        if let Some(rest) = sendable(&self.track.lost()) {
            self.waiting.push_front(rest);
        }
        if is_stale {
            self.has_forgiven = true;
            self.link = opening(&self.service, &self.endpoint, true, Duration::ZERO);
            return Ok(());
        }
        // Once for a reply, and not for every attempt.
        if self.losses == 0 {
            tracing::warn!(service = SERVICE, %error, "the socket is lost");
        }
        let detail = error.detail();
        tracing::debug!(service = SERVICE, %error, ?detail, losses = self.losses, "the socket is lost");
        self.losses += 1;
        match self.losses {
            1 => {
                let policy = RetryPolicy::after([BACKOFF]);
                let Some(wait) = policy.wait(0, &error) else { return Err(error) };
                self.link = opening(&self.service, &self.endpoint, true, wait);
                Ok(())
            }
            2 if self.service.config.fallback => self.fall_back(),
            _ => Err(error),
        }
    }

    /// The rest goes over HTTP.
    fn fall_back(&mut self) -> Result<()> {
        let text = std::mem::replace(&mut self.text, stream::empty().boxed().fuse());
        let text = stream::iter(std::mem::take(&mut self.waiting)).chain(text).boxed();
        let track = Track::new(self.request.format, self.service.config.words);
        let track = std::mem::replace(&mut self.track, track);
        let reading = Reading::new(Arc::clone(&self.service), &self.request, text, track)?;
        self.rest = Some(Box::new(reading));
        Ok(())
    }

    fn end(&mut self) {
        self.is_over = true;
        self.silence.end();
        self.link = Link::None;
        self.text = stream::empty().boxed().fuse();
    }
}

impl Told {
    fn new() -> Self {
        Self {
            texts: 0,
            flushes: 0,
            ended: false,
            sounded: false,
            answered: false,
            last: Instant::now(),
        }
    }
}

impl Link {
    async fn step(&mut self) -> Step {
        match self {
            Self::None => pending().await,
            Self::Opening(opening) => Step::Opened(opening.await),
            Self::Open(line) => Step::Event(line.events.recv().await),
        }
    }
}

fn opening(service: &Arc<Service>, endpoint: &Endpoint, fresh: bool, wait: Duration) -> Link {
    let (service, endpoint) = (Arc::clone(service), endpoint.clone());
    let opening = async move {
        sleep(wait).await;
        connect(&service, &endpoint, fresh).await
    };
    Link::Opening(opening.boxed())
}

/// The clause as it is sent, with the space without which pieces would be glued together; `None`
/// if there is nothing to pronounce in it.
fn sendable(clause: &str) -> Option<String> {
    is_pronounceable(clause).then(|| format!("{} ", clause.trim()))
}
