//! Schemas of every draft and quality become schemas that model providers accept.

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Map, Value, json};
use voicekit_core::tool::schema::Normalized;

use crate::tool_schema_rules as rules;

fn normal(schema: &Value) -> Value {
    Normalized::new(schema).schema
}

/// The normalized schema of a property.
fn property(schema: Value) -> Value {
    normal(&json!({"type": "object", "properties": {"p": schema}}))["properties"]["p"].take()
}

fn odd() -> Vec<Value> {
    let mut all: Vec<Value> = [
        "null", "true", "false", "{}", "[]", "7", "\"object\"", "\"x\"",
        r##"{"type": "string"}"##,
        r##"{"type": ["object", "null"], "properties": {"a": {"type": "string"}}}"##,
        r##"{"properties": {"a": {"type": "string"}}}"##,
        r##"{"type": "object"}"##,
        r##"{"type": "object", "properties": null}"##,
        r##"{"type": "object", "properties": []}"##,
        r##"{"type": "object", "properties": {"a": {"type": "string"}}, "required": "a"}"##,
        r##"{"type": "object", "properties": {"a": {}}, "required": ["a", "b", "a", 3]}"##,
        r##"{"type": "object", "properties": {"a": {}}, "required": null}"##,
        r##"{"oneOf": [{"properties": {"a": {"type": "string"}}, "required": ["a"]}, {"properties": {"b": {"type": "string"}}, "required": ["b"]}]}"##,
        r##"{"anyOf": [{"type": "null"}, {"$ref": "#/$defs/A"}], "$defs": {"A": {"type": "object", "properties": {"a": {"type": "integer"}}}}}"##,
        r##"{"allOf": [{"properties": {"a": {"type": "string"}}}, {"properties": {"b": {"type": "array"}}, "required": ["b"]}]}"##,
        r##"{"type": "object", "enum": [{"a": 1}]}"##,
        r##"{"type": "object", "not": {"required": ["a"]}, "properties": {"a": {}}}"##,
        r##"{"$ref": "#"}"##,
        r##"{"$ref": "#/definitions/A", "definitions": {"A": {"type": "object", "properties": {"next": {"$ref": "#/definitions/A"}}}}}"##,
        r##"{"type": "object", "properties": {"a": {"$ref": "https://example.com/x.json"}, "b": {"$ref": "#/nowhere"}, "c": {"$ref": 3}}}"##,
        r##"{"type": "object", "properties": {"a": {"$ref": "#Tree"}}, "$defs": {"t": {"$anchor": "Tree", "type": "array", "items": {"$ref": "#Tree"}}}}"##,
        r##"{"type": "object", "properties": {"": {"type": "string"}, "größe": {"type": "integer"}, "a b": {}, "a/b": {}, "a_b": {}, "$x": {}}, "required": ["größe", ""]}"##,
        r##"{"type": "object", "patternProperties": {"^x": {"type": "string"}}, "additionalProperties": false}"##,
        r##"{"type": "object", "additionalProperties": {"type": "array"}}"##,
        r##"{"type": "object", "additionalProperties": "no"}"##,
        r##"{"type": "object", "properties": {"a": {"type": "string"}}, "if": {"properties": {"a": {"const": "x"}}}, "then": {"properties": {"b": {"type": "array"}}, "required": ["b"]}, "else": {"properties": {"c": {"type": "integer"}}}}"##,
        r##"{"type": "object", "properties": {"a": {}}, "dependencies": {"a": ["b"], "c": {"properties": {"d": {"type": "list"}}}}}"##,
        r##"{"type": "object", "description": ["many", "lines"], "title": 3, "examples": [1], "x-order": 1}"##,
    ]
    .iter()
    .map(|text| serde_json::from_str(text).unwrap())
    .collect();
    let properties = [
        r##"true"##,
        "false",
        "null",
        "[]",
        "3",
        "\"string\"",
        "\"what\"",
        "{}",
        r##"{"type": "array"}"##,
        r##"{"type": "array", "items": []}"##,
        r##"{"type": "array", "items": true}"##,
        r##"{"type": "array", "items": {}}"##,
        r##"{"type": "array", "items": [{"type": "string"}, {"type": "integer"}], "additionalItems": {"type": "boolean"}}"##,
        r##"{"prefixItems": [{"type": "string"}, {"type": "string"}], "items": false}"##,
        r##"{"type": "array", "items": {"type": "array", "items": {"type": "array"}}}"##,
        r##"{"type": "object"}"##,
        r##"{"type": ["string", "null"]}"##,
        r##"{"type": ["string", "integer", "array"]}"##,
        r##"{"type": []}"##,
        r##"{"type": null}"##,
        r##"{"type": "any"}"##,
        r##"{"type": "int"}"##,
        r##"{"type": "String"}"##,
        r##"{"type": {"a": 1}}"##,
        r##"{"type": "string", "nullable": true}"##,
        r##"{"type": "string", "nullable": "yes"}"##,
        r##"{"enum": ["a", "b", "a"]}"##,
        r##"{"enum": ["a", null, 3, 2.5, true]}"##,
        r##"{"enum": []}"##,
        r##"{"enum": null}"##,
        r##"{"type": "string", "enum": []}"##,
        r##"{"type": "integer", "enum": ["1", "2"]}"##,
        r##"{"type": "string", "enum": ["a", null]}"##,
        r##"{"enum": [{"a": 1}, [1]]}"##,
        r##"{"const": "x"}"##,
        r##"{"const": null}"##,
        r##"{"const": {"a": 1}}"##,
        r##"{"type": "integer", "minimum": 0, "exclusiveMinimum": true, "maximum": 9, "exclusiveMaximum": false}"##,
        r##"{"type": "number", "minimum": "0", "multipleOf": 0, "maximum": null}"##,
        r##"{"type": "string", "minLength": 1.0, "maxLength": -1, "pattern": "(?<=x)y", "format": "phone"}"##,
        r##"{"type": "string", "format": 3, "pattern": 3, "description": 3}"##,
        r##"{"type": "string", "required": true}"##,
        r##"{"anyOf": []}"##,
        r##"{"anyOf": [{}]}"##,
        r##"{"anyOf": "x"}"##,
        r##"{"anyOf": [{"type": "string"}, {"type": "null"}], "default": null}"##,
        r##"{"oneOf": [{"const": "a", "title": "A"}, {"const": "b"}], "description": "Which."}"##,
        r##"{"type": "object", "oneOf": [{"properties": {"a": {}}}, {"properties": {"b": {}}}]}"##,
        r##"{"type": "object", "properties": {"x": {"type": "string"}}, "anyOf": [{"required": ["x"]}, {"required": ["y"]}]}"##,
        r##"{"allOf": [{"type": "string"}, {"minLength": 2}]}"##,
        r##"{"allOf": []}"##,
        r##"{"not": {}}"##,
        r##"{"type": "object", "properties": {"a": {"type": "array"}}, "required": ["z"]}"##,
        r##"{"$ref": "#"}"##,
        r##"{"allOf": [{"$ref": "#/properties/p"}]}"##,
        r##"{"anyOf": [{"$ref": "#/properties/p"}, {"type": "string"}]}"##,
        r##"{"default": {"a": [1]}, "type": "object"}"##,
        r##"{"type": "string", "contentEncoding": "base64", "examples": ["x"], "deprecated": true}"##,
    ];
    for text in properties {
        let property: Value = serde_json::from_str(text).unwrap();
        all.push(
            json!({"type": "object", "properties": {"p": property.clone()}, "required": ["p"]}),
        );
        all.push(json!({"type": "object", "properties": {"p": {"type": "array", "items": property.clone()}}}));
        all.push(
            json!({"anyOf": [property.clone(), {"type": "object", "properties": {"p": property}}]}),
        );
    }
    all.push(nested(60, &|inner| json!({"type": "object", "properties": {"a": inner}})));
    all.push(nested(
        60,
        &|inner| json!({"type": "object", "properties": {"a": {"type": "array", "items": inner}}}),
    ));
    all.push(nested(60, &|inner| json!({"type": "object", "properties": {"a": {"anyOf": [inner, {"type": "null"}]}}})));
    all.push(nested(60, &|inner| json!({"allOf": [inner]})));
    all.push(wide());
    all.push(fanned_out("properties"));
    all.push(fanned_out("oneOf"));
    all.push(fanned_out("anyOf"));
    all.push(chained());
    all.push(json!({"type": "object", "properties": {"p": chained()}}));
    all
}

