//! How a call went, from its trace.
//!
//! [`Metrics`] is a fold over the [`Line`]s of a trace: it may be fed while the call lasts or from
//! a file, and gives the same either way. It knows the call only by what the trace says:
//!
//! - The caller speaks from a [`Hint::SpeechStarted`] to the next [`Hint::SpeechEnded`]. These come
//!   later than the speech itself, by what the engine needs to be sure of it (60 ms and 200 ms by
//!   default). They also stop to speak when the agent begins to answer or to prompt them: the
//!   engine may end a turn in the middle of speech, and hears the rest as new speech or as noise.
//! - The agent is audible while the state is [`State::Speaking`].
//! - The call lasts from [`Event::Started`] to what [`finish`](Metrics::finish) is told; speech and
//!   silence count until the agent hangs up or the line ends.
//!
//! ```
//! use voicekit_core::time::Timestamp;
//! use voicekit_core::turn::metrics::Metrics;
//!
//! # fn main() -> Result<(), voicekit_core::turn::trace::ParseError> {
//! let mut metrics = Metrics::default();
//! for line in ["0 started", "> 0 state listening", "3000 line-ended caller"] {
//!     metrics.line(&line.parse()?);
//! }
//! metrics.finish(Timestamp::from_millis(3_000));
//! assert_eq!(metrics.dead_air.as_millis(), 1_000);
//! # Ok(())
//! # }
//! ```

mod report;

use std::time::Duration;

use serde::Serialize;

use crate::llm::Message;
use crate::time::Timestamp;

use super::event::{Action, Event, Hint, Latency, ReplyId, Source, State};
use super::trace::{Entry, Line};

/// Silence up to this length belongs to a conversation, as the pauses of a caller who thinks and the
/// wait for an answer do: the longest endpointing and a reply in good time. Chosen, not measured.
const SILENCE: Duration = Duration::from_secs(2);

/// Who goes on speaking within this time after the agent began to answer had hardly heard it, and
/// so had not finished. Chosen, not measured.
const GOES_ON: Duration = Duration::from_secs(1);

/// How a call went. In files, durations are whole milliseconds and their names end in `_ms`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Metrics {
    /// How long the call lasted. Known after [`finish`](Self::finish).
    #[serde(rename = "duration_ms", with = "crate::time::in_ms")]
    pub duration: Duration,
    /// What the caller waited for each reply that was measured, in order.
    #[serde(serialize_with = "report::latencies")]
    pub latencies: Vec<Latency>,
    /// Turns of the caller that the agent began to answer.
    pub turns: u32,
    /// Replies that were audible, answers or not.
    pub replies: u32,
    /// Replies that were audible and were cut off because the caller took the turn.
    pub interruptions: u32,
    /// How often an audible reply was held because somebody spoke over it.
    pub pauses: u32,
    /// Pauses after which the agent went on: false interruptions.
    pub resumed: u32,
    /// Answers during whose first second the caller went on speaking, and which were given up for
    /// that or held to the end of the call: the turn was probably ended too early. One that was
    /// audible is an interruption as well.
    pub cut_offs: u32,
    /// How often the caller was asked to say it again.
    pub reprompts: u32,
    /// How often the caller was asked whether they are still there.
    pub idle_prompts: u32,
    /// How often the agent said that something went wrong.
    pub failures: u32,
    /// Turns that ended without the final transcript that was asked for: the agent answered from
    /// interim words, or asked the caller to say it again.
    pub missed_transcripts: u32,
    /// Of each stretch in which neither the caller spoke nor the agent was audible, what it lasted
    /// beyond 2 s, in all. Counted at the end of the stretch.
    #[serde(rename = "dead_air_ms", with = "crate::time::in_ms")]
    pub dead_air: Duration,
    /// How long the caller spoke while the agent was audible, in all.
    #[serde(rename = "talk_over_ms", with = "crate::time::in_ms")]
    pub talk_over: Duration,
    /// Replies prepared before the turn was over.
    pub prepared: u32,
    /// Those that became the answer.
    pub adopted: u32,
    /// Those that were made for nothing.
    pub discarded: u32,
    #[serde(skip)]
    call: Call,
}

/// What is known of the call at the latest line.
#[derive(Clone, Debug, Default, PartialEq)]
struct Call {
    started: Option<Timestamp>,
    /// Speech and silence count.
    runs: bool,
    at: Timestamp,
    cause: Cause,
    caller_speaks: bool,
    agent_audible: bool,
    silent_since: Option<Timestamp>,
    live: Option<Live>,
    given_up: Option<GivenUp>,
    /// The recogniser owes the final transcript of a turn.
    transcript_owed: bool,
}

/// Who caused the actions that follow.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Cause {
    Caller,
    Clock,
    #[default]
    Other,
}

