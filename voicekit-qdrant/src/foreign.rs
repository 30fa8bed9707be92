//! Collections that other tools have written: where the text of a point is, and what else is known
//! of it.
//!
//! | written by | text | metadata |
//! |---|---|---|
//! | LangChain, n8n, Dify | `page_content`, `content` | `metadata` |
//! | LlamaIndex | `_node_content`, JSON in a string | beside it |
//! | Haystack | `content` | `meta` |
//! | FastEmbed | `document` | beside it |
//! | others | `text`, `body` and the like | beside it, or in `metadata` |

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use voicekit_core::error::{Error, ErrorKind};
use voicekit_core::log::escaped;

use crate::{QdrantConfig, error};

type Payload = Map<String, Value>;

/// Where texts are, likeliest first.
const TEXTS: [&str; 12] = [
    "text",
    "page_content",
    "content",
    "_node_content.text",
    "document",
    "chunk_text",
    "chunk",
    "body",
    "passage",
    "contents",
    "metadata.text",
    "metadata.page_content",
];
/// Where titles are.
const TITLES: [&str; 8] = [
    "title",
    "heading",
    "section",
    "metadata.title",
    "metadata.heading",
    "metadata.section",
    "meta.title",
    "meta.heading",
];
/// Where it says what a passage is from.
const SOURCES: [&str; 17] = [
    "source",
    "url",
    "file_name",
    "filename",
    "file_path",
    "metadata.source",
    "metadata.url",
    "metadata.file_name",
    "metadata.filename",
    "metadata.file_path",
    "meta.source",
    "meta.url",
    "meta.file_name",
    "meta.file_path",
    "document_id",
    "doc_id",
    "ref_doc_id",
];
/// Objects whose fields are metadata.
const NESTED: [&str; 2] = ["metadata", "meta"];
/// How many fields an error names.
const NAMED: usize = 16;

/// Where the parts of a passage are in a point's payload. Paths have dots between their fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fields {
    pub(crate) text: String,
    pub(crate) title: Option<String>,
    pub(crate) source: Option<String>,
    /// The object that holds the metadata, if they are not beside the text.
    pub(crate) nested: Option<&'static str>,
    /// Fields that are beside the text.
    beside: Vec<String>,
}

impl Default for Fields {
    fn default() -> Self {
        let text = "text".to_owned();
        Self { text, title: None, source: None, nested: None, beside: Vec::new() }
    }
}

impl Fields {
    /// The fields as `config` names them, or else as they are in `payloads`.
    ///
    /// # Errors
    ///
    /// `Config` if no text is there: says what is, and what to set.
    pub(crate) fn of(config: &QdrantConfig, payloads: &[Payload]) -> Result<Self, Error> {
        let first = |paths: &[&str]| {
            let path = paths.iter().find(|path| payloads.iter().any(|one| has(one, path)));
            path.map(|path| (*path).to_owned())
        };
        let text = match &config.text_field {
            Some(path) => payloads.iter().any(|one| has(one, path)).then(|| path.clone()),
            None => first(&TEXTS),
        };
        let Some(text) = text else { return Err(no_text(config, payloads)) };
        let is_object = |name: &&&'static str| {
            payloads.iter().any(|one| one.get(**name).is_some_and(Value::is_object))
        };
        let beside = payloads.iter().flat_map(Map::keys).cloned().collect();
        Ok(Self {
            title: config.title_field.clone().or_else(|| first(&TITLES)),
            source: config.source_field.clone().or_else(|| first(&SOURCES)),
            nested: NESTED.iter().find(is_object).copied(),
            text,
            beside,
        })
    }

    /// The path by which the server filters by the metadata `key`.
    pub(crate) fn path(&self, key: &str) -> Vec<String> {
        use voicekit_core::retrieve::{SECTION, SOURCE};
        let own = match key {
            SOURCE => self.source.as_ref(),
            SECTION => self.title.as_ref(),
            _ => None,
        };
        match (own, self.nested) {
            (Some(path), _) => path.split('.').map(str::to_owned).collect(),
            (None, Some(nested)) if !self.beside.iter().any(|name| name == key) => {
                vec![nested.to_owned(), key.to_owned()]
            }
            (None, _) => vec![key.to_owned()],
        }
    }

    /// What is known of the point beside its text, by name.
    pub(crate) fn metadata(&self, payload: &Payload) -> BTreeMap<String, String> {
        use voicekit_core::retrieve::{SECTION, SOURCE};
        let mut metadata: BTreeMap<String, String> = BTreeMap::new();
        let nested = self.nested.and_then(|name| payload.get(name)).and_then(Value::as_object);
        for (key, value) in nested.into_iter().flatten().chain(payload) {
            if let Some(value) = scalar(value)
                && *key != self.text
                && !key.starts_with("_node_")
            {
                metadata.insert(key.clone(), value);
            }
        }
        for (key, path) in [(SOURCE, &self.source), (SECTION, &self.title)] {
            if let Some(value) = path.as_ref().and_then(|path| at(payload, path)?.text()) {
                metadata.insert(key.to_owned(), value);
            }
        }
        metadata
    }
}