fn nested(levels: usize, around: &dyn Fn(Value) -> Value) -> Value {
    (0..levels).fold(json!({"type": "object"}), |inner, _| around(inner))
}

/// Thousands of properties with long descriptions.
fn wide() -> Value {
    let property = json!({"type": "string", "description": "long ".repeat(250)});
    let properties = (0..3_000).map(|number| (format!("p{number}"), property.clone()));
    json!({"type": "object", "properties": properties.collect::<Map<_, _>>()})
}

/// References in `word` that would multiply to 4 to the power of 20 schemas.
fn fanned_out(word: &str) -> Value {
    let mut definitions = Map::new();
    for level in 0..20 {
        let next = json!({"$ref": format!("#/$defs/d{}", level + 1)});
        let each = if word == "properties" {
            json!({"a": next, "b": next, "c": next, "d": next})
        } else {
            let next = |name: &str| json!({"allOf": [next], "required": [name]});
            json!([next("a"), next("b"), next("c"), next("d")])
        };
        definitions.insert(format!("d{level}"), json!({"type": "object", word: each}));
    }
    json!({"$ref": "#/$defs/d0", "$defs": definitions})
}

/// A thousand choices within choices, which would use up the stack.
fn chained() -> Value {
    let mut definitions = Map::new();
    for level in 0..1_000 {
        let next = json!({"$ref": format!("#/$defs/d{}", level + 1)});
        definitions.insert(format!("d{level}"), json!({"anyOf": [next, {"type": "integer"}]}));
    }
    json!({"anyOf": [{"$ref": "#/$defs/d0"}], "$defs": definitions})
}

