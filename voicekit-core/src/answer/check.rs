//! An answer held to its contract.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use serde_json::Value;

use super::{AnswerFilter, Filtered, TextFilter};
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::llm::{ChatEvent, ChatRequest};
use crate::text::{Clauses, speakable};
use crate::tool::{ToolCall, ToolSpec};

/// The most text without a letter or digit that is held back, in bytes.
const MOST_HELD: usize = 1_024;

/// What an answer is checked against.
#[derive(Clone, Debug)]
pub struct Check {
    name: &'static str,
    filter: TextFilter,
    tools: Vec<ToolSpec>,
    starts_in_thoughts: bool,
}

impl Check {
    /// Creates a check of the answer that the model called `name` gives to `request`.
    pub fn new(name: &'static str, request: &ChatRequest) -> Self {
        let (filter, tools) = (request.filter, request.tools.clone());
        Self { name, filter, tools, starts_in_thoughts: false }
    }

    /// Sets whether text before the first closing mark of reasoning is reasoning.
    #[must_use]
    pub fn with_start_in_thoughts(mut self, starts: bool) -> Self {
        self.starts_in_thoughts = starts;
        self
    }

    fn filter(&self) -> AnswerFilter {
        let filter = AnswerFilter::new(self.filter, self.tools.iter().cloned());
        if self.starts_in_thoughts { filter.starting_in_thoughts() } else { filter }
    }
}

/// Returns `events` as the [contract](crate::llm::Llm#contract) demands them.
///
/// - The text is filtered ([`AnswerFilter`]); calls of known tools that were written into it become
///   [`ChatEvent::ToolCall`]s at the end of the answer, unless they were sent as such too.
/// - An answer that ends without a word that a voice can speak and without a tool call fails with
///   `Protocol`, worth another attempt at once ([`is_empty_answer`]). Text without a letter or digit
///   is held back until there is a word.
/// - An answer that just ends fails with `Protocol`.
/// - A model that was given no tools calls none.
///
/// Checking twice changes nothing. The stream has to be read to its end for the end of `events` to
/// be read.
pub fn checked(
    events: BoxStream<'static, Result<ChatEvent>>,
    check: Check,
) -> BoxStream<'static, Result<ChatEvent>> {
    let checking = Checking {
        filter: check.filter(),
        check,
        events,
        ready: VecDeque::new(),
        held: String::new(),
        began: false,
        words: Words::default(),
        calls: Vec::new(),
        taken: false,
        given: false,
        end: End::Open,
    };
    stream::unfold(checking, |mut checking| async move {
        let item = checking.next().await?;
        Some((item, checking))
    })
    .boxed()
}

/// Returns whether `error` says that an answer held neither a word nor a tool call.
pub fn is_empty_answer(error: &Error) -> bool {
    let source = std::error::Error::source(error);
    source.is_some_and(|source| source.is::<EmptyAnswer>())
}

#[derive(Debug)]
struct EmptyAnswer;

impl fmt::Display for EmptyAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("empty answer")
    }
}

impl std::error::Error for EmptyAnswer {}

struct Checking {
    check: Check,
    events: BoxStream<'static, Result<ChatEvent>>,
    filter: AnswerFilter,
    ready: VecDeque<Result<ChatEvent>>,
    /// Text before the first letter or digit.
    held: String,
    /// Whether text was given out since.
    began: bool,
    words: Words,
    /// The calls that were given out.
    calls: Vec<ToolCall>,
    /// Whether anything was taken in, and whether anything was given out.
    taken: bool,
    given: bool,
    end: End,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Open,
    /// The answer is complete; its stream is read to the end.
    Done,
    Failed,
}

