//! The connection to the service, which all parts share.

use voicekit_core::error::Result;
use voicekit_net::{Connector, Endpoint, HttpClient};

use crate::config::{Dialect, OpenAiConfig};
use crate::refusal::classify;

/// One path of the service, and how requests get there.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) http: HttpClient,
    pub(crate) endpoint: Endpoint,
    pub(crate) dialect: Dialect,
}

impl Client {
    pub(crate) fn new(config: &OpenAiConfig, connector: Connector, path: &str) -> Result<Self> {
        config.check()?;
        let dialect = config.spoken_dialect();
        let mut endpoint = Endpoint::new(dialect.name(), &config.base_url)?.with_path(path)?;
        if let Some(key) = &config.api_key {
            endpoint = match dialect {
                Dialect::Azure => endpoint.with_header("api-key", key.clone())?,
                Dialect::OpenAi | Dialect::Groq | Dialect::Compatible => {
                    endpoint.with_header("authorization", format!("Bearer {}", key.expose()))?
                }
            };
        }
        let accounts =
            [("openai-organization", &config.organization), ("openai-project", &config.project)];
        for (name, value) in accounts {
            if let Some(value) = value {
                endpoint = endpoint.with_header(name, value.as_str())?;
            }
        }
        for (name, value) in &config.headers {
            endpoint = endpoint.with_header(name, value.clone())?;
        }
        let http = HttpClient::new(connector, config.http()).with_classify(classify);
        Ok(Self { http, endpoint, dialect })
    }
}
