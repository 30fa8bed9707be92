//! A model on a server of our own.

use std::time::Duration;

use futures::StreamExt;
use voicekit_anthropic::{Anthropic, AnthropicConfig};
use voicekit_core::error::{Error, Result};
use voicekit_core::llm::{ChatEvent, ChatRequest, Llm, Message, Usage};
use voicekit_core::tool::{ToolCall, ToolSpec};
use voicekit_testkit::server::http::{Answer, HttpServer};

pub(crate) const KEY: &str = "sk-ant-test-0123456789abcdef";

pub(crate) fn config(server: &HttpServer) -> AnthropicConfig {
    let config = AnthropicConfig::new(KEY).with_base_url(server.url());
    config.with_retry_after([Duration::from_millis(1)])
}

pub(crate) async fn serve(answers: impl IntoIterator<Item = Answer>) -> (HttpServer, Anthropic) {
    let server = HttpServer::start(answers).await.unwrap();
    let model = Anthropic::new(config(&server)).unwrap();
    (server, model)
}

pub(crate) fn question() -> ChatRequest {
    let mut request = ChatRequest::new("Be brief.", [Message::caller("Are you open?")]);
    let parameters = serde_json::json!({"type": "object", "properties": {
        "city": {"type": "string"},
    }});
    request.tools = vec![ToolSpec::new("get_weather", "The weather.").with_parameters(parameters)];
    request
}

/// What a model says.
#[derive(Debug, Default)]
pub(crate) struct Said {
    pub(crate) text: String,
    pub(crate) pieces: usize,
    pub(crate) calls: Vec<ToolCall>,
    pub(crate) usage: Option<Usage>,
    pub(crate) retracted: bool,
    pub(crate) error: Option<Error>,
}

impl Said {
    pub(crate) fn calls(&self) -> Vec<(&str, &str, &str)> {
        let calls = self.calls.iter();
        calls.map(|call| (&*call.id, &*call.name, &*call.arguments)).collect()
    }

    pub(crate) fn tokens(&self) -> (u64, u64) {
        let usage = self.usage.unwrap();
        (usage.input_tokens, usage.output_tokens)
    }
}

/// What `model` answers. Checks that there is one end, and that it is the last.
pub(crate) async fn ask(model: &Anthropic, request: ChatRequest) -> Result<Said> {
    let events: Vec<_> = model.chat(request).await?.collect().await;
    let mut said = Said::default();
    for event in events {
        assert!(said.usage.is_none() && said.error.is_none(), "something after the end");
        match event {
            Ok(ChatEvent::Text(text)) => {
                assert!(!text.is_empty() && said.calls.is_empty());
                said.pieces += 1;
                said.text.push_str(&text);
            }
            Ok(ChatEvent::Retracted) => {
                said.retracted = true;
                (said.pieces, said.text) = (0, String::new());
            }
            Ok(ChatEvent::ToolCall(call)) => said.calls.push(call),
            Ok(ChatEvent::Done(usage)) => said.usage = Some(usage),
            Ok(other) => panic!("{other:?}"),
            Err(error) => said.error = Some(error),
        }
    }
    assert!(said.usage.is_some() || said.error.is_some(), "no end");
    Ok(said)
}

/// What comes of a stream of these events.
pub(crate) async fn hear(events: &str) -> Said {
    let (_server, model) = serve([Answer::events(events.to_owned())]).await;
    ask(&model, question()).await.unwrap()
}

/// A stream of these events.
pub(crate) fn events(events: &[&str]) -> String {
    events.iter().map(|event| format!("event: x\ndata: {event}\n\n")).collect()
}

/// The end of an answer, for this reason.
pub(crate) fn end(reason: &str) -> String {
    let delta = format!(r#"{{"type":"message_delta","delta":{{"stop_reason":"{reason}"}}}}"#);
    events(&[&delta, r#"{"type":"message_stop"}"#])
}

/// The start of an answer that says `Yes.`
pub(crate) const YES: &str = "event: content_block_start\ndata: {\"type\":\"content_block_start\",\
    \"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n\
    event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\
    \"delta\":{\"type\":\"text_delta\",\"text\":\"Yes.\"}}\n\n";
