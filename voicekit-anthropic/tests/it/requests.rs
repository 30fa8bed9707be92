//! What is asked.

use serde_json::{Value, json};
use voicekit_anthropic::{Anthropic, AnthropicConfig, Cache, Thinking, ToolChoice};
use voicekit_core::llm::{ChatRequest, Message};
use voicekit_core::tool::{ToolCall, ToolOutcome, ToolSpec};
use voicekit_testkit::server::http::{Answer, Asked, HttpServer};

use crate::service::{KEY, YES, ask, config, end, events, question, serve};

async fn asked(
    configure: impl Fn(AnthropicConfig) -> AnthropicConfig,
    request: ChatRequest,
) -> Asked {
    let server = HttpServer::start([Answer::events(end("end_turn"))]).await.unwrap();
    let model = Anthropic::new(configure(config(&server))).unwrap();
    ask(&model, request).await.unwrap();
    let asked = server.asked().remove(0);
    is_well_formed(&asked.json());
    asked
}

/// What the reference demands of every request.
fn is_well_formed(body: &Value) {
    assert!(body["model"].is_string() && body["max_tokens"].as_u64() > Some(0));
    let turns = body["messages"].as_array().unwrap();
    let mut called: Vec<&Value> = Vec::new();
    for (at, turn) in turns.iter().enumerate() {
        assert_eq!(turn["role"], if at % 2 == 0 { "user" } else { "assistant" }, "{body:#}");
        let blocks = turn["content"].as_array().unwrap();
        let answered: Vec<&Value> = blocks.iter().map(|block| &block["tool_use_id"]).collect();
        assert!(answered.starts_with(&called), "results are not first: {body:#}");
        called.clear();
        for block in blocks {
            match block["type"].as_str().unwrap() {
                "text" => assert!(!block["text"].as_str().unwrap().trim().is_empty()),
                "tool_use" => {
                    assert!(block["input"].is_object() && block["name"].is_string());
                    called.push(&block["id"]);
                }
                "tool_result" => assert!(block["content"].is_string()),
                _ => {}
            }
        }
    }
    assert_eq!(turns.len() % 2, 1, "the user does not speak last");
    let marks = body.to_string().matches("cache_control").count();
    assert!(marks <= 4);
}

fn tool(id: &str, name: &str, arguments: &str, outcome: ToolOutcome) -> Message {
    Message::tool(ToolCall::new(id, name, arguments), outcome)
}

fn plain(config: AnthropicConfig) -> AnthropicConfig {
    config.with_cache(Cache::Off)
}

#[tokio::test]
async fn the_service_is_asked_as_its_reference_says() {
    let mut request = question();
    request.max_tokens = Some(300);
    request.temperature = Some(0.4);
    let asked = asked(|config| config, request).await;
    assert_eq!((asked.method.as_str(), asked.target.as_str()), ("POST", "/v1/messages"));
    assert_eq!(asked.header("x-api-key"), KEY);
    assert_eq!(asked.header("anthropic-version"), "2023-06-01");
    assert_eq!(asked.header("content-type"), "application/json");
    let golden = json!({
        "model": "claude-haiku-4-5",
        "stream": true,
        "max_tokens": 300,
        "thinking": {"type": "disabled"},
        "temperature": 0.4,
        "system": [{
            "type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"},
        }],
        "tools": [{
            "name": "get_weather",
            "description": "The weather.",
            "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}},
        }],
        "tool_choice": {"type": "auto"},
        "messages": [{"role": "user", "content": [{
            "type": "text", "text": "Are you open?", "cache_control": {"type": "ephemeral"},
        }]}],
    });
    assert_eq!(asked.json(), golden);
}