#[test]
fn every_odd_schema_becomes_one_that_providers_accept() {
    for schema in odd() {
        let result = normal(&schema);
        let shown = |value: &Value| value.to_string().chars().take(2_000).collect::<String>();
        if let Err(problem) = rules::check(&result) {
            panic!("{problem}\nfrom {}\nto {}", shown(&schema), shown(&result));
        }
        let again = normal(&result);
        assert_eq!(again, result, "changed by a second pass, from {}", shown(&schema));
    }
}

#[test]
fn the_rules_reject_what_providers_reject() {
    let wrong = [
        json!({}),
        json!({"type": "object"}),
        json!({"type": "object", "properties": {}, "oneOf": []}),
        json!({"type": "object", "properties": {"a": {}}}),
        json!({"type": "object", "properties": {"a": {"type": "array"}}}),
        json!({"type": "object", "properties": {"a": {"type": "object"}}}),
        json!({"type": "object", "properties": {"a": {"type": ["string", "null"]}}}),
        json!({"type": "object", "properties": {"a b": {"type": "string"}}}),
        json!({"type": "object", "properties": {}, "required": ["a"]}),
        json!({"type": "object", "properties": {"a": {"type": "integer", "exclusiveMinimum": true}}}),
        json!({"type": "object", "properties": {"a": {"type": "string", "enum": []}}}),
        json!({"type": "object", "properties": {"a": {"$ref": "#/$defs/a"}}}),
    ];
    for schema in wrong {
        assert!(rules::check(&schema).is_err(), "{schema}");
    }
}

