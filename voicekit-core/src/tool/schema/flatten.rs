//! References and `allOf`, resolved into one set of keywords.

use serde_json::{Map, Value, json};

/// Maximum number of references and `allOf` members followed for one schema.
const MOST: usize = 64;

/// A schema and what its references point to.
#[derive(Debug)]
pub(super) struct Document<'a> {
    pub(super) root: &'a Value,
}

/// The keywords of one schema, with the references that led to it.
#[derive(Clone, Debug, Default)]
pub(super) struct Flat {
    pub(super) fields: Map<String, Value>,
    /// The references followed so far, from the top.
    pub(super) path: Vec<String>,
    /// Whether a reference leads back to a schema that contains this one.
    pub(super) is_recursive: bool,
}

impl<'a> Document<'a> {
    pub(super) fn new(root: &'a Value) -> Self {
        Self { root }
    }

    /// Resolves `$ref` and `allOf` of `schema`, which was reached by the references in `path`.
    pub(super) fn flatten(&self, schema: &Value, path: &[String]) -> Flat {
        let mut flat = Flat { path: path.to_vec(), ..Flat::default() };
        let mut left = MOST;
        self.add(schema, &mut flat, &mut left);
        flat
    }

    fn add(&self, schema: &Value, flat: &mut Flat, left: &mut usize) {
        let Some(fields) = schema.as_object() else {
            // Some servers write the name of a type in place of a schema.
            if let Some(name) = schema.as_str() {
                merge(&mut flat.fields, &Map::from_iter([("type".to_owned(), json!(name))]));
            }
            return;
        };
        if *left == 0 {
            return;
        }
        *left -= 1;
        let mut own = fields.clone();
        let all = own.remove("allOf");
        let reference = ["$ref", "$dynamicRef", "$recursiveRef"]
            .iter()
            .find_map(|word| own.remove(*word))
            .and_then(|reference| reference.as_str().map(str::to_owned));
        merge(&mut flat.fields, &own);
        if let Some(reference) = reference {
            if flat.path.contains(&reference) {
                flat.is_recursive = true;
                // Of what is not repeated, the type is kept.
                let target = self.target(&reference).and_then(Value::as_object);
                let of_object = target.filter(|target| target.contains_key("properties"));
                let kind = target.and_then(|target| target.get("type")).cloned();
                if let Some(kind) = kind.or_else(|| of_object.map(|_| json!("object"))) {
                    merge(&mut flat.fields, &Map::from_iter([("type".to_owned(), kind)]));
                }
            } else if let Some(target) = self.target(&reference) {
                flat.path.push(reference);
                self.add(target, flat, left);
            }
        }
        for part in all.as_ref().and_then(Value::as_array).into_iter().flatten() {
            self.add(part, flat, left);
        }
    }

    /// What a reference within the document points to; none for those to other documents.
    fn target(&self, reference: &str) -> Option<&'a Value> {
        let Some(fragment) = reference.strip_prefix('#') else {
            return named(self.root, reference);
        };
        if fragment.is_empty() || fragment == "/" {
            return Some(self.root);
        }
        if !fragment.starts_with('/') {
            return named(self.root, fragment);
        }
        self.root.pointer(fragment).or_else(|| self.root.pointer(&decoded(fragment)))
    }
}

/// The schema that calls itself `name` by `$anchor`, `$dynamicAnchor`, `$id` or `id`.
fn named<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    if let Some(items) = value.as_array() {
        return items.iter().find_map(|item| named(item, name));
    }
    let fields = value.as_object()?;
    let is_named = ["$anchor", "$dynamicAnchor", "$id", "id"].iter().any(|word| {
        let given = fields.get(*word).and_then(Value::as_str);
        given.is_some_and(|given| given == name || given.strip_prefix('#') == Some(name))
    });
    if is_named { Some(value) } else { fields.values().find_map(|value| named(value, name)) }
}

/// A pointer without percent signs, as URIs write them.
fn decoded(pointer: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = pointer.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.filter(|_| *first == b'%').and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Adds the keywords of `more`: both must hold.
pub(super) fn merge(fields: &mut Map<String, Value>, more: &Map<String, Value>) {
    for (word, value) in more {
        let Some(present) = fields.get_mut(word) else {
            fields.insert(word.clone(), value.clone());
            continue;
        };
        match word.as_str() {
            "properties" | "patternProperties" | "dependentSchemas" => both(present, value),
            "required" => union(present, value),
            "enum" => intersection(present, value),
            "anyOf" | "oneOf" => {
                // Two choices at once: kept side by side, for the one that says more.
                let more = value.as_array().map_or(0, Vec::len);
                if more > present.as_array().map_or(0, Vec::len) {
                    *present = value.clone();
                }
            }
            "description" => {
                if let (Some(first), Some(second)) = (present.as_str(), value.as_str())
                    && first.is_empty()
                {
                    *present = json!(second);
                }
            }
            "minimum" | "exclusiveMinimum" | "minLength" | "minItems" => {
                tighter(present, value, true)
            }
            "maximum" | "exclusiveMaximum" | "maxLength" | "maxItems" => {
                tighter(present, value, false);
            }
            _ => {}
        }
    }
}

fn both(present: &mut Value, more: &Value) {
    let (Some(present), Some(more)) = (present.as_object_mut(), more.as_object()) else { return };
    for (name, schema) in more {
        match present.get_mut(name) {
            Some(first) if first != schema => *first = json!({"allOf": [first.take(), schema]}),
            Some(_) => {}
            None => {
                present.insert(name.clone(), schema.clone());
            }
        }
    }
}

fn union(present: &mut Value, more: &Value) {
    let (Some(present), Some(more)) = (present.as_array_mut(), more.as_array()) else { return };
    for name in more {
        if !present.contains(name) {
            present.push(name.clone());
        }
    }
}

fn intersection(present: &mut Value, more: &Value) {
    let (Some(present), Some(more)) = (present.as_array_mut(), more.as_array()) else { return };
    present.retain(|value| more.contains(value));
}

fn tighter(present: &mut Value, more: &Value, is_lower: bool) {
    let (Some(first), Some(second)) = (present.as_f64(), more.as_f64()) else { return };
    if (second > first) == is_lower {
        *present = more.clone();
    }
}
