//! One call's utterances: which audio belongs to which, when it is decoded, and what is said of it.
//!
//! An utterance opens with `SpeechStarted`, pauses with `SpeechEnded` and closes with `Finalize`.
//! Closed utterances are answered in their order, before anything about the open one. At most one
//! decode runs; the first of these that is due is started:
//!
//! 1. the oldest closed utterance that was not decoded when it paused;
//! 2. the open utterance when it pauses;
//! 3. the open utterance so far, for an interim, if no other model runs.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::stream::{BoxStream, Fuse};
use futures::{FutureExt, StreamExt};
use voicekit_core::asr::{AsrEvent, AsrInput, Transcript};
use voicekit_core::audio::{AudioChunk, AudioFormat};
use voicekit_core::error::{Error, ErrorKind, Result};

use super::asr::Job;
use super::{Decoded, LONGEST, SERVICE, Whisper};
use crate::inference;

/// Audio before `SpeechStarted` that belongs to the utterance: the hint comes up to 200 ms late,
/// and a soft onset may take 300 ms more.
const PRE_ROLL: Duration = Duration::from_millis(500);
/// How much of the 200 ms of silence that show a pause is left out of the decode: a line's noise
/// that breaks off confuses the model more than speech that does: 5 of 132 words of the recorded
/// speech are wrong with it, 11 without.
const TRIMMED: Duration = Duration::from_millis(120);
/// New speech that is worth an interim.
const INTERIM_EVERY: Duration = Duration::from_secs(1);
/// Closed utterances that wait to be decoded. With more, audio waits in the input.
const MOST_CLOSED: usize = 8;
pub(super) struct Listener {
    whisper: Whisper,
    format: AudioFormat,
    input: Fuse<BoxStream<'static, AsrInput>>,
    ended: bool,
    /// The last audio heard, oldest first, for the start of the next utterance.
    recent: Vec<i16>,
    open: Option<Utterance>,
    closed: VecDeque<Closed>,
    job: Option<(Purpose, Job)>,
    events: VecDeque<Result<AsrEvent>>,
}

/// What is being said.
#[derive(Default)]
struct Utterance {
    samples: Vec<i16>,
    paused: bool,
    /// What it is up to the pause.
    decoded: Option<Decoded>,
    /// Samples at the last interim.
    interim_at: usize,
}

/// What was said and is to be answered.
struct Closed {
    samples: Vec<i16>,
    decoded: Option<Decoded>,
    finalized: bool,
}

/// What a decode is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// The open utterance so far.
    Interim,
    /// The open utterance up to its pause.
    Pause,
    /// The oldest closed utterance.
    Close,
}

enum Step {
    Heard(Option<AsrInput>),
    Decoded(Result<Decoded>),
}

impl Listener {
    pub(super) fn new(
        whisper: Whisper,
        format: AudioFormat,
        input: Fuse<BoxStream<'static, AsrInput>>,
    ) -> Self {
        Self {
            whisper,
            format,
            input,
            ended: false,
            recent: Vec::new(),
            open: None,
            closed: VecDeque::new(),
            job: None,
            events: VecDeque::new(),
        }
    }

    /// The next event; `None` at the end of the input or after an error.
    pub(super) async fn next(&mut self) -> Option<Result<AsrEvent>> {
        loop {
            self.answer_closed();
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            if self.ended && self.closed.is_empty() {
                return None;
            }
            self.start_job();
            match poll_fn(|context| self.poll_step(context)).await {
                Step::Heard(Some(input)) => self.hear(input),
                Step::Heard(None) => self.end(),
                Step::Decoded(result) => self.decoded(result),
            }
        }
    }

    fn poll_step(&mut self, context: &mut Context<'_>) -> Poll<Step> {
        if let Some((_, job)) = &mut self.job
            && let Poll::Ready(result) = job.result().poll_unpin(context)
        {
            return Poll::Ready(Step::Decoded(result));
        }
        if self.ended || self.closed.len() >= MOST_CLOSED {
            return Poll::Pending;
        }
        self.input.poll_next_unpin(context).map(Step::Heard)
    }

    fn hear(&mut self, input: AsrInput) {
        match input {
            AsrInput::Audio(chunk) => self.audio(&chunk),
            AsrInput::SpeechStarted => self.speech_started(),
            AsrInput::SpeechEnded => self.speech_ended(),
            AsrInput::Finalize => self.close(true),
        }
    }

    fn audio(&mut self, chunk: &AudioChunk) {
        if chunk.format() != self.format {
            let message = format!("audio as {} in a stream of {}", chunk.format(), self.format);
            return self.fail(Error::new(ErrorKind::Protocol, SERVICE, message));
        }
        let start = self.recent.len();
        chunk.decode_into(&mut self.recent);
        if let Some(utterance) = &mut self.open {
            utterance.samples.extend_from_slice(&self.recent[start..]);
            if utterance.samples.len() >= samples_in(LONGEST, self.format) {
                self.cut();
            }
        }
        let superfluous = self.recent.len().saturating_sub(samples_in(PRE_ROLL, self.format));
        self.recent.drain(..superfluous);
    }

