//! Audio as it crosses traits: a format and its bytes.
//!
//! Inside signal processing, audio is `&[i16]` or `&[u8]`; between parts it is an [`AudioChunk`],
//! which cannot be built with bytes that do not fit its format.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::time::MediaTime;

/// How one sample is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Encoding {
    /// Linear, 16 bits, signed, little-endian.
    Pcm16,
    /// ITU-T G.711 mu-law, 8 bits.
    MuLaw,
    /// ITU-T G.711 A-law, 8 bits.
    ALaw,
}

impl Encoding {
    /// Bytes in one sample.
    pub const fn bytes_per_sample(self) -> usize {
        match self {
            Self::Pcm16 => 2,
            Self::MuLaw | Self::ALaw => 1,
        }
    }

    /// The byte that silence is made of.
    pub const fn silence(self) -> u8 {
        match self {
            Self::Pcm16 => 0x00,
            Self::MuLaw => 0xFF,
            Self::ALaw => 0xD5,
        }
    }
}

/// One channel of audio: an encoding and a sample rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AudioFormat {
    /// How one sample is written.
    pub encoding: Encoding,
    /// Samples a second, 8,000 to 48,000.
    pub rate_hz: u32,
}

impl AudioFormat {
    /// What telephones speak: G.711 mu-law at 8 kHz.
    pub const PHONE: Self = Self { encoding: Encoding::MuLaw, rate_hz: 8_000 };

    /// Linear 16-bit audio at `rate_hz`.
    pub const fn pcm16(rate_hz: u32) -> Self {
        Self { encoding: Encoding::Pcm16, rate_hz }
    }

    /// Audio in `encoding` at `rate_hz`.
    pub const fn new(encoding: Encoding, rate_hz: u32) -> Self {
        Self { encoding, rate_hz }
    }

    /// Bytes that last `duration`, rounded down to whole samples.
    pub fn bytes_in(self, duration: Duration) -> usize {
        let samples = duration.as_micros() * u128::from(self.rate_hz) / 1_000_000;
        usize::try_from(samples).unwrap_or(usize::MAX / 2) * self.encoding.bytes_per_sample()
    }

    /// How long `bytes` bytes last.
    pub fn duration_of(self, bytes: usize) -> Duration {
        let samples = (bytes / self.encoding.bytes_per_sample()) as u64;
        MediaTime { samples, rate_hz: self.rate_hz }.duration()
    }
}

impl fmt::Display for AudioFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.encoding {
            Encoding::Pcm16 => "pcm16",
            Encoding::MuLaw => "mulaw",
            Encoding::ALaw => "alaw",
        };
        write!(f, "{name}/{}", self.rate_hz)
    }
}

/// A piece of audio. Cloning and slicing share the bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct AudioChunk {
    format: AudioFormat,
    bytes: Bytes,
}

impl AudioChunk {
    /// `bytes` as audio in `format`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Protocol`] if the bytes are not a whole number of samples.
    pub fn new(format: AudioFormat, bytes: impl Into<Bytes>) -> Result<Self> {
        let bytes = bytes.into();
        let size = format.encoding.bytes_per_sample();
        if !bytes.len().is_multiple_of(size) {
            let message = format!("{} bytes are not whole {size}-byte samples", bytes.len());
            return Err(Error::new(ErrorKind::Protocol, "audio", message));
        }
        Ok(Self { format, bytes })
    }

    /// Linear samples at `rate_hz`.
    pub fn from_pcm(rate_hz: u32, samples: &[i16]) -> Self {
        let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        Self { format: AudioFormat::pcm16(rate_hz), bytes: bytes.into() }
    }

    /// Silence that lasts `duration`, rounded down to whole samples.
    pub fn silence(format: AudioFormat, duration: Duration) -> Self {
        let bytes = vec![format.encoding.silence(); format.bytes_in(duration)];
        Self { format, bytes: bytes.into() }
    }

    /// The format of the bytes.
    pub fn format(&self) -> AudioFormat {
        self.format
    }

    /// The bytes, as their format writes them.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// How long it lasts.
    pub fn duration(&self) -> Duration {
        self.format.duration_of(self.bytes.len())
    }

    /// The number of samples.
    pub fn samples(&self) -> usize {
        self.bytes.len() / self.format.encoding.bytes_per_sample()
    }

    /// Whether there is no sample in it.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Cuts off and returns the first `samples` samples, or all if there are fewer.
    #[must_use]
    pub fn split_to(&mut self, samples: usize) -> Self {
        let size = self.format.encoding.bytes_per_sample();
        let at = samples.saturating_mul(size).min(self.bytes.len());
        Self { format: self.format, bytes: self.bytes.split_to(at) }
    }

    /// Appends the samples, decoded to linear 16 bits, to `out`.
    pub fn decode_into(&self, out: &mut Vec<i16>) {
        match self.format.encoding {
            Encoding::Pcm16 => out.extend(
                self.bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])),
            ),
            Encoding::MuLaw => decode_with(out, &self.bytes, crate::codec::mulaw::decode),
            Encoding::ALaw => decode_with(out, &self.bytes, crate::codec::alaw::decode),
        }
    }
}

fn decode_with(out: &mut Vec<i16>, bytes: &[u8], decode: impl Fn(&[u8], &mut [i16]) -> usize) {
    let start = out.len();
    out.resize(start + bytes.len(), 0);
    decode(bytes, &mut out[start..]);
}

/// Shows the format and length only: audio does not belong in logs.
impl fmt::Debug for AudioChunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AudioChunk({}, {:?})", self.format, self.duration())
    }
}
