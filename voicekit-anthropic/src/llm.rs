//! The language model.

use async_trait::async_trait;
use futures::stream::BoxStream;
use voicekit_core::answer::{Check, checked};
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_core::llm::{ChatEvent, ChatRequest, Llm, LlmInfo};
use voicekit_net::{Connector, Endpoint, HttpClient, HttpRequest, decode};

use crate::SERVICE;
use crate::config::AnthropicConfig;
use crate::refusal::classify;
use crate::wire::{Answer, message_body};

/// A language model behind `POST /v1/messages`. Clones share their connections.
///
/// What the answer's end means: `end_turn`, `stop_sequence`, `tool_use`, `pause_turn`, `max_tokens`
/// and what is unknown are [`Done`](ChatEvent::Done) if the answer holds a word or a tool call, and
/// a `Protocol` error otherwise; a call that a limit has cut off, and `refusal`, are `Rejected`; an
/// answer that just ends is `Protocol`. Thoughts are never text; where
/// the service wants them back with the result of a call, they travel in
/// [`ToolCall::provider`](voicekit_core::tool::ToolCall::provider).
#[derive(Clone, Debug)]
pub struct Anthropic {
    http: HttpClient,
    endpoint: Endpoint,
    config: AnthropicConfig,
}

impl Anthropic {
    /// A model as `config` says.
    ///
    /// # Errors
    ///
    /// `Config` if a setting is wrong.
    pub fn new(config: AnthropicConfig) -> Result<Self> {
        Self::with_connector(config, Connector::new()?)
    }

    /// A model that is reached by `connector`: through a proxy, or with a certificate of one's own.
    ///
    /// # Errors
    ///
    /// `Config` if a setting is wrong.
    pub fn with_connector(config: AnthropicConfig, connector: Connector) -> Result<Self> {
        config.check()?;
        let endpoint = config.endpoint()?;
        let http = HttpClient::new(connector, config.http()).with_classify(classify);
        Ok(Self { http, endpoint, config })
    }

    /// As [`AnthropicConfig::from_env`] says: `ANTHROPIC_API_KEY`, `ANTHROPIC_BASE_URL`.
    ///
    /// # Errors
    ///
    /// `Config` if a setting is missing or wrong.
    pub fn from_env() -> Result<Self> {
        Self::new(AnthropicConfig::from_env()?)
    }
}

#[async_trait]
impl Llm for Anthropic {
    fn info(&self) -> LlmInfo {
        LlmInfo::new(SERVICE)
    }

    async fn chat(&self, request: ChatRequest) -> Result<BoxStream<'static, Result<ChatEvent>>> {
        if request.messages.is_empty() && request.instructions.trim().is_empty() {
            let text = "there is neither an instruction nor a message to answer";
            return Err(Error::new(ErrorKind::Unsupported, SERVICE, text));
        }
        let body = message_body(&self.config, &request);
        let post = HttpRequest::post(self.endpoint.clone());
        let post = post.accept("text/event-stream").json(&body)?;
        let response = self.http.send(post).await?;
        let check = Check::new(SERVICE, &request);
        let check = check.with_start_in_thoughts(self.config.starts_in_thoughts);
        let answer = Answer::new(self.endpoint.clone(), request.tools);
        Ok(checked(decode(response.events(), answer), check))
    }

    async fn warm(&self) -> Result<()> {
        self.http.warm(&self.endpoint).await
    }
}
