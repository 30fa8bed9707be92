//! What is heard of an answer.

use futures::StreamExt;
use voicekit_core::answer::is_empty_answer;
use voicekit_core::error::{ErrorKind, Retry};
use voicekit_core::llm::Llm;
use voicekit_testkit::server::http::Answer;

use crate::service::{YES, ask, end, events, hear, question, serve};

const BASIC: &str = include_str!("../fixtures/basic.sse");
const TOOL: &str = include_str!("../fixtures/tool_use.sse");
const CUT: &str = include_str!("../fixtures/incomplete_partial_json.sse");
const REFUSAL: &str = include_str!("../fixtures/refusal.sse");
const COMPACTION: &str = include_str!("../fixtures/compaction.sse");
const FALLBACK: &str = include_str!("../fixtures/fallback.sse");
const CREDIT: &str = include_str!("../fixtures/fallback_credit.sse");

/// The published streams end with or without the blank line that the standard demands.
fn whole(stream: &str) -> String {
    format!("{}\n\n", stream.trim_end())
}

#[tokio::test]
async fn every_published_stream_is_understood() {
    for (stream, text, tokens) in [
        (BASIC, "Hello there!", (11, 6)),
        (COMPACTION, "Hello there!", (30, 8)),
        (FALLBACK, "Hello there!", (25, 8)),
        (CREDIT, "Hello there!", (25, 8)),
        (TOOL, "I'll check the current weather in Paris for you.", (377, 65)),
    ] {
        let said = hear(&whole(stream)).await;
        assert_eq!((said.text.as_str(), said.tokens()), (text, tokens));
    }
    let refused = hear(&whole(REFUSAL)).await.error.unwrap();
    assert_eq!(refused.to_string(), "anthropic: the model refused to answer");
}

#[tokio::test]
async fn a_stream_may_be_cut_anywhere() {
    let stream = whole(&TOOL.replace("Par", "Pär").replace('\n', "\r\n"));
    let answers = [1, 2, 3, 7].map(|size| Answer::events(stream.clone()).in_pieces_of(size));
    let (_server, model) = serve(answers).await;
    for _ in 0..4 {
        let said = ask(&model, question()).await.unwrap();
        assert!(said.text.contains("Päris"), "{}", said.text);
        assert_eq!(said.calls.len(), 1);
    }
}

