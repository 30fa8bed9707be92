//! The options of `phone-agent call`.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use voicekit_core::transport::Digit;

use crate::AgentArgs;

/// Whom to call, and what to say.
#[derive(Debug, Args)]
pub(crate) struct CallArgs {
    /// What the caller says, turn by turn: WAV files, or texts, which the agent's own voice
    /// speaks [default: a short conversation].
    #[arg(value_name = "FILE.wav|TEXT")]
    turns: Vec<String>,
    /// One more thing that the caller says, after the others.
    #[arg(long, value_name = "TEXT")]
    say: Vec<String>,
    /// Interrupts the agent so long after its answer to a turn became audible, with what is said
    /// next: `1.2s`, or `2:800ms` for the second turn's answer; turn 0 is the greeting.
    #[arg(long, value_name = "[TURN:]TIME")]
    pub(crate) interrupt_after: Vec<Interruption>,
    /// Presses a key so long after the call started, such as `5:2.5s`.
    #[arg(long, value_name = "KEY:TIME")]
    pub(crate) press: Vec<Press>,
    /// How long the agent must be silent before the caller speaks again.
    #[arg(long, value_name = "TIME", default_value = "700ms", value_parser = time)]
    pub(crate) gap: Duration,
    /// How long the caller waits for an answer to begin.
    #[arg(long, value_name = "TIME", default_value = "15s", value_parser = time)]
    pub(crate) patience: Duration,
    /// Calls an agent that runs elsewhere instead of its own: its voice webhook (`http://…`),
    /// or its media stream (`ws://…`) without asking the webhook.
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// The account's token, with which requests to the webhook are signed.
    #[arg(long, env = "TWILIO_AUTH_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    pub(crate) auth_token: Option<String>,
    /// The server's public address, if the webhook knows itself by another name.
    #[arg(long, env = "PUBLIC_URL", value_name = "URL")]
    pub(crate) public_url: Option<String>,
    /// Plays the demonstration and fails if anything in it goes otherwise: two questions, a booking
    /// with a mistake in it, an interruption while it is written, a transfer.
    #[arg(long, conflicts_with_all = [
        "turns", "say", "interrupt_after", "press", "gap", "url", "knowledge", "receptionist",
    ])]
    pub(crate) story: bool,
    /// Where the recording, the trace and the page go.
    #[arg(long, value_name = "DIR", default_value = "call")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) agent: AgentArgs,
}

impl CallArgs {
    /// What the caller says, in order.
    pub(crate) fn lines(&self, default: &[&str]) -> Vec<String> {
        if self.turns.is_empty() && self.say.is_empty() {
            return default.iter().map(|&line| line.to_owned()).collect();
        }
        self.turns.iter().chain(&self.say).cloned().collect()
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
    #[error("expected a time such as 1.2s or 800ms")]
    Time,
    #[error("expected a time such as 1.2s, or a turn and a time such as 2:800ms")]
    Interruption,
    #[error("expected a key and a time such as 5:2.5s; keys are 0-9, *, # and A-D")]
    Press,
}

/// A time with its unit.
fn time(text: &str) -> Result<Duration, BadValue> {
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, 1e-3),
        None => (text.strip_suffix('s').ok_or(BadValue::Time)?, 1.0),
    };
    let number: f64 = number.parse().map_err(|_| BadValue::Time)?;
    Duration::try_from_secs_f64(number * unit).map_err(|_| BadValue::Time)
}

impl FromStr for Interruption {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        let (turn, after) = text.split_once(':').unwrap_or(("1", text));
        let turn = turn.parse().map_err(|_| BadValue::Interruption)?;
        let after = time(after).map_err(|_| BadValue::Interruption)?;
        Ok(Self { turn, after })
    }
}

impl FromStr for Press {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        let (key, at) = text.split_once(':').ok_or(BadValue::Press)?;
        let mut keys = key.chars();
        let (Some(key), None) = (keys.next(), keys.next()) else { return Err(BadValue::Press) };
        let key = Digit::new(key).ok_or(BadValue::Press)?;
        Ok(Self { key, at: time(at).map_err(|_| BadValue::Press)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_say_what_they_expect() {
        let interruption = Interruption { turn: 1, after: Duration::from_millis(1_200) };
        assert_eq!("1.2s".parse(), Ok(interruption));
        let interruption = Interruption { turn: 2, after: Duration::from_millis(800) };
        assert_eq!("2:800ms".parse(), Ok(interruption));
        for bad in ["", "2", "x:1s", "1:-5s", "1:2:3s", "1:NaNs", "9e99s"] {
            assert_eq!(bad.parse::<Interruption>(), Err(BadValue::Interruption), "{bad}");
        }
        let press = Press { key: Digit::new('#').unwrap(), at: Duration::from_millis(10) };
        assert_eq!("#:10ms".parse(), Ok(press));
        for bad in ["", "5", "55:1s", "x:1s", "5:x"] {
            assert_eq!(bad.parse::<Press>(), Err(BadValue::Press), "{bad}");
        }
    }
}
