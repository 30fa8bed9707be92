//! Bringing a call's sound to whoever listens.
//!
//! The call hands each event to every listener's queue and goes on. Queues are made when a
//! listener joins and never grow; chunks share their bytes. Without a listener, the cost is one
//! look at a counter.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use futures::Stream;
use futures::task::AtomicWaker;
use voicekit_core::audio::{AudioChunk, AudioFormat};
use voicekit_core::listen::{AudioEvent, CallAudio, Missed};
use voicekit_core::time::{MediaTime, Timestamp};
use voicekit_core::transport::{Mark, TransportCommand};

use super::handle::Refused;
use super::place::Place;

/// Events that wait for a listener: 50 frames a second in each direction make 10 s when both
/// speak. When it is full, the oldest is dropped and the listener is told.
const QUEUE: usize = 1_024;

/// Listeners of one call. More may not join it.
const LISTENERS: usize = 16;

/// Where listeners join a call.
pub(super) struct Router {
    format: AudioFormat,
    /// How many there are: what the call looks at before it does anything for them.
    count: AtomicUsize,
    /// Empty once the call is over.
    queues: Mutex<Option<Vec<Arc<Queue>>>>,
}

impl Router {
    /// The sound of the call from this moment on.
    pub(super) fn join(&self) -> Result<CallAudio, Refused> {
        if self.count.load(Ordering::Acquire) >= LISTENERS {
            return Err(Refused::Busy);
        }
        let mut queues = lock(&self.queues);
        queues.as_mut().map(|queues| self.add(queues)).ok_or(Refused::Over)
    }

    /// The same for those who listen to every call. A call that is over is heard as nothing.
    pub(super) fn admit(&self) -> CallAudio {
        match lock(&self.queues).as_mut() {
            Some(queues) => self.add(queues),
            None => CallAudio::new(self.format, futures::stream::empty()),
        }
    }

    fn add(&self, queues: &mut Vec<Arc<Queue>>) -> CallAudio {
        let queue = Arc::new(Queue::new(self.format.rate_hz));
        queues.push(Arc::clone(&queue));
        self.count.store(queues.len(), Ordering::Release);
        CallAudio::new(self.format, Listener(queue))
    }

    fn publish(&self, event: impl Fn() -> AudioEvent) {
        if self.count.load(Ordering::Acquire) == 0 {
            return;
        }
        let mut queues = lock(&self.queues);
        let Some(queues) = queues.as_mut() else { return };
        queues.retain(|queue| queue.push(event()));
        self.count.store(queues.len(), Ordering::Release);
    }

    fn close(&self) {
        for queue in lock(&self.queues).take().unwrap_or_default() {
            queue.close();
        }
        self.count.store(0, Ordering::Release);
    }
}

impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Router").field("listeners", &self.count).finish_non_exhaustive()
    }
}

/// The call's end of the router. When it is dropped, all listening ends.
pub(super) struct Feed {
    router: Arc<Router>,
    place: Place,
}

impl Feed {
    pub(super) fn new(format: AudioFormat) -> Self {
        let queues = Mutex::new(Some(Vec::with_capacity(LISTENERS)));
        let router = Arc::new(Router { format, count: AtomicUsize::new(0), queues });
        Self { router, place: Place::new(format.rate_hz) }
    }

    pub(super) fn router(&self) -> &Arc<Router> {
        &self.router
    }

    /// The caller's sound has come.
    pub(super) fn caller(&mut self, now: Timestamp, at: MediaTime, chunk: &AudioChunk) {
        let end = MediaTime { samples: at.samples.saturating_add(chunk.samples() as u64), ..at };
        self.place.heard(now, end);
        self.router.publish(|| AudioEvent::caller(at, now, chunk.clone()));
    }

    /// A command goes out to the carrier; all that was sent plays until then.
    pub(super) fn sent(&mut self, plays_until: Timestamp, command: &TransportCommand) {
        match command {
            TransportCommand::Audio(chunk) => {
                let at = self.place.sent(plays_until, chunk.samples());
                self.router.publish(|| AudioEvent::agent(at, chunk.clone()));
            }
            TransportCommand::Mark(mark) => self.place.marked(*mark),
            TransportCommand::Clear | TransportCommand::HangUp => {}
        }
    }

