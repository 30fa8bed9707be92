//! Writing.

use super::{SIZE_UNKNOWN, TAG_A_LAW, TAG_MU_LAW, TAG_PCM, Wav, WavError};
use crate::audio::{AudioFormat, Encoding};
use crate::codec::{alaw, mulaw};

/// Bytes before the audio: RIFF and WAVE, format chunk, head of the data chunk.
const PLAIN_HEADER: usize = 12 + (8 + 16) + 8;
/// The same with the extension's size in the format chunk, and a fact chunk.
const EXTENDED_HEADER: usize = 12 + (8 + 18) + (8 + 4) + 8;
/// Where the size of all that follows stands.
const RIFF_SIZE_OFFSET: u64 = 4;
/// Where the number of frames stands in an extended header.
const FACT_OFFSET: u64 = 12 + (8 + 18) + 8;

/// Bytes to be written over those at an offset of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Patch {
    /// Where, in bytes from the start of the file.
    pub offset: u64,
    /// What.
    pub bytes: [u8; 4],
}

/// The bytes of a WAV file that grows.
///
/// Write the [`header`](Self::header), then what [`encode`](Self::encode) appends, and at the end what
/// [`finish`](Self::finish) appends. Until [`patches`](Self::patches) are written over the header,
/// it says that the audio goes on to the end of the file: a file that a crash left without them can
/// be read all the same. They may be written at any time.
///
/// A file beyond 4 GiB keeps the sizes that mean "up to the end".
#[derive(Debug, Clone)]
pub struct WavWriter {
    format: AudioFormat,
    channels: u16,
    /// Bytes of audio so far.
    data: u64,
}

impl WavWriter {
    /// A file of 1 or 2 channels in a format.
    ///
    /// # Errors
    ///
    /// [`WavError::Channels`] for other numbers of channels, [`WavError::NoRate`] for a rate of 0.
    pub fn new(format: AudioFormat, channels: u16) -> Result<Self, WavError> {
        if !(1..=2).contains(&channels) {
            return Err(WavError::Channels(channels));
        }
        if format.rate_hz == 0 {
            return Err(WavError::NoRate);
        }
        Ok(Self { format, channels, data: 0 })
    }

    /// The writer of a file of its own making that was cut short after `len` bytes, of which
    /// `head` are the first, or as many as there are.
    ///
    /// It goes on behind the last whole frame: cut the file to [`len`](Self::len), then append and
    /// patch as with a new one.
    ///
    /// # Errors
    ///
    /// Those of [`Wav::parse`] if the file has no whole header of this writer's form.
    pub fn resume(head: &[u8], len: u64) -> Result<Self, WavError> {
        let wav = Wav::parse(head)?;
        let mut writer = Self::new(wav.format(), wav.channels())?;
        let header = writer.header_len();
        if head.get(header - 8..header - 4) != Some(b"data") {
            return Err(WavError::NoData);
        }
        let data = len.saturating_sub(header as u64);
        writer.data = data - data % writer.frame();
        Ok(writer)
    }

    /// The length of the file so far, in bytes.
    #[expect(clippy::len_without_is_empty, reason = "a file with a header is never empty")]
    pub fn len(&self) -> u64 {
        self.header_len() as u64 + self.data
    }

    /// The encoding and rate of each channel.
    pub fn format(&self) -> AudioFormat {
        self.format
    }

    /// The number of whole frames so far.
    pub fn frames(&self) -> u64 {
        self.data / self.frame()
    }

