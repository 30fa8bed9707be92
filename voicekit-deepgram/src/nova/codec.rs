//! `/v1/listen` without its I/O.
//!
//! The service finalises an utterance in segments. They are put together here, and given as one
//! `Final` where the utterance ends: at `speech_final`, at `UtteranceEnd` or at the answer to a
//! `Finalize`, whichever comes first. What comes of the others is empty and says nothing.
//!
//! A `Finalize` is not always answered. It counts as answered by
//!
//! - a result that says so (`from_finalize`),
//! - any final result that reaches as far as the audio before it did,
//! - a result that reaches that far without words that may still change,
//! - and, with what was heard so far, by a result that lies `finalize_timeout` after it, or by
//!   nothing coming for that long.
//!
//! Words that were shown are kept. Where the service finalises a segment without its words, those
//! of the interim stand; an interim that reaches beyond a final goes on behind it. What was given
//! as final without the service's word is left out of what follows.

use std::collections::VecDeque;
use std::time::Duration;

use voicekit_core::asr::{AsrEvent, AsrInput, Transcript};
use voicekit_core::audio::{AudioChunk, AudioFormat};
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_net::{Frame, Inbox, Outbox, Refusal, WireCodec};

use crate::SERVICE;
use crate::config::NovaConfig;
use crate::failure::Failures;
use crate::listen::{Message, Taken, join};
use crate::nova::segment::{Parts, Segment};
use crate::wire::{Alternative, Complaint, Results, Said};

/// Sent where no audio has come yet: a connection without any is closed after 10 s, whatever else
/// is sent.
const FIRST_AUDIO: Duration = Duration::from_millis(100);

/// What a final result may leave out of the audio before a `Finalize`: the service works in frames.
const SLACK: Duration = Duration::from_millis(100);

/// The longest text of an utterance, in bytes: a quarter of an hour of speech. What is longer is
/// given in parts.
const LONGEST: usize = 16 * 1024;

type Events<'a> = Inbox<'a, AsrEvent>;

#[derive(Debug)]
pub(crate) struct NovaCodec {
    failures: Failures,
    finalize_early: bool,
    finalize_timeout: Duration,
    taken: Taken,
    /// What was asked to be finalised and is not answered, oldest first.
    asked: VecDeque<Asked>,
    /// The segments of the current utterance that will not change.
    held: Transcript,
    /// What follows them, which may change.
    interim: Segment,
    /// The text of the interim that stands.
    shown: Option<String>,
    /// What lies before this in the input has been given as final although the service had not
    /// finalised it.
    given: Duration,
    /// The words at its end, where it is not known where words lie.
    given_words: Vec<String>,
    /// How far the service has finalised on this connection.
    finalised: Duration,
    /// Whether this connection, which is not the first, has given no result yet.
    is_new: bool,
    /// How often in a row nothing at all came after a `Finalize`.
    silent: u32,
    /// Whether audio was sent on this connection.
    has_audio: bool,
    is_finished: bool,
}

/// A `Finalize` that was sent.
#[derive(Clone, Copy, Debug)]
struct Asked {
    /// How much audio came before it.
    at: Duration,
    /// Whether somebody waits for the answer, other than at a pause.
    owed: bool,
}

impl NovaCodec {
    pub(crate) fn new(config: &NovaConfig, format: AudioFormat) -> Self {
        Self {
            failures: Failures::new(&config.account),
            finalize_early: config.finalize_early,
            finalize_timeout: config.finalize_timeout,
            taken: Taken::new(format),
            asked: VecDeque::new(),
            held: Transcript::default(),
            interim: Segment::default(),
            shown: None,
            given: Duration::ZERO,
            given_words: Vec::new(),
            finalised: Duration::ZERO,
            is_new: false,
            silent: 0,
            has_audio: false,
            is_finished: false,
        }
    }

    fn ask(&mut self, owed: bool, to: &mut Outbox) {
        let frame = Said::Finalize.frame();
        if owed {
            to.send_owed(frame)
        } else {
            to.send(frame)
        }
        self.asked.push_back(Asked { at: self.taken.duration(), owed });
    }

