//! What can be heard: stretches of sound, told from silence by their level.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use voicekit_core::time::Timestamp;

use super::units::time_of;
use crate::mulaw;

/// Level is measured over windows of 10 ms.
const WINDOW: usize = 80;

/// −45 dBFS: under any speech on a telephone, above the noise of its codecs.
const AUDIBLE: f64 = 184.0;

/// −50 dBFS: the quietest a clip's speech may be.
const CLIP_FLOOR: f64 = 104.0;

/// A clip's speech is at most 35 dB below its loudest 10 ms: the range of speech on a telephone.
const CLIP_RANGE: f64 = 56.2;

/// In a noisy clip, speech is 10 dB above the noise, which the quietest tenth of it is made of,
const ABOVE_NOISE: f64 = 3.16;

/// but 18 dB under the loudest 10 ms it is speech, however little of the clip is silent.
const SURELY_SPEECH: f64 = 7.9;

/// What lasts less than 30 ms is a click.
const CLICK: usize = 3;

/// Pauses up to this long lie inside an utterance: 300 ms.
const PAUSE: usize = 2_400;

/// A stretch of sound without a pause of more than 300 ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Utterance {
    /// Its first audible sample.
    pub start: Timestamp,
    /// The end of its last audible sample.
    pub end: Timestamp,
}

impl Utterance {
    pub(crate) fn between(start: usize, end: usize) -> Self {
        Self { start: time_of(start), end: time_of(end) }
    }

    /// How long it lasts.
    pub fn length(self) -> Duration {
        self.end.since(self.start)
    }
}

/// Cuts a track of mu-law audio into utterances while it is played.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ear {
    utterances: Vec<Utterance>,
    heard: usize,
    open: Option<(usize, usize)>,
}

impl Ear {
    /// Listens to `track` from where it stopped up to sample `to`; a track that is shorter goes
    /// on in silence.
    pub(crate) fn listen(&mut self, track: &[u8], to: usize) {
        while self.heard + WINDOW <= to {
            self.window(track, self.heard + WINDOW);
        }
    }

    /// Listens up to sample `to` exactly, then ends the utterance if there is one.
    pub(crate) fn cut(&mut self, track: &[u8], to: usize) {
        self.listen(track, to);
        if self.heard < to {
            self.window(track, to);
        }
        self.close();
    }

    /// The utterances so far; the last one may still be going on.
    pub(crate) fn utterances(&self) -> Vec<Utterance> {
        let open = self.open.map(|(start, end)| Utterance::between(start, end));
        self.utterances.iter().copied().chain(open).collect()
    }

    /// The last utterance, whether it has ended or not.
    pub(crate) fn last(&self) -> Option<Utterance> {
        let open = self.open.map(|(start, end)| Utterance::between(start, end));
        open.or_else(|| self.utterances.last().copied())
    }

    fn window(&mut self, track: &[u8], to: usize) {
        let from = std::mem::replace(&mut self.heard, to);
        let samples = mulaw::decode(track.get(from..to.min(track.len())).unwrap_or_default());
        if let Some((first, last)) = audible(&samples, AUDIBLE) {
            let start = self.open.map_or(from + first, |(start, _)| start);
            self.open = Some((start, from + last + 1));
        } else if self.open.is_some_and(|(_, end)| to - end > PAUSE) {
            self.close();
        }
    }

    fn close(&mut self) {
        self.utterances.extend(self.open.take().map(|(start, end)| Utterance::between(start, end)));
    }
}

/// Where the speech of a clip starts and ends, silence and noise at both ends left out.
pub(crate) fn speech_in(codes: &[u8]) -> Option<(usize, usize)> {
    let samples = mulaw::decode(codes);
    let threshold = clip_threshold(&samples)?;
    let windows: Vec<&[i16]> = samples.chunks(WINDOW).collect();
    let speech = |run: &[&[i16]]| run.iter().all(|window| rms(window) >= threshold);
    let first = windows.windows(CLICK).position(speech)?;
    let last = windows.windows(CLICK).rposition(speech)? + CLICK - 1;
    let (onset, _) = audible(windows[first], threshold)?;
    let (_, end) = audible(windows[last], threshold)?;
    Some((first * WINDOW + onset, last * WINDOW + end + 1))
}

/// The level from which on a clip's sound is speech.
fn clip_threshold(samples: &[i16]) -> Option<f64> {
    let mut levels: Vec<f64> = samples.chunks(WINDOW).map(rms).collect();
    levels.sort_by(f64::total_cmp);
    let (loudest, noise) = (*levels.last()?, *levels.get(levels.len() / 10)?);
    let above_noise = (noise * ABOVE_NOISE).min(loudest / SURELY_SPEECH);
    Some((loudest / CLIP_RANGE).max(above_noise).max(CLIP_FLOOR))
}

/// The first and last sample above `threshold`, if the whole is louder than it.
fn audible(samples: &[i16], threshold: f64) -> Option<(usize, usize)> {
    if rms(samples) < threshold {
        return None;
    }
    let loud = |sample: &i16| f64::from(*sample).abs() >= threshold;
    Some((samples.iter().position(loud)?, samples.iter().rposition(loud)?))
}

fn rms(samples: &[i16]) -> f64 {
    if samples.is_empty() {
        return 0.0;
    }
    let energy: f64 = samples.iter().map(|&sample| f64::from(sample).powi(2)).sum();
    #[expect(clippy::cast_precision_loss, reason = "windows are short")]
    let count = samples.len() as f64;
    (energy / count).sqrt()
}
