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
    /// The history holds results that the model was not asked about since.
    unspoken: bool,
    /// How often in a row the model went on after tools.
    pub(super) steps: u32,
    /// How often the caller was told to wait for these.
    fillers: u32,
}

#[derive(Debug)]
struct Run {
    number: u64,
    call: ToolCall,
    on_barge_in: OnBargeIn,
    until: Timestamp,
    outcome: Option<ToolOutcome>,
}

impl Runs {
    /// Whether all that were asked for are in the history, and the model knows.
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty() && !self.unspoken
    }

    pub(super) fn are_pending(&self) -> bool {
        self.all.iter().any(|run| run.outcome.is_none())
    }

    /// The model is asked, with all results that there are.
    pub(super) fn are_spoken(&mut self) {
        self.unspoken = false;
    }

    pub(super) fn are_unspoken(&self) -> bool {
        self.unspoken
    }

    fn pending(&mut self) -> impl Iterator<Item = &mut Run> {
        self.all.iter_mut().filter(|run| run.outcome.is_none())
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
        self.runs.last += 1;
        let number = self.runs.last;
        self.actions.push_back(Action::RunTool { run: number, call: call.clone() });
        let until = now + self.config.tool_timeout;
        self.runs.all.push(Run { number, call, on_barge_in, until, outcome: None });
        self.await_tools();
    }

    pub(super) fn tool_done(&mut self, now: Timestamp, number: u64, outcome: ToolOutcome) {
        let Some(run) = self.runs.pending().find(|run| run.number == number) else { return };
        run.outcome = Some(outcome);
        self.settle_tools(now);
    }

    pub(super) fn tools_overdue(&mut self, now: Timestamp) {
        for run in self.runs.all.iter_mut().filter(|run| run.outcome.is_none()) {
            if run.until <= now {
                run.outcome = Some(ToolOutcome::failed("It took too long and was given up."));
                self.actions.push_back(Action::CancelTool(run.number));
            }
        }
        self.settle_tools(now);
    }

    pub(super) fn await_tools(&mut self) {
        let first = self.runs.pending().map(|run| run.until).min();
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
                    self.runs.unspoken = true;
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

    /// The caller has taken the floor: what only looks things up is not wanted any more.
    pub(super) fn drop_runs(&mut self) {
        let dropped = self
            .runs
            .all
            .iter_mut()
            .filter(|run| run.outcome.is_none() && run.on_barge_in == OnBargeIn::Cancel);
        for run in dropped {
            let text = "It did not happen: the caller interrupted.";
            run.outcome = Some(ToolOutcome::failed(text));
            self.actions.push_back(Action::CancelTool(run.number));
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
