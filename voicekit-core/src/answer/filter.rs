//! The filter of an answer's text while it streams.

use super::calls::{self, Written};
use super::ends::{HARMONY_ENDS, THOUGHT_ENDS};
use super::marks::{self, Context, Mark, Region};
use super::{TextFilter, braces, special};
use crate::tool::{ToolCall, ToolSpec};

/// How some models begin and end their reasoning in plain words.
const SPOKEN_THOUGHTS: &[(&[&str], &[&str])] = &[
    (
        &[
            "here is my thought process:",
            "here's my thought process:",
            "here’s my thought process:",
        ],
        &["here is my response:", "here's my response:", "here’s my response:"],
    ),
    // A server that drops the special tokens of the harmony format leaves their words.
    (&["analysis"], &["assistantfinal"]),
];

/// Removes from the text of an answer what is not meant for the caller, delta by delta.
///
/// See the [module](super) for what that is. One filter serves one answer.
#[derive(Clone, Debug)]
pub struct AnswerFilter {
    filter: TextFilter,
    tools: Vec<ToolSpec>,
    state: State,
    /// What is held back because it may be, or become, a mark.
    held: String,
    /// Of what is held back in a region, so much was searched for its end.
    searched: usize,
    /// The last character that was given out.
    last: Option<char>,
    /// The last one that is not blank.
    last_letter: Option<char>,
    /// Blanks after a mark are left out.
    skips_blanks: bool,
    /// Whether anything was given out by an earlier call.
    given: bool,
    calls: Vec<Written>,
}

/// What a delta becomes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Filtered {
    /// Whether all text that was given out before turned out to be reasoning.
    pub retracted: bool,
    /// The text to speak, often empty.
    pub text: String,
}

#[derive(Clone, Debug)]
enum State {
    Text,
    Inside(Region),
    /// Reasoning in plain words, which ends with one of these.
    Spoken(&'static [&'static str]),
}

impl AnswerFilter {
    /// Creates a filter for an answer to a request that offers `tools`.
    pub fn new(filter: TextFilter, tools: impl IntoIterator<Item = ToolSpec>) -> Self {
        Self {
            filter,
            tools: tools.into_iter().collect(),
            state: State::Text,
            held: String::new(),
            searched: 0,
            last: None,
            last_letter: None,
            skips_blanks: false,
            given: false,
            calls: Vec::new(),
        }
    }

    /// Takes all text before the first closing mark of reasoning as reasoning, for models whose
    /// chat template has written the opening mark.
    #[must_use]
    pub fn starting_in_thoughts(mut self) -> Self {
        self.state = State::Inside(Region::Thoughts(THOUGHT_ENDS));
        self
    }

    /// Takes the next delta and returns what of it, and of what was held back, is spoken.
    pub fn push(&mut self, delta: &str) -> Filtered {
        self.held.push_str(delta);
        self.run(false)
    }

    /// Ends the answer and returns the rest of what is spoken.
    pub fn finish(&mut self) -> Filtered {
        self.run(true)
    }

    /// Returns the calls of known tools that were written into the text so far. Each is returned
    /// once; its id is unique within the answer.
    pub fn take_calls(&mut self) -> Vec<ToolCall> {
        let calls = std::mem::take(&mut self.calls).into_iter().enumerate();
        calls
            .map(|(number, call)| {
                ToolCall::new(format!("text_{number}"), call.name, call.arguments)
            })
            .collect()
    }

    fn run(&mut self, ended: bool) -> Filtered {
        let mut out = Filtered::default();
        loop {
            let goes_on = match self.state {
                State::Text => self.text(ended, &mut out),
                State::Inside(region) => self.inside(region, ended),
                State::Spoken(ends) => self.until(ends, ended, false),
            };
            if !goes_on {
                break;
            }
        }
        self.given |= !out.text.is_empty();
        out
    }

    /// Takes one step; `false` if there is nothing more to do.
    fn text(&mut self, ended: bool, out: &mut Filtered) -> bool {
        if self.last.is_none() && self.spoken_thoughts(ended) {
            return !matches!(self.state, State::Text);
        }
        let Some(at) = self.held.find(marks::may_begin) else {
            self.release(self.held.len(), out);
            return false;
        };
        if at > 0 {
            self.release(at, out);
        }
        let context = Context {
            filter: self.filter,
            tools: &self.tools,
            before: self.last,
            before_blank: self.last_letter,
            ended,
        };
        match context.mark(&self.held) {
            Mark::Wait if !ended => return false,
            Mark::Wait => {
                let first = self.held.chars().next().map_or(0, char::len_utf8);
                self.release(first, out);
            }
            Mark::Text(length) => self.release(length, out),
            Mark::Remove(length) => self.remove(length),
            Mark::Open(length, region) => {
                self.remove(length);
                self.enter(region);
            }
            Mark::OpenAt(_, region) => {
                self.remove(0);
                self.enter(region);
            }
            Mark::Calls(length) => {
                let calls = calls::parse(&self.held[..length], &self.tools);
                self.calls.extend(calls);
                self.remove(length);
            }
            Mark::EndOfThoughts(length) => {
                self.remove(length);
                self.retract(out);
            }
        }
        !self.held.is_empty()
    }

