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

use std::collections::VecDeque;
use std::time::Duration;

use voicekit_core::asr::{AsrEvent, AsrInput, Transcript};
use voicekit_core::audio::{AudioChunk, AudioFormat};
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_net::{Frame, Inbox, Outbox, Refusal, WireCodec};

use crate::SERVICE;
use crate::config::NovaConfig;
use crate::failure::Failures;
use crate::listen::{Taken, body, envelope, join};
use crate::wire::{Alternative, Complaint, Results, Said};

/// Sent where no audio has come yet: a connection without any is closed after 10 s, whatever else
/// is sent.
const FIRST_AUDIO: Duration = Duration::from_millis(100);

/// What a final result may leave out of the audio before a `Finalize`: the service works in frames.
const SLACK: Duration = Duration::from_millis(100);

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
    interim: Transcript,
    /// The text of the interim that stands.
    shown: Option<String>,
    /// What lies before this in the input has been given as final although the service had not
    /// finalised it.
    given: Duration,
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
            interim: Transcript::default(),
            shown: None,
            given: Duration::ZERO,
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
        let end = results.start + results.duration;
        let reached = from.position(end);
        let words = self.words(results, from);
        let is_empty = words.text.is_empty();
        if results.is_final {
            from.final_until(end);
            self.interim = Transcript::default();
            self.held = joined(&self.held, &words);
        } else {
            self.interim = words;
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
        if overdue > 0 {
            self.assume(reached);
        }
        answers += overdue;
        let is_end = results.speech_final || results.from_finalize || self.held.text.is_empty();
        if answers > 0 || (results.is_final && is_end) {
            return self.conclude(answers, from);
        }
        self.show(from);
    }

    /// What a result says, without what was given as final before.
    fn words(&self, results: &Results, from: &Events<'_>) -> Transcript {
        let none = Alternative::default();
        let heard = results.channel.alternatives.first().unwrap_or(&none);
        let is_new =
            |start: Option<Duration>| from.position(start.unwrap_or(results.start)) >= self.given;
        let text = if is_new(None) {
            heard.transcript.trim().to_owned()
        } else {
            let new = heard.words.iter().filter(|word| is_new(word.start));
            new.fold(String::new(), |text, word| join(&text, word.written()))
        };
        let mut words = Transcript::new(text);
        if words.text.is_empty() {
            return words;
        }
        words.confidence = heard.confidence;
        words.end = heard.words.last().and_then(|word| word.end).map(|end| from.position(end));
        words
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

    /// What may still change is taken as final, up to `reached` in the input at most.
    fn assume(&mut self, reached: Duration) {
        if self.interim.text.is_empty() {
            return;
        }
        let interim = std::mem::take(&mut self.interim);
        self.given = self.given.max(interim.end.unwrap_or(reached));
        self.held = joined(&self.held, &interim);
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
        let words = joined(&self.held, &self.interim);
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
        if to.connection() > 0 {
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
        let Some(message) = envelope(&frame, &self.failures)? else { return Ok(()) };
        let kind = message.kind.as_str();
        match kind {
            "Results" => {
                let results: Results = body(&frame, kind, &self.failures)?;
                let request = results.metadata.as_ref();
                self.failures.note_request(request.and_then(|request| request.request_id.clone()));
                self.results(&results, from);
            }
            "UtteranceEnd" if !self.held.text.is_empty() => self.conclude(0, from),
            "Metadata" => {
                self.failures.note_request(message.request_id);
                if self.is_finished {
                    from.end();
                }
            }
            "Error" => {
                let error: Complaint = body(&frame, kind, &self.failures)?;
                return Err(self.failures.reported(&error));
            }
            "UtteranceEnd" | "SpeechStarted" => {}
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
            return Err(Error::new(ErrorKind::Timeout, SERVICE, "nothing comes any more"));
        }
        let answers = self.answer(|_, _| true);
        self.assume(self.taken.duration());
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
