//! `/v3/ws` without its I/O.
//!
//! A turn's last message makes one `Final`. Where two come, as heard and formatted, the first is
//! an interim and the second the final; that a turn was concluded is remembered by its number, and
//! whatever else comes of it is skipped.
//!
//! A `Finalize` sends `ForceEndpoint`, which gets no answer where there was no speech. It is
//! answered by
//!
//! - the next final, unless that ends before the speech began that the `Finalize` is about: then
//!   the service had ended it on its own, and the answer is still to come;
//! - nothing, by words that all lie after it;
//! - what was heard so far, by words that lie `finalize_timeout` after it, or by nothing coming
//!   for that long.
//!
//! A new connection knows nothing of the turn. Words that had become final are kept, and the audio
//! after them is sent again; its first message goes on with the turn.

use std::collections::VecDeque;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;
use voicekit_core::asr::{AsrEvent, AsrInput, Transcript, TurnSign};
use voicekit_core::audio::{AudioChunk, AudioFormat};
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_core::time::MediaTime;
use voicekit_net::{Frame, Inbox, Outbox, Refusal, WireCodec, lenient};

use crate::SERVICE;
use crate::config::{AssemblyAiConfig, Turns};
use crate::failure::Failures;
use crate::lifetime::Lifetime;
use crate::turn::CallerTurn;
use crate::wire::{self, Begin, Complaint, Envelope, Said};

/// How long before `SpeechStarted` the caller may have begun to speak.
const ONSET: Duration = Duration::from_millis(200);

/// How often in a row nothing at all may come after a `Finalize`: noises get no answer, but three
/// in a row without a word between them are rather a connection that is dead.
const MOST_SILENT: u32 = 2;

type Events<'a> = Inbox<'a, AsrEvent>;

#[derive(Debug)]
pub(crate) struct Codec {
    failures: Failures,
    follows_turns: bool,
    formats_after: bool,
    finalize_early: bool,
    finalize_timeout: Duration,
    format: AudioFormat,
    /// Samples of the input that were taken.
    taken: u64,
    is_speaking: bool,
    /// Where in the input the caller last began to speak.
    spoke_from: Duration,
    /// What was asked and is not answered, oldest first.
    asked: VecDeque<Asked>,
    turn: CallerTurn,
    /// The last turn of this connection that was concluded.
    done: Option<u64>,
    /// Whether this connection has said nothing about turns yet.
    is_new: bool,
    /// How often in a row nothing at all came after a `Finalize`.
    silent: u32,
    /// `None` where there can be but one session.
    lifetime: Option<Lifetime>,
    is_finished: bool,
}

/// A `ForceEndpoint` that an answer is owed to.
#[derive(Clone, Copy, Debug)]
struct Asked {
    /// How much audio came before it.
    at: Duration,
    /// Where the speech that it ends began.
    spoke_from: Duration,
    /// Whether the answer is for a `Finalize`.
    is_theirs: bool,
}

impl Codec {
    pub(crate) fn new(
        config: &AssemblyAiConfig,
        format: AudioFormat,
        lifetime: Option<Lifetime>,
    ) -> Self {
        let follows_turns = config.turns == Turns::Service;
        Self {
            failures: Failures::new(&config.account),
            follows_turns,
            formats_after: config.formats_after(),
            finalize_early: config.finalize_early && !follows_turns,
            finalize_timeout: config.finalize_timeout,
            format,
            taken: 0,
            is_speaking: false,
            spoke_from: Duration::ZERO,
            asked: VecDeque::new(),
            turn: CallerTurn::default(),
            done: None,
            is_new: false,
            silent: 0,
            lifetime,
            is_finished: false,
        }
    }

    fn now(&self) -> Duration {
        MediaTime { samples: self.taken, rate_hz: self.format.rate_hz }.duration()
    }

    fn take(&mut self, chunk: &AudioChunk) -> Result<()> {
        if chunk.format() != self.format {
            let text = format!("{} was announced, not {}", self.format, chunk.format());
            return Err(Error::new(ErrorKind::Unsupported, SERVICE, text));
        }
        self.taken += chunk.samples() as u64;
        Ok(())
    }

    fn asked(&self, is_theirs: bool) -> Asked {
        Asked { at: self.now(), spoke_from: self.spoke_from, is_theirs }
    }

