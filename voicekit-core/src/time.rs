//! Session time: when things happen in a call.
//!
//! voicekit keeps three clocks apart. *Session time* ([`Timestamp`]) starts at zero when a call
//! starts and drives the engine; *media time* ([`MediaTime`]) counts samples of a stream; *wall
//! time* is for logs and belongs to the application. None of them is read here: time is always an
//! argument.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A point in session time: microseconds since the call started.
///
/// It prints as milliseconds (`1500`, or `1500.25` where it is not whole), which is also how
/// traces store it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The start of the call.
    pub const ZERO: Self = Self(0);

    /// The point `micros` microseconds into the call.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// The point `millis` milliseconds into the call.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis * 1_000)
    }

    /// Microseconds since the call started.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Whole milliseconds since the call started.
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000
    }

    /// Seconds since the call started.
    pub fn as_secs_f64(self) -> f64 {
        self.since_start().as_secs_f64()
    }

    /// How far into the call this is.
    pub const fn since_start(self) -> Duration {
        Duration::from_micros(self.0)
    }

    /// The time from `earlier` to `self`; zero if `earlier` is not earlier.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl From<Duration> for Timestamp {
    fn from(since_start: Duration) -> Self {
        Self(u64::try_from(since_start.as_micros()).unwrap_or(u64::MAX))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;
    fn add(self, rhs: Duration) -> Self {
        Self(self.0.saturating_add(Self::from(rhs).0))
    }
}

impl AddAssign<Duration> for Timestamp {
    fn add_assign(&mut self, rhs: Duration) {
        *self = *self + rhs;
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;
    fn sub(self, rhs: Duration) -> Self {
        Self(self.0.saturating_sub(Self::from(rhs).0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Millis(self.since_start()).fmt(f)
    }
}

impl FromStr for Timestamp {
    type Err = ParseMillisError;
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Millis::from_str(s).map(|millis| Self::from(millis.0))
    }
}

/// A duration written as milliseconds, the unit of traces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Millis(pub(crate) Duration);

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0.as_micros();
        let (whole, rest) = (micros / 1_000, micros % 1_000);
        if rest == 0 {
            return f.pad(&whole.to_string());
        }
        f.pad(format!("{whole}.{rest:03}").trim_end_matches('0'))
    }
}

impl FromStr for Millis {
    type Err = ParseMillisError;
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let (whole, rest) = s.split_once('.').unwrap_or((s, "0"));
        if rest.is_empty() || rest.len() > 3 || !rest.bytes().all(|b| b.is_ascii_digit()) {
            return Err(ParseMillisError);
        }
        let whole: u64 = whole.parse().map_err(|_| ParseMillisError)?;
        let micros: u64 = format!("{rest:0<3}").parse().map_err(|_| ParseMillisError)?;
        let whole = whole.checked_mul(1_000).ok_or(ParseMillisError)?;
        Ok(Self(Duration::from_micros(whole.checked_add(micros).ok_or(ParseMillisError)?)))
    }
}

/// A duration in a configuration file, as whole milliseconds: for `#[serde(with = …)]`.
pub mod in_ms {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes it.
    ///
    /// # Errors
    ///
    /// Those of the format.
    pub fn serialize<S: Serializer>(value: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(u64::try_from(value.as_millis()).unwrap_or(u64::MAX))
    }

    /// Reads it.
    ///
    /// # Errors
    ///
    /// Those of the format, and what is no whole number.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_millis)
    }
}

/// The same where there may be none.
pub mod some_in_ms {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    /// Writes it.
    ///
    /// # Errors
    ///
    /// Those of the format.
    pub fn serialize<S: Serializer>(value: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
        value.map(|value| u64::try_from(value.as_millis()).unwrap_or(u64::MAX)).serialize(to)
    }

    /// Reads it.
    ///
    /// # Errors
    ///
    /// Those of the format, and what is no whole number.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<u64>::deserialize(from)?.map(Duration::from_millis))
    }
}

/// The same for several.
pub mod all_in_ms {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes them.
    ///
    /// # Errors
    ///
    /// Those of the format.
    pub fn serialize<S: Serializer>(values: &[Duration], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(values.iter().map(Duration::as_millis))
    }

    /// Reads them.
    ///
    /// # Errors
    ///
    /// Those of the format, and what is no list of whole numbers.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Duration>, D::Error> {
        let millis = Vec::<u64>::deserialize(from)?;
        Ok(millis.into_iter().map(Duration::from_millis).collect())
    }
}

/// The text is not a number of milliseconds such as `1500` or `1500.25`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a time in milliseconds")]
#[non_exhaustive]
pub struct ParseMillisError;

/// A position in a stream of audio: a number of samples at a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "samples and a rate are all there is to media time")]
pub struct MediaTime {
    /// Samples since the stream started, per channel.
    pub samples: u64,
    /// Samples a second.
    pub rate_hz: u32,
}

impl MediaTime {
    /// The time that this many samples last.
    ///
    /// # Panics
    ///
    /// Never: a rate of zero is taken as no time at all.
    pub fn duration(self) -> Duration {
        if self.rate_hz == 0 {
            return Duration::ZERO;
        }
        let micros = u128::from(self.samples) * 1_000_000 / u128::from(self.rate_hz);
        Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_reads_back_as_it_was_printed() {
        for micros in [0, 1, 999, 1_000, 1_500_000, 1_500_250, u64::MAX] {
            let at = Timestamp::from_micros(micros);
            assert_eq!(at.to_string().parse(), Ok(at));
        }
        assert_eq!(Timestamp::from_micros(1_500_250).to_string(), "1500.25");
    }

    #[test]
    fn what_is_not_a_time_is_refused() {
        for bad in ["", "x", "1.", "1.2345", "-1", "1.-5", "99999999999999999999"] {
            assert!(bad.parse::<Timestamp>().is_err(), "{bad}");
        }
    }
}
