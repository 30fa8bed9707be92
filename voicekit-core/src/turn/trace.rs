//! The text form of what goes into the engine and comes out of it.
//!
//! One line an entry: the time in milliseconds, `>` for an action, `timeout` for a deadline that
//! was taken in, `=` for what happened beside the engine, which a replay passes over. Texts are JSON strings. A trace of a call re-runs through the engine byte for
//! byte, and a test is a trace written by hand.
//!
//! ```text
//!      0 started
//! >    0 reply #1 greeting
//! >    0 state processing
//!    180 clause #1 "Good morning."
//!    200 audio #1 900
//! >  200 state speaking
//!   1310 played #1 900
//!   2310 timeout
//! ```

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::asr::TurnSign;
use crate::llm::Message;
use crate::retrieve::Consulted;
use crate::time::{Millis, Timestamp};
use crate::tool::{OnBargeIn, ToolCall, ToolOutcome};
use crate::transport::{Digit, EndReason, Mark};
use crate::tts::SpokenWord;

use super::event::{Action, Event, Expected, Hint, Latency, Party, ReplyId, Source, State};

/// One line of a trace.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "a time and an entry are all a line has")]
pub struct Line {
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub entry: Entry,
}

/// What a line of a trace says.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a replay must know every entry")]
pub enum Entry {
    /// An event went in.
    Event(Event),
    /// The deadline was taken in.
    Timeout,
    /// An action came out.
    Action(Action),
    /// Something happened beside the engine.
    Note(Note),
}

/// What is worth knowing about a call but is no business of the engine.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Note {
    /// Something was looked up for a reply.
    Consulted {
        /// The reply.
        reply: ReplyId,
        /// How it went.
        consulted: Consulted,
    },
}

/// A line that does not follow the grammar.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a line of a trace: {line:?}: {reason}")]
#[non_exhaustive]
pub struct ParseError {
    /// The line.
    pub line: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.entry {
            Entry::Event(event) => write!(f, "{:>8} {event}", self.at),
            Entry::Timeout => write!(f, "{:>8} timeout", self.at),
            Entry::Action(action) => write!(f, ">{:>7} {action}", self.at),
            Entry::Note(note) => write!(f, "={:>7} {note}", self.at),
        }
    }
}

impl FromStr for Line {
    type Err = ParseError;

