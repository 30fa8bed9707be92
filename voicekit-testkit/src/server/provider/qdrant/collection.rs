//! A collection: its settings and its points.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::filter::{Filter, steps};
use super::request::{
    CountPoints, CreateCollection, CreateIndex, Delete, Distance, Modifier, PointId, PointStruct,
    PointVectors, Schema, SchemaParams, SchemaType, Scroll, Sparse, Upsert, Vector, VectorParams,
    Vectors, WithPayload,
};
use super::{Outcome, Refused, wrong_input};

/// The name of a vector that has none.
pub(super) const UNNAMED: &str = "";

pub(super) struct Collection {
    created: CreateCollection,
    pub(super) vectors: BTreeMap<String, VectorParams>,
    /// Whether rare words count more.
    pub(super) sparse: BTreeMap<String, bool>,
    indexes: BTreeMap<String, SchemaParams>,
    pub(super) points: BTreeMap<PointId, Point>,
    /// What was written and is not seen yet.
    pub(super) pending: Vec<Write>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Point {
    pub(super) dense: BTreeMap<String, Vec<f32>>,
    pub(super) sparse: BTreeMap<String, BTreeMap<u32, f32>>,
    pub(super) payload: Map<String, Value>,
}

#[derive(Debug)]
pub(super) enum Write {
    Upsert(Vec<(PointId, Point)>),
    Delete(Delete),
}

impl Collection {
    pub(super) fn new(created: CreateCollection) -> Outcome<Self> {
        let vectors = match created.vectors.clone() {
            None => BTreeMap::new(),
            Some(Vectors::Unnamed(params)) => BTreeMap::from([(UNNAMED.to_owned(), params)]),
            Some(Vectors::Named(named)) => named,
        };
        if vectors.values().any(|params| params.size == 0 || params.size > 65_536) {
            return Err(Refused(422, "vectors.size must be 1 to 65536".to_owned()));
        }
        let sparse = created.sparse_vectors.iter().flatten();
        let sparse = sparse
            .map(|(name, params)| (name.clone(), params.modifier == Some(Modifier::Idf)))
            .collect();
        Ok(Self {
            created,
            vectors,
            sparse,
            indexes: BTreeMap::new(),
            points: BTreeMap::new(),
            pending: Vec::new(),
        })
    }

