//! What a listener on the outside can know about a call, and what they may never see.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use voicekit_core::asr::TurnSign;
use voicekit_core::llm::Message;
use voicekit_core::time::Timestamp;
use voicekit_core::tool::{OnBargeIn, ToolCall, ToolOutcome};
use voicekit_core::turn::{Action, Config, Event, ReplyId, Source, State};

/// Follows the events and the actions of one call.
#[derive(Default)]
pub(crate) struct Checker {
    tool_timeout: Duration,
    live: Option<ReplyId>,
    source: Option<Source>,
    last: u64,
    text: String,
    made: Duration,
    played: Duration,
    held: bool,
    over: bool,
    remembered: bool,
    /// A cancelled reply whose audio must be cleared next.
    owes_clear: bool,
    just_silenced: bool,
    /// Nothing that the caller does may cut the live reply off.
    insists: bool,
    /// Whether the caller may cut off what is to be said next, and after that.
    to_say: VecDeque<bool>,
    to_leave: usize,
    listening: bool,
    prepared: Option<(ReplyId, String)>,
    ending: bool,
    hung_up: bool,
    line_ended: bool,
    failing: bool,
    /// The application gave the caller the floor.
    taken: bool,
    /// The live reply has just asked for this.
    asked: Option<(ToolCall, OnBargeIn)>,
    /// What runs once the reply that asked for it has been heard.
    waiting: Vec<ToolCall>,
    runs: BTreeMap<u64, Run>,
    finals: Vec<String>,
    /// The latest interim with words since the last final transcript.
    shown: String,
    /// Words that only interims showed and that must be remembered all the same.
    kept: String,
    said: String,
    last_said: String,
}

struct Run {
    call: ToolCall,
    on_barge_in: OnBargeIn,
    since: Timestamp,
    outcome: Option<ToolOutcome>,
    cancelled: bool,
    remembered: bool,
}

impl Checker {
    pub(crate) fn new(config: &Config) -> Self {
        Self { tool_timeout: config.tool_timeout, ..Self::default() }
    }

    /// How much audio of the live reply there is.
    pub(crate) fn made(&self) -> Duration {
        self.made
    }

    pub(crate) fn event(&mut self, event: &Event) {
        let making = self.live.filter(|_| !self.over);
        self.taken = matches!(event, Event::TakeTurn);
        self.asked = None;
        match event {
            Event::Clause { reply, text } if Some(*reply) == making => self.text += text,
            Event::Audio { reply, duration } if Some(*reply) == making => {
                self.made += *duration;
            }
            Event::ReplyDone(reply) if Some(*reply) == making => self.over = true,
            Event::ReplyFailed(reply) if Some(*reply) == making => {
                self.over = true;
                self.failing = true;
            }
            Event::ToolCalled { reply, call, on_barge_in: OnBargeIn::Forgo }
                if Some(*reply) == making =>
            {
                self.waiting.push(call.clone());
            }
            Event::ToolCalled { reply, call, on_barge_in } if Some(*reply) == making => {
                self.asked = Some((call.clone(), *on_barge_in));
            }
            Event::ToolDone { run, outcome } => {
                let run = self.runs.get_mut(run).filter(|run| !run.cancelled);
                if let Some(run) = run {
                    run.outcome.get_or_insert_with(|| outcome.clone());
                }
            }
            Event::Played(mark) if Some(ReplyId::new(mark.reply)) == self.live => {
                let position = Duration::from_micros(mark.position_us);
                self.played = self.played.max(position.min(self.made));
            }
            Event::Interim(text) if !self.line_ended && !text.is_empty() => {
                self.shown.clone_from(text);
            }
            Event::Final { text, .. } if !self.line_ended && !text.is_empty() => {
                self.shown.clear();
                if letters(&std::mem::take(&mut self.kept)) != letters(text) {
                    self.finals.push(text.clone());
                }
            }
            Event::Final { .. }
            | Event::HearingLost
            | Event::HandedTo(_)
            | Event::Sign(TurnSign::Ended) => {
                self.keep_shown();
            }
            Event::Say { interruptible, .. } => self.to_say.push_back(*interruptible),
            Event::Leave => self.to_leave += 1,
            Event::End => self.ending = true,
            Event::LineEnded(_) => {
                self.keep_shown();
                self.line_ended = true;
            }
            Event::Started
            | Event::Voice(_)
            | Event::Interim(_)
            | Event::Sign(_)
            | Event::Judged { .. }
            | Event::Dtmf(_)
            | Event::Clause { .. }
            | Event::Word { .. }
            | Event::Audio { .. }
            | Event::ReplyDone(_)
            | Event::ReplyFailed(_)
            | Event::ToolCalled { .. }
            | Event::Played(_)
            | Event::Cleared(_)
            | Event::TakeTurn
            | Event::YieldTurn
            | Event::Expect(_) => {}
        }
    }

