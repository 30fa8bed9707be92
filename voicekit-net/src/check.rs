//! Checks of a service's settings.

use std::env::{self, VarError};
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use voicekit_core::error::{Error, ErrorKind, Result};

/// Checks the settings of one service. What is wrong is an error of kind `Config` that names the
/// field, its value and the range.
#[derive(Clone, Copy, Debug)]
pub struct Check(&'static str);

impl Check {
    /// Of `service`, as it is called in errors.
    pub const fn new(service: &'static str) -> Self {
        Self(service)
    }

    /// `value` is not blank.
    ///
    /// # Errors
    ///
    /// `Config` if it is.
    pub fn filled(self, field: &str, value: &str) -> Result<()> {
        if value.trim().is_empty() { Err(self.wrong(format!("{field} is empty"))) } else { Ok(()) }
    }

    /// `value` is in `range`.
    ///
    /// # Errors
    ///
    /// `Config` if it is not, or is not a number.
    pub fn within<T: PartialOrd + Display>(
        self,
        field: &str,
        value: T,
        range: RangeInclusive<T>,
    ) -> Result<()> {
        if range.contains(&value) {
            return Ok(());
        }
        let (least, most) = range.into_inner();
        Err(self.wrong(format!("{field} is {value}, not {least} to {most}")))
    }

    /// The same for a field in milliseconds.
    ///
    /// # Errors
    ///
    /// `Config` if it is not.
    pub fn within_ms(
        self,
        field: &str,
        value: Duration,
        range: RangeInclusive<Duration>,
    ) -> Result<()> {
        let (least, most) = range.into_inner();
        self.within(field, value.as_millis(), least.as_millis()..=most.as_millis())
    }

    /// The environment variable `name`, without spaces around it; `None` if it is not set or
    /// blank.
    ///
    /// # Errors
    ///
    /// `Config` if it is not Unicode.
    pub fn var(self, name: &str) -> Result<Option<String>> {
        match env::var(name) {
            Ok(text) => Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
            Err(VarError::NotPresent) => Ok(None),
            Err(VarError::NotUnicode(_)) => Err(self.wrong(format!("{name} is not Unicode"))),
        }
    }

    /// The error that says so.
    pub fn wrong(self, text: impl Into<String>) -> Error {
        Error::new(ErrorKind::Config, self.0, text.into())
    }
}
