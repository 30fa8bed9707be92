//! Pacing: when each piece of a reply goes out to the carrier.
//!
//! A voice makes audio faster than it is heard. [`Playout`] keeps it and lets it out in frames, a
//! little ahead of the caller's ear: far enough ahead to ride out a late wake-up, not so far that
//! an interruption has much to take back. Between the frames it places the marks by which the
//! carrier tells how far it has come.
//!
//! # Driving it
//!
//! After each change and whenever [`poll_timeout`](Playout::poll_timeout) is due, send what
//! [`poll`](Playout::poll) gives until it gives nothing.
//!
//! # Invariants
//!
//! - The lead is never more than [`Pace::lead`] and one frame, and a late wake-up is caught up at
//!   once: it never becomes a lasting delay.
//! - After [`cancel`](Playout::cancel) nothing of the cancelled reply comes out.
//! - Every sample of a reply comes out once and in order; the last frame is filled up with silence.
//! - Marks lie after the first frame, every [`Pace::mark_every`] of audio, and at the end.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::BytesMut;

use crate::audio::{AudioChunk, AudioFormat};
use crate::error::{Error, ErrorKind, Result};
use crate::time::{MediaTime, Timestamp};
use crate::transport::{Mark, TransportCommand};

/// How audio is paced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pace {
    /// How far ahead of the caller's ear audio is sent. Default: 200 ms; less cannot ride out
    /// the stalls of a busy machine, more delays the silence after an interruption on carriers
    /// that are slow to clear.
    pub lead: Duration,
    /// The length of one frame. Default: 20 ms, what carriers themselves send.
    pub frame: Duration,
    /// The audio between two marks. Default: 500 ms, about two words.
    pub mark_every: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            lead: Duration::from_millis(200),
            frame: Duration::from_millis(20),
            mark_every: Duration::from_millis(500),
        }
    }
}

/// How much of the audio that was sent is kept, in case it is to be heard again: more than any
/// carrier has ahead of the caller's ear.
pub const KEPT: Duration = Duration::from_secs(5);

/// The audio of the live reply on its way to the carrier.
#[derive(Debug)]
pub struct Playout {
    format: AudioFormat,
    pace: Pace,
    reply: u64,
    queue: VecDeque<AudioChunk>,
    queued: usize,
    /// Samples of this reply that were sent, and the last of their audio.
    sent: u64,
    kept: VecDeque<AudioChunk>,
    marked: u64,
    owed: Option<Mark>,
    state: Flow,
    held: bool,
    /// When all that was sent will have been played.
    plays_until: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    /// No reply is live.
    Idle,
    /// More audio may come.
    Open,
    /// All audio is there.
    Finished,
}

impl Playout {
    /// A playout of audio in `format`.
    pub fn new(format: AudioFormat, pace: Pace) -> Self {
        Self {
            format,
            pace,
            reply: 0,
            queue: VecDeque::new(),
            queued: 0,
            sent: 0,
            kept: VecDeque::new(),
            marked: 0,
            owed: None,
            state: Flow::Idle,
            held: false,
            plays_until: Timestamp::ZERO,
        }
    }

    /// Starts the reply with this number; what was left of another is dropped.
    pub fn begin(&mut self, reply: u64) {
        self.drop_reply();
        self.reply = reply;
        self.state = Flow::Open;
    }

    /// Adds audio to the live reply; without one, it is dropped.
    ///
    /// # Errors
    ///
    /// `Protocol` if the audio is in another format than the line's.
    pub fn push(&mut self, chunk: AudioChunk) -> Result<()> {
        if chunk.format() != self.format {
            let message = format!("audio is {}, the line is {}", chunk.format(), self.format);
            return Err(Error::new(ErrorKind::Protocol, "playout", message));
        }
        if self.state == Flow::Open && !chunk.is_empty() {
            self.queued += chunk.samples();
            self.queue.push_back(chunk);
        }
        Ok(())
    }

    /// Notes that the live reply has no more audio to come.
    pub fn finish(&mut self) {
        if self.state == Flow::Open {
            self.state = Flow::Finished;
        }
    }

    /// Forgets the live reply. The caller clears the line as well.
    pub fn cancel(&mut self) {
        self.drop_reply();
        self.plays_until = Timestamp::ZERO;
    }

