use proptest::prelude::*;

use super::*;

fn decoded(bytes: &[u8]) -> Result<Vec<Event>, Malformed> {
    let mut decoder = Decoder::default();
    decoder.feed(bytes);
    all(&mut decoder)
}

fn all(decoder: &mut Decoder) -> Result<Vec<Event>, Malformed> {
    let mut events = Vec::new();
    while let Some(event) = decoder.next()? {
        events.push(event);
    }
    Ok(events)
}

#[test]
fn an_event_is_a_line_data_and_a_payload() {
    let mut event = Event::new("audio-chunk", json!({ "rate": 22_050 }));
    event.payload = Bytes::from_static(&[1, 2]);
    let wanted = "{\"data_length\":14,\"payload_length\":2,\"type\":\"audio-chunk\",\
                  \"version\":\"1.8.0\"}\n{\"rate\":22050}\u{1}\u{2}";
    assert_eq!(event.encode(), wanted.as_bytes());
    assert_eq!(decoded(&event.encode()), Ok(vec![event]));
    let bare = Event::new("synthesize-stop", Value::Null);
    assert_eq!(bare.encode(), "{\"type\":\"synthesize-stop\",\"version\":\"1.8.0\"}\n".as_bytes());
}

#[test]
fn data_may_stand_in_the_line_and_what_follows_it_holds() {
    let line = r#"{"type":"x","data":{"a":1,"b":{"c":1}},"data_length":17,"extra":null}"#;
    let bytes = format!("{line}\n{}", r#"{"b":2,"d":"ä"}  "#.get(..17).unwrap());
    let events = decoded(bytes.as_bytes()).unwrap();
    assert_eq!(Value::from(events[0].data.clone()), json!({ "a": 1, "b": 2, "d": "ä" }));
    let inline = decoded(b"{\"type\":\"x\",\"data\":{\"a\":1}}\n").unwrap();
    assert_eq!(inline[0].number("a"), Some(1));
    let none = decoded(b"{\"type\":\"x\",\"data\":null,\"data_length\":null}\n").unwrap();
    assert!(none[0].data.is_empty());
}

#[test]
fn what_is_too_large_is_refused_before_it_comes() {
    for (field, most) in [("data_length", MOST), ("payload_length", MOST_PAYLOAD)] {
        let line = |length: usize| format!("{{\"type\":\"x\",\"{field}\":{length}}}\n");
        assert!(decoded(line(most + 1).as_bytes()).is_err(), "{field}");
        assert_eq!(decoded(line(most).as_bytes()), Ok(Vec::new()), "{field}");
    }
    let mut decoder = Decoder::default();
    decoder.feed(&vec![b' '; MOST]);
    assert_eq!(decoder.next(), Ok(None));
    decoder.feed(b"  ");
    assert!(decoder.next().is_err());
}

#[test]
fn what_is_no_event_is_refused() {
    for wrong in [
        "\n",
        "17\n",
        "{}\n",
        "{\"type\":\"x\",\"data_length\":-1}\n",
        "{\"type\":\"x\",\"data_length\":2}\n[]",
        "{\"type\":\"x\",\"payload_length\":1.5}\n",
    ] {
        assert!(decoded(wrong.as_bytes()).is_err(), "{wrong}");
    }
}

fn event() -> impl Strategy<Value = Event> {
    let data = prop::collection::btree_map("[a-z]{1,8}", "\\PC{0,12}", 0..4);
    let payload = prop::collection::vec(any::<u8>(), 0..64);
    ("[a-z-]{1,12}", data, payload).prop_map(|(kind, data, payload)| {
        let mut event = Event::new(&kind, json!(data));
        event.payload = payload.into();
        event
    })
}

proptest! {
    #[test]
    fn events_are_the_same_however_they_are_cut(
        events in prop::collection::vec(event(), 0..5),
        cuts in prop::collection::vec(1_usize..40, 1..20),
    ) {
        let wire: Vec<u8> = events.iter().flat_map(|event| event.encode().to_vec()).collect();
        let mut decoder = Decoder::default();
        let (mut seen, mut rest, mut cuts) = (Vec::new(), wire.as_slice(), cuts.iter().cycle());
        while !rest.is_empty() {
            let (piece, more) = rest.split_at(rest.len().min(*cuts.next().unwrap()));
            decoder.feed(piece);
            seen.extend(all(&mut decoder).unwrap());
            rest = more;
        }
        prop_assert_eq!(seen, events);
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = decoded(&bytes);
        let mut line = b"{\"type\":\"x\",\"data_length\":3,\"payload_length\":5}\n".to_vec();
        line.extend_from_slice(&bytes);
        let _ = decoded(&line);
    }
}
