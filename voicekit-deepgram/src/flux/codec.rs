//! `/v2/listen` without its I/O.
//!
//! The service gives the whole turn so far with every message; it replaces what came before. Words
//! go out before the sign that goes with them: an interim before `Started`, `EagerEnd` and
//! `Resumed`, the final before `Ended`. If `Ended` follows `EagerEnd` directly, the final text is
//! that of the interim, so that a reply prepared from it can be used.
//!
//! A new connection knows nothing of the turn. It is given the turn's audio again, as far as that
//! is kept; its `StartOfTurn` goes on with the turn, after the words that lie before what was sent
//! again. If it hears none, the turn is ended with the words it had.

use std::collections::VecDeque;
use std::time::Duration;

use voicekit_core::asr::{AsrEvent, AsrInput, Transcript, TurnSign};
use voicekit_core::audio::{AudioChunk, AudioFormat};
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_net::{Frame, Inbox, Outbox, Refusal, WireCodec};

use crate::SERVICE;
use crate::config::FluxConfig;
use crate::failure::Failures;
use crate::listen::{Message, Taken, join};
use crate::wire::{Complaint, Said, TurnInfo, Word};

/// Silence that stands for audio that does not come: as long as the pause before it, in whole
/// pieces.
const SILENCE: Duration = Duration::from_millis(480);

/// How much audio before a turn's first sign may belong to it.
const ONSET: Duration = Duration::from_secs(1);

/// How much audio after what a lost connection had taken may go by without the turn going on.
const REJOIN: Duration = Duration::from_secs(1);

type Events<'a> = Inbox<'a, AsrEvent>;

#[derive(Debug)]
pub(crate) struct FluxCodec {
    failures: Failures,
    force_end_turn: bool,
    finalize_timeout: Duration,
    taken: Taken,
    /// How much audio came before each `Finalize` that is not answered.
    asked: VecDeque<Duration>,
    turn: Turn,
    /// Up to where a lost connection was given audio, while the turn waits to go on.
    rejoin: Option<Duration>,
    /// Whether this connection has said nothing about turns yet.
    is_new: bool,
    /// How far the last message about turns reached on the connection.
    window_end: Duration,
    sequence: Option<u64>,
    /// How often in a row nothing at all came after a `Finalize`.
    silent: u32,
}

/// The caller's turn.
#[derive(Debug, Default)]
struct Turn {
    is_open: bool,
    /// Its number on the connection.
    index: Option<u64>,
    is_eager: bool,
    /// What it sounds like so far, without what was given as final.
    words: Transcript,
    /// The same word by word, with where each ends in the input.
    timed: Vec<(String, Option<Duration>)>,
    /// The whole turn, as it was last heard, and how far in the input that was.
    all: String,
    reach: Duration,
    /// Words of earlier connections.
    before: String,
    /// How many words of it were given as final.
    given: usize,
    /// The text of the interim that stands.
    shown: Option<String>,
}

impl FluxCodec {
    pub(crate) fn new(config: &FluxConfig, format: AudioFormat) -> Self {
        Self {
            failures: Failures::new(&config.account),
            force_end_turn: config.force_end_turn,
            finalize_timeout: config.finalize_timeout,
            taken: Taken::new(format),
            asked: VecDeque::new(),
            turn: Turn::default(),
            rejoin: None,
            is_new: true,
            window_end: Duration::ZERO,
            sequence: None,
            silent: 0,
        }
    }

    fn turn_info(&mut self, info: &TurnInfo, from: &mut Events<'_>) {
        let window_end = info.audio_window_end.unwrap_or(self.window_end);
        self.window_end = window_end;
        let reached = from.position(window_end);
        if std::mem::take(&mut self.is_new) {
            self.turn.keep_before(from.position(Duration::ZERO));
            self.turn.index = None;
        }
        self.follow_index(info.turn_index, from);
        match info.event.as_str() {
            "StartOfTurn" => {
                self.turn.hear(info, reached, from);
                self.begin(from);
            }
            "Update" if info.text().is_empty() => self.idle(window_end, reached, from),
            "Update" => self.turn.hear(info, reached, from),
            "EagerEndOfTurn" => {
                self.turn.hear(info, reached, from);
                self.begin(from);
                self.turn.is_eager = true;
                from.emit(AsrEvent::Turn(TurnSign::EagerEnd));
            }
            "TurnResumed" => {
                self.turn.hear(info, reached, from);
                self.resume(from);
            }
            "EndOfTurn" => {
                self.turn.take(info, reached, from);
                self.begin(from);
                self.end(from);
                from.final_until(window_end);
            }
            event => tracing::debug!(service = SERVICE, event, "turn event skipped"),
        }
        self.answer(reached, from);
    }

