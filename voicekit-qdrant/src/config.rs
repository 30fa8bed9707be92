//! What can be set, and its one check.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use voicekit_core::error::Result;
use voicekit_core::time::{all_in_ms, in_ms};
use voicekit_net::{Check, HttpConfig, RetryPolicy, Secret};

use crate::SERVICE;

const CHECK: Check = Check::new(SERVICE);

/// The port of the REST interface.
const PORT: u16 = 6333;

/// What a name of a collection must not hold: what the server refuses, and the control characters.
const FORBIDDEN: [char; 9] = ['<', '>', ':', '"', '/', '\\', '|', '?', '*'];

/// How long a server may ask to be left alone while documents are written: nobody waits on the
/// phone for them.
const PATIENCE: Duration = Duration::from_secs(60);

/// Which collection of which server, and how it is written and searched.
///
/// [`Qdrant::new`](crate::Qdrant::new) checks it and names the field, the value and the range of
/// what is wrong. Files write durations as milliseconds, in fields named `…_ms`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct QdrantConfig {
    /// The server's REST interface. Default: `http://127.0.0.1:6333`.
    pub url: String,
    /// The key, if the server wants one. Default: none.
    pub api_key: Option<Secret>,
    /// The collection, made by the first write: up to 255 bytes. Default: `knowledge`.
    pub collection: String,
    /// Whose knowledge it is, where several share a collection: only theirs is found, listed and
    /// deleted. Default: `default` in collections made here; in others, everything is found.
    pub tenant: Option<String>,
    /// Whether passages are found by words as well as by meaning, in collections made here.
    /// Default: true.
    pub hybrid: bool,
    /// How a collection made here keeps vectors in memory. Default: as they are.
    pub quantization: Option<Quantization>,
    /// Metadata that questions filter by, for which payload indexes are made: searches are quicker,
    /// and servers in strict mode refuse others. Default: none.
    pub indexed: Vec<String>,
    /// The field of the payload that holds the text, in collections that other tools have written:
    /// a path such as `page_content` or `_node_content.text`. Default: the one of `text`,
    /// `page_content`, `content`, `_node_content.text`, `document` and their like that is there.
    pub text_field: Option<String>,
    /// The field that holds the title, which becomes the passage's section, in collections that
    /// other tools have written. Default: `title`, `metadata.title` and their like.
    pub title_field: Option<String>,
    /// The field that says where a passage is from, in collections that other tools have written.
    /// Default: `source`, `url`, `metadata.source` and their like.
    pub source_field: Option<String>,
    /// The name of the vector of meaning, in collections that have several; empty for the one
    /// without a name. Default: `dense`, or the only one.
    pub vector: Option<String>,
    /// How close a passage must be where it is found by meaning alone: a cosine, −1 to 1. What is
    /// found by words too has ranks for scores and is not cut. Default: anything.
    pub score_threshold: Option<f32>,
    /// How many passages each of meaning and words puts forward before they become one order, 1 to
    /// 10,000. Default: 50.
    pub candidates: usize,
    /// How long making a connection may take: 10 ms to 60 s. Default: 1 s.
    #[serde(rename = "connect_timeout_ms", with = "in_ms")]
    pub connect_timeout: Duration,
    /// How long a search may take, connecting included and embedding not: 10 ms to 60 s. Default:
    /// 800 ms, the longest pause before an answer that callers do not notice as one.
    #[serde(rename = "search_timeout_ms", with = "in_ms")]
    pub search_timeout: Duration,
    /// How long the answer to a write may take: 10 ms to 600 s. Default: 60 s.
    #[serde(rename = "write_timeout_ms", with = "in_ms")]
    pub write_timeout: Duration,
    /// How long to wait before each further attempt at a write; at most 10. A server that asks for
    /// more is given up to a minute. Default: 0.5, 1 and 2 s.
    #[serde(rename = "retry_after_ms", with = "all_in_ms")]
    pub retry_after: Vec<Duration>,
    /// The most points in a request, 1 to 10,000. Default: 256.
    pub batch: usize,
    /// The most bytes in a request, 64 KiB to 31 MiB. Default: 16 MiB, half of what servers take.
    pub batch_bytes: usize,
}

