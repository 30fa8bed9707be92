//! The language model.

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::BoxStream;
use voicekit_core::answer::{Check, checked};
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_core::llm::{ChatEvent, ChatRequest, Llm, LlmInfo};
use voicekit_net::{Connector, HttpRequest, decode};

use crate::client::Client;
use crate::config::{ChatConfig, OpenAiConfig};
use crate::wire::{Answer, chat_body};

/// A language model behind `POST /chat/completions`. Clones share their connections.
///
/// What the answer's end means: `stop`, `length`, tool calls and an unknown reason are
/// [`Done`](ChatEvent::Done) if the answer holds a word or a tool call, and a `Protocol` error
/// otherwise. Reasons that are failures are errors: `content_filter` is `Rejected`,
/// `insufficient_system_resource` is `RateLimited`, `error` and `abort` are `Connection`. A call
/// that `length` has cut off is `Rejected`; an answer that just ends is `Protocol`. A refusal in
/// words is text. Reasoning is never text.
///
/// Servers that answer with a whole completion, or with an error in an answer of status 200, are
/// understood as well.
#[derive(Clone, Debug)]
pub struct OpenAi {
    client: Client,
    config: ChatConfig,
}

impl OpenAi {
    /// A model as `config` says.
    ///
    /// # Errors
    ///
    /// `Config` if a setting is wrong.
    pub fn new(config: OpenAiConfig) -> Result<Self> {
        Self::with_connector(config, Connector::new()?)
    }

    /// A model that is reached by `connector`: through a proxy, or with a certificate of one's own.
    ///
    /// # Errors
    ///
    /// `Config` if a setting is wrong.
    pub fn with_connector(config: OpenAiConfig, connector: Connector) -> Result<Self> {
        let client = Client::new(&config, connector, "chat/completions")?;
        config.check_chat()?;
        Ok(Self { client, config: config.chat })
    }

    /// As [`OpenAiConfig::from_env`] says: `OPENAI_API_KEY`, `OPENAI_BASE_URL`.
    ///
    /// # Errors
    ///
    /// `Config` if a setting is missing or wrong.
    pub fn from_env() -> Result<Self> {
        Self::new(OpenAiConfig::from_env()?)
    }

    /// A model on Groq: `GROQ_API_KEY`.
    ///
    /// # Errors
    ///
    /// `Config` if a setting is missing or wrong.
    pub fn groq_from_env() -> Result<Self> {
        Self::new(OpenAiConfig::groq_from_env()?)
    }
}

#[async_trait]
impl Llm for OpenAi {
    fn info(&self) -> LlmInfo {
        LlmInfo::new(self.client.dialect.name())
    }

    async fn chat(&self, request: ChatRequest) -> Result<BoxStream<'static, Result<ChatEvent>>> {
        let endpoint = &self.client.endpoint;
        if request.messages.is_empty() && request.instructions.trim().is_empty() {
            let text = "there is neither an instruction nor a message to answer";
            return Err(Error::new(ErrorKind::Unsupported, endpoint.service(), text));
        }
        let body = chat_body(&self.config, self.client.dialect, &request);
        let post = HttpRequest::post(endpoint.clone()).accept("text/event-stream").json(&body)?;
        let response = self.client.http.send(post).await?;
        let service = endpoint.service();
        let starts_in_thoughts = self.config.starts_in_thoughts;
        let check = Check::new(service, &request).with_start_in_thoughts(starts_in_thoughts);
        let answer = Answer::new(endpoint.clone(), request.tools);
        let events = checked(decode(response.events(), answer), check);
        Ok(events.inspect(move |event| warn_of_thoughts(service, event)).boxed())
    }

    async fn warm(&self) -> Result<()> {
        self.client.http.warm(&self.client.endpoint).await
    }
}

/// A model whose reasoning was recognized only at its end has spoken it.
fn warn_of_thoughts(service: &'static str, event: &Result<ChatEvent>) {
    if matches!(event, Ok(ChatEvent::Retracted)) {
        let remedy = "set chat.starts_in_thoughts, or let the server separate reasoning";
        tracing::warn!(service, remedy, "the model closed reasoning that it had not opened");
    }
}