    /// A turn of another number has begun: the words of the one before, whose end was not told,
    /// are final.
    fn follow_index(&mut self, index: Option<u64>, from: &mut Events<'_>) {
        let Some(index) = index else { return };
        let is_next = self.turn.index.is_some_and(|current| current < index);
        if is_next && self.turn.has_words() {
            self.begin(from);
            self.end(from);
        }
        self.turn.index = Some(index);
    }

    /// The turn is open, if it was not; or goes on on a new connection.
    fn begin(&mut self, from: &mut Events<'_>) {
        if self.rejoin.take().is_some() {
            return self.resume(from);
        }
        if !std::mem::replace(&mut self.turn.is_open, true) {
            from.emit(AsrEvent::Turn(TurnSign::Started));
        }
    }

    fn resume(&mut self, from: &mut Events<'_>) {
        if std::mem::take(&mut self.turn.is_eager) {
            from.emit(AsrEvent::Turn(TurnSign::Resumed));
        }
    }

    /// Nothing is being said.
    fn idle(&mut self, window_end: Duration, reached: Duration, from: &mut Events<'_>) {
        if !self.turn.is_open && self.turn.shown.is_none() {
            from.final_until(window_end.saturating_sub(ONSET));
        }
        if self.rejoin.is_some_and(|lost| reached >= lost + REJOIN) {
            self.rejoin = None;
            self.end(from);
        }
    }

    fn end(&mut self, from: &mut Events<'_>) {
        let turn = std::mem::take(&mut self.turn);
        let answers = std::mem::take(&mut self.asked).len();
        if answers > 0 || turn.has_words() {
            conclude(turn.words, answers, from);
        }
        from.emit(AsrEvent::Turn(TurnSign::Ended));
    }

    /// Answers what the audio up to `reached` answers: that nothing is being said; or that the
    /// turn has not been ended in time, though it was asked for.
    fn answer(&mut self, reached: Duration, from: &mut Events<'_>) {
        let waits = self.turn.is_open && self.force_end_turn;
        let patience = if waits { self.finalize_timeout } else { Duration::ZERO };
        let before = self.asked.len();
        self.asked.retain(|at| *at + patience > reached);
        let answers = before - self.asked.len();
        if answers > 0 {
            conclude(self.turn.give(), answers, from);
        }
    }

    fn follow(&mut self, sequence: Option<u64>) {
        let Some(next) = sequence else { return };
        if let Some(last) = self.sequence.replace(next)
            && Some(next) != last.checked_add(1)
        {
            tracing::warn!(service = SERVICE, last, next, "messages were lost");
        }
    }
}

impl Turn {
    /// Takes in what the turn sounds like, and gives it if that is new.
    fn hear(&mut self, info: &TurnInfo, reached: Duration, from: &mut Events<'_>) {
        self.take(info, reached, from);
        if self.words.text != self.shown.as_deref().unwrap_or_default() {
            self.shown = Some(self.words.text.clone());
            from.emit(AsrEvent::Interim(self.words.clone()));
        }
    }

    /// Whether somebody has heard of it, or is to.
    fn has_words(&self) -> bool {
        self.shown.is_some() || !self.words.text.is_empty()
    }

    /// Takes in what the turn sounds like. A message without words takes none back.
    fn take(&mut self, info: &TurnInfo, reached: Duration, from: &Events<'_>) {
        let ends = |word: &Word| word.end.map(|end| from.position(end));
        let text = info.text();
        if text.is_empty() {
            return;
        }
        self.all = join(&self.before, &text);
        self.reach = reached;
        self.words = Transcript::new(rest(&self.all, self.given));
        if self.words.text.is_empty() {
            return;
        }
        let sure: Vec<f32> = info.words.iter().filter_map(|word| word.confidence).collect();
        self.words.confidence = sure.into_iter().reduce(f32::min);
        self.words.end = info.words.last().and_then(ends);
        if !info.words.is_empty() {
            let timed = info.words.iter().map(|word| (word.written().to_owned(), ends(word)));
            self.timed = timed.collect();
        }
    }

