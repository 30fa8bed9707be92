//! A recorded call, held again by the real engine in virtual time.
//!
//! Every 20 ms the engine hears a frame of the caller's, as a carrier delivers it, through the
//! same parts as in a live call: Silero behind the echo gate, smart-turn when the caller pauses,
//! Whisper for the words. What the models say reaches the engine after fixed allowances for their
//! work, in the order of time.
//!
//! The agent is the one on the recording: when it speaks, the engine is told that it says
//! something, frame by frame. What the engine would say itself is taken as said in no time. A
//! recording does not react: the agent may go on after it was paused or interrupted. Its echo is
//! then still expected, but it has the floor again only once the caller's turn is over.

use std::time::Duration;

use voicekit_core::error::Result;
use voicekit_core::time::Timestamp;
use voicekit_core::transport::Mark;
use voicekit_core::turn::trace::{Entry, Line};
use voicekit_core::turn::{Action, Config, Engine, Event, Hint, ReplyId};
use voicekit_local::{SmartTurn, Whisper};

use crate::agent::{self, FRAME, Turn};
use crate::ears::Ears;
use crate::happening::{Happening, What};
use crate::recogniser::Recogniser;
use crate::recording::{RATE_HZ, Recording};
use crate::streaming::Streaming;

const FRAME_TIME: Duration = Duration::from_millis(20);
/// What a verdict of smart-turn takes: it always sees eight seconds.
const VERDICT: Duration = Duration::from_millis(100);
/// What the detector is given: the last eight seconds.
const JUDGED: usize = RATE_HZ as usize * 8;
/// The agent's audio between two marks.
const MARK_EVERY: Duration = Duration::from_millis(500);
/// Nobody is asked whether they are still there, and no recording is too long.
const NEVER: Duration = Duration::from_secs(1_000_000);
/// The words of the recorded agent are not known.
const SAID: &str = "What the agent says.";

/// The parts that a call is held with.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Parts {
    /// The engine's timings.
    pub config: Config,
    /// The recognizer.
    pub asr: Recognition,
    /// Who judges pauses, if anybody.
    pub detector: Option<SmartTurn>,
}

/// A source of the caller's words.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Recognition {
    /// There are none.
    #[default]
    None,
    /// Whisper, on this machine.
    Whisper(Whisper),
    /// A streaming service, which takes them from the labels.
    Labels,
}

/// What came of a call.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Held {
    /// What the engine did about turns.
    pub happenings: Vec<Happening>,
    /// Everything that went into the engine and came out of it.
    pub trace: Vec<Line>,
}

/// Holds the call.
///
/// # Errors
///
/// Of the engine's configuration, and of the models.
pub fn hold(recording: &Recording, parts: &Parts) -> Result<Held> {
    let mut call = Call::new(recording, parts)?;
    let frames = recording.caller.len() / FRAME;
    for frame in 0..frames {
        call.agent_frame(frame)?;
        call.advance(call.at(frame + 1))?;
        call.caller_frame(frame)?;
    }
    Ok(call.held)
}

struct Call<'a> {
    recording: &'a Recording,
    detector: Option<SmartTurn>,
    engine: Engine,
    ears: Ears,
    recogniser: Recogniser,
    /// Used in place of `recogniser`, if there is one.
    streaming: Option<Streaming>,
    now: Timestamp,
    /// Samples of the caller's that have come.
    heard: usize,
    verdict: Option<(Timestamp, u64, f32)>,
    floor: Floor,
    agent_turns: Vec<Turn>,
    /// The caller speaks; the caller has the turn.
    speaking: bool,
    turn: bool,
    held: Held,
}

/// The agent's turn on the recording, and the reply that it is to the engine.
#[derive(Debug, Default)]
struct Floor {
    /// The next or present turn on the recording.
    turn: usize,
    /// It is this frame's.
    open: bool,
    /// The engine was told of it, and has not begun it.
    asked: bool,
    /// It has begun, and may have been interrupted.
    begun: bool,
    reply: Option<ReplyId>,
    made: Duration,
    marked: Duration,
    done: bool,
    paused: bool,
}

