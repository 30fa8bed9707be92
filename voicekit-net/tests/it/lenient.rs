//! Fields that may be anything.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use voicekit_net::lenient::{self, parse};

#[derive(Debug, Default, PartialEq, Deserialize)]
struct Message {
    #[serde(default, deserialize_with = "lenient::text")]
    text: String,
    #[serde(default, deserialize_with = "lenient::some_text")]
    id: Option<String>,
    #[serde(default, deserialize_with = "lenient::flag")]
    is_final: bool,
    #[serde(default, deserialize_with = "lenient::share")]
    confidence: Option<f32>,
    #[serde(default, deserialize_with = "lenient::whole")]
    count: Option<u64>,
    #[serde(default, deserialize_with = "lenient::seconds")]
    start: Option<Duration>,
    #[serde(default, deserialize_with = "lenient::millis")]
    end: Option<Duration>,
    #[serde(default, deserialize_with = "lenient::list")]
    words: Vec<Word>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Word {
    word: String,
}

const FIELDS: [&str; 8] =
    ["text", "id", "is_final", "confidence", "count", "start", "end", "words"];

fn read(message: &Value) -> Message {
    Message::deserialize(message).unwrap()
}

#[test]
fn what_cannot_be_read_is_as_if_it_were_missing() {
    for field in FIELDS {
        for odd in [json!(null), json!([[]]), json!([null, 7]), json!({ "a": {} })] {
            assert_eq!(read(&json!({ field: odd })), Message::default(), "{field}: {odd}");
        }
    }
    for field in ["confidence", "count", "start", "end"] {
        for odd in [json!(-1), json!(-0.5), json!(1e300), json!(true), json!("x"), json!("")] {
            assert_eq!(read(&json!({ field: odd })), Message::default(), "{field}: {odd}");
        }
    }
}

#[test]
fn numbers_may_be_quoted_and_whole_ones_may_have_a_point() {
    let plain = json!({ "confidence": 0.5, "count": 3, "start": 1.5, "end": 1500 });
    let quoted = json!({ "confidence": "0.5", "count": " 3", "start": "1.5", "end": "1500.0" });
    let pointed = json!({ "confidence": 5e-1, "count": 3.0, "start": 15e-1, "end": 1.5e3 });
    for message in [&plain, &quoted, &pointed] {
        let message = read(message);
        assert_eq!((message.confidence, message.count), (Some(0.5), Some(3)));
        let time = Some(Duration::from_millis(1_500));
        assert_eq!((message.start, message.end), (time, time));
    }
    let largest = json!({ "count": u64::MAX });
    assert_eq!(read(&largest).count, Some(u64::MAX));
}

#[test]
fn flags_and_texts_are_read_from_their_relatives() {
    for yes in [json!(true), json!("true"), json!("True"), json!(1), json!(1.0)] {
        assert!(read(&json!({ "is_final": yes })).is_final, "{yes}");
    }
    for no in [json!(false), json!("false"), json!(0), json!(2), json!("yes"), json!([true])] {
        assert!(!read(&json!({ "is_final": no })).is_final, "{no}");
    }
    let message = read(&json!({ "text": 42, "id": 7.5 }));
    assert_eq!((message.text.as_str(), message.id.as_deref()), ("42", Some("7.5")));
}

#[test]
fn a_list_keeps_the_items_that_can_be_read() {
    let words = |value: Value| read(&json!({ "words": value })).words.len();
    assert_eq!(words(json!([{ "word": "a" }, null, { "word": 7 }, 8, { "word": "b" }])), 2);
    assert_eq!(words(json!({ "word": "alone" })), 1);
    assert_eq!(words(json!("a")), 0);
}

#[test]
fn numbers_that_are_not_json_are_null() {
    let text = r#"{"a":NaN,"b":[-Infinity,Infinity,1e999,-1e999],"c":1e10,"d":"NaN 1e999"}"#;
    let wanted = json!({ "a": null, "b": [null, null, null, null], "c": 1e10, "d": "NaN 1e999" });
    assert_eq!(parse(text).unwrap(), wanted);
}

#[test]
fn halves_of_surrogate_pairs_are_replaced() {
    let text =
        r#"{"a":"\ud83d","b":"x\ude42y","c":"\ud83d\ude42","d":"\\ud83d\"\n","e":"\ud83dé"}"#;
    let wanted = json!({
        "a": "\u{fffd}", "b": "x\u{fffd}y", "c": "🙂", "d": "\\ud83d\"\n", "e": "\u{fffd}é",
    });
    assert_eq!(parse(text).unwrap(), wanted);
}

#[test]
fn what_is_not_json_at_all_is_refused() {
    for text in ["", "{", "nothing", "{\"a\":Nil}", "\"\\", "\"\\u12", "[1,]", "{\"a\":NaN", "NaNé"]
    {
        assert!(parse(text).is_err(), "{text}");
    }
}