    /// Leaves the session while nothing goes on, if its time is nearly over.
    fn leave_in_time(&mut self, to: &mut Outbox) {
        let is_busy = self.is_speaking || !self.asked.is_empty() || !self.turn.is_told();
        let now = self.now();
        let Some(lifetime) = self.lifetime.as_mut().filter(|lifetime| lifetime.is_due(now)) else {
            return;
        };
        if !is_busy {
            tracing::debug!(service = SERVICE, "the session is renewed");
            lifetime.leave();
            to.send(Said::Terminate.frame());
        }
    }

    fn hear(&mut self, said: &wire::Turn, from: &mut Events<'_>) {
        let next = self.done.map_or(0, |done| done.saturating_add(1));
        let order = said.turn_order.or(self.turn.order).unwrap_or(next);
        if self.done.is_some_and(|done| order <= done) {
            return tracing::debug!(service = SERVICE, order, "the turn was concluded");
        }
        if std::mem::take(&mut self.is_new) && !self.turn.is_held {
            self.turn.keep_before(from.position(Duration::ZERO));
        }
        if self.turn.is_held && self.turn.order != Some(order)
            || self.turn.order.is_some_and(|current| current < order)
        {
            self.end_turn(from);
        }
        self.turn.order = Some(order);
        self.answer_nothing(said, from);
        self.turn.hear(said, from);
        if let Some(end) = said.final_until() {
            from.final_until(end);
        }
        if said.end_of_turn && (said.turn_is_formatted || !self.formats_after) {
            return self.end_turn(from);
        }
        self.turn.is_held = said.end_of_turn;
        if let Some(words) = self.turn.show() {
            from.emit(AsrEvent::Interim(words));
            self.begin(from);
        }
        self.answer_late(from);
    }

    fn begin(&mut self, from: &mut Events<'_>) {
        if self.follows_turns && !std::mem::replace(&mut self.turn.is_open, true) {
            from.emit(AsrEvent::Turn(TurnSign::Started));
        }
    }

    /// The turn is over, and answers what it can answer.
    fn end_turn(&mut self, from: &mut Events<'_>) {
        let end = self.turn.words().end;
        let is_answered = |asked: &Asked| end.is_none_or(|end| end >= asked.spoke_from);
        let answers = self.answer(is_answered, from);
        self.conclude(answers, from);
        self.close_turn(from);
    }

    /// Nothing more comes of the turn.
    fn close_turn(&mut self, from: &mut Events<'_>) {
        let turn = std::mem::take(&mut self.turn);
        self.done = turn.order.or(self.done);
        if turn.is_open {
            from.emit(AsrEvent::Turn(TurnSign::Ended));
        }
    }

    /// Answers with nothing what was asked before anything of this was said.
    fn answer_nothing(&mut self, said: &wire::Turn, from: &mut Events<'_>) {
        let start = said.words.first().and_then(|word| word.start);
        let Some(start) = start.filter(|_| self.turn.words().text.is_empty()) else { return };
        let start = from.position(start);
        let answers = self.answer(|asked| asked.at <= start, from);
        (0..answers).for_each(|_| from.emit(nothing()));
    }

    /// Answers with what was heard what the service should have answered by now.
    fn answer_late(&mut self, from: &mut Events<'_>) {
        let (Some(reached), patience) = (self.turn.end(), self.finalize_timeout) else { return };
        let answers = self.answer(|asked| asked.at + patience <= reached, from);
        if answers > 0 {
            self.conclude(answers, from);
        }
    }

    /// Takes the answered ones away, and counts those somebody waits for.
    fn answer(&mut self, is_answered: impl Fn(&Asked) -> bool, from: &mut Events<'_>) -> usize {
        let mut answers = 0;
        while let Some(asked) = self.asked.pop_front_if(|asked| is_answered(asked)) {
            from.answered();
            answers += usize::from(asked.is_theirs);
        }
        answers
    }

    /// Gives the words so far as final, as the answer to so many who wait.
    fn conclude(&mut self, answers: usize, from: &mut Events<'_>) {
        match self.turn.finish() {
            Some(words) => {
                if !words.text.is_empty() {
                    self.begin(from);
                }
                from.emit(AsrEvent::Final(if answers > 0 { words.finalized() } else { words }));
            }
            None if answers > 0 => from.emit(nothing()),
            None => {}
        }
        (1..answers).for_each(|_| from.emit(nothing()));
    }

    /// The session is over, which the input or we ourselves have asked for, or the service wants.
    fn terminated(&mut self, from: &mut Events<'_>) -> Result<()> {
        if !self.is_finished {
            return Err(self.failures.ended());
        }
        let answers = self.answer(|_| true, from);
        self.conclude(answers, from);
        self.close_turn(from);
        from.end();
        Ok(())
    }

