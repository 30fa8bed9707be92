//! One schema after another, from any draft to what every provider accepts.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::flatten::{Document, Flat, merge};
use super::kinds::{keep_bounds, keep_values, kinds};
use super::names::Names;
use super::words::{
    add_properties, anything, choices, choices_of, in_words, joined_text, names_in, note, scalars,
    set_in_words,
};

/// Maximum number of schemas in a result; what comes after is left open.
const MOST_SCHEMAS: usize = 1_500;

/// Maximum number of choices within choices.
const MOST_CHOICES: usize = 16;

/// Maximum length of a default value that is kept, in bytes of JSON.
const LONGEST_DEFAULT: usize = 200;

/// Converts the schemas of one document.
#[derive(Debug)]
pub(super) struct Convert<'a> {
    document: &'a Document<'a>,
    names: Names,
    levels: usize,
    longest: usize,
    left: usize,
    /// Choices that contain the schema at hand, without a level in between.
    choices: usize,
}

impl<'a> Convert<'a> {
    /// Keeps `levels` of nesting and descriptions of up to `longest` characters.
    pub(super) fn new(document: &'a Document<'a>, levels: usize, longest: usize) -> Self {
        let names = Names::of(document.root);
        Self { document, names, levels, longest, left: MOST_SCHEMAS, choices: 0 }
    }

    pub(super) fn renamed(self) -> BTreeMap<String, String> {
        self.names.renamed()
    }

    /// The schema of the arguments: an object, whatever the document holds.
    pub(super) fn top(&mut self) -> Value {
        let flat = self.document.flatten(self.document.root, &[]);
        let kinds = kinds(&flat.fields);
        if !kinds.is_empty() && !kinds.contains(&"object") {
            return json!({"type": "object", "properties": {}});
        }
        let flat = self.joined(flat, 0);
        let mut result = self.object(&flat, 0);
        self.describe(&mut result, &flat.fields, "object");
        Value::Object(result)
    }

    fn schema(&mut self, schema: &Value, path: &[String], level: usize) -> Value {
        let flat = self.document.flatten(schema, path);
        self.flat(flat, level)
    }

    fn flat(&mut self, flat: Flat, level: usize) -> Value {
        self.left = self.left.saturating_sub(1);
        let is_object = flat.fields.get("properties").is_some_and(Value::is_object);
        let choices = choices(&flat.fields);
        let mut kinds = kinds(&flat.fields);
        if !choices.is_empty() && !is_object {
            return self.any_of(&flat, &choices, level);
        }
        let is_nullable = flat.fields.get("nullable") == Some(&Value::Bool(true));
        if is_nullable && !kinds.is_empty() && !kinds.contains(&"null") {
            kinds.push("null");
        }
        match kinds.as_slice() {
            [] => self.open(&flat, level),
            [kind] => self.of_kind(&flat, kind, level),
            kinds => {
                let each = kinds.iter().map(|kind| self.of_kind(&flat, kind, level));
                let mut each: Vec<Value> = each.collect();
                for schema in each.iter_mut().filter_map(Value::as_object_mut) {
                    schema.remove("description");
                    schema.remove("default");
                }
                self.one_of(each, &flat.fields)
            }
        }
    }

    /// A choice between schemas, each of which has the keywords beside the choice as well.
    fn any_of(&mut self, flat: &Flat, choices: &[Value], level: usize) -> Value {
        let mut beside = flat.fields.clone();
        for word in ["anyOf", "oneOf", "description", "title", "default", "nullable"] {
            beside.remove(word);
        }
        let mut each = Vec::new();
        for choice in choices.iter().filter(|choice| **choice != Value::Bool(false)) {
            if self.left == 0 {
                break;
            }
            let mut one = self.document.flatten(choice, &flat.path);
            one.is_recursive |= flat.is_recursive;
            let own = kinds(&one.fields);
            // `{"type": ["string", "null"], "anyOf": […]}`: the choice knows its type better.
            let mut rest = beside.clone();
            if !own.is_empty() {
                rest.remove("type");
                rest.remove("enum");
            }
            merge(&mut one.fields, &rest);
            let is_cut = level + 1 >= self.levels || self.choices >= MOST_CHOICES;
            each.push(if is_cut && !choices_of(&one).is_empty() {
                json!({"type": "string"})
            } else {
                self.choices += 1;
                let converted = self.flat(one, level + usize::from(self.is_crowded()));
                self.choices -= 1;
                converted
            });
        }
        if flat.fields.get("nullable") == Some(&Value::Bool(true)) {
            each.push(json!({"type": "null"}));
        }
        self.one_of(each, &flat.fields)
    }

    /// Choices within choices count as levels once many schemas are used up.
    fn is_crowded(&self) -> bool {
        self.left < MOST_SCHEMAS / 2
    }

