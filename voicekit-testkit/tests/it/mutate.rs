//! Messages with one field changed.

use serde_json::{Value, json};
use voicekit_testkit::mutate::{mutations, mutations_of_lines};

fn message() -> Value {
    json!({ "type": "word", "at": 1.5, "words": [{ "text": "Hi", "sure": true }, null] })
}

#[test]
fn every_field_is_dropped_and_changed_to_every_type() {
    let all = mutations(&message());
    let fields = ["/type", "/at", "/words", "/words/*", "/words/*/text"];
    for field in fields {
        let of_it = || all.iter().filter(|mutation| mutation.at == field);
        assert!(of_it().any(|mutation| mutation.how == "drop"), "{field}");
        for other in ["null", "true", "-1", "1e+300", "\"3\"", "[]", "{}"] {
            let how = format!("{other} instead");
            assert!(of_it().any(|mutation| mutation.how == how), "{field}: {other}");
        }
    }
    assert!(all.iter().all(|mutation| mutation.message != message()), "each changes something");
    let dropped = all.iter().find(|one| one.at == "/words/*/text" && one.how == "drop").unwrap();
    assert_eq!(dropped.message["words"][0], json!({ "sure": true }));
}

#[test]
fn a_change_touches_a_field_and_what_holds_it() {
    for mutation in mutations(&message()) {
        let held = mutation.message.pointer("/words/0/text") == Some(&json!("Hi"));
        let touches = mutation.touches(&["/words/*/text"]);
        assert!(touches || held || mutation.at == "/words", "{mutation}");
        assert!(!mutation.touches(&[]));
        if mutation.how == "beside" {
            assert!(!touches, "an unknown field changes no other: {mutation}");
        }
    }
    let all = mutations(&json!({ "type": 1, "types": 2 }));
    let touching: Vec<&str> = all
        .iter()
        .filter(|mutation| mutation.touches(&["/types"]))
        .map(|mutation| mutation.at.as_str())
        .collect();
    assert!(touching.contains(&"/types") && !touching.contains(&"/type"), "{touching:?}");
}

#[test]
fn every_line_is_a_message() {
    let both = mutations_of_lines("{\"a\":1}\n\n{\"b\":2}\n").len();
    assert_eq!(both, mutations(&json!({ "a": 1 })).len() + mutations(&json!({ "b": 2 })).len());
}
