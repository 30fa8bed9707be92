//! What an application sees of a call.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;
use voicekit_core::error::Error;
use voicekit_core::llm::{Message, Usage};
use voicekit_core::time::Timestamp;
use voicekit_core::transport::{CallInfo, EndReason};
use voicekit_core::turn::Metrics;
use voicekit_core::turn::trace::Line;

/// Follows one call.
///
/// It is called in the call's own task, between two pieces of audio: it must not block. What takes
/// longer belongs behind a bounded queue. The call's sound is not seen here but
/// [listened to](crate::AgentBuilder::listen).
pub trait Observer: Send {
    /// Takes note of what happened at `at`.
    fn event(&mut self, at: Timestamp, event: CallEvent<'_>);
}

impl<F: FnMut(Timestamp, CallEvent<'_>) + Send> Observer for F {
    fn event(&mut self, at: Timestamp, event: CallEvent<'_>) {
        self(at, event);
    }
}

/// What happens in a call.
#[derive(Debug)]
#[non_exhaustive]
pub enum CallEvent<'a> {
    /// The call has begun.
    Started(&'a CallInfo),
    /// It goes on with the conversation of a call before, of which this was said and heard.
    Continued(&'a [Message]),
    /// Something went into the turn engine or came out of it: transcripts, replies, states,
    /// interruptions, latencies. The lines are a trace that can be replayed.
    Trace(&'a Line),
    /// A part failed. The call goes on as well as it can.
    Failed {
        /// Which part.
        part: Part,
        /// What happened.
        error: &'a Error,
    },
    /// The call is over.
    Ended(&'a CallReport),
}

/// A part of an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Part {
    /// The recogniser.
    Asr,
    /// The detector of the end of turns.
    TurnDetector,
    /// The model or the voice: what makes replies.
    Reply,
    /// The line.
    Transport,
    /// What keeps conversations for callers who come back.
    Sessions,
    /// What is looked up for the model.
    Knowledge,
    /// A template, or the variables of a call.
    Prompt,
    /// What summarises a long call.
    Memory,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Asr => "asr",
            Self::TurnDetector => "turn detector",
            Self::Reply => "reply",
            Self::Transport => "transport",
            Self::Sessions => "sessions",
            Self::Knowledge => "knowledge",
            Self::Prompt => "prompt",
            Self::Memory => "memory",
        })
    }
}

/// What a call came to.
#[derive(Debug)]
#[non_exhaustive]
pub struct CallReport {
    /// How long it lasted.
    pub ended: Timestamp,
    /// How it ended.
    pub reason: EndReason,
    /// What was said and heard, oldest first.
    pub messages: Vec<Message>,
    /// What was said first, in fewer words, if the call was long: what the model read instead.
    pub summary: String,
    /// What was noted of the caller and what they want, by the slot's name.
    pub slots: BTreeMap<String, Value>,
    /// How the conversation went: latencies, interruptions, dead air.
    pub metrics: Metrics,
    /// The tokens that the model has read and written, summaries included, as far as it says; of a reply that was
    /// thrown away before its end, an estimate at four characters a token.
    pub usage: Usage,
    /// Those of them that went into prepared replies nobody heard.
    pub wasted: Usage,
    /// Why the line broke, if it did.
    pub error: Option<Error>,
}

impl CallReport {
    pub(crate) fn new(ended: Timestamp, reason: EndReason) -> Self {
        Self {
            ended,
            reason,
            messages: Vec::new(),
            summary: String::new(),
            slots: BTreeMap::new(),
            metrics: Metrics::default(),
            usage: Usage::default(),
            wasted: Usage::default(),
            error: None,
        }
    }

    pub(crate) fn with_error(mut self, error: Option<Error>) -> Self {
        self.error = error;
        self
    }
}
