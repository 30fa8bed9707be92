//! Answers.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use voicekit_core::retrieve::{Passage, SECTION, SOURCE};
use voicekit_net::lenient;

use crate::foreign::{self, Fields, scalar};

/// What every answer but `GET /` comes in.
#[derive(Deserialize)]
pub(crate) struct Envelope<T> {
    pub(crate) result: T,
}

/// The answer to `GET /`.
#[derive(Deserialize)]
pub(crate) struct Version {
    pub(crate) version: String,
}

impl Version {
    /// Major and minor; `None` if it is no version.
    pub(crate) fn numbers(&self) -> Option<(u32, u32)> {
        let mut parts = self.version.trim_start_matches('v').split('.');
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    }
}

/// The answer to `GET /collections/NAME`.
#[derive(Deserialize)]
pub(crate) struct Info {
    pub(crate) config: Config,
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub(crate) payload_schema: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
pub(crate) struct Config {
    pub(crate) params: Params,
}

#[derive(Deserialize)]
pub(crate) struct Params {
    pub(crate) vectors: Option<Vectors>,
    pub(crate) sparse_vectors: Option<BTreeMap<String, Value>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Vectors {
    Unnamed(Vector),
    Named(BTreeMap<String, Vector>),
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Vector {
    pub(crate) size: usize,
    pub(crate) distance: String,
}

/// How a collection's payloads are laid out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// As this crate writes them.
    Own,
    /// As another tool does.
    Foreign(Fields),
}

/// The answer to a count.
#[derive(Deserialize)]
pub(crate) struct Counted {
    pub(crate) count: u64,
}

/// A page of points.
#[derive(Deserialize)]
pub(crate) struct Scrolled {
    #[serde(deserialize_with = "points")]
    pub(crate) points: Vec<Point>,
    pub(crate) next_page_offset: Option<Value>,
}

impl Scrolled {
    /// What is known of the points.
    pub(crate) fn payloads(self) -> Vec<Map<String, Value>> {
        self.points.into_iter().map(|point| point.payload.unwrap_or_default()).collect()
    }

    /// Documents and their fingerprints. Points that are no markers are left out.
    pub(crate) fn documents(&self) -> impl Iterator<Item = (String, String)> {
        self.points.iter().filter_map(|point| document(point.payload.as_ref()?))
    }
}

/// The document that a marker is of, and its fingerprint; `None` if the point is no marker.
pub(crate) fn document(payload: &Map<String, Value>) -> Option<(String, String)> {
    let document = payload.get("document")?.as_str()?.to_owned();
    let fingerprint = payload.get("fingerprint").and_then(Value::as_str);
    Some((document, fingerprint.unwrap_or_default().to_owned()))
}

/// The answer to a query.
#[derive(Deserialize)]
pub(crate) struct Found {
    #[serde(deserialize_with = "points")]
    points: Vec<Point>,
}

#[derive(Deserialize)]
pub(crate) struct Point {
    #[serde(default)]
    id: Value,
    #[serde(default, deserialize_with = "score")]
    score: f32,
    #[serde(default, deserialize_with = "lenient::or_default")]
    payload: Option<Map<String, Value>>,
}

impl Found {
    /// Points with these scores and payloads.
    pub(crate) fn of(points: impl IntoIterator<Item = (f32, Map<String, Value>)>) -> Self {
        let point = |(score, payload)| Point { id: Value::Null, score, payload: Some(payload) };
        Self { points: points.into_iter().map(point).collect() }
    }

    /// The payloads of the points, if not one of them has a text.
    pub(crate) fn without_text(&self, layout: &Layout) -> Option<Vec<Map<String, Value>>> {
        let Layout::Foreign(fields) = layout else { return None };
        let has_text =
            |payload: &Map<String, Value>| foreign::text(payload, &fields.text).is_some();
        let payloads = || self.points.iter().filter_map(|point| point.payload.as_ref());
        let is_none = !self.points.is_empty() && !payloads().any(has_text);
        is_none.then(|| payloads().cloned().collect())
    }

    /// Turns distances, which are less for what is closer, into scores between 0 and 1.
    pub(crate) fn distances_to_scores(&mut self) {
        for point in &mut self.points {
            point.score = 1.0 / (1.0 + point.score.max(0.0));
        }
    }

    /// The passages, best first, as many as `limit`, none of them twice, all of them with what
    /// `filter` wants. Points without a text are left out.
    pub(crate) fn passages(
        self,
        layout: &Layout,
        filter: &BTreeMap<String, String>,
        limit: usize,
    ) -> Vec<Passage> {
        let mut passages: Vec<Passage> = Vec::new();
        for point in self.points {
            let Some(passage) = point.passage(layout) else {
                tracing::debug!("a point has no text, or no score");
                continue;
            };
            let fits = filter.iter().all(|(key, value)| passage.metadata.get(key) == Some(value));
            let is_new =
                passages.iter().all(|one| one.id != passage.id && one.text != passage.text);
            if fits && is_new {
                passages.push(passage);
            }
        }
        passages.sort_by(|one, other| other.score.total_cmp(&one.score));
        passages.truncate(limit);
        passages
    }
}

impl Point {
    fn passage(self, layout: &Layout) -> Option<Passage> {
        let payload = self.payload?;
        if let Layout::Foreign(fields) = layout {
            let id = scalar(&self.id).unwrap_or_default();
            let said = foreign::text(&payload, &fields.text)?;
            let mut passage = self.score.is_finite().then(|| Passage::new(id, said, self.score))?;
            passage.metadata.extend(fields.metadata(&payload));
            return Some(passage);
        }
        let text = |field: &str| payload.get(field).and_then(Value::as_str);
        if !self.score.is_finite() {
            return None;
        }
        if let (Some(chunk), Some(document), Some(said)) =
            (text("chunk"), text("document"), text("text"))
        {
            let mut passage = Passage::new(chunk, said, self.score);
            let metadata = payload.get("metadata").and_then(Value::as_object);
            passage.metadata.extend(metadata.into_iter().flat_map(scalars));
            passage.metadata.insert(SOURCE.to_owned(), document.to_owned());
            if let Some(section) = text("section").filter(|section| !section.is_empty()) {
                passage.metadata.insert(SECTION.to_owned(), section.to_owned());
            }
            return Some(passage);
        }
        let id = scalar(&self.id).unwrap_or_default();
        let mut passage = Passage::new(id, text("text")?, self.score);
        passage.metadata.extend(scalars(&payload));
        passage.metadata.remove("text");
        Some(passage)
    }
}

/// The points that can be read; the others are left out.
fn points<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Point>, D::Error> {
    let points = Vec::<Value>::deserialize(from)?.into_iter();
    Ok(points.filter_map(|point| Point::deserialize(point).ok()).collect())
}

/// A score; what is not a number is no score.
#[expect(clippy::cast_possible_truncation, reason = "digits beyond a float's are of no use")]
fn score<'de, D: Deserializer<'de>>(from: D) -> Result<f32, D::Error> {
    Ok(lenient::number(from)?.map_or(f32::NAN, |score| score as f32))
}

fn scalars(fields: &Map<String, Value>) -> impl Iterator<Item = (String, String)> {
    fields.iter().filter_map(|(key, value)| Some((key.clone(), scalar(value)?)))
}
