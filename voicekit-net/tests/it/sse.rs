//! Server-sent events, however they are cut.

use proptest::prelude::*;
use voicekit_net::sse::{Event, Parser};

fn parse<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<(String, String, String)> {
    let mut parser = Parser::default();
    let mut events = Vec::new();
    for piece in pieces {
        parser.feed(piece).unwrap();
        events.extend(std::iter::from_fn(|| parser.next_event()));
    }
    events.into_iter().map(|Event { event, data, id, .. }| (event, data, id)).collect()
}

fn check(text: &str, expected: &[(&str, &str)]) {
    let events = parse([text.as_bytes()]);
    let events: Vec<_> = events.iter().map(|(kind, data, _)| (&**kind, &**data)).collect();
    assert_eq!(events, expected, "{text:?}");
}

#[test]
fn events_are_read_as_the_standard_says() {
    check("data: hi\n\n", &[("message", "hi")]);
    check("data:hi\r\n\r\ndata:  two\r\r", &[("message", "hi"), ("message", " two")]);
    check("event: ping\ndata: {}\n\n", &[("ping", "{}")]);
    check("data: a\r\ndata: b\r\n\r\n", &[("message", "a\nb")]);
    check("data: a\ndata: b\ndata\n\n", &[("message", "a\nb\n")]);
    check(": comment\n\ndata: x\n: another\n\n", &[("message", "x")]);
    check("event: lost\n\ndata: y\n\n", &[("message", "y")]);
    check("\u{feff}data: bom\n\n", &[("message", "bom")]);
    check("data: [DONE]\n\n", &[("message", "[DONE]")]);
    check("data\n\n", &[("message", "")]);
    check("retry: 100\nunknown: 1\ndata: z\n\n", &[("message", "z")]);
    check("data: cut off\n", &[]);
    check("", &[]);
}

#[test]
fn an_id_lasts_until_the_next() {
    let events = parse([b"id: 7\ndata: a\n\ndata: b\n\nid\ndata: c\n\n".as_slice()]);
    let ids: Vec<_> = events.iter().map(|(_, _, id)| &**id).collect();
    assert_eq!(ids, ["7", "7", ""]);
}

#[test]
fn an_event_without_end_is_refused() {
    let mut parser = Parser::with_largest(100);
    assert!(parser.feed(b"data: fine\n\n").is_ok());
    assert!((0..100).any(|_| parser.feed(b"data: more\n").is_err()));
    assert_eq!(parser.next_event().unwrap().data, "fine");
}

/// Lines that mean something, and any bytes.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        Just(b"data: {\"a\": \"\xc3\xa9\xf0\x9f\x98\x80\"}".to_vec()),
        Just(b"event: delta".to_vec()),
        Just(b"id: 1".to_vec()),
        Just(b": ping".to_vec()),
        Just(b"\xef\xbb\xbfdata: x".to_vec()),
        Just(Vec::new()),
        Just(Vec::new()),
        prop::collection::vec(any::<u8>(), 0..12),
    ];
    let end = prop_oneof![Just("\n"), Just("\r\n"), Just("\r")];
    prop::collection::vec((line, end), 0..30).prop_map(|lines| {
        lines.into_iter().flat_map(|(line, end)| [line, end.into()].concat()).collect()
    })
}

proptest! {
    #[test]
    fn any_split_gives_the_same_events(
        bytes in stream(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let whole = parse([bytes.as_slice()]);
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let pieces = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]);
        prop_assert_eq!(&parse(pieces), &whole);
        prop_assert_eq!(&parse(bytes.chunks(1)), &whole);
    }
}
