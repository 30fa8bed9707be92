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
