//! WAV files: RIFF/WAVE with linear 16-bit, mu-law or A-law audio in one or two channels.
//!
//! [`Wav`] reads a file that is in memory; [`WavWriter`] makes the bytes of one that grows. Neither
//! does any I/O.
//!
//! ```
//! use voicekit_core::audio::AudioFormat;
//! use voicekit_core::record::wav::{self, Wav};
//!
//! let file = wav::encode(AudioFormat::PHONE, 2, &[0, 0, 8_000, -8_000])?;
//! let wav = Wav::parse(&file)?;
//! assert_eq!((wav.format(), wav.channels(), wav.frames()), (AudioFormat::PHONE, 2, 2));
//! assert_eq!(wav.channel(1), [0, -7_932]);
//! # Ok::<(), wav::WavError>(())
//! ```

mod read;
mod write;

pub use read::Wav;
pub use write::{Patch, WavWriter, encode};

/// Format tags of RFC 2361 and of the `fmt ` chunk's extension.
const TAG_PCM: u16 = 0x0001;
const TAG_A_LAW: u16 = 0x0006;
const TAG_MU_LAW: u16 = 0x0007;
const TAG_EXTENSIBLE: u16 = 0xFFFE;

/// The size that stands for "not known yet".
const SIZE_UNKNOWN: u32 = u32::MAX;

/// Why bytes are not a WAV file that can be read, or a format not one that can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WavError {
    /// The bytes do not begin with RIFF and WAVE.
    #[error("not a WAV file: it does not begin with RIFF and WAVE")]
    NotWav,
    /// There is no whole `fmt ` chunk before the audio.
    #[error("no whole format chunk before the audio")]
    NoFormat,
    /// There is no `data` chunk.
    #[error("no data chunk")]
    NoData,
    /// The audio is neither linear 16-bit nor G.711.
    #[error("unsupported encoding: format tag {tag:#06x} with {bits} bits a sample")]
    #[non_exhaustive]
    Encoding {
        /// The format tag, of the sub-format if the header is extensible.
        tag: u16,
        /// Bits in one sample.
        bits: u16,
    },
    /// The audio is neither mono nor stereo.
    #[error("{0} channels: only 1 and 2 are supported")]
    Channels(u16),
    /// The sample rate is zero.
    #[error("the sample rate is zero")]
    NoRate,
}
