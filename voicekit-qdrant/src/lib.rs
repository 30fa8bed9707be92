#![doc = include_str!("../README.md")]

mod client;
mod collection;
mod config;
mod foreign;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod fuzz;
mod index;
#[doc(hidden)]
pub mod layout;
mod point;
mod refusal;
mod search;
mod wire;

use std::fmt;
use std::sync::Arc;

use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_core::retrieve::Embedder;
use voicekit_net::Connector;

use self::client::Client;
use self::collection::Known;

pub use config::{QdrantConfig, Quantization};

/// What the service is called in errors, logs and traces.
const SERVICE: &str = "qdrant";

/// Knowledge in a collection of a Qdrant server. Clones share their connections.
#[derive(Clone)]
pub struct Qdrant(Arc<Shared>);

struct Shared {
    config: QdrantConfig,
    client: Client,
    embedder: Arc<dyn Embedder>,
    known: Known,
}

impl Qdrant {
    /// The collection that `config` names. Questions are embedded by `embedder`. Nothing is sent
    /// yet.
    ///
    /// # Errors
    ///
    /// `Config` if a setting is wrong.
    pub fn new(config: QdrantConfig, embedder: Arc<dyn Embedder>) -> Result<Self> {
        Self::with_connector(config, embedder, Connector::new()?)
    }

    /// A collection whose server is reached by `connector`.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn with_connector(
        config: QdrantConfig,
        embedder: Arc<dyn Embedder>,
        connector: Connector,
    ) -> Result<Self> {
        config.check()?;
        if config.is_key_in_clear() {
            let url = &config.url;
            tracing::warn!(url, "the key goes to another machine without TLS: use https");
        }
        let client = Client::new(&config, connector)?;
        Ok(Self(Arc::new(Shared { config, client, embedder, known: Known::default() })))
    }
}

impl fmt::Debug for Qdrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let QdrantConfig { url, collection, .. } = &self.0.config;
        f.debug_struct("Qdrant")
            .field("url", url)
            .field("collection", collection)
            .finish_non_exhaustive()
    }
}

fn error(kind: ErrorKind, text: impl Into<String>) -> Error {
    Error::new(kind, SERVICE, text.into())
}
