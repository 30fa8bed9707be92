//! The embedder.

use async_trait::async_trait;
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_core::retrieve::{Embedder, Embedding};
use voicekit_net::{Connector, HttpRequest};

use crate::client::Client;
use crate::config::{EmbeddingConfig, OpenAiConfig};
use crate::wire::{Embeddings, batches, embedding_body, vectors};

/// An embedder behind `POST /embeddings`. Clones share their connections.
///
/// Texts go in batches, one after the other. A text without a word has no meaning to embed and is
/// `Unsupported`.
#[derive(Clone, Debug)]
pub struct OpenAiEmbedder {
    client: Client,
    config: EmbeddingConfig,
}

impl OpenAiEmbedder {
    /// An embedder as `config` says.
    ///
    /// # Errors
    ///
    /// `Config` if a setting is wrong, `Unsupported` if the service has no embeddings (Groq).
    pub fn new(config: OpenAiConfig) -> Result<Self> {
        Self::with_connector(config, Connector::new()?)
    }

    /// An embedder that is reached by `connector`.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn with_connector(config: OpenAiConfig, connector: Connector) -> Result<Self> {
        let client = Client::new(&config, connector, "embeddings")?;
        config.check_embedding()?;
        Ok(Self { client, config: config.embedding })
    }

    /// As [`OpenAiConfig::from_env`] says: `OPENAI_API_KEY`, `OPENAI_BASE_URL`.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn from_env() -> Result<Self> {
        Self::new(OpenAiConfig::from_env()?)
    }

    async fn batch(&self, texts: &[String]) -> Result<Vec<Vec<f32>>> {
        let Client { http, endpoint, dialect } = &self.client;
        let body = embedding_body(&self.config, *dialect, texts);
        let response = http.send(HttpRequest::post(endpoint.clone()).json(&body)?).await?;
        let answer: Embeddings = response.json().await?;
        vectors(answer, texts.len()).map_err(|what| self.error(ErrorKind::Protocol, what))
    }

    fn error(&self, kind: ErrorKind, what: impl Into<String>) -> Error {
        Error::new(kind, self.client.endpoint.service(), what.into())
    }
}

#[async_trait]
impl Embedder for OpenAiEmbedder {
    async fn embed(&self, texts: &[String]) -> Result<Vec<Embedding>> {
        if let Some(at) = texts.iter().position(|text| text.trim().is_empty()) {
            return Err(self.error(ErrorKind::Unsupported, format!("text {at} is empty")));
        }
        let mut embeddings: Vec<Embedding> = Vec::with_capacity(texts.len());
        for batch in batches(texts, self.config.batch) {
            embeddings.extend(self.batch(batch).await?.into_iter().map(Embedding::new));
        }
        let mut sizes = embeddings.iter().map(|embedding| embedding.values().len());
        if let Some(size) = sizes.next()
            && sizes.any(|other| other != size)
        {
            return Err(self.error(ErrorKind::Protocol, "embeddings differ in dimensions"));
        }
        Ok(embeddings)
    }
}
