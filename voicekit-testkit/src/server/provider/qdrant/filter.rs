//! Which points a filter lets through.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::collection::Point;
use super::request::{OneOrMany, PointId};

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Filter {
    must: Option<OneOrMany<Condition>>,
    should: Option<OneOrMany<Condition>>,
    must_not: Option<OneOrMany<Condition>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Condition {
    Field(FieldCondition),
    HasId(HasId),
    IsEmpty(IsEmpty),
    Filter(Box<Filter>),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FieldCondition {
    key: String,
    r#match: Match,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Match {
    Value(MatchValue),
    Any(MatchAny),
    Except(MatchExcept),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MatchValue {
    value: Value,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MatchAny {
    any: Vec<Value>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MatchExcept {
    except: Vec<Value>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct HasId {
    has_id: Vec<PointId>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct IsEmpty {
    is_empty: Field,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Field {
    key: String,
}

impl Filter {
    pub(super) fn lets(&self, id: &PointId, point: &Point) -> bool {
        let holds = |condition: &Condition| condition.holds(id, point);
        let of = |list: &Option<OneOrMany<Condition>>| {
            list.as_ref().map(OneOrMany::as_slice).unwrap_or_default().to_vec()
        };
        let should = of(&self.should);
        of(&self.must).iter().all(holds)
            && (should.is_empty() || should.iter().any(holds))
            && !of(&self.must_not).iter().any(holds)
    }

    /// The fields that are compared.
    pub(super) fn keys(&self) -> Vec<&str> {
        let lists = [&self.must, &self.should, &self.must_not];
        let conditions = lists.into_iter().flatten().flat_map(OneOrMany::as_slice);
        conditions.flat_map(Condition::keys).collect()
    }
}

impl Condition {
    fn holds(&self, id: &PointId, point: &Point) -> bool {
        match self {
            Self::Field(field) => {
                values(&field.key, &point.payload).iter().any(|value| field.r#match.fits(value))
            }
            Self::HasId(ids) => ids.has_id.contains(id),
            Self::IsEmpty(field) => values(&field.is_empty.key, &point.payload).is_empty(),
            Self::Filter(filter) => filter.lets(id, point),
        }
    }

    fn keys(&self) -> Vec<&str> {
        match self {
            Self::Field(field) => vec![&field.key],
            Self::HasId(_) => Vec::new(),
            Self::IsEmpty(field) => vec![&field.is_empty.key],
            Self::Filter(filter) => filter.keys(),
        }
    }
}

impl Match {
    fn fits(&self, value: &Value) -> bool {
        match self {
            Self::Value(wanted) => *value == wanted.value,
            Self::Any(wanted) => wanted.any.contains(value),
            Self::Except(unwanted) => !unwanted.except.contains(value),
        }
    }
}

/// The values at a path such as `metadata."opening hours"`; those of a list one by one.
fn values<'a>(path: &str, payload: &'a Map<String, Value>) -> Vec<&'a Value> {
    let Some(steps) = steps(path) else { return Vec::new() };
    let Some((first, rest)) = steps.split_first() else { return Vec::new() };
    let value =
        rest.iter().try_fold(payload.get(first), |value, step| value.map(|value| value.get(step)));
    match value.flatten() {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(many)) => many.iter().collect(),
        Some(one) => vec![one],
    }
}

/// The keys of a path; `None` if it is none.
pub(super) fn steps(path: &str) -> Option<Vec<String>> {
    let (mut steps, mut rest) = (Vec::new(), path);
    loop {
        let (step, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => rest.split_at(rest.find('.').unwrap_or(rest.len())),
        };
        let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
        if !rest.starts_with('"') && (step.is_empty() || !step.chars().all(is_plain)) {
            return None;
        }
        steps.push(step.to_owned());
        match after.strip_prefix('.') {
            Some(after) => rest = after,
            None if after.is_empty() => return Some(steps),
            None => return None,
        }
    }
}
