//! Beginning replies, preparing them, and taking in what is made.

use std::sync::Arc;

use futures::StreamExt;
use futures::stream::BoxStream;
use voicekit_core::error::Result;
use voicekit_core::llm::{Message, Usage};
use voicekit_core::tool::{ToolCall, ToolContext};
use voicekit_core::turn::trace::{Entry, Note};
use voicekit_core::turn::{Event, ReplyId, Source};

use super::reply::{self, Item, Prepared, Question, Words};
use super::tools::{self, offer};
use super::watch::Watch;
use super::{Call, MADE_AHEAD};
use crate::knowledge::Found;
use crate::memory::Summary;
use crate::observer::Part;
use crate::prompt::Draft;

impl Call {
    pub(super) fn begin_reply(&mut self, reply: ReplyId, source: Source) {
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
            Source::DeadEnd => Words::Phrase(phrases.dead_end.clone()),
            Source::Voicemail => Words::Phrase(phrases.voicemail.clone().unwrap_or_default()),
            Source::Turn | Source::Tools | _ => self.ask(None),
        };
        self.start_reply(reply, words);
    }

    pub(super) fn start_reply(&mut self, reply: ReplyId, words: Words) {
        self.playout.begin(reply.number());
        self.awaited.reply(self.clock.now(), matches!(words, Words::Phrase(_)));
        self.reply = Some((reply, self.make(words)));
    }

    pub(super) fn make(&self, words: Words) -> BoxStream<'static, Item> {
        reply::make(&self.parts, &self.scene.language, words, self.format)
    }

    /// What the model is asked, and what is looked up for it: the caller's last words.
    pub(super) fn ask(&mut self, turn: Option<String>) -> Words {
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
    pub(super) fn draft(&mut self, turn: Option<String>) -> Result<Draft> {
        let mut more: Vec<Message> = turn.map(Message::caller).into_iter().collect();
        more.extend(self.running.unfinished());
        let mut tools: Vec<_> = self.cast.tools.iter().map(|tool| offer(&**tool)).collect();
        tools.extend(self.running.stop_spec());
        self.scene.compose(&self.messages, more, tools)
    }

    pub(super) fn summarised(&mut self, summary: Result<Summary>, watch: &mut Watch) {
        match self.scene.memory.take(self.clock.now(), summary) {
            Ok(usage) => {
                add(&mut self.usage, usage);
                self.changed();
            }
            Err(error) => watch.failed(Part::Memory, &error),
        }
    }

    pub(super) fn run_tool(&mut self, run: u64, call: ToolCall) {
        let key = tools::key(&self.info, &self.messages, &call);
        let (info, reach) = (Arc::clone(&self.info), Arc::clone(&self.reach));
        let context = ToolContext::new(info, key, self.messages.clone(), reach);
        self.running.start(run, call, context, &self.cast.tools);
    }

    pub(super) fn prepare(&mut self, reply: ReplyId, text: String) {
        let words = self.ask(Some(text));
        let estimate = words.tokens();
        let items = self.make(words);
        self.prepared = Some((reply, Prepared::new(estimate, items)));
    }

    pub(super) fn adopt(&mut self, reply: ReplyId) {
        match self.prepared.take() {
            Some((id, prepared)) if id == reply && !prepared.has_failed() => {
                self.playout.begin(reply.number());
                self.awaited.reply(self.clock.now(), false);
                self.reply = Some((reply, prepared.into_items()));
            }
            // It is worth another try.
            _ => self.begin_reply(reply, Source::Turn),
        }
    }

    pub(super) fn discard(&mut self) {
        if let Some((_, prepared)) = self.prepared.take() {
            let wasted = prepared.usage();
            add(&mut self.usage, wasted);
            add(&mut self.wasted, wasted);
        }
    }

    pub(super) async fn made(&mut self, reply: ReplyId, item: Item, watch: &mut Watch) {
        self.awaited.made(self.clock.now(), &item);
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

    pub(super) fn found(&mut self, reply: ReplyId, found: Found, watch: &mut Watch) {
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

pub(super) fn add(sum: &mut Usage, usage: Usage) {
    sum.input_tokens += usage.input_tokens;
    sum.output_tokens += usage.output_tokens;
}

/// Makes more of the reply that is prepared; without one, never.
pub(super) async fn prepare_more(prepared: &mut Option<(ReplyId, Prepared)>) {
    match prepared {
        Some((_, prepared)) => prepared.more(MADE_AHEAD).await,
        None => std::future::pending().await,
    }
}

/// The next item of the live reply; without one, never.
pub(super) async fn next_item(
    reply: &mut Option<(ReplyId, BoxStream<'static, Item>)>,
) -> (ReplyId, Item) {
    if let Some((id, items)) = reply {
        if let Some(item) = items.next().await {
            return (*id, item);
        }
        *reply = None;
    }
    std::future::pending().await
}
