//! Faulty MCP servers and tools: what works is offered, and the rest is named.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{DuplexStream, duplex};
use tokio::time::Instant;
use voicekit::Agent;
use voicekit::tools::mcp::{self, McpServer};
use voicekit::tools::{FnTool, NoArguments, Tool, ToolCall, ToolContext, ToolOutcome, tool};
use voicekit_core::error::ErrorKind;
use voicekit_testkit::fake::{FakeAsr, FakeLlm, FakeTts, FakeVad, scripted_line};
use voicekit_testkit::logs::Logs;

use crate::mcp::run;
use crate::mcp_script::{answer, listing, method, names, plain, scripted, text, usual, welcome};
use crate::parts::ms;
use crate::typed_tools::once;

/// Servers that fail in every way, each with its name.
fn broken() -> Vec<McpServer> {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let hangs = McpServer::dialled("hangs", move || {
        let (ours, theirs) = duplex(64 << 10);
        kept.lock().unwrap().push(theirs);
        async { io::Result::Ok(ours) }
    });
    let refuses = McpServer::dialled("refuses", || async {
        Err::<DuplexStream, _>(io::Error::from(io::ErrorKind::ConnectionRefused))
    });
    let dies = McpServer::dialled("dies", || async { io::Result::Ok(duplex(64 << 10).0) });
    let error = |message: &Value| {
        let error = json!({"code": -32_000, "message": "the password is opensesame"});
        vec![json!({"jsonrpc": "2.0", "id": message["id"], "error": error}).to_string()]
    };
    vec![
        hangs,
        refuses,
        dies,
        McpServer::program("/nowhere/server", [""; 0]).with_name("missing"),
        scripted("garbage", |_| vec!["<html>\u{0}".to_owned(), "[[[".to_owned(), "7".to_owned()]),
        scripted("denies", error),
        scripted("listless", move |message| match method(message) {
            "tools/list" => error(message),
            _ => usual(message, &json!([]), &json!({})),
        }),
        scripted("shapeless", |message| match method(message) {
            "tools/list" => vec![answer(message, &json!({"tools": "none"}))],
            _ => usual(message, &json!([]), &json!({})),
        }),
        scripted("silent", |message| match method(message) {
            "tools/list" => Vec::new(),
            _ => usual(message, &json!([]), &json!({})),
        }),
    ]
}

