//! Reading.

use super::{SIZE_UNKNOWN, TAG_A_LAW, TAG_EXTENSIBLE, TAG_MU_LAW, TAG_PCM, WavError};
use crate::audio::{AudioFormat, Encoding};
use crate::codec::{alaw, mulaw};

/// The end of every sub-format that is a plain format tag (KSDATAFORMAT_SUBTYPE).
const SUBTYPE_TAIL: [u8; 14] =
    [0x00, 0x00, 0x00, 0x00, 0x10, 0x00, 0x80, 0x00, 0x00, 0xAA, 0x00, 0x38, 0x9B, 0x71];

/// A WAV file in memory.
///
/// Files need not be tidy: other chunks are skipped; a data size of 0 or 0xFFFFFFFF, which streams
/// leave behind, means up to the end; of a file that was cut short, what is there is read.
#[derive(Clone, Copy)]
pub struct Wav<'a> {
    format: AudioFormat,
    channels: u16,
    data: &'a [u8],
    truncated: bool,
}

impl<'a> Wav<'a> {
    /// Finds format and audio in the bytes of a file.
    ///
    /// # Errors
    ///
    /// Any [`WavError`] says what is missing or not supported.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WavError> {
        let mut rest = match bytes.split_first_chunk::<12>() {
            Some(([b'R', b'I', b'F', b'F', .., b'W', b'A', b'V', b'E'], rest)) => rest,
            Some(([b'R', b'F', b'6', b'4', .., b'W', b'A', b'V', b'E'], rest)) => rest,
            Some(_) | None => return Err(WavError::NotWav),
        };
        let mut format = None;
        while let Some((header, body)) = rest.split_first_chunk::<8>() {
            let [a, b, c, d, size @ ..] = *header;
            let size = u32::from_le_bytes(size);
            let len = usize::try_from(size).unwrap_or(usize::MAX);
            match &[a, b, c, d] {
                b"fmt " => format = Some(parse_format(&body[..len.min(body.len())])?),
                b"data" => {
                    let (format, channels) = format.ok_or(WavError::NoFormat)?;
                    return Ok(Self::with_data(format, channels, body, size));
                }
                _ => {}
            }
            // Chunks begin at even offsets.
            rest = body.get(len.saturating_add(len % 2)..).unwrap_or_default();
        }
        Err(if format.is_some() { WavError::NoData } else { WavError::NoFormat })
    }

    fn with_data(format: AudioFormat, channels: u16, body: &'a [u8], size: u32) -> Self {
        let is_empty = size == 0 && body.starts_with(b"LIST");
        let is_open = size == SIZE_UNKNOWN || (size == 0 && !is_empty);
        let len = if is_open { body.len() } else { usize::try_from(size).unwrap_or(usize::MAX) };
        let available = len.min(body.len());
        let frame = format.encoding.bytes_per_sample() * usize::from(channels);
        let whole = available - available % frame;
        Self { format, channels, data: &body[..whole], truncated: len > body.len() }
    }

    /// The encoding and rate of each channel.
    pub fn format(&self) -> AudioFormat {
        self.format
    }

    /// The number of channels, 1 or 2.
    pub fn channels(&self) -> u16 {
        self.channels
    }

    /// The number of samples in each channel.
    pub fn frames(&self) -> usize {
        self.data.len() / self.format.encoding.bytes_per_sample() / usize::from(self.channels)
    }

    /// The audio as the file has it, channels interleaved, whole frames only.
    pub fn data(&self) -> &'a [u8] {
        self.data
    }

    /// Whether the file ends before the audio does.
    pub fn is_truncated(&self) -> bool {
        self.truncated
    }

    /// The audio as linear samples, channels interleaved.
    pub fn samples(&self) -> Vec<i16> {
        match self.format.encoding {
            Encoding::Pcm16 => {
                let (pairs, _) = self.data.as_chunks::<2>();
                pairs.iter().map(|pair| i16::from_le_bytes(*pair)).collect()
            }
            Encoding::MuLaw => self.data.iter().map(|code| mulaw::decode_sample(*code)).collect(),
            Encoding::ALaw => self.data.iter().map(|code| alaw::decode_sample(*code)).collect(),
        }
    }

    /// The linear samples of one channel, counted from 0; empty if there is no such channel.
    pub fn channel(&self, index: u16) -> Vec<i16> {
        if index >= self.channels {
            return Vec::new();
        }
        let samples = self.samples();
        samples.into_iter().skip(usize::from(index)).step_by(usize::from(self.channels)).collect()
    }
}

/// Shows the format and length only: audio does not belong in logs.
impl std::fmt::Debug for Wav<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Wav({} x {}, {} frames)", self.format, self.channels, self.frames())
    }
}

fn parse_format(chunk: &[u8]) -> Result<(AudioFormat, u16), WavError> {
    let Some((fields, extension)) = chunk.split_first_chunk::<16>() else {
        return Err(WavError::NoFormat);
    };
    let [t0, t1, c0, c1, r0, r1, r2, r3, .., b0, b1] = *fields;
    let bits = u16::from_le_bytes([b0, b1]);
    let channels = u16::from_le_bytes([c0, c1]);
    let rate_hz = u32::from_le_bytes([r0, r1, r2, r3]);
    let tag = match u16::from_le_bytes([t0, t1]) {
        TAG_EXTENSIBLE => sub_format(extension).ok_or(WavError::NoFormat)?,
        tag => tag,
    };
    let encoding = match (tag, bits) {
        (TAG_PCM, 16) => Encoding::Pcm16,
        (TAG_MU_LAW, 8) => Encoding::MuLaw,
        (TAG_A_LAW, 8) => Encoding::ALaw,
        _ => return Err(WavError::Encoding { tag, bits }),
    };
    if !(1..=2).contains(&channels) {
        return Err(WavError::Channels(channels));
    }
    if rate_hz == 0 {
        return Err(WavError::NoRate);
    }
    Ok((AudioFormat::new(encoding, rate_hz), channels))
}

/// The format tag inside an extensible header, or one that stands for no format.
fn sub_format(extension: &[u8]) -> Option<u16> {
    // The extension's size, valid bits and speaker positions come first.
    let (sub_format, _) = extension.get(8..)?.split_first_chunk::<16>()?;
    let [t0, t1, tail @ ..] = *sub_format;
    Some(if tail == SUBTYPE_TAIL { u16::from_le_bytes([t0, t1]) } else { TAG_EXTENSIBLE })
}