/// The reply that is being made or played.
#[derive(Clone, Debug, PartialEq)]
struct Live {
    reply: ReplyId,
    /// When it was begun, if it answers a turn.
    answers_since: Option<Timestamp>,
    was_audible: bool,
    held: Option<Held>,
    /// The caller goes on with the turn that it answers.
    gone_on: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Held {
    Audible,
    Unheard,
}

/// A reply that was cancelled after the latest input; the actions that follow tell why.
#[derive(Clone, Debug, PartialEq)]
struct GivenUp {
    interrupted: bool,
    cut_off: bool,
}

impl Metrics {
    /// Takes in the next line of the trace.
    pub fn line(&mut self, line: &Line) {
        self.advance(line.at);
        match &line.entry {
            Entry::Event(event) => self.event(line.at, event),
            Entry::Timeout => self.input(Cause::Clock),
            Entry::Action(action) => self.action(line.at, action),
            Entry::Note(_) => {}
        }
    }

    /// The call is over since `ended`; more lines are not expected.
    pub fn finish(&mut self, ended: Timestamp) {
        self.advance(ended);
        self.input(Cause::Other);
        self.stop(ended);
        let live = self.call.live.take();
        let cut_off = live.is_some_and(|live| live.gone_on && live.held.is_some());
        self.cut_offs += u32::from(cut_off);
        self.duration = self.call.started.map_or(Duration::ZERO, |started| ended.since(started));
    }

    /// The median of `part` of the latencies, such as [`Latency::total`]; the lower one of two.
    /// `None`: nothing was measured.
    pub fn median(&self, part: impl Fn(&Latency) -> Duration) -> Option<Duration> {
        self.percentile(50, part)
    }

    /// What nine in ten latencies do not exceed in `part`, such as [`Latency::total`]. `None`:
    /// nothing was measured.
    pub fn p90(&self, part: impl Fn(&Latency) -> Duration) -> Option<Duration> {
        self.percentile(90, part)
    }

    /// By nearest rank.
    fn percentile(&self, percent: usize, part: impl Fn(&Latency) -> Duration) -> Option<Duration> {
        let mut values: Vec<Duration> = self.latencies.iter().map(part).collect();
        values.sort_unstable();
        let rank = (values.len() * percent).div_ceil(100);
        values.get(rank.checked_sub(1)?).copied()
    }

    fn event(&mut self, at: Timestamp, event: &Event) {
        self.input(cause(event));
        match event {
            Event::Started if self.call.started.is_none() => {
                self.call.started = Some(at);
                self.call.runs = true;
                self.hush(at);
            }
            Event::Final { .. } => self.call.transcript_owed = false,
            Event::Played(mark) => {
                let reply = ReplyId::new(mark.reply);
                if self.call.live.as_ref().is_some_and(|live| live.reply == reply) {
                    self.sounds();
                }
            }
            Event::LineEnded(_) => self.stop(at),
            Event::Started
            | Event::Voice(_)
            | Event::Interim(_)
            | Event::Sign(_)
            | Event::Judged { .. }
            | Event::HearingLost
            | Event::Dtmf(_)
            | Event::Clause { .. }
            | Event::Word { .. }
            | Event::Audio { .. }
            | Event::ReplyDone(_)
            | Event::ReplyFailed(_)
            | Event::ToolCalled { .. }
            | Event::ToolDone { .. }
            | Event::Cleared(_)
            | Event::TakeTurn
            | Event::YieldTurn
            | Event::Say { .. }
            | Event::Expect(_)
            | Event::HandedTo(_)
            | Event::Leave
            | Event::End => {}
        }
    }

    fn action(&mut self, at: Timestamp, action: &Action) {
        match action {
            Action::Hint(hint) => self.hint(at, *hint),
            Action::Reply { reply, source } => self.begin(at, *reply, *source),
            Action::Say { reply, .. } => self.begin(at, *reply, Source::Said),
            Action::Prepare { .. } => self.prepared += 1,
            Action::Adopt(reply) => {
                self.adopted += 1;
                self.begin(at, *reply, Source::Turn);
            }
            Action::Discard(_) => self.discarded += 1,
            Action::Cancel(reply) => self.cancel(*reply),
            Action::Hold { .. } => self.hold(),
            Action::Release => self.release(),
            Action::HangUp => {
                self.call.given_up = None;
                self.stop(at);
            }
            Action::State(state) => self.state(at, *state),
            Action::Measured(latency) => self.latencies.push(*latency),
            // The reply was heard to its end before it was given up.
            Action::Remember(Message::Agent { interrupted: false, .. }) => {
                self.call.given_up = None;
            }
            Action::Remember(_)
            | Action::Leave
            | Action::Transfer
            | Action::JudgeTurn { .. }
            | Action::RestartHearing
            | Action::Clear
            | Action::RunTool { .. }
            | Action::CancelTool(_)
            | Action::TurnExceeded
            | Action::PickedUp(_) => {}
        }
    }

