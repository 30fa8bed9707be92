//! Takes noise out of the caller's audio, before a recogniser or a detector of speech hears it.
//!
//! The network is RNNoise, which listens at 48 kHz to frames of 10 ms; telephone audio is resampled
//! to that rate and back. It helps against steady noise: fans, streets, hiss. White noise is 44 dB
//! quieter after a second at 8 kHz, 24 dB after two at 16 kHz, and speech as loud as before, within
//! 0.3 dB (`tests/it/denoise.rs`). Nothing uses it unless
//! told to: services and networks that were trained on noisy speech, Whisper and Silero among them,
//! may do worse on what it leaves than on what it was given, so measure before it goes into a
//! product.
//!
//! # Delay
//!
//! [`Denoiser::delay`] is 24 ms at 8 kHz and 22 ms at 16 kHz: 10 ms until a frame is full, 10 ms by
//! which the network's frames overlap, and the two resamplers. Each call that denoises its audio
//! twice, for the recogniser and the detector, does the work twice.
//!
//! ```
//! use voicekit_local::Silero;
//! use voicekit_local::denoise::DenoisedVad;
//!
//! let vad = DenoisedVad::new(Silero::new()?)?;
//! # Ok::<(), voicekit_core::error::Error>(())
//! ```

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::BoxStream;
use nnnoiseless::DenoiseState;
use voicekit_core::asr::{Asr, AsrEvent, AsrInfo, AsrInput, AsrRequest};
use voicekit_core::audio::{AudioChunk, AudioFormat};
use voicekit_core::dsp::resample::{Resampler, UnsupportedRates};
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_core::vad::Vad;

/// What the network listens to.
const WIDE_HZ: u32 = 48_000;
const FRAME: usize = DenoiseState::FRAME_SIZE;
const FRAMES_PER_SECOND: usize = WIDE_HZ as usize / FRAME;
/// By how much the network's output lags behind its input: a frame.
const OVERLAP: Duration = Duration::from_millis(10);
/// Until a frame is full.
const FILLING: Duration = Duration::from_millis(10);
/// The rates of telephones, narrow and wide.
const RATES_HZ: [u32; 2] = [8_000, 16_000];

/// Takes noise out of one stream of audio.
///
/// It keeps some 50 KB. Once a thread has denoised a frame, only longer slices than before allocate.
#[derive(Clone)]
pub struct Denoiser {
    rate_hz: u32,
    widen: Resampler,
    narrow: Resampler,
    network: Box<DenoiseState<'static>>,
    /// At 48 kHz, less than a frame between calls.
    waiting: Vec<f32>,
    /// At the rate of the stream, a frame at most between calls.
    ready: Vec<f32>,
    samples: Vec<f32>,
}

impl fmt::Debug for Denoiser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Denoiser").field("rate_hz", &self.rate_hz).finish_non_exhaustive()
    }
}

impl Denoiser {
    /// For audio at `rate_hz`: 8000 or 16000.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`] for another rate.
    pub fn new(rate_hz: u32) -> Result<Self> {
        if !RATES_HZ.contains(&rate_hz) {
            return Err(unsupported(format!("audio at {rate_hz} Hz; it takes 8000 and 16000")));
        }
        let failed = |error: UnsupportedRates| {
            Error::new(ErrorKind::Internal, "denoise", "cannot resample").with_source(error)
        };
        let mut denoiser = Self {
            rate_hz,
            widen: Resampler::new(rate_hz, WIDE_HZ).map_err(failed)?,
            narrow: Resampler::new(WIDE_HZ, rate_hz).map_err(failed)?,
            network: DenoiseState::new(),
            waiting: Vec::new(),
            ready: Vec::new(),
            samples: Vec::new(),
        };
        denoiser.reset();
        Ok(denoiser)
    }

    /// Samples a second, in and out.
    #[must_use]
    pub fn rate_hz(&self) -> u32 {
        self.rate_hz
    }

    /// By how much the output lags behind the input.
    #[must_use]
    pub fn delay(&self) -> Duration {
        FILLING + self.widen.delay() + OVERLAP + self.narrow.delay()
    }

