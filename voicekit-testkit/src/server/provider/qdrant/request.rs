//! Bodies of requests. Fields that are not here are refused.
#![expect(dead_code, reason = "some fields are there only to be checked")]

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

use super::filter::Filter;

/// One, or a list.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMany<T> {
    Many(Vec<T>),
    One(T),
}

impl<T> OneOrMany<T> {
    pub(super) fn as_slice(&self) -> &[T] {
        match self {
            Self::Many(many) => many,
            Self::One(one) => std::slice::from_ref(one),
        }
    }
}

/// An unsigned integer or a UUID.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum PointId {
    Number(u64),
    Uuid(u128),
}

impl Serialize for PointId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => serializer.serialize_u64(*number),
            Self::Uuid(uuid) => {
                let mut text = String::new();
                for (at, byte) in uuid.to_be_bytes().iter().enumerate() {
                    if matches!(at, 4 | 6 | 8 | 10) {
                        text.push('-');
                    }
                    // Writing into a text cannot fail.
                    let _ = write!(text, "{byte:02x}");
                }
                serializer.serialize_str(&text)
            }
        }
    }
}

impl<'de> Deserialize<'de> for PointId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let uuid = |text: &str| {
            let digits = text.replace('-', "");
            let is_uuid = digits.len() == 32 && matches!(text.len(), 32 | 36);
            is_uuid.then(|| u128::from_str_radix(&digits, 16).ok()).flatten()
        };
        let id = match &value {
            Value::Number(number) => number.as_u64().map(Self::Number),
            Value::String(text) => uuid(text).map(Self::Uuid),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        };
        id.ok_or_else(|| {
            D::Error::custom(format!(
                "value {value} is not a valid point ID, valid values are either an unsigned \
                 integer or a UUID"
            ))
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(super) enum Distance {
    Cosine,
    Dot,
    Euclid,
    Manhattan,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct VectorParams {
    pub(super) size: usize,
    pub(super) distance: Distance,
    #[serde(skip_serializing_if = "Option::is_none")]
    on_disk: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    datatype: Option<Datatype>,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum Datatype {
    Float32,
    Float16,
    Uint8,
}

/// One vector without a name, or several by name.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged)]
pub(super) enum Vectors {
    Unnamed(VectorParams),
    Named(BTreeMap<String, VectorParams>),
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SparseParams {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) modifier: Option<Modifier>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Modifier {
    None,
    Idf,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateCollection {
    pub(super) vectors: Option<Vectors>,
    pub(super) sparse_vectors: Option<BTreeMap<String, SparseParams>>,
    pub(super) hnsw_config: Option<Hnsw>,
    pub(super) quantization_config: Option<Quantization>,
    pub(super) metadata: Option<Map<String, Value>>,
    pub(super) on_disk_payload: Option<bool>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Hnsw {
    m: Option<usize>,
    ef_construct: Option<usize>,
    payload_m: Option<usize>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Quantization {
    scalar: Scalar,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Scalar {
    r#type: ScalarType,
    quantile: Option<f32>,
    always_ram: Option<bool>,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum ScalarType {
    Int8,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateIndex {
    pub(super) field_name: String,
    pub(super) field_schema: Schema,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Schema {
    Type(SchemaType),
    Params(SchemaParams),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum SchemaType {
    Keyword,
    Uuid,
    Integer,
    Float,
    Bool,
    Datetime,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SchemaParams {
    pub(super) r#type: SchemaType,
    pub(super) is_tenant: Option<bool>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Upsert {
    pub(super) points: Vec<PointStruct>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PointStruct {
    pub(super) id: PointId,
    pub(super) vector: PointVectors,
    pub(super) payload: Option<Map<String, Value>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum PointVectors {
    Unnamed(Vec<f32>),
    Named(BTreeMap<String, Vector>),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Vector {
    Dense(Vec<f32>),
    Sparse(Sparse),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sparse {
    pub(super) indices: Vec<u32>,
    pub(super) values: Vec<f32>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Delete {
    Points(DeletePoints),
    Filter(DeleteFilter),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DeletePoints {
    pub(super) points: Vec<PointId>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DeleteFilter {
    pub(super) filter: Filter,
}

impl Delete {
    pub(super) fn filter(&self) -> Option<&Filter> {
        match self {
            Self::Points(_) => None,
            Self::Filter(delete) => Some(&delete.filter),
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scroll {
    pub(super) limit: Option<usize>,
    pub(super) offset: Option<PointId>,
    pub(super) filter: Option<Filter>,
    pub(super) with_payload: Option<WithPayload>,
    pub(super) with_vector: Option<bool>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CountPoints {
    pub(super) filter: Option<Filter>,
    pub(super) exact: Option<bool>,
}

/// All of a payload, none of it, or some fields.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum WithPayload {
    All(bool),
    Fields(Vec<String>),
}

impl WithPayload {
    /// What of `payload` is answered; by default nothing.
    pub(super) fn of(with: Option<&Self>, payload: &Map<String, Value>) -> Value {
        match with {
            None | Some(Self::All(false)) => Value::Null,
            Some(Self::All(true)) => Value::Object(payload.clone()),
            Some(Self::Fields(fields)) => {
                let mut some = payload.clone();
                some.retain(|key, _| fields.contains(key));
                Value::Object(some)
            }
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    pub(super) prefetch: Option<OneOrMany<Prefetch>>,
    pub(super) query: Option<By>,
    pub(super) using: Option<String>,
    pub(super) filter: Option<Filter>,
    pub(super) params: Option<SearchParams>,
    pub(super) score_threshold: Option<f32>,
    pub(super) limit: Option<usize>,
    pub(super) offset: Option<usize>,
    pub(super) with_payload: Option<WithPayload>,
    pub(super) with_vector: Option<bool>,
}

impl Query {
    pub(super) fn filters(&self) -> impl Iterator<Item = &Filter> {
        let prefetches = self.prefetch.iter().flat_map(OneOrMany::as_slice);
        self.filter.iter().chain(prefetches.filter_map(|prefetch| prefetch.filter.as_ref()))
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Prefetch {
    pub(super) query: By,
    pub(super) using: Option<String>,
    pub(super) filter: Option<Filter>,
    pub(super) params: Option<SearchParams>,
    pub(super) score_threshold: Option<f32>,
    pub(super) limit: Option<usize>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SearchParams {
    pub(super) hnsw_ef: Option<usize>,
    pub(super) exact: Option<bool>,
    pub(super) quantization: Option<QuantizationParams>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct QuantizationParams {
    pub(super) rescore: Option<bool>,
    pub(super) oversampling: Option<f64>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum By {
    Dense(Vec<f32>),
    Sparse(Sparse),
    Fusion(Fusion),
    Rrf(Rrf),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fusion {
    /// The only one that is understood here is `rrf`.
    pub(super) fusion: FusionKind,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum FusionKind {
    Rrf,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rrf {
    pub(super) rrf: RrfParams,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RrfParams {
    pub(super) k: Option<usize>,
    pub(super) weights: Option<Vec<f32>>,
}