    /// Something new happens: nothing follows of what happened before.
    fn input(&mut self, cause: Cause) {
        if let Some(given_up) = self.call.given_up.take() {
            self.interruptions += u32::from(given_up.interrupted);
            self.cut_offs += u32::from(given_up.cut_off);
        }
        self.call.cause = cause;
    }

    fn hint(&mut self, at: Timestamp, hint: Hint) {
        match hint {
            Hint::SpeechStarted => {
                self.call.caller_speaks = true;
                self.call.transcript_owed = false;
                if let Some(live) = &mut self.call.live {
                    live.gone_on |=
                        live.answers_since.is_some_and(|since| at.since(since) <= GOES_ON);
                }
            }
            Hint::SpeechEnded => self.call.caller_speaks = false,
            Hint::Finalize => self.call.transcript_owed = true,
        }
        self.hush(at);
    }

    fn begin(&mut self, at: Timestamp, reply: ReplyId, source: Source) {
        match source {
            Source::Turn => self.turns += 1,
            Source::NotUnderstood => self.reprompts += 1,
            Source::StillThere => self.idle_prompts += 1,
            Source::Failure => self.failures += 1,
            Source::Greeting
            | Source::Tools
            | Source::Filler
            | Source::Said
            | Source::Warning
            | Source::DeadEnd
            | Source::Voicemail
            | Source::Goodbye => {}
        }
        if matches!(source, Source::Failure | Source::Goodbye) {
            self.call.given_up = None;
        }
        if matches!(source, Source::Turn | Source::NotUnderstood) {
            let owed = std::mem::take(&mut self.call.transcript_owed);
            self.missed_transcripts += u32::from(owed && self.call.cause == Cause::Clock);
        }
        if takes_caller_for_silent(source) {
            self.call.caller_speaks = false;
            self.hush(at);
        }
        let answers = source == Source::Turn;
        self.call.live = Some(Live {
            reply,
            answers_since: answers.then_some(at),
            was_audible: false,
            held: None,
            gone_on: false,
        });
    }

    fn sounds(&mut self) {
        if let Some(live) = &mut self.call.live {
            self.replies += u32::from(!live.was_audible);
            live.was_audible = true;
        }
    }

    fn hold(&mut self) {
        let Some(live) = self.call.live.as_mut().filter(|live| live.held.is_none()) else { return };
        let audible = self.call.agent_audible && live.was_audible;
        live.held = Some(if audible { Held::Audible } else { Held::Unheard });
        self.pauses += u32::from(audible);
    }

    fn release(&mut self) {
        let Some(live) = &mut self.call.live else { return };
        self.resumed += u32::from(live.held.take() == Some(Held::Audible));
        live.gone_on = false;
    }

    fn cancel(&mut self, reply: ReplyId) {
        let Some(live) = self.call.live.take_if(|live| live.reply == reply) else { return };
        let by_caller = self.call.cause != Cause::Other;
        let held = live.held.is_some();
        self.cut_offs += u32::from(live.gone_on && held);
        self.call.given_up = Some(GivenUp {
            interrupted: by_caller && live.was_audible,
            cut_off: by_caller && live.gone_on && !held,
        });
    }

    fn state(&mut self, at: Timestamp, state: State) {
        self.call.agent_audible = state == State::Speaking;
        match state {
            State::Speaking => self.sounds(),
            State::Ended => {
                self.call.given_up = None;
                self.stop(at);
            }
            State::Listening | State::Idle => self.call.live = None,
            State::Processing => {}
        }
        self.hush(at);
    }

    fn advance(&mut self, at: Timestamp) {
        let call = &mut self.call;
        if call.runs && call.caller_speaks && call.agent_audible {
            self.talk_over += at.since(call.at);
        }
        call.at = call.at.max(at);
    }

    /// Sees to the stretch of silence: one begins, goes on or ends.
    fn hush(&mut self, at: Timestamp) {
        let call = &mut self.call;
        if call.runs && !call.caller_speaks && !call.agent_audible {
            call.silent_since.get_or_insert(at);
        } else if let Some(since) = call.silent_since.take() {
            self.dead_air += at.since(since).saturating_sub(SILENCE);
        }
    }

    /// Speech and silence do not count from here on.
    fn stop(&mut self, at: Timestamp) {
        self.call.runs = false;
        self.hush(at);
    }
}

fn takes_caller_for_silent(source: Source) -> bool {
    matches!(source, Source::Turn | Source::NotUnderstood | Source::StillThere | Source::Goodbye)
}

fn cause(event: &Event) -> Cause {
    let by_caller = matches!(
        event,
        Event::Voice(_)
            | Event::Interim(_)
            | Event::Final { .. }
            | Event::Sign(_)
            | Event::Judged { .. }
            | Event::Dtmf(_)
    );
    if by_caller { Cause::Caller } else { Cause::Other }
}

#[cfg(test)]
mod tests;
