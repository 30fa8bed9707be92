//! Messages with one field changed, for tests of what reads them.
//!
//! [`mutations`] changes every field of a recorded message in turn, in every way in which services
//! are known to change them: dropped, `null`, another type, a number that is quoted, negative, huge
//! or fractional, a list that is empty or an object, an unknown field beside it. It is exhaustive
//! and has no randomness.
//!
//! ```
//! use serde_json::json;
//! use voicekit_testkit::mutate::mutations;
//!
//! let message = json!({ "type": "word", "text": "Hello", "times": [0.5, 0.8] });
//! for mutation in mutations(&message) {
//!     let read = mutation.message["type"] == "word";
//!     assert!(read || mutation.touches(&["/type"]), "{mutation}");
//! }
//! ```

use std::fmt;

use serde_json::{Map, Value, json};

/// A message with one change.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Mutation {
    /// The field that was changed, as a JSON pointer with `*` for every index of an array. Empty
    /// for the message itself.
    pub at: String,
    /// How it was changed.
    pub how: String,
    /// The changed message.
    pub message: Value,
}

impl Mutation {
    /// Returns whether one of these fields, or what holds it, was changed.
    pub fn touches(&self, fields: &[&str]) -> bool {
        fields.iter().any(|field| {
            let rest = field.strip_prefix(self.at.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
                && !(self.is_addition() && *field != self.at)
        })
    }

    /// Whether nothing was changed but that a field was added.
    fn is_addition(&self) -> bool {
        self.how.starts_with("beside")
    }
}

impl fmt::Display for Mutation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {:?}: {}", self.how, self.at, self.message)
    }
}

/// Returns `message` with each of its fields changed in each way, and the message itself.
pub fn mutations(message: &Value) -> Vec<Mutation> {
    let mut all = Vec::new();
    visit(message, &mut Vec::new(), message, &mut all);
    all
}

/// Returns the mutations of each of these messages, one JSON object a line.
///
/// # Panics
///
/// If a line is not JSON.
pub fn mutations_of_lines(lines: &str) -> Vec<Mutation> {
    let lines = lines.lines().filter(|line| !line.trim().is_empty());
    let messages = lines.map(|line| match serde_json::from_str(line) {
        Ok(message) => message,
        Err(error) => panic!("{line:?} is not JSON: {error}"),
    });
    messages.flat_map(|message: Value| mutations(&message)).collect()
}

/// A step from a value to one that it holds.
#[derive(Clone, Debug)]
enum Step {
    Field(String),
    Index(usize),
}

fn visit(whole: &Value, path: &mut Vec<Step>, value: &Value, all: &mut Vec<Mutation>) {
    let mut add = |how: String, change: &dyn Fn(&mut Value)| {
        let mut message = whole.clone();
        change(&mut message);
        if message != *whole {
            all.push(Mutation { at: pointer(path), how, message });
        }
    };
    if !path.is_empty() {
        add("drop".to_owned(), &|message| remove(message, path));
    }
    for other in others(value) {
        let how = format!("{other} instead");
        add(how, &|message| replace(message, path, other.clone()));
    }
    if value.is_object() {
        add("beside".to_owned(), &|message| {
            if let Some(Value::Object(fields)) = find(message, path) {
                fields.insert("not_known_yet".to_owned(), json!({ "a": [1, null] }));
            }
        });
    }
    match value {
        Value::Object(fields) => {
            for (name, inner) in fields {
                path.push(Step::Field(name.clone()));
                visit(whole, path, inner, all);
                path.pop();
            }
        }
        Value::Array(items) => {
            for (index, inner) in items.iter().enumerate() {
                path.push(Step::Index(index));
                visit(whole, path, inner, all);
                path.pop();
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What may stand in the place of `value`.
fn others(value: &Value) -> Vec<Value> {
    let mut others = vec![
        Value::Null,
        json!(true),
        json!(false),
        json!(0),
        json!(7),
        json!(-1),
        json!(-0.5),
        json!(0.5),
        json!(3.0),
        json!(1e300),
        json!(-1e300),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(""),
        json!("x"),
        json!("3"),
        json!("-0.5"),
        json!("NaN"),
        json!("\u{0}\u{1b}[31m\n"),
        json!([]),
        json!([null]),
        json!([[]]),
        json!({}),
        json!({ "x": null }),
        json!([value]),
        json!({ "value": value }),
    ];
    match value {
        Value::Number(number) => others.push(json!(number.to_string())),
        Value::String(text) => {
            others.extend([json!(text.to_uppercase()), json!(format!(" {text} "))]);
        }
        Value::Bool(flag) => {
            others.extend([json!(!flag), json!(flag.to_string()), json!(u8::from(*flag))]);
        }
        Value::Array(items) => {
            others.extend(items.first().cloned());
            others.push(items.iter().chain(items).cloned().collect());
            let numbered = items.iter().enumerate();
            let fields: Map<String, Value> =
                numbered.map(|(index, item)| (index.to_string(), item.clone())).collect();
            others.push(fields.into());
        }
        Value::Object(fields) => others.push(fields.values().cloned().collect()),
        Value::Null => {}
    }
    others.retain(|other| other != value);
    others
}

fn pointer(path: &[Step]) -> String {
    let steps = path.iter().map(|step| match step {
        Step::Field(name) => format!("/{}", name.replace('~', "~0").replace('/', "~1")),
        Step::Index(_) => "/*".to_owned(),
    });
    steps.collect()
}

fn find<'a>(message: &'a mut Value, path: &[Step]) -> Option<&'a mut Value> {
    path.iter().try_fold(message, |value, step| match step {
        Step::Field(name) => value.get_mut(name),
        Step::Index(index) => value.get_mut(index),
    })
}

fn replace(message: &mut Value, path: &[Step], other: Value) {
    if let Some(value) = find(message, path) {
        *value = other;
    }
}

fn remove(message: &mut Value, path: &[Step]) {
    let Some((last, holder)) = path.split_last() else { return };
    match (find(message, holder), last) {
        (Some(Value::Object(fields)), Step::Field(name)) => {
            fields.remove(name);
        }
        (Some(Value::Array(items)), Step::Index(index)) => {
            items.remove(*index);
        }
        _ => {}
    }
}
