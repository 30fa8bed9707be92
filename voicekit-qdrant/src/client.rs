//! The connection to the server, which searching and writing share.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use voicekit_core::error::Result;
use voicekit_net::{Connector, Endpoint, HttpClient, HttpRequest};

use crate::SERVICE;
use crate::config::QdrantConfig;
use crate::refusal::{classify, is};
use crate::wire::{Envelope, Info, Scrolled, Version};

/// How many points are looked at to learn how a collection is laid out.
const SAMPLE: usize = 32;

/// Requests about one collection.
#[derive(Debug)]
pub(crate) struct Client {
    root: Endpoint,
    collection: Endpoint,
    searching: HttpClient,
    writing: HttpClient,
}

/// For whom a request is made: who waits how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum For {
    /// A caller.
    Search,
    /// An ingestion.
    Write,
}

impl Client {
    pub(crate) fn new(config: &QdrantConfig, connector: Connector) -> Result<Self> {
        let mut root = Endpoint::new(SERVICE, &config.url)?;
        if let Some(key) = &config.api_key {
            root = root.with_header("api-key", key.clone())?;
        }
        let collection = root.clone().with_path("collections")?;
        let collection = collection.with_path(&escaped(&config.collection))?;
        let http = |settings| HttpClient::new(connector.clone(), settings).with_classify(classify);
        let (searching, writing) = (http(config.searching()), http(config.writing()));
        Ok(Self { root, collection, searching, writing })
    }

    pub(crate) async fn version(&self, whom: For) -> Result<Version> {
        let request = HttpRequest::get(self.root.clone().with_path("")?);
        self.http(whom).send(request).await?.json().await
    }

    /// What the collection is; `None` if it is not there.
    pub(crate) async fn info(&self, whom: For) -> Result<Option<Info>> {
        let request = HttpRequest::get(self.collection.clone());
        match self.http(whom).send(request).await {
            Ok(response) => Ok(Some(response.json::<Envelope<Info>>().await?.result)),
            Err(error) if is(&error, 404) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes the collection. One that is there already is left as it is.
    pub(crate) async fn create(&self, body: &impl Serialize) -> Result<()> {
        let request = HttpRequest::put(self.collection.clone()).json(body)?;
        match self.writing.send(request).await {
            Ok(_) => Ok(()),
            Err(error) if is(&error, 409) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Puts something below the collection, and waits until it is there.
    pub(crate) async fn put(&self, path: &str, body: String) -> Result<()> {
        let endpoint = self.waiting(path)?;
        let request = HttpRequest::put(endpoint).body("application/json", body);
        self.writing.send(request).await?.bytes().await.map(|_| ())
    }

    /// Deletes points, and waits until they are gone.
    pub(crate) async fn delete(&self, body: &impl Serialize) -> Result<()> {
        let request = HttpRequest::post(self.waiting("points/delete")?).json(body)?;
        self.writing.send(request).await?.bytes().await.map(|_| ())
    }

    /// Asks something of the points, for an ingestion.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T> {
        let endpoint = self.collection.clone().with_path(path)?;
        let response = self.writing.send(HttpRequest::post(endpoint).json(body)?).await?;
        Ok(response.json::<Envelope<T>>().await?.result)
    }

    /// The payloads of some points of the collection; none if it is gone.
    pub(crate) async fn sample(&self, whom: For) -> Result<Vec<Map<String, Value>>> {
        let body = json!({ "limit": SAMPLE, "with_payload": true });
        let endpoint = self.collection.clone().with_path("points/scroll")?;
        match self.http(whom).send(HttpRequest::post(endpoint).json(&body)?).await {
            Ok(response) => Ok(response.json::<Envelope<Scrolled>>().await?.result.payloads()),
            Err(error) if is(&error, 404) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Searches the points for a caller, who waits up to `limit`. The server stops after that, too.
    pub(crate) async fn search<T: DeserializeOwned>(
        &self,
        body: &impl Serialize,
        limit: Duration,
    ) -> Result<T> {
        let seconds = limit.as_secs_f32().ceil().max(1.0).to_string();
        let endpoint = self.collection.clone().with_path("points/query")?;
        let endpoint = endpoint.with_query("timeout", &seconds)?;
        let response = self.searching.send(HttpRequest::post(endpoint).json(body)?).await?;
        Ok(response.json::<Envelope<T>>().await?.result)
    }

    fn waiting(&self, path: &str) -> Result<Endpoint> {
        self.collection.clone().with_path(path)?.with_query("wait", "true")
    }

    fn http(&self, whom: For) -> &HttpClient {
        match whom {
            For::Search => &self.searching,
            For::Write => &self.writing,
        }
    }
}

/// `name` as a segment of a path.
fn escaped(name: &str) -> String {
    form_urlencoded::byte_serialize(name.as_bytes()).collect::<String>().replace('+', "%20")
}
