//! Whisper in virtual time.
//!
//! It goes by the rules of the recogniser of a live call (`voicekit_local::whisper`): a decode when
//! the caller pauses, an interim for each second of speech, one at a time. A decode really runs,
//! but its answer comes after a fixed allowance, so that results are the same on any machine.

use std::time::Duration;

use voicekit_core::error::Result;
use voicekit_core::time::Timestamp;
use voicekit_core::turn::{Event, Hint};
use voicekit_local::Whisper;

use crate::recording::RATE_HZ;

/// What a decode takes: this for any, and this for a second of sound.
const DECODE: Duration = Duration::from_millis(120);
const DECODE_SECOND: Duration = Duration::from_millis(55);
/// Sound before the start of speech that belongs to it: 500 ms.
const PRE_ROLL: usize = RATE_HZ as usize / 2;
/// Silence left out at the end: 120 ms.
const TRIMMED: usize = RATE_HZ as usize * 12 / 100;
/// New sound that is worth an interim: 1 s.
const INTERIM_EVERY: usize = RATE_HZ as usize;
/// The most that is decoded: 29 s.
const LONGEST: usize = RATE_HZ as usize * 29;

/// The recogniser of one call.
#[derive(Debug)]
pub(crate) struct Recogniser {
    whisper: Option<Whisper>,
    utterance: Option<Utterance>,
    job: Option<Job>,
    /// The recogniser owes a final transcript.
    finalizing: bool,
    /// Until when another model computes.
    busy_until: Timestamp,
    /// Where the last pause began: sound before it belongs to what was said then.
    spoken: usize,
    /// Where the utterance after the one that is being closed starts.
    reopened: Option<usize>,
}

#[derive(Debug)]
struct Utterance {
    start: usize,
    paused: bool,
    interim_at: usize,
    decoded: Option<String>,
}

impl Utterance {
    fn new(start: usize) -> Self {
        Self { start, paused: false, interim_at: start, decoded: None }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Job {
    ready: Timestamp,
    start: usize,
    end: usize,
    interim: bool,
}

impl Recogniser {
    pub(crate) fn new(whisper: Option<Whisper>) -> Self {
        Self {
            whisper,
            utterance: None,
            job: None,
            finalizing: false,
            busy_until: Timestamp::ZERO,
            spoken: 0,
            reopened: None,
        }
    }

    /// Another model computes until then: the machine has one core for models.
    pub(crate) fn busy_until(&mut self, until: Timestamp) {
        self.busy_until = until;
    }

    /// Takes in a hint at `now`, when `heard` samples have come.
    pub(crate) fn hint(&mut self, now: Timestamp, hint: Hint, heard: usize) {
        match hint {
            Hint::SpeechStarted => self.started(heard),
            Hint::SpeechEnded => self.paused(now, heard),
            Hint::Finalize => self.finalize(now, heard),
        }
    }

    /// Starts an interim if one is due.
    pub(crate) fn listen(&mut self, now: Timestamp, heard: usize) {
        let free = self.job.is_none() && self.busy_until <= now && self.whisper.is_some();
        let Some(utterance) = &mut self.utterance else { return };
        if !free || utterance.paused || heard - utterance.interim_at < INTERIM_EVERY {
            return;
        }
        utterance.interim_at = heard;
        let start = utterance.start;
        self.start(now, start, heard, true);
    }

    /// When the next answer is there.
    pub(crate) fn ready(&self) -> Option<Timestamp> {
        let waits = self.finalizing && self.job.is_none_or(|job| job.interim);
        let job = self.job.map(|job| job.ready);
        if waits { Some(Timestamp::ZERO) } else { job }
    }

    /// The answer that is there, in the sound of the whole call.
    pub(crate) fn take(&mut self, caller: &[i16]) -> Result<Option<Event>> {
        let done = self.finalizing && self.job.is_none_or(|job| job.interim);
        if done {
            return Ok(Some(self.close()));
        }
        let Some(job) = self.job.take() else { return Ok(None) };
        let text = self.decode(&caller[job.start..job.end])?;
        if let Some(utterance) = &mut self.utterance
            && !job.interim
        {
            utterance.decoded = Some(text.clone());
        }
        if self.finalizing && !job.interim {
            return Ok(Some(self.close()));
        }
        Ok((!text.is_empty()).then_some(Event::Interim(text)))
    }

    fn started(&mut self, heard: usize) {
        let start = heard.saturating_sub(PRE_ROLL).max(self.spoken);
        if self.finalizing {
            self.reopened.get_or_insert(start);
            return;
        }
        self.job = None;
        let utterance = self.utterance.get_or_insert_with(|| Utterance::new(start));
        utterance.paused = false;
        utterance.decoded = None;
    }

    fn paused(&mut self, now: Timestamp, heard: usize) {
        let Some(utterance) = &mut self.utterance else { return };
        self.spoken = heard;
        utterance.paused = true;
        let start = utterance.start;
        if self.whisper.is_some() {
            self.start(now, start, heard.saturating_sub(TRIMMED).max(start), false);
        }
    }

    fn finalize(&mut self, now: Timestamp, heard: usize) {
        self.finalizing = true;
        let Some(utterance) = &self.utterance else { return };
        if !utterance.paused && self.whisper.is_some() {
            self.spoken = heard;
            self.start(now, utterance.start, heard, false);
        }
    }

    fn start(&mut self, now: Timestamp, start: usize, end: usize, interim: bool) {
        let end = end.min(start + LONGEST);
        let seconds = (end - start) as f64 / f64::from(RATE_HZ);
        let cost = DECODE + DECODE_SECOND.mul_f64(seconds);
        let ready = now.max(self.busy_until) + cost;
        self.job = Some(Job { ready, start, end, interim });
    }

    /// The final words of the utterance.
    fn close(&mut self) -> Event {
        self.finalizing = false;
        self.job = None;
        let reopened = self.reopened.take().map(Utterance::new);
        let utterance = std::mem::replace(&mut self.utterance, reopened);
        let text = utterance.and_then(|utterance| utterance.decoded).unwrap_or_default();
        Event::Final { text, finalized: true, until: None }
    }

    fn decode(&self, samples: &[i16]) -> Result<String> {
        let Some(whisper) = &self.whisper else { return Ok(String::new()) };
        Ok(whisper.transcribe(samples, RATE_HZ)?.without_noise().text)
    }
}
