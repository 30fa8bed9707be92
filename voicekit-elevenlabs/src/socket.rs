//! A multi-context socket, in a task of its own.
//!
//! A socket speaks for one reply at a time, in a context of its own. A reply that is dropped has
//! its context closed, and the socket is free at once for the next; what still comes of closed
//! contexts is dropped, and they are counted until the service says that they are final. At the
//! service's limit the socket is closed.
//!
//! # Queues
//!
//! To the task: [`COMMANDS`], beyond which the reply takes no more text. From it: [`HEARD`]
//! messages or [`HEARD_BYTES`] and one message more, beyond which the socket is not read on;
//! commands and keep-alives go on meanwhile.
//!
//! # The task's end
//!
//! When the service closes the socket, when it is not used for `idle`, when the pool drops its
//! offer, when too many contexts stay open. Nobody waits for it: it lives on for at most
//! [`FAREWELL`] after its last reply and its offer are gone.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, sleep_until, timeout};
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_net::{Endpoint, Frame, OpenError, Received, WebSocket};

use crate::SERVICE;
use crate::config::ElevenLabsConfig;
use crate::failure;
use crate::pool::{Pool, Seat};
use crate::tts::Service;
use crate::wire::{Heard, Say};

/// Contexts that the service allows on a socket, closing ones included.
const MOST_CONTEXTS: usize = 5;

/// How often a context without text is kept alive; the service closes one after 20 s.
const KEEP_ALIVE: Duration = Duration::from_secs(8);

/// How long the service may take to close a socket when it was asked to; a client that goes at
/// once leaves an abnormal end in its logs.
const FAREWELL: Duration = Duration::from_secs(2);

/// Commands that wait to be sent: clauses come a few a second.
const COMMANDS: usize = 32;

/// Messages that wait for whoever plays the reply: a minute and more of audio, which is made
/// faster than it is spoken.
const HEARD: usize = 256;

/// The same in bytes of audio and of times: a minute and more of the largest format, and the message
/// that reaches the limit.
const HEARD_BYTES: usize = 8 * 1024 * 1024;

/// What a reply has to tell its socket. Dropping the sender closes the context.
#[derive(Debug)]
pub(crate) enum Command {
    /// Speaks a text that ends in a space.
    Say { text: String, flush: bool },
    /// That was all.
    End,
}

/// What a socket has to tell its reply.
#[derive(Debug)]
pub(crate) enum Event {
    /// The permit is the room that the message takes in the queue.
    Heard(Heard, Option<OwnedSemaphorePermit>),
    /// The socket is of no more use.
    Lost(Error),
}

/// A reply that is to be spoken, as its socket sees it.
pub(crate) struct Job {
    context: String,
    commands: mpsc::Receiver<Command>,
    events: mpsc::Sender<Event>,
    /// The bytes that are left in the queue of events.
    room: Arc<Semaphore>,
}

/// A socket, as its reply sees it. Dropping it closes the context and frees the socket.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) commands: mpsc::Sender<Command>,
    pub(crate) events: mpsc::Receiver<Event>,
    /// Whether the socket waited in the pool, and may have ended there.
    pub(crate) was_kept: bool,
    seat: Option<Seat>,
    pool: Weak<Pool>,
}

impl Line {
    /// Lets the socket go, which is of no use to others either.
    pub(crate) fn give_up(mut self) {
        self.seat = None;
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if let (Some(seat), Some(pool)) = (self.seat.take(), self.pool.upgrade()) {
            pool.put(seat);
        }
    }
}

impl Job {
    fn new(pool: &Arc<Pool>) -> (Self, Line) {
        let (commands, received) = mpsc::channel(COMMANDS);
        let (told, events) = mpsc::channel(HEARD);
        let pool_of_line = Arc::downgrade(pool);
        let line = Line { commands, events, was_kept: false, seat: None, pool: pool_of_line };
        let room = Arc::new(Semaphore::new(HEARD_BYTES));
        (Self { context: pool.context(), commands: received, events: told, room }, line)
    }
}

