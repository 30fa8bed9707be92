//! Arguments of a call are checked against the schema of the tool itself.

use serde_json::{Value, json};
use voicekit_core::tool::schema::check;

fn booking() -> Value {
    json!({
        "type": "object",
        "properties": {
            "people": {"type": "integer"},
            "area": {"enum": ["inside", "terrace"]},
            "note": {"type": "string"},
            "price": {"type": ["number", "null"]},
            "guests": {"type": "array", "items": {"$ref": "#/$defs/Guest"}},
            "when": {"anyOf": [{"type": "string"}, {"type": "object", "properties": {"day": {"type": "string"}}, "required": ["day"]}]},
        },
        "required": ["people"],
        "$defs": {"Guest": {"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}, "required": ["name"]}},
    })
}

fn fitted(arguments: Value) -> Value {
    check(&booking(), arguments).unwrap()
}

fn problem(arguments: Value) -> String {
    check(&booking(), arguments).unwrap_err()
}

#[test]
fn arguments_that_fit_stay_as_they_are() {
    let good = json!({"people": 4, "area": "inside", "price": null, "other": [1], "when": {"day": "friday"},
        "guests": [{"name": "Ann", "age": 30}]});
    assert_eq!(fitted(good.clone()), good);
    for schema in [json!({}), json!(true), json!(null), json!({"type": "what"}), json!([1])] {
        assert_eq!(check(&schema, good.clone()), Ok(good.clone()));
    }
}

#[test]
fn what_a_model_writes_in_another_form_is_read() {
    assert_eq!(fitted(json!({"people": "4"}))["people"], 4);
    assert_eq!(fitted(json!({"people": 4.0})).to_string(), r#"{"people":4}"#);
    assert_eq!(fitted(json!({"people": 4, "note": 12}))["note"], "12");
    assert_eq!(
        fitted(json!({"people": 4, "guests": "[{\"name\": \"Ann\"}]"}))["guests"][0]["name"],
        "Ann"
    );
    assert_eq!(fitted(json!({"people": 4, "note": null, "area": null})), json!({"people": 4}));
}

#[test]
fn arguments_that_do_not_fit_are_named() {
    assert_eq!(problem(json!({})), "`people` is missing");
    assert_eq!(problem(json!({"people": null})), "`people` must be a whole number, got null");
    assert_eq!(problem(json!({"people": "many"})), "`people` must be a whole number, got \"many\"");
    assert_eq!(problem(json!({"people": 2.5})), "`people` must be a whole number, got 2.5");
    let area = problem(json!({"people": 2, "area": "roof"}));
    assert_eq!(area, "`area` must be one of \"inside\", \"terrace\", got \"roof\"");
    assert_eq!(problem(json!({"people": 2, "guests": [{"age": 3}]})), "`guests.0.name` is missing");
    assert!(problem(json!({"people": 2, "when": {"hour": 3}})).starts_with("`when` fits none"));
}

#[test]
fn a_value_that_the_schema_lists_fits_whatever_type_the_schema_names() {
    let schema = json!({"type": "object", "properties": {
        "size": {"type": "integer", "enum": ["1", "2"]},
        "row": {"type": "string", "enum": ["a", null]},
        "seat": {"anyOf": [{"type": "string"}], "nullable": true},
        "code": {"type": "string", "enum": ["7"]},
    }, "required": ["row", "seat"]});
    let listed = json!({"size": "1", "row": null, "seat": null, "code": "7"});
    assert_eq!(check(&schema, listed.clone()), Ok(listed));
    let read = check(&schema, json!({"row": "a", "seat": "b", "code": 7}));
    assert_eq!(read.unwrap()["code"], "7");
    assert!(check(&schema, json!({"size": "3", "row": "a", "seat": "b"})).is_err());
}

#[test]
fn choices_of_choices_end() {
    for depth in [20, 1_000] {
        let mut definitions = serde_json::Map::new();
        for level in 0..depth {
            let next = json!({"$ref": format!("#/$defs/d{}", level + 1)});
            definitions.insert(format!("d{level}"), json!({"anyOf": [next, next, next, next]}));
        }
        definitions.insert(format!("d{depth}"), json!({"type": "integer"}));
        let properties = json!({"p": {"$ref": "#/$defs/d0"}});
        let schema = json!({"type": "object", "properties": properties, "$defs": definitions});
        let given = json!({"p": "x"});
        assert_eq!(check(&schema, given.clone()), Ok(given), "left to the tool");
    }

    let nested = (0..60)
        .fold(json!({"type": "integer"}), |inner, _| json!({"anyOf": [{"type": "null"}, inner]}));
    let schema = json!({"type": "object", "properties": {"p": nested}});
    assert_eq!(check(&schema, json!({"p": 3})), Ok(json!({"p": 3})));
    let nested = (0..40).fold(json!({"type": "integer"}), |inner, _| json!({"oneOf": [inner]}));
    let schema = json!({"type": "object", "properties": {"p": nested}});
    assert!(check(&schema, json!({"p": "x"})).is_err());
}

#[test]
fn recursive_schemas_and_deep_values_end() {
    let tree = json!({"$ref": "#/$defs/T", "$defs": {"T": {"type": "object", "properties": {"t": {"$ref": "#/$defs/T"}}}}});
    let deep = (0..90).fold(json!({}), |inner, _| json!({"t": inner}));
    assert_eq!(check(&tree, deep.clone()), Ok(deep));
    assert!(check(&tree, json!({"t": {"t": 3}})).is_err());
    let endless = json!({"$ref": "#"});
    assert_eq!(check(&endless, json!({"a": 1})), Ok(json!({"a": 1})));
    let choice = json!({"anyOf": [{"$ref": "#"}, {"type": "object"}]});
    assert!(check(&choice, json!({"a": 1})).is_ok());
}