/// The text at `path`, if there is one that says something.
pub(crate) fn text(payload: &Payload, path: &str) -> Option<String> {
    at(payload, path)?.text().filter(|text| !text.trim().is_empty())
}

fn has(payload: &Payload, path: &str) -> bool {
    text(payload, path).is_some()
}

/// A value in a payload, or in JSON that is in one as a string.
enum Found<'a> {
    Here(&'a Value),
    Within(Value),
}

impl Found<'_> {
    fn text(&self) -> Option<String> {
        match self {
            Self::Here(value) => scalar(value),
            Self::Within(value) => scalar(value),
        }
    }
}

fn at<'a>(payload: &'a Payload, path: &str) -> Option<Found<'a>> {
    if let Some(value) = payload.get(path) {
        return Some(Found::Here(value));
    }
    let (head, rest) = path.split_once('.')?;
    match payload.get(head)? {
        Value::Object(inner) => at(inner, rest),
        Value::String(json) => {
            let inner: Payload = serde_json::from_str(json).ok()?;
            let value = match at(&inner, rest)? {
                Found::Here(value) => value.clone(),
                Found::Within(value) => value,
            };
            Some(Found::Within(value))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
    }
}

/// What is found instead of a text, and what to set.
pub(crate) fn no_text(config: &QdrantConfig, payloads: &[Payload]) -> Error {
    let name = &config.collection;
    if payloads.is_empty() {
        let text = format!("the collection {name:?} holds no points: ingest documents first");
        return error(ErrorKind::Config, text);
    }
    let missing = match &config.text_field {
        Some(field) => {
            format!("text_field: no point of the collection {name:?} has text in {field:?}")
        }
        None => format!(
            "text_field: it is not known which field of the collection {name:?} holds the text"
        ),
    };
    let fields = described(payloads);
    let found = match fields.is_empty() {
        true => "its points have no payload".to_owned(),
        false => format!("its points have {}", fields.join(", ")),
    };
    let remedy = match longest(payloads) {
        Some(field) => format!("; set it, for instance to {field:?}"),
        None => String::new(),
    };
    error(ErrorKind::Config, escaped(format!("{missing}; {found}{remedy}")).to_string())
}

/// The fields of `payloads` with their types.
fn described(payloads: &[Payload]) -> Vec<String> {
    let mut fields: BTreeMap<String, &str> = BTreeMap::new();
    for payload in payloads {
        for (key, value) in payload {
            fields.insert(key.clone(), kind(value));
            for (inner, value) in value.as_object().into_iter().flatten() {
                fields.insert(format!("{key}.{inner}"), kind(value));
            }
        }
    }
    let more = fields.len().saturating_sub(NAMED);
    let named = fields.into_iter().take(NAMED).map(|(name, kind)| format!("{name} ({kind})"));
    let more = (more > 0).then(|| format!("and {more} more"));
    named.chain(more).collect()
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "number",
        Value::String(_) => "text",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    }
}

/// The field with the longest text, which is the likeliest to be the passage.
fn longest(payloads: &[Payload]) -> Option<String> {
    let mut best: Option<(usize, String)> = None;
    let mut consider = |name: String, value: &Value| {
        let length = value.as_str().map_or(0, str::len);
        if length > best.as_ref().map_or(0, |(length, _)| *length) {
            best = Some((length, name));
        }
    };
    for payload in payloads {
        for (key, value) in payload {
            consider(key.clone(), value);
            for (inner, value) in value.as_object().into_iter().flatten() {
                consider(format!("{key}.{inner}"), value);
            }
        }
    }
    best.map(|(_, name)| name)
}

/// A value as text, if it is neither nothing nor made of others.
pub(crate) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
