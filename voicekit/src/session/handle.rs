//! What an application can do to a running call.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use futures::channel::mpsc;
use futures::{Stream, StreamExt};
use serde_json::Value;
use voicekit_core::control::CallControl;
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_core::listen::CallAudio;
use voicekit_core::tool::LiveCall;
use voicekit_core::turn::{Event, Expected};

use super::router::Router;
use crate::slots::Notebook;

/// Commands that wait for the call's task. More are refused.
const COMMANDS: usize = 32;

/// What an application can do to a running call. Cloning shares it.
#[derive(Clone, Debug)]
pub struct CallHandle {
    commands: mpsc::Sender<Event>,
    end: mpsc::Sender<()>,
    destination: Destination,
    router: Arc<Router>,
}

/// Where the call is to be moved.
type Destination = Arc<Mutex<Option<String>>>;

/// A command did not reach the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// The call is over.
    #[error("the call is over")]
    Over,
    /// Too many commands wait, or too many listen, already.
    #[error("too many wait or listen already")]
    Busy,
}

impl CallHandle {
    /// Says `text` as soon as neither side speaks. The caller may interrupt it.
    ///
    /// # Errors
    ///
    /// If the call is over, or too many commands wait.
    pub fn say(&mut self, text: impl Into<String>) -> Result<(), Refused> {
        self.send(Event::Say { text: text.into(), interruptible: true })
    }

    /// Says `text` as soon as neither side speaks. Nothing the caller does interrupts it; what
    /// they say meanwhile is kept.
    ///
    /// # Errors
    ///
    /// If the call is over, or too many commands wait.
    pub fn insist(&mut self, text: impl Into<String>) -> Result<(), Refused> {
        self.send(Event::Say { text: text.into(), interruptible: false })
    }

    /// Tells what kind of answer the caller is about to give, so that it is waited for as such.
    ///
    /// # Errors
    ///
    /// If the call is over, or too many commands wait.
    pub fn expect(&mut self, expected: Expected) -> Result<(), Refused> {
        self.send(Event::Expect(expected))
    }

    /// Gives the caller the floor: what the agent says ends.
    ///
    /// # Errors
    ///
    /// If the call is over, or too many commands wait.
    pub fn take_turn(&mut self) -> Result<(), Refused> {
        self.send(Event::TakeTurn)
    }

    /// Tells that the caller has finished, for applications that know better than silence.
    ///
    /// # Errors
    ///
    /// If the call is over, or too many commands wait.
    pub fn yield_turn(&mut self) -> Result<(), Refused> {
        self.send(Event::YieldTurn)
    }

    /// Hands the caller to another agent of the [team](crate::team), by name. Nothing happens if there
    /// is none of that name.
    ///
    /// # Errors
    ///
    /// If the call is over, or too many commands wait.
    pub fn hand_to(&mut self, agent: impl Into<String>) -> Result<(), Refused> {
        self.send(Event::HandedTo(agent.into()))
    }

    /// Moves the call to another process, as soon as neither side speaks: what was said is kept, and
    /// the carrier asks `url`, that process's webhook, what to do. There, the call comes in again, and
    /// whoever answers goes on with the conversation without a greeting.
    ///
    /// Both processes need [sessions](crate::AgentBuilder::sessions) in a store that they share, with a
    /// key for this call, and the line [call control](voicekit_core::control::CallControl). If one is
    /// missing or fails, the conversation goes on here, and
    /// [`CallEvent::Failed`](crate::CallEvent::Failed) says why.
    ///
    /// # Errors
    ///
    /// If the call is over, or too many commands wait.
    pub fn move_to(&mut self, url: impl Into<String>) -> Result<(), Refused> {
        *self.destination.lock().unwrap_or_else(PoisonError::into_inner) = Some(url.into());
        self.send(Event::Leave)
    }

    /// Ends the call politely: the reply that is being heard is heard to its end, or else the
    /// goodbye is said, and then the agent hangs up. Does nothing if the call is over.
    pub fn end(&mut self) {
        // A full queue holds this very command already.
        self.end.try_send(()).ok();
    }

    /// Listens in on the call from this moment on: both directions, placed where the caller hears
    /// them. Reading slowly delays nobody: the listener misses the oldest of what it has not read
    /// within ten seconds and is told so.
    ///
    /// # Errors
    ///
    /// If the call is over, or sixteen listen already.
    pub fn listen(&self) -> Result<CallAudio, Refused> {
        self.router.join()
    }

    fn send(&mut self, event: Event) -> Result<(), Refused> {
        let refused = |error: mpsc::TrySendError<Event>| {
            if error.is_full() { Refused::Busy } else { Refused::Over }
        };
        self.commands.try_send(event).map_err(refused)
    }
}

/// The call's end of the handles.
pub(super) struct Commands {
    commands: mpsc::Receiver<Event>,
    end: mpsc::Receiver<()>,
    destination: Destination,
}

impl Commands {
    /// Where the call is to be moved, if it is.
    pub(super) fn destination(&self) -> Option<String> {
        self.destination.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

pub(super) fn pair(router: Arc<Router>) -> (CallHandle, Commands) {
    let (commands, received) = mpsc::channel(COMMANDS);
    let (end, ended) = mpsc::channel(0);
    let destination = Destination::default();
    let received = Commands { commands: received, end: ended, destination: destination.clone() };
    (CallHandle { commands, end, destination, router }, received)
}

impl Stream for Commands {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        if let Poll::Ready(Some(event)) = self.commands.poll_next_unpin(cx) {
            return Poll::Ready(Some(event));
        }
        self.end.poll_next_unpin(cx).map(|end| end.map(|()| Event::End))
    }
}

/// The call as its tools reach it. They share one handle: each of its clones could leave a command
/// more in the queue.
#[derive(Debug)]
pub(super) struct Reach {
    handle: Arc<Mutex<CallHandle>>,
    control: Option<Arc<dyn CallControl>>,
    notebook: Notebook,
}

impl Reach {
    pub(super) fn new(
        handle: CallHandle,
        control: Option<Arc<dyn CallControl>>,
        notebook: Notebook,
    ) -> Self {
        Self { handle: Arc::new(Mutex::new(handle)), control, notebook }
    }

    /// The same call for the tools of another agent.
    pub(super) fn with_notebook(&self, notebook: Notebook) -> Self {
        Self { handle: Arc::clone(&self.handle), control: self.control.clone(), notebook }
    }

    fn handle(&self) -> MutexGuard<'_, CallHandle> {
        self.handle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LiveCall for Reach {
    fn tell(&self, event: Event) -> Result<()> {
        self.handle().send(event).map_err(|refused| {
            let kind = match refused {
                Refused::Over => ErrorKind::Connection,
                Refused::Busy => ErrorKind::RateLimited,
            };
            Error::new(kind, "call", refused.to_string())
        })
    }

    fn end(&self) {
        self.handle().end();
    }

    fn control(&self) -> Option<Arc<dyn CallControl>> {
        self.control.clone()
    }

    fn slots(&self) -> BTreeMap<String, Value> {
        self.notebook.noted()
    }

    fn set_slot(&self, name: &str, value: &Value) -> Result<()> {
        self.notebook.set(name, value)
    }
}
