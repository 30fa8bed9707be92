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

/// A clip's speech is at most 35 dB below its loudest 10 ms.
const CLIP_RANGE: f64 = 56.2;

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

/// Where the speech of a clip starts and ends, its silence at both ends left out. The threshold
/// follows the clip: 35 dB under its loudest 10 ms, not under −50 dBFS.
pub(crate) fn speech_in(codes: &[u8]) -> Option<(usize, usize)> {
    let samples = mulaw::decode(codes);
    let loudest = samples.chunks(WINDOW).map(rms).fold(0.0, f64::max);
    let threshold = (loudest / CLIP_RANGE).max(CLIP_FLOOR);
    let mut bounds = None;
    for (index, window) in samples.chunks(WINDOW).enumerate() {
        if let Some((first, last)) = audible(window, threshold) {
            let (start, _) = bounds.unwrap_or((index * WINDOW + first, 0));
            bounds = Some((start, index * WINDOW + last + 1));
        }
    }
    bounds
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