    /// Takes in samples and appends as many to `output`: what came in [`delay`](Self::delay) ago,
    /// without its noise. Silence comes out before that.
    pub fn process(&mut self, samples: &[i16], output: &mut Vec<i16>) {
        self.samples.clear();
        self.samples.extend(samples.iter().map(|&sample| f32::from(sample)));
        self.widen.process_f32(&self.samples, &mut self.waiting);
        let (frames, rest) = self.waiting.as_chunks::<FRAME>();
        for frame in frames {
            let mut clean = [0.0; FRAME];
            self.network.process_frame(&mut clean, frame);
            self.narrow.process_f32(&clean, &mut self.ready);
        }
        let kept = rest.len();
        self.waiting.drain(..self.waiting.len() - kept);
        output.extend(self.ready.drain(..samples.len()).map(rounded));
    }

    /// Forgets all samples: the next one is the first of a new stream.
    pub fn reset(&mut self) {
        self.widen.reset();
        self.narrow.reset();
        self.network = DenoiseState::new();
        self.waiting.clear();
        self.ready.clear();
        // What comes out until the first frame is full.
        self.ready.resize(self.rate_hz as usize / FRAMES_PER_SECOND, 0.0);
    }
}

/// A detector of speech that hears no noise, its delay late.
#[derive(Clone, Debug)]
pub struct DenoisedVad<V> {
    vad: V,
    denoiser: Denoiser,
    clean: Vec<i16>,
}

impl<V: Vad> DenoisedVad<V> {
    /// What `vad` makes of the audio without its noise.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`] if it listens at neither 8 nor 16 kHz.
    pub fn new(vad: V) -> Result<Self> {
        let denoiser = Denoiser::new(vad.rate_hz())?;
        Ok(Self { vad, denoiser, clean: Vec::new() })
    }
}

impl<V: Vad> Vad for DenoisedVad<V> {
    fn rate_hz(&self) -> u32 {
        self.vad.rate_hz()
    }

    fn window(&self) -> usize {
        self.vad.window()
    }

    fn probability(&mut self, samples: &[i16]) -> f32 {
        self.clean.clear();
        self.denoiser.process(samples, &mut self.clean);
        self.vad.probability(&self.clean)
    }

    fn reset(&mut self) {
        self.vad.reset();
        self.denoiser.reset();
    }
}

/// A recogniser that hears no noise. Times in its transcripts are late by the delay, and the last
/// of the audio before the end of a stream, as long as the delay, is not heard.
#[derive(Clone, Debug)]
pub struct DenoisedAsr<A> {
    asr: A,
}

impl<A: Asr> DenoisedAsr<A> {
    /// What `asr` makes of the audio without its noise.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`] if it takes linear audio at neither 8 nor 16 kHz.
    pub fn new(asr: A) -> Result<Self> {
        let denoised = Self { asr };
        if denoised.info().formats.is_empty() {
            let name = denoised.asr.info().name;
            return Err(unsupported(format!("{name} takes no linear audio at 8000 or 16000 Hz")));
        }
        Ok(denoised)
    }
}

#[async_trait]
impl<A: Asr> Asr for DenoisedAsr<A> {
    fn info(&self) -> AsrInfo {
        let mut info = self.asr.info();
        info.formats.retain(|format| RATES_HZ.map(AudioFormat::pcm16).contains(format));
        info
    }

    async fn recognize(
        &self,
        request: AsrRequest,
        input: BoxStream<'static, AsrInput>,
    ) -> Result<BoxStream<'static, Result<AsrEvent>>> {
        let format = request.format;
        if !self.info().formats.contains(&format) {
            return Err(unsupported(format!("audio as {format:?}")));
        }
        let mut denoiser = Denoiser::new(format.rate_hz)?;
        let clean = input.map(move |input| match input {
            AsrInput::Audio(chunk) => AsrInput::Audio(clean_chunk(&mut denoiser, &chunk)),
            AsrInput::SpeechStarted => AsrInput::SpeechStarted,
            AsrInput::SpeechEnded => AsrInput::SpeechEnded,
            AsrInput::Finalize => AsrInput::Finalize,
        });
        self.asr.recognize(request, clean.boxed()).await
    }
}

fn clean_chunk(denoiser: &mut Denoiser, chunk: &AudioChunk) -> AudioChunk {
    let (mut samples, mut clean) = (Vec::new(), Vec::new());
    chunk.decode_into(&mut samples);
    denoiser.process(&samples, &mut clean);
    AudioChunk::from_pcm(denoiser.rate_hz, &clean)
}

#[expect(clippy::cast_possible_truncation, reason = "a cast from float saturates")]
fn rounded(sample: f32) -> i16 {
    sample.round() as i16
}

fn unsupported(message: String) -> Error {
    Error::new(ErrorKind::Unsupported, "denoise", message)
}
