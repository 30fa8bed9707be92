//! A line without a carrier: a phone on one end, a [`Transport`] on the other.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use voicekit_core::audio::{AudioChunk, AudioFormat};
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_core::time::{MediaTime, Timestamp};
use voicekit_core::transport::{
    CallInfo, Digit, EndReason, Mark, Transport, TransportCommand, TransportEvent, TransportSink,
};

use crate::phone::{FRAME_SAMPLES, Output, Phone, RATE_HZ, Report};
use crate::script::{Caller, Outcome, Script};

const NAME: &str = "fake-line";

/// A line whose caller is the test: the transport to give to the agent, and the phone's end of it.
///
/// Its clock starts here. The line plays, marks and clears as a carrier does; see
/// [`phone`](crate::phone).
pub fn line() -> (FakeLine, LineHandle) {
    open(None)
}

/// A line whose caller follows a script.
pub fn scripted_line(script: Script) -> (FakeLine, LineHandle) {
    open(Some(Caller::new(script)))
}

/// The agent's end of a line in memory.
pub struct FakeLine {
    info: CallInfo,
    half: Half,
}

/// The caller's end of a line in memory. Clones are the same phone.
#[derive(Clone)]
pub struct LineHandle(Arc<Shared>);

impl FakeLine {
    /// The same line with these custom parameters.
    #[must_use]
    pub fn with_parameters(mut self, parameters: BTreeMap<String, String>) -> Self {
        self.info = self.info.with_parameters(parameters);
        self
    }
}

impl LineHandle {
    /// Says 16-bit samples at 8 kHz from this moment on. Returns the clip's number.
    pub fn say(&self, label: impl Into<String>, samples: &[i16]) -> usize {
        self.say_after(Duration::ZERO, label, samples)
    }

    /// Says 16-bit samples at 8 kHz after a delay. Returns the clip's number.
    pub fn say_after(&self, delay: Duration, label: impl Into<String>, samples: &[i16]) -> usize {
        self.0.drive(|now, state| state.phone.say(now + delay, label, samples))
    }

    /// Presses a key.
    pub fn press(&self, digit: Digit) {
        self.0.drive(|now, state| state.phone.press(now, digit));
    }

    /// Hangs up.
    pub fn hang_up(&self) {
        self.0.drive(|now, state| state.end(now, Ending::Event(EndReason::CallerHungUp)));
    }

    /// Breaks the line: the agent's event stream ends with an error of this kind.
    pub fn fail(&self, kind: ErrorKind) {
        self.0.drive(|now, state| state.end(now, Ending::Failure(kind)));
    }

    /// What the agent sent, and when.
    pub fn commands(&self) -> Vec<(Timestamp, TransportCommand)> {
        self.0.drive(|_, state| state.commands.clone())
    }

    /// What was said and heard so far.
    pub fn report(&self) -> Report {
        self.0.drive(|_, state| state.phone.report())
    }

    /// The line's clock.
    pub fn now(&self) -> Timestamp {
        self.0.now()
    }

    /// Waits until the call is over, and tells how a scripted caller saw it; without a script,
    /// the caller always [completes](Outcome::Completed) by hanging up.
    pub async fn ended(&self) -> Outcome {
        loop {
            let changed = self.0.over.notified();
            if let Some(outcome) = self.0.drive(|_, state| state.outcome) {
                return outcome;
            }
            changed.await;
        }
    }
}

impl fmt::Debug for FakeLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeLine").field("info", &self.info).finish_non_exhaustive()
    }
}

impl fmt::Debug for LineHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LineHandle").field("now", &self.now()).finish_non_exhaustive()
    }
}

impl Transport for FakeLine {
    fn call(&self) -> &CallInfo {
        &self.info
    }

    fn format(&self) -> AudioFormat {
        AudioFormat::PHONE
    }

    fn split(
        self: Box<Self>,
    ) -> (Box<dyn TransportSink>, BoxStream<'static, Result<TransportEvent>>) {
        let sink = Sink(self.half.clone());
        let events = stream::unfold(self.half, |half| async {
            let event = half.0.0.next_event().await?;
            Some((event, half))
        });
        (Box::new(sink), events.fuse().boxed())
    }
}

struct Sink(Half);

impl TransportSink for Sink {
    fn poll_send(
        &mut self,
        _: &mut Context<'_>,
        command: &mut Option<TransportCommand>,
    ) -> Poll<Result<()>> {
        let Some(command) = command.take() else { return Poll::Ready(Ok(())) };
        Poll::Ready(self.0.0.0.drive(|now, state| state.obey(now, command)))
    }
}

/// One half of the agent's end. When the last one is dropped, the agent has hung up.
#[derive(Clone)]
struct Half(Arc<Held>);

struct Held(Arc<Shared>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.drive(|now, state| state.end(now, Ending::Event(EndReason::AgentHungUp)));
    }
}

struct Shared {
    epoch: Instant,
    state: Mutex<State>,
    changed: Notify,
    over: Notify,
}

struct State {
    phone: Phone,
    caller: Option<Caller>,
    outcome: Option<Outcome>,
    marks: VecDeque<Mark>,
    events: VecDeque<Result<TransportEvent>>,
    commands: Vec<(Timestamp, TransportCommand)>,
}

