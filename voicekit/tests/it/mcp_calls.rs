//! Calls of tools of MCP servers: servers that die, other versions, and what comes in between.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, duplex};
use voicekit::tools::mcp::McpServer;
use voicekit::tools::{Tool, ToolOutcome};
use voicekit_testkit::logs::Logs;

use crate::mcp::run;
use crate::mcp_script::{answer, method, plain, scripted, text, usual, welcome};
use crate::parts::ms;

#[tokio::test(start_paused = true)]
async fn a_server_that_dies_fails_clearly_and_is_used_again_when_it_is_back() {
    let is_down = Arc::new(AtomicUsize::new(0));
    let down = Arc::clone(&is_down);
    let server = McpServer::dialled("calendar", move || {
        let is_down = down.load(Ordering::SeqCst) == 1;
        let (ours, theirs) = duplex(64 << 10);
        let down = Arc::clone(&down);
        tokio::spawn(async move {
            let (read, mut write) = tokio::io::split(theirs);
            let mut lines = BufReader::new(read).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                if down.load(Ordering::SeqCst) == 1 {
                    return;
                }
                let message: Value = serde_json::from_str(&line).unwrap();
                for line in usual(&message, &json!([plain("get")]), &text("here")) {
                    write.write_all(format!("{line}\n").as_bytes()).await.unwrap();
                }
            }
        });
        async move { if is_down { Err(io::Error::other("refused")) } else { Ok(ours) } }
    });
    let tools = server.tools().await.unwrap();
    assert_eq!(run(&tools, "get", "{}").await, ToolOutcome::ok("here"));
    is_down.store(1, Ordering::SeqCst);
    for _ in 0..3 {
        let told = run(&tools, "get", "{}").await;
        assert!(told.failed && told.text.contains("calendar"), "{told:?}");
    }
    is_down.store(0, Ordering::SeqCst);
    assert_eq!(run(&tools, "get", "{}").await, ToolOutcome::ok("here"));
}

#[tokio::test(start_paused = true)]
async fn older_and_newer_versions_of_the_protocol_are_spoken() {
    for version in
        ["2024-10-07", "2024-11-05", "2025-03-26", "2025-11-25", "2026-07-28", "2099-01-01", "1.0"]
    {
        let server = scripted("s", move |message| match method(message) {
            "initialize" => vec![answer(message, &welcome(version))],
            _ => usual(message, &json!([plain("get")]), &text("here")),
        });
        let tools = server.tools().await.unwrap();
        assert_eq!(run(&tools, "get", "{}").await, ToolOutcome::ok("here"), "{version}");
    }
    let bare = scripted("s", |message| match method(message) {
        "initialize" => vec![answer(
            message,
            &json!({"protocolVersion": 1, "capabilities": null, "serverInfo": "x"}),
        )],
        _ => usual(message, &json!([plain("get")]), &text("here")),
    });
    assert_eq!(bare.tools().await.unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_a_server_says_and_asks_during_a_call_does_not_break_it() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&seen);
    let logs = Logs::catch_up_to(tracing::Level::INFO);
    let server = scripted("s", move |message| {
        kept.lock().unwrap().push(message.clone());
        let note = |method: &str, params: Value| {
            json!({"jsonrpc": "2.0", "method": method, "params": params}).to_string()
        };
        let ask = |id: Value, method: &str| {
            json!({"jsonrpc": "2.0", "id": id, "method": method, "params": {}}).to_string()
        };
        if method(message) != "tools/call" {
            return usual(message, &json!([plain("get")]), &json!({}));
        }
        vec![
            String::new(),
            "Listening on port 3000".to_owned(),
            note("notifications/tools/list_changed", json!({})),
            note(
                "notifications/message",
                json!({"level": "info", "data": "Ann called from 5550123"}),
            ),
            note("notifications/progress", json!({"progressToken": 0, "progress": "half"})),
            note("notifications/new", json!([1])),
            ask(json!("p-1"), "ping"),
            ask(json!(77), "roots/list"),
            ask(json!("s-1"), "sampling/createMessage"),
            ask(json!("e-1"), "elicitation/create"),
            ask(json!("n-1"), "new/method"),
            answer(&json!({"id": 4_711}), &text("not asked for")),
            answer(&json!({"id": message["id"].to_string()}), &text("here")),
        ]
    });
    let tools = server.tools().await.unwrap();
    assert_eq!(run(&tools, "get", "{}").await, ToolOutcome::ok("here"));
    tokio::time::sleep(ms(100)).await;
    let seen = seen.lock().unwrap();
    for id in [json!("p-1"), json!(77), json!("s-1"), json!("e-1"), json!("n-1")] {
        let answers =
            seen.iter().filter(|message| message["id"] == id && message["method"].is_null());
        assert_eq!(answers.count(), 1, "{id}: {seen:?}");
    }
    assert!(!logs.text().contains("5550123"), "{}", logs.text());
}