/// How vectors are kept in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Quantization {
    /// In 8 bits a dimension, a quarter of the memory. What is found with them is compared again
    /// with the whole vectors.
    Int8,
}

impl Default for QdrantConfig {
    fn default() -> Self {
        Self {
            url: format!("http://127.0.0.1:{PORT}"),
            api_key: None,
            collection: "knowledge".to_owned(),
            tenant: None,
            hybrid: true,
            quantization: None,
            indexed: Vec::new(),
            text_field: None,
            title_field: None,
            source_field: None,
            vector: None,
            score_threshold: None,
            candidates: 50,
            connect_timeout: Duration::from_secs(1),
            search_timeout: Duration::from_millis(800),
            write_timeout: Duration::from_secs(60),
            retry_after: [500, 1_000, 2_000].map(Duration::from_millis).to_vec(),
            batch: 256,
            batch_bytes: 16 << 20,
        }
    }
}

impl QdrantConfig {
    /// A collection of the server at `url`.
    pub fn new(url: impl Into<String>, collection: impl Into<String>) -> Self {
        Self { url: url.into(), collection: collection.into(), ..Self::default() }
    }

    /// What `qdrant://host:port/collection` names, or with TLS `qdrants://…`. The port is 6333
    /// unless given. `?tenant=NAME` may follow, and, joined by `&`, `text`, `title` and `source`,
    /// the fields of a collection that another tool has written, and `vector`, the vector's name.
    ///
    /// # Errors
    ///
    /// `Config` if it is no such address.
    pub fn from_url(url: &str) -> Result<Self> {
        let wrong = |what: &str| {
            CHECK.wrong(format!("{what}: wanted is qdrant://host:port/collection or qdrants://…"))
        };
        let (scheme, rest) = url.split_once("://").ok_or_else(|| wrong("there is no scheme"))?;
        let scheme = match scheme {
            "qdrant" => "http",
            "qdrants" => "https",
            _ => return Err(wrong("the scheme is another")),
        };
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (host, collection) = rest.split_once('/').ok_or_else(|| wrong("no collection"))?;
        let collection = collection.trim_end_matches('/');
        if host.is_empty() || collection.is_empty() || collection.contains('/') {
            return Err(wrong("a host and one collection are needed"));
        }
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| !port.contains(']'));
        let host = if has_port { host.to_owned() } else { format!("{host}:{PORT}") };
        let mut config = Self::new(format!("{scheme}://{host}"), unescaped(collection));
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "tenant" => config.tenant = Some(value.into_owned()),
                "text" | "text_field" => config.text_field = Some(value.into_owned()),
                "title" | "title_field" => config.title_field = Some(value.into_owned()),
                "source" | "source_field" => config.source_field = Some(value.into_owned()),
                "vector" => config.vector = Some(value.into_owned()),
                _ => {
                    let what = "behind the question mark may be tenant, text, title, source and \
                                vector";
                    return Err(wrong(what));
                }
            }
        }
        Ok(config)
    }

    /// Settings from the environment: `QDRANT_URL`, `QDRANT_API_KEY`, `QDRANT_COLLECTION`,
    /// `QDRANT_TENANT`, `QDRANT_TEXT_FIELD`, `QDRANT_TITLE_FIELD`, `QDRANT_SOURCE_FIELD` and
    /// `QDRANT_VECTOR`; the defaults for what is not set.
    ///
    /// # Errors
    ///
    /// `Config` if one of them is not Unicode.
    pub fn from_env() -> Result<Self> {
        let mut config = Self::default();
        config.url = CHECK.var("QDRANT_URL")?.unwrap_or(config.url);
        config.api_key = CHECK.var("QDRANT_API_KEY")?.map(Secret::new);
        config.collection = CHECK.var("QDRANT_COLLECTION")?.unwrap_or(config.collection);
        config.tenant = CHECK.var("QDRANT_TENANT")?;
        config.text_field = CHECK.var("QDRANT_TEXT_FIELD")?;
        config.title_field = CHECK.var("QDRANT_TITLE_FIELD")?;
        config.source_field = CHECK.var("QDRANT_SOURCE_FIELD")?;
        config.vector = CHECK.var("QDRANT_VECTOR")?;
        Ok(config)
    }

    /// Sets [`api_key`](Self::api_key).
    #[must_use]
    pub fn with_api_key(mut self, key: impl Into<Secret>) -> Self {
        self.api_key = Some(key.into());
        self
    }

    /// Sets [`tenant`](Self::tenant).
    #[must_use]
    pub fn with_tenant(mut self, tenant: impl Into<String>) -> Self {
        self.tenant = Some(tenant.into());
        self
    }

    /// Sets [`text_field`](Self::text_field).
    #[must_use]
    pub fn with_text_field(mut self, path: impl Into<String>) -> Self {
        self.text_field = Some(path.into());
        self
    }

    /// Sets [`title_field`](Self::title_field).
    #[must_use]
    pub fn with_title_field(mut self, path: impl Into<String>) -> Self {
        self.title_field = Some(path.into());
        self
    }

    /// Sets [`source_field`](Self::source_field).
    #[must_use]
    pub fn with_source_field(mut self, path: impl Into<String>) -> Self {
        self.source_field = Some(path.into());
        self
    }

    /// Sets [`vector`](Self::vector).
    #[must_use]
    pub fn with_vector(mut self, name: impl Into<String>) -> Self {
        self.vector = Some(name.into());
        self
    }

    /// Finds passages by meaning alone.
    #[must_use]
    pub fn by_meaning_alone(mut self) -> Self {
        self.hybrid = false;
        self
    }

    /// Sets [`quantization`](Self::quantization).
    #[must_use]
    pub fn with_quantization(mut self, quantization: Quantization) -> Self {
        self.quantization = Some(quantization);
        self
    }

    /// Sets [`indexed`](Self::indexed).
    #[must_use]
    pub fn with_indexed<T: Into<String>>(mut self, keys: impl IntoIterator<Item = T>) -> Self {
        self.indexed = keys.into_iter().map(Into::into).collect();
        self
    }

    /// Sets [`score_threshold`](Self::score_threshold).
    #[must_use]
    pub fn with_score_threshold(mut self, threshold: f32) -> Self {
        self.score_threshold = Some(threshold);
        self
    }

    /// Sets [`connect_timeout`](Self::connect_timeout).
    #[must_use]
    pub fn with_connect_timeout(mut self, limit: Duration) -> Self {
        self.connect_timeout = limit;
        self
    }

    /// Sets [`search_timeout`](Self::search_timeout).
    #[must_use]
    pub fn with_search_timeout(mut self, limit: Duration) -> Self {
        self.search_timeout = limit;
        self
    }

    /// Sets [`retry_after`](Self::retry_after).
    #[must_use]
    pub fn with_retry_after(mut self, waits: impl Into<Vec<Duration>>) -> Self {
        self.retry_after = waits.into();
        self
    }

    /// Sets [`batch`](Self::batch) and [`batch_bytes`](Self::batch_bytes).
    #[must_use]
    pub fn with_batch(mut self, points: usize, bytes: usize) -> Self {
        (self.batch, self.batch_bytes) = (points, bytes);
        self
    }

    /// The connections of searches: tried again at once where nothing was answered or the server
    /// says that it is not there for the moment, and never later.
    pub(crate) fn searching(&self) -> HttpConfig {
        let once = RetryPolicy::after([Duration::ZERO]).with_patience(Duration::ZERO);
        self.http(self.search_timeout, once)
    }

    /// The connections of writes, all of which change nothing when they are done again.
    pub(crate) fn writing(&self) -> HttpConfig {
        let policy = RetryPolicy::after(self.retry_after.clone()).with_patience(PATIENCE);
        self.http(self.write_timeout, policy)
    }

    fn http(&self, answer: Duration, retry: RetryPolicy) -> HttpConfig {
        let config = HttpConfig::default().with_connect(self.connect_timeout);
        config.with_first_byte(answer).with_idle(answer).with_retry(retry)
    }

    pub(crate) fn check(&self) -> Result<()> {
        if !self.url.starts_with("http://") && !self.url.starts_with("https://") {
            return Err(CHECK.wrong("url must start with http:// or https://"));
        }
        let name = self.collection.as_str();
        CHECK.filled("collection", name)?;
        CHECK.within("the bytes of collection", name.len(), 1..=255)?;
        let is_forbidden = |c: char| FORBIDDEN.contains(&c) || c.is_control();
        if name.contains(is_forbidden) || matches!(name, "." | "..") {
            return Err(CHECK.wrong(format!("collection is {name:?}, which no collection can be")));
        }
        if let Some(tenant) = &self.tenant {
            CHECK.filled("tenant", tenant)?;
            if tenant.contains('\0') {
                return Err(CHECK.wrong("tenant holds a zero byte"));
            }
        }
        for key in &self.indexed {
            if crate::wire::path(key).is_none() {
                return Err(CHECK.wrong(format!("indexed holds {key:?}, which cannot be named")));
            }
        }
        for (name, field) in [
            ("text_field", &self.text_field),
            ("title_field", &self.title_field),
            ("source_field", &self.source_field),
        ] {
            CHECK.filled(name, field.as_deref().unwrap_or("default"))?;
        }
        CHECK.within("score_threshold", self.score_threshold.unwrap_or(0.0), -1.0..=1.0)?;
        CHECK.within("candidates", self.candidates, 1..=10_000)?;
        let (least, minute) = (Duration::from_millis(10), Duration::from_secs(60));
        CHECK.within_ms("connect_timeout_ms", self.connect_timeout, least..=minute)?;
        CHECK.within_ms("search_timeout_ms", self.search_timeout, least..=minute)?;
        CHECK.within_ms("write_timeout_ms", self.write_timeout, least..=minute * 10)?;
        CHECK.within("the number of retry_after_ms", self.retry_after.len(), 0..=10)?;
        CHECK.within("batch", self.batch, 1..=10_000)?;
        CHECK.within("batch_bytes", self.batch_bytes, 64 << 10..=31 << 20)
    }

    /// Whether anybody on the way can read the key.
    pub(crate) fn is_key_in_clear(&self) -> bool {
        let Some(rest) = self.url.strip_prefix("http://") else { return false };
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        let host = match authority.strip_prefix('[') {
            Some(bracketed) => bracketed.split(']').next().unwrap_or_default(),
            None => authority.split(':').next().unwrap_or_default(),
        };
        let is_here = host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
            || host == "localhost"
            || host.ends_with(".localhost");
        self.api_key.is_some() && !is_here
    }
}