#[test]
fn a_good_schema_stays_as_it_is() {
    let good = json!({
        "type": "object",
        "description": "A booking.",
        "properties": {
            "name": {"type": "string", "description": "Who.", "minLength": 1},
            "people": {"type": "integer", "minimum": 1, "maximum": 20, "default": 2},
            "day": {"type": "string", "format": "date"},
            "area": {"type": "string", "enum": ["inside", "terrace"]},
            "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 3},
            "contact": {"type": "object", "properties": {"phone": {"type": "string"}}, "required": ["phone"]},
            "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        },
        "required": ["name", "people"],
        "additionalProperties": false,
    });
    assert_eq!(normal(&good), good);
}

#[test]
fn what_a_schema_says_is_kept_in_a_form_that_providers_take() {
    let any_of = |schema: &Value| schema["anyOf"].as_array().map_or(0, Vec::len);
    assert_eq!(
        property(json!({"type": ["string", "null"]})),
        json!({"anyOf": [{"type": "string"}, {"type": "null"}]})
    );
    assert_eq!(
        property(json!({"type": "string", "nullable": true})),
        json!({"anyOf": [{"type": "string"}, {"type": "null"}]})
    );
    assert_eq!(property(json!({"const": "x"})), json!({"type": "string", "enum": ["x"]}));
    assert_eq!(property(json!({"enum": [1, 2]})), json!({"type": "integer", "enum": [1, 2]}));
    assert_eq!(
        property(json!({"oneOf": [{"const": "a"}, {"const": "b"}]}))["anyOf"][1]["enum"],
        json!(["b"])
    );
    let bounds = json!({"type": "integer", "minimum": 0, "exclusiveMinimum": true, "maximum": 9, "exclusiveMaximum": false});
    assert_eq!(property(bounds), json!({"type": "integer", "exclusiveMinimum": 0, "maximum": 9}));
    let pattern =
        property(json!({"type": "string", "pattern": "^[A-Z]{3}$", "description": "A code."}));
    assert_eq!(pattern["description"], "A code. Pattern: ^[A-Z]{3}$");
    let tuple =
        property(json!({"type": "array", "items": [{"type": "string"}, {"type": "integer"}]}));
    assert_eq!(any_of(&tuple["items"]), 2);
    assert_eq!(property(json!({"type": "array"}))["type"], "array");
    assert_eq!(property(json!({"minLength": 2}))["type"], "string");
    let all =
        property(json!({"allOf": [{"type": "string"}, {"minLength": 2}], "description": "x"}));
    assert_eq!(all, json!({"type": "string", "minLength": 2, "description": "x"}));
}

#[test]
fn choices_at_the_top_become_one_object_that_requires_what_all_choices_require() {
    let choice = |name: &str| json!({"type": "object", "properties": {name: {"type": "string"}, "day": {"type": "string"}}, "required": [name, "day"]});
    for word in ["oneOf", "anyOf"] {
        let result = normal(&json!({word: [choice("email"), choice("phone")]}));
        let names: Vec<&String> = result["properties"].as_object().unwrap().keys().collect();
        assert_eq!(names.len(), 3, "{names:?}");
        assert_eq!(result["required"], json!(["day"]));
        assert_eq!(result["description"], "Give one of: email, day; or phone, day.");
    }
    let all = normal(&json!({"allOf": [choice("email"), choice("phone")]}));
    assert_eq!(all["required"].as_array().unwrap().len(), 3);
}

#[test]
fn references_are_replaced_and_recursion_ends() {
    let tree = json!({
        "type": "object",
        "properties": {"root": {"$ref": "#/$defs/Node", "description": "The root."}},
        "$defs": {"Node": {"type": "object", "properties": {
            "name": {"$ref": "#/definitions/Na%20me"},
            "children": {"type": "array", "items": {"$ref": "#/$defs/Node"}},
        }, "required": ["name"]}},
        "definitions": {"Na me": {"type": "string", "maxLength": 9}},
    });
    let root = &normal(&tree)["properties"]["root"];
    assert_eq!(root["description"], "The root.");
    assert_eq!(root["properties"]["name"], json!({"type": "string", "maxLength": 9}));
    assert_eq!(
        root["properties"]["children"]["items"],
        json!({"type": "object", "properties": {}})
    );
    assert_eq!(root["required"], json!(["name"]));
}

#[test]
fn property_names_that_providers_reject_are_replaced_and_mapped_back() {
    let long = "n".repeat(80);
    let other = format!("{long}x");
    let schema = json!({
        "type": "object",
        "properties": {
            "größe": {"type": "integer"},
            "a b": {"type": "string"},
            "a_b": {"type": "string"},
            "": {"type": "string"},
            long.clone(): {"type": "string"},
            other.clone(): {"type": "string"},
            "inner": {"type": "array", "items": {"type": "object", "properties": {"@id": {"type": "string"}}}},
        },
        "required": ["größe", "a b"],
    });
    let normalized = Normalized::new(&schema);
    rules::check(&normalized.schema).unwrap();
    assert_eq!(Normalized::new(&schema), normalized, "the same each time");
    let required = normalized.schema["required"].as_array().unwrap();
    assert_eq!(required.len(), 2);
    let name_of = |original: &str| {
        let found = normalized.renamed.iter().find(|(_, name)| *name == original);
        found.map_or(original, |(name, _)| name.as_str()).to_owned()
    };
    let names = ["größe", "a b", "a_b", "", &long, &other];
    let given: Map<String, Value> =
        names.iter().map(|name| (name_of(name), json!(*name))).collect();
    assert_eq!(given.len(), names.len());
    let mut given = Value::Object(given);
    given["inner"] = json!([{name_of("@id"): "x"}]);
    let back = normalized.restore(given);
    assert!(names.iter().all(|name| back[*name] == json!(*name)), "{back}");
    assert_eq!(back["inner"][0]["@id"], "x");
}

#[test]
fn a_large_schema_loses_its_details_and_keeps_its_properties() {
    let properties: Map<String, Value> = (0..150)
        .map(|at| (format!("p{at}"), json!({"type": "string", "description": "long ".repeat(200)})))
        .collect();
    let result = normal(&json!({"type": "object", "properties": properties}));
    assert!(result.to_string().len() <= 32 * 1024);
    assert_eq!(result["properties"].as_object().unwrap().len(), 150);
}

fn word() -> impl Strategy<Value = String> {
    let words = [
        "type",
        "properties",
        "items",
        "required",
        "anyOf",
        "oneOf",
        "allOf",
        "not",
        "enum",
        "const",
        "$ref",
        "$defs",
        "definitions",
        "additionalProperties",
        "patternProperties",
        "prefixItems",
        "additionalItems",
        "if",
        "then",
        "else",
        "dependencies",
        "dependentSchemas",
        "minimum",
        "exclusiveMinimum",
        "maximum",
        "minLength",
        "minItems",
        "multipleOf",
        "format",
        "pattern",
        "default",
        "description",
        "title",
        "nullable",
        "a",
        "b c",
        "é",
        "$schema",
        "$id",
        "$anchor",
    ];
    prop::sample::select(words.map(str::to_owned).to_vec())
}

fn leaf() -> impl Strategy<Value = Value> {
    let texts = [
        "object",
        "array",
        "string",
        "integer",
        "number",
        "boolean",
        "null",
        "any",
        "#",
        "#/$defs/a",
        "#/properties/a",
        "#/definitions/b c",
        "#a",
        "date",
        "x",
        "",
    ];
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3_i64..300).prop_map(Value::from),
        any::<f32>().prop_map(Value::from),
        prop::sample::select(texts.map(Value::from).to_vec()),
    ]
}

fn schema() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(6, 60, 6, |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            4 => prop::collection::vec((word(), inner), 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

#[test]
fn any_json_becomes_a_schema_that_providers_accept() {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let config = Config { cases: 2_000, failure_persistence: None, ..Config::default() };
    let result = TestRunner::new_with_rng(config, rng).run(&schema(), |schema| {
        let result = normal(&schema);
        prop_assert!(rules::check(&result).is_ok(), "{:?}: {result}", rules::check(&result));
        prop_assert_eq!(&normal(&result), &result);
        Ok(())
    });
    result.unwrap();
}