    /// No final transcript says what became of the words that were shown: they must be kept.
    fn keep_shown(&mut self) {
        let shown = std::mem::take(&mut self.shown);
        if !self.line_ended && !shown.is_empty() && letters(&shown) != letters(&self.kept) {
            self.finals.push(shown.clone());
            self.kept = shown;
        }
    }

    pub(crate) fn action(&mut self, now: Timestamp, action: &Action) {
        if self.owes_clear {
            assert_eq!(action, &Action::Clear, "unplayed audio was not cleared");
        }
        if action == &Action::Clear {
            assert!(self.just_silenced, "a Clear without a Cancel or a Hold");
        }
        self.owes_clear = false;
        self.just_silenced = false;
        match action {
            Action::Reply { reply, source } => self.reply(*reply, *source),
            Action::Say { reply, text } => {
                self.reply(*reply, Source::Said);
                assert!(!text.is_empty());
                self.insists = !self.to_say.pop_front().expect("said what nobody asked for");
            }
            Action::Prepare { reply, text } => self.prepare(*reply, text),
            Action::Adopt(reply) => self.adopt(*reply),
            Action::Discard(reply) => {
                let prepared = self.prepared.take().map(|(prepared, _)| prepared);
                assert_eq!(prepared, Some(*reply), "discarded what was not prepared");
            }
            Action::Cancel(reply) => self.cancel(*reply),
            Action::Hold { from } => {
                assert!(!self.held && *from <= self.made, "held twice, or beyond the audio");
                assert!(!self.insists, "what was insisted on was held");
                self.owes_clear = self.played < self.made;
                self.just_silenced = true;
                self.held = true;
            }
            Action::Release => self.held = false,
            Action::Remember(Message::Agent { text, interrupted }) => {
                self.remember(text, *interrupted);
            }
            Action::Remember(Message::Caller { text }) => {
                self.said = format!("{} {text}", self.said);
                self.last_said.clone_from(text);
            }
            Action::Remember(Message::Tool { call, outcome }) => self.remember_tool(call, outcome),
            Action::RunTool { run, call } => self.run_tool(now, *run, call),
            Action::CancelTool(run) => self.cancel_tool(now, *run),
            Action::HangUp => {
                assert!(!self.hung_up, "hung up twice");
                self.hung_up = true;
            }
            Action::Measured(latency) => assert_eq!(Some(latency.reply), self.live),
            Action::State(State::Listening) => self.listening = true,
            Action::State(State::Ended) => {
                self.line_ended = true;
                self.check_tools();
            }
            Action::Leave => {
                assert!(self.listening, "left while one side speaks");
                assert!(!self.ending && !self.line_ended, "left after the end");
                self.to_leave = self.to_leave.checked_sub(1).expect("left unasked");
            }
            Action::State(_) => {
                self.listening = false;
            }
            Action::Clear
            | Action::Hint(_)
            | Action::RestartHearing
            | Action::TurnExceeded
            | Action::Transfer
            | Action::PickedUp(_)
            | Action::JudgeTurn { .. } => {}
        }
    }

    fn reply(&mut self, reply: ReplyId, source: Source) {
        assert!(reply.number() > self.last, "ids must grow");
        assert!(self.prepared.is_none(), "a reply beside the one that is prepared");
        self.begin(reply, source);
    }

    fn prepare(&mut self, reply: ReplyId, text: &str) {
        assert!(reply.number() > self.last, "ids must grow");
        assert!(self.prepared.is_none(), "two replies are prepared");
        assert!(!self.ending && !self.line_ended, "a reply is prepared after the end");
        self.last = reply.number();
        self.prepared = Some((reply, text.to_owned()));
    }

    fn adopt(&mut self, reply: ReplyId) {
        let (prepared, text) = self.prepared.take().expect("adopted what was not prepared");
        assert_eq!(prepared, reply, "adopted another than was prepared");
        assert_eq!(letters(&text), letters(&self.last_said), "adopted for other words");
        self.begin(reply, Source::Turn);
    }

