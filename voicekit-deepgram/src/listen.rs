//! What both recognisers share: formats, how audio is sent, and reading messages.

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use voicekit_core::audio::{AudioChunk, AudioFormat, Encoding};
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_core::time::MediaTime;
use voicekit_net::pump::Pace;
use voicekit_net::{Endpoint, Frame, RetryPolicy, lenient};

use crate::SERVICE;
use crate::config::Parameter;
use crate::failure::Failures;
use crate::wire::Envelope;

/// What is taken, the telephone's own first: it goes through untouched.
pub(crate) const FORMATS: [AudioFormat; 6] = [
    AudioFormat::PHONE,
    AudioFormat::new(Encoding::ALaw, 8_000),
    AudioFormat::pcm16(8_000),
    AudioFormat::pcm16(16_000),
    AudioFormat::pcm16(24_000),
    AudioFormat::pcm16(48_000),
];

/// The service's documentation: audio may be sent at 1.25 times the speed of speech at most.
const SPEED: f64 = 1.25;

/// The most terms a service takes: 500 tokens in all, of which a term has a few.
const MOST_TERMS: usize = 100;

/// What comes before a connection is open is sent at once, up to this.
const BURST: Duration = Duration::from_millis(500);

pub(crate) fn check(format: AudioFormat) -> Result<()> {
    if FORMATS.contains(&format) {
        return Ok(());
    }
    let text = format!("{format} is none of the formats it takes");
    Err(Error::new(ErrorKind::Unsupported, SERVICE, text))
}

/// The encoding's name in queries.
pub(crate) fn encoding(format: AudioFormat) -> &'static str {
    match format.encoding {
        Encoding::MuLaw => "mulaw",
        Encoding::ALaw => "alaw",
        // There is no other one among the formats.
        Encoding::Pcm16 | _ => "linear16",
    }
}

/// The parameters that say what the audio is.
pub(crate) fn parameters(format: AudioFormat) -> [Parameter; 2] {
    [("encoding", encoding(format).to_owned()), ("sample_rate", format.rate_hz.to_string())]
}

pub(crate) fn with_parameters(
    endpoint: &Endpoint,
    parameters: impl IntoIterator<Item = Parameter>,
) -> Result<Endpoint> {
    let add = |endpoint: Endpoint, (name, value): Parameter| endpoint.with_query(name, &value);
    parameters.into_iter().try_fold(endpoint.clone(), add)
}

/// As many of the terms as are taken.
pub(crate) fn terms(vocabulary: &[String]) -> &[String] {
    if vocabulary.len() > MOST_TERMS {
        let given = vocabulary.len();
        tracing::warn!(service = SERVICE, given, MOST_TERMS, "the vocabulary is too long");
    }
    &vocabulary[..vocabulary.len().min(MOST_TERMS)]
}

pub(crate) fn pace() -> Pace {
    Pace::new(SPEED).with_burst(BURST)
}

/// Five attempts, after 100, 200, 400 and 800 ms: longer outages end the stream, and whoever opened
/// it decides.
pub(crate) fn reconnect() -> RetryPolicy {
    RetryPolicy::exponential(5, Duration::from_millis(100), Duration::from_secs(5))
}

/// A message of the service, and what every message has.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) envelope: Envelope,
    whole: Value,
}

impl Message {
    /// The message in `frame`; `None` if it is no text.
    pub(crate) fn read(frame: &Frame, failures: &Failures) -> Result<Option<Self>> {
        let text = match frame {
            Frame::Text(text) => text,
            Frame::Binary(bytes) => {
                tracing::debug!(service = SERVICE, bytes = bytes.len(), "binary message skipped");
                return Ok(None);
            }
        };
        let whole = lenient::parse(text).map_err(|_| failures.malformed("it is not JSON"))?;
        let envelope =
            Envelope::deserialize(&whole).map_err(|_| failures.malformed("it has no type"))?;
        Ok(Some(Self { envelope, whole }))
    }

    /// The message as one of its kind.
    pub(crate) fn body<T: DeserializeOwned>(&self, failures: &Failures) -> Result<T> {
        T::deserialize(&self.whole).map_err(|_| failures.malformed("a required field is missing"))
    }
}

/// How much audio of the input was taken.
#[derive(Debug)]
pub(crate) struct Taken {
    format: AudioFormat,
    samples: u64,
}

impl Taken {
    pub(crate) fn new(format: AudioFormat) -> Self {
        Self { format, samples: 0 }
    }

    pub(crate) fn format(&self) -> AudioFormat {
        self.format
    }

    /// From the start of the input.
    pub(crate) fn duration(&self) -> Duration {
        MediaTime { samples: self.samples, rate_hz: self.format.rate_hz }.duration()
    }

    /// Counts `chunk`, which has to be in the format that was announced.
    pub(crate) fn take(&mut self, chunk: &AudioChunk) -> Result<()> {
        if chunk.format() != self.format {
            let text = format!("{} was announced, not {}", self.format, chunk.format());
            return Err(Error::new(ErrorKind::Unsupported, SERVICE, text));
        }
        self.samples += chunk.samples() as u64;
        Ok(())
    }
}

/// The stretches of text as one.
pub(crate) fn join(first: &str, second: &str) -> String {
    match (first.trim(), second.trim()) {
        ("", text) | (text, "") => text.to_owned(),
        (first, second) => format!("{first} {second}"),
    }
}
