//! Tools of MCP servers over HTTP, against one written here from the specification (2025-06-18).

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use voicekit::tools::mcp::{McpServer, Remote};
use voicekit::tools::{FnTool, ToolCall, ToolOutcome};
use voicekit_core::error::ErrorKind;
use voicekit_core::llm::Message;
use voicekit_net::Connector;
use voicekit_testkit::fake::{FakeLlm, scripted_line};
use voicekit_testkit::logs::Logs;
use voicekit_testkit::server::http::{Answer, Asked, HttpServer};

use crate::mcp::run;
use crate::parts::ms;
use crate::typed_tools::{agent, once};

pub(crate) const TOKEN: &str = "token-0123456789";

type Shape = fn(&Value) -> Answer;
type Reply = fn(&Asked) -> Answer;

fn as_json(message: &Value) -> Answer {
    Answer::json(200, message.to_string())
}

/// Numbered, after a comment, torn apart.
fn as_events(message: &Value) -> Answer {
    Answer::events(format!(": wait\n\nid: 7\nevent: message\ndata: {message}\n\n")).in_pieces_of(11)
}

/// A server in memory that answers in this shape; `call` says what its tools do.
fn customers(
    shape: Shape,
    mut call: impl FnMut(&Asked) -> Answer + Send + 'static,
) -> (Remote, Arc<HttpServer>) {
    let mut sessions = 0;
    serving(move |asked| {
        let message = asked.json();
        let id = message["id"].clone();
        match (&*asked.method, message["method"].as_str().unwrap_or_default()) {
            ("POST", "initialize") => {
                sessions += 1;
                shape(&json!({"jsonrpc": "2.0", "id": id, "result": {
                    "protocolVersion": "2025-06-18",
                    "capabilities": {"tools": {}},
                    "serverInfo": {"name": "customers", "version": "1"},
                }}))
                .with_header("mcp-session-id", &format!("session-{sessions}"))
            }
            ("POST", "tools/list") => {
                shape(&json!({"jsonrpc": "2.0", "id": id, "result": {"tools": listed()}}))
            }
            ("POST", "tools/call") | ("GET", _) => call(asked),
            ("POST", _) => Answer::new(202),
            _ => Answer::new(204),
        }
    })
}

pub(crate) fn serving(
    answer: impl FnMut(&Asked) -> Answer + Send + 'static,
) -> (Remote, Arc<HttpServer>) {
    let server = Arc::new(HttpServer::in_memory_answering(answer));
    let connector = Connector::new().unwrap().with_pipe({
        let server = Arc::clone(&server);
        move || server.connect()
    });
    let remote = Remote::new("http://customers.test/mcp?key=hidden").with_connector(connector);
    (remote.with_token(TOKEN), server)
}

pub(crate) fn listed() -> Value {
    let schema = json!({"type": "object", "properties": {"name": {"type": "string"}}});
    json!([
        {"name": "find", "inputSchema": schema, "annotations": {"readOnlyHint": true}},
        {"name": "change", "inputSchema": schema},
    ])
}

/// What the tool says, in answer to `asked`.
fn says(asked: &Asked, text: &str, is_error: bool) -> Value {
    let result = json!({"content": [{"type": "text", "text": text}], "isError": is_error});
    json!({"jsonrpc": "2.0", "id": asked.json()["id"], "result": result})
}

pub(crate) async fn tools(remote: Remote) -> Vec<FnTool> {
    McpServer::http(remote).unwrap().tools().await.unwrap()
}

pub(crate) fn asked(server: &HttpServer, method: &str) -> Vec<Asked> {
    let all = server.asked().into_iter();
    all.filter(|asked| asked.json()["method"] == method || asked.method == method).collect()
}

fn texts(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(Message::text).collect()
}

