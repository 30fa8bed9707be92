//! How a pump behaves.

use std::time::Duration;

use voicekit_core::retry::RetryPolicy;

/// How a pump behaves. The values a service needs are its adapter's to set.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PumpConfig {
    /// How long opening a connection may take: name resolution, TCP, TLS and upgrade.
    /// Default: 5 s.
    pub connect: Duration,
    /// How long nothing may come while an answer is owed, or nothing be taken while something is
    /// to be sent, before the connection counts as lost ([`ErrorKind::Timeout`]). Default: 10 s.
    ///
    /// [`ErrorKind::Timeout`]: voicekit_core::error::ErrorKind::Timeout
    pub answer: Duration,
    /// After the last input was sent: how long nothing may come before the stream ends without
    /// the service's close. Default: 5 s.
    pub close: Duration,
    /// After how long without sending anything the codec is asked for a message that keeps the
    /// connection. Default: never.
    pub keep_alive: Option<Duration>,
    /// Sizes of the pieces in which audio is sent. Default: as it comes, at most 250 ms.
    pub chunking: Chunking,
    /// How fast audio is sent at most, for services that refuse to be fed faster than real time
    /// after a reconnect. Default: as fast as it goes.
    pub pace: Option<Pace>,
    /// The most audio kept: what waits to be sent and what may have to be sent again. When it is
    /// full, the oldest that was already sent is forgotten, and then [`overflow`](Self::overflow)
    /// applies. Default: 10 s.
    pub buffer: Duration,
    /// What happens to audio that comes while the buffer is full of audio that waits. Default:
    /// [`Overflow::DropOldest`].
    pub overflow: Overflow,
    /// How many outputs may wait to be read. While they do, nothing more is read from the
    /// service, not even its pings. Default: 1,024.
    pub outputs: usize,
    /// How many bytes of text and audio they may hold. Default: 4 MiB.
    pub output_bytes: usize,
    /// Whether and when a connection that broke, or could not be made, is tried again. The count
    /// starts anew once a connection has lived for five seconds and something came over it.
    /// Default: 4 attempts, after 100, 200 and 400 ms.
    pub reconnect: RetryPolicy,
}

impl Default for PumpConfig {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            answer: Duration::from_secs(10),
            close: Duration::from_secs(5),
            keep_alive: None,
            chunking: Chunking::default(),
            pace: None,
            buffer: Duration::from_secs(10),
            overflow: Overflow::DropOldest,
            outputs: 1024,
            output_bytes: 4 * 1024 * 1024,
            reconnect: RetryPolicy::exponential(
                4,
                Duration::from_millis(100),
                Duration::from_secs(5),
            ),
        }
    }
}

impl PumpConfig {
    /// Sets [`connect`](Self::connect).
    #[must_use]
    pub fn with_connect(mut self, limit: Duration) -> Self {
        self.connect = limit;
        self
    }

    /// Sets [`answer`](Self::answer).
    #[must_use]
    pub fn with_answer(mut self, limit: Duration) -> Self {
        self.answer = limit;
        self
    }

    /// Sets [`close`](Self::close).
    #[must_use]
    pub fn with_close(mut self, limit: Duration) -> Self {
        self.close = limit;
        self
    }

    /// Sets [`keep_alive`](Self::keep_alive).
    #[must_use]
    pub fn with_keep_alive(mut self, after: Duration) -> Self {
        self.keep_alive = Some(after);
        self
    }

    /// Sets [`chunking`](Self::chunking).
    #[must_use]
    pub fn with_chunking(mut self, chunking: Chunking) -> Self {
        self.chunking = chunking;
        self
    }

    /// Sets [`pace`](Self::pace).
    #[must_use]
    pub fn with_pace(mut self, pace: Pace) -> Self {
        self.pace = Some(pace);
        self
    }

    /// Sets [`buffer`](Self::buffer).
    #[must_use]
    pub fn with_buffer(mut self, most: Duration) -> Self {
        self.buffer = most;
        self
    }

    /// Sets [`overflow`](Self::overflow).
    #[must_use]
    pub fn with_overflow(mut self, overflow: Overflow) -> Self {
        self.overflow = overflow;
        self
    }

    /// Sets [`outputs`](Self::outputs).
    #[must_use]
    pub fn with_outputs(mut self, most: usize) -> Self {
        self.outputs = most;
        self
    }

    /// Sets [`output_bytes`](Self::output_bytes).
    #[must_use]
    pub fn with_output_bytes(mut self, most: usize) -> Self {
        self.output_bytes = most;
        self
    }

    /// Sets [`reconnect`](Self::reconnect).
    #[must_use]
    pub fn with_reconnect(mut self, policy: RetryPolicy) -> Self {
        self.reconnect = policy;
        self
    }
}

/// The sizes of the pieces in which a service takes audio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Chunking {
    /// No piece is shorter than this, except one at the end of the input or before a frame.
    /// Default: zero.
    pub least: Duration,
    /// No piece is longer than this, which is taken as [`least`](Self::least) if it is less.
    /// Default: 250 ms.
    pub most: Duration,
    /// Whether a piece that is too short all the same is filled with silence. Default: false.
    pub pad: bool,
}

impl Chunking {
    /// Pieces of `least` to `most`. If `most` is at least twice `least`, then only audio that is
    /// shorter than `least` in all ends in a piece that is too short.
    pub fn new(least: Duration, most: Duration) -> Self {
        Self { least, most, pad: false }
    }

    /// Fills a piece that is too short with silence.
    #[must_use]
    pub fn padded(mut self) -> Self {
        self.pad = true;
        self
    }
}

impl Default for Chunking {
    fn default() -> Self {
        Self::new(Duration::ZERO, Duration::from_millis(250))
    }
}

/// How fast audio is sent at most.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Pace {
    /// Seconds of audio a second; taken as 1 if it is less.
    pub speed: f64,
    /// How much may be sent at once before that, so that an uneven line is not slowed down.
    /// Default: 200 ms.
    pub burst: Duration,
}

impl Pace {
    /// At most `speed` times as fast as it is spoken.
    pub fn new(speed: f64) -> Self {
        Self { speed, burst: Duration::from_millis(200) }
    }

    /// Sets [`burst`](Self::burst).
    #[must_use]
    pub fn with_burst(mut self, burst: Duration) -> Self {
        self.burst = burst;
        self
    }
}

/// What happens to audio that comes while the buffer is full of audio that waits to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Overflow {
    /// The oldest audio is dropped; how much in all is logged as a warning. Right for a call,
    /// which does not wait.
    DropOldest,
    /// The input is not read on. Right for text and for recordings.
    Wait,
}
