//! A Qdrant in memory, and clients of it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use voicekit_core::error::Result;
use voicekit_core::retrieve::{
    Chunk, Embedder, Embedding, Index, Passage, Query, Retriever, Settled,
};
use voicekit_net::Connector;
use voicekit_qdrant::{Qdrant, QdrantConfig};
use voicekit_testkit::fake::FakeEmbedder;
use voicekit_testkit::server::http::{Asked, HttpServer};
use voicekit_testkit::server::provider::qdrant::Qdrant as Service;

pub(crate) const KEY: &str = "key-0123456789abcdef";

/// A server and how it is reached.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    pub(crate) service: Service,
    pub(crate) server: Arc<HttpServer>,
}

impl Host {
    pub(crate) fn new() -> Self {
        Self::of(Service::new())
    }

    pub(crate) fn of(service: Service) -> Self {
        let answering = service.clone();
        let server = HttpServer::in_memory_answering(move |asked| answering.answer(asked));
        Self { service, server: Arc::new(server) }
    }

    pub(crate) fn client(&self, config: QdrantConfig) -> Qdrant {
        self.client_with(config, Arc::new(FakeEmbedder::new())).unwrap()
    }

    pub(crate) fn client_with(
        &self,
        config: QdrantConfig,
        embedder: Arc<dyn Embedder>,
    ) -> Result<Qdrant> {
        let served = Arc::clone(&self.server);
        let connector = Connector::new().unwrap().with_pipe(move || served.connect());
        Qdrant::with_connector(config, embedder, connector)
    }

    /// The requests so far whose method and target contain `on`.
    pub(crate) fn asked(&self, on: &str) -> Vec<Asked> {
        let mut asked = self.server.asked();
        asked.retain(|asked| line(asked).contains(on));
        asked
    }

    pub(crate) fn bodies(&self, on: &str) -> Vec<Value> {
        self.asked(on).iter().map(Asked::json).collect()
    }

    /// Methods and targets of all requests since there were `before`.
    pub(crate) fn lines(&self, before: usize) -> Vec<String> {
        self.server.asked().iter().skip(before).map(line).collect()
    }
}

fn line(asked: &Asked) -> String {
    format!("{} {}", asked.method, asked.target)
}

pub(crate) fn config() -> QdrantConfig {
    let config = QdrantConfig::new("http://qdrant.test:6333", "kb");
    config.with_retry_after([Duration::from_millis(1)])
}

pub(crate) async fn embedded(text: &str) -> Embedding {
    FakeEmbedder::new().embed(&[text.to_owned()]).await.unwrap().remove(0)
}

pub(crate) async fn chunk(id: &str, document: &str, text: &str) -> Chunk {
    Chunk::new(id, document, text, embedded(text).await)
}

/// Two documents, settled.
pub(crate) async fn fill(qdrant: &Qdrant) {
    let parking = chunk("a#1", "a", "Parking is behind the house.").await;
    let parking = parking.with_headings(["House".to_owned(), "Cars".to_owned()]);
    let breakfast = chunk("a#2", "a", "Breakfast begins at seven.").await;
    qdrant.upsert(vec![parking, breakfast]).await.unwrap();
    let ids = ["a#1".to_owned(), "a#2".to_owned()];
    qdrant.settle(Settled::new("a", "v1", ids)).await.unwrap();
    let dogs = chunk("b#1", "b", "Dogs are welcome.").await.with_metadata("site", "north");
    qdrant.upsert(vec![dogs]).await.unwrap();
    qdrant.settle(Settled::new("b", "v1", ["b#1".to_owned()])).await.unwrap();
}

pub(crate) async fn found(qdrant: &Qdrant, question: &str) -> Vec<String> {
    ids(&qdrant.retrieve(&Query::new(question)).await.unwrap())
}

pub(crate) fn ids(passages: &[Passage]) -> Vec<String> {
    passages.iter().map(|passage| passage.id.clone()).collect()
}
