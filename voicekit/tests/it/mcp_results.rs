//! Results of tools of MCP servers: every kind of content becomes text, and large ones are read.

use serde_json::{Value, json};
use voicekit::tools::ToolOutcome;
use voicekit::tools::mcp::McpServer;
use voicekit_core::llm::Message;
use voicekit_testkit::fake::{FakeLlm, scripted_line};

use crate::mcp::run;
use crate::mcp_script::{answer, giving, method, plain, said, scripted, text, usual};
use crate::typed_tools::{agent, once};

#[tokio::test(start_paused = true)]
async fn every_kind_of_content_becomes_text() {
    let cases: Vec<(Value, &str)> = vec![
        (json!([{"type": "text", "text": "nine"}, {"type": "text", "text": "ten"}]), "nine\nten"),
        (
            json!([{"type": "text", "text": "nine", "annotations": {"audience": ["user"]}, "_meta": {"x": 1}}]),
            "nine",
        ),
        (json!([{"type": "text", "text": 9}]), "9"),
        (json!([{"type": "text", "text": ""}]), "Done."),
        (json!([{"type": "text"}]), "Done."),
        (json!([]), "Done."),
        (json!(null), "Done."),
        (json!([null]), "Done."),
        (json!("just words"), "just words"),
        (json!(["just", "words"]), "just\nwords"),
        (json!({"type": "text", "text": "alone"}), "alone"),
        (
            json!([{"type": "resource", "resource": {"uri": "file:///menu.txt", "mimeType": "text/plain", "text": "Soup."}}]),
            "Soup.",
        ),
        (
            json!([{"type": "resource", "resource": {"uri": "file:///menu.pdf", "mimeType": "application/pdf", "blob": "AAAA".repeat(1_000)}}]),
            "[the file file:///menu.pdf, application/pdf, 3 kB; it cannot be spoken]",
        ),
        (
            json!([{"type": "resource", "resource": {"uri": "file:///menu.txt"}}]),
            "file:///menu.txt",
        ),
        (json!([{"type": "resource", "text": "Soup.", "uri": "x"}]), "Soup."),
        (
            json!([{"type": "resource_link", "uri": "https://example.com/a", "name": "a", "title": "The menu", "description": "of today"}]),
            "The menu: https://example.com/a (of today)",
        ),
        (
            json!([{"type": "resource_link", "uri": "https://example.com/a", "name": "a"}]),
            "a: https://example.com/a",
        ),
        (
            json!([{"type": "resource_link", "uri": "https://example.com/a"}]),
            "https://example.com/a",
        ),
        (
            json!([{"type": "image", "mimeType": "image/png", "data": "AAAAAAA="}]),
            "[an image, image/png, 5 bytes; it cannot be spoken]",
        ),
        (json!([{"type": "image"}]), "[an image; it cannot be spoken]"),
        (
            json!([{"type": "audio", "mimeType": "audio/wav", "data": "A".repeat(4_000_000)}]),
            "[a sound, audio/wav, 3 MB; it cannot be spoken]",
        ),
        (
            json!([{"shape": "cube", "type": "hologram", "_meta": {"x": 1}}]),
            r#"{"shape":"cube","type":"hologram"}"#,
        ),
        (json!([{"text": "odd", "type": 3}]), r#"{"text":"odd","type":3}"#),
        (json!([{"text": "no type"}]), r#"{"text":"no type"}"#),
        (json!([17]), "17"),
        (json!([[1, 2]]), "[1,2]"),
        (
            json!([{"id": "1", "input": {}, "name": "x", "type": "tool_use"}]),
            r#"{"id":"1","input":{},"name":"x","type":"tool_use"}"#,
        ),
        (
            json!([{"type": "text", "text": "see"}, {"type": "image", "mimeType": "image/png"}]),
            "see\n[an image, image/png; it cannot be spoken]",
        ),
        (
            json!([{"type": "text", "text": "one"}, {"type": "resource", "resource": {"text": "two", "uri": "x"}}, {"a": 1, "type": "new"}]),
            "one\ntwo\n{\"a\":1,\"type\":\"new\"}",
        ),
        (json!([{"type": "resource"}]), r#"{"type":"resource"}"#),
        (json!(7), "7"),
    ];
    for (content, expected) in cases {
        let shown: String = content.to_string().chars().take(200).collect();
        assert_eq!(said(json!({"content": content})).await, ToolOutcome::ok(expected), "{shown}");
    }
}

#[tokio::test(start_paused = true)]
async fn results_without_content_say_what_they_hold() {
    let cases: Vec<(Value, &str)> = vec![
        (json!({}), "Done."),
        (json!(null), "Done."),
        (json!({"_meta": {"x": 1}}), "Done."),
        (json!({"structuredContent": {"free": [9, 10]}}), r#"{"free":[9,10]}"#),
        (json!({"content": [], "structuredContent": {"a": 1}}), r#"{"a":1}"#),
        (
            json!({"content": [{"type": "text", "text": "one"}], "structuredContent": {"a": 1}}),
            "one",
        ),
        (
            json!({"content": [{"type": "image"}], "structuredContent": {"a": 1}}),
            "[an image; it cannot be spoken]\n{\"a\":1}",
        ),
        (json!({"toolResult": {"a": 1}}), r#"{"a":1}"#),
        (json!({"answer": 42, "_meta": {}}), r#"{"answer":42}"#),
        (json!("words"), "words"),
    ];
    for (result, expected) in cases {
        assert_eq!(said(result.clone()).await, ToolOutcome::ok(expected), "{result}");
    }
    let asks = said(json!({"resultType": "input_required", "inputRequests": {}})).await;
    assert!(asks.text.contains("asks for input"), "{asks:?}");
}

#[tokio::test(start_paused = true)]
async fn errors_of_tools_and_of_the_protocol_are_told_to_the_model() {
    let full = json!({"content": [{"type": "text", "text": "Full."}], "isError": true});
    assert_eq!(said(full).await, ToolOutcome::failed("Full."));
    assert_eq!(said(json!({"isError": true})).await, ToolOutcome::failed("Done."));
    let odd = json!({"content": [{"type": "new", "why": "x"}], "isError": true});
    assert_eq!(said(odd).await, ToolOutcome::failed(r#"{"type":"new","why":"x"}"#));
    let errors = [
        (json!({"code": -32_602, "message": "unknown day"}), "unknown day"),
        (json!({"code": "E1", "message": "odd code"}), "odd code"),
        (json!({"message": "no code", "data": {"a": [1]}}), "no code"),
        (json!("only words"), "only words"),
        (json!({"code": 1}), r#"{"code":1}"#),
    ];
    for (error, expected) in errors {
        let server = scripted("s", move |message| match method(message) {
            "tools/call" => {
                vec![json!({"jsonrpc": "2.0", "id": message["id"], "error": error}).to_string()]
            }
            _ => usual(message, &json!([plain("get")]), &json!({})),
        });
        let tools = server.tools().await.unwrap();
        assert_eq!(run(&tools, "get", "{}").await, ToolOutcome::failed(expected));
    }
}

#[tokio::test(start_paused = true)]
async fn messages_in_odd_frames_are_read() {
    let frames: [fn(&Value, &Value) -> String; 6] = [
        |message, result| json!({"id": message["id"], "result": result}).to_string(),
        |message, result| {
            json!({"jsonrpc": "2.0", "id": message["id"], "result": result, "error": null})
                .to_string()
        },
        |message, result| format!("[{}]", answer(message, result)),
        |message, result| format!("\u{feff}{}\r", answer(message, result)),
        |message, result| format!("  {}  ", answer(message, result)),
        |message, result| answer(&json!({"id": message["id"].to_string()}), result),
    ];
    for frame in frames {
        let server = scripted("s", move |message| match method(message) {
            "tools/call" => vec![frame(message, &text("here"))],
            _ => usual(message, &json!([plain("get")]), &json!({})),
        });
        let tools = server.tools().await.unwrap();
        assert_eq!(run(&tools, "get", "{}").await, ToolOutcome::ok("here"));
    }
}

/// A server whose tool says this many bytes at the first call, and a word afterwards.
fn large(bytes: usize, id_last: bool) -> McpServer {
    let first = std::sync::atomic::AtomicBool::new(true);
    scripted("s", move |message| {
        if method(message) != "tools/call"
            || !first.swap(false, std::sync::atomic::Ordering::SeqCst)
        {
            return usual(message, &json!([plain("get")]), &text("small"));
        }
        let result = text(&"x".repeat(bytes));
        let id = &message["id"];
        vec![if id_last {
            format!(r#"{{"result": {result}, "jsonrpc": "2.0", "id" : {id}}}"#)
        } else {
            format!(r#"{{"jsonrpc": "2.0", "id": {id}, "result": {result}}}"#)
        }]
    })
}

#[tokio::test(start_paused = true)]
async fn a_large_answer_is_read_whole_and_cut_for_the_model() {
    let bytes = 20_000_000;
    let tools = large(bytes, false).tools().await.unwrap();
    assert_eq!(run(&tools, "get", "{}").await.text.len(), bytes);

    let tools = large(bytes, false).tools().await.unwrap();
    let call = voicekit::tools::ToolCall::new("c1", "get", "{}");
    let llm = FakeLlm::new(["Let me see. ", "Much."]).with_tool_call(0, call);
    let (line, _phone) = scripted_line(once());
    let report = agent(tools, &llm).call(Box::new(line)).await;
    let told = report.messages.iter().map(Message::text).find(|text| text.starts_with("xxx"));
    let told = told.unwrap();
    assert!(
        told.len() < 8_100 && told.ends_with("(cut: 8000 of 20000000 characters)"),
        "{}",
        told.len()
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_too_large_is_an_error_and_the_connection_goes_on() {
    for id_last in [false, true] {
        let tools = large(34 << 20, id_last).tools().await.unwrap();
        let told = run(&tools, "get", "{}").await;
        assert!(told.failed && told.text.contains("larger than 32 MiB"), "{}", &told.text[..80]);
        assert_eq!(run(&tools, "get", "{}").await, ToolOutcome::ok("small"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_a_server_no_longer_has_fails_in_its_words() {
    let gone = json!({"content": [{"type": "text", "text": "Unknown tool"}], "isError": true});
    let tools = giving(gone).tools().await.unwrap();
    assert_eq!(run(&tools, "get", "{}").await, ToolOutcome::failed("Unknown tool"));
}