#[tokio::test]
async fn a_call_comes_complete() {
    let said = hear(&whole(TOOL)).await;
    let id = "toolu_01NRLabsLyVHZPKxbKvkfSMn";
    assert_eq!(said.calls(), [(id, "get_weather", r#"{"location": "Paris"}"#)]);
    assert_eq!(said.calls[0].provider, None);
}

#[tokio::test]
async fn several_calls_come_in_order_and_may_have_no_arguments() {
    let start = |index: u32, id: &str| {
        format!(
            r#"{{"type":"content_block_start","index":{index},"content_block":{{"type":"tool_use","id":"{id}","name":"f","input":{{}}}}}}"#
        )
    };
    let stop = |index: u32| format!(r#"{{"type":"content_block_stop","index":{index}}}"#);
    let empty = r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":""}}"#;
    let stream =
        events(&[&start(0, "a"), empty, &stop(0), &start(1, "b"), &stop(1)]) + &end("tool_use");
    let said = hear(&stream).await;
    assert_eq!(said.calls(), [("a", "f", "{}"), ("b", "f", "{}")]);
    let (_server, model) = serve([Answer::events(stream)]).await;
    let mut request = question();
    request.tools.clear();
    assert!(ask(&model, request).await.unwrap().calls.is_empty(), "it has no tools");
    let nameless = events(&[&start(0, "")]) + &end("tool_use");
    assert_eq!(hear(&nameless).await.error.unwrap().kind(), ErrorKind::Protocol);
}

#[tokio::test]
async fn a_call_that_is_cut_off_is_not_made() {
    let said = hear(&whole(CUT)).await;
    assert!(said.text.starts_with("I'll create a comprehensive") && said.calls.is_empty());
    let error = said.error.unwrap();
    assert_eq!(error.to_string(), "anthropic: the limit of tokens cut off a tool call");
}

#[tokio::test]
async fn only_text_is_heard_and_what_is_unknown_is_skipped() {
    let odd = events(&[
        r#"{"type":"ping"}"#,
        r#"{"type":"surprise","index":0}"#,
        r#"{"no":"type"}"#,
        r#"{"type":"content_block_start","index":3,"content_block":{"type":"thinking","thinking":""}}"#,
        r#"{"type":"content_block_delta","index":3,"delta":{"type":"thinking_delta","thinking":"hm"}}"#,
        r#"{"type":"content_block_start","index":4,"content_block":{"type":"server_tool_use","id":"x","name":"web","input":{}}}"#,
        r#"{"type":"content_block_delta","index":4,"delta":{"type":"input_json_delta","partial_json":"{"}}"#,
        r#"{"type":"content_block_delta","index":4,"delta":{"type":"text_delta","text":"not text"}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"citations_delta","citation":{}}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":null}"#,
        r#"{"type":"content_block_stop","index":9}"#,
    ]);
    let said = hear(&format!("{odd}{YES}{odd}{}", end("end_turn"))).await;
    assert_eq!((said.text.as_str(), said.pieces, said.calls.len()), ("Yes.", 1, 0));
}

#[tokio::test]
async fn sums_are_replaced_and_the_cache_counts_as_read() {
    let usage = r#"{"type":"message_start","message":{"usage":{"input_tokens":10,"cache_creation_input_tokens":200,"cache_read_input_tokens":3000,"output_tokens":1}}}"#;
    let delta = |tokens: u32| {
        format!(
            r#"{{"type":"message_delta","delta":{{}},"usage":{{"output_tokens":{tokens},"input_tokens":10,"cache_read_input_tokens":null}}}}"#
        )
    };
    let stream = events(&[usage, &delta(5), &delta(9)]) + YES + &end("end_turn");
    assert_eq!(hear(&stream).await.tokens(), (3_210, 9));
}

#[tokio::test]
async fn an_answer_ends_as_its_reason_says() {
    for reason in [
        "end_turn",
        "max_tokens",
        "stop_sequence",
        "tool_use",
        "pause_turn",
        "model_context_window_exceeded",
        "surprise",
    ] {
        let said = hear(&format!("{YES}{}", end(reason))).await;
        assert!(said.error.is_none() && said.text == "Yes.", "{reason}");
    }
    let refused = hear(&format!("{YES}{}", end("refusal"))).await.error.unwrap();
    assert_eq!(refused.kind(), ErrorKind::Rejected);
}

#[tokio::test]
async fn a_connection_serves_one_answer_after_the_other() {
    let (server, model) = serve([whole(BASIC), whole(BASIC)].map(Answer::events)).await;
    model.warm().await.unwrap();
    for _ in 0..2 {
        let mut answer = model.chat(question()).await.unwrap();
        while answer.next().await.is_some() {}
    }
    assert_eq!(server.connections(), 1);
}

fn start(index: &str, block: &str) -> String {
    format!(r#"{{"type":"content_block_start",{index}"content_block":{{{block}}}}}"#)
}

fn delta(index: &str, delta: &str) -> String {
    format!(r#"{{"type":"content_block_delta",{index}"delta":{{{delta}}}}}"#)
}

fn json(index: &str, piece: &str) -> String {
    let piece = serde_json::Value::from(piece);
    delta(index, &format!(r#""type":"input_json_delta","partial_json":{piece}"#))
}

fn stop(index: &str) -> String {
    format!(r#"{{"type":"content_block_stop",{index}"x":0}}"#)
}

const CALL: &str = r#""type":"tool_use","id":"a","name":"get_weather","input":"#;
const PARIS: &str = r#"{"city":"Paris"}"#;

#[tokio::test]
async fn one_call_is_one_call_however_it_is_sent() {
    let one = r#""index":1,"#;
    let call = |input: &str| start(one, &format!("{CALL}{input}"));
    for pieces in [
        vec![call(PARIS), stop(one)],
        vec![call(PARIS), json(one, ""), stop(one)],
        vec![call("{}"), json(one, ""), json(one, r#"{"city":"#), json(one, r#""Paris"}"#)],
        vec![call("{}"), json(one, "{}"), json(one, PARIS), stop(one)],
        vec![call(PARIS), json(one, PARIS), stop(one)],
        vec![call("\"\""), json(one, PARIS), stop(one)],
        vec![call("null"), json(one, PARIS), stop(one)],
        vec![call(r#""{\"city\":\"Paris\"}""#), stop(one)],
        vec![
            call("{}"),
            delta(one, r#""type":"input_json_delta","partial_json":{"city":"Paris"}"#),
        ],
        // Without numbers.
        vec![start("", &format!("{CALL}{{}}")), json("", PARIS)],
        // The whole block once more.
        vec![call(PARIS), stop(one), call(PARIS), stop(one)],
    ] {
        let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
        for reason in ["tool_use", "max_tokens", "end_turn"] {
            let said = hear(&(events(&pieces) + &end(reason))).await;
            assert_eq!(said.calls(), [("a", "get_weather", PARIS)], "{pieces:#?} {reason}");
        }
    }
}

#[tokio::test]
async fn blocks_may_be_interleaved_or_share_a_number() {
    let block = |index: &str, id: &str| {
        start(index, &format!(r#""type":"tool_use","id":"{id}","name":"get_weather","input":{{}}"#))
    };
    let (zero, one) = (r#""index":0,"#, r#""index":1,"#);
    let rome = r#"{"city":"Rome"}"#;
    for pieces in [
        [block(zero, "a"), block(one, "b"), json(zero, PARIS), json(one, rome)],
        [block(zero, "a"), json(zero, PARIS), block(zero, "b"), json(zero, rome)],
        [block("", "a"), json("", PARIS), block("", "b"), json("", rome)],
    ] {
        let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
        let said = hear(&(events(&pieces) + &end("tool_use"))).await;
        let expected = [("a", "get_weather", PARIS), ("b", "get_weather", rome)];
        assert_eq!(said.calls(), expected, "{pieces:#?}");
    }
}

#[tokio::test]
async fn a_stream_without_its_last_event_is_complete_if_its_reason_came() {
    let delta = r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"}}"#;
    let said = hear(&(YES.to_owned() + &events(&[delta]))).await;
    assert_eq!((said.text.as_str(), said.error.is_none()), ("Yes.", true));
    let said = hear(&(YES.to_owned() + &events(&[delta]) + "data: [DONE]\n\n")).await;
    assert_eq!((said.text.as_str(), said.error.is_none()), ("Yes.", true));
}

#[tokio::test]
async fn a_message_that_was_not_streamed_is_understood() {
    let message = r#"{"type":"message","role":"assistant","content":[{"type":"text","text":"Yes."},{"type":"tool_use","id":"a","name":"get_weather","input":{"city":"Paris"}}],"stop_reason":"tool_use","usage":{"input_tokens":9,"output_tokens":4}}"#;
    for (content_type, body) in [
        ("application/json", message.to_owned()),
        ("text/event-stream", message.to_owned()),
        ("text/event-stream", events(&[message])),
    ] {
        let answer = Answer::new(200).with_header("content-type", content_type).then(body);
        let (_server, model) = serve([answer]).await;
        let said = ask(&model, question()).await.unwrap();
        assert_eq!((said.text.as_str(), said.tokens()), ("Yes.", (9, 4)));
        assert_eq!(said.calls(), [("a", "get_weather", PARIS)]);
    }
}

#[tokio::test]
async fn an_answer_without_a_word_is_an_error_that_is_worth_another_attempt() {
    let text = |text: &str| {
        events(&[&delta(r#""index":0,"#, &format!(r#""type":"text_delta","text":"{text}""#))])
    };
    for reason in ["end_turn", "max_tokens", "tool_use", "surprise", "pause_turn"] {
        for silent in ["", "🙂", "...", "*smiles*", "<think>hm</think>", "hm</think>"] {
            let error = hear(&(text(silent) + &end(reason))).await.error.unwrap();
            assert!(is_empty_answer(&error), "{silent} {reason} {error:?}");
            assert!(matches!(error.retry(), Retry::After(_)));
        }
    }
    let thinking = start(r#""index":0,"#, r#""type":"thinking","thinking":"hm""#);
    let error = hear(&(events(&[&thinking]) + &end("end_turn"))).await.error.unwrap();
    assert!(is_empty_answer(&error));
}

#[tokio::test]
async fn a_reason_that_is_a_failure_is_an_error() {
    for (reason, kind) in [
        ("refusal", ErrorKind::Rejected),
        ("content_filtered", ErrorKind::Rejected),
        ("guardrail_intervened", ErrorKind::Rejected),
        ("error", ErrorKind::Connection),
        ("overloaded", ErrorKind::RateLimited),
    ] {
        let error = hear(&format!("{YES}{}", end(reason))).await.error.unwrap();
        assert_eq!(error.kind(), kind, "{reason}");
    }
}

#[tokio::test]
async fn an_error_in_an_answer_of_status_200_is_found_wherever_it_is() {
    for (stream, kind) in [
        (
            events(&[r#"{"error":{"type":"overloaded_error","message":"No."}}"#]),
            ErrorKind::RateLimited,
        ),
        (events(&[r#"{"error":"No."}"#]), ErrorKind::Connection),
        (events(&[r#"{"detail":"No."}"#]), ErrorKind::Connection),
        (events(&[r#"{"message":"No."}"#]), ErrorKind::Connection),
        ("event: error\ndata: {\"message\":\"No.\"}\n\n".to_owned(), ErrorKind::Connection),
        ("event: error\ndata: out of memory\n\n".to_owned(), ErrorKind::Connection),
        (
            r#"{"type":"error","error":{"type":"rate_limit_error","message":"No."}}"#.to_owned(),
            ErrorKind::RateLimited,
        ),
    ] {
        let error = hear(&stream).await.error.unwrap();
        assert_eq!(error.kind(), kind, "{stream}");
    }
}

#[tokio::test]
async fn a_call_that_was_written_as_text_is_made_if_there_is_such_a_tool() {
    let invoke = r#"<function_calls><invoke name=\"get_weather\"><parameter name=\"city\">Paris</parameter></invoke></function_calls>"#;
    let text =
        delta(r#""index":0,"#, &format!(r#""type":"text_delta","text":"One moment. {invoke}""#));
    let said = hear(&(events(&[&text]) + &end("end_turn"))).await;
    assert_eq!(said.text.trim_end(), "One moment.");
    assert_eq!(said.calls(), [("text_0", "get_weather", PARIS)]);
}
