//! Normalizes the JSON Schema of a tool's arguments for model providers.
//!
//! Tools come with schemas of every draft and quality, and one schema that a provider rejects fails
//! the whole request. [`Normalized::new`] turns any JSON value into a schema that the common
//! providers accept:
//!
//! - An object at the top, without `oneOf`, `anyOf`, `allOf`, `enum` or `not` there.
//! - Every schema has one `type`, or an `anyOf`; arrays have `items`, objects have `properties`.
//! - No references, and only keywords that every provider knows, in the form of draft 2020-12.
//! - Property names of 1 to 64 ASCII letters, digits, `_`, `.` and `-`; [`Normalized::restore`]
//!   gives the arguments of a call their original names.
//! - At most 10 levels and 32 KiB: what is deeper or larger loses its details.
//!
//! Constraints that have no place in the result, such as patterns, move to the description.
//! Normalizing a normalized schema changes nothing.

mod check;
mod convert;
mod flatten;
mod kinds;
mod names;
mod words;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

pub use check::check;

use convert::Convert;
use flatten::Document;

/// Maximum size of a normalized schema, in bytes of JSON.
const LARGEST: usize = 32 * 1024;

/// Levels of nesting and the longest description, in characters, of each attempt at a schema that
/// is small enough.
const ATTEMPTS: [(usize, usize); 4] = [(10, 1_024), (6, 160), (3, 60), (2, 0)];

/// A schema that model providers accept, and how to map arguments back to the original.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Normalized {
    /// The schema for the provider.
    pub schema: Value,
    /// Property names in [`schema`](Self::schema) that differ from the original, with the original
    /// names.
    pub renamed: BTreeMap<String, String>,
}

impl Normalized {
    /// Normalizes `schema`. Any JSON value is accepted: what is not a schema of an object becomes
    /// an object without properties.
    pub fn new(schema: &Value) -> Self {
        for (levels, longest) in ATTEMPTS {
            let document = Document::new(schema);
            let mut convert = Convert::new(&document, levels, longest);
            let schema = convert.top();
            if schema.to_string().len() <= LARGEST {
                return Self { schema, renamed: convert.renamed() };
            }
        }
        Self { schema: json!({"type": "object", "properties": {}}), renamed: BTreeMap::new() }
    }

    /// Returns `arguments` with the property names of the original schema.
    pub fn restore(&self, arguments: Value) -> Value {
        if self.renamed.is_empty() { arguments } else { renamed(arguments, &self.renamed) }
    }
}

fn renamed(value: Value, names: &BTreeMap<String, String>) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.into_iter().map(|(name, value)| {
                let name = names.get(&name).cloned().unwrap_or(name);
                (name, renamed(value, names))
            });
            Value::Object(fields.collect::<Map<_, _>>())
        }
        Value::Array(items) => {
            Value::Array(items.into_iter().map(|item| renamed(item, names)).collect())
        }
        value @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => value,
    }
}