    fn from_str(line: &str) -> Result<Self, ParseError> {
        let fail = |reason| ParseError { line: line.to_owned(), reason };
        let trimmed = line.trim();
        let kind = trimmed.chars().next().filter(|c| matches!(c, '>' | '='));
        let rest = trimmed.trim_start_matches(['>', '=']).trim_start();
        let (at, rest) =
            rest.split_once(' ').ok_or_else(|| fail("a time and an entry expected"))?;
        let at = at.parse().map_err(|_| fail("the time is not a number of milliseconds"))?;
        let mut words = Words::new(rest).map_err(fail)?;
        let entry = match kind {
            Some('>') => Entry::Action(action(&mut words).map_err(fail)?),
            Some(_) => Entry::Note(note(&mut words).map_err(fail)?),
            None if rest.trim() == "timeout" => return Ok(Self { at, entry: Entry::Timeout }),
            None => Entry::Event(event(&mut words).map_err(fail)?),
        };
        words.end().map_err(fail)?;
        Ok(Self { at, entry })
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started => f.write_str("started"),
            Self::Voice(probability) => write!(f, "voice {probability}"),
            Self::Interim(text) => write!(f, "interim {}", Quoted(text)),
            Self::Final { text, finalized, until } => {
                let kind = if *finalized { "finalized" } else { "final" };
                write!(f, "{kind} {}", Quoted(text))?;
                until.map_or(Ok(()), |until| write!(f, " {until}"))
            }
            Self::Sign(sign) => write!(f, "sign {}", word_for(SIGNS, sign)),
            Self::Judged { pause, finished } => write!(f, "judged {pause} {finished}"),
            Self::HearingLost => f.write_str("hearing-lost"),
            Self::Dtmf(digit) => write!(f, "dtmf {}", digit.key()),
            Self::Clause { reply, text } => write!(f, "clause {reply} {}", Quoted(text)),
            Self::Word { reply, word } => {
                let (start, end) = (Millis(word.start), Millis(word.end));
                write!(f, "word {reply} {} {start} {end}", Quoted(&word.text))
            }
            Self::Audio { reply, duration } => write!(f, "audio {reply} {}", Millis(*duration)),
            Self::ReplyDone(reply) => write!(f, "done {reply}"),
            Self::ReplyFailed(reply) => write!(f, "failed {reply}"),
            Self::ToolCalled { reply, call, on_barge_in } => {
                let policy = word_for(POLICIES, on_barge_in);
                write!(f, "tool {reply} {policy} {}", Json(call))
            }
            Self::ToolDone { run, outcome } => write!(f, "tool-done {run} {}", Json(outcome)),
            Self::Played(mark) => write!(f, "played {}", MarkText(mark)),
            Self::Cleared(mark) => write!(f, "cleared {}", MarkText(mark)),
            Self::TakeTurn => f.write_str("take-turn"),
            Self::YieldTurn => f.write_str("yield-turn"),
            Self::Say { text, interruptible } => {
                let kind = if *interruptible { "say" } else { "insist" };
                write!(f, "{kind} {}", Quoted(text))
            }
            Self::Expect(expected) => {
                write!(f, "expect {}", Quoted(&expected.profile))?;
                expected.digits.map_or(Ok(()), |digits| write!(f, " {digits}"))
            }
            Self::HandedTo(agent) => write!(f, "handed-to {}", Quoted(agent)),
            Self::Leave => f.write_str("leave"),
            Self::End => f.write_str("end"),
            Self::LineEnded(reason) => write!(f, "line-ended {}", word_for(REASONS, reason)),
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hint(hint) => write!(f, "hint {}", word_for(HINTS, hint)),
            Self::JudgeTurn { pause } => write!(f, "judge {pause}"),
            Self::RestartHearing => f.write_str("restart-hearing"),
            Self::Remember(Message::Caller { text }) => {
                write!(f, "remember caller {}", Quoted(text))
            }
            Self::Remember(Message::Agent { text, interrupted }) => {
                let who = if *interrupted { "interrupted" } else { "agent" };
                write!(f, "remember {who} {}", Quoted(text))
            }
            Self::Remember(Message::Tool { call, outcome }) => {
                write!(f, "remember tool {} {}", Json(call), Json(outcome))
            }
            Self::Reply { reply, source } => write!(f, "reply {reply} {source}"),
            Self::Say { reply, text } => write!(f, "say {reply} {}", Quoted(text)),
            Self::Prepare { reply, text } => write!(f, "prepare {reply} {}", Quoted(text)),
            Self::Adopt(reply) => write!(f, "adopt {reply}"),
            Self::Discard(reply) => write!(f, "discard {reply}"),
            Self::Cancel(reply) => write!(f, "cancel {reply}"),
            Self::Clear => f.write_str("clear"),
            Self::Hold { from } => write!(f, "hold {}", Millis(*from)),
            Self::Release => f.write_str("release"),
            Self::RunTool { run, call } => write!(f, "run {run} {}", Json(call)),
            Self::CancelTool(run) => write!(f, "cancel-run {run}"),
            Self::TurnExceeded => f.write_str("turn-exceeded"),
            Self::Transfer => f.write_str("transfer"),
            Self::PickedUp(party) => write!(f, "picked-up {}", word_for(PARTIES, party)),
            Self::HangUp => f.write_str("hang-up"),
            Self::Leave => f.write_str("leave"),
            Self::State(state) => write!(f, "state {state}"),
            Self::Measured(latency) => {
                write!(f, "measured {}", latency.reply)?;
                parts(latency).into_iter().try_for_each(|part| write!(f, " {}", Millis(part)))
            }
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Consulted { reply, consulted } => {
                write!(f, "consulted {reply} {}", Json(consulted))
            }
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(word_for(STATES, self))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(word_for(SOURCES, self))
    }
}

