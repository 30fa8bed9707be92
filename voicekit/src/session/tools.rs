//! Running the tools of a call.
//!
//! Each runs in a task of its own, so that one that computes or panics does not touch the audio.

use std::sync::Arc;

use futures::stream::{FuturesUnordered, StreamExt};
use tokio::task::{AbortHandle, JoinError};
use voicekit_core::llm::Message;
use voicekit_core::tool::{OnBargeIn, Tool, ToolCall, ToolOutcome};

/// The tools that run.
#[derive(Default)]
pub(super) struct Running {
    tasks: FuturesUnordered<futures::future::BoxFuture<'static, (u64, ToolOutcome)>>,
    calls: Vec<(u64, ToolCall, Option<AbortHandle>)>,
}

impl Running {
    pub(super) fn start(&mut self, run: u64, call: ToolCall, tools: &[Arc<dyn Tool>]) {
        let Some(tool) = find(tools, &call).map(Arc::clone) else {
            let text = format!("There is no tool called {:?}.", call.name);
            self.calls.push((run, call, None));
            self.tasks.push(Box::pin(async move { (run, ToolOutcome::failed(text)) }));
            return;
        };
        let limit = tool.spec().timeout;
        let asked = call.clone();
        let task = tokio::spawn(async move { tokio::time::timeout(limit, tool.run(&asked)).await });
        self.calls.push((run, call, Some(task.abort_handle())));
        self.tasks.push(Box::pin(async move {
            let outcome = match task.await {
                Ok(Ok(Ok(text))) => ToolOutcome::ok(text),
                Ok(Ok(Err(error))) => ToolOutcome::failed(error.to_string()),
                Ok(Err(_)) => ToolOutcome::failed(format!("It took longer than {limit:?}.")),
                Err(error) => ToolOutcome::failed(broken(&error)),
            };
            (run, outcome)
        }));
    }

    /// The next that has come to its end; while none runs, never.
    pub(super) async fn next(&mut self) -> (u64, ToolOutcome) {
        let Some((run, outcome)) = self.tasks.next().await else {
            return std::future::pending().await;
        };
        self.calls.retain(|(number, ..)| *number != run);
        (run, outcome)
    }

    pub(super) fn cancel(&mut self, run: u64) {
        let position = self.calls.iter().position(|(number, ..)| *number == run);
        if let Some((_, _, Some(task))) = position.map(|at| self.calls.remove(at)) {
            task.abort();
        }
    }

    /// What the model is told of those that have not finished.
    pub(super) fn unfinished(&self) -> impl Iterator<Item = Message> {
        let outcome = "It is still running. Do not ask for it again: its result will follow.";
        self.calls
            .iter()
            .map(move |(_, call, _)| Message::tool(call.clone(), ToolOutcome::ok(outcome)))
    }
}

/// What becomes of a call when the caller interrupts.
pub(super) fn policy(tools: &[Arc<dyn Tool>], call: &ToolCall) -> OnBargeIn {
    find(tools, call).map_or(OnBargeIn::Finish, |tool| tool.spec().on_barge_in)
}

fn find<'a>(tools: &'a [Arc<dyn Tool>], call: &ToolCall) -> Option<&'a Arc<dyn Tool>> {
    tools.iter().find(|tool| tool.spec().name == call.name)
}

/// What the model is told; what the tool said when it panicked is for the log.
fn broken(error: &JoinError) -> String {
    tracing::error!(%error, "a tool broke");
    "It broke down. It may or may not have happened.".to_owned()
}
