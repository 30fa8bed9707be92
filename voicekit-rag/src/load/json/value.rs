//! JSON values with all their fields, in order.

use jsonc_parser::ast::{ObjectPropName, Value};
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

/// A value. Fields keep their order, and all of those with the same name; numbers are as written.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Self>),
    Object(Vec<(String, Self)>),
}

impl Json {
    /// The first field of an object that has this name.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        let Self::Object(fields) = self else { return None };
        fields.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    pub(super) fn is_scalar(&self) -> bool {
        match self {
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Text(_) => true,
            Self::List(_) | Self::Object(_) => false,
        }
    }
}

/// Why and where a text is not JSON.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) what: String,
    /// From 1.
    pub(super) line: usize,
    pub(super) column: usize,
}

impl Problem {
    /// The problem in a text with so many lines before it.
    pub(super) fn after(&self, lines: usize) -> String {
        format!("{} in line {}, column {}", self.what, lines + self.line, self.column)
    }
}

/// Parses one value; `None` if there is nothing but white space and comments.
pub(super) fn parse(text: &str) -> Result<Option<Json>, Problem> {
    let options = ParseOptions { allow_missing_commas: false, ..ParseOptions::default() };
    let parsed = parse_to_ast(text, &CollectOptions::default(), &options);
    let parsed = parsed.map_err(|error| Problem {
        what: error.kind().to_string().to_lowercase(),
        line: error.line_display(),
        column: error.column_display(),
    })?;
    Ok(parsed.value.map(convert))
}

fn convert(value: Value<'_>) -> Json {
    match value {
        Value::NullKeyword(_) => Json::Null,
        Value::BooleanLit(yes) => Json::Bool(yes.value),
        // `NaN` and `Infinity` are what some programs write for nothing.
        Value::NumberLit(number) if number.value.ends_with(['N', 'y']) => Json::Null,
        Value::NumberLit(number) => Json::Number(number.value.to_owned()),
        Value::StringLit(text) => Json::Text(text.value.into_owned()),
        Value::Array(array) => Json::List(array.elements.into_iter().map(convert).collect()),
        Value::Object(object) => {
            let fields = object.properties.into_iter().map(|field| {
                let name = match field.name {
                    ObjectPropName::String(name) => name.value.into_owned(),
                    ObjectPropName::Word(name) => name.value.to_owned(),
                };
                (name, convert(field.value))
            });
            Json::Object(fields.collect())
        }
    }
}

/// The values that stand one after another in `text`, each with the number of lines before it.
pub(super) fn values(text: &str) -> Vec<(usize, &str)> {
    let mut values = Vec::new();
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    let (mut start, mut line, mut first_line) = (None, 0, 0);
    for (place, byte) in text.bytes().enumerate() {
        line += usize::from(byte == b'\n');
        if quoted {
            quoted = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
            continue;
        }
        match byte {
            b'"' => quoted = true,
            b'{' | b'[' => {
                if depth == 0 {
                    (start, first_line) = (Some(place), line);
                }
                depth += 1;
            }
            b'}' | b']' if depth > 0 => {
                depth -= 1;
                if depth == 0
                    && let Some(start) = start.take()
                {
                    values.push((first_line, &text[start..=place]));
                }
            }
            _ => {}
        }
    }
    if let Some(start) = start {
        values.push((first_line, &text[start..]));
    }
    values
}
