//! Tools of MCP servers, against one written here from the specification (2025-06-18).

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, duplex};
use tokio::time::sleep;
use voicekit::tools::mcp::McpServer;
use voicekit::tools::{Effect, FnTool, OnBargeIn, Tool, ToolCall, ToolContext, ToolOutcome};
use voicekit_core::error::ErrorKind;
use voicekit_core::llm::Message;
use voicekit_core::transport::CallInfo;
use voicekit_testkit::fake::{FakeLlm, scripted_line};

use crate::parts::ms;
use crate::typed_tools::{agent, once};

/// What the server saw and how often it was connected to.
#[derive(Clone, Debug, Default)]
struct Seen {
    messages: Arc<Mutex<Vec<Value>>>,
    connections: Arc<AtomicUsize>,
}

impl Seen {
    fn calls(&self) -> Vec<Value> {
        let messages = self.messages.lock().unwrap();
        let calls = messages.iter().filter(|message| message["method"] == "tools/call");
        calls.map(|call| call["params"].clone()).collect()
    }

    fn saw(&self, method: &str) -> bool {
        self.messages.lock().unwrap().iter().any(|message| message["method"] == method)
    }
}

fn calendar() -> (McpServer, Seen) {
    let seen = Seen::default();
    let server = McpServer::dialled("calendar", {
        let seen = seen.clone();
        move || {
            seen.connections.fetch_add(1, Ordering::SeqCst);
            let (ours, theirs) = duplex(64 << 10);
            tokio::spawn(serve(theirs, seen.clone()));
            async move { io::Result::Ok(ours) }
        }
    });
    (server, seen)
}

async fn serve(stream: DuplexStream, seen: Seen) {
    let (read, mut write) = tokio::io::split(stream);
    let mut lines = BufReader::new(read).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let message: Value = serde_json::from_str(&line).unwrap();
        seen.messages.lock().unwrap().push(message.clone());
        let answer = match message["method"].as_str().unwrap_or_default() {
            "initialize" => json!({"result": {
                "protocolVersion": "2025-06-18",
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "calendar", "version": "1"},
            }}),
            "tools/list" => json!({"result": {"tools": listed()}}),
            "tools/call" => match message["params"]["name"].as_str().unwrap() {
                "free.slots" => {
                    json!({"result": {"content": [{"type": "text", "text": "nine and ten"}]}})
                }
                "book" => json!({"result": {"content": [
                    {"type": "text", "text": "That day is full."},
                ], "isError": true}}),
                "forget" => json!({"error": {"code": -32602, "message": "unknown calendar"}}),
                "flaky" if seen.connections.load(Ordering::SeqCst) == 2 => {
                    json!({"result": {"content": [{"type": "text", "text": "at last"}]}})
                }
                "flaky" | "leave" => return,
                _ => continue,
            },
            _ => continue,
        };
        let mut answer = answer;
        answer["jsonrpc"] = json!("2.0");
        answer["id"] = message["id"].clone();
        write.write_all(format!("{answer}\n").as_bytes()).await.unwrap();
    }
}

fn listed() -> Value {
    let day = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {"day": {"type": "string"}},
    });
    let hints =
        |read: bool, destroys: bool| json!({"readOnlyHint": read, "destructiveHint": destroys});
    json!([
        {"name": "free.slots", "description": "What is free.", "inputSchema": day, "annotations": hints(true, false)},
        {"name": "book", "inputSchema": day},
        {"name": "forget", "inputSchema": day, "annotations": hints(false, true)},
        {"name": "flaky", "inputSchema": day, "annotations": hints(true, false)},
        {"name": "leave", "inputSchema": day},
        {"name": "hang", "inputSchema": day},
    ])
}

async fn tools() -> (Vec<FnTool>, Seen) {
    let (server, seen) = calendar();
    (server.tools().await.unwrap(), seen)
}