#[tokio::test]
async fn the_conversation_takes_turns_and_begins_and_ends_with_the_user() {
    let request = ChatRequest::new(
        "",
        [
            Message::agent("Corner Bakery. "),
            Message::agent("How can I help?"),
            Message::caller("Weather in Paris"),
            Message::caller("and Rome?"),
            Message::agent("One moment.\n"),
            tool("call:1", "get_weather", r#"{"city":"Paris"}"#, ToolOutcome::ok("18 C")),
            tool("call:1", "get_weather", "Rome", ToolOutcome::failed("no such city")),
            Message::agent(" \n"),
            Message::caller("And now?"),
            tool("", "hang_up", "", ToolOutcome::ok("")),
            Message::agent("Goodbye."),
        ],
    );
    let body = asked(plain, request).await.json();
    let text = |text: &str| json!({"type": "text", "text": text});
    let expected = json!([
        {"role": "user", "content": [text("(The call begins.)")]},
        {"role": "assistant", "content": [text("Corner Bakery."), text("How can I help?")]},
        {"role": "user", "content": [text("Weather in Paris"), text("and Rome?")]},
        {"role": "assistant", "content": [
            text("One moment."),
            {"type": "tool_use", "id": "call_1", "name": "get_weather", "input": {"city": "Paris"}},
            {"type": "tool_use", "id": "call_1_", "name": "get_weather",
                "input": {"malformed": "Rome"}},
        ]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "call_1", "content": "18 C"},
            {"type": "tool_result", "tool_use_id": "call_1_", "content": "no such city",
                "is_error": true},
            text("And now?"),
        ]},
        {"role": "assistant", "content": [
            {"type": "tool_use", "id": "call", "name": "hang_up", "input": {}},
        ]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "call", "content": ""},
        ]},
        {"role": "assistant", "content": [text("Goodbye.")]},
        {"role": "user", "content": [text("(The caller says nothing.)")]},
    ]);
    assert_eq!(body["messages"], expected);
    assert_eq!(
        (body.get("system"), body.get("tools"), body.get("tool_choice")),
        (None, None, None)
    );
    let greeting = asked(plain, ChatRequest::new("Greet.", [])).await.json();
    assert_eq!(greeting["messages"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn thoughts_go_back_as_they_came() {
    let thought = |signature: &str| {
        events(&[
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"He asks \""}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"ä\".\n"}}"#,
            &format!(r#"{{"type":"content_block_delta","index":0,"delta":{{"type":"signature_delta","signature":"{signature}"}}}}"#),
            r#"{"type":"content_block_start","index":1,"content_block":{"type":"redacted_thinking","data":"Zm9v+/="}}"#,
            r#"{"type":"content_block_start","index":3,"content_block":{"type":"tool_use","id":"ID","name":"get_weather","input":{}}}"#,
            r#"{"type":"content_block_stop","index":3}"#,
        ])
        .replace("ID", signature)
            + &end("tool_use")
    };
    let (server, _) = serve([
        Answer::events(thought("one")),
        Answer::events(thought("two")),
        Answer::events(YES.to_owned() + &end("end_turn")),
        Answer::events(YES.to_owned() + &end("end_turn")),
    ])
    .await;
    let thinking = || config(&server).with_thinking(Thinking::Adaptive).with_cache(Cache::Off);
    let model = Anthropic::new(thinking()).unwrap();
    let mut request = question();
    for _ in 0..2 {
        let said = ask(&model, request.clone()).await.unwrap();
        assert_eq!((said.text.as_str(), said.calls.len()), ("", 1));
        // Through a store and back.
        let call = serde_json::to_string(&said.calls[0]).unwrap();
        let call = serde_json::from_str(&call).unwrap();
        request.messages.push(Message::tool(call, ToolOutcome::ok("18 C")));
    }
    ask(&model, request.clone()).await.unwrap();
    let body = server.asked()[2].json();
    is_well_formed(&body);
    let answer = |signature: &str| {
        json!({"role": "assistant", "content": [
            {"type": "thinking", "thinking": "He asks \"ä\".\n", "signature": signature},
            {"type": "redacted_thinking", "data": "Zm9v+/="},
            {"type": "tool_use", "id": signature, "name": "get_weather", "input": {}},
        ]})
    };
    assert_eq!(body["messages"][1], answer("one"));
    assert_eq!(body["messages"][3], answer("two"));
    // A model that does not think is not shown thoughts.
    let model = Anthropic::new(thinking().with_thinking(Thinking::Off)).unwrap();
    ask(&model, request).await.unwrap();
    assert!(!server.asked()[3].json()["messages"].to_string().contains("signature"));
}

