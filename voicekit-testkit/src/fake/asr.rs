//! A recogniser that hears what the script says.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use tokio::time::{Instant, sleep_until};
use voicekit_core::asr::{Asr, AsrEvent, AsrInfo, AsrInput, AsrRequest, Transcript, TurnSign};
use voicekit_core::audio::AudioFormat;
use voicekit_core::error::{Error, ErrorKind, Result};

use super::fault::{Fault, Faults};
use super::journal::{Journal, Page};

const NAME: &str = "fake-asr";

/// A recogniser that hears what the script says, whatever the sound.
///
/// Each `Finalize` is answered with the next text of the script, or with nothing understood when
/// the script is over. While the caller speaks (from `SpeechStarted` on), interims grow by a word
/// at a time.
#[derive(Clone, Debug)]
pub struct FakeAsr {
    texts: Arc<Mutex<VecDeque<String>>>,
    formats: Vec<AudioFormat>,
    final_delay: Duration,
    interim_every: Option<Duration>,
    own_endpointing: Option<Duration>,
    own_turns: Option<Duration>,
    faults: Faults,
    journal: Journal<AsrCall>,
}

/// One stream of recognition.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct AsrCall {
    /// What was wanted.
    pub request: AsrRequest,
    /// How much audio was fed.
    pub audio: Duration,
    /// What was fed beside audio, in order.
    pub hints: Vec<AsrInput>,
}

impl FakeAsr {
    /// A recogniser that hears these texts, one an utterance.
    pub fn new<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Self {
        Self {
            texts: Arc::new(Mutex::new(texts.into_iter().map(Into::into).collect())),
            formats: vec![AudioFormat::PHONE],
            final_delay: Duration::from_millis(100),
            interim_every: Some(Duration::from_millis(200)),
            own_endpointing: None,
            own_turns: None,
            faults: Faults::default(),
            journal: Journal::default(),
        }
    }

    /// From `Finalize` to the transcript. Default: 100 ms.
    #[must_use]
    pub fn with_final_delay(mut self, delay: Duration) -> Self {
        self.final_delay = delay;
        self
    }

    /// From word to word in interims; `None` for no interims. Default: 200 ms.
    #[must_use]
    pub fn with_interims(mut self, every: Option<Duration>) -> Self {
        self.interim_every = every;
        self
    }

    /// Gives the final transcript of its own accord, this long after `SpeechEnded`; a later
    /// `Finalize` then finds nothing left. Default: only when asked.
    #[must_use]
    pub fn with_own_endpointing(mut self, delay: Duration) -> Self {
        self.own_endpointing = Some(delay);
        self
    }

    /// Follows turns: half of `delay` after `SpeechEnded` it says what it heard and that the turn
    /// may be over, and after all of it gives the final transcript and says that it is. Speech that
    /// goes on before that resumes the turn. Default: it does not.
    #[must_use]
    pub fn with_own_turns(mut self, delay: Duration) -> Self {
        self.own_turns = Some(delay);
        self
    }

    /// The formats it takes, best first. Default: [`AudioFormat::PHONE`].
    #[must_use]
    pub fn with_formats(mut self, formats: impl Into<Vec<AudioFormat>>) -> Self {
        self.formats = formats.into();
        self
    }

    /// Builds a fault into stream number `stream`, from 0.
    #[must_use]
    pub fn with_fault(mut self, stream: usize, fault: Fault) -> Self {
        self.faults.add(stream, fault);
        self
    }

    /// What it was asked.
    pub fn journal(&self) -> &Journal<AsrCall> {
        &self.journal
    }
}

#[async_trait]
impl Asr for FakeAsr {
    fn info(&self) -> AsrInfo {
        let info = AsrInfo::new(NAME, self.formats.clone()).with_final_latency(self.final_delay);
        if self.own_turns.is_some() { info.with_turns() } else { info }
    }

    async fn recognize(
        &self,
        request: AsrRequest,
        input: BoxStream<'static, AsrInput>,
    ) -> Result<BoxStream<'static, Result<AsrEvent>>> {
        let unsupported = !self.formats.contains(&request.format);
        let call = AsrCall { request, audio: Duration::ZERO, hints: Vec::new() };
        let page = self.journal.open(call);
        if unsupported {
            return Err(Error::new(ErrorKind::Unsupported, NAME, "that format is not taken"));
        }
        self.faults.refusal(NAME, page.index())?;
        let faults = self.faults.clone();
        let ear = Ear {
            asr: self.clone(),
            page: Arc::new(page),
            input: Some(input),
            due: VecDeque::new(),
            speech: None,
        };
        let page = Arc::clone(&ear.page);
        let events = stream::unfold(ear, |mut ear| async {
            let event = ear.next().await?;
            Some((Ok(event), ear))
        });
        Ok(faults.apply(NAME, page, events.boxed()))
    }
}

