//! MCP servers over the older transport, HTTP with SSE of version 2024-11-05.

use std::sync::Arc;

use serde_json::{Value, json};
use voicekit::tools::ToolOutcome;
use voicekit::tools::mcp::{McpServer, Remote};
use voicekit_testkit::server::http::{Answer, HttpServer};

use crate::mcp::run;
use crate::mcp_http::{TOKEN, asked, listed, serving, tools};
use crate::parts::ms;

/// Answers of the older transport: the client numbers its requests from 0.
fn older(endpoint: &'static str) -> (Remote, Arc<HttpServer>) {
    serving(move |asked| match &*asked.method {
        "GET" => {
            let message = |id: u32, result: Value| {
                format!(
                    "event: message\ndata: {}\n\n",
                    json!({"jsonrpc": "2.0", "id": id, "result": result})
                )
            };
            let welcome = json!({"protocolVersion": "2024-11-05", "capabilities": {}, "serverInfo": {"name": "x", "version": "1"}});
            Answer::events(format!("event: endpoint\ndata: {endpoint}\n\n"))
                .then_wait(ms(100))
                .then(message(0, welcome))
                .then_wait(ms(100))
                .then(message(1, json!({"tools": listed()})))
                .then_wait(ms(5_000))
                .then(message(2, json!({"content": [{"type": "text", "text": "Ann"}]})))
                .then_stall()
        }
        "POST" if asked.target.contains("message") => Answer::new(202),
        _ => Answer::new(405),
    })
}

#[tokio::test(start_paused = true)]
async fn the_older_transport_is_spoken_where_the_newer_is_rejected() {
    for endpoint in [
        "/messages?session=1",
        "messages?session=1",
        "http://customers.test/messages?session=1",
        "http://Customers.test:80/messages?session=1",
    ] {
        let (remote, server) = older(endpoint);
        let tools = tools(remote).await;
        assert_eq!(tools.len(), 2, "{endpoint}");
        let told = run(&tools, "find", r#"{"name": "A"}"#).await;
        assert_eq!(told, ToolOutcome::ok("Ann"));
        let calls = asked(&server, "tools/call");
        assert_eq!(calls[0].target, "/messages?session=1");
        assert_eq!(calls[0].header("authorization"), format!("Bearer {TOKEN}"));
    }
    for endpoint in [
        "https://elsewhere.test/messages",
        "//elsewhere.test/messages",
        "http://customers.test:99/messages",
    ] {
        let (remote, server) = older(endpoint);
        let error = McpServer::http(remote).unwrap().tools().await.unwrap_err();
        assert!(error.message().contains("sends requests to another server"), "{error}");
        assert!(
            server
                .asked()
                .iter()
                .all(|asked| asked.method == "GET" || !asked.target.contains("message"))
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_named_where_the_older_transport_stays_silent() {
    let silent: [fn() -> Answer; 2] = [|| Answer::events(": wait\n\n").then_stall(), Answer::never];
    for get in silent {
        let (remote, _server) = serving(move |asked| match &*asked.method {
            "GET" => get(),
            _ => Answer::json(400, r#"{"error": {"message": "no such tenant"}}"#),
        });
        let error = McpServer::http(remote).unwrap().tools().await.unwrap_err();
        assert!(error.message().contains("HTTP 400"), "{error}");
        assert_eq!(error.detail(), Some("no such tenant"));
    }
}