#[tokio::test(start_paused = true)]
async fn servers_that_fail_are_left_out_within_their_time_and_named_once() {
    let logs = Logs::catch_up_to(tracing::Level::WARN);
    let mut servers: Vec<McpServer> =
        broken().into_iter().map(|server| server.with_start_timeout(ms(2_000))).collect();
    servers.insert(4, listing("good", json!([plain("book")])));
    let started = Instant::now();
    let tools = mcp::tools(servers).await.unwrap();
    assert!(started.elapsed() <= ms(2_100), "{:?}", started.elapsed());
    assert_eq!(names(&tools), ["book"]);
    let text = logs.text();
    for name in [
        "hangs",
        "refuses",
        "dies",
        "missing",
        "garbage",
        "denies",
        "listless",
        "shapeless",
        "silent",
    ] {
        let lines = text.lines().filter(|line| line.contains(&format!("server=\"{name}\"")));
        assert_eq!(lines.count(), 1, "{name}: {text}");
    }
    assert!(!text.contains("opensesame") && !text.contains("good"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_required_is_an_error() {
    for server in broken() {
        let server = server.with_required(true).with_start_timeout(ms(2_000));
        let shown = format!("{server:?}");
        let error = mcp::tools([server]).await.unwrap_err();
        let name = shown.split('"').nth(1).unwrap();
        assert!(error.message().starts_with(name), "{name}: {error}");
        assert!(error.message().chars().count() < 500, "{error}");
    }
}

/// Tools that cannot be offered, and what a warning calls them.
fn unfit() -> Value {
    json!([
        {"inputSchema": {"type": "object"}},
        {"name": "", "inputSchema": {"type": "object"}},
        {"name": 7},
        "no tool",
        null,
        {"name": "listed", "inputSchema": {"type": "array"}},
        {"name": "texts", "inputSchema": "object"},
        {"name": "never", "inputSchema": false},
        {"name": "job", "inputSchema": {"type": "object"}, "execution": {"taskSupport": "required"}},
        plain("book"),
        plain("book"),
    ])
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_cannot_be_offered_is_left_out_with_one_warning() {
    let logs = Logs::catch_up_to(tracing::Level::WARN);
    let tools = listing("calendar", unfit()).tools().await.unwrap();
    assert_eq!(names(&tools), ["book"]);
    let text = logs.text();
    for tool in [
        "number 1", "number 2", "number 3", "number 4", "number 5", "listed", "texts", "never",
        "job", "book",
    ] {
        let lines = text.lines().filter(|line| line.contains(&format!("tool=\"{tool}\"")));
        let lines: Vec<_> = lines.collect();
        assert!(lines.len() == 1 && lines[0].contains("server=\"calendar\""), "{tool}: {text}");
    }
}

#[tokio::test(start_paused = true)]
async fn tools_in_odd_forms_are_offered_in_a_good_one() {
    let tools = json!([
        {"name": "free.slots/all", "description": "x".repeat(90_000)},
        {"name": "free slots all", "inputSchema": null},
        {"name": "日本", "inputSchema": {}},
        {"name": "n".repeat(200), "inputSchema": true, "description": 3},
        {"name": "n".repeat(201), "title": "Title", "annotations": "none"},
        {"name": "choice", "inputSchema": {"oneOf": [{"properties": {"a": {"type": "array"}}}]}, "icons": 3, "x-new": {}},
    ]);
    let tools = listing("calendar", tools).tools().await.unwrap();
    let names = names(&tools);
    assert_eq!(&names[..3], ["free_slots_all", "free_slots_all_2", "tool"]);
    assert_eq!(names.len(), 6);
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    for (at, tool) in tools.iter().enumerate() {
        let spec = tool.spec();
        assert!(spec.name.len() <= 64 && spec.name.chars().all(fits), "{}", spec.name);
        assert!(spec.description.chars().count() <= 1_024);
        assert_eq!(spec.parameters["type"], "object");
        assert!(spec.parameters["properties"].is_object());
        assert!(!names[..at].contains(&spec.name));
        assert_eq!(spec.source.as_deref(), Some("calendar"));
    }
    assert_eq!(tools[4].spec().description, "Title");
    assert_eq!(tools[5].spec().parameters["properties"]["a"]["type"], "array");
}

fn own(name: &'static str) -> FnTool {
    tool(name, "", move |_: NoArguments, _: ToolContext| async move { Ok(format!("own {name}")) })
}

#[tokio::test(start_paused = true)]
async fn names_that_collide_are_made_unique_and_reach_their_own_server() {
    let saying = |name: &'static str, tools: Value| {
        scripted(name, move |message| {
            let told = format!("{name}: {}", message["params"]["name"]);
            usual(message, &tools, &text(&told))
        })
    };
    let two = json!([plain("book"), plain("stop_tool"), plain("hand_off"), plain("find")]);
    let servers = [saying("calendar", two.clone()), saying("hotel", two)];
    let llm = FakeLlm::new(["Yes."]);
    let agent = Agent::builder()
        .tools(mcp::tools(servers).await.unwrap())
        .tool(own("book"))
        .asr(FakeAsr::new(["Hello."]))
        .llm(llm.clone())
        .tts(FakeTts::new())
        .vad(|| Ok(FakeVad::new()))
        .build()
        .unwrap();
    let (line, _phone) = scripted_line(once());
    agent.call(Box::new(line)).await;
    let offered = llm.journal().calls()[0].request.tools.clone();
    let names: Vec<&str> = offered.iter().map(|spec| spec.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "calendar_book",
            "calendar_stop_tool",
            "calendar_hand_off",
            "find",
            "hotel_book",
            "hotel_stop_tool",
            "hotel_hand_off",
            "hotel_find",
            "book"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn tools_are_included_and_excluded_by_name_and_glob() {
    let logs = Logs::catch_up_to(tracing::Level::WARN);
    let all = json!([plain("find_all"), plain("find_one"), plain("delete_all"), plain("delete.one"), {"name": "bad", "inputSchema": 3}]);
    let server = || listing("s", all.clone()).with_exclude(["bad"]);
    let offered = async |server: McpServer| names(&server.tools().await.unwrap());
    assert_eq!(offered(server()).await.len(), 4);
    assert_eq!(offered(server().with_include(["find_*"])).await, ["find_all", "find_one"]);
    assert_eq!(
        offered(server().with_include(["*_a??", "delete.one"])).await,
        ["find_all", "delete_all", "delete_one"]
    );
    assert_eq!(offered(server().with_exclude(["delete*", "bad"])).await, ["find_all", "find_one"]);
    let both =
        server().with_include(["find_*"]).with_exclude(["find_all", "bad"]).with_prefix("x_");
    assert_eq!(offered(both).await, ["x_find_one"]);
    assert!(logs.text().is_empty(), "what is excluded is not warned of: {}", logs.text());
    offered(server().with_include(["fnd_*"])).await;
    assert!(logs.text().contains("tool=\"fnd_*\""), "{}", logs.text());
}

#[tokio::test(start_paused = true)]
async fn a_list_whose_cursor_does_not_advance_or_that_does_not_end_is_cut() {
    let asked = Arc::new(AtomicUsize::new(0));
    let paged = |next: fn(usize) -> Value| {
        let asked = Arc::clone(&asked);
        asked.store(0, Ordering::SeqCst);
        scripted("s", move |message| match method(message) {
            "tools/list" => {
                let page = asked.fetch_add(1, Ordering::SeqCst);
                let tools = json!([plain(&format!("t{page}"))]);
                vec![answer(message, &json!({"tools": tools, "nextCursor": next(page)}))]
            }
            _ => usual(message, &json!([]), &json!({})),
        })
    };
    let same = paged(|_| json!("again")).tools().await.unwrap();
    assert_eq!(names(&same), ["t0", "t1"]);
    let circle = paged(|page| json!(["a", "b"][page % 2])).tools().await.unwrap();
    assert_eq!(circle.len(), 3);
    let endless = paged(|page| json!(page.to_string())).tools().await.unwrap();
    assert_eq!(endless.len(), 100);
    for end in [|_| json!(""), |_| json!(null), |_| json!(7)] {
        assert_eq!(paged(end).tools().await.unwrap().len(), 1);
    }
    let two = paged(|page| if page == 0 { json!("x") } else { Value::Null }).tools().await.unwrap();
    assert_eq!(names(&two), ["t0", "t1"]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_dies_fails_clearly_and_is_used_again_when_it_is_back() {
    let is_down = Arc::new(AtomicUsize::new(0));
    let down = Arc::clone(&is_down);
    let server = McpServer::dialled("calendar", move || {
        let is_down = down.load(Ordering::SeqCst) == 1;
        let (ours, theirs) = duplex(64 << 10);
        let down = Arc::clone(&down);
        tokio::spawn(async move {
            use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
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

#[tokio::test(start_paused = true)]
async fn an_error_names_the_server_and_its_kind() {
    let refused = McpServer::dialled("calendar", || async {
        Err::<DuplexStream, _>(io::Error::other("no route"))
    });
    let error = refused.with_name("diary").tools().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection);
    assert!(error.message().contains("diary cannot be reached: no route"), "{error}");
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

#[tokio::test(start_paused = true)]
async fn schemas_of_an_applications_own_tools_are_offered_in_a_good_form_and_arguments_mapped_back()
{
    let given = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&given);
    let tool = tool("buy", "", move |arguments: Bought, _: ToolContext| {
        kept.lock().unwrap().push(arguments.size);
        async { Ok("bought") }
    });
    let schema = json!({"oneOf": [{"properties": {"größe": {"type": "integer"}, "tags": {"type": "array"}}, "required": ["größe"]}]});
    let tool = tool.with_parameters(schema);
    let asks = ToolCall::new("c1", "buy", r#"{"gr__e": 3}"#);
    let llm = FakeLlm::new(["One moment. ", "Bought."]).with_tool_call(0, asks);
    let (line, _phone) = scripted_line(once());
    crate::typed_tools::agent([tool], &llm).call(Box::new(line)).await;
    assert_eq!(*given.lock().unwrap(), [3]);
    let offered = llm.journal().calls()[0].request.tools[0].parameters.clone();
    assert_eq!(offered["type"], "object");
    assert_eq!(offered["required"], json!(["gr__e"]));
    assert!(offered["properties"]["tags"]["items"].is_object(), "{offered}");
}

#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
struct Bought {
    #[serde(rename = "größe")]
    size: u8,
}
