//! The loop that drives one call.
//!
//! It owns the line, the recogniser's stream and the live reply, feeds the turn engine with what
//! they say and the time, and carries out what the engine wants. It decides nothing itself.
//!
//! Everything runs in one task: from the caller's frame through voice activity detection and the
//! engine to the carrier there is no queue and no hop.

mod clock;
mod handle;
mod hearing;
mod keeper;
mod place;
mod reply;
mod router;
mod tools;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use voicekit_core::asr::{AsrEvent, AsrInput};
use voicekit_core::audio::{AudioChunk, AudioFormat};
use voicekit_core::control::CallControl;
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_core::llm::{Message, Usage};
use voicekit_core::playout::Playout;
use voicekit_core::store::SessionRecord;
use voicekit_core::time::{MediaTime, Timestamp};
use voicekit_core::tool::{ToolCall, ToolContext};
use voicekit_core::transport::{
    CallInfo, EndReason, Transport, TransportCommand, TransportEvent, TransportSink,
};
use voicekit_core::turn::trace::{Entry, Line, Note};
use voicekit_core::turn::{
    self, Action, Engine, Event, Hint, Latency, Metrics, ReplyId, Source, State,
};

use crate::agent::Parts;
use crate::knowledge::{Found, Inquiry};
use crate::memory::Summary;
use crate::observer::{CallEvent, CallReport, Observer, Part};
use crate::prompt::{Draft, Scene};
use crate::team::Cast;
use clock::Clock;
use handle::{Commands, Reach};
use hearing::{Activity, Hearing};
use keeper::Keeper;
use reply::{Item, Prepared, Question, Words};
use router::Feed;
use tools::Running;

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
        let mut watch = Watch { observer, clock, metrics: Metrics::default() };
        watch.show(CallEvent::Started(&info));
        tracing::info!(call = %info.id, "call started");
        let mut report = match Call::new(self, clock) {
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

fn log_end(info: &CallInfo, report: &CallReport) {
    let (id, seconds) = (&info.id, report.ended.as_secs_f64());
    let Metrics { turns, interruptions, resumed, cut_offs, .. } = report.metrics;
    let latency = report.metrics.median(Latency::total).unwrap_or_default();
    tracing::info!(call = %id, seconds, turns, interruptions, resumed, cut_offs, ?latency, "call ended");
    if let Some(error) = &report.error {
        tracing::error!(call = %id, %error, "the line broke");
    }
}

/// The clock and whoever watches.
struct Watch {
    observer: Option<Box<dyn Observer>>,
    clock: Clock,
    metrics: Metrics,
}

impl Watch {
    fn show(&mut self, event: CallEvent<'_>) {
        if let Some(observer) = &mut self.observer {
            observer.event(self.clock.now(), event);
        }
    }

    fn trace(&mut self, at: Timestamp, entry: Entry) {
        let line = Line { at, entry };
        self.metrics.line(&line);
        if let Some(observer) = &mut self.observer {
            observer.event(at, CallEvent::Trace(&line));
        }
    }

    fn failed(&mut self, part: Part, error: &Error) {
        tracing::warn!(%part, %error, "a part of the call failed");
        self.show(CallEvent::Failed { part, error });
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
    /// The way to another process.
    moving: Option<BoxFuture<'static, Result<()>>>,
    inquiry: Option<Inquiry>,
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
            moving: None,
            inquiry,
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

    /// Goes on with the conversation of a call before, if there was one.
    async fn go_on(&mut self, watch: &mut Watch) {
        let Some(load) = self.keeper.as_ref().map(Keeper::load) else { return };
        match load.await {
            Ok(None) => {}
            Ok(Some(mut record)) => {
                if record.live {
                    self.take_over(watch);
                }
                self.scene.restore(&mut record);
                if !record.messages.is_empty() {
                    watch.show(CallEvent::Continued(&record.messages));
                }
                self.earlier = record.messages.len();
                self.messages = record.messages;
                if let Some(agent) = record.agent {
                    self.handle(Event::HandedTo(agent), watch).await;
                }
            }
            Err(error) => watch.failed(Part::Sessions, &error),
        }
    }

    /// The caller is in the middle of a conversation: they are not greeted.
    fn take_over(&mut self, watch: &mut Watch) {
        self.changed();
        let turn = self.cast.turn().unwrap_or(&self.parts.turn);
        match engine(turn, &self.scene, false) {
            Ok(engine) => self.engine = engine,
            Err(error) => watch.failed(Part::Sessions, &error),
        }
    }

    /// Begins to save what has changed, if no save is under way.
    fn save(&mut self) {
        let Some(keeper) = &self.keeper else { return };
        // What another process may have loaded is not saved over.
        if keeper.is_due() && self.moving.is_none() {
            let record = self.record();
            if let Some(keeper) = &mut self.keeper {
                keeper.start(record);
            }
        }
    }

    /// The conversation as it is kept.
    fn record(&self) -> SessionRecord {
        let mut record = self.scene.record(&self.messages);
        record.agent.clone_from(&self.cast.name);
        record
    }

    /// Waits for the next thing to happen and takes it in. Every branch only waits on a stream or
    /// the clock, so that dropping those that lose loses nothing.
    async fn step(&mut self, watch: &mut Watch) {
        let wake =
            earliest(self.engine.poll_timeout().map(|(at, _)| at), self.playout.poll_timeout());
        let hungry = self.playout.buffered() < MADE_AHEAD;
        self.save();
        tokio::select! {
            biased;
            event = self.line.next(), if self.ended.is_none() => {
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
            summary = self.scene.memory.next() => self.summarised(summary, watch),
            () = prepare_more(&mut self.prepared) => {}
            () = self.clock.sleep_until(wake) => {}
        }
        self.time_out(watch).await;
    }

    async fn time_out(&mut self, watch: &mut Watch) {
        let now = self.clock.now();
        if self.engine.poll_timeout().is_some_and(|(at, _)| at <= now) {
            watch.trace(now, Entry::Timeout);
            self.engine.handle_timeout(now);
            self.act(now, watch).await;
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
        self.act(now, watch).await;
    }

    async fn act(&mut self, now: Timestamp, watch: &mut Watch) {
        while let Some(action) = self.engine.poll_action() {
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

    /// Has another agent of the team go on.
    fn hand_to(&mut self, agent: &str, watch: &mut Watch) {
        let Some((parts, history)) = self.cast.hand_to(agent) else { return };
        self.parts = parts;
        self.scene.hand_to(&self.parts, &self.info, history.first(&self.messages));
        for (part, error) in self.scene.problems() {
            watch.failed(part, &error);
        }
        self.reach = Arc::new(self.reach.with_notebook(self.scene.notebook.clone()));
        self.inquiry = self.parts.knowledge.clone().map(Inquiry::new);
        self.restart_hearing(watch);
        self.changed();
    }

    /// Moves the line to another process, where the conversation goes on.
    fn leave(&mut self) {
        let Some(url) = self.commands.destination() else { return };
        let mut record = self.record();
        record.live = true;
        let kept = self.keeper.as_mut().map(|keeper| keeper.keep(record));
        let control = self.control.clone();
        self.moving = Some(Box::pin(async move {
            let lacking = |what| Error::new(ErrorKind::Unsupported, "call", what);
            let kept = kept.ok_or_else(|| {
                lacking("nothing is kept of this call: give the agent sessions with a key for it")
            });
            let control = control.ok_or_else(|| {
                lacking("this line has no call control: give its transport the carrier's account")
            });
            let (kept, control) = (kept?, control?);
            kept.await?;
            control.redirect(&url).await
        }));
    }

    fn moved(&mut self, moved: Result<()>, watch: &mut Watch) {
        match moved {
            // From here on it is the other process that keeps the conversation.
            Ok(()) => self.keeper = None,
            Err(error) => {
                watch.failed(Part::Transport, &error);
                self.changed();
            }
        }
    }

    fn changed(&mut self) {
        if let Some(keeper) = &mut self.keeper {
            keeper.changed();
        }
    }

    /// Sends what is due.
    async fn play(&mut self, watch: &mut Watch) {
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

    // The line.

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

    // Recognition.

    async fn heard(&mut self, heard: Option<Result<AsrEvent>>, watch: &mut Watch) {
        match heard {
            Some(Ok(AsrEvent::Interim(transcript))) => {
                self.interim.clone_from(&transcript.text);
                if let Some(inquiry) = &mut self.inquiry {
                    inquiry.interim(&transcript.text);
                }
                self.handle(Event::Interim(transcript.text), watch).await;
            }
            Some(Ok(AsrEvent::Final(transcript))) => {
                self.interim.clear();
                let hearing = self.hearing.as_ref();
                let until = hearing.and_then(|hearing| hearing.said_at(&transcript));
                let (text, finalized) = (transcript.text, transcript.finalized);
                if let Some(inquiry) = &mut self.inquiry {
                    inquiry.is_final(&text);
                }
                self.handle(Event::Final { text, finalized, until }, watch).await;
            }
            Some(Ok(AsrEvent::Turn(sign))) => self.handle(Event::Sign(sign), watch).await,
            Some(Ok(_)) => {}
            Some(Err(error)) => {
                self.hearing = None;
                watch.failed(Part::Asr, &error);
                self.handle(Event::HearingLost, watch).await;
            }
            None => {
                self.hearing = None;
                self.handle(Event::HearingLost, watch).await;
            }
        }
    }

    fn hint(&mut self, hint: Hint) {
        if let (Hint::SpeechEnded, Some(inquiry)) = (hint, &mut self.inquiry) {
            inquiry.anticipate();
        }
        let Some(hearing) = &mut self.hearing else { return };
        hearing.send(match hint {
            Hint::SpeechStarted => AsrInput::SpeechStarted,
            Hint::SpeechEnded => AsrInput::SpeechEnded,
            Hint::Finalize => AsrInput::Finalize,
        });
    }

    fn judge(&mut self, pause: u64) {
        let Some(detector) = self.parts.detector.clone() else { return };
        let heard = self.activity.heard(&self.interim);
        let verdict = async move { detector.end_of_turn(&heard).await };
        self.verdict = Some((pause, verdict.boxed()));
    }

    async fn judged(&mut self, pause: u64, verdict: Result<f32>, watch: &mut Watch) {
        match verdict {
            Ok(finished) => self.handle(Event::Judged { pause, finished }, watch).await,
            Err(error) => watch.failed(Part::TurnDetector, &error),
        }
    }

    fn restart_hearing(&mut self, watch: &mut Watch) {
        match Hearing::open(&self.parts, &self.scene.language, self.format) {
            Ok(hearing) => self.hearing = Some(hearing),
            Err(error) => watch.failed(Part::Asr, &error),
        }
    }

    // Replies.

    fn begin_reply(&mut self, reply: ReplyId, source: Source) {
        let phrases = &self.scene.phrases;
        let words = match source {
            Source::Greeting => Words::Phrase(phrases.greeting.clone().unwrap_or_default()),
            Source::NotUnderstood => Words::Phrase(phrases.not_understood.clone()),
            Source::StillThere => Words::Phrase(phrases.still_there.clone()),
            Source::Failure => Words::Phrase(phrases.failure.clone()),
            Source::Goodbye => Words::Phrase(phrases.goodbye.clone()),
            Source::Filler => {
                Words::Phrase(self.running.filler().unwrap_or(&phrases.filler).into())
            }
            Source::Warning => Words::Phrase(phrases.warning.clone()),
            Source::Voicemail => Words::Phrase(phrases.voicemail.clone().unwrap_or_default()),
            Source::Turn | Source::Tools | _ => self.ask(None),
        };
        self.start_reply(reply, words);
    }

    fn start_reply(&mut self, reply: ReplyId, words: Words) {
        self.playout.begin(reply.number());
        self.reply = Some((reply, self.make(words)));
    }

    fn make(&self, words: Words) -> BoxStream<'static, Item> {
        reply::make(&self.parts, &self.scene.language, words, self.format)
    }

    /// What the model is asked, and what is looked up for it: the caller's last words.
    fn ask(&mut self, turn: Option<String>) -> Words {
        let spoken = self.messages.iter().rev().find_map(|message| match message {
            Message::Caller { text } => Some(text.as_str()),
            Message::Agent { .. } | Message::Tool { .. } => None,
        });
        let inquiry = self.inquiry.as_mut();
        let search = inquiry.and_then(|inquiry| inquiry.find(turn.as_deref().or(spoken)?));
        let draft = self.draft(turn);
        draft
            .map_or_else(Words::Unasked, |draft| Words::Model(Box::new(Question { draft, search })))
    }

    /// The conversation, the turn that is not part of it yet, and what is being done, so that it is
    /// not asked for twice.
    fn draft(&mut self, turn: Option<String>) -> Result<Draft> {
        let mut more: Vec<Message> = turn.map(Message::caller).into_iter().collect();
        more.extend(self.running.unfinished());
        let mut tools: Vec<_> = self.cast.tools.iter().map(|tool| offer(&**tool)).collect();
        tools.extend(self.running.stop_spec());
        self.scene.compose(&self.messages, more, tools)
    }

    fn summarised(&mut self, summary: Result<Summary>, watch: &mut Watch) {
        match self.scene.memory.take(self.clock.now(), summary) {
            Ok(usage) => {
                add(&mut self.usage, usage);
                self.changed();
            }
            Err(error) => watch.failed(Part::Memory, &error),
        }
    }

    fn run_tool(&mut self, run: u64, call: ToolCall) {
        let key = tools::key(&self.info, &self.messages, &call);
        let (info, reach) = (Arc::clone(&self.info), Arc::clone(&self.reach));
        let context = ToolContext::new(info, key, self.messages.clone(), reach);
        self.running.start(run, call, context, &self.cast.tools);
    }

    fn prepare(&mut self, reply: ReplyId, text: String) {
        let words = self.ask(Some(text));
        let estimate = words.tokens();
        let items = self.make(words);
        self.prepared = Some((reply, Prepared::new(estimate, items)));
    }

    fn adopt(&mut self, reply: ReplyId) {
        match self.prepared.take() {
            Some((id, prepared)) if id == reply && !prepared.has_failed() => {
                self.playout.begin(reply.number());
                self.reply = Some((reply, prepared.into_items()));
            }
            // It is worth another try.
            _ => self.begin_reply(reply, Source::Turn),
        }
    }

    fn discard(&mut self) {
        if let Some((_, prepared)) = self.prepared.take() {
            let wasted = prepared.usage();
            add(&mut self.usage, wasted);
            add(&mut self.wasted, wasted);
        }
    }

    async fn made(&mut self, reply: ReplyId, item: Item, watch: &mut Watch) {
        let event = match item {
            Item::Clause(text) => Event::Clause { reply, text },
            Item::Word(word) => Event::Word { reply, word },
            Item::Audio(chunk) => {
                let duration = chunk.duration();
                if let Err(error) = self.playout.push(chunk) {
                    watch.failed(Part::Reply, &error);
                }
                Event::Audio { reply, duration }
            }
            Item::Tool(call) => {
                let on_barge_in = tools::policy(&self.cast.tools, &call);
                Event::ToolCalled { reply, call, on_barge_in }
            }
            Item::Usage(usage) => return add(&mut self.usage, usage),
            Item::Found(found) => return self.found(reply, found, watch),
            Item::Done => {
                self.playout.finish();
                Event::ReplyDone(reply)
            }
            Item::Failed(error) => {
                self.playout.finish();
                watch.failed(Part::Reply, &error);
                Event::ReplyFailed(reply)
            }
        };
        self.handle(event, watch).await;
    }

    fn found(&mut self, reply: ReplyId, found: Found, watch: &mut Watch) {
        let consulted = found.consulted.clone();
        watch.trace(self.clock.now(), Entry::Note(Note::Consulted { reply, consulted }));
        if let Some(error) = &found.error {
            watch.failed(Part::Knowledge, error);
        }
        if let Some(inquiry) = &mut self.inquiry {
            inquiry.keep(found);
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

fn add(sum: &mut Usage, usage: Usage) {
    sum.input_tokens += usage.input_tokens;
    sum.output_tokens += usage.output_tokens;
}

/// How the way to another process went; without one, never.
async fn next_move(moving: &mut Option<BoxFuture<'static, Result<()>>>) -> Result<()> {
    let Some(way) = moving else { return std::future::pending().await };
    let moved = way.await;
    *moving = None;
    moved
}

/// Makes more of the reply that is prepared; without one, never.
async fn prepare_more(prepared: &mut Option<(ReplyId, Prepared)>) {
    match prepared {
        Some((_, prepared)) => prepared.more(MADE_AHEAD).await,
        None => std::future::pending().await,
    }
}

/// The verdict on the latest pause; without a question, never.
async fn next_verdict(
    verdict: &mut Option<(u64, BoxFuture<'static, Result<f32>>)>,
) -> (u64, Result<f32>) {
    let Some((pause, question)) = verdict else { return std::future::pending().await };
    let answer = (*pause, question.await);
    *verdict = None;
    answer
}

/// The next item of the live reply; without one, never.
async fn next_item(reply: &mut Option<(ReplyId, BoxStream<'static, Item>)>) -> (ReplyId, Item) {
    if let Some((id, items)) = reply {
        if let Some(item) = items.next().await {
            return (*id, item);
        }
        *reply = None;
    }
    std::future::pending().await
}
