//! The options of `phone-agent call`.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use voicekit_core::transport::Digit;

use crate::ModelArgs;

/// Whom to call, and what to say.
#[derive(Debug, Args)]
pub(crate) struct CallArgs {
    /// What the caller says next: a text, which the agent's own voice speaks, or a WAV file.
    /// Repeat it for more turns [default: a short conversation].
    #[arg(long, value_name = "TEXT|FILE.wav")]
    say: Vec<String>,
    /// Interrupts the answer to this turn (0: the greeting) so many milliseconds after it became
    /// audible, with what is said next.
    #[arg(long, value_name = "TURN:MS")]
    pub(crate) interrupt: Vec<Interruption>,
    /// Presses a key so many milliseconds after the call started.
    #[arg(long, value_name = "KEY:MS")]
    pub(crate) press: Vec<Press>,
    /// How long the agent must be silent before the caller speaks again.
    #[arg(long, value_name = "MS", default_value_t = 700)]
    gap: u64,
    /// How long the caller waits for an answer to begin.
    #[arg(long, value_name = "MS", default_value_t = 15_000)]
    patience: u64,
    /// Calls the agent whose voice webhook is here, instead of one of its own.
    #[arg(long, value_name = "http://HOST:PORT/PATH", conflicts_with = "stream")]
    pub(crate) webhook: Option<String>,
    /// Calls the media stream here, without asking a webhook.
    #[arg(long, value_name = "ws://HOST:PORT/PATH")]
    pub(crate) stream: Option<String>,
    /// The account's token, with which the request to the webhook is signed.
    #[arg(long, env = "TWILIO_AUTH_TOKEN", hide_env_values = true, requires = "webhook")]
    pub(crate) auth_token: Option<String>,
    /// The server's public address, if the webhook knows itself by another name.
    #[arg(long, env = "PUBLIC_URL", value_name = "URL", requires = "webhook")]
    pub(crate) public_url: Option<String>,
    /// Where the recording, the trace and the page go.
    #[arg(long, value_name = "DIR", default_value = "call")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) models: ModelArgs,
}

impl CallArgs {
    /// What the caller says, in order.
    pub(crate) fn lines(&self, default: &[&str]) -> Vec<String> {
        if self.say.is_empty() {
            return default.iter().map(|&line| line.to_owned()).collect();
        }
        self.say.clone()
    }

    pub(crate) fn gap(&self) -> Duration {
        Duration::from_millis(self.gap)
    }

    pub(crate) fn patience(&self) -> Duration {
        Duration::from_millis(self.patience)
    }
}

/// An interruption: of the answer to a turn, so long after it became audible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Interruption {
    /// The turn, from 1; 0 is the greeting.
    pub(crate) turn: usize,
    pub(crate) after: Duration,
}

/// A key, pressed at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Press {
    pub(crate) key: Digit,
    pub(crate) at: Duration,
}

/// The option's value does not have the form its help names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadValue {
    #[error("expected TURN:MS such as 1:800")]
    Interruption,
    #[error("expected KEY:MS such as 5:2500; keys are 0-9, *, # and A-D")]
    Press,
}

impl FromStr for Interruption {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        let (turn, after) = text.split_once(':').ok_or(BadValue::Interruption)?;
        let turn = turn.parse().map_err(|_| BadValue::Interruption)?;
        let after = after.parse().map_err(|_| BadValue::Interruption)?;
        Ok(Self { turn, after: Duration::from_millis(after) })
    }
}

impl FromStr for Press {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        let (key, at) = text.split_once(':').ok_or(BadValue::Press)?;
        let mut keys = key.chars();
        let (Some(key), None) = (keys.next(), keys.next()) else { return Err(BadValue::Press) };
        let key = Digit::new(key).ok_or(BadValue::Press)?;
        let at = at.parse().map_err(|_| BadValue::Press)?;
        Ok(Self { key, at: Duration::from_millis(at) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_say_what_they_expect() {
        let interruption = Interruption { turn: 2, after: Duration::from_millis(800) };
        assert_eq!("2:800".parse(), Ok(interruption));
        for bad in ["", "2", "x:1", "1:-5", "1:2:3"] {
            assert_eq!(bad.parse::<Interruption>(), Err(BadValue::Interruption), "{bad}");
        }
        let press = Press { key: Digit::new('#').unwrap(), at: Duration::from_millis(10) };
        assert_eq!("#:10".parse(), Ok(press));
        for bad in ["", "5", "55:1", "x:1", "5:x"] {
            assert_eq!(bad.parse::<Press>(), Err(BadValue::Press), "{bad}");
        }
    }
}