    pub(super) fn describe(&self) -> Value {
        let schema = self.indexes.iter().map(|(field, params)| {
            (field.clone(), json!({"data_type": params.r#type, "params": params, "points": 0}))
        });
        json!({
            "status": "green",
            "optimizer_status": "ok",
            "indexed_vectors_count": 0,
            "points_count": self.points.len(),
            "segments_count": 1,
            "config": {
                "params": {
                    "vectors": self.created.vectors,
                    "sparse_vectors": self.created.sparse_vectors,
                    "shard_number": 1,
                    "replication_factor": 1,
                    "on_disk_payload": self.created.on_disk_payload.unwrap_or(true),
                },
                "hnsw_config": self.created.hnsw_config,
                "optimizer_config": {},
                "quantization_config": self.created.quantization_config,
                "metadata": self.created.metadata,
            },
            "payload_schema": schema.collect::<Map<_, _>>(),
        })
    }

    /// Doing it again changes nothing.
    pub(super) fn index(&mut self, index: CreateIndex) -> Outcome<()> {
        if steps(&index.field_name).is_none() {
            return Err(Refused(422, format!("{:?} is not a path", index.field_name)));
        }
        let params = match index.field_schema {
            Schema::Type(r#type) => SchemaParams { r#type, is_tenant: None },
            Schema::Params(params) => params,
        };
        let may_be_tenant = matches!(params.r#type, SchemaType::Keyword | SchemaType::Uuid);
        if params.is_tenant.is_some() && !may_be_tenant {
            return Err(Refused(422, "is_tenant is for keyword and uuid".to_owned()));
        }
        self.indexes.insert(index.field_name, params);
        Ok(())
    }

    /// The points as they are kept, if all of them can be.
    pub(super) fn checked(&self, upsert: Upsert) -> Outcome<Vec<(PointId, Point)>> {
        upsert.points.into_iter().map(|point| self.point(point)).collect()
    }

    fn point(&self, given: PointStruct) -> Outcome<(PointId, Point)> {
        let mut point = Point { payload: given.payload.unwrap_or_default(), ..Point::default() };
        let vectors = match given.vector {
            PointVectors::Unnamed(values) => {
                BTreeMap::from([(UNNAMED.to_owned(), Vector::Dense(values))])
            }
            PointVectors::Named(named) => named,
        };
        for (name, vector) in vectors {
            match vector {
                Vector::Dense(values) => {
                    let values = self.dense(&name, values)?;
                    point.dense.insert(name, values);
                }
                Vector::Sparse(sparse) => {
                    let values = self.sparse(&name, &sparse)?;
                    point.sparse.insert(name, values);
                }
            }
        }
        Ok((given.id, point))
    }

    /// `values` as they are kept under `name`.
    pub(super) fn dense(&self, name: &str, mut values: Vec<f32>) -> Outcome<Vec<f32>> {
        let params = self.vectors.get(name).ok_or_else(|| unknown(name))?;
        if values.len() != params.size {
            let (size, given) = (params.size, values.len());
            return Err(wrong_input(format!(
                "Vector dimension error: expected dim: {size}, got {given}"
            )));
        }
        if params.distance == Distance::Cosine {
            let length = values.iter().map(|value| value * value).sum::<f32>().sqrt();
            if length > 0.0 {
                values.iter_mut().for_each(|value| *value /= length);
            }
        }
        Ok(values)
    }

    pub(super) fn sparse(&self, name: &str, sparse: &Sparse) -> Outcome<BTreeMap<u32, f32>> {
        if !self.sparse.contains_key(name) {
            return Err(unknown(name));
        }
        let values: BTreeMap<u32, f32> =
            sparse.indices.iter().copied().zip(sparse.values.iter().copied()).collect();
        if sparse.indices.len() != sparse.values.len() {
            return Err(Refused(422, "must be the same length as indices".to_owned()));
        }
        if values.len() != sparse.indices.len() {
            return Err(Refused(422, "indices must be unique".to_owned()));
        }
        Ok(values)
    }

    /// Lets what was written be seen.
    pub(super) fn settle(&mut self) {
        for write in std::mem::take(&mut self.pending) {
            match write {
                Write::Upsert(points) => self.points.extend(points),
                Write::Delete(Delete::Points(delete)) => {
                    let gone: BTreeSet<PointId> = delete.points.into_iter().collect();
                    self.points.retain(|id, _| !gone.contains(id));
                }
                Write::Delete(Delete::Filter(delete)) => {
                    self.points.retain(|id, point| !delete.filter.lets(id, point));
                }
            }
        }
    }

    /// Whether `filter` compares only what it may.
    pub(super) fn allows(&self, filter: Option<&Filter>, is_strict: bool) -> Outcome<()> {
        for key in filter.map(Filter::keys).unwrap_or_default() {
            if steps(key).is_none() {
                return Err(Refused(422, format!("{key:?} is not a path")));
            }
            if is_strict && !self.indexes.contains_key(key) {
                return Err(Refused(
                    400,
                    format!(
                        "Bad request: Index required but not found for \"{key}\" of one of the \
                     following types: [keyword]. Help: Create an index for this key or use a \
                     different filter."
                    ),
                ));
            }
        }
        Ok(())
    }

    pub(super) fn chosen(
        &self,
        filter: Option<&Filter>,
    ) -> impl Iterator<Item = (&PointId, &Point)> {
        self.points
            .iter()
            .filter(move |(id, point)| filter.is_none_or(|filter| filter.lets(id, point)))
    }

    pub(super) fn scroll(&self, scroll: &Scroll) -> Outcome {
        let limit = scroll.limit.unwrap_or(10);
        if limit == 0 {
            return Err(Refused(422, "limit must be 1 or more".to_owned()));
        }
        let after = |id: &PointId| scroll.offset.as_ref().is_none_or(|offset| id >= offset);
        let mut found = self.chosen(scroll.filter.as_ref()).filter(|(id, _)| after(id));
        let points = found.by_ref().take(limit).map(|(id, point)| {
            let payload = WithPayload::of(scroll.with_payload.as_ref(), &point.payload);
            json!({"id": id, "payload": payload})
        });
        let points: Vec<Value> = points.collect();
        let next = found.next().map(|(id, _)| id);
        let _ = scroll.with_vector;
        Ok(json!({"points": points, "next_page_offset": next}))
    }

    pub(super) fn count(&self, count: &CountPoints) -> Outcome {
        let _ = count.exact;
        Ok(json!({"count": self.chosen(count.filter.as_ref()).count()}))
    }
}

fn unknown(name: &str) -> Refused {
    wrong_input(format!("Not existing vector name error: {name}"))
}