impl<'a> Call<'a> {
    fn new(recording: &'a Recording, parts: &Parts) -> Result<Self> {
        let mut config = parts.config.clone();
        (config.greet, config.idle, config.max_call) = (false, NEVER, NEVER);
        let mut call = Self {
            recording,
            engine: Engine::new(config)?,
            detector: parts.detector.clone(),
            ears: Ears::new()?,
            recogniser: Recogniser::new(match &parts.asr {
                Recognition::Whisper(whisper) => Some(whisper.clone()),
                Recognition::None | Recognition::Labels => None,
            }),
            streaming: matches!(parts.asr, Recognition::Labels)
                .then(|| Streaming::new(&recording.labels)),
            now: Timestamp::ZERO,
            heard: 0,
            verdict: None,
            floor: Floor::default(),
            agent_turns: agent::turns(&recording.agent),
            speaking: false,
            turn: false,
            held: Held::default(),
        };
        call.handle(Event::Started)?;
        Ok(call)
    }

    fn at(&self, frame: usize) -> Timestamp {
        Timestamp::from_millis(20 * frame as u64)
    }

    // Time.

    /// Lets everything happen that is due up to `to`.
    fn advance(&mut self, to: Timestamp) -> Result<()> {
        loop {
            let timer = self.engine.poll_timeout().map(|(at, _)| at);
            let verdict = self.verdict.map(|(at, ..)| at);
            let words = match &self.streaming {
                Some(streaming) => streaming.ready(),
                None => self.recogniser.ready(),
            };
            let Some(next) = [timer, verdict, words].into_iter().flatten().min() else { break };
            if next > to {
                break;
            }
            self.now = self.now.max(next);
            if verdict == Some(next) {
                self.judged()?;
            } else if words == Some(next) {
                self.words()?;
            } else {
                self.held.trace.push(Line { at: self.now, entry: Entry::Timeout });
                self.engine.handle_timeout(self.now);
                self.act()?;
            }
        }
        self.now = to;
        Ok(())
    }

    fn judged(&mut self) -> Result<()> {
        let Some((_, pause, finished)) = self.verdict.take() else { return Ok(()) };
        self.handle(Event::Judged { pause, finished })
    }

    fn words(&mut self) -> Result<()> {
        let event = match &mut self.streaming {
            Some(streaming) => streaming.take(self.now),
            None => self.recogniser.take(&self.recording.caller)?,
        };
        match event {
            Some(event) => self.handle(event),
            None => Ok(()),
        }
    }

    // The caller.

    fn caller_frame(&mut self, frame: usize) -> Result<()> {
        let samples = &self.recording.caller[frame * FRAME..(frame + 1) * FRAME];
        self.heard += FRAME;
        for probability in self.ears.caller(samples) {
            self.handle(Event::Voice(percent(probability)))?;
        }
        self.recogniser.listen(self.now, self.heard);
        Ok(())
    }

    fn judge(&mut self, pause: u64) -> Result<()> {
        let Some(detector) = &self.detector else { return Ok(()) };
        let from = self.heard.saturating_sub(JUDGED);
        let finished = detector.probability(&self.recording.caller[from..self.heard], RATE_HZ)?;
        let at = self.now + VERDICT;
        self.recogniser.busy_until(at);
        self.verdict = Some((at, pause, percent(finished)));
        Ok(())
    }

    // The agent.

    fn agent_frame(&mut self, frame: usize) -> Result<()> {
        if let Some(samples) = self.recording.agent.get(frame * FRAME..(frame + 1) * FRAME) {
            self.ears.agent(samples);
        }
        let Some(turn) = self.agent_turns.get(self.floor.turn).copied() else { return Ok(()) };
        self.floor.open = (turn.start..turn.end).contains(&frame);
        if frame >= turn.end {
            return self.agent_ended();
        }
        let interrupted = self.floor.begun && self.turn;
        if self.floor.open && self.floor.reply.is_none() && !self.floor.asked && !interrupted {
            self.floor.asked = true;
            self.handle(Event::Say { text: SAID.to_owned(), interruptible: true })?;
        }
        if let Some(reply) = self.floor.reply {
            self.floor.made += FRAME_TIME;
            self.handle(Event::Audio { reply, duration: FRAME_TIME })?;
            if self.floor.made - self.floor.marked >= MARK_EVERY {
                self.mark()?;
            }
        }
        Ok(())
    }

    fn agent_begins(&mut self, reply: ReplyId) {
        let turn = self.floor.turn;
        self.floor =
            Floor { turn, open: true, begun: true, reply: Some(reply), ..Floor::default() };
    }