    fn begin(&mut self, reply: ReplyId, source: Source) {
        assert!(self.live.is_none() || self.over || self.made > Duration::ZERO, "two voices");
        let audible = self.live.is_some() && self.made > Duration::ZERO && !self.text.is_empty();
        let whole = self.over && !self.failing;
        assert!(!audible || !whole || self.remembered, "a reply before the last one was heard");
        assert!(!self.hung_up && !self.line_ended, "a reply after the end");
        let last_words = matches!(source, Source::Goodbye | Source::Failure);
        assert!(!self.ending || last_words, "a new reply although the call is ending");
        *self = Self {
            tool_timeout: self.tool_timeout,
            live: Some(reply),
            source: Some(source),
            last: reply.number(),
            ending: self.ending || matches!(source, Source::Goodbye | Source::Voicemail),
            waiting: std::mem::take(&mut self.waiting),
            runs: std::mem::take(&mut self.runs),
            to_say: std::mem::take(&mut self.to_say),
            to_leave: self.to_leave,
            finals: std::mem::take(&mut self.finals),
            shown: std::mem::take(&mut self.shown),
            kept: std::mem::take(&mut self.kept),
            said: std::mem::take(&mut self.said),
            ..Self::default()
        };
    }

    fn cancel(&mut self, reply: ReplyId) {
        assert_eq!(Some(reply), self.live, "cancelled a reply that is not live");
        // Without its end it may have been given up for want of audio.
        let excused = self.failing || self.line_ended || self.hung_up || !self.over;
        // What was heard to its end while it was held is not interrupted.
        let excused = excused || self.played >= self.made;
        assert!(!self.ending || excused, "the goodbye was interrupted");
        assert!(!self.insists || excused || self.taken, "what was insisted on was interrupted");
        self.owes_clear = !self.held && self.played < self.made;
        self.just_silenced = true;
        self.live = None;
    }

    fn remember(&mut self, text: &str, interrupted: bool) {
        assert!(!self.remembered, "remembered twice");
        self.remembered = true;
        assert!(self.made > Duration::ZERO, "remembered what was never audible");
        let rest = self.text.trim_start().strip_prefix(text).expect("not a prefix of the reply");
        assert!(rest.is_empty() || rest.starts_with(' '), "cut inside a word: {text:?}");
        let whole = self.text.trim() == text;
        assert!(whole || interrupted || self.failing, "cut short and not said to be");
    }

    fn run_tool(&mut self, now: Timestamp, run: u64, call: &ToolCall) {
        let waiting = self.waiting.iter().position(|waiting| waiting == call);
        let on_barge_in = if let Some(at) = waiting {
            assert!(self.over && !self.failing, "a tool runs before what was said has been heard");
            self.waiting.remove(at);
            OnBargeIn::Forgo
        } else {
            let asked = self.asked.take();
            let (asked, on_barge_in) = asked.expect("a tool that the live reply did not ask for");
            assert_eq!(&asked, call);
            on_barge_in
        };
        assert!(!self.ending && !self.line_ended, "a tool runs after the end");
        let last = self.runs.last_key_value().map_or(0, |(number, _)| *number);
        assert!(run > last, "runs must be numbered in order");
        let source = self.source;
        assert!(matches!(source, Some(Source::Turn | Source::Tools)), "{source:?} runs a tool");
        let started = Run {
            call: call.clone(),
            on_barge_in,
            since: now,
            outcome: None,
            cancelled: false,
            remembered: false,
        };
        self.runs.insert(run, started);
    }

    fn cancel_tool(&mut self, now: Timestamp, run: u64) {
        let run = self.runs.get_mut(&run).expect("cancelled a tool that never ran");
        assert!(run.outcome.is_none() && !run.cancelled, "cancelled a tool that had finished");
        let late = now.since(run.since) >= self.tool_timeout;
        assert!(late || run.on_barge_in == OnBargeIn::Cancel, "a tool was not let finish");
        run.cancelled = true;
    }

    fn remember_tool(&mut self, call: &ToolCall, outcome: &ToolOutcome) {
        if let Some(at) = self.waiting.iter().position(|waiting| waiting == call) {
            self.waiting.remove(at);
            return assert!(outcome.failed, "a tool that did not run went well");
        }
        let mut runs = self.runs.values_mut();
        let run = runs.find(|run| run.call == *call).expect("remembered a tool that never ran");
        assert!(!run.remembered, "a tool was remembered twice");
        run.remembered = true;
        match &run.outcome {
            Some(told) => assert_eq!(told, outcome, "not the result that came"),
            None => assert!(run.cancelled && outcome.failed, "remembered before its end"),
        }
    }

    pub(crate) fn settle(&self) {
        assert!(!self.owes_clear, "unplayed audio was not cleared");
    }

    /// Each call of a tool has been remembered.
    pub(crate) fn check_tools(&self) {
        for (number, run) in &self.runs {
            assert!(run.remembered, "run {number} has no result");
        }
    }

    /// Each word of a final transcript has been remembered, in order, and each that was shown and
    /// that a final transcript without words followed.
    pub(crate) fn check_words(&self) {
        let mut said = self.said.split_whitespace();
        for word in self.finals.iter().flat_map(|text| text.split_whitespace()) {
            assert!(said.any(|heard| heard == word), "{word} was lost or out of order");
        }
    }
}

fn letters(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