    /// Keeps everything back until [`release`](Self::release), and then goes on from `from` into
    /// the reply: what was sent after it is sent again. The caller clears the line as well.
    ///
    /// Audio that was sent more than [`KEPT`] ago is gone; it then goes on as far back as it can.
    pub fn hold(&mut self, from: Duration) {
        self.held = true;
        let from = self.format.bytes_in(from) / self.format.encoding.bytes_per_sample();
        while self.sent > from as u64 {
            let Some(mut chunk) = self.kept.pop_back() else { break };
            let start = self.sent - chunk.samples() as u64;
            let before = (from as u64).saturating_sub(start);
            let before = chunk.split_to(usize::try_from(before).unwrap_or(usize::MAX));
            self.sent -= chunk.samples() as u64;
            self.queued += chunk.samples();
            self.queue.push_front(chunk);
            if !before.is_empty() {
                self.kept.push_back(before);
            }
        }
        self.marked = self.sent;
        self.owed = None;
        self.plays_until = Timestamp::ZERO;
    }

    /// Lets the audio go again.
    pub fn release(&mut self) {
        self.held = false;
    }

    /// Notes that nothing was sent for longer than the lead: all that was sent has been played, and
    /// the lead is built up again.
    pub fn ran_dry(&mut self, now: Timestamp) {
        self.plays_until = self.plays_until.min(now);
    }

    /// Audio that waits to be sent.
    pub fn buffered(&self) -> Duration {
        MediaTime { samples: self.queued as u64, rate_hz: self.format.rate_hz }.duration()
    }

    /// When everything that was sent will have been played, by the clock.
    pub fn plays_until(&self) -> Timestamp {
        self.plays_until
    }

    /// When [`poll`](Self::poll) will have something, if nothing else changes.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        if self.owed.is_some() {
            return Some(Timestamp::ZERO);
        }
        self.frame_ready().then(|| self.plays_until - self.pace.lead)
    }

    /// The next command for the carrier that is due at `now`.
    pub fn poll(&mut self, now: Timestamp) -> Option<TransportCommand> {
        if let Some(mark) = self.owed.take() {
            return Some(TransportCommand::Mark(mark));
        }
        if !self.frame_ready() || self.plays_until - self.pace.lead > now {
            return None;
        }
        let frame = self.take_frame();
        self.plays_until = self.plays_until.max(now) + frame.duration();
        Some(TransportCommand::Audio(frame))
    }

    fn frame_samples(&self) -> usize {
        self.format.bytes_in(self.pace.frame) / self.format.encoding.bytes_per_sample()
    }

    fn frame_ready(&self) -> bool {
        let enough = match self.state {
            Flow::Idle => false,
            Flow::Open => self.queued >= self.frame_samples(),
            Flow::Finished => self.queued > 0,
        };
        enough && !self.held
    }

    fn take_frame(&mut self) -> AudioChunk {
        let wanted = self.frame_samples();
        let taken = wanted.min(self.queued);
        let frame = self.take(taken, wanted);
        self.keep(frame.clone().split_to(taken));
        self.queued -= taken;
        let first = self.sent == 0;
        self.sent += taken as u64;
        self.place_mark(first);
        frame
    }

    fn keep(&mut self, sent: AudioChunk) {
        self.kept.push_back(sent);
        let most = KEPT.as_micros() / self.pace.frame.as_micros().max(1);
        if self.kept.len() as u128 > most {
            self.kept.pop_front();
        }
    }

    /// Takes `taken` samples off the queue and fills up to `wanted` with silence.
    fn take(&mut self, taken: usize, wanted: usize) -> AudioChunk {
        let size = self.format.encoding.bytes_per_sample();
        let mut bytes = BytesMut::new();
        while let Some(mut chunk) = self.queue.pop_front() {
            let piece = chunk.split_to(taken - bytes.len() / size);
            if !chunk.is_empty() {
                self.queue.push_front(chunk);
            }
            if piece.samples() == wanted {
                return piece;
            }
            bytes.extend_from_slice(piece.bytes());
            if bytes.len() == taken * size {
                break;
            }
        }
        bytes.resize(wanted * size, self.format.encoding.silence());
        self.chunk(bytes)
    }

    #[expect(clippy::expect_used, reason = "the bytes are whole samples")]
    fn chunk(&self, bytes: BytesMut) -> AudioChunk {
        AudioChunk::new(self.format, bytes.freeze()).expect("the bytes are whole samples")
    }

    fn place_mark(&mut self, first: bool) {
        let at = |samples| MediaTime { samples, rate_hz: self.format.rate_hz }.duration();
        let last = self.state == Flow::Finished && self.queued == 0;
        let due = at(self.sent) - at(self.marked) >= self.pace.mark_every;
        if first || last || due {
            self.marked = self.sent;
            let position_us = u64::try_from(at(self.sent).as_micros()).unwrap_or(u64::MAX);
            self.owed = Some(Mark { reply: self.reply, position_us });
        }
    }

    fn drop_reply(&mut self) {
        self.queue.clear();
        self.queued = 0;
        self.sent = 0;
        self.kept.clear();
        self.marked = 0;
        self.owed = None;
        self.state = Flow::Idle;
        self.held = false;
    }
}