#[tokio::test(start_paused = true)]
async fn a_server_that_answers_with_json_or_with_events_is_listed_and_called() {
    for shape in [as_json, as_events] {
        let (remote, server) = customers(shape, move |asked| shape(&says(asked, "Ann", false)));
        let tools = tools(remote).await;
        assert_eq!(tools.len(), 2);
        for _ in 0..2 {
            assert_eq!(run(&tools, "find", r#"{"name": "A"}"#).await, ToolOutcome::ok("Ann"));
            sleep(ms(1_000)).await;
        }
        let calls = asked(&server, "tools/call");
        assert_eq!(calls.len(), 2);
        assert_eq!(calls[0].json()["params"]["arguments"], json!({"name": "A"}));
        assert_eq!(calls[0].header("mcp-session-id"), "session-1");
        assert_eq!(calls[0].header("mcp-protocol-version"), "2025-06-18");
        assert_eq!(calls[0].header("authorization"), format!("Bearer {TOKEN}"));
        assert_eq!(calls[0].header("accept"), "application/json, text/event-stream");
        assert!(asked(&server, "GET").is_empty(), "nothing is listened to, nothing resumed");
        assert_eq!((server.connections(), server.open_connections()), (1, 1));
        drop(tools);
        sleep(ms(1_000)).await;
        assert_eq!(asked(&server, "DELETE")[0].header("mcp-session-id"), "session-1");
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_server_refuses_or_breaks_off_is_told_to_the_model_and_the_call_goes_on() {
    let outcomes: [(Reply, &str); 6] = [
        (|asked| as_json(&says(asked, "No such customer.", true)), "No such customer."),
        (|_| Answer::hang_up(), "customers.test went away. It may or may not have happened."),
        (
            |_| Answer::json(200, r#"{"jsonrpc":"#).then_cut(),
            "customers.test went away. It may or may not have happened.",
        ),
        (
            |_| Answer::events("data: {\"json").then_cut(),
            "customers.test went away. It may or may not have happened.",
        ),
        (
            |_| Answer::json(400, r#"{"error": {"message": "name is missing"}}"#),
            "customers.test: HTTP 400 Bad Request: name is missing",
        ),
        (
            |_| Answer::new(200).with_header("content-type", "text/html"),
            "customers.test: the answer is neither JSON nor events",
        ),
    ];
    for (answer, told) in outcomes {
        let (remote, server) = customers(as_json, answer);
        let tools = tools(remote).await;
        let call = ToolCall::new("c1", "change", r#"{"name": "A"}"#);
        let llm = FakeLlm::new(["Let me see. ", "Sorry for that."]).with_tool_call(0, call);
        let (line, _phone) = scripted_line(once());
        let report = agent(tools, &llm).call(Box::new(line)).await;
        let texts = texts(&report.messages);
        assert!(texts.iter().any(|text| text.contains(told)), "{told}: {texts:?}");
        assert!(texts.contains(&"Sorry for that."), "{texts:?}");
        assert_eq!(asked(&server, "tools/call").len(), 1, "what changes is not repeated");
    }
}

#[tokio::test(start_paused = true)]
async fn only_what_reads_is_repeated_after_the_server_hung_up() {
    let mut hung_up = false;
    let (remote, server) = customers(as_json, move |asked| {
        if std::mem::replace(&mut hung_up, true) {
            return as_json(&says(asked, "Ann", false));
        }
        Answer::hang_up()
    });
    let tools = tools(remote).await;
    assert_eq!(run(&tools, "find", "{}").await, ToolOutcome::ok("Ann"));
    assert_eq!(asked(&server, "tools/call").len(), 2);
    assert_eq!(run(&tools, "change", "{}").await, ToolOutcome::ok("Ann"));
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_numbered_events_that_breaks_off_is_resumed() {
    let call = Arc::new(Mutex::new(None));
    let (remote, server) = customers(as_json, move |asked| {
        let mut call = call.lock().unwrap();
        match &*call {
            None => {
                *call = Some(asked.clone());
                Answer::events("id: 41\ndata:\n\n").then_cut()
            }
            Some(call) => as_events(&says(call, "Ann", false)),
        }
    });
    let tools = tools(remote).await;
    assert_eq!(run(&tools, "change", "{}").await, ToolOutcome::ok("Ann"));
    let resumed = asked(&server, "GET");
    assert_eq!(resumed.len(), 1);
    assert_eq!(resumed[0].header("last-event-id"), "41");
    assert_eq!(resumed[0].header("mcp-session-id"), "session-1");
}

#[tokio::test(start_paused = true)]
async fn a_session_that_the_server_has_forgotten_is_begun_again_once() {
    let (remote, server) = customers(as_json, |asked| match asked.header("mcp-session-id") {
        "session-1" => Answer::new(404),
        _ => as_json(&says(asked, "done", false)),
    });
    let tools = tools(remote).await;
    assert_eq!(run(&tools, "change", "{}").await, ToolOutcome::ok("done"));
    assert_eq!(asked(&server, "initialize").len(), 2);
    let sessions: Vec<_> = asked(&server, "tools/call");
    let sessions: Vec<_> = sessions.iter().map(|call| call.header("mcp-session-id")).collect();
    assert_eq!(sessions, ["session-1", "session-2"]);

    let (remote, server) = customers(as_json, |_| Answer::new(404));
    let tools = self::tools(remote).await;
    let told = run(&tools, "change", "{}").await;
    assert!(told.failed && told.text.contains("customers.test"), "{told:?}");
    assert_eq!((asked(&server, "initialize").len(), asked(&server, "tools/call").len()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_refused_is_an_error_that_does_not_show_it() {
    let logs = Logs::catch();
    let body = json!({"error": {"message": format!("{TOKEN} has expired")}}).to_string();
    let (remote, _server) = serving({
        let body = body.clone();
        move |_| Answer::json(401, body.clone())
    });
    let shown = format!("{remote:?}");
    let server = McpServer::http(remote).unwrap();
    let error = server.tools().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert!(error.message().contains("customers.test did not start: HTTP 401"), "{error}");
    assert!(error.detail().is_some_and(|detail| detail.contains("has expired")), "{error:?}");
    let (remote, _server) = customers(as_json, move |_| Answer::json(401, body.clone()));
    let told = run(&tools(remote).await, "change", "{}").await;
    assert!(told.text.contains("HTTP 401") && told.text.contains("has expired"), "{told:?}");
    let all = format!("{shown} {server:?} {error:?} {error} {told:?} {}", logs.text());
    assert!(!all.contains(TOKEN) && !all.contains("hidden"), "{all}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_hangs_is_given_up() {
    let (remote, _server) = serving(|_| Answer::never());
    let server = McpServer::http(remote).unwrap().with_start_timeout(ms(3_000));
    let error = server.tools().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);

    let hangs: [Reply; 2] = [|_| Answer::never(), |_| Answer::events(": wait\n\n").then_stall()];
    for hang in hangs {
        let (remote, _server) = customers(as_json, hang);
        let tools = tools(remote.with_idle(ms(5_000))).await;
        let started = Instant::now();
        let told = run(&tools, "change", "{}").await;
        assert!(told.failed && told.text.contains("may or may not have happened"), "{told:?}");
        assert_eq!(started.elapsed().as_secs(), 5);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_takes_too_long_is_cancelled_at_the_server() {
    let (remote, server) = customers(as_json, |_| Answer::never());
    let tools = tools(remote).await;
    assert!(tokio::time::timeout(ms(1_000), run(&tools, "change", "{}")).await.is_err());
    sleep(ms(100)).await;
    assert_eq!(asked(&server, "notifications/cancelled").len(), 1);
    assert_eq!(server.open_answers(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_server_is_a_clear_error() {
    for url in ["customers.test/mcp", "ftp://customers.test", "http://me:pw@customers.test"] {
        assert_eq!(McpServer::http(url).unwrap_err().kind(), ErrorKind::Config, "{url}");
    }
    let torn = Remote::new("https://customers.test").with_token("two\nlines");
    assert_eq!(McpServer::http(torn).unwrap_err().kind(), ErrorKind::Config);
    let pages: [(Answer, ErrorKind, &str); 3] = [
        (Answer::new(404), ErrorKind::Rejected, "HTTP 404"),
        (Answer::new(200).then("hello"), ErrorKind::Protocol, "neither JSON nor events"),
        (Answer::json(200, "{}"), ErrorKind::Protocol, "not the JSON expected"),
    ];
    for (page, kind, text) in pages {
        let (remote, _server) = serving(move |_| page.clone());
        let error = McpServer::http(remote).unwrap().tools().await.unwrap_err();
        assert_eq!(error.kind(), kind);
        assert!(error.message().contains(text), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn large_answers_are_read_over_http_and_larger_ones_are_an_error() {
    let shapes: [Shape; 2] = [as_json, |message| Answer::events(format!("data: {message}\n\n"))];
    for shape in shapes {
        let sizes = [20_000_000, 34 << 20, 5];
        let mut calls = 0;
        let (remote, _server) = customers(as_json, move |asked| {
            calls += 1;
            shape(&says(asked, &"x".repeat(sizes[calls - 1]), false))
        });
        let tools = tools(remote).await;
        assert_eq!(run(&tools, "change", "{}").await.text.len(), 20_000_000);
        let told = run(&tools, "change", "{}").await;
        assert!(told.failed && told.text.contains("larger than"), "{}", told.text.len());
        assert_eq!(run(&tools, "change", "{}").await, ToolOutcome::ok("xxxxx"));
    }
}

#[tokio::test(start_paused = true)]
async fn what_rmcp_does_not_know_is_read_over_http_too() {
    let result = json!({"content": [{"a": 1, "type": "hologram"}, {"type": "text", "text": "Ann"}], "isError": "no"});
    let shapes: [Shape; 2] = [as_json, as_events];
    for shape in shapes {
        let result = result.clone();
        let (remote, _server) = customers(shape, move |asked| {
            shape(&json!({"jsonrpc": "2.0", "id": asked.json()["id"], "result": result}))
        });
        let told = run(&tools(remote).await, "change", "{}").await;
        assert_eq!(told, ToolOutcome::ok("{\"a\":1,\"type\":\"hologram\"}\nAnn"));
    }
}

#[tokio::test(start_paused = true)]
async fn notifications_and_requests_within_an_answer_do_not_break_it() {
    let logs = Logs::catch_up_to(tracing::Level::INFO);
    let (remote, server) = customers(as_json, |asked| {
        let note = json!({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "5550123"}});
        let ping = json!({"jsonrpc": "2.0", "id": "p-1", "method": "ping"});
        let answer = says(asked, "Ann", false);
        Answer::events(format!("data: {note}\n\ndata: {ping}\n\ndata: [{answer}]\n\n"))
    });
    let tools = tools(remote).await;
    assert_eq!(run(&tools, "change", "{}").await, ToolOutcome::ok("Ann"));
    sleep(ms(500)).await;
    let answered = server.asked().iter().any(|asked| asked.json()["id"] == "p-1");
    assert!(answered && !logs.text().contains("5550123"), "{}", logs.text());
}

#[tokio::test(start_paused = true)]
async fn a_redirect_is_not_followed_and_named() {
    for status in [301, 302, 307, 308] {
        let (remote, server) = serving(move |_| {
            Answer::new(status).with_header("location", "https://elsewhere.test/mcp")
        });
        let error = McpServer::http(remote).unwrap().tools().await.unwrap_err();
        assert!(error.message().contains(&format!("HTTP {status}")), "{error}");
        assert!(server.asked().iter().all(|asked| asked.header("host") == "customers.test"));
    }
}

/// At the start, at the list and at a call, as a refusal and as an error of the protocol.
#[tokio::test(start_paused = true)]
async fn what_a_server_says_of_a_failure_is_logged_at_debug_only() {
    let logs = Logs::catch_up_to(tracing::Level::INFO);
    for method in ["initialize", "tools/list", "tools/call"] {
        for status in [200, 400, 401, 500] {
            let (remote, _server) = serving(move |asked| {
                let message = asked.json();
                let error = json!({"code": -32_000, "message": "Ann, 5550123"});
                let result = match message["method"].as_str().unwrap_or_default() {
                    given if given == method => {
                        let body = json!({"jsonrpc": "2.0", "id": message["id"], "error": error});
                        return Answer::json(status, body.to_string());
                    }
                    "initialize" => crate::mcp_script::welcome("2025-06-18"),
                    "tools/list" => json!({"tools": listed()}),
                    _ => return Answer::new(202),
                };
                as_json(&json!({"jsonrpc": "2.0", "id": message["id"], "result": result}))
            });
            let server = McpServer::http(remote).unwrap();
            let tools = voicekit::tools::mcp::tools([server]).await.unwrap();
            assert_eq!(tools.is_empty(), method != "tools/call", "{method} {status}");
            if method == "tools/call" {
                let told = run(&tools, "change", "{}").await;
                assert!(told.failed, "{told:?}");
            }
        }
    }
    assert!(!logs.text().contains("5550123"), "{}", logs.text());
}