    fn agent_ended(&mut self) -> Result<()> {
        let Some(reply) = self.floor.reply else {
            let (turn, asked) = (self.floor.turn + 1, self.floor.asked);
            self.floor = Floor { turn, asked, ..Floor::default() };
            return Ok(());
        };
        if !self.floor.done {
            self.floor.done = true;
            self.handle(Event::ReplyDone(reply))?;
        }
        if self.floor.reply.is_some() && !self.floor.paused {
            self.mark()?;
        }
        Ok(())
    }

    /// What the caller has heard so far.
    fn mark(&mut self) -> Result<()> {
        let Some(reply) = self.floor.reply else { return Ok(()) };
        self.floor.marked = self.floor.made;
        if self.floor.done {
            self.floor.reply = None;
        }
        let position_us = u64::try_from(self.floor.made.as_micros()).unwrap_or(u64::MAX);
        self.handle(Event::Played(Mark { reply: reply.number(), position_us }))
    }

    // The engine.

    fn handle(&mut self, event: Event) -> Result<()> {
        self.held.trace.push(Line { at: self.now, entry: Entry::Event(event.clone()) });
        self.engine.handle(self.now, event);
        self.act()
    }

    fn act(&mut self) -> Result<()> {
        let mut next = Vec::new();
        while let Some(action) = self.engine.poll_action() {
            self.held.trace.push(Line { at: self.now, entry: Entry::Action(action.clone()) });
            match action {
                Action::Hint(hint) => self.hint(hint),
                Action::JudgeTurn { pause } => self.judge(pause)?,
                Action::Say { reply, text } if self.floor.open => {
                    self.agent_begins(reply);
                    next.push(Event::Clause { reply, text });
                }
                Action::Say { reply, .. } => {
                    self.floor.asked = false;
                    next.push(Event::ReplyDone(reply));
                }
                Action::Reply { reply, .. } | Action::Adopt(reply) => {
                    self.turn_over();
                    next.push(Event::ReplyDone(reply));
                }
                Action::Cancel(reply) if self.floor.reply == Some(reply) => self.interrupted(),
                Action::Hold { .. } => self.paused(),
                Action::Release => self.resumed(),
                Action::Cancel(_)
                | Action::CancelTool(_)
                | Action::Clear
                | Action::Discard(_)
                | Action::HangUp
                | Action::Leave
                | Action::Measured(_)
                | Action::PickedUp(_)
                | Action::Prepare { .. }
                | Action::Remember(_)
                | Action::RestartHearing
                | Action::RunTool { .. }
                | Action::State(_)
                | Action::Transfer
                | Action::TurnExceeded => {}
            }
        }
        if self.speaking && !self.turn && self.floor.reply.is_none() {
            self.turn = true;
            self.happens(What::Start);
        }
        next.into_iter().try_for_each(|event| self.handle(event))
    }

    fn hint(&mut self, hint: Hint) {
        match hint {
            Hint::SpeechStarted => self.speaking = true,
            Hint::SpeechEnded => self.speaking = false,
            Hint::Finalize => self.turn_over(),
        }
        match &mut self.streaming {
            Some(streaming) => streaming.hint(self.now, hint),
            None => self.recogniser.hint(self.now, hint, self.heard),
        }
    }

    fn turn_over(&mut self) {
        // If the voice goes on all the same, the engine will say that speech has started anew.
        self.speaking = false;
        if self.floor.reply.is_none() && std::mem::take(&mut self.turn) {
            self.happens(What::End);
        }
    }

    fn paused(&mut self) {
        if self.floor.reply.is_some() {
            self.floor.paused = true;
            self.happens(What::Pause);
        }
    }

    fn resumed(&mut self) {
        if std::mem::take(&mut self.floor.paused) {
            self.happens(What::Resume);
        }
    }

    fn interrupted(&mut self) {
        self.floor.reply = None;
        self.floor.paused = false;
        self.happens(What::Interrupt);
        if !std::mem::replace(&mut self.turn, true) {
            self.happens(What::Start);
        }
    }

    fn happens(&mut self, ev: What) {
        self.held.happenings.push(Happening { t: self.now.as_millis() as f64 / 1_000.0, ev });
    }
}

/// Two decimals, as in a live call.
fn percent(probability: f32) -> f32 {
    (probability * 100.0).round() / 100.0
}
