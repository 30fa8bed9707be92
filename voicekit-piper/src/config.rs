//! What can be set, and its one check.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use voicekit_core::audio::AudioFormat;
use voicekit_core::error::{ErrorKind, Result};
use voicekit_core::time::in_ms;
use voicekit_net::Check;

use crate::{SERVICE, error};

const CHECK: Check = Check::new(SERVICE);

/// Where `wyoming-piper` listens unless it is told otherwise.
const WYOMING_PORT: u16 = 10_200;

/// How much longer each character of a text may take: at 15 characters a second and a real-time
/// factor of 0.23, measured on two shared cores, 15 ms; four times that.
const PER_CHARACTER: Duration = Duration::from_millis(60);

/// Which server speaks, and how.
///
/// [`Piper::new`](crate::Piper::new) checks it and names the field, the value and the range of
/// what is wrong. Files write durations as milliseconds, in fields named `…_ms`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PiperConfig {
    /// The server: `tcp://host:10200` speaks Wyoming (the port may be left out),
    /// `http://host:5000` is Piper's HTTP server.
    pub url: String,
    /// The voice where the reply names none, such as `en_US-joe-medium`. Default: the server's.
    #[serde(default)]
    pub voice: Option<String>,
    /// Which speaker of a voice with several, by name or number; over Wyoming only together with
    /// [`voice`](Self::voice). Default: the voice's first.
    #[serde(default)]
    pub speaker: Option<String>,
    /// How slow: 2 takes twice the time. HTTP only; 0.25 to 4. Default: the server's.
    #[serde(default)]
    pub length_scale: Option<f32>,
    /// The rate of what is given out, 8,000 to 48,000. A voice that has another is converted.
    /// Default: 22,050, that of voices of medium and high quality.
    #[serde(default = "rate")]
    pub rate_hz: u32,
    /// How many clauses of a reply may be with the server at once: the one that is heard and
    /// those asked for ahead. 1 to 8, default 2.
    #[serde(default = "concurrency")]
    pub concurrency: usize,
    /// How long making a connection may take: 0.1 s to 10 s, default 1 s. One that is refused is
    /// tried again five times, 200 ms apart.
    #[serde(rename = "connect_ms", default = "connect", with = "in_ms")]
    pub connect: Duration,
    /// How long the server may be silent while it owes audio, beside 60 ms a character of the
    /// text: 0.5 s to 60 s, default 10 s.
    #[serde(rename = "answer_ms", default = "answer", with = "in_ms")]
    pub answer: Duration,
}

/// How the server is spoken to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Server {
    /// Wyoming, at this URL as the connector takes it.
    Wyoming(String),
    /// Piper's HTTP server.
    Http(String),
}

impl PiperConfig {
    /// The defaults for the server at `url`.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            voice: None,
            speaker: None,
            length_scale: None,
            rate_hz: rate(),
            concurrency: concurrency(),
            connect: connect(),
            answer: answer(),
        }
    }

    /// The defaults for the server at `PIPER_URL`, with the voice `PIPER_VOICE` if that is set.
    ///
    /// # Errors
    ///
    /// `Config` if the URL is missing, or a variable is not Unicode.
    pub fn from_env() -> Result<Self> {
        let Some(url) = CHECK.var("PIPER_URL")? else {
            return Err(error(ErrorKind::Config, "PIPER_URL is not set"));
        };
        Ok(Self { voice: CHECK.var("PIPER_VOICE")?, ..Self::new(url) })
    }

    /// Sets [`voice`](Self::voice).
    #[must_use]
    pub fn with_voice(mut self, voice: impl Into<String>) -> Self {
        self.voice = Some(voice.into());
        self
    }

    /// Sets [`speaker`](Self::speaker).
    #[must_use]
    pub fn with_speaker(mut self, speaker: impl Into<String>) -> Self {
        self.speaker = Some(speaker.into());
        self
    }

    /// Sets [`rate_hz`](Self::rate_hz).
    #[must_use]
    pub fn with_rate_hz(mut self, rate_hz: u32) -> Self {
        self.rate_hz = rate_hz;
        self
    }

    /// Sets [`concurrency`](Self::concurrency).
    #[must_use]
    pub fn with_concurrency(mut self, clauses: usize) -> Self {
        self.concurrency = clauses;
        self
    }

    pub(crate) fn check(&self) -> Result<Server> {
        let server = self.server()?;
        for (field, value) in [("voice", &self.voice), ("speaker", &self.speaker)] {
            if value.as_ref().is_some_and(|value| value.trim().is_empty()) {
                return Err(error(ErrorKind::Config, format!("{field} is empty")));
            }
        }
        if let Server::Wyoming(_) = server {
            if self.speaker.is_some() && self.voice.is_none() {
                return Err(error(ErrorKind::Config, "speaker needs voice over Wyoming"));
            }
            if self.length_scale.is_some() {
                return Err(error(ErrorKind::Config, "length_scale cannot be sent over Wyoming"));
            }
        }
        if let Some(scale) = self.length_scale {
            CHECK.within("length_scale", scale, 0.25..=4.0)?;
        }
        CHECK.within("rate_hz", self.rate_hz, 8_000..=48_000)?;
        CHECK.within("concurrency", self.concurrency, 1..=8)?;
        CHECK.within("connect_ms", self.connect.as_millis(), 100..=10_000)?;
        CHECK.within("answer_ms", self.answer.as_millis(), 500..=60_000)?;
        Ok(server)
    }

    pub(crate) fn format(&self) -> AudioFormat {
        AudioFormat::pcm16(self.rate_hz)
    }

    /// How long the server may be silent while it owes the audio of `text`.
    pub(crate) fn patience(&self, text: &str) -> Duration {
        let characters = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
        self.answer.saturating_add(PER_CHARACTER.saturating_mul(characters))
    }

    fn server(&self) -> Result<Server> {
        let url = self.url.trim().trim_end_matches('/');
        match url.split_once("://") {
            Some(("http" | "https", _)) => Ok(Server::Http(url.to_owned())),
            Some(("tcp", host)) if !host.is_empty() && !host.contains('/') => {
                let has_port = host.rsplit_once(':').is_some_and(|(_, port)| !port.contains(']'));
                let port = if has_port { String::new() } else { format!(":{WYOMING_PORT}") };
                Ok(Server::Wyoming(format!("http://{host}{port}")))
            }
            _ => {
                let text = "url must be tcp://host:port for Wyoming, or http://host:port";
                Err(error(ErrorKind::Config, text))
            }
        }
    }
}

fn rate() -> u32 {
    22_050
}

fn concurrency() -> usize {
    2
}

fn connect() -> Duration {
    Duration::from_secs(1)
}

fn answer() -> Duration {
    Duration::from_secs(10)
}