#[tokio::test]
async fn thinking_is_asked_for_as_the_model_knows_it() {
    let mut request = question();
    request.temperature = Some(2.0);
    let cool = asked(plain, request.clone()).await.json();
    assert_eq!(cool["temperature"], 1.0);
    for (thinking, expected) in [
        (Thinking::Adaptive, json!({"type": "adaptive"})),
        (Thinking::Budget(2_000), json!({"type": "enabled", "budget_tokens": 2_000})),
        (Thinking::ModelDefault, Value::Null),
    ] {
        let body = asked(|config| config.with_thinking(thinking), request.clone()).await.json();
        assert_eq!(body["thinking"], expected);
        let is_told = !expected.is_null();
        assert_eq!(body.get("temperature").is_none(), is_told);
        let is_limited = matches!(thinking, Thinking::Budget(_));
        assert_eq!(body["max_tokens"], if is_limited { 3_024 } else { 1_024 });
    }
}

#[tokio::test]
async fn what_stays_the_same_is_kept_by_the_service() {
    let mut request = question();
    request.messages.push(tool("a", "get_weather", "{}", ToolOutcome::ok("18 C")));
    let hour = |config: AnthropicConfig| config.with_cache(Cache::OneHour);
    let mark = json!({"type": "ephemeral", "ttl": "1h"});
    let body = asked(hour, request.clone()).await.json();
    assert_eq!(body["system"][0]["cache_control"], mark);
    assert_eq!(body["messages"][2]["content"][0]["cache_control"], mark);
    assert_eq!(body.to_string().matches("cache_control").count(), 2);
    request.instructions.clear();
    let body = asked(hour, request.clone()).await.json();
    assert_eq!(body["tools"][0]["cache_control"], mark);
    let body = asked(plain, request).await.json();
    assert!(!body.to_string().contains("cache_control"));
}

#[tokio::test]
async fn a_tool_may_be_demanded() {
    for (choice, expected) in [
        (ToolChoice::Auto, json!({"type": "auto", "disable_parallel_tool_use": true})),
        (ToolChoice::None, json!({"type": "none"})),
        (ToolChoice::Required, json!({"type": "any", "disable_parallel_tool_use": true})),
        (
            ToolChoice::Tool("get_weather".to_owned()),
            json!({"type": "tool", "name": "get_weather", "disable_parallel_tool_use": true}),
        ),
    ] {
        let configure = |mut config: AnthropicConfig| {
            config.parallel_tool_calls = false;
            config.betas = vec!["a".to_owned(), "b".to_owned()];
            config.with_tool_choice(choice.clone())
        };
        let asked = asked(configure, question()).await;
        assert_eq!(asked.json()["tool_choice"], expected);
        assert_eq!(asked.header("anthropic-beta"), "a,b");
    }
}

#[tokio::test]
async fn schemas_of_tools_are_sent_in_a_form_that_is_accepted() {
    let schemas = [
        json!({}),
        json!(true),
        json!({"oneOf": [{"properties": {"a b": {"type": "array"}}}, {"properties": {"b": {}}}]}),
        json!({"$ref": "#/$defs/A", "$defs": {"A": {"properties": {"größe": {"type": "array"}}}}}),
    ];
    let mut request = question();
    let tools = schemas.into_iter().map(|schema| ToolSpec::new("odd", "").with_parameters(schema));
    request.tools = tools.collect();
    let body = asked(plain, request).await.json();
    for tool in body["tools"].as_array().unwrap() {
        let schema = &tool["input_schema"];
        assert_eq!(schema["type"], "object", "{schema}");
        assert!(
            ["oneOf", "$ref", "$defs"].iter().all(|word| schema.get(word).is_none()),
            "{schema}"
        );
        for (name, property) in schema["properties"].as_object().unwrap() {
            let fits = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
            assert!(name.chars().all(fits), "{name}");
            assert!(property["type"] != "array" || property["items"].is_object(), "{schema}");
        }
    }
}
