//! Requests.

use serde_json::{Map, Value, json};
use voicekit_core::llm::ChatRequest;
use voicekit_core::tool::ToolSpec;
use voicekit_core::tool::schema::Normalized;

use super::history::turns;
use crate::config::{AnthropicConfig, Cache, Thinking, ToolChoice};

/// The body of `POST /v1/messages`.
pub(crate) fn message_body(config: &AnthropicConfig, request: &ChatRequest) -> Value {
    let mut body = Map::new();
    let mut set = |name: &str, value: Value| body.insert(name.to_owned(), value);
    set("model", json!(config.model));
    set("stream", json!(true));
    let answer = request.max_tokens.unwrap_or(config.max_tokens);
    let thoughts = if let Thinking::Budget(tokens) = config.thinking { tokens } else { 0 };
    set("max_tokens", json!(answer.saturating_add(thoughts)));
    if let Some(thinking) = thinking(config.thinking) {
        set("thinking", thinking);
    }
    let temperature = request.temperature.or(config.temperature);
    if let Some(temperature) = temperature.filter(|_| !config.thinks()) {
        set("temperature", number(temperature.min(1.0)));
    }

    let mut tools: Vec<Value> = request.tools.iter().map(tool).collect();
    let mut system = None;
    if !request.instructions.trim().is_empty() {
        system = Some(json!({"type": "text", "text": request.instructions}));
    }
    let mut turns = turns(&request.messages, config.thinking != Thinking::Off);
    if let Some(mark) = mark(config.cache) {
        // Two of the four marks that are allowed: what never changes, which is the tools and then
        // the instructions, and all up to the caller's latest words.
        if let Some(block) = system.as_mut().or_else(|| tools.last_mut()) {
            block["cache_control"] = mark.clone();
        }
        if let Some(block) = turns.last_mut().and_then(|turn| turn.content.last_mut()) {
            block["cache_control"] = mark;
        }
    }
    if !tools.is_empty() {
        set("tools", Value::Array(tools));
        set("tool_choice", tool_choice(config));
    }
    if let Some(system) = system {
        set("system", json!([system]));
    }
    let messages: Vec<Value> =
        turns.into_iter().map(|turn| json!({"role": turn.role, "content": turn.content})).collect();
    set("messages", Value::Array(messages));
    Value::Object(body)
}

fn thinking(thinking: Thinking) -> Option<Value> {
    match thinking {
        Thinking::Off => Some(json!({"type": "disabled"})),
        Thinking::ModelDefault => None,
        Thinking::Adaptive => Some(json!({"type": "adaptive"})),
        Thinking::Budget(tokens) => Some(json!({"type": "enabled", "budget_tokens": tokens})),
    }
}

fn mark(cache: Cache) -> Option<Value> {
    match cache {
        Cache::Off => None,
        Cache::FiveMinutes => Some(json!({"type": "ephemeral"})),
        Cache::OneHour => Some(json!({"type": "ephemeral", "ttl": "1h"})),
    }
}

fn tool(spec: &ToolSpec) -> Value {
    json!({
        "name": spec.name,
        "description": spec.description,
        "input_schema": Normalized::new(&spec.parameters).schema,
    })
}

fn tool_choice(config: &AnthropicConfig) -> Value {
    let mut choice = match &config.tool_choice {
        ToolChoice::Auto => json!({"type": "auto"}),
        ToolChoice::None => return json!({"type": "none"}),
        ToolChoice::Required => json!({"type": "any"}),
        ToolChoice::Tool(name) => json!({"type": "tool", "name": name}),
    };
    if !config.parallel_tool_calls {
        choice["disable_parallel_tool_use"] = json!(true);
    }
    choice
}

/// A number as a person writes it: 0.4 and not 0.4000000059604645.
fn number(value: f32) -> Value {
    value.to_string().parse::<f64>().map_or(Value::Null, Value::from)
}
