//! Requests.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use voicekit_core::llm::{ChatRequest, Message};
use voicekit_core::tool::schema::Normalized;
use voicekit_core::tool::{ToolCall, ToolOutcome, ToolSpec};

use crate::config::{ChatConfig, Dialect, SpeechConfig, ToolChoice};

/// What Groq answers with 400 (its documentation, "OpenAI compatibility").
const REFUSED_BY_GROQ: [&str; 4] = ["logprobs", "top_logprobs", "logit_bias", "n"];

/// The body of `POST /chat/completions`.
pub(crate) fn chat_body(config: &ChatConfig, dialect: Dialect, request: &ChatRequest) -> Value {
    let mut body = Map::new();
    body.insert("model".to_owned(), json!(config.model));
    body.insert("stream".to_owned(), json!(true));
    if config.usage {
        body.insert("stream_options".to_owned(), stream_options(dialect));
    }
    body.insert("messages".to_owned(), Value::Array(messages(request)));
    if !request.tools.is_empty() {
        let tools: Vec<Value> = request.tools.iter().map(tool).collect();
        body.insert("tools".to_owned(), Value::Array(tools));
        body.insert("tool_choice".to_owned(), tool_choice(&config.tool_choice));
        if let Some(parallel) = config.parallel_tool_calls {
            body.insert("parallel_tool_calls".to_owned(), json!(parallel));
        }
    }
    if let Some(temperature) = request.temperature.or(config.temperature) {
        body.insert("temperature".to_owned(), number(temperature));
    }
    if let Some(limit) = request.max_tokens.or(config.max_tokens) {
        body.insert(limit_name(dialect).to_owned(), json!(limit));
    }
    if let Some(effort) = &config.reasoning_effort {
        body.insert("reasoning_effort".to_owned(), json!(effort));
    }
    for (name, value) in &config.extra {
        let refused = dialect == Dialect::Groq && REFUSED_BY_GROQ.contains(&name.as_str());
        if !refused {
            body.insert(name.clone(), value.clone());
        }
    }
    Value::Object(body)
}

/// The body of `POST /audio/speech`, which answers with raw audio.
pub(crate) fn speech_body(config: &SpeechConfig, voice: &str, text: &str) -> Value {
    let mut body = json!({
        "model": config.model,
        "voice": voice,
        "input": text,
        "response_format": "pcm",
        "speed": number(config.speed),
    });
    if let Some(instructions) = &config.instructions {
        body["instructions"] = json!(instructions);
    }
    body
}

/// A number as a person writes it: 0.4 and not 0.4000000059604645.
pub(crate) fn number(value: f32) -> Value {
    value.to_string().parse::<f64>().map_or(Value::Null, Value::from)
}

fn stream_options(dialect: Dialect) -> Value {
    match dialect {
        // Without the random padding by which OpenAI hides the lengths of words.
        Dialect::OpenAi => json!({"include_usage": true, "include_obfuscation": false}),
        Dialect::Groq | Dialect::Azure | Dialect::Compatible => json!({"include_usage": true}),
    }
}

fn limit_name(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::OpenAi | Dialect::Groq | Dialect::Azure => "max_completion_tokens",
        Dialect::Compatible => "max_tokens",
    }
}

fn tool(spec: &ToolSpec) -> Value {
    json!({"type": "function", "function": {
        "name": spec.name,
        "description": spec.description,
        "parameters": Normalized::new(&spec.parameters).schema,
    }})
}

fn tool_choice(choice: &ToolChoice) -> Value {
    match choice {
        ToolChoice::Auto => json!("auto"),
        ToolChoice::None => json!("none"),
        ToolChoice::Required => json!("required"),
        ToolChoice::Tool(name) => json!({"type": "function", "function": {"name": name}}),
    }
}

fn messages(request: &ChatRequest) -> Vec<Value> {
    let mut history = History::default();
    if !request.instructions.trim().is_empty() {
        history.said("system", &request.instructions);
    }
    for message in &request.messages {
        match message {
            Message::Caller { text } => history.said("user", text),
            Message::Agent { text, .. } => history.said("assistant", text),
            Message::Tool { call, outcome } => history.did(call, outcome),
        }
    }
    history.called();
    history.messages
}

/// The conversation as the service wants it: the calls of one answer in one message, with its
/// text, and behind it their results in the same order.
#[derive(Default)]
struct History {
    messages: Vec<Value>,
    calls: Vec<Value>,
    results: Vec<Value>,
    ids: BTreeSet<String>,
}

impl History {
    fn said(&mut self, role: &str, text: &str) {
        self.called();
        if !text.trim().is_empty() {
            self.messages.push(json!({"role": role, "content": text}));
        }
    }

    fn did(&mut self, call: &ToolCall, outcome: &ToolOutcome) {
        let id = self.unique(&call.id);
        self.calls.push(json!({"id": id, "type": "function", "function": {
            "name": call.name,
            "arguments": arguments(&call.arguments),
        }}));
        let text = &outcome.text;
        let content = if outcome.failed { format!("Error: {text}") } else { text.clone() };
        self.results.push(json!({"role": "tool", "tool_call_id": id, "content": content}));
    }

    /// Ends a run of calls.
    fn called(&mut self) {
        if self.calls.is_empty() {
            return;
        }
        let calls = Value::Array(std::mem::take(&mut self.calls));
        match self.messages.last_mut() {
            Some(last) if last["role"] == "assistant" => last["tool_calls"] = calls,
            _ => self
                .messages
                .push(json!({"role": "assistant", "content": Value::Null, "tool_calls": calls})),
        }
        self.messages.append(&mut self.results);
    }

    /// Some services number the calls of each answer from 0, and refuse to read that back.
    fn unique(&mut self, id: &str) -> String {
        let mut id = if id.is_empty() { "call".to_owned() } else { id.to_owned() };
        while !self.ids.insert(id.clone()) {
            id.push('_');
        }
        id
    }
}

/// Arguments as the model wrote them, if they are an object; otherwise an object around them, since
/// some services parse them.
fn arguments(text: &str) -> String {
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(_)) => text.to_owned(),
        _ if text.trim().is_empty() => "{}".to_owned(),
        _ => json!({"malformed": text}).to_string(),
    }
}
