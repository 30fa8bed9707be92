//! Where the service is and as whom we come.

use serde::{Deserialize, Serialize};
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_net::{Check, Endpoint, Secret};

use crate::SERVICE;

/// The global host. Regional ones are `api.eu.`, `api.au.` and `api.in.deepgram.com`.
const URL: &str = "wss://api.deepgram.com";

/// Where the service is and as whom we come.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Account {
    /// Who we are.
    pub credentials: Credentials,
    /// The host with its scheme, `wss://` or, for one of your own, `ws://`; a path in front of
    /// `/v1` may follow. Default: `wss://api.deepgram.com`.
    #[serde(default = "url")]
    pub url: String,
}

/// Who we are.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Credentials {
    /// An API key of a project.
    Key(Secret),
    /// A short-lived token, which has to be valid whenever a stream is opened.
    Token(Secret),
}

impl Account {
    /// The project with this API key, on the global host.
    pub fn new(key: impl Into<Secret>) -> Self {
        Self { credentials: Credentials::Key(key.into()), url: url() }
    }

    /// Sets [`credentials`](Self::credentials).
    #[must_use]
    pub fn with_credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = credentials;
        self
    }

    /// Sets [`url`](Self::url).
    #[must_use]
    pub fn with_url(mut self, url: impl Into<String>) -> Self {
        self.url = url.into();
        self
    }

    /// The API key in `DEEPGRAM_API_KEY`, on the host in `DEEPGRAM_URL` if that is set.
    ///
    /// # Errors
    ///
    /// `Config` if the key is missing, or a variable is not Unicode.
    pub fn from_env() -> Result<Self> {
        let account = Self::new(Secret::from_env(SERVICE, "DEEPGRAM_API_KEY")?);
        Ok(match Check::new(SERVICE).var("DEEPGRAM_URL")? {
            Some(url) => account.with_url(url),
            None => account,
        })
    }

    /// `path` of the service, with what says who we are.
    pub(crate) fn endpoint(&self, path: &str) -> Result<Endpoint> {
        let (scheme, secret) = match &self.credentials {
            Credentials::Key(secret) => ("Token", secret),
            Credentials::Token(secret) => ("Bearer", secret),
        };
        if secret.expose().trim().is_empty() {
            return Err(Error::new(ErrorKind::Config, SERVICE, "account.credentials is empty"));
        }
        let authorization = Secret::new(format!("{scheme} {}", secret.expose().trim()));
        Endpoint::new(SERVICE, &self.url)?
            .with_header("authorization", authorization)?
            .with_path(path)
    }
}

fn url() -> String {
    URL.to_owned()
}
