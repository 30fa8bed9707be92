//! What is learned from the caller's own pauses.
//!
//! Some callers pause for a quarter of a second between phrases, others for one. Each pause after
//! which the caller went on, without a word of the agent in between, moves an estimate, and no
//! turn ends before a silence of that length. What the agent says teaches nothing: a pause across
//! a reply is the length of the reply.
//!
//! Where a detector is certain that the caller has finished, its word counts more. Everywhere, a
//! floor of the mean pause would make all callers wait for the sake of the hesitating ones: it cut
//! off 19 instead of 22 % of hesitations and took 617 instead of 451 ms to end a turn.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};

use super::config::at_least;

/// How quickly is learned, and within which bounds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Config {
    /// How much the newest pause counts against all before it. 0 (nothing is learned) to 1;
    /// default 0.3.
    pub weight: f32,
    /// The estimate before anything was learned, and the least it can be. Default: 300 ms.
    #[serde(rename = "least_ms", with = "crate::time::in_ms")]
    pub least: Duration,
    /// The most it can be. At least `least`; default 900 ms, which 90 % of pauses do not reach.
    #[serde(rename = "most_ms", with = "crate::time::in_ms")]
    pub most: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self { weight: 0.3, least: Duration::from_millis(300), most: Duration::from_millis(900) }
    }
}

impl Config {
    /// Checks that the values fit each other.
    ///
    /// # Errors
    ///
    /// `Config`, naming the fields and their values.
    pub fn check(&self) -> Result<()> {
        if !(0.0..=1.0).contains(&self.weight) {
            let message = format!("pauses.weight is {}, not within 0 to 1", self.weight);
            return Err(Error::new(ErrorKind::Config, "turn", message));
        }
        at_least(("pauses.most", self.most), ("pauses.least", self.least))
    }
}

/// The estimate for one caller.
#[derive(Clone, Debug, Default)]
pub(super) struct Pauses(Option<Duration>);

impl Pauses {
    /// The caller went on after a pause of this length.
    pub(super) fn learn(&mut self, pause: Duration, config: &Config) {
        let before = self.floor(config).as_secs_f32();
        let pause = pause.clamp(config.least, config.most).as_secs_f32();
        let after = before + config.weight * (pause - before);
        self.0 = Some(Duration::from_secs_f32(after));
    }

    /// The silence that a turn's end needs at least.
    pub(super) fn floor(&self, config: &Config) -> Duration {
        self.0.unwrap_or_default().clamp(config.least, config.most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        Config { weight: 0.5, ..Config::default() }
    }

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn learned(lengths: &[u64]) -> Duration {
        let mut pauses = Pauses::default();
        lengths.iter().for_each(|&length| pauses.learn(ms(length), &config()));
        let floor = pauses.floor(&config());
        // To the nearest millisecond.
        Duration::from_millis((floor + Duration::from_micros(500)).subsec_millis().into())
    }

    #[test]
    fn a_pause_moves_the_estimate_by_its_weight() {
        assert_eq!(learned(&[]), ms(300));
        assert_eq!(learned(&[400]), ms(350));
        assert_eq!(learned(&[400, 750]), ms(550));
    }

    #[test]
    fn the_estimate_stays_within_its_bounds() {
        assert_eq!(learned(&[5_000; 20]), ms(900));
        assert_eq!(learned(&[900, 900, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10]), ms(300));
    }

    #[test]
    fn settings_that_contradict_each_other_are_refused_by_name() {
        let upside_down = Config { least: ms(1_000), ..Config::default() };
        let text = upside_down.check().unwrap_err().to_string();
        assert_eq!(text, "turn: pauses.most (900ms) is below pauses.least (1s)");
        assert!(Config { weight: f32::NAN, ..Config::default() }.check().is_err());
    }
}
