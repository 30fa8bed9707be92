//! What is to be sent and what may have to be sent again.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use voicekit_core::audio::{AudioChunk, AudioFormat};
use voicekit_core::time::MediaTime;

use super::config::Chunking;
use super::positions::Positions;
use crate::codec::{Item, Outbox};
use crate::websocket::Frame;

/// In order: what was sent and is kept, then what was not sent yet.
#[derive(Debug)]
pub(crate) struct Log {
    chunking: Chunking,
    format: Option<AudioFormat>,
    entries: VecDeque<Entry>,
    /// How many entries at the front have been sent.
    sent: usize,
    /// Samples of the input that have been pushed.
    heard: u64,
    /// Samples of the input in `entries`: sent, and not sent.
    kept: u64,
    waiting: u64,
    /// No audio follows.
    closed: bool,
}

#[derive(Debug)]
enum Entry {
    Audio {
        start: u64,
        bytes: Bytes,
    },
    Filler(Bytes),
    Frame {
        frame: Frame,
        /// It will be answered, and is kept until then.
        owed: bool,
        /// It belongs to this connection, and is made anew for the next.
        once: bool,
    },
}

/// The next thing for the connection.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    Audio(Bytes),
    Frame(Frame),
    Owed(Frame),
}

/// Audio in another format than the audio before it.
#[derive(Debug)]
pub(crate) struct OtherFormat;

impl Log {
    pub(crate) fn new(chunking: Chunking) -> Self {
        Self {
            chunking,
            format: None,
            entries: VecDeque::new(),
            sent: 0,
            heard: 0,
            kept: 0,
            waiting: 0,
            closed: false,
        }
    }

    pub(crate) fn push(&mut self, item: Item) -> Result<(), OtherFormat> {
        let once = self.closed;
        match item {
            Item::Audio(chunk) => return self.push_audio(chunk),
            Item::Silence(chunk) => {
                self.take_format(&chunk)?;
                self.entries.push_back(Entry::Filler(chunk.bytes().clone()));
            }
            Item::Frame(frame) => self.entries.push_back(Entry::Frame { frame, owed: false, once }),
            Item::Owed(frame) => self.entries.push_back(Entry::Frame { frame, owed: true, once }),
        }
        Ok(())
    }

    /// A connection is open: its first frames go before everything that waits.
    pub(crate) fn open(&mut self, outbox: Outbox) {
        let frames = outbox.items.into_iter().filter_map(|item| match item {
            Item::Frame(frame) => Some(Entry::Frame { frame, owed: false, once: true }),
            Item::Owed(frame) => Some(Entry::Frame { frame, owed: true, once: true }),
            Item::Audio(_) | Item::Silence(_) => None,
        });
        for (index, entry) in (self.sent..).zip(frames) {
            self.entries.insert(index, entry);
        }
    }

    /// No audio follows: what waits is sent even if it is short.
    pub(crate) fn close(&mut self) {
        self.closed = true;
    }

    /// The connection is gone: everything that is kept is to be sent again.
    pub(crate) fn rewind(&mut self, positions: &mut Positions) {
        self.sent = 0;
        self.closed = false;
        self.entries.retain(|entry| match entry {
            Entry::Audio { .. } => true,
            Entry::Filler(_) => false,
            Entry::Frame { once, .. } => !once,
        });
        (self.kept, self.waiting) = (0, self.kept + self.waiting);
        positions.restart();
    }

    /// What can be sent. `positions` learns of it.
    pub(crate) fn next(&mut self, positions: &mut Positions) -> Option<Next> {
        let Entry::Frame { frame, owed, .. } = self.entries.get(self.sent)? else {
            return self.next_audio(positions.at(self.rate_hz())).map(Next::Audio);
        };
        let frame = frame.clone();
        if *owed {
            self.sent += 1;
            return Some(Next::Owed(frame));
        }
        self.entries.remove(self.sent);
        Some(Next::Frame(frame))
    }

    /// Whether what can be sent next is audio.
    pub(crate) fn is_audio_next(&self) -> bool {
        self.entries.get(self.sent).is_some_and(|entry| entry.audio().is_some())
    }

