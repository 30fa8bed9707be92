//! Tool calls, in the shapes in which services send them.

use voicekit_core::error::ErrorKind;
use voicekit_testkit::server::http::Answer;

use crate::service::{ask, chunks, hear, question, serve};

const TOOLS: &str = include_str!("../fixtures/tools.sse");

fn call(pieces: &str) -> String {
    format!(r#"{{"id":"c1","choices":[{{"index":0,"delta":{{"tool_calls":[{pieces}]}}}}]}}"#)
}

fn finish(reason: &str) -> String {
    format!(r#"{{"choices":[{{"index":0,"delta":{{}},"finish_reason":"{reason}"}}]}}"#)
}

#[tokio::test]
async fn two_calls_at_once_come_complete() {
    let said = hear(TOOLS).await;
    let expected = [("call_a", "get_weather", r#"{"city":"Paris"}"#), ("call_b", "hang_up", "{}")];
    assert_eq!(said.calls(), expected);
}

#[tokio::test]
async fn calls_in_odd_shapes_are_understood() {
    let piece = |index: &str, id: &str, name: &str, arguments: &str| {
        format!(
            r#"{{{index}"id":{id},"type":"function","function":{{"name":{name},"arguments":{arguments}}}}}"#
        )
    };
    let zero = r#""index":0,"#;
    // All numbered 0, told apart by their ids.
    let same_index = [
        call(&piece(zero, r#""a""#, r#""f""#, r#""{}""#)),
        call(&piece(zero, r#""b""#, r#""g""#, r#""{\"x\"""#)),
        call(&piece(zero, r#""b""#, r#""g""#, r#"":1}""#)),
    ];
    // All numbered 0, without ids.
    let no_id = [
        call(&piece(zero, "null", r#""f""#, r#""{}""#)),
        call(&piece(zero, r#""""#, r#""g""#, r#""{\"x\"""#)),
        call(&piece(zero, "null", "null", r#"":1}""#)),
    ];
    // Without numbers, arguments as an object.
    let no_index = [
        call(
            &[piece("", r#""a""#, r#""f""#, "null"), piece("", r#""b""#, r#""g""#, "null")]
                .join(","),
        ),
        call(&piece("", r#""b""#, "null", r#"{"x":1}"#)),
    ];
    let (with_ids, without) = (["a", "b"], ["call_c1_0", "call_c1_1"]);
    for (pieces, ids) in
        [(&same_index[..], with_ids), (&no_id[..], without), (&no_index[..], with_ids)]
    {
        let mut events: Vec<&str> = pieces.iter().map(String::as_str).collect();
        let end = finish("stop");
        events.extend([end.as_str(), "[DONE]"]);
        let said = hear(&chunks(&events)).await;
        assert_eq!(said.calls(), [(ids[0], "f", "{}"), (ids[1], "g", r#"{"x":1}"#)]);
    }
}

#[tokio::test]
async fn text_may_come_before_a_call() {
    let said = hear(&chunks(&[
        r#"{"choices":[{"delta":{"content":"One moment."}}]}"#,
        &call(r#"{"index":0,"id":"a","function":{"name":"f"}}"#),
        &finish("tool_calls"),
    ]))
    .await;
    assert_eq!((said.text.as_str(), said.calls()), ("One moment.", vec![("a", "f", "{}")]));
}

#[tokio::test]
async fn a_call_that_is_cut_off_is_not_made() {
    let half = call(r#"{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x"}}"#);
    let said = hear(&chunks(&[&half, &finish("length"), "[DONE]"])).await;
    assert_eq!(said.error.unwrap().kind(), ErrorKind::Rejected);
    let said = hear(&chunks(&[&half])).await;
    assert_eq!(said.error.unwrap().kind(), ErrorKind::Protocol);
    assert!(said.calls.is_empty());
    // What the model wrote wrongly by itself is for the tool to complain of.
    let said = hear(&chunks(&[&half, &finish("tool_calls"), "[DONE]"])).await;
    assert_eq!(said.calls(), [("a", "f", r#"{"x"#)]);
}

#[tokio::test]
async fn a_call_without_a_name_is_a_protocol_error() {
    let nameless = call(r#"{"index":0,"id":"a","function":{"arguments":"{}"}}"#);
    let said = hear(&chunks(&[&nameless, "[DONE]"])).await;
    assert_eq!(said.error.unwrap().kind(), ErrorKind::Protocol);
}

#[tokio::test]
async fn a_model_without_tools_calls_none() {
    let (_server, model) = serve([Answer::events(TOOLS)]).await;
    let mut request = question();
    request.tools.clear();
    assert!(ask(&model, request).await.unwrap().calls.is_empty());
}

/// The calls of an answer in which these entries of `tool_calls` come one by one.
async fn calls_of(pieces: &[&str]) -> Vec<(String, String, String)> {
    let mut events: Vec<String> = pieces.iter().map(|piece| call(piece)).collect();
    events.extend([finish("tool_calls"), "[DONE]".to_owned()]);
    let events: Vec<&str> = events.iter().map(String::as_str).collect();
    let said = hear(&chunks(&events)).await;
    assert!(said.error.is_none(), "{:?}", said.error);
    let calls = said.calls.into_iter();
    calls.map(|call| (call.id, call.name, call.arguments)).collect()
}

fn call_of(id: &str, name: &str, arguments: &str) -> (String, String, String) {
    (id.to_owned(), name.to_owned(), arguments.to_owned())
}

const PARIS: &str = r#"{"city":"Paris"}"#;
const ROME: &str = r#"{"city":"Rome"}"#;

#[tokio::test]
async fn one_call_is_one_call_however_it_is_sent() {
    for pieces in [
        // After an empty placeholder, with and without the rest repeated.
        &[
            r#"{"index":0,"id":"a","function":{"name":"get_weather","arguments":"{}"}}"#,
            r#"{"index":0,"function":{"arguments":"{\"city\""}}"#,
            r#"{"index":0,"function":{"arguments":":\"Paris\"}"}}"#,
        ][..],
        &[
            r#"{"index":0,"id":"a","function":{"name":"get_weather","arguments":"{}"}}"#,
            r#"{"index":0,"id":"a","function":{"name":"get_weather","arguments":"{\"city\":\"Paris\"}"}}"#,
        ],
        &[
            r#"{"index":0,"id":"a","function":{"name":"get_weather","arguments":{}}}"#,
            r#"{"index":0,"function":{"arguments":{"city":"Paris"}}}"#,
        ],
        &[
            r#"{"index":0,"id":"a","function":{"name":"get_weather","arguments":"null"}}"#,
            r#"{"index":0,"function":{"arguments":"{\"city\":\"Paris\"}"}}"#,
        ],
        // A name in fragments, all of it so far, or the same again.
        &[
            r#"{"index":0,"id":"a","function":{"name":"get_"}}"#,
            r#"{"index":0,"function":{"name":"weather"}}"#,
            r#"{"index":0,"function":{"arguments":"{\"city\":\"Paris\"}"}}"#,
        ],
        &[
            r#"{"index":0,"id":"a","function":{"name":"get"}}"#,
            r#"{"index":0,"id":"a","function":{"name":"_weather","arguments":""}}"#,
            r#"{"index":0,"id":"a","function":{"arguments":"{\"city\":\"Paris\"}"}}"#,
        ],
        &[
            r#"{"index":0,"id":"a","function":{"name":"get_"}}"#,
            r#"{"index":0,"id":"a","function":{"name":"get_weather"}}"#,
            r#"{"index":0,"function":{"arguments":"{\"city\":\"Paris\"}"}}"#,
        ],
        &[
            r#"{"index":0,"id":"a","function":{"name":"get_weather","arguments":"{\"city\":"}}"#,
            r#"{"index":0,"id":"a","function":{"name":"get_weather","arguments":"\"Paris\"}"}}"#,
        ],
        // Without a number.
        &[
            r#"{"id":"a","function":{"name":"get_weather","arguments":"{\"city\":"}}"#,
            r#"{"id":"a","function":{"arguments":"\"Paris\"}"}}"#,
        ],
        &[
            r#"{"id":"a","function":{"name":"get_weather","arguments":"{\"city\":"}}"#,
            r#"{"function":{"arguments":"\"Paris\"}"}}"#,
        ],
        // From 1, or another number in later pieces.
        &[
            r#"{"index":1,"id":"a","function":{"name":"get_weather","arguments":"{\"city\":"}}"#,
            r#"{"index":1,"function":{"arguments":"\"Paris\"}"}}"#,
        ],
        &[
            r#"{"index":0,"id":"a","function":{"name":"get_weather","arguments":"{\"city\":"}}"#,
            r#"{"index":1,"function":{"arguments":"\"Paris\"}"}}"#,
        ],
        &[
            r#"{"index":"0","id":"a","function":{"name":"get_weather","arguments":"{\"city\":"}}"#,
            r#"{"index":"0","function":{"arguments":"\"Paris\"}"}}"#,
        ],
        // A new id with each piece.
        &[
            r#"{"index":0,"id":"a","function":{"name":"get_weather","arguments":"{\"city\":"}}"#,
            r#"{"index":0,"id":"b","function":{"name":"get_weather","arguments":"\"Paris\"}"}}"#,
        ],
        &[
            r#"{"index":0,"id":"a","function":{"name":"get_weather","arguments":"{\"city\":"}}"#,
            r#"{"index":0,"id":"b","function":{"arguments":"\"Paris\"}"}}"#,
        ],
        // The whole call once more at the end.
        &[
            r#"{"index":0,"id":"a","function":{"name":"get_weather","arguments":"{\"city\":\"Paris\"}"}}"#,
            r#"{"index":0,"id":"a","function":{"name":"get_weather","arguments":"{\"city\":\"Paris\"}"}}"#,
        ],
        &[
            r#"{"id":"a","function":{"name":"get_weather","arguments":"{\"city\":\"Paris\"}"}}"#,
            r#"{"id":"a","function":{"name":"get_weather","arguments":"{\"city\":\"Paris\"}"}}"#,
        ],
        &[
            r#"{"index":0,"id":"a","function":{"name":"get_weather","arguments":"{\"city\":\"Paris\"}"}}"#,
            r#"{"index":0,"id":"a","function":{"name":"get_weather","arguments":""}}"#,
        ],
        // All arguments so far with each piece.
        &[
            r#"{"index":0,"id":"a","function":{"name":"get_weather","arguments":"{\"city\":"}}"#,
            r#"{"index":0,"id":"a","function":{"name":"get_weather","arguments":"{\"city\":\"Paris\"}"}}"#,
        ],
        // Arguments in a string, under another name, without the function around them.
        &[
            r#"{"index":0,"id":"a","function":{"name":"get_weather","arguments":"\"{\\\"city\\\":\\\"Paris\\\"}\""}}"#,
        ],
        &[
            r#"{"index":0,"id":"a","function":{"name":"get_weather","parameters":{"city":"Paris"}}}"#,
        ],
        &[r#"{"index":0,"id":"a","name":"get_weather","arguments":"{\"city\":\"Paris\"}"}"#],
        // A name with its namespace, or with what a server forgot to cut off.
        &[
            r#"{"index":0,"id":"a","function":{"name":"functions.get_weather","arguments":{"city":"Paris"}}}"#,
        ],
        &[
            r#"{"index":0,"id":"a","function":{"name":"get_weather<|channel|>json","arguments":{"city":"Paris"}}}"#,
        ],
        &[
            r#"{"index":0,"id":"a","function":{"name":" Get_Weather ","arguments":{"city":"Paris"}}}"#,
        ],
        // Empty pieces around it.
        &[
            r#"{}"#,
            r#"{"index":0,"id":"a","function":{"name":"get_weather","arguments":"{\"city\":\"Paris\"}"}}"#,
            r#"{"index":0,"id":"","function":{"name":"","arguments":""}}"#,
            r#"null"#,
        ],
    ] {
        assert_eq!(calls_of(pieces).await, [call_of("a", "get_weather", PARIS)], "{pieces:#?}");
    }
}

#[tokio::test]
async fn two_calls_are_two_calls_however_they_are_sent() {
    for pieces in [
        // Interleaved.
        &[
            r#"{"index":0,"id":"a","function":{"name":"get_weather","arguments":"{\"city\":"}}"#,
            r#"{"index":1,"id":"b","function":{"name":"get_weather","arguments":"{\"city\":"}}"#,
            r#"{"index":0,"function":{"arguments":"\"Paris\"}"}}"#,
            r#"{"index":1,"function":{"arguments":"\"Rome\"}"}}"#,
        ][..],
        // Interleaved by id alone.
        &[
            r#"{"id":"a","function":{"name":"get_weather","arguments":"{\"city\":"}}"#,
            r#"{"id":"b","function":{"name":"get_weather","arguments":"{\"city\":"}}"#,
            r#"{"id":"a","function":{"arguments":"\"Paris\"}"}}"#,
            r#"{"id":"b","function":{"arguments":"\"Rome\"}"}}"#,
        ],
        // All numbered 0.
        &[
            r#"{"index":0,"id":"a","function":{"name":"get_weather","arguments":"{\"city\":\"Paris\"}"}}"#,
            r#"{"index":0,"id":"b","function":{"name":"get_weather","arguments":"{\"city\":\"Rome\"}"}}"#,
        ],
        &[
            r#"{"index":0,"id":"a","function":{"name":"get_weather","arguments":""}}"#,
            r#"{"index":0,"id":"b","function":{"name":"get_weather","arguments":""}}"#,
            r#"{"index":0,"id":"a","function":{"arguments":"{\"city\":\"Paris\"}"}}"#,
            r#"{"index":0,"id":"b","function":{"arguments":"{\"city\":\"Rome\"}"}}"#,
        ],
        // Both in one piece.
        &[
            r#"{"index":0,"id":"a","function":{"name":"get_weather","arguments":{"city":"Paris"}}},{"index":1,"id":"b","function":{"name":"get_weather","arguments":{"city":"Rome"}}}"#,
        ],
    ] {
        let expected = [call_of("a", "get_weather", PARIS), call_of("b", "get_weather", ROME)];
        assert_eq!(calls_of(pieces).await, expected, "{pieces:#?}");
    }
}

#[tokio::test]
async fn calls_that_share_an_id_or_have_none_are_told_apart() {
    for (pieces, ids) in [
        (
            &[
                r#"{"index":0,"id":"a","function":{"name":"get_weather","arguments":{"city":"Paris"}}}"#,
                r#"{"index":1,"id":"a","function":{"name":"get_weather","arguments":{"city":"Rome"}}}"#,
            ][..],
            ["a", "a_"],
        ),
        (
            &[
                r#"{"id":"a","function":{"name":"get_weather","arguments":{"city":"Paris"}}}"#,
                r#"{"id":"a","function":{"name":"get_weather","arguments":{"city":"Rome"}}}"#,
            ][..],
            ["a", "a_"],
        ),
        (
            &[
                r#"{"index":0,"id":"","function":{"name":"get_weather","arguments":{"city":"Paris"}}}"#,
                r#"{"index":1,"id":"","function":{"name":"get_weather","arguments":{"city":"Rome"}}}"#,
            ][..],
            ["call_c1_0", "call_c1_1"],
        ),
        (
            &[
                r#"{"function":{"name":"get_weather","arguments":{"city":"Paris"}}}"#,
                r#"{"function":{"name":"get_weather","arguments":{"city":"Rome"}}}"#,
            ][..],
            ["call_c1_0", "call_c1_1"],
        ),
    ] {
        let expected =
            [call_of(ids[0], "get_weather", PARIS), call_of(ids[1], "get_weather", ROME)];
        assert_eq!(calls_of(pieces).await, expected, "{pieces:#?}");
    }
}

#[tokio::test]
async fn a_function_call_of_the_old_kind_is_a_call() {
    let legacy = |call: &str| format!(r#"{{"choices":[{{"delta":{{"function_call":{call}}}}}]}}"#);
    let said = hear(&chunks(&[
        &legacy(r#"{"name":"get_weather","arguments":""}"#),
        &legacy(r#"{"arguments":"{\"city\":"}"#),
        &legacy(r#"{"arguments":"\"Paris\"}"}"#),
        &finish("function_call"),
        "[DONE]",
    ]))
    .await;
    let calls: Vec<_> = said.calls().iter().map(|call| (call.1, call.2)).collect();
    assert_eq!(calls, [("get_weather", PARIS)]);
}

#[tokio::test]
async fn a_call_may_be_a_part_of_the_content() {
    let said = hear(&chunks(&[
        r#"{"choices":[{"delta":{"content":[{"type":"tool_use","id":"a","name":"get_weather","input":{"city":"Paris"}}]}}]}"#,
        "[DONE]",
    ]))
    .await;
    assert_eq!(said.calls(), [("a", "get_weather", PARIS)]);
}

#[tokio::test]
async fn arguments_that_cannot_be_read_go_to_the_tool_as_they_are() {
    for arguments in [r#"{"city":"Paris",}"#, r#"{"city":"Paris"}{"city":"Rome"}"#, "oops", "[1]"] {
        let piece = serde_json::json!({"index": 0, "id": "a",
            "function": {"name": "get_weather", "arguments": arguments}});
        let calls = calls_of(&[&piece.to_string()]).await;
        assert_eq!(calls, [call_of("a", "get_weather", arguments)]);
    }
}
