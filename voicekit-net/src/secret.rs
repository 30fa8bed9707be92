//! Text that must not appear in logs, errors or files.

use std::env::{self, VarError};
use std::fmt;

use serde::{Deserialize, Serialize, Serializer};
use voicekit_core::error::{Error, ErrorKind, Result};

/// A secret. Neither its `Debug` nor its serialised form shows it: it is read from configuration,
/// never written to it.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// What stands for a secret wherever one would be written.
    pub const REDACTED: &'static str = "[redacted]";

    /// Keeps `text` secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The environment variable `name`, for `service`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if it is not set, empty or not Unicode. The error names the variable
    /// and never its value.
    pub fn from_env(service: &'static str, name: &str) -> Result<Self> {
        let wrong = |what: &str| Error::new(ErrorKind::Config, service, format!("{name} {what}"));
        match env::var(name) {
            Ok(text) if text.trim().is_empty() => Err(wrong("is empty")),
            Ok(text) => Ok(Self(text.trim().to_owned())),
            Err(VarError::NotPresent) => Err(wrong("is not set")),
            Err(VarError::NotUnicode(_)) => Err(wrong("is not Unicode")),
        }
    }

    /// The secret itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::REDACTED)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(Self::REDACTED)
    }
}

impl<T: Into<String>> From<T> for Secret {
    fn from(text: T) -> Self {
        Self::new(text)
    }
}