    /// The first `count` owed answers have come.
    pub(crate) fn answered(&mut self, count: usize) {
        for _ in 0..count {
            let mut sent = self.entries.iter().take(self.sent);
            let Some(index) = sent.position(Entry::is_owed) else { return };
            self.entries.remove(index);
            self.sent -= 1;
        }
    }

    /// How many answers are owed to what was sent.
    pub(crate) fn owed(&self) -> usize {
        self.entries.iter().take(self.sent).filter(|entry| entry.is_owed()).count()
    }

    /// The input is understood up to this sample.
    pub(crate) fn final_until(&mut self, sample: u64) {
        let size = self.sample_bytes();
        let mut index = 0;
        while index < self.sent {
            let Some(Entry::Audio { start, bytes }) = self.entries.get_mut(index) else {
                index += 1;
                continue;
            };
            let length = (bytes.len() / size) as u64;
            let done = sample.saturating_sub(*start).min(length);
            if done == 0 {
                return;
            }
            self.kept -= done;
            if done == length {
                self.entries.remove(index);
                self.sent -= 1;
                continue;
            }
            let _ = bytes.split_to(usize::try_from(done).unwrap_or(usize::MAX) * size);
            *start += done;
            return;
        }
    }

    /// How much audio waits to be sent.
    pub(crate) fn waiting(&self) -> Duration {
        self.duration(self.waiting)
    }

    /// How many frames wait to be sent.
    pub(crate) fn waiting_frames(&self) -> usize {
        let waiting = self.entries.iter().skip(self.sent);
        waiting.filter(|entry| entry.audio().is_none()).count()
    }

    /// How many bytes these frames have.
    pub(crate) fn waiting_frame_bytes(&self) -> usize {
        let bytes = self.entries.iter().skip(self.sent).map(|entry| match entry {
            Entry::Frame { frame: Frame::Text(text), .. } => text.len(),
            Entry::Frame { frame: Frame::Binary(bytes), .. } => bytes.len(),
            Entry::Audio { .. } | Entry::Filler(_) => 0,
        });
        bytes.sum()
    }

    /// Whether all that was pushed has been sent.
    pub(crate) fn is_drained(&self) -> bool {
        self.sent == self.entries.len()
    }

    /// Forgets the oldest audio that was sent, down to `most` in all.
    pub(crate) fn forget_sent(&mut self, most: Duration) {
        let most = self.samples(most);
        let excess = (self.kept + self.waiting).saturating_sub(most).min(self.kept);
        self.cut(0, excess);
        self.kept -= excess;
    }

    /// Drops the oldest audio that waits, down to `most`. Gives what was dropped.
    pub(crate) fn drop_waiting(&mut self, most: Duration) -> Duration {
        let excess = self.waiting.saturating_sub(self.samples(most));
        self.cut(self.sent, excess);
        self.waiting -= excess;
        self.duration(excess)
    }

    fn push_audio(&mut self, chunk: AudioChunk) -> Result<(), OtherFormat> {
        self.take_format(&chunk)?;
        if chunk.is_empty() {
            return Ok(());
        }
        let (start, samples) = (self.heard, chunk.samples() as u64);
        self.heard += samples;
        self.waiting += samples;
        self.entries.push_back(Entry::Audio { start, bytes: chunk.bytes().clone() });
        Ok(())
    }

    fn take_format(&mut self, chunk: &AudioChunk) -> Result<(), OtherFormat> {
        let format = *self.format.get_or_insert_with(|| chunk.format());
        if format == chunk.format() { Ok(()) } else { Err(OtherFormat) }
    }

    /// A piece of audio between the least and the most that the service takes, or what is left
    /// before a frame or the end.
    fn next_audio(&mut self, positions: &mut Positions) -> Option<Bytes> {
        let format = self.format?;
        let (least, most) = self.bounds(format);
        let run = self.entries.iter().skip(self.sent).map_while(Entry::audio);
        let ready: usize = run.clone().map(Bytes::len).sum();
        let is_last = self.closed || run.count() + self.sent < self.entries.len();
        if ready < least && !is_last {
            return None;
        }
        let mut size = ready.min(most);
        let rest = ready - size;
        if is_last && rest > 0 && rest < least {
            size = size.min((ready - least).max(least));
        }
        let piece = self.take(size, positions);
        if piece.len() >= least || !self.chunking.pad {
            return Some(piece);
        }
        let mut padded = BytesMut::from(piece);
        let missing = least - padded.len();
        padded.resize(least, format.encoding.silence());
        positions.filled((missing / format.encoding.bytes_per_sample()) as u64);
        Some(padded.freeze())
    }

