//! The account with which the carrier's REST interface is used.

use serde::{Deserialize, Serialize};
use voicekit_core::error::Result;
use voicekit_net::{Check, Secret};

use crate::SERVICE;

/// The account whose calls are transferred and whose keys are pressed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Account {
    /// The account's SID: `AC` and 32 hexadecimal digits.
    pub sid: String,
    /// The SID of the API key with which requests are made: `SK…`. Default: none, and the
    /// [`secret`](Self::secret) is the account's auth token.
    #[serde(default)]
    pub key: Option<String>,
    /// The API key's secret, or the account's auth token.
    pub secret: Secret,
    /// Where the interface is. Default: `https://api.twilio.com`; other regions have
    /// `https://api.{edge}.{region}.twilio.com`.
    #[serde(default = "default_url")]
    pub api_url: String,
}

fn default_url() -> String {
    "https://api.twilio.com".to_owned()
}

impl Account {
    /// The account `sid`, with its auth token.
    pub fn new(sid: impl Into<String>, auth_token: impl Into<Secret>) -> Self {
        Self { sid: sid.into(), key: None, secret: auth_token.into(), api_url: default_url() }
    }

    /// Uses an API key instead of the auth token: it can be revoked alone.
    #[must_use]
    pub fn with_key(mut self, key: impl Into<String>, secret: impl Into<Secret>) -> Self {
        (self.key, self.secret) = (Some(key.into()), secret.into());
        self
    }

    /// Sets [`api_url`](Self::api_url).
    #[must_use]
    pub fn with_api_url(mut self, url: impl Into<String>) -> Self {
        self.api_url = url.into();
        self
    }

    /// The user name of requests.
    pub(crate) fn user(&self) -> &str {
        self.key.as_deref().unwrap_or(&self.sid)
    }

    pub(crate) fn check(&self) -> Result<()> {
        let check = Check::new(SERVICE);
        if !is_sid(&self.sid, "AC") {
            return Err(check.wrong("account.sid is not AC and 32 hexadecimal digits"));
        }
        if self.key.as_ref().is_some_and(|key| !is_sid(key, "SK")) {
            return Err(check.wrong("account.key is not SK and 32 hexadecimal digits"));
        }
        if self.secret.expose() == Secret::REDACTED {
            return Err(check.wrong("account.secret is redacted"));
        }
        check.filled("account.secret", self.secret.expose())
    }
}

/// Names of the carrier's things: two letters for the kind, then 32 hexadecimal digits.
pub(crate) fn is_sid(text: &str, kind: &str) -> bool {
    let digits = text.strip_prefix(kind).unwrap_or_default();
    digits.len() == 32 && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
}
