//! From one audio format to another, as a stream.

use crate::audio::{AudioChunk, AudioFormat, Encoding};
use crate::codec::{alaw, mulaw};
use crate::error::{Error, ErrorKind, Result};

use super::resample::Resampler;

/// Converts a stream of audio between encodings and rates. Equal formats pass through untouched.
#[derive(Debug)]
pub struct Converter {
    from: AudioFormat,
    to: AudioFormat,
    resampler: Option<Resampler>,
    linear: Vec<i16>,
    resampled: Vec<i16>,
}

impl Converter {
    /// A converter of one stream.
    ///
    /// # Errors
    ///
    /// `Unsupported` if the rates have no small common ratio.
    pub fn new(from: AudioFormat, to: AudioFormat) -> Result<Self> {
        let resampler = if from.rate_hz == to.rate_hz {
            None
        } else {
            let resampler = Resampler::new(from.rate_hz, to.rate_hz);
            Some(resampler.map_err(|error| {
                Error::new(ErrorKind::Unsupported, "audio", format!("{from} to {to}"))
                    .with_source(error)
            })?)
        };
        Ok(Self { from, to, resampler, linear: Vec::new(), resampled: Vec::new() })
    }

    /// The format of what comes out.
    pub fn to(&self) -> AudioFormat {
        self.to
    }

    /// Converts the next piece of the stream.
    ///
    /// # Errors
    ///
    /// `Protocol` if the piece is in another format than the stream.
    pub fn process(&mut self, chunk: &AudioChunk) -> Result<AudioChunk> {
        self.check(chunk)?;
        if self.from == self.to {
            return Ok(chunk.clone());
        }
        let mut samples = std::mem::take(&mut self.resampled);
        samples.clear();
        self.decode(chunk, &mut samples);
        let converted = encode(self.to, &samples);
        self.resampled = samples;
        converted
    }

    /// Converts the next piece of the stream to the rate of [`to`](Self::to) and appends its linear
    /// samples. Allocates nothing once it has seen the longest piece, apart from what `samples` does.
    ///
    /// # Errors
    ///
    /// `Protocol` if the piece is in another format than the stream.
    pub fn process_into(&mut self, chunk: &AudioChunk, samples: &mut Vec<i16>) -> Result<()> {
        self.check(chunk)?;
        self.decode(chunk, samples);
        Ok(())
    }

    fn check(&self, chunk: &AudioChunk) -> Result<()> {
        if chunk.format() == self.from {
            return Ok(());
        }
        let message = format!("{} in a stream of {}", chunk.format(), self.from);
        Err(Error::new(ErrorKind::Protocol, "audio", message))
    }

    fn decode(&mut self, chunk: &AudioChunk, samples: &mut Vec<i16>) {
        let Some(resampler) = &mut self.resampler else { return chunk.decode_into(samples) };
        self.linear.clear();
        chunk.decode_into(&mut self.linear);
        resampler.process(&self.linear, samples);
    }

    /// What is left at the end of the stream.
    ///
    /// # Errors
    ///
    /// None in practice; whole samples always make a chunk.
    pub fn flush(&mut self) -> Result<AudioChunk> {
        self.resampled.clear();
        if let Some(resampler) = &mut self.resampler {
            resampler.flush(&mut self.resampled);
        }
        encode(self.to, &self.resampled)
    }
}

fn encode(format: AudioFormat, samples: &[i16]) -> Result<AudioChunk> {
    let mut bytes = vec![0; samples.len()];
    match format.encoding {
        Encoding::Pcm16 => return Ok(AudioChunk::from_pcm(format.rate_hz, samples)),
        Encoding::MuLaw => mulaw::encode(samples, &mut bytes),
        Encoding::ALaw => alaw::encode(samples, &mut bytes),
    };
    AudioChunk::new(format, bytes)
}