    fn speech_started(&mut self) {
        let Some(utterance) = &mut self.open else {
            let samples = self.recent.clone();
            self.open = Some(Utterance { samples, ..Utterance::default() });
            return;
        };
        utterance.paused = false;
        utterance.decoded = None;
        self.stop(Purpose::Pause);
    }

    fn speech_ended(&mut self) {
        let Some(utterance) = &mut self.open else { return };
        utterance.paused = true;
        self.recent.clear();
        self.stop(Purpose::Interim);
    }

    /// The utterance is too long to be decoded at once: what follows is another.
    fn cut(&mut self) {
        let paused = self.open.as_ref().is_some_and(|utterance| utterance.paused);
        self.close(false);
        if !paused {
            self.open = Some(Utterance::default());
        }
    }

    fn close(&mut self, finalized: bool) {
        let Some(utterance) = self.open.take() else {
            let decoded = Some(Decoded::default());
            return self.closed.push_back(Closed { samples: Vec::new(), decoded, finalized });
        };
        if !utterance.paused {
            self.recent.clear();
        }
        self.stop(Purpose::Interim);
        if let Some((purpose, _)) = &mut self.job
            && *purpose == Purpose::Pause
        {
            *purpose = Purpose::Close;
        }
        let Utterance { samples, decoded, .. } = utterance;
        self.closed.push_back(Closed { samples, decoded, finalized });
    }

    fn end(&mut self) {
        self.ended = true;
        if self.open.is_some() {
            self.close(false);
        }
    }

    fn start_job(&mut self) {
        if self.job.is_some() {
            return;
        }
        let Some((purpose, samples)) = self.due() else { return };
        self.job = Some((purpose, Job::start(&self.whisper, samples, self.format.rate_hz)));
    }

    /// What is to be decoded next.
    fn due(&mut self) -> Option<(Purpose, Vec<i16>)> {
        if let Some(closed) = self.closed.front_mut() {
            return Some((Purpose::Close, std::mem::take(&mut closed.samples)));
        }
        let utterance = self.open.as_mut()?;
        if utterance.paused {
            let due = utterance.decoded.is_none();
            let end = utterance.samples.len().saturating_sub(samples_in(TRIMMED, self.format));
            return due.then(|| (Purpose::Pause, utterance.samples[..end].to_vec()));
        }
        let new = utterance.samples.len() - utterance.interim_at;
        let due = self.whisper.interims
            && new >= samples_in(INTERIM_EVERY, self.format)
            && inference::is_free();
        due.then(|| {
            utterance.interim_at = utterance.samples.len();
            (Purpose::Interim, utterance.samples.clone())
        })
    }

    fn decoded(&mut self, result: Result<Decoded>) {
        let (Some((purpose, _)), decoded) = (self.job.take(), result) else { return };
        let decoded = match decoded {
            Ok(decoded) => decoded.without_noise(),
            Err(error) => return self.fail(error),
        };
        if purpose == Purpose::Close {
            if let Some(closed) = self.closed.front_mut() {
                closed.decoded = Some(decoded);
            }
            return;
        }
        if !decoded.text.is_empty() {
            self.events.push_back(Ok(AsrEvent::Interim(transcript(&decoded))));
        }
        if let Some(utterance) = &mut self.open
            && purpose == Purpose::Pause
        {
            utterance.decoded = Some(decoded);
        }
    }

    /// Says the final words about closed utterances, as far as they are known.
    fn answer_closed(&mut self) {
        while let Some(closed) = self.closed.front_mut() {
            let Some(decoded) = closed.decoded.take() else { return };
            let transcript = transcript(&decoded);
            let transcript = if closed.finalized { transcript.finalized() } else { transcript };
            self.events.push_back(Ok(AsrEvent::Final(transcript)));
            self.closed.pop_front();
        }
    }

    fn fail(&mut self, error: Error) {
        self.events.push_back(Err(error));
        self.closed.clear();
        self.open = None;
        self.job = None;
        self.ended = true;
    }

    /// Abandons the decode under way if it is for `purpose`.
    fn stop(&mut self, purpose: Purpose) {
        if self.job.as_ref().is_some_and(|(running, _)| *running == purpose) {
            self.job = None;
        }
    }
}

fn transcript(decoded: &Decoded) -> Transcript {
    if decoded.text.is_empty() {
        return Transcript::default();
    }
    Transcript::new(decoded.text.clone()).with_confidence(decoded.mean_log_probability.exp())
}

fn samples_in(duration: Duration, format: AudioFormat) -> usize {
    format.bytes_in(duration) / format.encoding.bytes_per_sample()
}