    fn one_of(&self, each: Vec<Value>, fields: &Map<String, Value>) -> Value {
        let mut distinct: Vec<Value> = Vec::new();
        for schema in each {
            let inner = schema.get("anyOf").and_then(Value::as_array).cloned();
            for schema in inner.unwrap_or_else(|| vec![schema]) {
                if !distinct.contains(&schema) {
                    distinct.push(schema);
                }
            }
        }
        let mut result = match distinct.len() {
            0 => anything(),
            1 => distinct.remove(0).as_object().cloned().unwrap_or_else(anything),
            _ => Map::from_iter([("anyOf".to_owned(), Value::Array(distinct))]),
        };
        self.describe(&mut result, fields, "");
        Value::Object(result)
    }

    /// A schema that says nothing of its type.
    fn open(&self, flat: &Flat, level: usize) -> Value {
        if flat.is_recursive || level + 1 >= self.levels {
            let mut result = Map::from_iter([("type".to_owned(), json!("string"))]);
            self.describe(&mut result, &flat.fields, "");
            return Value::Object(result);
        }
        let mut result = anything();
        self.describe(&mut result, &flat.fields, "");
        Value::Object(result)
    }

    fn of_kind(&mut self, flat: &Flat, kind: &str, level: usize) -> Value {
        let mut result = match kind {
            "object" => {
                let flat = self.joined(flat.clone(), level);
                let mut result = self.object(&flat, level);
                self.describe(&mut result, &flat.fields, kind);
                return Value::Object(result);
            }
            "array" => self.array(flat, level),
            kind => Map::from_iter([("type".to_owned(), json!(kind))]),
        };
        keep_values(&mut result, &flat.fields, kind);
        keep_bounds(&mut result, &flat.fields, kind);
        self.describe(&mut result, &flat.fields, kind);
        Value::Object(result)
    }

    fn array(&mut self, flat: &Flat, level: usize) -> Map<String, Value> {
        let mut result = Map::from_iter([("type".to_owned(), json!("array"))]);
        let fields = &flat.fields;
        let mut each: Vec<&Value> = Vec::new();
        for word in ["prefixItems", "items", "additionalItems", "contains"] {
            match fields.get(word) {
                Some(Value::Array(items)) => each.extend(items),
                // Behind a tuple: what else may follow.
                Some(items @ Value::Object(_)) => each.push(items),
                _ => {}
            }
        }
        let is_cut = level + 1 >= self.levels || self.left == 0 || flat.is_recursive;
        let items = if each.is_empty() || is_cut {
            let known = each.first().map(|first| self.document.flatten(first, &flat.path));
            let known = known.map(|flat| kinds(&flat.fields)).unwrap_or_default();
            match known.as_slice() {
                [] if is_cut => json!({"type": "string"}),
                [] => Value::Object(scalars()),
                ["array", ..] => json!({"type": "array", "items": {"type": "string"}}),
                ["object", ..] => json!({"type": "object", "properties": {}}),
                [kind, ..] => json!({"type": kind}),
            }
        } else {
            let each = each.into_iter().map(|item| self.schema(item, &flat.path, level + 1));
            let each: Vec<Value> = each.collect();
            if let [one] = each.as_slice() { one.clone() } else { self.one_of(each, &Map::new()) }
        };
        result.insert("items".to_owned(), items);
        result
    }

    fn object(&mut self, flat: &Flat, level: usize) -> Map<String, Value> {
        let fields = &flat.fields;
        let (mut properties, mut required) = (Map::new(), Vec::new());
        let given = fields.get("properties").and_then(Value::as_object);
        let is_cut = level >= self.levels || flat.is_recursive;
        let mut names = names_in(fields.get("required"));
        for (name, schema) in given.into_iter().flatten().filter(|_| !is_cut) {
            if self.left == 0 || *schema == Value::Bool(false) {
                continue;
            }
            if schema.get("required") == Some(&Value::Bool(true)) {
                names.push(name);
            }
            let converted = self.schema(schema, &flat.path, level + 1);
            properties.insert(self.names.fit(name), converted);
        }
        for name in names {
            let name = json!(self.names.fit(name));
            let is_known = name.as_str().is_some_and(|name| properties.contains_key(name));
            if is_known && !required.contains(&name) {
                required.push(name);
            }
        }
        let mut result = Map::new();
        result.insert("type".to_owned(), json!("object"));
        result.insert("properties".to_owned(), Value::Object(properties));
        if !required.is_empty() {
            result.insert("required".to_owned(), Value::Array(required));
        }
        if let Some(others) = self.others(flat, level).filter(|_| !is_cut) {
            result.insert("additionalProperties".to_owned(), others);
        }
        result
    }

