//! What is asked, checked against the published schema.

use serde_json::{Value, json};
use voicekit_core::llm::{ChatRequest, Message};
use voicekit_core::tool::{ToolCall, ToolOutcome, ToolSpec};
use voicekit_openai::{ChatConfig, Dialect, OpenAi, OpenAiConfig, ToolChoice};
use voicekit_testkit::server::http::{Answer, Asked, HttpServer};

use crate::schema;
use crate::service::{KEY, ask, config, question};

async fn asked(configure: impl Fn(OpenAiConfig) -> OpenAiConfig, request: ChatRequest) -> Asked {
    let server = HttpServer::start([Answer::events("data: [DONE]\n\n")]).await.unwrap();
    let model = OpenAi::new(configure(config(&server))).unwrap();
    ask(&model, request).await.unwrap();
    let asked = server.asked().remove(0);
    schema::check("CreateChatCompletionRequest", &asked.json());
    asked
}

fn with_chat(change: impl Fn(&mut ChatConfig)) -> impl Fn(OpenAiConfig) -> OpenAiConfig {
    move |mut config| {
        change(&mut config.chat);
        config
    }
}

#[tokio::test]
async fn openai_is_asked_as_its_reference_says() {
    let mut request = question();
    request.max_tokens = Some(300);
    request.temperature = Some(0.4);
    let asked = asked(|config| config, request).await;
    assert_eq!((asked.method.as_str(), asked.target.as_str()), ("POST", "/v1/chat/completions"));
    assert_eq!(asked.header("authorization"), format!("Bearer {KEY}"));
    assert_eq!(asked.header("content-type"), "application/json");
    assert_eq!(asked.header("accept"), "text/event-stream");
    let golden = json!({
        "model": "gpt-4.1-mini",
        "stream": true,
        "stream_options": {"include_usage": true, "include_obfuscation": false},
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Are you open?"},
        ],
        "tools": [{"type": "function", "function": {
            "name": "get_weather",
            "description": "The weather.",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        }}],
        "tool_choice": "auto",
        "temperature": 0.4,
        "max_completion_tokens": 300,
    });
    assert_eq!(asked.json(), golden);
}