#[tokio::test(start_paused = true)]
async fn arguments_are_checked_against_the_schema_of_the_server_and_sent_with_its_names() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&seen);
    let schema = json!({
        "type": "object",
        "properties": {
            "größe": {"type": "integer"},
            "note": {"type": "string"},
            "who": {"type": "object", "properties": {"first name": {"type": "string"}}},
        },
        "required": ["größe"],
    });
    let tools = json!([{"name": "buy.now", "inputSchema": schema}]);
    let server = scripted("s", move |message| {
        if method(message) == "tools/call" {
            kept.lock().unwrap().push(message["params"].clone());
        }
        usual(message, &tools, &text("done"))
    });
    let tools = server.tools().await.unwrap();
    let spec = tools[0].spec();
    let names: Vec<&String> = spec.parameters["properties"].as_object().unwrap().keys().collect();
    assert!(names.iter().all(|name| name.is_ascii()), "{names:?}");
    let size = names.iter().find(|name| name.starts_with("gr")).unwrap();
    let arguments = json!({*size: "4", "note": null, "who": {"first_name": "Ann"}});
    assert_eq!(run(&tools, "buy_now", &arguments.to_string()).await, ToolOutcome::ok("done"));
    assert_eq!(seen.lock().unwrap()[0]["name"], "buy.now");
    assert_eq!(
        seen.lock().unwrap()[0]["arguments"],
        json!({"größe": 4, "who": {"first name": "Ann"}})
    );
    let told = run(&tools, "buy_now", "{}").await;
    assert!(told.failed && told.text.contains("`größe` is missing"), "{told:?}");
    assert_eq!(seen.lock().unwrap().len(), 1, "what does not fit is not sent");
}

#[tokio::test(start_paused = true)]
async fn what_a_server_asks_before_it_is_ready_is_not_logged() {
    let logs = Logs::catch_up_to(tracing::Level::INFO);
    let server = scripted("s", |message| {
        if method(message).is_empty() {
            return Vec::new();
        }
        let mut lines = usual(message, &json!([plain("get")]), &text("here"));
        let ask = |method: &str| {
            let params = json!({"message": "Ann, 5550123", "messages": [], "maxTokens": 1});
            json!({"jsonrpc": "2.0", "id": "q", "method": method, "params": params}).to_string()
        };
        lines.insert(0, ask("elicitation/create"));
        lines.insert(0, ask("sampling/createMessage"));
        lines.insert(0, ask("Ann, 5550123"));
        lines
    });
    let tools = server.tools().await.unwrap();
    assert_eq!(run(&tools, "get", "{}").await, ToolOutcome::ok("here"));
    assert!(!logs.text().contains("5550123"), "{}", logs.text());
}

#[tokio::test(start_paused = true)]
async fn an_answer_whose_line_does_not_end_is_read() {
    let server = McpServer::dialled("s", || {
        let (ours, theirs) = duplex(64 << 10);
        tokio::spawn(async move {
            let (read, mut write) = tokio::io::split(theirs);
            let mut lines = BufReader::new(read).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                let message: Value = serde_json::from_str(&line).unwrap();
                let is_last = method(&message) == "tools/call";
                for line in usual(&message, &json!([plain("get")]), &text("here")) {
                    let end = if is_last { "" } else { "\n" };
                    write.write_all(format!("{line}{end}").as_bytes()).await.unwrap();
                }
                if is_last {
                    return;
                }
            }
        });
        async move { io::Result::Ok(ours) }
    });
    let tools = server.tools().await.unwrap();
    assert_eq!(run(&tools, "get", "{}").await, ToolOutcome::ok("here"));
}