    fn body<T: DeserializeOwned>(&self, message: &Value, what: &str) -> Result<T> {
        T::deserialize(message).map_err(|_| self.failures.malformed(what))
    }
}

impl WireCodec for Codec {
    type In = AsrInput;
    type Out = AsrEvent;

    fn service(&self) -> &'static str {
        SERVICE
    }

    fn open(&mut self, to: &mut Outbox) -> Result<()> {
        self.silent = 0;
        if to.connection() == 0 {
            return Ok(());
        }
        self.done = None;
        self.turn.order = None;
        self.is_new = true;
        self.asked.retain(|asked| asked.is_theirs);
        if self.turn.is_open {
            // If no word of the turn is heard again, it has to be ended all the same.
            self.asked.push_front(self.asked(false));
            to.send_owed(Said::ForceEndpoint.frame());
        }
        Ok(())
    }

    fn encode(&mut self, input: AsrInput, to: &mut Outbox) -> Result<()> {
        match input {
            AsrInput::Audio(chunk) => {
                self.leave_in_time(to);
                self.take(&chunk)?;
                to.audio(chunk);
            }
            AsrInput::SpeechStarted => {
                self.is_speaking = true;
                self.spoke_from = self.now().saturating_sub(ONSET);
            }
            AsrInput::SpeechEnded => {
                self.is_speaking = false;
                if self.finalize_early {
                    to.send(Said::ForceEndpoint.frame());
                }
            }
            AsrInput::Finalize => {
                self.asked.push_back(self.asked(true));
                to.send_owed(Said::ForceEndpoint.frame());
            }
        }
        Ok(())
    }

    fn decode(&mut self, frame: Frame, from: &mut Events<'_>) -> Result<()> {
        self.silent = 0;
        let text = match &frame {
            Frame::Text(text) => text.as_str(),
            Frame::Binary(bytes) => {
                tracing::debug!(service = SERVICE, bytes = bytes.len(), "binary message skipped");
                return Ok(());
            }
        };
        let whole = lenient::parse(text).map_err(|_| self.failures.malformed("it is not JSON"))?;
        let message: Envelope = self.body(&whole, "it is not an object")?;
        match (message.kind.as_deref(), message.error) {
            (Some("Turn"), _) => {
                let said: wire::Turn = self.body(&whole, "Turn")?;
                self.hear(&said, from);
            }
            (Some("SpeechStarted"), _) => self.begin(from),
            (Some("Begin"), _) => {
                let begin: Begin = self.body(&whole, "Begin")?;
                self.failures.note_session(begin.id);
                let now = self.now();
                if let Some(lifetime) = &mut self.lifetime {
                    lifetime.begin(begin.expires_at, now);
                }
            }
            (Some("Error"), _) | (None, Some(_)) => {
                let complaint: Complaint = self.body(&whole, "Error")?;
                return Err(self.failures.reported(&complaint));
            }
            (Some("Termination"), _) => return self.terminated(from),
            (Some("Warning"), _) => {
                let code = message.warning_code.as_ref().and_then(lenient::whole_of);
                tracing::warn!(service = SERVICE, code, "the service warns");
            }
            (Some(kind), _) => tracing::debug!(service = SERVICE, kind, "message skipped"),
            (None, None) => return Err(self.failures.untyped()),
        }
        Ok(())
    }

    fn finish(&mut self, to: &mut Outbox) -> Result<()> {
        self.is_finished = true;
        to.send(Said::Terminate.frame());
        Ok(())
    }

    fn keep_alive(&mut self, to: &mut Outbox) {
        to.send(Said::KeepAlive.frame());
    }

    /// A session that is not terminated is billed until it expires.
    fn abandon(&mut self, to: &mut Outbox) {
        to.send(Said::Terminate.frame());
    }

    fn overdue(&mut self, from: &mut Events<'_>) -> Result<()> {
        self.silent += 1;
        if self.silent > MOST_SILENT {
            return Err(self.failures.silent());
        }
        let answers = self.answer(|_| true, from);
        self.conclude(answers, from);
        if self.turn.is_held {
            self.close_turn(from);
        } else if std::mem::take(&mut self.turn.is_open) {
            from.emit(AsrEvent::Turn(TurnSign::Ended));
        }
        Ok(())
    }

    fn closed(&mut self, code: u16, reason: &str) -> Error {
        self.failures.closed(code, reason)
    }

    fn refused(&mut self, refusal: &Refusal) -> Error {
        self.failures.refused(refusal)
    }
}

fn nothing() -> AsrEvent {
    AsrEvent::Final(Transcript::default().finalized())
}
