//! Where the service is and as whom we come.

use serde::{Deserialize, Serialize};
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_net::{Check, Endpoint, Secret};

use crate::SERVICE;

/// The global host. The European one is `streaming.eu.assemblyai.com`.
const URL: &str = "wss://streaming.assemblyai.com";

/// The version of the protocol that the service's own SDK asks for.
const VERSION: &str = "2025-05-12";

/// Where the service is and as whom we come.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Account {
    /// Who we are.
    pub credentials: Credentials,
    /// The host with its scheme, `wss://` or, for one of your own, `ws://`; a path in front of
    /// `/v3` may follow. Default: `wss://streaming.assemblyai.com`.
    #[serde(default = "url")]
    pub url: String,
}

/// Who we are.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Credentials {
    /// An API key.
    Key(Secret),
    /// A temporary token. It opens one session: a connection that breaks cannot be made again.
    Token(Secret),
}

impl Account {
    /// The account with this API key, on the global host.
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

    /// The API key in `ASSEMBLYAI_API_KEY`, on the host in `ASSEMBLYAI_URL` if that is set.
    ///
    /// # Errors
    ///
    /// `Config` if the key is missing, or a variable is not Unicode.
    pub fn from_env() -> Result<Self> {
        let account = Self::new(Secret::from_env(SERVICE, "ASSEMBLYAI_API_KEY")?);
        Ok(match Check::new(SERVICE).var("ASSEMBLYAI_URL")? {
            Some(url) => account.with_url(url),
            None => account,
        })
    }

    /// The streaming service, with what says who we are: a key as the whole header, without
    /// `Bearer`; a token in the query.
    pub(crate) fn endpoint(&self) -> Result<Endpoint> {
        let secret = Secret::new(self.secret().expose().trim());
        if secret.expose().is_empty() {
            return Err(Error::new(ErrorKind::Config, SERVICE, "account.credentials is empty"));
        }
        let endpoint = Endpoint::new(SERVICE, &self.url)?
            .with_path("v3/ws")?
            .with_header("assemblyai-version", VERSION)?;
        match self.credentials {
            Credentials::Key(_) => endpoint.with_header("authorization", secret),
            Credentials::Token(_) => endpoint.with_secret_query("token", &secret),
        }
    }

    pub(crate) fn secret(&self) -> &Secret {
        let (Credentials::Key(secret) | Credentials::Token(secret)) = &self.credentials;
        secret
    }
}

fn url() -> String {
    URL.to_owned()
}