impl Job {
    /// Takes as many bytes of the queue as are left, up to `bytes`.
    fn take_room(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let bytes = bytes.min(self.room.available_permits());
        let bytes = u32::try_from(bytes).ok()?;
        Arc::clone(&self.room).try_acquire_many_owned(bytes).ok()
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job").field("context", &self.context).finish_non_exhaustive()
    }
}

/// A line to the service: over a socket that waits, unless it shall be `fresh`, or else over a new
/// one.
pub(crate) async fn connect(service: &Service, endpoint: &Endpoint, fresh: bool) -> Result<Line> {
    let (job, mut line) = Job::new(&service.pool);
    let kept = if fresh { None } else { service.pool.take(&endpoint.url()) };
    line.was_kept = kept.is_some();
    let seat = match kept {
        Some(seat) => seat,
        None => open(service, endpoint).await?,
    };
    // A socket that has just ended drops the job, which the line is told.
    let _ = seat.jobs.try_send(job);
    line.seat = Some(seat);
    Ok(line)
}

/// Opens a socket that waits in the pool, unless one does.
pub(crate) async fn warm(service: &Service, endpoint: &Endpoint) -> Result<()> {
    if !service.pool.has(&endpoint.url()) {
        service.pool.put(open(service, endpoint).await?);
    }
    Ok(())
}

async fn open(service: &Service, endpoint: &Endpoint) -> Result<Seat> {
    let limit = service.config.connect_timeout;
    let opened = WebSocket::open(&service.connector, endpoint, limit).await;
    let web = opened.map_err(|error| match error {
        OpenError::Refused(refusal) => {
            failure::classify(&refusal).unwrap_or_else(|| refusal.error())
        }
        OpenError::Failed(error) => error,
    })?;
    tracing::debug!(service = SERVICE, request = web.header("request-id"), "socket opened");
    let (jobs, offered) = mpsc::channel(1);
    let config = Arc::clone(&service.config);
    tokio::spawn(Socket { web, config, jobs: offered, closing: BTreeSet::new() }.run());
    Ok(Seat { url: endpoint.url(), jobs })
}

struct Socket {
    web: WebSocket,
    config: Arc<ElevenLabsConfig>,
    /// The next reply. Closed when nobody can have the socket any more.
    jobs: mpsc::Receiver<Job>,
    /// Contexts that we have closed and the service has not.
    closing: BTreeSet<String>,
}

/// How far a context is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The service does not know it.
    New,
    Open,
    /// It has all of its text and is closed when that is spoken.
    Ended,
}

impl Socket {
    async fn run(mut self) {
        loop {
            let mut job = match self.wait().await {
                Ok(Some(job)) => job,
                Ok(None) => return self.close().await,
                Err(error) => {
                    tracing::debug!(service = SERVICE, %error, "a socket ended that was not used");
                    return;
                }
            };
            if let Err(error) = self.serve(&mut job).await {
                self.jobs.close();
                job.commands.close();
                // As long as the reply has not read all before it, it is not told.
                let _ = job.events.send(Event::Lost(error)).await;
                return;
            }
            if self.closing.len() >= MOST_CONTEXTS {
                // A reply that has taken the socket meanwhile is told by its channel.
                return self.close().await;
            }
        }
    }

    /// Speaks for one reply, until that has heard all or is dropped.
    async fn serve(&mut self, job: &mut Job) -> Result<()> {
        let mut phase = Phase::New;
        let mut due = Instant::now() + KEEP_ALIVE;
        loop {
            tokio::select! {
                biased;
                command = job.commands.recv() => {
                    // What a reply had to say that is dropped is not said.
                    let Some(command) = command.filter(|_| !job.events.is_closed()) else {
                        return self.leave(job, phase).await;
                    };
                    phase = self.carry_out(&job.context, phase, command).await?;
                    due = Instant::now() + KEEP_ALIVE;
                }
                received = receive(&mut self.web, &job.events, &job.room) => {
                    if self.hear(received?, Some(job))? {
                        return Ok(());
                    }
                }
                () = sleep_until(due), if phase == Phase::Open => {
                    self.say(&Say::keep_alive(&job.context)).await?;
                    due = Instant::now() + KEEP_ALIVE;
                }
            }
        }
    }

