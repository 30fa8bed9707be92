//! A recording that is written while the call goes on.

use std::time::Duration;

use crate::audio::{AudioChunk, AudioFormat, Encoding};
use crate::listen::AudioEvent;
use crate::time::MediaTime;

use super::timeline::Timeline;
use super::wav::{Patch, WavError, WavWriter};

/// How far behind the caller's sound a position is settled. The agent's is heard later than what
/// the caller is heard saying, but for how far the clocks of the line are misjudged: tens of
/// milliseconds.
const SETTLED: Duration = Duration::from_millis(500);

/// How much is written at once.
const PIECE: Duration = Duration::from_millis(500);

/// How much is held at most: the agent's sound is ahead of the caller's ear by parts of a second.
/// A line on which the caller is never heard is settled so far behind the agent's.
const SPAN: Duration = Duration::from_secs(30);

/// The longest silence that is believed. What lies further ahead is not recorded: a line that
/// stamps nonsense must not fill the disk.
const LONGEST_GAP: Duration = Duration::from_secs(3_600);

/// Turns what a [listener](crate::listen) hears into the bytes of a WAV file: caller left, agent
/// right, side by side as the caller heard them, silence where nothing was heard.
///
/// # Driving it
///
/// 1. Write the [`header`](Self::header).
/// 2. [`handle`](Self::handle) an event, then write what [`poll`](Self::poll) gives until it gives
///    nothing. Repeat until the stream ends.
/// 3. [`finish`](Self::finish), write what [`poll`](Self::poll) gives, then write the
///    [`patches`](Self::patches) over the header.
///
/// # Invariants
///
/// - The file is valid after each byte: a header without patches says that the audio goes on to the
///   end of the file.
/// - What is written is never taken back: it is settled first, half a second behind the call.
/// - At most half a minute of sound is held, and half a second given out at once.
/// - A position in the file is the position in the call: what is missed is silence, and
///   [counted](Self::lacks).
///
/// ```
/// use voicekit_core::audio::{AudioChunk, AudioFormat};
/// use voicekit_core::listen::AudioEvent;
/// use voicekit_core::record::{recording::Recording, wav::Wav};
/// use voicekit_core::time::{MediaTime, Timestamp};
///
/// let at = |samples| MediaTime { samples, rate_hz: 8_000 };
/// let mut recording = Recording::new(AudioFormat::pcm16(8_000), None)?;
/// let mut file = recording.header();
/// let heard = AudioChunk::from_pcm(8_000, &[1, 2, 3]);
/// recording.handle(AudioEvent::caller(at(0), Timestamp::ZERO, heard));
/// recording.handle(AudioEvent::agent(at(1), AudioChunk::from_pcm(8_000, &[7, 8, 9])));
/// recording.handle(AudioEvent::ended(at(3)));
/// recording.finish();
/// while recording.poll(&mut file) {}
/// recording.patches().iter().for_each(|patch| patch.apply(&mut file));
/// assert_eq!(Wav::parse(&file)?.samples(), [1, 0, 2, 7, 3, 8]);
/// # Ok::<(), voicekit_core::record::wav::WavError>(())
/// ```
#[derive(Debug)]
pub struct Recording {
    line: AudioFormat,
    timeline: Timeline,
    wav: WavWriter,
    caller_end: u64,
    agent_end: u64,
    /// What does not fit into the span yet.
    waiting: Option<(Side, u64, AudioChunk)>,
    /// How long the call was.
    length: u64,
    is_finished: bool,
    lacks: Lacks,
    samples: Vec<i16>,
}

#[derive(Clone, Copy, Debug)]
enum Side {
    Caller,
    Agent,
}

/// What a recording lacks: it has silence in its place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lacks {
    /// Samples of the caller's.
    pub caller: u64,
    /// Samples of the agent's.
    pub agent: u64,
}

impl Lacks {
    /// Whether nothing is missing.
    pub fn is_nothing(self) -> bool {
        self == Self::default()
    }
}

impl Recording {
    /// The recording of a line in format `line`, written in `encoding` or else in the line's own,
    /// which loses nothing.
    ///
    /// # Errors
    ///
    /// [`WavError::NoRate`] for a line with a rate of 0.
    pub fn new(line: AudioFormat, encoding: Option<Encoding>) -> Result<Self, WavError> {
        let format = AudioFormat::new(encoding.unwrap_or(line.encoding), line.rate_hz);
        Ok(Self {
            line,
            timeline: Timeline::new(line.rate_hz, SPAN),
            wav: WavWriter::new(format, 2)?,
            caller_end: 0,
            agent_end: 0,
            waiting: None,
            length: 0,
            is_finished: false,
            lacks: Lacks::default(),
            samples: Vec::new(),
        })
    }