/// Percent-encoding undone; `+` stands for itself.
fn unescaped(text: &str) -> String {
    let text = text.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    let mut pairs = form_urlencoded::parse(text.as_bytes());
    pairs.next().map(|(name, _)| name.into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_server_collection_and_tenant() {
        for (url, at, collection, tenant) in [
            ("qdrant://db/kb", "http://db:6333", "kb", None),
            ("qdrants://db.example:443/my%20kb/", "https://db.example:443", "my kb", None),
            ("qdrant://[::1]/a+b?tenant=t%201", "http://[::1]:6333", "a+b", Some("t 1")),
            ("qdrant://[::1]:7000/kb", "http://[::1]:7000", "kb", None),
        ] {
            let config = QdrantConfig::from_url(url).unwrap();
            assert_eq!((config.url.as_str(), config.collection.as_str()), (at, collection));
            assert_eq!(config.tenant.as_deref(), tenant, "{url}");
        }
        for url in [
            "db/kb",
            "http://db/kb",
            "qdrant://db",
            "qdrant:///kb",
            "qdrant://db/a/b",
            "qdrant://db/kb?key=x",
        ] {
            assert!(QdrantConfig::from_url(url).is_err(), "{url}");
        }
    }

    #[test]
    fn a_key_is_in_clear_only_on_its_way_to_another_machine() {
        for (url, in_clear) in [
            ("http://127.0.0.1:6333", false),
            ("http://[::1]:6333", false),
            ("http://localhost", false),
            ("https://db.example", false),
            ("http://db.example", true),
            ("http://10.0.0.1:6333/prefix", true),
            ("http://localhost.example", true),
        ] {
            let config = QdrantConfig::new(url, "kb");
            assert!(!config.is_key_in_clear());
            assert_eq!(config.with_api_key("k").is_key_in_clear(), in_clear, "{url}");
        }
    }
}
