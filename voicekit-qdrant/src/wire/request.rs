//! Bodies of requests.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};
use voicekit_core::error::{ErrorKind, Result};
use voicekit_core::retrieve::{SECTION, SOURCE};

use super::Layout;
use crate::config::{QdrantConfig, Quantization};
use crate::error;
use crate::point::{self, CHUNK, DOCUMENT, Sparse};

/// The vector of meaning in collections made here.
pub const DENSE: &str = "dense";
/// The vector of words in collections made here.
pub const WORDS: &str = "bm25";

/// Markers in a page.
const PAGE: usize = 1_000;

/// How many more vectors than wanted are looked at where they are kept in 8 bits, as Qdrant's guide
/// on quantization has it.
const OVERSAMPLING: f32 = 2.0;

/// A condition of a filter.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Condition {
    key: String,
    r#match: Match,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct Match {
    value: String,
}

impl Condition {
    pub(crate) fn new(key: impl Into<String>, value: impl Into<String>) -> Self {
        Self { key: key.into(), r#match: Match { value: value.into() } }
    }
}

/// `PUT /collections/NAME`.
pub(crate) fn create(config: &QdrantConfig, size: usize) -> Value {
    let mut body = json!({
        "vectors": { DENSE: { "size": size, "distance": "Cosine" } },
        "hnsw_config": { "m": 16, "ef_construct": 100 },
    });
    if config.hybrid {
        body["sparse_vectors"] = json!({ WORDS: { "modifier": "idf" } });
    }
    if config.quantization == Some(Quantization::Int8) {
        let scalar = json!({ "type": "int8", "quantile": 0.99, "always_ram": true });
        body["quantization_config"] = json!({ "scalar": scalar });
    }
    body
}

/// The bodies of `PUT /collections/NAME/index`, by field.
pub(crate) fn indexes(config: &QdrantConfig) -> BTreeMap<String, Value> {
    let own = ["kind", "document"].map(|field| (field.to_owned(), json!("keyword")));
    let metadata = config.indexed.iter().filter_map(|key| Some((path(key)?, json!("keyword"))));
    let tenant = json!({ "type": "keyword", "is_tenant": true });
    let tenant = ("tenant".to_owned(), tenant);
    let fields = own.into_iter().chain(metadata).chain([tenant]);
    fields
        .map(|(field, schema)| {
            let body = json!({ "field_name": field, "field_schema": schema });
            (field, body)
        })
        .collect()
}

/// Where the metadata `key` is in the payload of collections made here; `None` if the server has
/// no way to say it.
pub(crate) fn path(key: &str) -> Option<String> {
    match key {
        SOURCE => Some("document".to_owned()),
        SECTION => Some("section".to_owned()),
        key => Some(format!("metadata.{}", quoted(key)?)),
    }
}

/// A key of a payload in a path: in quotes unless it is plain. A quote cannot be escaped.
fn quoted(key: &str) -> Option<String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    match key {
        "" => None,
        plain if plain.chars().all(is_plain) => Some(plain.to_owned()),
        quoted if !quoted.contains('"') => Some(format!("\"{quoted}\"")),
        _ => None,
    }
}

/// What a passage must have by the filter of a question.
pub(crate) fn metadata_filter(
    filter: &BTreeMap<String, String>,
    layout: &Layout,
) -> Result<Vec<Condition>> {
    let condition = |(key, value): (&String, &String)| {
        let path = match layout {
            Layout::Own => path(key),
            Layout::Foreign(fields) => {
                let parts = fields.path(key);
                let parts: Option<Vec<String>> = parts.iter().map(|part| quoted(part)).collect();
                parts.map(|parts| parts.join("."))
            }
        };
        let path = path.ok_or_else(|| {
            error(ErrorKind::Unsupported, format!("{key:?} cannot be filtered by"))
        })?;
        Ok(Condition::new(path, value))
    };
    filter.iter().map(condition).collect()
}

/// What is wanted of a search.
#[derive(Debug)]
pub(crate) struct Search<'a> {
    pub(crate) meaning: &'a [f32],
    /// `None` where only meaning counts.
    pub(crate) words: Option<Sparse>,
    /// The name of the vector of meaning; `None` if it has none.
    pub(crate) using: Option<&'a str>,
    pub(crate) tenant: Option<&'a str>,
    pub(crate) conditions: Vec<Condition>,
    pub(crate) limit: usize,
    pub(crate) config: &'a QdrantConfig,
}

/// `POST /collections/NAME/points/query`.
pub(crate) fn query(search: Search<'_>) -> Value {
    let Search { meaning, words, using, tenant, mut conditions, limit, config } = search;
    conditions.extend(tenant.map(|tenant| Condition::new("tenant", tenant)));
    let params = config.quantization.map(|Quantization::Int8| {
        json!({ "quantization": { "rescore": true, "oversampling": OVERSAMPLING } })
    });
    let mut by_meaning = json!({ "query": meaning });
    put(&mut by_meaning, "using", using);
    put(&mut by_meaning, "params", params);
    let filter = (!conditions.is_empty()).then(|| json!({ "must": conditions }));
    put(&mut by_meaning, "filter", filter.as_ref());
    let mut body = match words {
        None => {
            put(&mut by_meaning, "score_threshold", config.score_threshold);
            by_meaning
        }
        Some(words) => {
            let mut by_words = json!({ "query": words, "using": WORDS });
            put(&mut by_words, "filter", filter.as_ref());
            for one in [&mut by_meaning, &mut by_words] {
                put(one, "limit", Some(config.candidates.max(limit)));
            }
            let mut fused =
                json!({ "prefetch": [by_meaning, by_words], "query": { "fusion": "rrf" } });
            put(&mut fused, "filter", filter.as_ref());
            fused
        }
    };
    body["limit"] = json!(limit);
    body["with_payload"] = json!(true);
    body
}

fn put(body: &mut Value, field: &str, value: Option<impl Serialize>) {
    if let Some(value) = value {
        body[field] = json!(value);
    }
}

/// `POST /collections/NAME/points/scroll` for a page of markers.
pub(crate) fn markers(tenant: &str, offset: Option<&Value>) -> Value {
    let mut body = json!({
        "limit": PAGE,
        "filter": all_markers(tenant),
        "with_payload": ["document", "fingerprint"],
    });
    put(&mut body, "offset", offset);
    body
}

/// The filter of a document's chunks, but for those that are to stay.
pub(crate) fn chunks_of(tenant: &str, document: &str, stay: &[String]) -> Value {
    let must = [
        Condition::new("kind", CHUNK),
        Condition::new("document", document),
        Condition::new("tenant", tenant),
    ];
    let mut filter = json!({ "must": must });
    if !stay.is_empty() {
        let mut ids: Vec<String> = stay.iter().map(|id| point::chunk_id(tenant, id)).collect();
        ids.sort_unstable();
        ids.dedup();
        filter["must_not"] = json!([{ "has_id": ids }]);
    }
    filter
}

/// The filter of all markers.
pub(crate) fn all_markers(tenant: &str) -> Value {
    json!({ "must": [Condition::new("kind", DOCUMENT), Condition::new("tenant", tenant)] })
}

/// The filter of all chunks.
pub(crate) fn all_chunks(tenant: &str) -> Value {
    json!({ "must": [Condition::new("kind", CHUNK), Condition::new("tenant", tenant)] })
}

pub(crate) fn delete_marker(tenant: &str, document: &str) -> Value {
    json!({ "points": [point::marker_id(tenant, document)] })
}