    fn results(&mut self, results: &Results, from: &mut Events<'_>) {
        let (start, end) = self.window(results);
        let reached = from.position(end);
        if std::mem::take(&mut self.is_new) {
            self.keep_before(from.position(Duration::ZERO));
        }
        let heard = self.segment(results, start, reached, from);
        let is_empty = heard.is_empty();
        if results.is_final {
            from.final_until(end);
            self.finalised = end;
            self.hold(heard, reached);
        } else if !is_empty {
            self.interim = heard;
        }
        let slack = if results.is_final { SLACK } else { Duration::ZERO };
        let is_settled = results.is_final || is_empty;
        let mut answers = 0;
        if results.from_finalize {
            answers += self.answer(|_, index| index == 0);
        }
        if is_settled {
            answers += self.answer(|asked, _| asked.owed && asked.at <= reached + slack);
        }
        let timeout = self.finalize_timeout;
        let overdue = self.answer(|asked, _| asked.at + timeout <= reached);
        answers += overdue;
        if overdue > 0 || (answers > 0 && (!results.is_final || self.held.text.is_empty())) {
            self.assume();
        }
        let is_end = results.speech_final || results.from_finalize;
        let is_nothing = self.held.text.is_empty() && self.interim.is_empty();
        let is_long = self.held.text.len() > LONGEST;
        if answers > 0 || (results.is_final && (is_end || is_nothing)) || is_long {
            self.conclude(answers, from);
        }
        self.show(from);
    }

    /// The stretch of the connection's audio that a result is about. What it does not say begins
    /// where the last final result ended, and ends with its last word.
    fn window(&self, results: &Results) -> (Duration, Duration) {
        let start = results.start.unwrap_or(self.finalised);
        let words = results.channel.alternatives.first().map_or(&[][..], |heard| &heard.words);
        let last = words.last().and_then(|word| word.end);
        let end = results.duration.map_or_else(|| last.unwrap_or(start), |length| start + length);
        (start, end.max(start))
    }

    /// What a result says, without what was given as final before.
    fn segment(
        &self,
        results: &Results,
        start: Duration,
        reached: Duration,
        from: &Events<'_>,
    ) -> Segment {
        let none = Alternative::default();
        let heard = results.channel.alternatives.first().unwrap_or(&none);
        let is_new = |at: Duration| from.position(at) >= self.given;
        let position = |at: Option<Duration>| at.map(|at| from.position(at));
        if is_new(start) {
            let words = heard
                .words
                .iter()
                .map(|word| (word.written().to_owned(), position(word.start), position(word.end)));
            return Segment::new(heard.text(), heard.confidence, reached).with_words(words);
        }
        let is_timed = heard.words.iter().all(|word| word.start.is_some());
        if !is_timed || heard.words.is_empty() {
            let text = without_beginning(&heard.text(), &self.given_words);
            return Segment::new(text, heard.confidence, reached);
        }
        let new = heard.words.iter().filter(|word| word.start.is_some_and(is_new));
        let text = new.clone().fold(String::new(), |text, word| join(&text, word.written()));
        let words =
            new.map(|word| (word.written().to_owned(), position(word.start), position(word.end)));
        Segment::new(text, heard.confidence, reached).with_words(words)
    }

    /// Everything up to `reached` is final: the words that were heard, or, if there are none,
    /// those that were shown.
    fn hold(&mut self, heard: Segment, reached: Duration) {
        let count = heard.text.split_whitespace().count();
        let Parts { before, after } = std::mem::take(&mut self.interim).cut(reached, SLACK, count);
        self.interim = after;
        let words = if heard.is_empty() { before } else { heard };
        self.held = joined(&self.held, &words.transcript());
    }

    /// A new connection begins at `start`: what was said before that is not heard again.
    fn keep_before(&mut self, start: Duration) {
        let Parts { before, after } =
            std::mem::take(&mut self.interim).cut(start, Duration::ZERO, 0);
        self.held = joined(&self.held, &before.transcript());
        self.interim = after;
    }

    /// Takes the answered ones away, and counts those somebody waits for.
    fn answer(&mut self, is_answered: impl Fn(&Asked, usize) -> bool) -> usize {
        let mut owed = 0;
        let mut index = 0;
        self.asked.retain(|asked| {
            let gone = is_answered(asked, index);
            index += 1;
            owed += usize::from(gone && asked.owed);
            !gone
        });
        owed
    }

    /// What may still change is taken as final.
    fn assume(&mut self) {
        if self.interim.is_empty() {
            return;
        }
        let interim = std::mem::take(&mut self.interim);
        self.given = self.given.max(interim.end().unwrap_or(interim.reach));
        self.given_words = interim.text.split_whitespace().map(str::to_owned).collect();
        self.held = joined(&self.held, &interim.transcript());
    }

    /// The utterance is over, and answers so many who wait.
    fn conclude(&mut self, answers: usize, from: &mut Events<'_>) {
        let words = std::mem::take(&mut self.held);
        let shown = self.shown.take();
        if answers == 0 && shown.is_none() && words.text.is_empty() {
            return;
        }
        from.emit(AsrEvent::Final(if answers > 0 { words.finalized() } else { words }));
        for _ in 1..answers {
            from.emit(AsrEvent::Final(Transcript::default().finalized()));
        }
        (0..answers).for_each(|_| from.answered());
    }