#[tokio::test]
async fn a_call_and_its_result_are_told_in_pairs() {
    let tool = |id: &str, name: &str, arguments: &str, outcome| {
        Message::tool(ToolCall::new(id, name, arguments), outcome)
    };
    let request = ChatRequest::new(
        "",
        [
            Message::agent("Hello."),
            Message::caller("Weather in Paris and Rome?"),
            Message::agent("One moment."),
            tool("a", "get_weather", r#"{"city":"Paris"}"#, ToolOutcome::ok("18 C")),
            tool("a", "get_weather", "Rome", ToolOutcome::failed("no such city")),
            Message::agent("  "),
            Message::caller("And now?"),
            tool("", "hang_up", "", ToolOutcome::ok("done")),
        ],
    );
    let body = asked(|config| config, request).await.json();
    let call = |id: &str, name: &str, arguments: &str| json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}});
    let expected = json!([
        {"role": "assistant", "content": "Hello."},
        {"role": "user", "content": "Weather in Paris and Rome?"},
        {"role": "assistant", "content": "One moment.", "tool_calls": [
            call("a", "get_weather", r#"{"city":"Paris"}"#),
            call("a_", "get_weather", r#"{"malformed":"Rome"}"#),
        ]},
        {"role": "tool", "tool_call_id": "a", "content": "18 C"},
        {"role": "tool", "tool_call_id": "a_", "content": "Error: no such city"},
        {"role": "user", "content": "And now?"},
        {"role": "assistant", "content": null, "tool_calls": [call("call", "hang_up", "{}")]},
        {"role": "tool", "tool_call_id": "call", "content": "done"},
    ]);
    assert_eq!(body["messages"], expected);
    let unasked = ["tools", "tool_choice", "parallel_tool_calls"];
    assert!(unasked.iter().all(|name| body.get(name).is_none()), "{body}");
}

#[tokio::test]
async fn each_dialect_has_its_own_words() {
    let limited = |dialect| with_chat(|chat| chat.max_tokens = Some(9)).then(dialect);
    let groq = asked(limited(Dialect::Groq), question()).await.json();
    assert_eq!(groq["max_completion_tokens"], 9);
    assert_eq!(groq["stream_options"], json!({"include_usage": true}));
    let other = asked(limited(Dialect::Compatible), question()).await.json();
    assert_eq!((&other["max_tokens"], other.get("max_completion_tokens")), (&json!(9), None));
    let azure = asked(limited(Dialect::Azure), question()).await;
    assert_eq!((azure.header("api-key"), azure.header("authorization")), (KEY, ""));
}

#[tokio::test]
async fn azure_has_the_deployment_in_its_path() {
    let server = HttpServer::start([Answer::events("data: [DONE]\n\n")]).await.unwrap();
    let config = OpenAiConfig::azure(&server.url(), "fast", "2024-10-21", KEY);
    ask(&OpenAi::new(config).unwrap(), question()).await.unwrap();
    let target = "/openai/deployments/fast/chat/completions?api-version=2024-10-21";
    assert_eq!(server.asked()[0].target, target);
}

#[tokio::test]
async fn a_server_of_ones_own_needs_no_key() {
    let server = HttpServer::start([Answer::events("data: [DONE]\n\n")]).await.unwrap();
    let config = OpenAiConfig::compatible(format!("{}/v1/", server.url()), "qwen3");
    ask(&OpenAi::new(config).unwrap(), question()).await.unwrap();
    let asked = server.asked().remove(0);
    assert_eq!(
        (asked.target.as_str(), asked.header("authorization")),
        ("/v1/chat/completions", "")
    );
    assert_eq!(asked.json()["model"], "qwen3");
}

#[tokio::test]
async fn further_fields_go_before_all_others() {
    let configure = with_chat(|chat| {
        let extra = json!({"seed": 7, "logprobs": true, "model": "other", "n": 1});
        chat.extra = extra.as_object().unwrap().clone();
    });
    let body = asked(&configure, question()).await.json();
    assert_eq!((&body["seed"], &body["model"]), (&json!(7), &json!("other")));
    assert_eq!(body["logprobs"], true);
    let groq = asked((&configure).then(Dialect::Groq), question()).await.json();
    assert_eq!((groq.get("logprobs"), groq.get("n"), &groq["seed"]), (None, None, &json!(7)));
}

#[tokio::test]
async fn a_tool_may_be_demanded() {
    for (choice, expected) in [
        (ToolChoice::None, json!("none")),
        (ToolChoice::Required, json!("required")),
        (
            ToolChoice::Tool("get_weather".to_owned()),
            json!({"type": "function", "function": {"name": "get_weather"}}),
        ),
    ] {
        let configure = with_chat(|chat| {
            chat.tool_choice = choice.clone();
            chat.parallel_tool_calls = Some(false);
            chat.reasoning_effort = Some("low".to_owned());
            chat.usage = false;
        });
        let body = asked(configure, question()).await.json();
        assert_eq!(
            (&body["tool_choice"], &body["parallel_tool_calls"]),
            (&expected, &json!(false))
        );
        assert_eq!((&body["reasoning_effort"], body.get("stream_options")), (&json!("low"), None));
    }
}

#[test]
fn the_schema_is_strict() {
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]});
    let wrong: [fn(&mut Value); 4] = [
        |body| body["messages"][0]["role"] = json!("caller"),
        |body| body["messages"][0]["text"] = json!("hi"),
        |body| body["max_token"] = json!(1),
        |body| body["temperature"] = json!("warm"),
    ];
    assert_eq!(schema::fault("CreateChatCompletionRequest", &body), None);
    for spoil in wrong {
        let mut body = body.clone();
        spoil(&mut body);
        assert!(schema::fault("CreateChatCompletionRequest", &body).is_some(), "{body}");
    }
}

trait Then {
    fn then(self, dialect: Dialect) -> impl Fn(OpenAiConfig) -> OpenAiConfig;
}

impl<F: Fn(OpenAiConfig) -> OpenAiConfig> Then for F {
    fn then(self, dialect: Dialect) -> impl Fn(OpenAiConfig) -> OpenAiConfig {
        move |config| self(config).with_dialect(dialect)
    }
}

#[tokio::test]
async fn schemas_of_tools_are_sent_in_a_form_that_is_accepted() {
    let mut request = question();
    request.tools = odd_tools();
    let body = asked(|config| config, request).await.json();
    for tool in body["tools"].as_array().unwrap() {
        let parameters = &tool["function"]["parameters"];
        assert_eq!(parameters["type"], "object", "{parameters}");
        assert!(parameters["properties"].is_object(), "{parameters}");
        let refused = ["oneOf", "anyOf", "allOf", "enum", "not", "$ref", "$defs"];
        assert!(refused.iter().all(|word| parameters.get(word).is_none()), "{parameters}");
        let list = &parameters["properties"]["list"];
        assert!(list.is_null() || list["items"].is_object(), "{parameters}");
    }
}

fn odd_tools() -> Vec<ToolSpec> {
    let schemas = [
        json!({}),
        json!(true),
        json!({"type": "object"}),
        json!({"oneOf": [{"properties": {"list": {"type": "array"}}}, {"properties": {"b": {}}}]}),
        json!({"$ref": "#/$defs/A", "$defs": {"A": {"properties": {"list": {"type": ["array"]}}}}}),
    ];
    schemas.into_iter().map(|schema| ToolSpec::new("odd", "").with_parameters(schema)).collect()
}
