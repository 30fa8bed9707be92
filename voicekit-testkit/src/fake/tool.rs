//! A tool that takes its time.

use std::time::Duration;

use async_trait::async_trait;
use tokio::time::sleep;
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_core::tool::{OnBargeIn, Tool, ToolCall, ToolContext, ToolOutcome, ToolSpec};

use super::journal::Journal;

/// A tool that gives the same result after a fixed time.
#[derive(Clone, Debug)]
pub struct FakeTool {
    spec: ToolSpec,
    result: std::result::Result<String, String>,
    takes: Duration,
    journal: Journal<ToolCall>,
}

impl FakeTool {
    /// A tool called `name` that gives `result` after 100 ms.
    pub fn new(name: impl Into<String>, result: impl Into<String>) -> Self {
        Self {
            spec: ToolSpec::new(name, "A tool for tests."),
            result: Ok(result.into()),
            takes: Duration::from_millis(100),
            journal: Journal::default(),
        }
    }

    /// How long it takes. Default: 100 ms.
    #[must_use]
    pub fn with_duration(mut self, takes: Duration) -> Self {
        self.takes = takes;
        self
    }

    /// What becomes of it when the caller interrupts. Default: it finishes.
    #[must_use]
    pub fn with_on_barge_in(mut self, policy: OnBargeIn) -> Self {
        self.spec = self.spec.with_on_barge_in(policy);
        self
    }

    /// How long it may take. Default: 30 s.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.spec = self.spec.with_timeout(timeout);
        self
    }

    /// Has it fail with this message.
    #[must_use]
    pub fn failing(mut self, message: impl Into<String>) -> Self {
        self.result = Err(message.into());
        self
    }

    /// What it was asked to do. A run that was dropped is [`Fate::Dropped`](super::Fate).
    pub fn journal(&self) -> &Journal<ToolCall> {
        &self.journal
    }
}

#[async_trait]
impl Tool for FakeTool {
    fn spec(&self) -> ToolSpec {
        self.spec.clone()
    }

    async fn run(&self, call: &ToolCall, _: &ToolContext) -> Result<ToolOutcome> {
        let page = self.journal.open(call.clone());
        sleep(self.takes).await;
        page.end();
        let failed = |message| Error::new(ErrorKind::Rejected, "fake-tool", message);
        self.result.clone().map(ToolOutcome::ok).map_err(failed)
    }
}