    /// What the file begins with, with all sizes left open.
    pub fn header(&self) -> Vec<u8> {
        let (tag, bits) = match self.format.encoding {
            Encoding::Pcm16 => (TAG_PCM, 16_u16),
            Encoding::MuLaw => (TAG_MU_LAW, 8),
            Encoding::ALaw => (TAG_A_LAW, 8),
        };
        let frame = self.channels * (bits / 8);
        let mut header = Vec::with_capacity(EXTENDED_HEADER);
        header.extend(b"RIFF");
        header.extend(SIZE_UNKNOWN.to_le_bytes());
        header.extend(b"WAVEfmt ");
        header.extend(if self.is_extended() { 18_u32 } else { 16 }.to_le_bytes());
        header.extend(tag.to_le_bytes());
        header.extend(self.channels.to_le_bytes());
        header.extend(self.format.rate_hz.to_le_bytes());
        header.extend(self.format.rate_hz.saturating_mul(u32::from(frame)).to_le_bytes());
        header.extend(frame.to_le_bytes());
        header.extend(bits.to_le_bytes());
        if self.is_extended() {
            header.extend([0, 0]);
            header.extend(b"fact");
            header.extend(4_u32.to_le_bytes());
            header.extend(SIZE_UNKNOWN.to_le_bytes());
        }
        header.extend(b"data");
        header.extend(SIZE_UNKNOWN.to_le_bytes());
        header
    }

    /// Appends the bytes of linear samples, channels interleaved.
    pub fn encode(&mut self, samples: &[i16], bytes: &mut Vec<u8>) {
        let before = bytes.len();
        match self.format.encoding {
            Encoding::Pcm16 => bytes.extend(samples.iter().flat_map(|sample| sample.to_le_bytes())),
            Encoding::MuLaw => {
                bytes.resize(before + samples.len(), 0);
                mulaw::encode(samples, &mut bytes[before..]);
            }
            Encoding::ALaw => {
                bytes.resize(before + samples.len(), 0);
                alaw::encode(samples, &mut bytes[before..]);
            }
        }
        self.data += (bytes.len() - before) as u64;
    }

    /// Appends what the end of the file needs: silence for the channel that lacks a sample, and a
    /// byte where the audio has an odd number.
    pub fn finish(&mut self, bytes: &mut Vec<u8>) {
        if !self.data.is_multiple_of(self.frame()) {
            self.encode(&[0], bytes);
        }
        if !self.data.is_multiple_of(2) {
            bytes.push(0);
        }
    }

    /// What to write over the header to make it tell how much audio there is so far.
    pub fn patches(&self) -> Vec<Patch> {
        let header = self.header_len() as u64;
        let padded = self.data.next_multiple_of(2);
        let riff = Patch::new(RIFF_SIZE_OFFSET, header - 8 + padded);
        let fact = Patch::new(FACT_OFFSET, self.frames());
        let data = Patch::new(header - 4, self.data);
        if self.is_extended() { vec![riff, fact, data] } else { vec![riff, data] }
    }

    /// Whether the header has the extra fields that all encodings but linear ones must have.
    fn is_extended(&self) -> bool {
        self.format.encoding != Encoding::Pcm16
    }

    fn header_len(&self) -> usize {
        if self.is_extended() { EXTENDED_HEADER } else { PLAIN_HEADER }
    }

    /// Bytes in one frame.
    fn frame(&self) -> u64 {
        u64::from(self.channels) * self.format.encoding.bytes_per_sample() as u64
    }
}

impl Patch {
    fn new(offset: u64, size: u64) -> Self {
        Self { offset, bytes: u32::try_from(size).unwrap_or(SIZE_UNKNOWN).to_le_bytes() }
    }

    /// Writes the bytes over those of a file in memory, as far as it reaches.
    pub fn apply(&self, file: &mut [u8]) {
        let slots = usize::try_from(self.offset).ok().and_then(|offset| file.get_mut(offset..));
        for (slot, byte) in slots.unwrap_or_default().iter_mut().zip(self.bytes) {
            *slot = byte;
        }
    }
}

/// A whole file of linear samples, channels interleaved.
///
/// # Errors
///
/// As [`WavWriter::new`].
pub fn encode(format: AudioFormat, channels: u16, samples: &[i16]) -> Result<Vec<u8>, WavError> {
    let mut writer = WavWriter::new(format, channels)?;
    let mut file = writer.header();
    writer.encode(samples, &mut file);
    writer.finish(&mut file);
    for patch in writer.patches() {
        patch.apply(&mut file);
    }
    Ok(file)
}
