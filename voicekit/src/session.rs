//! The loop that drives one call.
//!
//! It owns the line, the recogniser's stream and the live reply, feeds the turn engine with what
//! they say and the time, and carries out what the engine wants. It decides nothing itself.
//!
//! Everything runs in one task: from the caller's frame through voice activity detection and the
//! engine to the carrier there is no queue and no hop.

mod clock;
mod handle;
mod handover;
mod hearing;
mod keeper;
mod place;
mod recognition;
mod replies;
mod reply;
mod router;
mod silence;
mod stall;
mod tools;
mod watch;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use voicekit_core::audio::{AudioChunk, AudioFormat};
use voicekit_core::control::CallControl;
use voicekit_core::error::{Error, Result};
use voicekit_core::llm::{Message, Usage};
use voicekit_core::log::escaped;
use voicekit_core::playout::Playout;
use voicekit_core::time::{MediaTime, Timestamp};
use voicekit_core::transport::{
    CallInfo, EndReason, Transport, TransportCommand, TransportEvent, TransportSink,
};
use voicekit_core::turn::trace::Entry;
use voicekit_core::turn::{self, Action, Engine, Event, Metrics, ReplyId, State};

use crate::agent::Parts;
use crate::knowledge::Inquiry;
use crate::observer::{CallEvent, CallReport, Part};
use crate::prompt::Scene;
use crate::team::Cast;
use clock::Clock;
use handle::{Commands, Reach};
use handover::next_move;
use hearing::{Activity, Hearing};
use keeper::Keeper;
use recognition::next_verdict;
use replies::{next_item, prepare_more};
use reply::{Item, Prepared, Words};
use router::Feed;
use silence::Awaited;
use stall::Stall;
use tools::Running;
use watch::{Watch, log_end};

/// How far ahead of the caller's ear replies are made; beyond it, the model and the voice wait.
/// Longer than any pause of a voice, short enough not to make what an interruption throws away.
const MADE_AHEAD: Duration = Duration::from_secs(10);

pub use handle::{CallHandle, Refused};
pub use keeper::{SessionKey, Sessions};
pub(crate) use tools::{STOP, offer};

/// One conversation on one line.
pub struct Session {
    parts: Arc<Parts>,
    cast: Cast,
    line: Box<dyn Transport>,
    feed: Feed,
    commands: (CallHandle, Commands),
}

impl Session {
    pub(crate) fn new(parts: Arc<Parts>, cast: Cast, line: Box<dyn Transport>) -> Self {
        let feed = Feed::new(line.format());
        let commands = handle::pair(Arc::clone(feed.router()));
        Self { parts, cast, line, feed, commands }
    }

    /// The way to reach the call once it [runs](Self::run).
    pub fn handle(&self) -> CallHandle {
        self.commands.0.clone()
    }

    /// Holds the conversation until it ends.
    pub async fn run(self) -> CallReport {
        let parts = Arc::clone(&self.parts);
        let _running = parts.calls.enter(self.handle());
        let info = self.line.call().clone();
        self.let_in(&info);
        let observer = self.parts.observe.as_ref().map(|observe| observe(&info));
        let clock = Clock::start();
        let mut watch = Watch { observer, clock: clock.clone(), metrics: Metrics::default() };
        watch.show(CallEvent::Started(&info));
        tracing::info!(call = %escaped(&info.id), "call started");
        let mut report = match Call::new(self, clock.clone()) {
            Ok(call) => Box::pin(call.run(&mut watch)).await,
            Err(error) => {
                watch.show(CallEvent::Failed { part: Part::Transport, error: &error });
                CallReport::new(clock.now(), EndReason::Lost).with_error(Some(error))
            }
        };
        watch.metrics.finish(report.ended);
        report.metrics = std::mem::take(&mut watch.metrics);
        log_end(&info, &report);
        watch.show(CallEvent::Ended(&report));
        report
    }