struct Ear {
    asr: FakeAsr,
    page: Arc<Page<AsrCall>>,
    /// `None` once it has ended.
    input: Option<BoxStream<'static, AsrInput>>,
    due: VecDeque<(Instant, AsrEvent)>,
    /// What is being said, if somebody speaks.
    speech: Option<String>,
}

impl Ear {
    async fn next(&mut self) -> Option<AsrEvent> {
        loop {
            let due = self.due.front().map(|(at, _)| *at);
            if due.is_some_and(|at| at <= Instant::now()) {
                return self.due.pop_front().map(|(_, event)| event);
            }
            let Some(input) = &mut self.input else {
                sleep_until(due?).await;
                continue;
            };
            let wait = due.unwrap_or_else(|| Instant::now() + Duration::from_secs(86_400));
            tokio::select! {
                item = input.next() => match item {
                    Some(item) => self.take(item),
                    None => self.flush(),
                },
                () = sleep_until(wait) => {}
            }
        }
    }

    fn take(&mut self, item: AsrInput) {
        if let AsrInput::Audio(chunk) = &item {
            return self.page.note(|call| call.audio += chunk.duration());
        }
        self.page.note(|call| call.hints.push(item.clone()));
        match item {
            AsrInput::SpeechStarted => self.begin(),
            AsrInput::SpeechEnded => {
                if let Some(delay) = self.asr.own_endpointing {
                    self.finish(delay, Transcript::new);
                }
                if let Some(delay) = self.asr.own_turns {
                    self.end_turn(delay);
                }
            }
            AsrInput::Finalize => {
                let endpointing = self.asr.own_endpointing.is_some();
                if self.speech.is_none() && !endpointing {
                    self.speech = Some(self.asr.next_text());
                }
                self.finish(self.asr.final_delay, |text| Transcript::new(text).finalized());
            }
            AsrInput::Audio(_) => {}
        }
    }

    fn begin(&mut self) {
        if self.asr.own_turns.is_some() {
            self.begin_turn();
        }
        if self.speech.is_some() {
            return;
        }
        let text = self.asr.next_text();
        if let Some(every) = self.asr.interim_every {
            let mut at = Instant::now();
            for (end, _) in text.match_indices(' ').chain([(text.len(), "")]) {
                at += every;
                self.due.push_back((at, AsrEvent::Interim(Transcript::new(&text[..end]))));
            }
        }
        self.speech = Some(text);
    }

    fn begin_turn(&mut self) {
        let unsaid = self.due.iter().find_map(|(_, event)| match event {
            AsrEvent::Final(transcript) => Some(transcript.text.clone()),
            AsrEvent::Interim(_) | AsrEvent::Turn(_) | _ => None,
        });
        self.due.clear();
        let sign = if unsaid.is_some() { TurnSign::Resumed } else { TurnSign::Started };
        self.speech = unsaid.or_else(|| self.speech.take());
        self.due.push_back((Instant::now(), AsrEvent::Turn(sign)));
    }

    fn end_turn(&mut self, delay: Duration) {
        let Some(text) = self.speech.take() else { return };
        let (eager, end) = (Instant::now() + delay / 2, Instant::now() + delay);
        self.due.clear();
        self.due.extend([
            (eager, AsrEvent::Interim(Transcript::new(text.clone()))),
            (eager, AsrEvent::Turn(TurnSign::EagerEnd)),
            (end, AsrEvent::Final(Transcript::new(text))),
            (end, AsrEvent::Turn(TurnSign::Ended)),
        ]);
    }

    /// The speech so far is over: what was interim is not said any more.
    fn finish(&mut self, delay: Duration, transcript: impl Fn(String) -> Transcript) {
        self.due.retain(|(_, event)| matches!(event, AsrEvent::Final(_)));
        let text = self.speech.take().unwrap_or_default();
        self.due.push_back((Instant::now() + delay, AsrEvent::Final(transcript(text))));
    }

    fn flush(&mut self) {
        self.input = None;
        if self.speech.is_some() {
            self.finish(self.asr.final_delay, Transcript::new);
        }
    }
}

impl FakeAsr {
    fn next_text(&self) -> String {
        let mut texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        texts.pop_front().unwrap_or_default()
    }
}