    async fn carry_out(&mut self, context: &str, phase: Phase, command: Command) -> Result<Phase> {
        match command {
            Command::Say { text, flush } => {
                if phase == Phase::New {
                    let config = Arc::clone(&self.config);
                    self.say(&Say::open(&config, context)).await?;
                }
                self.say(&Say::Text { text: &text, context_id: context, flush }).await?;
                Ok(Phase::Open)
            }
            Command::End => {
                if phase == Phase::Open {
                    self.say(&Say::flush(context)).await?;
                    self.say(&Say::close_context(context)).await?;
                }
                Ok(Phase::Ended)
            }
        }
    }

    /// The reply wants no more.
    async fn leave(&mut self, job: &Job, phase: Phase) -> Result<()> {
        if phase == Phase::Open {
            self.say(&Say::close_context(&job.context)).await?;
        }
        if phase != Phase::New {
            self.closing.insert(job.context.clone());
        }
        Ok(())
    }

    /// Waits for the next reply; `None` if nobody wants the socket.
    async fn wait(&mut self) -> Result<Option<Job>> {
        let end = Instant::now() + self.config.idle;
        loop {
            tokio::select! {
                biased;
                job = self.jobs.recv() => return Ok(job),
                received = self.web.receive() => {
                    self.hear(received?, None)?;
                }
                () = sleep_until(end) => {
                    self.jobs.close();
                    return Ok(self.jobs.try_recv().ok());
                }
            }
        }
    }

    /// Whether the reply has heard all.
    fn hear(&mut self, received: Received, job: Option<&Job>) -> Result<bool> {
        let secret = &self.config.api_key;
        let text = match received {
            Received::Frame(Frame::Text(text)) => text,
            Received::Frame(Frame::Binary(_)) => return Ok(false),
            Received::Closed { code, reason } => {
                return Err(failure::closed(secret, code, &reason));
            }
        };
        let heard = Heard::read(text.as_bytes(), self.config.alignment)?;
        if let Some(closed) = heard.context.as_ref().filter(|id| self.closing.contains(*id)) {
            if heard.is_final || heard.error.is_some() {
                let closed = closed.clone();
                self.closing.remove(&closed);
            }
            return Ok(false);
        }
        if let Some((code, text)) = &heard.error {
            return Err(failure::reported(secret, code, text));
        }
        let Some(job) = job else { return Ok(false) };
        let is_for_it = match &heard.context {
            Some(context) => *context == job.context,
            None => self.closing.is_empty(),
        };
        if !is_for_it {
            return Ok(false);
        }
        let is_final = heard.is_final;
        let permit = job.take_room(heard.bytes());
        // There is room, or nobody listens.
        let _ = job.events.try_send(Event::Heard(heard, permit));
        Ok(is_final)
    }

    async fn say(&mut self, say: &Say<'_>) -> Result<()> {
        let limit = self.config.answer;
        timeout(limit, self.web.send(say.frame())).await.unwrap_or_else(|_| {
            let text = format!("the service took nothing for {} ms", limit.as_millis());
            Err(Error::new(ErrorKind::Timeout, SERVICE, text))
        })
    }

    async fn close(mut self) {
        drop(self.jobs);
        let farewell = async {
            self.web.send(Say::close_socket().frame()).await?;
            while let Received::Frame(_) = self.web.receive().await? {}
            Ok::<_, Error>(())
        };
        let _ = timeout(FAREWELL, farewell).await;
    }
}

/// What comes next, once there is room for it; both may be dropped without losing anything.
async fn receive(
    web: &mut WebSocket,
    events: &mpsc::Sender<Event>,
    room: &Semaphore,
) -> Result<Received> {
    let _slot = events.reserve().await;
    let _bytes = room.acquire().await;
    web.receive().await
}