    /// Starts whoever listens to all calls. Their tasks end with what they have to do: the stream
    /// they are given ends with the call, and [`drain`](crate::Agent::drain) waits for them.
    fn let_in(&self, info: &CallInfo) {
        for listener in &self.parts.listeners {
            let listening = self.parts.calls.listen();
            let done = listener.listen(info.clone(), self.feed.router().admit());
            tokio::spawn(async move {
                done.await;
                drop(listening);
            });
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("line", &self.line).finish_non_exhaustive()
    }
}

/// A call that runs.
struct Call {
    /// Those of whoever has the caller.
    parts: Arc<Parts>,
    cast: Cast,
    clock: Clock,
    format: AudioFormat,
    feed: Feed,
    sink: Box<dyn TransportSink>,
    line: BoxStream<'static, Result<TransportEvent>>,
    commands: Commands,
    engine: Engine,
    playout: Playout,
    activity: Activity,
    hearing: Option<Hearing>,
    /// The latest question about a pause.
    verdict: Option<(u64, BoxFuture<'static, Result<f32>>)>,
    /// What the caller's turn sounds like so far, for the detector.
    interim: String,
    reply: Option<(ReplyId, BoxStream<'static, Item>)>,
    /// A reply that is made in silence, in case the turn is over.
    prepared: Option<(ReplyId, Prepared)>,
    info: Arc<CallInfo>,
    reach: Arc<Reach>,
    control: Option<Arc<dyn CallControl>>,
    running: Running,
    scene: Scene,
    usage: Usage,
    wasted: Usage,
    messages: Vec<Message>,
    /// How many of them are of calls before.
    earlier: usize,
    keeper: Option<Keeper>,
    /// The way to whomever the caller is transferred to.
    transferring: Option<BoxFuture<'static, Result<()>>>,
    /// The way to another process.
    moving: Option<BoxFuture<'static, Result<()>>>,
    inquiry: Option<Inquiry>,
    stall: Stall,
    awaited: Awaited,
    ended: Option<EndReason>,
    error: Option<Error>,
}

impl Call {
    fn new(session: Session, clock: Clock) -> Result<Self> {
        let Session { parts, cast, line, feed, commands: (handle, commands) } = session;
        let info = Arc::new(line.call().clone());
        let scene = Scene::new(&parts, &info);
        let control = line.control();
        let reach = Arc::new(Reach::new(handle, control.clone(), scene.notebook.clone()));
        let format = line.format();
        let keeper = parts.sessions.as_ref();
        let keeper = keeper.and_then(|(store, sessions)| Keeper::new(store, sessions, line.call()));
        let inquiry = parts.knowledge.clone().map(Inquiry::new);
        let activity = Activity::new(&parts, format)?;
        let hearing = Some(Hearing::open(&parts, &scene.language, format)?);
        let turn = cast.turn().unwrap_or(&parts.turn);
        let engine = engine(turn, &scene, scene.phrases.greeting.is_some())?;
        let playout = Playout::new(format, parts.pace);
        let (sink, line) = line.split();
        Ok(Self {
            parts,
            cast,
            clock,
            format,
            feed,
            sink,
            line,
            commands,
            engine,
            playout,
            activity,
            hearing,
            verdict: None,
            interim: String::new(),
            reply: None,
            prepared: None,
            info,
            reach,
            control,
            running: Running::default(),
            scene,
            usage: Usage::default(),
            wasted: Usage::default(),
            messages: Vec::new(),
            earlier: 0,
            keeper,
            transferring: None,
            moving: None,
            inquiry,
            stall: Stall::default(),
            awaited: Awaited::default(),
            ended: None,
            error: None,
        })
    }

    async fn run(mut self, watch: &mut Watch) -> CallReport {
        for (part, error) in self.scene.problems() {
            watch.failed(part, &error);
        }
        self.go_on(watch).await;
        self.handle(Event::Started, watch).await;
        while self.engine.state() != State::Ended {
            self.step(watch).await;
            self.play(watch).await;
        }
        let now = self.clock.now();
        self.feed.ended(now);
        let reason = self.ended.unwrap_or(EndReason::AgentHungUp);
        if let Some(keeper) = self.keeper.take() {
            let concluded = reason == EndReason::AgentHungUp;
            if let Err(error) = keeper.finish(self.record(), concluded).await {
                watch.failed(Part::Sessions, &error);
            }
        }
        let mut report = CallReport::new(now, reason).with_error(self.error);
        self.scene.memory.summary().clone_into(&mut report.summary);
        report.slots = self.scene.notebook.noted();
        report.messages = self.messages.split_off(self.earlier);
        report.usage = self.usage;
        report.wasted = self.wasted;
        report
    }

    /// Waits for the next thing to happen and takes it in. Every branch only waits on a stream or
    /// the clock, so that dropping those that lose loses nothing.
    async fn step(&mut self, watch: &mut Watch) {
        let wake =
            earliest(self.engine.poll_timeout().map(|(at, _)| at), self.playout.poll_timeout());
        let wake = self.stall.wait(&self.clock, wake);
        let hungry = self.playout.buffered() < MADE_AHEAD;
        let others = self.stall.is_others_turn();
        self.save();
        tokio::select! {
            biased;
            length = self.stall.noticed(&self.clock) => self.stood_still(length),
            event = self.line.next(), if self.ended.is_none() && !others => {
                self.line_event(event, watch).await;
            }
            Some(event) = self.commands.next() => self.handle(event, watch).await,
            heard = hearing::next(&mut self.hearing) => self.heard(heard, watch).await,
            (pause, verdict) = next_verdict(&mut self.verdict) => {
                self.judged(pause, verdict, watch).await;
            }
            (reply, item) = next_item(&mut self.reply), if hungry => {
                self.made(reply, item, watch).await;
            }
            (run, outcome) = self.running.next() => {
                self.handle(Event::ToolDone { run, outcome }, watch).await;
            }
            saved = keeper::saved(&mut self.keeper) => {
                if let Err(error) = saved {
                    watch.failed(Part::Sessions, &error);
                }
            }
            moved = next_move(&mut self.moving) => self.moved(moved, watch),
            transferred = next_move(&mut self.transferring) => {
                self.transferred(transferred, watch).await;
            }
            summary = self.scene.memory.next() => self.summarised(summary, watch),
            () = prepare_more(&mut self.prepared) => {}
            () = std::future::ready(()), if others => {}
            () = self.clock.sleep_until(Some(wake)) => {}
        }
        self.stall.turn_over(&self.clock);
        if !self.stall.is_late() {
            self.time_out(watch).await;
        }
    }

    async fn time_out(&mut self, watch: &mut Watch) {
        let now = self.clock.now();
        if self.engine.poll_timeout().is_some_and(|(at, _)| at <= now) {
            watch.trace(now, Entry::Timeout);
            self.engine.handle_timeout(now);
            self.act(now, true, watch).await;
        }
    }

    /// Gives the engine an event and carries out what follows.
    async fn handle(&mut self, event: Event, watch: &mut Watch) {
        let now = self.clock.now();
        if let Event::HandedTo(agent) = &event {
            self.hand_to(agent, watch);
        }
        watch.trace(now, Entry::Event(event.clone()));
        self.engine.handle(now, event);
        self.act(now, false, watch).await;
    }

    /// Carries out what the engine wants, after a timeout or an event.
    async fn act(&mut self, now: Timestamp, is_timeout: bool, watch: &mut Watch) {
        while let Some(action) = self.engine.poll_action() {
            if is_timeout {
                self.name_silent(now, &action);
            }
            watch.trace(now, Entry::Action(action.clone()));
            match action {
                Action::Hint(hint) => self.hint(hint),
                Action::JudgeTurn { pause } => self.judge(pause),
                Action::RestartHearing => self.restart_hearing(watch),
                Action::Remember(message) => self.remember(message),
                Action::Reply { reply, source } => self.begin_reply(reply, source),
                Action::Cancel(_) => {
                    self.reply = None;
                    self.playout.cancel();
                }
                Action::Clear => {
                    self.feed.cleared(now);
                    self.activity.cleared();
                    self.send(TransportCommand::Clear).await;
                }
                Action::Hold { from } => self.playout.hold(from),
                Action::Release => self.playout.release(),
                Action::HangUp => self.send(TransportCommand::HangUp).await,
                Action::Leave => self.leave(),
                Action::Transfer => self.transfer(),
                Action::Say { reply, text } => self.start_reply(reply, Words::Phrase(text)),
                Action::Prepare { reply, text } => self.prepare(reply, text),
                Action::Adopt(reply) => self.adopt(reply),
                Action::Discard(_) => self.discard(),
                Action::RunTool { run, call } => self.run_tool(run, call),
                Action::CancelTool(run) => self.running.cancel(run),
                Action::State(_)
                | Action::Measured(_)
                | Action::TurnExceeded
                | Action::PickedUp(_) => {}
            }
        }
    }

    fn remember(&mut self, message: Message) {
        if let (Message::Caller { .. }, Some(inquiry)) = (&message, &mut self.inquiry) {
            inquiry.turn_over();
        }
        self.messages.push(message);
        self.scene.memory.consider(self.clock.now(), &self.messages, self.scene.fixed());
        self.changed();
    }

    /// Sends what is due.
    async fn play(&mut self, watch: &mut Watch) {
        if self.stall.is_late() {
            return;
        }
        while let Some(command) = self.playout.poll(self.clock.now()) {
            self.feed.sent(self.playout.plays_until(), &command);
            if let TransportCommand::Audio(chunk) = &command {
                self.note_sent(chunk, watch);
            }
            self.send(command).await;
        }
    }

    fn note_sent(&mut self, chunk: &AudioChunk, watch: &mut Watch) {
        let ends_in = self.playout.plays_until().since(self.clock.now());
        let ahead = ends_in.saturating_sub(chunk.duration());
        if let Err(error) = self.activity.sent(chunk, ahead) {
            watch.failed(Part::Transport, &error);
        }
    }

    async fn send(&mut self, command: TransportCommand) {
        if let Err(error) = self.sink.send(command).await {
            // The line's events say what became of it.
            tracing::debug!(%error, "could not send");
        }
    }

    async fn line_event(&mut self, event: Option<Result<TransportEvent>>, watch: &mut Watch) {
        match event {
            Some(Ok(TransportEvent::Audio { at, chunk })) => {
                self.caller_audio(at, &chunk, watch).await;
            }
            Some(Ok(TransportEvent::Played(mark))) => {
                self.feed.returned(self.clock.now(), mark, true);
                self.handle(Event::Played(mark), watch).await;
            }
            Some(Ok(TransportEvent::Cleared(mark))) => {
                self.feed.returned(self.clock.now(), mark, false);
                self.handle(Event::Cleared(mark), watch).await;
            }
            Some(Ok(TransportEvent::Dtmf(digit))) => self.handle(Event::Dtmf(digit), watch).await,
            Some(Ok(TransportEvent::Ended(reason))) => self.line_ended(reason, watch).await,
            Some(Ok(_)) => {}
            Some(Err(error)) => {
                watch.failed(Part::Transport, &error);
                self.error = Some(error);
                self.line_ended(EndReason::Lost, watch).await;
            }
            None => self.line_ended(EndReason::Lost, watch).await,
        }
    }

    async fn line_ended(&mut self, reason: EndReason, watch: &mut Watch) {
        self.ended = Some(reason);
        self.handle(Event::LineEnded(reason), watch).await;
    }

    async fn caller_audio(&mut self, at: MediaTime, chunk: &AudioChunk, watch: &mut Watch) {
        self.stall.audio(&self.clock, chunk);
        self.feed.caller(self.clock.now(), at, chunk);
        if let Err(error) = self.activity.audio(chunk) {
            watch.failed(Part::Transport, &error);
        }
        while let Some(probability) = self.activity.next() {
            self.handle(Event::Voice(probability), watch).await;
        }
        let now = self.clock.now();
        let heard = self.hearing.as_mut().map_or(Ok(()), |hearing| hearing.audio(now, chunk));
        if let Err(error) = heard {
            watch.failed(Part::Transport, &error);
        }
    }
}

fn engine(turn: &turn::Config, scene: &Scene, greet: bool) -> Result<Engine> {
    let mut turn = turn.clone();
    turn.language.clone_from(&scene.language);
    turn.greet = greet;
    Engine::new(turn)
}

fn earliest(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    a.into_iter().chain(b).min()
}