    /// What the file begins with.
    pub fn header(&self) -> Vec<u8> {
        self.wav.header()
    }

    /// Takes in what a listener was given. What was given before must have been polled for.
    pub fn handle(&mut self, event: AudioEvent) {
        match event {
            AudioEvent::Caller { at, chunk, .. } => self.hear(Side::Caller, at, chunk),
            AudioEvent::Agent { at, chunk } => self.hear(Side::Agent, at, chunk),
            AudioEvent::Cut { at } => self.cut(at),
            AudioEvent::Missed(missed) => {
                self.lack(Side::Caller, missed.caller);
                self.lack(Side::Agent, missed.agent);
            }
            AudioEvent::Ended { at } => {
                self.cut(at);
                if self.is_believed(at.samples) {
                    self.length = at.samples;
                }
            }
        }
    }

    /// Appends the next settled piece to `bytes`; `false` if there is none.
    pub fn poll(&mut self, bytes: &mut Vec<u8>) -> bool {
        self.place();
        let start = self.timeline.start();
        let piece = start + self.samples_in(PIECE);
        let settled = self.settled();
        let is_due = settled >= piece || self.waiting.is_some() || self.is_finished;
        if !is_due || settled <= start {
            return false;
        }
        self.samples.clear();
        self.timeline.settle_until(settled.min(piece), &mut self.samples);
        self.wav.encode(&self.samples, bytes);
        true
    }

    /// Notes that nothing follows: all that is held is settled.
    pub fn finish(&mut self) {
        self.is_finished = true;
    }

    /// What to write over the header to make it tell how much audio there is so far.
    pub fn patches(&self) -> Vec<Patch> {
        self.wav.patches()
    }

    /// What is missing so far.
    pub fn lacks(&self) -> Lacks {
        self.lacks
    }

    /// How much has been given out to be written.
    pub fn duration(&self) -> Duration {
        self.at(self.wav.frames()).duration()
    }

    fn hear(&mut self, side: Side, at: MediaTime, chunk: AudioChunk) {
        if let Some((side, _, chunk)) = self.waiting.take() {
            self.lack(side, chunk.samples() as u64);
        }
        if chunk.format() != self.line || !self.is_believed(at.samples) {
            return self.lack(side, chunk.samples() as u64);
        }
        self.waiting = Some((side, at.samples, chunk));
        self.place();
    }

    /// Places what waits, if it fits into the span.
    fn place(&mut self) {
        let room = self.timeline.start() + self.samples_in(SPAN);
        let Some((side, at, chunk)) =
            self.waiting.take_if(|(_, at, chunk)| *at + chunk.samples() as u64 <= room)
        else {
            return;
        };
        let end = at + chunk.samples() as u64;
        let late = self.timeline.start().saturating_sub(at).min(chunk.samples() as u64);
        self.lack(side, late);
        self.samples.clear();
        chunk.decode_into(&mut self.samples);
        match side {
            Side::Caller => {
                self.caller_end = self.caller_end.max(end);
                self.timeline.caller(at, &self.samples);
            }
            Side::Agent => {
                self.agent_end = self.agent_end.max(end);
                self.timeline.agent(at, &self.samples);
            }
        }
    }

    fn cut(&mut self, at: MediaTime) {
        self.agent_end = self.agent_end.min(at.samples);
        self.timeline.agent_cut(at.samples);
    }

    fn lack(&mut self, side: Side, samples: u64) {
        match side {
            Side::Caller => self.lacks.caller += samples,
            Side::Agent => self.lacks.agent += samples,
        }
    }

    /// Where nothing changes any more.
    fn settled(&self) -> u64 {
        if self.is_finished && self.waiting.is_none() {
            return self.timeline.end().max(self.length);
        }
        let caller = self.caller_end.saturating_sub(self.samples_in(SETTLED));
        let agent = self.agent_end.saturating_sub(self.samples_in(SPAN) / 2);
        let waiting = self.waiting.as_ref().map_or(0, |(_, at, chunk)| {
            (at + chunk.samples() as u64).saturating_sub(self.samples_in(SPAN))
        });
        caller.max(agent).max(waiting)
    }

    fn is_believed(&self, at: u64) -> bool {
        at.saturating_sub(self.timeline.end()) <= self.samples_in(LONGEST_GAP)
    }

    fn samples_in(&self, duration: Duration) -> u64 {
        let samples = duration.as_micros() * u128::from(self.line.rate_hz) / 1_000_000;
        u64::try_from(samples).unwrap_or(u64::MAX)
    }

    fn at(&self, samples: u64) -> MediaTime {
        MediaTime { samples, rate_hz: self.line.rate_hz }
    }
}