    /// Gives what the utterance sounds like so far, if that is new.
    fn show(&mut self, from: &mut Events<'_>) {
        let words = joined(&self.held, &self.interim.transcript());
        if words.text != self.shown.as_deref().unwrap_or_default() {
            self.shown = Some(words.text.clone());
            from.emit(AsrEvent::Interim(words));
        }
    }
}

impl WireCodec for NovaCodec {
    type In = AsrInput;
    type Out = AsrEvent;

    fn service(&self) -> &'static str {
        SERVICE
    }

    fn open(&mut self, to: &mut Outbox) -> Result<()> {
        self.has_audio = false;
        self.silent = 0;
        self.finalised = Duration::ZERO;
        if to.connection() > 0 {
            self.is_new = true;
            // What was asked at a pause went with the connection; what is owed is asked again.
            self.asked.retain(|asked| asked.owed);
        }
        Ok(())
    }

    fn encode(&mut self, input: AsrInput, to: &mut Outbox) -> Result<()> {
        match input {
            AsrInput::Audio(chunk) => {
                self.taken.take(&chunk)?;
                self.has_audio |= !chunk.is_empty();
                to.audio(chunk);
            }
            AsrInput::SpeechStarted => {}
            AsrInput::SpeechEnded => {
                if self.finalize_early {
                    self.asked.retain(|asked| asked.owed);
                    self.ask(false, to);
                }
            }
            AsrInput::Finalize => self.ask(true, to),
        }
        Ok(())
    }

    fn decode(&mut self, frame: Frame, from: &mut Events<'_>) -> Result<()> {
        self.silent = 0;
        let Some(message) = Message::read(&frame, &self.failures)? else { return Ok(()) };
        let kind = message.envelope.kind.as_str();
        match kind {
            "Results" => {
                let results: Results = message.body(&self.failures)?;
                self.failures.note_request(results.metadata.request_id.clone());
                self.results(&results, from);
            }
            "UtteranceEnd" => {
                self.assume();
                self.conclude(0, from);
            }
            "Metadata" => {
                self.failures.note_request(message.envelope.request_id);
                if self.is_finished {
                    from.end();
                }
            }
            "Error" => {
                let error: Complaint = message.body(&self.failures)?;
                return Err(self.failures.reported(&error));
            }
            "SpeechStarted" => {}
            _ => tracing::debug!(service = SERVICE, kind, "message skipped"),
        }
        Ok(())
    }

    fn finish(&mut self, to: &mut Outbox) -> Result<()> {
        self.is_finished = true;
        to.send(Said::CloseStream.frame());
        Ok(())
    }

    fn keep_alive(&mut self, to: &mut Outbox) {
        if !self.has_audio {
            to.filler(AudioChunk::silence(self.taken.format(), FIRST_AUDIO));
            self.has_audio = true;
        }
        to.send(Said::KeepAlive.frame());
    }

    fn abandon(&mut self, to: &mut Outbox) {
        to.send(Said::CloseStream.frame());
    }

    /// The service owes nothing where there were no words. That it says nothing at all twice in a
    /// row means that the connection is dead.
    fn overdue(&mut self, from: &mut Events<'_>) -> Result<()> {
        self.silent += 1;
        if self.silent > 1 {
            return Err(Error::new(ErrorKind::Timeout, SERVICE, "the service does not answer"));
        }
        let answers = self.answer(|_, _| true);
        self.assume();
        self.conclude(answers, from);
        Ok(())
    }

    fn closed(&mut self, code: u16, reason: &str) -> Error {
        self.failures.closed(code, reason)
    }

    fn refused(&mut self, refusal: &Refusal) -> Error {
        self.failures.refused(refusal)
    }
}

/// Two stretches as one, no more certain than the less certain of them.
fn joined(first: &Transcript, second: &Transcript) -> Transcript {
    if first.text.is_empty() || second.text.is_empty() {
        return if first.text.is_empty() { second.clone() } else { first.clone() };
    }
    let mut both = Transcript::new(join(&first.text, &second.text));
    both.confidence = [first.confidence, second.confidence].into_iter().flatten().reduce(f32::min);
    both.end = second.end.or(first.end);
    both
}

/// `text` without the words of `beginning`, as many of them as it begins with, however they are
/// written.
fn without_beginning(text: &str, beginning: &[String]) -> String {
    let mut words = text.split_whitespace().peekable();
    for word in beginning {
        if !words.peek().is_some_and(|next| same(next, word)) {
            break;
        }
        words.next();
    }
    words.collect::<Vec<_>>().join(" ")
}

fn same(one: &str, other: &str) -> bool {
    let plain = |word: &str| -> String {
        word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    plain(one) == plain(other)
}