fn event(words: &mut Words) -> Result<Event, &'static str> {
    Ok(match words.word()?.as_str() {
        "started" => Event::Started,
        "voice" => Event::Voice(words.parse()?),
        "interim" => Event::Interim(words.text()?),
        kind @ ("final" | "finalized") => Event::Final {
            text: words.text()?,
            finalized: kind == "finalized",
            until: words.optional()?,
        },
        "sign" => Event::Sign(words.one_of(SIGNS)?),
        "judged" => Event::Judged { pause: words.parse()?, finished: words.parse()? },
        "hearing-lost" => Event::HearingLost,
        "dtmf" => {
            let key = words.word()?.chars().next();
            Event::Dtmf(key.and_then(Digit::new).ok_or("not a key of a telephone")?)
        }
        "clause" => Event::Clause { reply: words.reply()?, text: words.text()? },
        "word" => Event::Word {
            reply: words.reply()?,
            word: SpokenWord::new(words.text()?, words.millis()?, words.millis()?),
        },
        "audio" => Event::Audio { reply: words.reply()?, duration: words.millis()? },
        "done" => Event::ReplyDone(words.reply()?),
        "failed" => Event::ReplyFailed(words.reply()?),
        "tool" => Event::ToolCalled {
            reply: words.reply()?,
            on_barge_in: words.one_of(POLICIES)?,
            call: words.json()?,
        },
        "tool-done" => Event::ToolDone { run: words.parse()?, outcome: words.json()? },
        "played" => Event::Played(words.mark()?),
        "cleared" => Event::Cleared(words.mark()?),
        "take-turn" => Event::TakeTurn,
        "yield-turn" => Event::YieldTurn,
        kind @ ("say" | "insist") => {
            Event::Say { text: words.text()?, interruptible: kind == "say" }
        }
        "expect" => {
            let mut expected = Expected::new(words.text()?);
            expected.digits = words.optional()?;
            Event::Expect(expected)
        }
        "handed-to" => Event::HandedTo(words.text()?),
        "leave" => Event::Leave,
        "end" => Event::End,
        "line-ended" => Event::LineEnded(words.one_of(REASONS)?),
        _ => return Err("unknown event"),
    })
}

fn action(words: &mut Words) -> Result<Action, &'static str> {
    Ok(match words.word()?.as_str() {
        "hint" => Action::Hint(words.one_of(HINTS)?),
        "judge" => Action::JudgeTurn { pause: words.parse()? },
        "restart-hearing" => Action::RestartHearing,
        "remember" => Action::Remember(match words.word()?.as_str() {
            "caller" => Message::caller(words.text()?),
            "agent" => Message::Agent { text: words.text()?, interrupted: false },
            "interrupted" => Message::Agent { text: words.text()?, interrupted: true },
            "tool" => {
                let (call, outcome): (ToolCall, ToolOutcome) = (words.json()?, words.json()?);
                Message::Tool { call, outcome }
            }
            _ => return Err("unknown speaker"),
        }),
        "reply" => Action::Reply { reply: words.reply()?, source: words.one_of(SOURCES)? },
        "say" => Action::Say { reply: words.reply()?, text: words.text()? },
        "prepare" => Action::Prepare { reply: words.reply()?, text: words.text()? },
        "adopt" => Action::Adopt(words.reply()?),
        "discard" => Action::Discard(words.reply()?),
        "cancel" => Action::Cancel(words.reply()?),
        "clear" => Action::Clear,
        "hold" => Action::Hold { from: words.millis()? },
        "release" => Action::Release,
        "run" => Action::RunTool { run: words.parse()?, call: words.json()? },
        "cancel-run" => Action::CancelTool(words.parse()?),
        "turn-exceeded" => Action::TurnExceeded,
        "picked-up" => Action::PickedUp(words.one_of(PARTIES)?),
        "hang-up" => Action::HangUp,
        "leave" => Action::Leave,
        "transfer" => Action::Transfer,
        "state" => Action::State(words.one_of(STATES)?),
        "measured" => {
            let reply = words.reply()?;
            let mut parts = [std::time::Duration::ZERO; 5];
            for part in &mut parts {
                *part = words.millis()?;
            }
            Action::Measured(Latency::new(reply, parts))
        }
        _ => return Err("unknown action"),
    })
}

fn note(words: &mut Words) -> Result<Note, &'static str> {
    Ok(match words.word()?.as_str() {
        "consulted" => Note::Consulted { reply: words.reply()?, consulted: words.json()? },
        _ => return Err("unknown note"),
    })
}

fn parts(latency: &Latency) -> [std::time::Duration; 5] {
    let Latency { endpointing, transcript, model, voice, line, .. } = *latency;
    [endpointing, transcript, model, voice, line]
}

const STATES: &[(&str, State)] = &[
    ("idle", State::Idle),
    ("listening", State::Listening),
    ("processing", State::Processing),
    ("speaking", State::Speaking),
    ("ended", State::Ended),
];

const SOURCES: &[(&str, Source)] = &[
    ("greeting", Source::Greeting),
    ("turn", Source::Turn),
    ("not-understood", Source::NotUnderstood),
    ("still-there", Source::StillThere),
    ("failure", Source::Failure),
    ("tools", Source::Tools),
    ("filler", Source::Filler),
    ("said", Source::Said),
    ("warning", Source::Warning),
    ("dead-end", Source::DeadEnd),
    ("voicemail", Source::Voicemail),
    ("goodbye", Source::Goodbye),
];

const HINTS: &[(&str, Hint)] = &[
    ("speech-started", Hint::SpeechStarted),
    ("speech-ended", Hint::SpeechEnded),
    ("finalize", Hint::Finalize),
];

