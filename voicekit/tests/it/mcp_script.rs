//! MCP servers as scripts: each message is answered by lines.

use std::io;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, duplex};
use voicekit::tools::mcp::McpServer;
use voicekit::tools::{FnTool, Tool, ToolOutcome};

use crate::mcp::run;

/// Gives the lines that answer a message.
pub(crate) type Script = dyn Fn(&Value) -> Vec<String> + Send + Sync;

/// A server that answers by `script`.
pub(crate) fn scripted(
    name: &str,
    script: impl Fn(&Value) -> Vec<String> + Send + Sync + 'static,
) -> McpServer {
    let script: Arc<Script> = Arc::new(script);
    McpServer::dialled(name, move || {
        let (ours, theirs) = duplex(256 << 10);
        tokio::spawn(serve(theirs, Arc::clone(&script)));
        async move { io::Result::Ok(ours) }
    })
}

async fn serve(stream: DuplexStream, script: Arc<Script>) {
    let (read, mut write) = tokio::io::split(stream);
    let mut lines = BufReader::new(read).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let message: Value = serde_json::from_str(&line).unwrap();
        for line in script(&message) {
            if write.write_all(format!("{line}\n").as_bytes()).await.is_err() {
                return;
            }
        }
    }
}

pub(crate) fn answer(message: &Value, result: &Value) -> String {
    json!({"jsonrpc": "2.0", "id": message["id"], "result": result}).to_string()
}

pub(crate) fn method(message: &Value) -> &str {
    message["method"].as_str().unwrap_or_default()
}

/// The usual answers, with these tools and this result of every call.
pub(crate) fn usual(message: &Value, tools: &Value, result: &Value) -> Vec<String> {
    match method(message) {
        "initialize" => vec![answer(message, &welcome("2025-06-18"))],
        "tools/list" => vec![answer(message, &json!({"tools": tools}))],
        "tools/call" => vec![answer(message, result)],
        _ => Vec::new(),
    }
}

pub(crate) fn welcome(version: &str) -> Value {
    json!({
        "protocolVersion": version,
        "capabilities": {"tools": {}},
        "serverInfo": {"name": "x", "version": "1"},
    })
}

/// A server that lists `tools`, each of which says that it is done.
pub(crate) fn listing(name: &str, tools: Value) -> McpServer {
    let done = json!({"content": [{"type": "text", "text": "done"}]});
    scripted(name, move |message| usual(message, &tools, &done))
}

/// A server with the tool `get`, whose calls have this result.
pub(crate) fn giving(result: Value) -> McpServer {
    scripted("s", move |message| usual(message, &json!([plain("get")]), &result))
}

pub(crate) fn plain(name: &str) -> Value {
    json!({"name": name, "inputSchema": {"type": "object"}})
}

pub(crate) fn names(tools: &[FnTool]) -> Vec<String> {
    tools.iter().map(|tool| tool.spec().name).collect()
}

pub(crate) fn text(text: &str) -> Value {
    json!({"content": [{"type": "text", "text": text}]})
}

/// What the tool `get` of a server says whose calls have this result.
pub(crate) async fn said(result: Value) -> ToolOutcome {
    run(&giving(result).tools().await.unwrap(), "get", "{}").await
}
