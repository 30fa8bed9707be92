//! Faulty MCP servers and tools: what works is offered, and the rest is named.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{DuplexStream, duplex};
use tokio::time::Instant;
use voicekit::Agent;
use voicekit::tools::mcp::{self, McpServer};
use voicekit::tools::{FnTool, NoArguments, Tool, ToolContext, tool};
use voicekit_core::error::ErrorKind;
use voicekit_testkit::fake::{FakeAsr, FakeLlm, FakeTts, FakeVad, scripted_line};
use voicekit_testkit::logs::Logs;

use crate::mcp_script::{answer, listing, method, names, plain, scripted, text, usual};
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
        assert!(!format!("{error} {error:?}").contains("opensesame"), "{error}");
        let says = ["denies", "listless"].contains(&name);
        let detail = error.detail().unwrap_or_default();
        assert_eq!(detail.contains("opensesame"), says, "{name}: {detail}");
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
async fn an_error_names_the_server_and_its_kind() {
    let refused = McpServer::dialled("calendar", || async {
        Err::<DuplexStream, _>(io::Error::other("no route"))
    });
    let error = refused.with_name("diary").tools().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection);
    assert!(error.message().contains("diary cannot be reached: no route"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn tools_of_servers_that_are_too_many_for_a_model_are_left_out_and_named() {
    let logs = Logs::catch_up_to(tracing::Level::WARN);
    let many = |name: &str, count: usize| {
        let tools = (0..count).map(|at| plain(&format!("{name}_{at}")));
        listing(name, tools.collect())
    };
    let llm = FakeLlm::new(["Yes."]);
    let agent = Agent::builder()
        .tools(mcp::tools([many("first", 100), many("second", 30)]).await.unwrap())
        .tools(["one", "two", "three", "four", "five", "six"].map(own))
        .asr(FakeAsr::new(["Hello."]))
        .llm(llm.clone())
        .tts(FakeTts::new())
        .vad(|| Ok(FakeVad::new()))
        .build()
        .unwrap();
    let (line, _phone) = scripted_line(once());
    agent.call(Box::new(line)).await;
    let offered = llm.journal().calls()[0].request.tools.clone();
    assert_eq!(offered.len(), 126);
    let of = |start: &str| offered.iter().filter(|spec| spec.name.starts_with(start)).count();
    assert_eq!((of("first_"), of("second_")), (100, 20));
    let text = logs.text();
    let lines: Vec<&str> = text.lines().filter(|line| line.contains("too many tools")).collect();
    assert!(lines.len() == 1 && lines[0].contains("server=\"second\""), "{text}");
    assert!(lines[0].contains("second_20") && lines[0].contains("second_29"), "{text}");
}