pub(crate) async fn run(tools: &[FnTool], name: &str, arguments: &str) -> ToolOutcome {
    let tool = tools.iter().find(|tool| tool.spec().name == name).unwrap();
    let context = ToolContext::detached(CallInfo::new("CA1"));
    tool.run(&ToolCall::new("c1", name, arguments), &context).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_tools_of_a_server_are_listed_with_what_it_says_of_them() {
    let (tools, _) = tools().await;
    let free = tools[0].spec();
    assert_eq!((&*free.name, &*free.description), ("free_slots", "What is free."));
    assert_eq!(
        free.parameters,
        json!({"type": "object", "properties": {"day": {"type": "string"}}})
    );
    assert_eq!((free.effect, free.on_barge_in), (Effect::Read, OnBargeIn::Cancel));
    let book = tools[1].spec();
    assert_eq!((book.effect, book.on_barge_in), (Effect::Write, OnBargeIn::Finish));
    assert_eq!(tools[2].spec().effect, Effect::Irreversible);
    let (server, _) = calendar();
    let named = server.with_prefix("cal_").tools().await.unwrap();
    assert_eq!(named[0].spec().name, "cal_free_slots");
}

#[tokio::test(start_paused = true)]
async fn a_tool_of_a_server_runs_in_a_call() {
    let (tools, seen) = tools().await;
    let call = ToolCall::new("c1", "free_slots", r#"{"day": "friday"}"#);
    let llm = FakeLlm::new(["Let me see. ", "At nine or ten."]).with_tool_call(0, call);
    let (line, _phone) = scripted_line(once());
    let report = agent(tools, &llm).call(Box::new(line)).await;
    let texts: Vec<_> = report.messages.iter().map(Message::text).collect();
    assert!(texts.contains(&"nine and ten") && texts.contains(&"At nine or ten."), "{texts:?}");
    let calls = seen.calls();
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0]["name"], "free.slots");
    assert_eq!(calls[0]["arguments"], json!({"day": "friday"}));
    assert_eq!(seen.connections.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn what_a_server_refuses_is_told_in_its_words() {
    let (tools, seen) = tools().await;
    assert_eq!(run(&tools, "book", "{}").await, ToolOutcome::failed("That day is full."));
    assert_eq!(run(&tools, "forget", "").await, ToolOutcome::failed("unknown calendar"));
    let told = run(&tools, "book", "[1]").await;
    assert!(told.failed && told.text.contains("one JSON object"), "{told:?}");
    assert_eq!(seen.calls().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_goes_away_is_connected_again_and_only_what_reads_is_repeated() {
    let (tools, seen) = tools().await;
    let told = run(&tools, "leave", "{}").await;
    assert!(told.failed && told.text.contains("may or may not have happened"), "{told:?}");
    assert_eq!(seen.calls().len(), 1);
    assert_eq!(run(&tools, "free_slots", "{}").await, ToolOutcome::ok("nine and ten"));
    assert_eq!(seen.connections.load(Ordering::SeqCst), 2);

    let (tools, seen) = self::tools().await;
    assert_eq!(run(&tools, "flaky", "{}").await, ToolOutcome::ok("at last"));
    assert_eq!(seen.connections.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_is_cancelled_at_the_server() {
    let (tools, seen) = tools().await;
    let limited = tokio::time::timeout(ms(1_000), run(&tools, "hang", "{}")).await;
    assert!(limited.is_err());
    sleep(ms(100)).await;
    assert!(seen.saw("notifications/cancelled"));
    // The connection is still good.
    assert_eq!(run(&tools, "free_slots", "{}").await, ToolOutcome::ok("nine and ten"));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_cannot_be_reached_or_says_nothing_is_an_error() {
    let refused = || async { Err::<DuplexStream, _>(io::Error::other("no route")) };
    let error = McpServer::dialled("calendar", refused).tools().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection);
    assert!(error.message().contains("calendar cannot be reached: no route"), "{error}");

    let kept = Arc::new(Mutex::new(Vec::new()));
    let silent = McpServer::dialled("calendar", move || {
        let (ours, theirs) = duplex(64);
        kept.lock().unwrap().push(theirs);
        async { io::Result::Ok(ours) }
    });
    let error = silent.with_start_timeout(ms(3_000)).tools().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.message().contains("did not answer within 3s"), "{error}");

    let missing = McpServer::program("/nowhere/calendar-server", ["--key=secret"]);
    assert!(!format!("{missing:?}").contains("secret"));
    let error = missing.tools().await.unwrap_err();
    assert!(error.message().contains("/nowhere/calendar-server cannot be started"), "{error}");
}

/// The client numbers its requests from 0; the shell answers them blindly.
#[cfg(unix)]
#[tokio::test]
async fn a_program_is_spoken_to_over_its_standard_input_and_output() {
    let initialized = r#"{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"x","version":"1"}}}"#;
    let tools = r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"ping","inputSchema":{"type":"object"}}]}}"#;
    let pong = r#"{"jsonrpc":"2.0","id":2,"result":{"content":[{"type":"text","text":"pong"}]}}"#;
    let script = format!(
        "read l; echo '{initialized}'; read l; read l; echo '{tools}'; read l; echo '{pong}'; read l"
    );
    let server = McpServer::program("sh", ["-c", &script]);
    let tools = server.tools().await.unwrap();
    assert_eq!(run(&tools, "ping", "{}").await, ToolOutcome::ok("pong"));
}