    /// Whether the answer begins, or may begin, with reasoning in plain words.
    fn spoken_thoughts(&mut self, ended: bool) -> bool {
        let begin = self.held.len() - self.held.trim_start().len();
        let lower = self.held[begin..].to_lowercase();
        if lower.is_empty() {
            return false;
        }
        for (openers, ends) in SPOKEN_THOUGHTS {
            for opener in *openers {
                let is_phrase = opener.ends_with(':');
                let text = if is_phrase { &*lower } else { &self.held[begin..] };
                if let Some(rest) = text.strip_prefix(opener) {
                    let next = self.held[begin + opener.len()..].chars().next();
                    if !is_phrase && rest.is_empty() && !ended {
                        return true;
                    }
                    if is_phrase || next.is_some_and(char::is_uppercase) {
                        self.remove(begin + opener.len());
                        self.state = State::Spoken(ends);
                        return true;
                    }
                }
                if opener.starts_with(text) && !ended {
                    return true;
                }
            }
        }
        false
    }

    /// What is held back is inside a region; `false` if its end has not come.
    fn inside(&mut self, region: Region, ended: bool) -> bool {
        match region {
            Region::Thoughts(ends) | Region::Dropped(ends) => self.until(ends, ended, false),
            Region::Calls(ends) => self.until(ends, ended, true),
            Region::Header(ends) => self.header(ends, ended),
            Region::Rest => {
                self.held.clear();
                false
            }
        }
    }

    fn until(&mut self, ends: &'static [&'static str], ended: bool, keeps: bool) -> bool {
        let Some((begin, end)) = self.end_of_region(ends) else {
            if ended {
                self.end_of_calls(self.held.len(), keeps);
                self.held.clear();
                self.state = State::Text;
            } else if !keeps {
                self.held.drain(..self.searched);
                self.searched = 0;
            } else if self.held.len() > braces::LONGEST {
                // Nothing that long is a call.
                self.state = State::Inside(Region::Dropped(ends));
            }
            return false;
        };
        self.end_of_calls(begin, keeps);
        // What ends a message of the harmony format may begin the next.
        let begins_next =
            ends == HARMONY_ENDS && !self.held[begin..end].eq_ignore_ascii_case("<|end|>");
        self.remove(if begins_next { begin } else { end });
        self.searched = 0;
        self.state = State::Text;
        true
    }

    fn end_of_calls(&mut self, end: usize, keeps: bool) {
        if keeps && end <= braces::LONGEST {
            let calls = calls::parse_region(&self.held[..end], &self.tools);
            self.calls.extend(calls);
        }
    }

    /// The name of a role: what follows is the answer, reasoning, a call, or another's turn.
    fn header(&mut self, ends: &'static [&'static str], ended: bool) -> bool {
        let Some((begin, end)) = self.end_of_region(ends) else {
            let is_long = self.held.len() > 200;
            if ended || is_long {
                self.held.clear();
                self.searched = 0;
                self.state = State::Text;
            }
            return false;
        };
        let region = special::header(&self.held[..begin]);
        // The recipient of a call is its name.
        let recipient =
            self.held[..begin].find("to=").filter(|_| matches!(region, Some(Region::Calls(_))));
        self.held.drain(..recipient.unwrap_or(end));
        self.searched = 0;
        self.state = region.map_or(State::Text, State::Inside);
        self.skips_blanks = true;
        true
    }

    /// Where the first of `ends` stands in what is held back.
    fn end_of_region(&mut self, ends: &[&str]) -> Option<(usize, usize)> {
        let from = floor(&self.held, self.searched);
        let lower = self.held[from..].to_ascii_lowercase();
        let found = ends.iter().filter_map(|end| Some((lower.find(end)?, end.len())));
        let found = found.min_by_key(|(at, length)| (*at, usize::MAX - length));
        if found.is_none() {
            let longest = ends.iter().map(|end| end.len()).max().unwrap_or_default();
            self.searched = floor(&self.held, self.held.len().saturating_sub(longest));
        }
        found.map(|(at, length)| (from + at, from + at + length))
    }

    fn enter(&mut self, region: Region) {
        self.searched = 0;
        self.state = State::Inside(region);
    }

    /// Gives out so many bytes of what is held back.
    fn release(&mut self, length: usize, out: &mut Filtered) {
        let rest = self.held.split_off(length);
        let text = std::mem::replace(&mut self.held, rest);
        let text = if self.skips_blanks { text.trim_start() } else { &text };
        let Some(last) = text.chars().next_back() else { return };
        self.skips_blanks = false;
        self.last = Some(last);
        let letter = text.chars().rev().find(|c| !c.is_whitespace());
        self.last_letter = letter.or(self.last_letter);
        out.text.push_str(text);
    }

    /// Drops so many bytes of what is held back, and blanks behind them if there are some before.
    fn remove(&mut self, length: usize) {
        self.held.drain(..length);
        self.skips_blanks |= self.last.is_none_or(char::is_whitespace);
    }

    /// What was said so far was reasoning.
    fn retract(&mut self, out: &mut Filtered) {
        out.text.clear();
        out.retracted |= std::mem::take(&mut self.given);
        (self.last, self.last_letter, self.skips_blanks) = (None, None, true);
        self.calls.clear();
    }
}

/// The nearest boundary of a character at or before `at`.
fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
