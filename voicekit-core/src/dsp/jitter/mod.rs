//! A jitter buffer: packets in, whenever they come; 20 ms of sound out, every 20 ms.
//!
//! [`JitterBuffer`] is for transports that deliver packets (RTP, WebRTC, gRPC), which a network
//! delays, reorders, repeats and loses, and for whoever must hear them in real time. It performs no
//! I/O and reads no clock.
//!
//! # Driving it
//!
//! 1. [`push`](JitterBuffer::push) each packet as it comes.
//! 2. [`pull`](JitterBuffer::pull) a frame every 20 ms.
//!
//! # What it does
//!
//! - **Order.** A packet is known by its media timestamp, the 32 bits of RTP that count samples,
//!   and its length. Sequence numbers are not looked at: they say the same of a gap, but not how
//!   long it is, and streams over gRPC have none. What comes after its turn, or twice, is dropped
//!   and counted.
//! - **Delay.** Sound is held back as long as it takes so that 0.5 % of it would have been missing of
//!   late. Of each half second, the latest packet counts, relative to the fastest of the last two
//!   seconds in which any came; it costs whole frames. Half a minute is remembered. A call starts
//!   with 40 ms. The delay is 4 to 400 ms; longer stalls are not learnt from.
//! - **Stalls.** Playing waits for what a stall holds back, so that no word is lost, and is then too
//!   late. The backlog is drained: each frame leaves out 20 ms of what is quieter than -50 dBFS, or a
//!   period of the voice, 5 to 15 ms, blended over. So the backlog is gone after at most four times
//!   the length of the stall, but for some 40 ms, which go where pieces are alike enough. More than
//!   four seconds are not held; the oldest is dropped.
//! - **Drift.** A sender's clock that is wrong by 1000 ppm moves the delay by 1 ms a second, and that
//!   too is taken out or put in by single periods.
//! - **Loss.** The last period of the voice is repeated and fades out within 60 ms; silence follows.
//! - **Jumps.** Two packets in a row whose timestamps are more than five seconds from where they
//!   belong begin the stream anew; a single one is dropped.
//!
//! # Measured
//!
//! Five minutes of speech-like sound each, in packets of 20 ms over simulated networks. *Delay* is how
//! long sound waits between coming and being played, on average; *best* is the same for a constant
//! delay that knew the network beforehand and lets one packet in a hundred come too late; *concealed*
//! is what was made up beyond what the network lost.
//! `cargo test -p voicekit-core --test it jitter -- --nocapture` prints the table anew.
//!
//! | network | delay | best | concealed |
//! |---|---|---|---|
//! | no jitter | 20 ms | 0 ms | 0.00 % |
//! | normal jitter, 5 ms | 27 ms | 12 ms | 0.00 % |
//! | normal jitter, 20 ms | 61 ms | 42 ms | 0.16 % |
//! | normal jitter, 60 ms | 137 ms | 105 ms | 0.35 % |
//! | spikes of 80 to 150 ms | 73 ms | 5 ms | 0.44 % |
//! | Wi-Fi, busy for 40 to 90 ms | 92 ms | 71 ms | 0.02 % |
//! | a stall of 200 ms every 20 s | 114 ms | 2 ms | 0.65 % |
//! | one in ten reordered | 54 ms | 40 ms | 0.00 % |
//! | 1 % lost | 19 ms | 0 ms | 0.00 % |
//! | 5 % lost, normal jitter, 20 ms | 60 ms | 42 ms | 0.04 % |
//! | 20 % lost | 19 ms | 0 ms | 0.00 % |
//!
//! Some 10 ms of each delay are there because frames are pulled every 20 ms, whenever packets come;
//! *best* knows no frames.
//!
//! # Streams over TCP
//!
//! A carrier's media stream over TCP loses and reorders nothing; it stalls and then bursts. Nothing
//! must be smoothed for a recogniser or a recording: the driver hands audio on at once, with its
//! media time, and a [`Timeline`](crate::record::timeline::Timeline) puts it where that time says,
//! whenever it came; a gap is silence of the exact length. Only somebody who listens in real time
//! needs this buffer, which takes the low 32 bits of [`MediaTime::samples`] as timestamps.
//!
//! ```
//! use voicekit_core::dsp::jitter::{JitterBuffer, Packet};
//! use voicekit_core::time::Timestamp;
//!
//! let mut buffer = JitterBuffer::new(8_000)?;
//! for sent in 0..10_u32 {
//!     let now = Timestamp::from_millis(u64::from(sent) * 20);
//!     buffer.push(now, Packet::new(sent * 160, &[100; 160]));
//!     assert_eq!(buffer.pull(now).samples.len(), 160);
//! }
//! assert_eq!(buffer.stats().concealed, 0);
//! # Ok::<(), voicekit_core::error::Error>(())
//! ```

mod buffer;
mod conceal;
mod delay;
mod store;
mod stretch;

use std::fmt;
use std::time::Duration;

use crate::time::MediaTime;

pub use buffer::JitterBuffer;

/// Sound as a network delivers it.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Packet<'a> {
    /// When its first sample was recorded, in samples at the buffer's rate from an arbitrary start;
    /// wraps around. (RTP's clock for G.722 is the exception: it counts every other sample.)
    pub timestamp: u32,
    /// One channel; usually 10 to 60 ms, at most a second.
    pub samples: &'a [i16],
}

impl<'a> Packet<'a> {
    /// `samples`, the first of which was recorded at `timestamp`.
    pub const fn new(timestamp: u32, samples: &'a [i16]) -> Self {
        Self { timestamp, samples }
    }
}

/// Shows the position and length only: audio does not belong in logs.
impl fmt::Debug for Packet<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Packet({} samples at {})", self.samples.len(), self.timestamp)
    }
}

/// 20 ms to be played.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Frame {
    /// Where it begins in the sender's stream: the timestamp, counted on where 32 bits wrap around.
    /// Never less than that of the frame before. While nothing is there it stands still.
    pub at: MediaTime,
    /// 20 ms, always.
    pub samples: Vec<i16>,
    /// How many of the samples were made up because packets were missing. Silence before the first
    /// packet does not count.
    pub concealed: usize,
}

/// Shows the position only: audio does not belong in logs.
impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frame({} of {} concealed, at {:?})", self.concealed, self.samples.len(), self.at)
    }
}

/// What a jitter buffer has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// How much later than necessary the packet last played could have come.
    pub delay: Duration,
    /// What that should be.
    pub target: Duration,
    /// Samples made up because packets were missing.
    pub concealed: u64,
    /// Samples taken out to catch up: after stalls, and because the sender's clock is fast.
    pub drained: u64,
    /// Samples put in to fall back: because the network has become worse, or the sender's clock is
    /// slow.
    pub inserted: u64,
    /// Packets dropped because they came after their turn.
    pub late: u64,
    /// Packets dropped because their sound had come already.
    pub duplicate: u64,
    /// Packets dropped because they were empty, longer than a second, or from nowhere near.
    pub stray: u64,
}
