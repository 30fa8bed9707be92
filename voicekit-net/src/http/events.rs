//! A body as events: server-sent ones, or the values of a body that is JSON.

use std::collections::VecDeque;

use serde_json::{Deserializer, Value};

use crate::sse::{Event, Parser, TooLarge};

/// Reads a body. What it begins with says what it is: some services answer a request for events with
/// a whole JSON document, or with one value per line, whatever the content type says.
#[derive(Debug, Default)]
pub(super) struct Reader {
    parser: Parser,
    kind: Kind,
    /// The body so far, if it is JSON.
    json: Vec<u8>,
    values: VecDeque<Event>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kind {
    /// Nothing but white space has come.
    #[default]
    Unknown,
    Events,
    Json,
}

impl Reader {
    /// Creates a reader that rejects server-sent events of more than `bytes`.
    pub(super) fn with_largest_event(bytes: usize) -> Self {
        Self { parser: Parser::with_largest(bytes), ..Self::default() }
    }

    /// Takes the next bytes of the body, of which `largest` may be JSON.
    pub(super) fn feed(&mut self, bytes: &[u8], largest: usize) -> Result<(), TooLarge> {
        if self.kind == Kind::Unknown {
            let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
            self.kind = match first {
                None => Kind::Unknown,
                Some(b'{' | b'[') => Kind::Json,
                Some(_) => Kind::Events,
            };
        }
        match self.kind {
            Kind::Json if self.json.len() + bytes.len() > largest => Err(TooLarge),
            Kind::Json => {
                self.json.extend_from_slice(bytes);
                Ok(())
            }
            Kind::Unknown | Kind::Events => self.parser.feed(bytes),
        }
    }

    /// The next event, if one is complete.
    pub(super) fn next_event(&mut self) -> Option<Event> {
        self.parser.next_event().or_else(|| self.values.pop_front())
    }

    /// The body has ended: what is left of it becomes events.
    pub(super) fn finish(&mut self) {
        let json = std::mem::take(&mut self.json);
        let text = String::from_utf8_lossy(&json);
        let mut rest = text.as_ref();
        while !rest.trim().is_empty() {
            let mut values = Deserializer::from_str(rest).into_iter::<Value>();
            // What is not JSON is for the adapter to reject.
            let end = match values.next() {
                Some(Ok(_)) => values.byte_offset(),
                Some(Err(_)) | None => rest.len(),
            };
            let (event, data) = ("message".to_owned(), rest[..end].trim().to_owned());
            self.values.push_back(Event { event, data, id: String::new() });
            rest = &rest[end..];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str, size: usize) -> Vec<String> {
        let (mut reader, mut data) = (Reader::default(), Vec::new());
        for piece in body.as_bytes().chunks(size) {
            reader.feed(piece, 1_000).unwrap();
            data.extend(std::iter::from_fn(|| reader.next_event()).map(|event| event.data));
        }
        reader.finish();
        data.extend(std::iter::from_fn(|| reader.next_event()).map(|event| event.data));
        data
    }

    #[test]
    fn a_body_that_is_json_is_one_event_for_each_value() {
        for (body, expected) in [
            ("{\"a\":1}", &["{\"a\":1}"][..]),
            ("\n {\"a\":1}\n", &["{\"a\":1}"][..]),
            ("{\"a\":1}\n{\"b\":2}\n", &["{\"a\":1}", "{\"b\":2}"][..]),
            ("[{\"a\":1}]", &["[{\"a\":1}]"][..]),
            ("{\"a\":", &["{\"a\":"][..]),
            ("{\"a\":1} oops", &["{\"a\":1}", "oops"][..]),
            ("data: {\"a\":1}\n\n", &["{\"a\":1}"][..]),
            (": ping\n\ndata: [DONE]\n\n", &["[DONE]"][..]),
            ("<html>oops</html>", &[][..]),
            ("", &[][..]),
        ] {
            for size in 1..=body.len().max(1) {
                assert_eq!(read(body, size), expected, "{body} by {size}");
            }
        }
    }

    #[test]
    fn json_that_is_larger_than_allowed_is_not_kept() {
        let mut reader = Reader::default();
        assert_eq!(reader.feed(b"{\"a\":1", 7), Ok(()));
        assert_eq!(reader.feed(b"}}", 7), Err(TooLarge));
    }
}