    /// The least and the most bytes of one piece. No bound at all means piece by piece.
    fn bounds(&self, format: AudioFormat) -> (usize, usize) {
        let one = format.encoding.bytes_per_sample();
        let least = self.chunking.least;
        // Rounded up to whole samples: less than the least is refused.
        let mut bytes = format.bytes_in(least);
        if format.duration_of(bytes) < least {
            bytes += one;
        }
        (bytes.max(one), format.bytes_in(self.chunking.most).max(bytes).max(one))
    }

    /// Moves `size` bytes from what waits to what is kept.
    fn take(&mut self, size: usize, positions: &mut Positions) -> Bytes {
        let sample = self.sample_bytes();
        let mut pieces: Vec<Bytes> = Vec::new();
        let mut missing = size;
        while missing > 0 {
            let Some(entry) = self.entries.get_mut(self.sent) else { break };
            match entry {
                Entry::Audio { start, bytes } => {
                    let piece = bytes.split_to(missing.min(bytes.len()));
                    let length = (piece.len() / sample) as u64;
                    let at = *start;
                    *start += length;
                    if bytes.is_empty() {
                        *entry = Entry::Audio { start: at, bytes: piece.clone() };
                    } else {
                        let kept = Entry::Audio { start: at, bytes: piece.clone() };
                        self.entries.insert(self.sent, kept);
                    }
                    self.sent += 1;
                    self.waiting -= length;
                    self.kept += length;
                    positions.sent(at, length);
                    missing -= piece.len();
                    pieces.push(piece);
                }
                Entry::Filler(bytes) => {
                    let piece = bytes.split_to(missing.min(bytes.len()));
                    if bytes.is_empty() {
                        self.entries.remove(self.sent);
                    }
                    positions.filled((piece.len() / sample) as u64);
                    missing -= piece.len();
                    pieces.push(piece);
                }
                Entry::Frame { .. } => break,
            }
        }
        if pieces.len() == 1 {
            return pieces.swap_remove(0);
        }
        let mut joined = BytesMut::with_capacity(size);
        pieces.iter().for_each(|piece| joined.extend_from_slice(piece));
        joined.freeze()
    }

    /// Cuts `samples` samples of audio out, from the entry `from` on.
    fn cut(&mut self, from: usize, mut samples: u64) {
        let size = self.sample_bytes();
        let mut index = from;
        while samples > 0 {
            let Some(entry) = self.entries.get_mut(index) else { return };
            let Entry::Audio { start, bytes } = entry else {
                index += 1;
                continue;
            };
            let length = (bytes.len() / size) as u64;
            if length > samples {
                let _ = bytes.split_to(usize::try_from(samples).unwrap_or(usize::MAX) * size);
                *start += samples;
                return;
            }
            samples -= length;
            self.entries.remove(index);
            if index < self.sent {
                self.sent -= 1;
            }
        }
    }

    fn rate_hz(&self) -> u32 {
        self.format.map_or(0, |format| format.rate_hz)
    }

    fn sample_bytes(&self) -> usize {
        self.format.map_or(1, |format| format.encoding.bytes_per_sample())
    }

    fn duration(&self, samples: u64) -> Duration {
        MediaTime { samples, rate_hz: self.rate_hz() }.duration()
    }

    fn samples(&self, duration: Duration) -> u64 {
        let samples = duration.as_micros() * u128::from(self.rate_hz()) / 1_000_000;
        u64::try_from(samples).unwrap_or(u64::MAX)
    }

    pub(crate) fn format(&self) -> Option<AudioFormat> {
        self.format
    }
}

impl Entry {
    fn audio(&self) -> Option<&Bytes> {
        match self {
            Self::Audio { bytes, .. } | Self::Filler(bytes) => Some(bytes),
            Self::Frame { .. } => None,
        }
    }

    fn is_owed(&self) -> bool {
        matches!(self, Self::Frame { owed: true, .. })
    }
}