impl Checking {
    async fn next(&mut self) -> Option<Result<ChatEvent>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                self.given |= event.is_ok();
                return Some(event);
            }
            match self.end {
                End::Open => {}
                End::Done => {
                    while self.events.next().await.is_some() {}
                    return None;
                }
                End::Failed => return None,
            }
            match self.events.next().await {
                Some(Ok(event)) => self.take(event),
                Some(Err(error)) => self.fail(error),
                None => {
                    let text = "the answer was cut off";
                    self.fail(self.error(text));
                }
            }
        }
    }

    fn take(&mut self, event: ChatEvent) {
        self.taken = true;
        match event {
            ChatEvent::Text(text) => {
                let filtered = self.filter.push(&text);
                self.say(filtered);
            }
            ChatEvent::Retracted => {
                self.filter = self.check.filter();
                self.retract();
            }
            ChatEvent::ToolCall(call) if self.check.tools.is_empty() => drop(call),
            ChatEvent::ToolCall(call) => {
                self.flush();
                self.call(call);
            }
            ChatEvent::Done(usage) => {
                self.flush();
                for call in self.filter.take_calls() {
                    if !self.calls.iter().any(|other| is_same(other, &call)) {
                        self.call(call);
                    }
                }
                if self.words.flush() || !self.calls.is_empty() {
                    self.ready.push_back(Ok(ChatEvent::Done(usage)));
                    self.end = End::Done;
                } else {
                    let text = "the answer holds neither a word nor a tool call";
                    let error = self.error(text).with_retry(Retry::After(Duration::ZERO));
                    self.fail(error.with_source(EmptyAnswer));
                }
            }
        }
    }

    fn flush(&mut self) {
        let rest = self.filter.finish();
        self.say(rest);
    }

    fn say(&mut self, Filtered { retracted, text }: Filtered) {
        if retracted {
            self.retract();
        }
        if text.is_empty() {
            return;
        }
        self.words.push(&text);
        self.held.push_str(&text);
        self.began |= self.held.contains(char::is_alphanumeric) || self.held.len() > MOST_HELD;
        if self.began {
            let text = std::mem::take(&mut self.held);
            self.ready.push_back(Ok(ChatEvent::Text(text)));
        }
    }

    /// What was given out was not part of the answer.
    fn retract(&mut self) {
        self.held.clear();
        self.began = false;
        self.words = Words::default();
        self.ready.retain(|event| !matches!(event, Ok(ChatEvent::Text(_))));
        if self.given {
            self.ready.push_back(Ok(ChatEvent::Retracted));
        }
    }

    fn call(&mut self, mut call: ToolCall) {
        while self.calls.iter().any(|other| other.id == call.id) {
            call.id.push('_');
        }
        self.calls.push(call.clone());
        self.ready.push_back(Ok(ChatEvent::ToolCall(call)));
    }

    fn fail(&mut self, error: Error) {
        self.end = End::Failed;
        let nothing_given = !self.given && self.ready.is_empty();
        let usual = Error::new(error.kind(), "", "").retry();
        let is_garbled = error.kind() == ErrorKind::Protocol;
        let retry = if is_garbled { Retry::After(Duration::ZERO) } else { usual };
        // Whatever read the events takes what was filtered out of them for a part of the answer.
        let is_worth_more = self.taken && nothing_given && error.retry() == Retry::Never;
        let passes = matches!(
            error.kind(),
            ErrorKind::Protocol
                | ErrorKind::Timeout
                | ErrorKind::Connection
                | ErrorKind::RateLimited
        );
        let error = if is_worth_more && passes { error.with_retry(retry) } else { error };
        self.ready.push_back(Err(error));
    }

    fn error(&self, text: &'static str) -> Error {
        let error = Error::new(ErrorKind::Protocol, self.check.name, text);
        if self.given || !self.ready.is_empty() {
            return error;
        }
        error.with_retry(Retry::After(Duration::ZERO))
    }
}

/// Whether there is a word in a text, as the driver would speak it.
#[derive(Debug, Default)]
struct Words {
    clauses: Clauses,
    any: bool,
}

impl Words {
    fn push(&mut self, text: &str) {
        if !self.any {
            let clauses = self.clauses.push(text);
            self.any = clauses.iter().any(|clause| !speakable(clause).is_empty());
        }
    }

    fn flush(&mut self) -> bool {
        if !self.any {
            let clauses = self.clauses.flush();
            self.any = clauses.iter().any(|clause| !speakable(clause).is_empty());
        }
        self.any
    }
}

/// Whether two calls do the same.
fn is_same(one: &ToolCall, other: &ToolCall) -> bool {
    let value = |call: &ToolCall| serde_json::from_str::<Value>(&call.arguments).ok();
    one.name == other.name && value(one) == value(other)
}
