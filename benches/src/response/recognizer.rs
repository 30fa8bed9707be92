//! A recognizer that knows what is said and hears when.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use tokio::time::{Instant, sleep_until};
use voicekit_core::asr::{Asr, AsrEvent, AsrInfo, AsrInput, AsrRequest, Transcript};
use voicekit_core::audio::{AudioChunk, AudioFormat};
use voicekit_core::codec::mulaw;
use voicekit_core::dsp::level::rms_dbfs;
use voicekit_core::error::Result;
use voicekit_testkit::speech::Recording;

use super::Delays;

/// A frame is speech if it is at most so far below the loudest of its clip: the recordings are
/// clean.
const BELOW_LOUDEST_DB: f32 = 30.0;
/// How much two countings of a clip's frames may differ.
const FRAMES_APART: Duration = Duration::from_millis(60);
/// Interim transcripts come in this rhythm.
const TICK: Duration = Duration::from_millis(100);

/// What a clip says, and how long its sound is.
#[derive(Debug)]
struct Clip {
    words: Vec<String>,
    length: Duration,
    /// A louder frame is speech.
    threshold: f32,
}

/// A streaming recognizer as cloud providers offer it: interim transcripts while the caller speaks,
/// and a final one some time after silence, whether or not it was asked for. It hears speech by its
/// level, and takes the words from the clips, evenly spaced.
#[derive(Clone, Debug)]
pub(super) struct Recognizer {
    clips: Arc<[Clip]>,
    delays: Delays,
}

impl Recognizer {
    /// Hears `clips` in this order.
    pub(super) fn new(clips: &[Recording], delays: Delays) -> Self {
        let clip = |recording: &Recording| {
            let samples = recording.over_the_phone();
            let levels: Vec<f32> = samples.chunks(160).map(rms_dbfs).collect();
            let loudest = levels.iter().copied().fold(f32::MIN, f32::max);
            let threshold = loudest - BELOW_LOUDEST_DB;
            let frames = levels.iter().filter(|level| **level > threshold).count();
            let words = recording.text.split_whitespace().map(str::to_owned).collect();
            let length = Duration::from_millis(20) * u32::try_from(frames).unwrap_or(0);
            Clip { words, length, threshold }
        };
        Self { clips: clips.iter().map(clip).collect(), delays }
    }
}

#[async_trait]
impl Asr for Recognizer {
    fn info(&self) -> AsrInfo {
        AsrInfo::new("recognizer", vec![AudioFormat::PHONE])
            .with_final_latency(self.delays.transcript)
    }

    async fn recognize(
        &self,
        _: AsrRequest,
        input: BoxStream<'static, AsrInput>,
    ) -> Result<BoxStream<'static, Result<AsrEvent>>> {
        let ear = Ear {
            recognizer: self.clone(),
            input: input.boxed(),
            clip: 0,
            voiced: Duration::ZERO,
            given: 0,
            shown: 0,
            quiet_since: None,
            tick: Instant::now(),
            ready: None,
        };
        let events = stream::unfold(ear, |mut ear| async {
            let event = ear.next().await?;
            Some((Ok(event), ear))
        });
        Ok(events.boxed())
    }
}

struct Ear {
    recognizer: Recognizer,
    input: BoxStream<'static, AsrInput>,
    /// The clip that is being said.
    clip: usize,
    /// How much of it has been heard.
    voiced: Duration,
    /// How many of its words are in final transcripts, and in the latest interim one.
    given: usize,
    shown: usize,
    /// When the latest sound ended, if it is not settled.
    quiet_since: Option<Instant>,
    tick: Instant,
    /// A final transcript on its way.
    ready: Option<Instant>,
}

impl Ear {
    async fn next(&mut self) -> Option<AsrEvent> {
        loop {
            let now = Instant::now();
            if self.ready.is_some_and(|ready| ready <= now) {
                return Some(self.settle());
            }
            if self.tick <= now {
                self.tick = now + TICK;
                if let Some(event) = self.interim(now) {
                    return Some(event);
                }
            }
            let wake = self.ready.map_or(self.tick, |ready| ready.min(self.tick));
            tokio::select! {
                biased;
                // Beside sound there are only hints: it goes by its own endpointing.
                input = self.input.next() => if let AsrInput::Audio(chunk) = input? {
                    self.hear(&chunk);
                },
                () = sleep_until(wake) => {}
            }
        }
    }

    fn hear(&mut self, chunk: &AudioChunk) {
        let now = Instant::now();
        let samples: Vec<i16> = chunk.bytes().iter().map(|&b| mulaw::decode_sample(b)).collect();
        let delays = self.recognizer.delays;
        let clip = self.recognizer.clips.get(self.clip);
        if clip.is_some_and(|clip| rms_dbfs(&samples) > clip.threshold) {
            self.voiced += chunk.duration();
            self.quiet_since = Some(now);
            self.ready = None;
        } else if let Some(since) = self.quiet_since
            && self.ready.is_none()
            && now - since >= delays.endpointing
        {
            self.ready = Some(since + delays.endpointing + delays.transcript);
        }
    }

    /// How many words of the clip have been said and understood.
    fn understood(&self, now: Instant) -> usize {
        let Some(clip) = self.recognizer.clips.get(self.clip) else { return 0 };
        let lag = match self.quiet_since {
            Some(since) => self.recognizer.delays.interim.saturating_sub(now - since),
            None => Duration::ZERO,
        };
        // The line's frames are not those by which the clip was measured.
        let heard = (self.voiced.saturating_sub(lag) + FRAMES_APART).as_millis();
        let words = heard * clip.words.len() as u128 / clip.length.as_millis().max(1);
        usize::try_from(words).map_or(clip.words.len(), |words| words.min(clip.words.len()))
    }

    fn interim(&mut self, now: Instant) -> Option<AsrEvent> {
        self.quiet_since?;
        let understood = self.understood(now);
        if understood <= self.shown.max(self.given) {
            return None;
        }
        self.shown = understood;
        Some(AsrEvent::Interim(Transcript::new(self.text(understood))))
    }

    fn text(&self, until: usize) -> String {
        let words = self.recognizer.clips.get(self.clip).map(|clip| &clip.words[..]);
        words.unwrap_or_default()[self.given..until].join(" ")
    }

    fn settle(&mut self) -> AsrEvent {
        self.ready = None;
        self.quiet_since = None;
        let clip = self.recognizer.clips.get(self.clip);
        let until = self.understood(Instant::now());
        let mut text = self.text(until);
        let is_whole = clip.is_some_and(|clip| until >= clip.words.len());
        if is_whole && text.ends_with(char::is_alphanumeric) {
            // Recognizers that punctuate close a sentence that is whole.
            text.push('.');
        }
        self.given = until;
        self.shown = until;
        if is_whole {
            self.clip += 1;
            (self.voiced, self.given, self.shown) = (Duration::ZERO, 0, 0);
        }
        AsrEvent::Final(Transcript::new(text))
    }
}