const SIGNS: &[(&str, TurnSign)] = &[
    ("started", TurnSign::Started),
    ("eager-end", TurnSign::EagerEnd),
    ("resumed", TurnSign::Resumed),
    ("ended", TurnSign::Ended),
];

const POLICIES: &[(&str, OnBargeIn)] = &[
    ("finish", OnBargeIn::Finish),
    ("cancel", OnBargeIn::Cancel),
    ("ask", OnBargeIn::Ask),
    ("forgo", OnBargeIn::Forgo),
];

const PARTIES: &[(&str, Party)] =
    &[("human", Party::Human), ("machine", Party::Machine), ("uncertain", Party::Uncertain)];

const REASONS: &[(&str, EndReason)] = &[
    ("caller", EndReason::CallerHungUp),
    ("agent", EndReason::AgentHungUp),
    ("lost", EndReason::Lost),
];

fn word_for<T: PartialEq>(table: &[(&'static str, T)], value: &T) -> &'static str {
    table.iter().find(|(_, known)| known == value).map_or("?", |(word, _)| word)
}

struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self.0).map_err(|_| fmt::Error)?)
    }
}

struct Json<'a, T>(&'a T);

impl<T: Serialize> fmt::Display for Json<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self.0).map_err(|_| fmt::Error)?)
    }
}

struct MarkText<'a>(&'a Mark);

impl fmt::Display for MarkText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let position = std::time::Duration::from_micros(self.0.position_us);
        write!(f, "#{} {}", self.0.reply, Millis(position))
    }
}

/// The words of a line; a JSON string or object is one word.
struct Words(std::vec::IntoIter<Word>);

enum Word {
    Bare(String),
    Json(Value),
}

impl Words {
    fn new(line: &str) -> Result<Self, &'static str> {
        let mut words = Vec::new();
        let mut rest = line.trim_start();
        while !rest.is_empty() {
            if rest.starts_with(['"', '{']) {
                let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
                let Some(Ok(value)) = values.next() else { return Err("not JSON") };
                rest = rest[values.byte_offset()..].trim_start();
                words.push(Word::Json(value));
            } else {
                let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
                words.push(Word::Bare(rest[..end].to_owned()));
                rest = rest[end..].trim_start();
            }
        }
        Ok(Self(words.into_iter()))
    }

    fn word(&mut self) -> Result<String, &'static str> {
        match self.0.next() {
            Some(Word::Bare(word)) => Ok(word),
            Some(Word::Json(_)) | None => Err("a word is missing"),
        }
    }

    fn text(&mut self) -> Result<String, &'static str> {
        match self.0.next() {
            Some(Word::Json(Value::String(text))) => Ok(text),
            Some(Word::Json(_) | Word::Bare(_)) | None => Err("a text in quotes is missing"),
        }
    }

    fn json<T: DeserializeOwned>(&mut self) -> Result<T, &'static str> {
        match self.0.next() {
            Some(Word::Json(value)) => serde_json::from_value(value).map_err(|_| "not its fields"),
            Some(Word::Bare(_)) | None => Err("a JSON object is missing"),
        }
    }

    fn optional<T: FromStr>(&mut self) -> Result<Option<T>, &'static str> {
        if self.0.len() == 0 { Ok(None) } else { self.parse().map(Some) }
    }

    fn parse<T: FromStr>(&mut self) -> Result<T, &'static str> {
        self.word()?.parse().map_err(|_| "not a number")
    }

    fn millis(&mut self) -> Result<std::time::Duration, &'static str> {
        self.parse::<Millis>().map(|millis| millis.0)
    }

    fn reply(&mut self) -> Result<ReplyId, &'static str> {
        let word = self.word()?;
        let number = word.strip_prefix('#').and_then(|number| number.parse().ok());
        number.map(ReplyId::new).ok_or("a reply such as #1 is missing")
    }

    fn mark(&mut self) -> Result<Mark, &'static str> {
        let reply = self.reply()?.number();
        let position_us = u64::try_from(self.millis()?.as_micros()).unwrap_or(u64::MAX);
        Ok(Mark { reply, position_us })
    }

    fn one_of<T: Copy>(&mut self, table: &[(&str, T)]) -> Result<T, &'static str> {
        let word = self.word()?;
        let found = table.iter().find(|(known, _)| *known == word);
        found.map(|&(_, value)| value).ok_or("an unknown word")
    }

    fn end(&mut self) -> Result<(), &'static str> {
        self.0.next().map_or(Ok(()), |_| Err("more words than expected"))
    }
}