enum Ending {
    Event(EndReason),
    Failure(ErrorKind),
}

fn open(caller: Option<Caller>) -> (FakeLine, LineHandle) {
    let state = State {
        phone: Phone::new(),
        caller,
        outcome: None,
        marks: VecDeque::new(),
        events: VecDeque::new(),
        commands: Vec::new(),
    };
    let shared = Arc::new(Shared {
        epoch: Instant::now(),
        state: Mutex::new(state),
        changed: Notify::new(),
        over: Notify::new(),
    });
    let info = CallInfo::new("fake-call")
        .with_parties(Some("+15551230001".to_owned()), Some("+15551230002".to_owned()));
    let half = Half(Arc::new(Held(Arc::clone(&shared))));
    (FakeLine { info, half }, LineHandle(shared))
}

impl Shared {
    fn now(&self) -> Timestamp {
        Timestamp::from(self.epoch.elapsed())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Brings the phone up to date, does `work`, and wakes whoever waits.
    fn drive<R>(&self, work: impl FnOnce(Timestamp, &mut State) -> R) -> R {
        let now = self.now();
        let mut state = self.lock();
        state.advance(now);
        let result = work(now, &mut state);
        state.advance(now);
        if state.outcome.is_some() {
            self.over.notify_waiters();
        }
        self.changed.notify_one();
        result
    }

    async fn next_event(&self) -> Option<Result<TransportEvent>> {
        loop {
            let due = {
                let mut state = self.lock();
                state.advance(self.now());
                if let Some(event) = state.events.pop_front() {
                    return Some(event);
                }
                if state.outcome.is_some() {
                    self.over.notify_waiters();
                    return None;
                }
                state.phone.poll_timeout()
            };
            let due = due.unwrap_or_default();
            // Cancel-safe: nothing is taken until both have been waited for.
            tokio::select! {
                () = self.changed.notified() => {}
                () = sleep_until(self.epoch + due.since_start()) => {}
            }
        }
    }
}

impl State {
    fn advance(&mut self, now: Timestamp) {
        self.phone.handle_timeout(now);
        if self.outcome.is_none()
            && let Some(caller) = &mut self.caller
            && let Some(outcome) = caller.handle(now, &mut self.phone)
        {
            self.outcome = Some(outcome);
            self.phone.end(now);
            self.forward();
            self.events.push_back(Ok(TransportEvent::Ended(EndReason::CallerHungUp)));
        }
        self.forward();
    }

    fn forward(&mut self) {
        while let Some(output) = self.phone.poll_output() {
            let event = match output {
                Output::Frame { number, codes } => frame(number, codes),
                Output::Digit(digit) => Ok(TransportEvent::Dtmf(digit)),
                Output::Mark { cleared, .. } => match self.marks.pop_front() {
                    Some(mark) if cleared => Ok(TransportEvent::Cleared(mark)),
                    Some(mark) => Ok(TransportEvent::Played(mark)),
                    None => continue,
                },
            };
            self.events.push_back(event);
        }
    }

    fn obey(&mut self, now: Timestamp, command: TransportCommand) -> Result<()> {
        if self.outcome.is_some() {
            return Err(Error::new(ErrorKind::Connection, NAME, "the line is gone"));
        }
        self.commands.push((now, command.clone()));
        match command {
            TransportCommand::Audio(chunk) if chunk.format() != AudioFormat::PHONE => {
                let message = format!("audio is {}, the line is mulaw/8000", chunk.format());
                return Err(Error::new(ErrorKind::Protocol, NAME, message));
            }
            TransportCommand::Audio(chunk) => self.phone.play(now, chunk.bytes()),
            TransportCommand::Mark(mark) => {
                self.marks.push_back(mark);
                self.phone.mark(now, format!("{}/{}", mark.reply, mark.position_us));
            }
            TransportCommand::Clear => self.phone.clear(now),
            TransportCommand::HangUp => self.end(now, Ending::Event(EndReason::AgentHungUp)),
        }
        Ok(())
    }

    fn end(&mut self, now: Timestamp, ending: Ending) {
        if self.outcome.is_some() {
            return;
        }
        self.phone.end(now);
        self.forward();
        let (outcome, event) = match ending {
            Ending::Event(reason @ EndReason::AgentHungUp) => {
                (Outcome::AgentHungUp, Ok(TransportEvent::Ended(reason)))
            }
            Ending::Event(reason) => (Outcome::Completed, Ok(TransportEvent::Ended(reason))),
            Ending::Failure(kind) => {
                (Outcome::Lost, Err(Error::new(kind, NAME, "broken by the test")))
            }
        };
        self.outcome = Some(outcome);
        self.events.push_back(event);
    }
}

fn frame(number: u64, codes: Vec<u8>) -> Result<TransportEvent> {
    let at = MediaTime { samples: number * FRAME_SAMPLES as u64, rate_hz: RATE_HZ };
    Ok(TransportEvent::Audio { at, chunk: AudioChunk::new(AudioFormat::PHONE, codes)? })
}