    /// A new connection begins at `start`: what was said before that is not heard again.
    fn keep_before(&mut self, start: Duration) {
        let heard = std::mem::take(&mut self.timed);
        if heard.iter().all(|(_, end)| end.is_none()) {
            if self.reach <= start {
                self.before.clone_from(&self.all);
            }
            return;
        }
        let earlier = heard.into_iter().filter(|(_, end)| end.is_some_and(|end| end <= start));
        self.before =
            earlier.fold(std::mem::take(&mut self.before), |all, (word, _)| join(&all, &word));
    }

    /// Gives the words so far as final, although the turn goes on.
    fn give(&mut self) -> Transcript {
        self.shown = None;
        self.given += self.words.text.split_whitespace().count();
        std::mem::take(&mut self.words)
    }
}

impl WireCodec for FluxCodec {
    type In = AsrInput;
    type Out = AsrEvent;

    fn service(&self) -> &'static str {
        SERVICE
    }

    fn open(&mut self, to: &mut Outbox) -> Result<()> {
        self.silent = 0;
        self.sequence = None;
        self.is_new = true;
        self.window_end = Duration::ZERO;
        if to.connection() > 0 && self.turn.is_open {
            self.rejoin = Some(self.taken.duration());
        }
        Ok(())
    }

    fn encode(&mut self, input: AsrInput, to: &mut Outbox) -> Result<()> {
        match input {
            AsrInput::Audio(chunk) => {
                self.taken.take(&chunk)?;
                to.audio(chunk);
            }
            // It listens for both itself.
            AsrInput::SpeechStarted | AsrInput::SpeechEnded => {}
            AsrInput::Finalize => {
                self.asked.push_back(self.taken.duration());
                if self.force_end_turn {
                    to.send_owed(Said::ForceEndTurn.frame());
                }
            }
        }
        Ok(())
    }

    fn decode(&mut self, frame: Frame, from: &mut Events<'_>) -> Result<()> {
        self.silent = 0;
        let Some(message) = Message::read(&frame, &self.failures)? else { return Ok(()) };
        self.follow(message.envelope.sequence_id);
        self.failures.note_request(message.envelope.request_id.clone());
        let kind = message.envelope.kind.as_str();
        match kind {
            "TurnInfo" => {
                let info: TurnInfo = message.body(&self.failures)?;
                self.turn_info(&info, from);
            }
            "Error" => {
                let error: Complaint = message.body(&self.failures)?;
                return Err(self.failures.reported(&error));
            }
            "Connected" => {}
            _ => tracing::debug!(service = SERVICE, kind, "message skipped"),
        }
        Ok(())
    }

    fn finish(&mut self, to: &mut Outbox) -> Result<()> {
        to.send(Said::CloseStream.frame());
        Ok(())
    }

    fn keep_alive(&mut self, to: &mut Outbox) {
        to.filler(AudioChunk::silence(self.taken.format(), SILENCE));
    }

    fn abandon(&mut self, to: &mut Outbox) {
        to.send(Said::CloseStream.frame());
    }

    /// A server that does not know `ForceEndTurn` owes nothing. That it says nothing at all twice
    /// in a row means that the connection is dead.
    fn overdue(&mut self, from: &mut Events<'_>) -> Result<()> {
        self.silent += 1;
        if self.silent > 1 {
            return Err(Error::new(ErrorKind::Timeout, SERVICE, "the service does not answer"));
        }
        let answers = std::mem::take(&mut self.asked).len();
        if answers > 0 {
            conclude(self.turn.give(), answers, from);
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

/// Gives `words` as final, as the answer to so many who wait.
fn conclude(words: Transcript, answers: usize, from: &mut Events<'_>) {
    from.emit(AsrEvent::Final(if answers > 0 { words.finalized() } else { words }));
    for _ in 1..answers {
        from.emit(AsrEvent::Final(Transcript::default().finalized()));
    }
    (0..answers).for_each(|_| from.answered());
}

/// What is left of `text` after its first `words` words.
fn rest(text: &str, words: usize) -> String {
    text.split_whitespace().skip(words).collect::<Vec<_>>().join(" ")
}
