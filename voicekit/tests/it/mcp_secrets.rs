//! What MCP servers get to know, and what of it they may repeat.

use serde_json::json;
use voicekit::tools::Tool;
use voicekit::tools::mcp::McpServer;
use voicekit_testkit::logs::Logs;

use crate::mcp::run;
use crate::mcp_script::{answer, plain, scripted, text, usual, welcome};

#[tokio::test(start_paused = true)]
async fn secrets_that_a_server_repeats_are_hidden() {
    let logs = Logs::catch_up_to(tracing::Level::INFO);
    let server = scripted("s", |message| {
        let tools = json!([{"name": "get", "description": "uses sk-0123456789", "inputSchema": {"type": "object", "properties": {"key": {"type": "string", "default": "sk-0123456789"}}}}]);
        usual(message, &tools, &text("key sk-0123456789, zone UTC"))
    });
    let server = server.with_env("API_KEY", "sk-0123456789").with_env("TZ", "UTC");
    let tools = server.tools().await.unwrap();
    let told = run(&tools, "get", "{}").await;
    assert_eq!(told.text, "key [redacted], zone UTC");
    let all = format!("{:?} {:?} {server:?} {}", tools[0].spec(), told, logs.text());
    assert!(!all.contains("sk-0123456789"), "{all}");
}

/// The client numbers its requests from 0; the shell answers them blindly.
#[cfg(unix)]
#[tokio::test]
async fn a_program_gets_a_short_list_of_variables_its_own_and_its_directory() {
    let initialized = answer(&json!({"id": 0}), &welcome("2025-06-18"));
    let list = answer(&json!({"id": 1}), &json!({"tools": [plain("get")]}));
    let script = format!(
        "read l; echo '{initialized}'; read l; read l; echo '{list}'; read l; \
         e=$(env | cut -d= -f1 | sort | tr '\\n' ' '); \
         echo '{{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{{\"content\":[{{\"type\":\"text\",\"text\":\"'\"$PWD $MINE $e\"'\"}}]}}}}'; read l"
    );
    let server = McpServer::program("sh", ["-c", &script]).with_env("MINE", "x y").with_cwd("/");
    let told = run(&server.tools().await.unwrap(), "get", "{}").await;
    let (start, variables) = told.text.split_at(6);
    assert_eq!(start, "/ x y ");
    let passed = [
        "HOME", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "LOGNAME", "MINE", "OLDPWD", "PATH",
        "PWD", "SHELL", "SHLVL", "TERM", "TMPDIR", "TZ", "USER", "_",
    ];
    let others: Vec<&str> =
        variables.split_whitespace().filter(|name| !passed.contains(name)).collect();
    assert!(others.is_empty(), "the environment of this process is passed on: {others:?}");
    assert!(variables.contains("PATH") && std::env::vars().count() > 3);
}
