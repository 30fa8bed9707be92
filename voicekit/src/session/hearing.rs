//! The caller's audio on its way to the engine: voice activity and recognition.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryFutureExt};
use tokio::sync::mpsc;
use voicekit_core::asr::{AsrEvent, AsrInput, AsrRequest, Transcript};
use voicekit_core::audio::{AudioChunk, AudioFormat};
use voicekit_core::dsp::Converter;
use voicekit_core::dsp::echo::{self, Echo};
use voicekit_core::error::Result;
use voicekit_core::time::Timestamp;
use voicekit_core::turn::Heard;
use voicekit_core::vad::{Foreground, Vad};

use crate::agent::{Parts, negotiate};

/// Pieces of audio that wait for a recogniser that is slow or still connecting: at 20 ms a piece,
/// ten seconds. When it is full, further pieces are dropped and counted.
const QUEUE: usize = 500;

/// The recogniser's stream and the way into it.
pub(super) struct Hearing {
    input: mpsc::Sender<AsrInput>,
    output: BoxStream<'static, Result<AsrEvent>>,
    converter: Converter,
    /// When its audio began.
    since: Option<Timestamp>,
    /// Whether its audio has left session time behind.
    is_astray: bool,
    dropped: u64,
}

impl Hearing {
    pub(super) fn open(parts: &Parts, language: &str, line: AudioFormat) -> Result<Self> {
        let format = negotiate(&parts.asr.info().formats, line);
        let converter = Converter::new(line, format)?;
        let (input, mut received) = mpsc::channel(QUEUE);
        let received = stream::poll_fn(move |cx| received.poll_recv(cx));
        let mut request = AsrRequest::new(format);
        language.clone_into(&mut request.language);
        request.vocabulary.clone_from(&parts.vocabulary);
        let asr = Arc::clone(&parts.asr);
        let opened = async move { asr.recognize(request, received.boxed()).await };
        let output = opened.try_flatten_stream().boxed();
        Ok(Self { input, output, converter, since: None, is_astray: false, dropped: 0 })
    }

    /// The next thing the recogniser says; `None` once it has ended.
    pub(super) async fn next(&mut self) -> Option<Result<AsrEvent>> {
        self.output.next().await
    }

    /// When the last word of `transcript` was said, if the recogniser says.
    pub(super) fn said_at(&self, transcript: &Transcript) -> Option<Timestamp> {
        if self.is_astray {
            return None;
        }
        Some(self.since? + transcript.end?)
    }

    /// Notes that session time has left something out: positions in the audio no longer tell it.
    pub(super) fn lost_time(&mut self) {
        self.is_astray = true;
    }

    pub(super) fn audio(&mut self, now: Timestamp, chunk: &AudioChunk) -> Result<()> {
        self.since.get_or_insert_with(|| now - chunk.duration());
        let converted = self.converter.process(chunk)?;
        if !converted.is_empty() {
            self.send(AsrInput::Audio(converted));
        }
        Ok(())
    }

    pub(super) fn send(&mut self, input: AsrInput) {
        if self.input.try_send(input).is_ok() {
            return;
        }
        self.dropped += 1;
        if self.dropped.is_power_of_two() {
            tracing::warn!(dropped = self.dropped, "the recogniser does not keep up");
        }
    }
}

/// What a detector of the end of turns is given: the last seconds of the caller's sound.
const HEARD: Duration = Duration::from_secs(8);

/// The voice activity detector, what does not fill a window yet, and the caller's last seconds if
/// somebody judges them.
pub(super) struct Activity {
    vad: Foreground<Box<dyn Vad>>,
    converter: Converter,
    samples: Vec<i16>,
    heard: Option<VecDeque<i16>>,
    echo: Option<EchoGate>,
}

/// What the agent sends, so that its own echo is not taken for the caller.
struct EchoGate {
    echo: Echo,
    converter: Converter,
    sent: Vec<i16>,
    /// Samples of the caller's that were judged.
    judged: u64,
}

