//! Conversations that go on elsewhere: in another call, with another agent, in another process.

use std::sync::Arc;

use futures::future::BoxFuture;
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_core::store::SessionRecord;
use voicekit_core::turn::Event;

use super::keeper::Keeper;
use super::watch::Watch;
use super::{Call, engine};
use crate::knowledge::Inquiry;
use crate::observer::{CallEvent, Part};

impl Call {
    /// Goes on with the conversation of a call before, if there was one.
    pub(super) async fn go_on(&mut self, watch: &mut Watch) {
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
    pub(super) fn take_over(&mut self, watch: &mut Watch) {
        self.changed();
        let turn = self.cast.turn().unwrap_or(&self.parts.turn);
        match engine(turn, &self.scene, false) {
            Ok(engine) => self.engine = engine,
            Err(error) => watch.failed(Part::Sessions, &error),
        }
    }

    /// Begins to save what has changed, if no save is under way.
    pub(super) fn save(&mut self) {
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
    pub(super) fn record(&self) -> SessionRecord {
        let mut record = self.scene.record(&self.messages);
        record.agent.clone_from(&self.cast.name);
        record
    }

    /// Has another agent of the team go on.
    pub(super) fn hand_to(&mut self, agent: &str, watch: &mut Watch) {
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
    pub(super) fn leave(&mut self) {
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

    pub(super) fn moved(&mut self, moved: Result<()>, watch: &mut Watch) {
        match moved {
            // From here on it is the other process that keeps the conversation.
            Ok(()) => self.keeper = None,
            Err(error) => {
                watch.failed(Part::Transport, &error);
                self.changed();
            }
        }
    }

    /// Transfers the caller, whose turns led nowhere.
    pub(super) fn transfer(&mut self) {
        let lacking = |what| Error::new(ErrorKind::Unsupported, "call", what);
        let (to, control) = (self.parts.dead_end_transfer.clone(), self.control.clone());
        self.transferring = Some(Box::pin(async move {
            let to = to.ok_or_else(|| lacking("the agent has nobody to transfer callers to"))?;
            let control = control.ok_or_else(|| {
                lacking("this line has no call control: give its transport the carrier's account")
            })?;
            control.transfer(&to).await
        }));
    }

    /// If it failed, the conversation goes on.
    pub(super) async fn transferred(&mut self, transferred: Result<()>, watch: &mut Watch) {
        if let Err(error) = transferred {
            watch.failed(Part::Transport, &error);
            let text = self.scene.phrases.dead_end.clone();
            self.handle(Event::Say { text, interruptible: true }, watch).await;
        }
    }

    pub(super) fn changed(&mut self) {
        if let Some(keeper) = &mut self.keeper {
            keeper.changed();
        }
    }
}

/// How the way to another process or person went; without one, never.
pub(super) async fn next_move(moving: &mut Option<BoxFuture<'static, Result<()>>>) -> Result<()> {
    let Some(way) = moving else { return std::future::pending().await };
    let moved = way.await;
    *moving = None;
    moved
}
