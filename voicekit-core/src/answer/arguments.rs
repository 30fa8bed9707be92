//! The arguments of a tool call, from the pieces in which they were sent.

use serde_json::{Deserializer, Value};

/// How often arguments may be wrapped in strings.
const DEEPEST: usize = 3;

/// Joins the pieces of a tool call's arguments.
///
/// The result is a JSON object wherever one can be recognized:
///
/// - Nothing, blanks and `null` are `{}`.
/// - An empty object before or after other arguments is a placeholder: `{}` and then
///   `{"people":4}` in pieces is `{"people":4}`.
/// - Complete arguments that are sent again count once, also if each piece repeats what came
///   before it.
/// - An object inside a JSON string, or inside a fenced block, is unwrapped.
///
/// Anything else, such as two different objects, is returned as it was sent, for the tool to
/// reject.
///
/// ```
/// use voicekit_core::answer::join_arguments;
///
/// assert_eq!(join_arguments(&["{}", "{\"peo", "ple\":4}"]), "{\"people\":4}");
/// assert_eq!(join_arguments(&["null"]), "{}");
/// ```
#[must_use]
pub fn join_arguments<S: AsRef<str>>(pieces: &[S]) -> String {
    let whole: String = pieces.iter().map(AsRef::as_ref).collect();
    object_in(&whole).or_else(|| cumulative(pieces)).unwrap_or(whole)
}

/// Whether joined arguments are an object.
pub(super) fn is_object(arguments: &str) -> bool {
    serde_json::from_str::<Value>(arguments).is_ok_and(|value| value.is_object())
}

/// The one object that `text` stands for.
fn object_in(text: &str) -> Option<String> {
    let mut text = unfenced(text.trim()).to_owned();
    for _ in 0..=DEEPEST {
        if text.trim().is_empty() {
            return Some("{}".to_owned());
        }
        match serde_json::from_str::<Value>(&text) {
            Ok(Value::Object(_)) => return Some(text),
            Ok(Value::Null) => return Some("{}".to_owned()),
            Ok(Value::String(inner)) => text = inner.trim().to_owned(),
            Ok(Value::Bool(_) | Value::Number(_) | Value::Array(_)) => return None,
            Err(_) => return one_of_several(&text),
        }
    }
    None
}

/// The one object among several values in a row that is not empty, or that all others repeat.
fn one_of_several(text: &str) -> Option<String> {
    let mut values = Deserializer::from_str(text).into_iter::<Value>();
    let (mut begin, mut found) = (0, None::<(Value, String)>);
    while let Some(value) = values.next() {
        let value = value.ok()?;
        let end = values.byte_offset();
        let source = text.get(begin..end)?.trim().to_owned();
        begin = end;
        let is_empty = match &value {
            Value::Null => true,
            Value::Object(fields) => fields.is_empty(),
            Value::String(text) if text.trim().is_empty() => true,
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => return None,
        };
        match &found {
            _ if is_empty => {}
            Some((first, _)) if *first == value => {}
            Some(_) => return None,
            None => found = Some((value, source)),
        }
    }
    Some(found.map_or_else(|| "{}".to_owned(), |(_, source)| source))
}

/// The last piece, if it is whole and each piece before it is its beginning.
fn cumulative<S: AsRef<str>>(pieces: &[S]) -> Option<String> {
    let pieces: Vec<&str> = pieces.iter().map(AsRef::as_ref).filter(|s| !s.is_empty()).collect();
    let (last, before) = pieces.split_last()?;
    let repeats = before.iter().all(|piece| last.starts_with(piece));
    (repeats && is_object(last)).then(|| (*last).to_owned())
}

/// The inside of a fenced block.
fn unfenced(text: &str) -> &str {
    let Some(inside) = text.strip_prefix("```").and_then(|text| text.strip_suffix("```")) else {
        return text;
    };
    inside.split_once('\n').map_or(inside, |(_, body)| body).trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_after_complete_arguments_are_one_call() {
        for (pieces, expected) in [
            (&[][..], "{}"),
            (&["", "  "][..], "{}"),
            (&["null"][..], "{}"),
            (&["null", "{\"a\":1}"][..], "{\"a\":1}"),
            (&["{}", "{\"people\"", ":4}"][..], "{\"people\":4}"),
            (&["{\"people\":4}", "{}"][..], "{\"people\":4}"),
            (&["{\"a\":1}", "{\"a\":1}"][..], "{\"a\":1}"),
            (&["{\"a\": 1}", "{\"a\":1}"][..], "{\"a\": 1}"),
            (&["{\"a\"", "{\"a\":1", "{\"a\":1}"][..], "{\"a\":1}"),
            (&["\"{\\\"a\\\":1}\""][..], "{\"a\":1}"),
            (&["\"\""][..], "{}"),
            (&["\"\\\"{}\\\"\""][..], "{}"),
            (&["```json\n{\"a\":1}\n```"][..], "{\"a\":1}"),
            (&["{\"a\":", "\"{}\"", "}"][..], "{\"a\":\"{}\"}"),
        ] {
            assert_eq!(join_arguments(pieces), expected, "{pieces:?}");
        }
    }

    #[test]
    fn what_is_not_one_object_is_left_as_it_is() {
        for pieces in [
            &["{\"a\":1}", "{\"a\":2}"][..],
            &["{\"a\":1,}"],
            &["{\"a\":1} and more"],
            &["{\"a\":"],
            &["[1]"],
            &["7"],
            &["\"words\""],
        ] {
            assert_eq!(join_arguments(pieces), pieces.concat(), "{pieces:?}");
        }
    }
}