    /// What properties that are not named may hold, if the schema says so.
    fn others(&mut self, flat: &Flat, level: usize) -> Option<Value> {
        let fields = &flat.fields;
        let patterns = fields.get("patternProperties").and_then(Value::as_object);
        let mut each: Vec<&Value> = patterns.into_iter().flat_map(Map::values).collect();
        match fields.get("additionalProperties").or_else(|| fields.get("unevaluatedProperties")) {
            Some(Value::Bool(false)) if each.is_empty() => return Some(json!(false)),
            Some(schema @ Value::Object(fields)) if !fields.is_empty() => each.push(schema),
            _ => {}
        }
        if each.is_empty() || level + 1 >= self.levels || self.left == 0 {
            return None;
        }
        let each = each.into_iter().map(|schema| self.schema(schema, &flat.path, level + 1));
        let each: Vec<Value> = each.collect();
        Some(self.one_of(each, &Map::new()))
    }

    /// The object with the properties of its choices and conditions: those of `oneOf`, `anyOf`,
    /// `then`, `else` and of dependent schemas. Required is what each choice requires.
    fn joined(&mut self, mut flat: Flat, level: usize) -> Flat {
        let mut sets: Vec<String> = Vec::new();
        for word in ["oneOf", "anyOf"] {
            let Some(Value::Array(given)) = flat.fields.remove(word) else { continue };
            let choices = self.objects(&given, &flat.path, level);
            let mut common: Option<Vec<Value>> = None;
            for choice in &choices {
                add_properties(&mut flat.fields, choice.fields.get("properties"));
                let required = choice.fields.get("required").and_then(Value::as_array);
                let required = required.cloned().unwrap_or_default();
                sets.extend(set_in_words(&required));
                match &mut common {
                    Some(common) => common.retain(|name| required.contains(name)),
                    None => common = Some(required),
                }
                for reference in &choice.path {
                    if !flat.path.contains(reference) && choices.len() == 1 {
                        flat.path.push(reference.clone());
                    }
                }
            }
            let common = json!({"required": common.unwrap_or_default()});
            if let Some(common) = common.as_object() {
                merge(&mut flat.fields, common);
            }
        }
        for word in ["then", "else"] {
            if let Some(schema) = flat.fields.remove(word) {
                let branch = self.document.flatten(&schema, &flat.path);
                add_properties(&mut flat.fields, branch.fields.get("properties"));
            }
        }
        for word in ["dependentSchemas", "dependencies"] {
            let Some(Value::Object(schemas)) = flat.fields.remove(word) else { continue };
            for schema in schemas.values().filter(|schema| schema.is_object()) {
                let branch = self.document.flatten(schema, &flat.path);
                add_properties(&mut flat.fields, branch.fields.get("properties"));
            }
        }
        sets.dedup();
        if sets.len() > 1 {
            let text = format!("Give one of: {}.", sets.join("; or "));
            note(&mut flat.fields, &text);
        }
        flat
    }

    /// The choices that are objects.
    fn objects(&mut self, choices: &[Value], path: &[String], level: usize) -> Vec<Flat> {
        let mut objects = Vec::new();
        for choice in choices {
            if self.left == 0 {
                break;
            }
            self.left -= 1;
            let mut choice = self.document.flatten(choice, path);
            if choice.fields.is_empty() || choice.is_recursive {
                continue;
            }
            if level < self.levels {
                choice = self.nested(choice, level + 1);
            }
            let kinds = kinds(&choice.fields);
            if kinds.is_empty() || kinds.contains(&"object") {
                objects.push(choice);
            }
        }
        objects
    }

    /// A choice that is a choice itself.
    fn nested(&mut self, choice: Flat, level: usize) -> Flat {
        if choices(&choice.fields).is_empty() { choice } else { self.joined(choice, level) }
    }

    /// Adds the description, with what no keyword of the result says, and the default.
    fn describe(&self, result: &mut Map<String, Value>, fields: &Map<String, Value>, kind: &str) {
        let mut text = in_words(fields.get("description"));
        if text.is_empty() && kind != "object" {
            text = in_words(fields.get("title"));
        }
        if let Some(pattern) = fields.get("pattern").and_then(Value::as_str)
            && kind == "string"
            && !text.contains(pattern)
        {
            text = joined_text(&text, &format!("Pattern: {pattern}"));
        }
        if let Some((end, _)) = text.char_indices().nth(self.longest) {
            text.truncate(end);
        }
        if !text.is_empty() {
            result.insert("description".to_owned(), json!(text));
        }
        let default = fields.get("default");
        let fits = |value: &&Value| {
            let is_simple = !value.is_object() && !value.is_array() && !value.is_null();
            is_simple && value.to_string().len() <= LONGEST_DEFAULT
        };
        if let Some(default) = default.filter(fits) {
            result.insert("default".to_owned(), default.clone());
        }
    }
}