    /// The carrier is told to forget what it has not played.
    pub(super) fn cleared(&mut self, now: Timestamp) {
        let at = self.place.cut(now);
        self.router.publish(|| AudioEvent::cut(at));
    }

    /// A mark came back.
    pub(super) fn returned(&mut self, now: Timestamp, mark: Mark, heard: bool) {
        if heard {
            self.place.played(now, mark);
        } else {
            self.place.returned(mark);
        }
    }

    /// The call is over.
    pub(super) fn ended(&self, now: Timestamp) {
        let at = self.place.now(now);
        self.router.publish(|| AudioEvent::ended(at));
        self.router.close();
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.router.close();
    }
}

/// What waits for one listener.
struct Queue {
    rate_hz: u32,
    waiting: Mutex<Waiting>,
    waker: AtomicWaker,
}

struct Waiting {
    events: VecDeque<AudioEvent>,
    /// What was dropped before the first of them, and how far the agent was heard then.
    missed: Option<Missed>,
    cut: Option<u64>,
    closed: bool,
    /// Nobody listens any more.
    deserted: bool,
}

impl Queue {
    fn new(rate_hz: u32) -> Self {
        let waiting = Waiting {
            events: VecDeque::with_capacity(QUEUE),
            missed: None,
            cut: None,
            closed: false,
            deserted: false,
        };
        Self { rate_hz, waiting: Mutex::new(waiting), waker: AtomicWaker::new() }
    }

    /// Adds an event; whether somebody still listens.
    fn push(&self, event: AudioEvent) -> bool {
        let mut waiting = lock(&self.waiting);
        if waiting.deserted {
            return false;
        }
        if waiting.events.len() == QUEUE
            && let Some(oldest) = waiting.events.pop_front()
        {
            waiting.drop_event(&oldest);
        }
        waiting.events.push_back(event);
        drop(waiting);
        self.waker.wake();
        true
    }

    fn close(&self) {
        lock(&self.waiting).closed = true;
        self.waker.wake();
    }
}

impl Waiting {
    fn next(&mut self, rate_hz: u32) -> Option<AudioEvent> {
        if let Some(missed) = self.missed.take() {
            return Some(AudioEvent::Missed(missed));
        }
        if let Some(samples) = self.cut.take() {
            return Some(AudioEvent::cut(MediaTime { samples, rate_hz }));
        }
        self.events.pop_front()
    }

    fn drop_event(&mut self, event: &AudioEvent) {
        let (from, caller, agent) = match event {
            AudioEvent::Caller { at, chunk, .. } => (*at, chunk.samples() as u64, 0),
            AudioEvent::Agent { at, chunk, .. } => (*at, 0, chunk.samples() as u64),
            AudioEvent::Cut { at, .. } => {
                self.cut = Some(self.cut.map_or(at.samples, |cut| cut.min(at.samples)));
                return;
            }
            AudioEvent::Missed(_) | AudioEvent::Ended { .. } | _ => return,
        };
        let missed = self.missed.get_or_insert_with(|| Missed::new(from, 0, 0));
        if from.samples < missed.from.samples {
            missed.from = from;
        }
        missed.caller += caller;
        missed.agent += agent;
    }
}

/// A listener's end of its queue.
struct Listener(Arc<Queue>);

impl Stream for Listener {
    type Item = AudioEvent;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<AudioEvent>> {
        let queue = &*self.0;
        queue.waker.register(cx.waker());
        let mut waiting = lock(&queue.waiting);
        match waiting.next(queue.rate_hz) {
            Some(event) => Poll::Ready(Some(event)),
            None if waiting.closed => Poll::Ready(None),
            None => Poll::Pending,
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut waiting = lock(&self.0.waiting);
        waiting.deserted = true;
        waiting.events.clear();
    }
}

/// Nothing under these locks can panic; what it was is still whole if it did.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
