//! Answers as compatible servers send them: whole, in parts, in another place.

use voicekit_core::answer::is_empty_answer;
use voicekit_core::error::{ErrorKind, Retry};
use voicekit_testkit::logs::Logs;
use voicekit_testkit::server::http::{Answer, HttpServer};

use crate::service::{Said, ask, chunks, config, hear, question, serve};
use voicekit_openai::OpenAi;

/// What comes of a body of this type.
async fn hear_body(content_type: &str, body: &str) -> Said {
    let answer = Answer::new(200).with_header("content-type", content_type).then(body.to_owned());
    let (_server, model) = serve([answer]).await;
    ask(&model, question()).await.unwrap()
}

fn delta(delta: &str) -> String {
    format!(r#"{{"choices":[{{"index":0,"delta":{delta}}}]}}"#)
}

fn finish(reason: &str) -> String {
    format!(r#"{{"choices":[{{"index":0,"delta":{{}},"finish_reason":{reason}}}]}}"#)
}

/// What comes of an answer that holds this content.
async fn hear_content(pieces: &[&str]) -> Said {
    let deltas = pieces.iter().map(|text| delta(&serde_json::json!({"content": text}).to_string()));
    let mut events: Vec<String> = deltas.collect();
    events.extend([finish("\"stop\""), "[DONE]".to_owned()]);
    hear(&chunks(&events.iter().map(String::as_str).collect::<Vec<_>>())).await
}

#[tokio::test]
async fn content_may_be_a_list_of_parts() {
    for content in [
        r#"[{"type":"text","text":"We open "},{"type":"text","text":"at nine."}]"#,
        r#"[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]},{"type":"text","text":"We open at nine."}]"#,
        r#"[{"type":"reasoning","text":"hm"},{"type":"output_text","text":"We open at nine."}]"#,
        r#"{"type":"text","text":"We open at nine."}"#,
        r#"["We open ","at nine."]"#,
    ] {
        let piece = delta(&format!(r#"{{"content":{content}}}"#));
        let said = hear(&chunks(&[&piece, &finish("\"stop\""), "[DONE]"])).await;
        assert_eq!((said.text.as_str(), said.error.is_none()), ("We open at nine.", true));
    }
}

#[tokio::test]
async fn a_completion_that_was_not_streamed_is_understood() {
    let whole = r#"{"id":"c1","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"We open at nine."},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":4}}"#;
    let pretty = serde_json::from_str::<serde_json::Value>(whole).unwrap();
    let pretty = serde_json::to_string_pretty(&pretty).unwrap();
    let event = format!("data: {whole}\n\n");
    let event_done = format!("data: {whole}\n\ndata: [DONE]\n\n");
    for body in [whole, &pretty, &event, &event_done] {
        for content_type in ["application/json", "text/event-stream", "text/plain"] {
            let said = hear_body(content_type, body).await;
            assert_eq!(said.text, "We open at nine.", "{content_type} {body}");
            assert_eq!(said.tokens(), (9, 4));
        }
    }
}

#[tokio::test]
async fn a_completion_that_was_not_streamed_may_call_tools() {
    let said = hear_body(
        "application/json",
        r#"{"choices":[{"message":{"content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"get_weather","arguments":"{\"city\":\"Paris\"}"}}]},"finish_reason":"tool_calls"}]}"#,
    )
    .await;
    assert_eq!(said.calls(), [("a", "get_weather", r#"{"city":"Paris"}"#)]);
}

#[tokio::test]
async fn other_places_of_the_text_are_known() {
    for events in [
        chunks(&[r#"{"choices":[{"text":"We open at nine.","finish_reason":"stop"}]}"#, "[DONE]"]),
        chunks(&[r#"{"choices":[{"delta":"We open at nine."}]}"#, "[DONE]"]),
        chunks(&[r#"[{"choices":[{"delta":{"content":"We open at nine."}}]}]"#, "[DONE]"]),
        "{\"message\":{\"role\":\"assistant\",\"content\":\"We open \"},\"done\":false}\n\
         {\"message\":{\"role\":\"assistant\",\"content\":\"at nine.\"},\"done\":true,\"done_reason\":\"stop\"}\n"
            .to_owned(),
        // The whole answer once more at the end.
        chunks(&[
            r#"{"choices":[{"delta":{"content":"We open at nine."}}]}"#,
            r#"{"choices":[{"delta":{},"message":{"content":"We open at nine."},"finish_reason":"stop"}]}"#,
        ]),
        // Two answers at once.
        chunks(&[
            r#"{"choices":[{"index":0,"delta":{"content":"We open "}},{"index":1,"delta":{"content":"No. "}}]}"#,
            r#"{"choices":[{"index":1,"delta":{"content":"No."}},{"index":0,"delta":{"content":"at nine."}}]}"#,
            "[DONE]",
        ]),
    ] {
        assert_eq!(hear(&events).await.text, "We open at nine.", "{events}");
    }
}

#[tokio::test]
async fn an_answer_without_a_word_is_an_error_that_is_worth_another_attempt() {
    for events in [
        chunks(&[&finish("\"stop\""), "[DONE]"]),
        chunks(&[&finish("\"stop\"")]),
        chunks(&[&finish("\"length\""), "[DONE]"]),
        chunks(&[&finish("\"surprise\""), "[DONE]"]),
        chunks(&[&finish("7"), "[DONE]"]),
        chunks(&[&finish("true"), "[DONE]"]),
        chunks(&["[DONE]"]),
        chunks(&[r#"{"choices":[]}"#, "[DONE]"]),
        chunks(&[r#"{"choices":[],"usage":{"prompt_tokens":1}}"#, "[DONE]"]),
        chunks(&[r#"{"choices":[{"message":{"content":""},"finish_reason":"stop"}]}"#]),
        chunks(&[r#"{"choices":[{"delta":{"reasoning":"hm"},"finish_reason":"stop"}]}"#]),
    ] {
        let said = hear(&events).await;
        let error = said.error.unwrap();
        assert!(is_empty_answer(&error), "{events} {error:?}");
        assert!(matches!(error.retry(), Retry::After(_)), "{events}");
        assert_eq!(error.service(), "openai");
    }
    for silent in ["🙂", "...", "**", "*smiles*", "[laughs]", "[1]", "<think>hm</think>", "</s>"]
    {
        let said = hear_content(&[silent]).await;
        assert!(is_empty_answer(&said.error.unwrap()), "{silent}");
        assert_eq!(said.text, "", "{silent}");
    }
}

#[tokio::test]
async fn a_reason_that_is_a_failure_is_an_error() {
    use ErrorKind::{Connection, RateLimited, Rejected, Timeout};
    for (reason, kind) in [
        ("error", Connection),
        ("abort", Connection),
        ("cancelled", Connection),
        ("network_error", Connection),
        ("insufficient_system_resource", RateLimited),
        ("content_filter", Rejected),
        ("SAFETY", Rejected),
        ("sensitive", Rejected),
        ("timeout", Timeout),
    ] {
        for words in ["{}", r#"{"content":"Yes."}"#] {
            let end = finish(&format!("\"{reason}\""));
            let said = hear(&chunks(&[&delta(words), &end, "[DONE]"])).await;
            assert_eq!(said.error.unwrap().kind(), kind, "{reason} {words}");
        }
    }
    let call = delta(r#"{"tool_calls":[{"index":0,"id":"a","function":{"name":"get_weather"}}]}"#);
    let said = hear(&chunks(&[&call, &finish("\"error\""), "[DONE]"])).await;
    assert!(said.calls.is_empty() && said.error.is_some());
}

#[tokio::test]
async fn an_unknown_reason_loses_no_words() {
    for reason in ["\"surprise\"", "7", "false"] {
        let said =
            hear(&chunks(&[&delta(r#"{"content":"Yes."}"#), &finish(reason), "[DONE]"])).await;
        assert_eq!((said.text.as_str(), said.error.is_none()), ("Yes.", true), "{reason}");
    }
}

#[tokio::test]
async fn an_error_in_an_answer_of_status_200_is_found_wherever_it_is() {
    use ErrorKind::{Connection, Quota, RateLimited, Rejected, Unauthenticated};
    let event_error = |data: &str| format!("event: error\ndata: {data}\n\n");
    for (events, kind) in [
        (chunks(&[r#"{"error":{"message":"No.","code":429}}"#]), RateLimited),
        (chunks(&[r#"{"error":"No."}"#]), Connection),
        (chunks(&[r#"{"error":["No."]}"#]), Connection),
        (chunks(&[r#"{"error":true}"#]), Connection),
        (chunks(&[r#"{"errors":[{"message":"No.","code":"400"}]}"#]), Rejected),
        (chunks(&[r#"{"detail":"No."}"#]), Connection),
        (chunks(&[r#"{"detail":[{"msg":"No.","loc":["body"]}]}"#]), Connection),
        (chunks(&[r#"{"message":"No.","code":401}"#]), Unauthenticated),
        (chunks(&[r#"{"message":"No.","status":503}"#]), RateLimited),
        (chunks(&[r#"{"msg":"No.","code":400}"#]), Rejected),
        (chunks(&[r#"{"error_msg":"No.","error_code":429}"#]), RateLimited),
        (
            chunks(&[r#"{"object":"error","message":"No.","type":"BadRequestError","code":400}"#]),
            Rejected,
        ),
        (chunks(&[r#"{"type":"error","code":"ERR","message":"No."}"#]), Connection),
        (
            chunks(&[r#"{"type":"error","error":{"type":"overloaded_error","message":"No."}}"#]),
            RateLimited,
        ),
        (
            chunks(&[r#"{"choices":[{"error":{"message":"No.","code":502},"delta":{}}]}"#]),
            Connection,
        ),
        (
            chunks(&[r#"{"choices":[{"delta":{"error":{"message":"No.","code":429}}}]}"#]),
            RateLimited,
        ),
        (chunks(&[r#"{"choices":[{"message":{"error":"No."}}]}"#]), Connection),
        (chunks(&[r#"{"choices":[],"error":{"message":"No.","code":429}}"#]), RateLimited),
        (
            chunks(&[r#"{"choices":null,"error":{"type":"insufficient_quota","message":"No."}}"#]),
            Quota,
        ),
        (
            chunks(&[r#"[{"error":{"code":429,"message":"No.","status":"RESOURCE_EXHAUSTED"}}]"#]),
            RateLimited,
        ),
        (chunks(&[r#"{"base_resp":{"status_code":1008,"status_msg":"No."}}"#]), Connection),
        (chunks(&[r#"{"fault":{"faultstring":"No."}}"#]), Connection),
        (chunks(&[r#"{"success":false}"#]), Connection),
        (chunks(&[r#"{"status":"error"}"#]), Connection),
        (chunks(&[r#""No.""#]), Connection),
        (event_error(r#"{"message":"No."}"#), Connection),
        (event_error(r#"{"error":{"message":"No.","code":429}}"#), RateLimited),
        (event_error("out of memory"), Connection),
        // JSON in the place of events.
        (r#"{"error":{"message":"No.","code":429}}"#.to_owned(), RateLimited),
        (r#"[{"error":{"code":400,"message":"No."}}]"#.to_owned(), Rejected),
        ("{\n  \"detail\": \"No.\"\n}".to_owned(), Connection),
    ] {
        let said = hear(&events).await;
        let error = said.error.unwrap();
        assert_eq!((error.kind(), said.text.as_str()), (kind, ""), "{events} {error}");
    }
}

#[tokio::test]
async fn an_error_after_some_text_ends_the_answer() {
    for error in [
        r#"{"error":{"message":"No."}}"#,
        r#"{"detail":"No."}"#,
        r#"{"choices":[{"error":"No."}]}"#,
    ] {
        let said = hear(&chunks(&[&delta(r#"{"content":"We open"}"#), error, "[DONE]"])).await;
        let error = said.error.unwrap();
        assert_eq!((said.text.as_str(), error.retry()), ("We open", Retry::Never), "{error}");
    }
}

#[tokio::test]
async fn a_field_for_errors_without_one_is_no_error() {
    for error in
        ["null", "{}", "\"\"", "[]", "false", "0", r#"{"message":"","code":0}"#, r#"{"code":null}"#]
    {
        let chunk = format!(
            r#"{{"choices":[{{"delta":{{"content":"Yes."}},"error":{error}}}],"error":{error}}}"#
        );
        let said = hear(&chunks(&[&chunk, r#"{"base_resp":{"status_code":0}}"#, "[DONE]"])).await;
        assert_eq!((said.text.as_str(), said.error.is_none()), ("Yes.", true), "{error}");
    }
}

#[tokio::test]
async fn what_is_neither_events_nor_json_was_cut_off() {
    for (content_type, body) in [
        ("text/html", "<html><body>502 Bad Gateway</body></html>"),
        ("text/plain", "upstream connect error"),
        ("text/event-stream", "Internal Server Error"),
        ("application/json", ""),
        ("text/event-stream", ": OPENROUTER PROCESSING\n\n: OPENROUTER PROCESSING\n\n"),
    ] {
        let error = hear_body(content_type, body).await.error.unwrap();
        assert_eq!(error.kind(), ErrorKind::Protocol, "{body}");
        assert!(matches!(error.retry(), Retry::After(_)), "{body}");
    }
    let error = hear_body("application/json", "{\"choices\": the caller said 0123").await.error;
    assert_eq!(error.unwrap().message(), "an event is not JSON");
}

#[tokio::test]
async fn reasoning_and_machine_text_are_never_heard() {
    for pieces in [
        &["They ask when we open.", "</think>", "We open at nine."][..],
        &["They ask.</think>\n\nWe open at nine."],
        &["<thinking>hm</thinking>We open at nine."],
        &["[THINK]hm[/THINK]We open at nine."],
        &[
            "<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>We open at nine.<|return|>",
        ],
        &["We open ", "<thi", "nk>hm</th", "ink>at nine."],
        &["We open at nine.<|im_end|>"],
        &["*clears throat* We open at nine."],
        &["We open at nine.【4†source】"],
        &["We open at nine.<tool_call>oops</tool_call>"],
    ] {
        assert_eq!(hear_content(pieces).await.text, "We open at nine.", "{pieces:?}");
    }
}

#[tokio::test]
async fn a_call_that_was_written_as_text_is_made_if_there_is_such_a_tool() {
    let known = r#"<tool_call>{"name":"get_weather","arguments":{"city":"Paris"}}</tool_call>"#;
    let said = hear_content(&["One moment. <tool", &known[5..]]).await;
    assert_eq!(said.text.trim_end(), "One moment.");
    assert_eq!(said.calls(), [("text_0", "get_weather", r#"{"city":"Paris"}"#)]);
    let unknown = r#"<tool_call>{"name":"rob_bank","arguments":{}}</tool_call>"#;
    let said = hear_content(&[unknown]).await;
    assert!(is_empty_answer(&said.error.unwrap()) && said.calls.is_empty());
}

#[tokio::test]
async fn a_model_that_begins_inside_its_thoughts_can_be_declared() {
    let logs = Logs::catch();
    let events = chunks(&[
        &delta(r#"{"content":"They ask. "}"#),
        &delta(r#"{"content":"So.</think>We open at nine."}"#),
        "[DONE]",
    ]);
    for declared in [false, true] {
        let server = HttpServer::start([Answer::events(events.clone())]).await.unwrap();
        let model = OpenAi::new(config(&server).with_start_in_thoughts(declared)).unwrap();
        let said = ask(&model, question()).await.unwrap();
        assert_eq!((said.text.as_str(), said.retracted), ("We open at nine.", !declared));
    }
    assert_eq!(logs.text().matches("starts_in_thoughts").count(), 1, "{}", logs.text());
    let never = chunks(&[&delta(r#"{"content":"They ask."}"#), &finish("\"length\""), "[DONE]"]);
    let server = HttpServer::start([Answer::events(never)]).await.unwrap();
    let model = OpenAi::new(config(&server).with_start_in_thoughts(true)).unwrap();
    let said = ask(&model, question()).await.unwrap();
    assert!(is_empty_answer(&said.error.unwrap()));
}
