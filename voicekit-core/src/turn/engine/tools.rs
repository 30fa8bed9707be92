//! Tools: run for a reply, finished across interruptions, remembered with their results.

use crate::llm::Message;
use crate::time::Timestamp;
use crate::tool::{OnBargeIn, ToolCall, ToolOutcome};
use crate::turn::event::{Action, ReplyId, Source, State};
use crate::turn::timer::Timer;

use super::Engine;

/// The tools that were asked for and are not in the history yet.
#[derive(Debug, Default)]
pub(super) struct Runs {
    all: Vec<Run>,
    last: u64,
    /// The reply that the waiting ones belong to was audible.
    farewell: bool,
    /// The history holds results that the model was not asked about since.
    unspoken: bool,
    /// How often in a row the model went on after tools.
    pub(super) steps: u32,
    /// How often the caller was told to wait for these.
    fillers: u32,
}

#[derive(Debug)]
struct Run {
    call: ToolCall,
    on_barge_in: OnBargeIn,
    /// Its number and its deadline, once it has been started.
    started: Option<(u64, Timestamp)>,
    outcome: Option<ToolOutcome>,
}

impl Runs {
    /// Whether all that were asked for are in the history, and the model knows.
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty() && !self.unspoken
    }

    /// Whether any has been started and not finished.
    pub(super) fn are_pending(&self) -> bool {
        self.all.iter().any(|run| run.outcome.is_none() && run.started.is_some())
    }

    /// Whether the agent's last words are said: it runs what was to follow them.
    pub(super) fn follow_farewell(&self) -> bool {
        let follows = |run: &Run| run.on_barge_in == OnBargeIn::Forgo && run.started.is_some();
        self.farewell && self.all.iter().any(|run| run.outcome.is_none() && follows(run))
    }

    /// A reply has been heard to its end, if it was `audible` at all.
    pub(super) fn are_heard_out(&mut self, audible: bool) {
        self.farewell = audible;
    }

    /// The model is asked, with all results that there are.
    pub(super) fn are_spoken(&mut self) {
        self.unspoken = false;
    }

    pub(super) fn are_unspoken(&self) -> bool {
        self.unspoken
    }

    fn pending(&mut self) -> impl Iterator<Item = (u64, Timestamp, &mut Run)> {
        let pending = self.all.iter_mut().filter(|run| run.outcome.is_none());
        pending.filter_map(|run| run.started.map(|(number, until)| (number, until, run)))
    }
}

impl Engine {
    pub(super) fn tool_called(
        &mut self,
        now: Timestamp,
        reply: ReplyId,
        call: ToolCall,
        on_barge_in: OnBargeIn,
    ) {
        let ending = self.ending;
        let Some(live) = self.making(reply).filter(|live| live.source.is_model()) else { return };
        if ending || live.failed {
            return;
        }
        if self.runs.steps >= self.config.max_tool_steps {
            return self.fail_reply(now);
        }
        let at = self.runs.all.len();
        self.runs.all.push(Run { call, on_barge_in, started: None, outcome: None });
        if on_barge_in != OnBargeIn::Forgo {
            self.start_run(now, at);
        }
    }

    /// What the agent said has been heard: starts what was to wait for that.
    pub(super) fn start_runs(&mut self, now: Timestamp) {
        for at in 0..self.runs.all.len() {
            let run = &self.runs.all[at];
            if run.started.is_none() && run.outcome.is_none() {
                self.start_run(now, at);
            }
        }
    }

    fn start_run(&mut self, now: Timestamp, at: usize) {
        self.runs.last += 1;
        let (number, run) = (self.runs.last, &mut self.runs.all[at]);
        run.started = Some((number, now + self.config.tool_timeout));
        self.actions.push_back(Action::RunTool { run: number, call: run.call.clone() });
        self.await_tools();
    }

    pub(super) fn tool_done(&mut self, now: Timestamp, number: u64, outcome: ToolOutcome) {
        let run = self.runs.pending().find(|(started, ..)| *started == number);
        let Some((.., run)) = run else { return };
        run.outcome = Some(outcome);
        self.settle_tools(now);
    }

    pub(super) fn tools_overdue(&mut self, now: Timestamp) {
        for (number, _, run) in self.runs.pending().filter(|(_, until, _)| *until <= now) {
            run.outcome = Some(ToolOutcome::failed("It took too long and was given up."));
            self.actions.push_back(Action::CancelTool(number));
        }
        self.settle_tools(now);
    }

    pub(super) fn await_tools(&mut self) {
        let first = self.runs.pending().map(|(_, until, _)| until).min();
        match first {
            Some(until) => self.timers.set(Timer::Tool, until),
            None => self.timers.clear(Timer::Tool),
        }
    }

    fn settle_tools(&mut self, now: Timestamp) {
        self.await_tools();
        // What a reply did comes after what it said.
        if self.reply.is_some() {
            return;
        }
        self.record_runs();
        if self.line_ended {
            return self.end(now);
        }
        self.rest_if_free(now);
    }

    /// Puts what has finished into the history.
    pub(super) fn record_runs(&mut self) {
        let mut rest = Vec::new();
        for run in std::mem::take(&mut self.runs.all) {
            match run.outcome {
                Some(outcome) => {
                    self.discard();
                    self.runs.unspoken |= !outcome.quiet;
                    let message = Message::Tool { call: run.call, outcome };
                    self.actions.push_back(Action::Remember(message));
                }
                None => rest.push(run),
            }
        }
        self.runs.all = rest;
        if self.runs.all.is_empty() {
            self.runs.fillers = 0;
            self.timers.clear(Timer::Filler);
        }
        self.await_tools();
    }

    /// The caller has taken the floor: what only looks things up is not wanted any more, and what
    /// was to follow the agent's words does not.
    pub(super) fn drop_runs(&mut self) {
        let text = "It did not happen: the caller interrupted.";
        for (number, _, run) in self.runs.pending() {
            if run.on_barge_in == OnBargeIn::Cancel {
                run.outcome = Some(ToolOutcome::failed(text));
                self.actions.push_back(Action::CancelTool(number));
            }
        }
        self.forgo_runs(text);
    }

    /// What has not been started does not happen.
    pub(super) fn forgo_runs(&mut self, why: &str) {
        let forgone = |run: &&mut Run| run.started.is_none() && run.outcome.is_none();
        for run in self.runs.all.iter_mut().filter(forgone) {
            run.outcome = Some(ToolOutcome::failed(why));
        }
    }

    /// Nothing is said until the tools have run, but for a word that it takes a moment.
    pub(super) fn wait_for_tools(&mut self, now: Timestamp) {
        self.set_state(State::Processing);
        let dwell = if self.runs.fillers == 0 {
            self.config.filler_after
        } else {
            self.config.filler_every
        };
        self.timers.set(Timer::Filler, now + dwell);
    }

    pub(super) fn fill(&mut self, now: Timestamp) {
        if self.reply.is_none() && self.runs.are_pending() && !self.caller_has_floor() {
            self.runs.fillers += 1;
            self.start_reply(now, Source::Filler);
        }
    }
}
