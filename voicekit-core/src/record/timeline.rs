//! Two tracks of one call, placed by media time.

use std::time::Duration;

use crate::time::MediaTime;

/// What caller and agent said, side by side.
///
/// Positions are samples since the call started, at one rate for both tracks: for the caller those
/// the line stamped on its audio, for the agent those at which its audio was played. What was never
/// placed is silence; what is placed twice holds the later samples.
///
/// # Memory
///
/// A timeline holds at most the span it was made for, four bytes a sample: an hour at 8 kHz takes
/// 115 MB. [`take_until`](Self::take_until) hands out what is settled and moves the span on, so that
/// a recorder that writes as it goes needs no more than the longest reply. Samples outside the span
/// are dropped and counted.
///
/// ```
/// use std::time::Duration;
/// use voicekit_core::record::timeline::Timeline;
///
/// let mut timeline = Timeline::new(8_000, Duration::from_secs(60));
/// timeline.caller(0, &[1, 2]);
/// timeline.agent(1, &[7, 8, 9]);
/// timeline.agent_cut(3);
/// assert_eq!(timeline.interleaved(), [1, 0, 2, 7, 0, 8]);
/// ```
#[derive(Clone)]
pub struct Timeline {
    rate_hz: u32,
    /// The longest span held, in samples.
    capacity: usize,
    /// The position of the first sample held.
    start: u64,
    caller: Vec<i16>,
    agent: Vec<i16>,
    dropped: u64,
}

impl Timeline {
    /// An empty timeline at `rate_hz` samples a second that holds at most `span`.
    pub fn new(rate_hz: u32, span: Duration) -> Self {
        let samples = span.as_micros().saturating_mul(u128::from(rate_hz)) / 1_000_000;
        let capacity = usize::try_from(samples).unwrap_or(usize::MAX);
        Self { rate_hz, capacity, start: 0, caller: vec![], agent: vec![], dropped: 0 }
    }

    /// Samples a second of both tracks.
    pub fn rate_hz(&self) -> u32 {
        self.rate_hz
    }

    /// Places what the caller said, from position `at_sample` on.
    pub fn caller(&mut self, at_sample: u64, samples: &[i16]) {
        self.dropped += place(&mut self.caller, self.start, self.capacity, at_sample, samples);
    }

    /// Places what the agent said, from position `at_sample` on.
    pub fn agent(&mut self, at_sample: u64, samples: &[i16]) {
        self.dropped += place(&mut self.agent, self.start, self.capacity, at_sample, samples);
    }

    /// Takes back what the agent was to say from position `at_sample` on: it was cleared before it
    /// was played.
    pub fn agent_cut(&mut self, at_sample: u64) {
        let keep = usize::try_from(at_sample.saturating_sub(self.start)).unwrap_or(usize::MAX);
        self.agent.truncate(keep);
    }

    /// The position of the first sample held: where [`take_until`](Self::take_until) stopped.
    pub fn start(&self) -> u64 {
        self.start
    }

    /// The position behind the last sample of either track.
    pub fn end(&self) -> u64 {
        self.start + self.frames() as u64
    }

    /// How long the call is so far, with what was taken already.
    pub fn duration(&self) -> Duration {
        MediaTime { samples: self.end(), rate_hz: self.rate_hz }.duration()
    }

    /// How many samples fell outside the span and are lost.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// What is held, as linear stereo: caller left, agent right.
    pub fn interleaved(&self) -> Vec<i16> {
        self.clone().take_until(self.end())
    }

    /// Hands out what lies before position `at_sample` as linear stereo, and forgets it.
    ///
    /// Goes no further than [`end`](Self::end). The next call continues where this one stopped, so
    /// the pieces joined are the recording.
    pub fn take_until(&mut self, at_sample: u64) -> Vec<i16> {
        let mut taken = Vec::new();
        self.settle_until(at_sample.min(self.end()), &mut taken);
        taken
    }

    /// As [`take_until`](Self::take_until), but goes as far as `at_sample` in any case: what lies
    /// behind the end is silence. Appends to `out` and allocates nothing else.
    pub fn settle_until(&mut self, at_sample: u64, out: &mut Vec<i16>) {
        let frames = usize::try_from(at_sample.saturating_sub(self.start)).unwrap_or(usize::MAX);
        let sample = |track: &[i16], at: usize| track.get(at).copied().unwrap_or(0);
        out.extend((0..frames).flat_map(|at| [sample(&self.caller, at), sample(&self.agent, at)]));
        self.caller.drain(..frames.min(self.caller.len()));
        self.agent.drain(..frames.min(self.agent.len()));
        self.start += frames as u64;
    }

    fn frames(&self) -> usize {
        self.caller.len().max(self.agent.len())
    }
}

/// Shows positions only: audio does not belong in logs.
impl std::fmt::Debug for Timeline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Timeline({}..{} at {} Hz)", self.start, self.end(), self.rate_hz)
    }
}

/// Puts samples into a track that begins at `start`; returns how many did not fit.
fn place(track: &mut Vec<i16>, start: u64, capacity: usize, at: u64, samples: &[i16]) -> u64 {
    let late = usize::try_from(start.saturating_sub(at)).unwrap_or(usize::MAX).min(samples.len());
    let kept = &samples[late..];
    let offset = usize::try_from(at.saturating_sub(start)).unwrap_or(usize::MAX).min(capacity);
    let kept = &kept[..kept.len().min(capacity - offset)];
    if !kept.is_empty() {
        let end = offset + kept.len();
        if track.len() < end {
            track.resize(end, 0);
        }
        track[offset..end].copy_from_slice(kept);
    }
    (samples.len() - kept.len()) as u64
}