impl Activity {
    pub(super) fn new(parts: &Parts, line: AudioFormat) -> Result<Self> {
        let vad = Foreground::new((parts.vad)()?);
        let converter = Converter::new(line, AudioFormat::pcm16(vad.rate_hz()))?;
        let heard = parts.detector.is_some().then(VecDeque::new);
        let echo = if vad.rate_hz() == echo::RATE_HZ { Some(EchoGate::new(line)?) } else { None };
        Ok(Self { vad, converter, samples: Vec::new(), heard, echo })
    }

    /// Notes that `chunk` has been sent and will be played `ahead` from now.
    pub(super) fn sent(&mut self, chunk: &AudioChunk, ahead: Duration) -> Result<()> {
        let waiting = self.samples.len();
        self.echo.as_mut().map_or(Ok(()), |gate| gate.sent(waiting, chunk, ahead))
    }

    /// Notes that what has not been played will not be.
    pub(super) fn cleared(&mut self) {
        if let Some(gate) = &mut self.echo {
            gate.echo.cleared(gate.judged);
        }
    }

    /// The caller's last seconds, in which `text` was said.
    pub(super) fn heard(&self, text: &str) -> Heard {
        let samples = self.heard.iter().flatten().copied().collect();
        Heard::new(samples, self.vad.rate_hz(), text)
    }

    fn keep(&mut self, from: usize) {
        let Some(heard) = &mut self.heard else { return };
        heard.extend(&self.samples[from..]);
        let most = AudioFormat::pcm16(self.vad.rate_hz()).bytes_in(HEARD) / 2;
        heard.drain(..heard.len().saturating_sub(most));
    }

    /// Takes in what the caller says; [`next`](Self::next) tells how it sounds.
    pub(super) fn audio(&mut self, chunk: &AudioChunk) -> Result<()> {
        let from = self.samples.len();
        self.converter.process_into(chunk, &mut self.samples)?;
        self.keep(from);
        Ok(())
    }

    /// The probability of speech in the next window that is whole.
    pub(super) fn next(&mut self) -> Option<f32> {
        let window = self.samples.get(..self.vad.window()).filter(|window| !window.is_empty())?;
        let somebody = self.vad.probability(window);
        let caller = self.echo.as_mut().map(|gate| gate.caller(window, somebody));
        self.samples.drain(..self.vad.window());
        Some(percent(caller.unwrap_or(somebody)))
    }
}

impl EchoGate {
    fn new(line: AudioFormat) -> Result<Self> {
        let converter = Converter::new(line, AudioFormat::pcm16(echo::RATE_HZ))?;
        Ok(Self { echo: Echo::new(), converter, sent: Vec::new(), judged: 0 })
    }

    /// `waiting` samples of the caller's have come and are not judged yet.
    fn sent(&mut self, waiting: usize, chunk: &AudioChunk, ahead: Duration) -> Result<()> {
        self.sent.clear();
        self.converter.process_into(chunk, &mut self.sent)?;
        let ahead = AudioFormat::pcm16(echo::RATE_HZ).bytes_in(ahead) / 2;
        self.echo.outgoing(self.judged + (waiting + ahead) as u64, &self.sent);
        Ok(())
    }

    /// How likely the caller spoke in this window, if somebody did with this probability.
    fn caller(&mut self, window: &[i16], somebody: f32) -> f32 {
        self.judged += window.len() as u64;
        self.echo.near_end(window, somebody)
    }
}

/// Two decimals are all that a detector means and a trace needs.
fn percent(probability: f32) -> f32 {
    (probability * 100.0).round() / 100.0
}

/// What [`Hearing::next`] gives when there is no recogniser at the moment.
pub(super) async fn next(hearing: &mut Option<Hearing>) -> Option<Result<AsrEvent>> {
    match hearing {
        Some(hearing) => hearing.next().await,
        None => std::future::pending().await,
    }
}
