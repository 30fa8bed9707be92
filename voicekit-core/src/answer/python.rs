//! Values as Python writes them, for models that call tools in its syntax.

use serde_json::{Map, Number, Value};

/// How deep lists and dictionaries may be nested.
const DEEPEST: usize = 16;

/// The named arguments of a call, from its opening parenthesis on, and how long they are.
pub(super) fn arguments(text: &str) -> Option<(Map<String, Value>, usize)> {
    Reader::new(text).fields('(', '=', ')', 0)
}

/// An object whose names may have no quotes, from its opening brace on, and how long it is.
pub(super) fn object(text: &str) -> Option<(Map<String, Value>, usize)> {
    Reader::new(text).fields('{', ':', '}', 0)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    fn fields(
        mut self,
        open: char,
        between: char,
        close: char,
        depth: usize,
    ) -> Option<(Map<String, Value>, usize)> {
        let fields = self.read_fields(open, between, close, depth)?;
        Some((fields, self.at))
    }

    fn read_fields(
        &mut self,
        open: char,
        between: char,
        close: char,
        depth: usize,
    ) -> Option<Map<String, Value>> {
        let mut fields = Map::new();
        self.take(open)?;
        while self.take(close).is_none() {
            let name = self.name()?;
            self.take(between)?;
            fields.insert(name, self.value(depth)?);
            if self.take(',').is_none() {
                self.take(close)?;
                break;
            }
        }
        Some(fields)
    }

    fn name(&mut self) -> Option<String> {
        match self.peek()? {
            quote @ ('"' | '\'') => self.string(quote),
            _ => {
                let word = self.word();
                (!word.is_empty()).then(|| word.to_owned())
            }
        }
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        if depth > DEEPEST {
            return None;
        }
        match self.peek()? {
            quote @ ('"' | '\'') => self.string(quote).map(Value::String),
            '[' => {
                self.take('[')?;
                let mut items = Vec::new();
                while self.take(']').is_none() {
                    items.push(self.value(depth + 1)?);
                    if self.take(',').is_none() {
                        self.take(']')?;
                        break;
                    }
                }
                Some(Value::Array(items))
            }
            '{' => self.read_fields('{', ':', '}', depth + 1).map(Value::Object),
            _ => literal(self.word()),
        }
    }

    fn string(&mut self, quote: char) -> Option<String> {
        self.take(quote)?;
        let (mut out, mut escaped) = (String::new(), false);
        for (at, c) in self.text[self.at..].char_indices() {
            match c {
                _ if std::mem::take(&mut escaped) => out.push(match c {
                    'n' => '\n',
                    't' => '\t',
                    other => other,
                }),
                '\\' => escaped = true,
                c if c == quote => {
                    self.at += at + c.len_utf8();
                    return Some(out);
                }
                c => out.push(c),
            }
        }
        None
    }

    fn word(&mut self) -> &'a str {
        let rest = &self.text[self.at..];
        let is_inside = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '+' | '.');
        let end = rest.find(|c| !is_inside(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn peek(&mut self) -> Option<char> {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
        self.text[self.at..].chars().next()
    }

    fn take(&mut self, c: char) -> Option<()> {
        (self.peek()? == c).then(|| self.at += c.len_utf8())
    }
}

fn literal(word: &str) -> Option<Value> {
    Some(match word {
        "" => return None,
        "True" | "true" => Value::Bool(true),
        "False" | "false" => Value::Bool(false),
        "None" | "null" => Value::Null,
        word => match word.parse::<i64>() {
            Ok(number) => Value::from(number),
            Err(_) => match word.parse::<f64>().ok().and_then(Number::from_f64) {
                Some(number) => Value::Number(number),
                None => Value::String(word.to_owned()),
            },
        },
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_read_as_python_writes_them() {
        let text = r#"(city='L\'Aquila', days=3, ok=True, no=None, list=[1, 2.5,], d={"a": "b"})"#;
        let (fields, length) = arguments(text).unwrap();
        let expected = json!({"city": "L'Aquila", "days": 3, "ok": true, "no": null,
            "list": [1, 2.5], "d": {"a": "b"}});
        assert_eq!((Value::Object(fields), length), (expected, text.len()));
    }

    #[test]
    fn what_is_not_complete_is_not_read() {
        for text in ["", "(", "(a", "(a=", "(a='x", "(a=1", "(1)", "(a=[1", "x"] {
            assert_eq!(arguments(text), None, "{text}");
        }
        let deep = format!("(a={}", "[".repeat(100_000));
        assert_eq!(arguments(&deep), None);
    }
}
