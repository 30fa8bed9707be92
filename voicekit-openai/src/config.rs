//! What can be set, and the one check of it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_net::{HttpConfig, RetryPolicy, Secret};

const OPENAI: &str = "https://api.openai.com/v1";
const GROQ: &str = "https://api.groq.com/openai/v1";

/// Where the service is, how it is spoken to, and what is asked of it.
///
/// [`OpenAi::new`](crate::OpenAi::new) and its siblings check it and name the field, the value and
/// the range of what is wrong. Files write durations as milliseconds, in fields named `…_ms`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct OpenAiConfig {
    /// The key. Default: none, which only a service of one's own accepts.
    pub api_key: Option<Secret>,
    /// Where the API is, with its version and without `/chat/completions`; may have a query.
    /// Default: `https://api.openai.com/v1`.
    pub base_url: String,
    /// How the service differs from OpenAI. Default: what the host of
    /// [`base_url`](Self::base_url) says.
    pub dialect: Option<Dialect>,
    /// The organisation that is billed, of several. Default: the key's own.
    pub organization: Option<String>,
    /// The project that is billed, of several. Default: the key's own.
    pub project: Option<String>,
    /// Further headers of every request, as a gateway may want. Default: none.
    pub headers: BTreeMap<String, Secret>,
    /// How long making a connection may take: 0.01 s to 60 s, default 5 s.
    #[serde(rename = "connect_timeout_ms", with = "voicekit_core::time::in_ms")]
    pub connect_timeout: Duration,
    /// How long the head of an answer may take: 0.01 s to 600 s, default 10 s.
    #[serde(rename = "first_byte_timeout_ms", with = "voicekit_core::time::in_ms")]
    pub first_byte_timeout: Duration,
    /// How long nothing may come within an answer: 0.01 s to 600 s, default 20 s.
    #[serde(rename = "idle_timeout_ms", with = "voicekit_core::time::in_ms")]
    pub idle_timeout: Duration,
    /// How long to wait before each further attempt at a request of which no answer has begun; at
    /// most 10. Default: one further attempt, after 250 ms.
    #[serde(rename = "retry_after_ms", with = "voicekit_core::time::all_in_ms")]
    pub retry_after: Vec<Duration>,
    /// What is asked of the language model.
    pub chat: ChatConfig,
    /// What is asked of the embedder.
    pub embedding: EmbeddingConfig,
    /// What is asked of the voice.
    pub speech: SpeechConfig,
}

/// What is asked of the language model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ChatConfig {
    /// The model. Default: `gpt-4.1-mini`; on Groq `llama-3.3-70b-versatile`.
    pub model: String,
    /// Randomness, 0 to 2, where the request does not say. Default: the model's own.
    pub temperature: Option<f32>,
    /// The most tokens of an answer, at least 1, where the request does not say. Default: no limit.
    pub max_tokens: Option<u32>,
    /// Whether the model must or must not call a tool. Default: it decides.
    pub tool_choice: ToolChoice,
    /// Whether several tools may be called at once. Default: the service's own.
    pub parallel_tool_calls: Option<bool>,
    /// How much a reasoning model thinks before it answers: `none`, `minimal`, `low` …; the less,
    /// the sooner it speaks. Default: the model's own.
    pub reasoning_effort: Option<String>,
    /// Whether the model begins inside its reasoning: its chat template writes the opening mark
    /// (`<think>`), so that only the closing one is in the answer. All text before the closing mark
    /// is then reasoning. Set it for such a model (DeepSeek-R1, QwQ, Qwen3-Thinking and others) on a
    /// server that does not separate reasoning: without it, what came before the mark may have been
    /// spoken by the time that the mark arrives. Default: false.
    pub starts_in_thoughts: bool,
    /// Whether to ask what an answer cost. Off for servers that refuse `stream_options`.
    /// Default: true.
    pub usage: bool,
    /// Further fields of the request, which go before all others. Default: none.
    pub extra: Map<String, Value>,
}

/// What is asked of the embedder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct EmbeddingConfig {
    /// The model. Default: `text-embedding-3-small`.
    pub model: String,
    /// The dimensions of a vector, at least 1, of models that let one choose (`…-3-…`).
    /// Default: the model's own.
    pub dimensions: Option<u32>,
    /// The most texts in a request: 1 to 2,048 (the API's limit), default 256. Texts of more than
    /// 300,000 bytes together are split over requests in any case: no tokeniser makes more tokens
    /// than bytes, and 300,000 tokens is the API's limit.
    pub batch: usize,
}

/// What is asked of the voice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct SpeechConfig {
    /// The model. Default: `gpt-4o-mini-tts`.
    pub model: String,
    /// The voice, where the request does not say. Default: `alloy`.
    pub voice: String,
    /// How to speak, in words, for models that listen to it. Default: nothing.
    pub instructions: Option<String>,
    /// How fast, 0.25 to 4. Default: 1.
    pub speed: f32,
}

/// How a service differs from OpenAI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Dialect {
    /// OpenAI itself.
    OpenAi,
    /// Groq: refuses some fields, reports usage in a place of its own, has no embeddings and no
    /// raw audio.
    Groq,
    /// Azure: the key goes in a header of its own.
    Azure,
    /// vLLM, llama.cpp, Ollama and whatever else follows OpenAI: the limit of tokens has its old
    /// name, the key is optional, embeddings come as numbers.
    Compatible,
}

/// Whether the model must or must not call a tool, where there are any.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ToolChoice {
    /// The model decides.
    #[default]
    Auto,
    /// It must not.
    None,
    /// It must call some tool.
    Required,
    /// It must call the tool of this name.
    Tool(String),
}

impl Default for OpenAiConfig {
    fn default() -> Self {
        Self {
            api_key: None,
            base_url: OPENAI.to_owned(),
            dialect: None,
            organization: None,
            project: None,
            headers: BTreeMap::new(),
            connect_timeout: Duration::from_secs(5),
            first_byte_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(20),
            retry_after: vec![Duration::from_millis(250)],
            chat: ChatConfig::default(),
            embedding: EmbeddingConfig::default(),
            speech: SpeechConfig::default(),
        }
    }
}

impl Default for ChatConfig {
    fn default() -> Self {
        Self {
            model: "gpt-4.1-mini".to_owned(),
            temperature: None,
            max_tokens: None,
            tool_choice: ToolChoice::Auto,
            parallel_tool_calls: None,
            reasoning_effort: None,
            starts_in_thoughts: false,
            usage: true,
            extra: Map::new(),
        }
    }
}

impl Default for EmbeddingConfig {
    fn default() -> Self {
        Self { model: "text-embedding-3-small".to_owned(), dimensions: None, batch: 256 }
    }
}

impl Default for SpeechConfig {
    fn default() -> Self {
        Self {
            model: "gpt-4o-mini-tts".to_owned(),
            voice: "alloy".to_owned(),
            instructions: None,
            speed: 1.0,
        }
    }
}

impl OpenAiConfig {
    /// OpenAI with this key.
    pub fn new(api_key: impl Into<Secret>) -> Self {
        Self { api_key: Some(api_key.into()), ..Self::default() }
    }

    /// Groq with this key.
    pub fn groq(api_key: impl Into<Secret>) -> Self {
        Self::new(api_key).with_base_url(GROQ).with_model("llama-3.3-70b-versatile")
    }

    /// A deployment on Azure: `resource` is `https://NAME.openai.azure.com`.
    pub fn azure(
        resource: &str,
        deployment: &str,
        api_version: &str,
        api_key: impl Into<Secret>,
    ) -> Self {
        let resource = resource.trim_end_matches('/');
        let url = format!("{resource}/openai/deployments/{deployment}?api-version={api_version}");
        let config = Self::new(api_key).with_base_url(url).with_dialect(Dialect::Azure);
        config.with_model(deployment)
    }

    /// A server of one's own that speaks as OpenAI does (`http://host:8000/v1`), with this model.
    pub fn compatible(base_url: impl Into<String>, model: impl Into<String>) -> Self {
        let config = Self::default().with_base_url(base_url).with_model(model);
        config.with_dialect(Dialect::Compatible)
    }

    /// Settings from the environment: `OPENAI_API_KEY`, and `OPENAI_BASE_URL` (such as
    /// `http://host/v1`) if it is not OpenAI itself. A server that is neither OpenAI, Groq nor
    /// Azure needs no key.
    ///
    /// # Errors
    ///
    /// `Config` if the key is missing.
    pub fn from_env() -> Result<Self> {
        Self::from_vars(|name| std::env::var(name).ok())
    }

    /// Groq, with the key from the environment: `GROQ_API_KEY`.
    ///
    /// # Errors
    ///
    /// `Config` if it is missing.
    pub fn groq_from_env() -> Result<Self> {
        Ok(Self::groq(Secret::from_env("groq", "GROQ_API_KEY")?))
    }

    fn from_vars(var: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let var = |name| {
            let text = var(name)?.trim().to_owned();
            (!text.is_empty()).then_some(text)
        };
        let url = var("OPENAI_BASE_URL").unwrap_or_else(|| OPENAI.to_owned());
        let config = Self::default().with_base_url(url);
        match var("OPENAI_API_KEY") {
            Some(key) => Ok(config.with_api_key(key)),
            None if config.spoken_dialect() == Dialect::Compatible => Ok(config),
            None => Err(config.wrong("the environment variable OPENAI_API_KEY is not set")),
        }
    }

    /// Sets [`api_key`](Self::api_key).
    #[must_use]
    pub fn with_api_key(mut self, key: impl Into<Secret>) -> Self {
        self.api_key = Some(key.into());
        self
    }

    /// Sets [`base_url`](Self::base_url).
    #[must_use]
    pub fn with_base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = url.into();
        self
    }

    /// Sets [`dialect`](Self::dialect).
    #[must_use]
    pub fn with_dialect(mut self, dialect: Dialect) -> Self {
        self.dialect = Some(dialect);
        self
    }

    /// Adds one of the [`headers`](Self::headers).
    #[must_use]
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<Secret>) -> Self {
        self.headers.insert(name.into(), value.into());
        self
    }

    /// Sets the model of [`chat`](Self::chat).
    #[must_use]
    pub fn with_model(mut self, model: impl Into<String>) -> Self {
        self.chat.model = model.into();
        self
    }

    /// Sets [`starts_in_thoughts`](ChatConfig::starts_in_thoughts) of [`chat`](Self::chat).
    #[must_use]
    pub fn with_start_in_thoughts(mut self, starts: bool) -> Self {
        self.chat.starts_in_thoughts = starts;
        self
    }

    /// Sets [`connect_timeout`](Self::connect_timeout).
    #[must_use]
    pub fn with_connect_timeout(mut self, limit: Duration) -> Self {
        self.connect_timeout = limit;
        self
    }

    /// Sets [`first_byte_timeout`](Self::first_byte_timeout).
    #[must_use]
    pub fn with_first_byte_timeout(mut self, limit: Duration) -> Self {
        self.first_byte_timeout = limit;
        self
    }

    /// Sets [`idle_timeout`](Self::idle_timeout).
    #[must_use]
    pub fn with_idle_timeout(mut self, limit: Duration) -> Self {
        self.idle_timeout = limit;
        self
    }

    /// Sets [`retry_after`](Self::retry_after).
    #[must_use]
    pub fn with_retry_after(mut self, waits: impl Into<Vec<Duration>>) -> Self {
        self.retry_after = waits.into();
        self
    }

    /// Sets [`chat`](Self::chat).
    #[must_use]
    pub fn with_chat(mut self, chat: ChatConfig) -> Self {
        self.chat = chat;
        self
    }

    /// Sets [`embedding`](Self::embedding).
    #[must_use]
    pub fn with_embedding(mut self, embedding: EmbeddingConfig) -> Self {
        self.embedding = embedding;
        self
    }

    /// Sets [`speech`](Self::speech).
    #[must_use]
    pub fn with_speech(mut self, speech: SpeechConfig) -> Self {
        self.speech = speech;
        self
    }

    pub(crate) fn spoken_dialect(&self) -> Dialect {
        self.dialect.unwrap_or_else(|| Dialect::of(&self.base_url))
    }

    pub(crate) fn http(&self) -> HttpConfig {
        HttpConfig::default()
            .with_connect(self.connect_timeout)
            .with_first_byte(self.first_byte_timeout)
            .with_idle(self.idle_timeout)
            .with_retry(RetryPolicy::after(self.retry_after.clone()))
    }

    /// Checks what every part needs.
    pub(crate) fn check(&self) -> Result<()> {
        if self.api_key.is_none() && self.spoken_dialect() != Dialect::Compatible {
            return Err(self.wrong("api_key is not set"));
        }
        let (least, minute) = (Duration::from_millis(10), Duration::from_secs(60));
        self.within("connect_timeout", self.connect_timeout, least, minute)?;
        self.within("first_byte_timeout", self.first_byte_timeout, least, minute * 10)?;
        self.within("idle_timeout", self.idle_timeout, least, minute * 10)?;
        self.within("the number of retry_after", self.retry_after.len(), 0, 10)
    }

    pub(crate) fn check_chat(&self) -> Result<()> {
        self.filled("chat.model", &self.chat.model)?;
        if let Some(temperature) = self.chat.temperature {
            self.within("chat.temperature", temperature, 0.0, 2.0)?;
        }
        self.within("chat.max_tokens", self.chat.max_tokens.unwrap_or(1), 1, u32::MAX)
    }

    pub(crate) fn check_embedding(&self) -> Result<()> {
        if self.spoken_dialect() == Dialect::Groq {
            return Err(Error::new(ErrorKind::Unsupported, "groq", "there are no embeddings"));
        }
        self.filled("embedding.model", &self.embedding.model)?;
        self.within("embedding.dimensions", self.embedding.dimensions.unwrap_or(1), 1, u32::MAX)?;
        self.within("embedding.batch", self.embedding.batch, 1, 2_048)
    }

    pub(crate) fn check_speech(&self) -> Result<()> {
        if self.spoken_dialect() == Dialect::Groq {
            return Err(Error::new(ErrorKind::Unsupported, "groq", "there is no raw audio"));
        }
        self.filled("speech.model", &self.speech.model)?;
        self.filled("speech.voice", &self.speech.voice)?;
        self.within("speech.speed", self.speech.speed, 0.25, 4.0)
    }

    fn filled(&self, field: &str, value: &str) -> Result<()> {
        if value.trim().is_empty() { Err(self.wrong(format!("{field} is empty"))) } else { Ok(()) }
    }

    fn within<T>(&self, field: &str, value: T, least: T, most: T) -> Result<()>
    where
        T: PartialOrd + std::fmt::Debug,
    {
        if value >= least && value <= most {
            return Ok(());
        }
        Err(self.wrong(format!("{field} is {value:?}, not within {least:?} to {most:?}")))
    }

    fn wrong(&self, what: impl Into<String>) -> Error {
        Error::new(ErrorKind::Config, self.spoken_dialect().name(), what.into())
    }
}

impl Dialect {
    /// The dialect of the service at `url`.
    fn of(url: &str) -> Self {
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        let host = rest.split(['/', ':', '?']).next().unwrap_or_default().to_ascii_lowercase();
        match host.as_str() {
            "api.openai.com" => Self::OpenAi,
            "api.groq.com" => Self::Groq,
            host if host.ends_with(".azure.com") => Self::Azure,
            _ => Self::Compatible,
        }
    }

    /// What the service is called in errors, logs and traces.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Groq => "groq",
            Self::Azure => "azure-openai",
            Self::Compatible => "openai-compatible",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(vars: &[(&str, &str)]) -> Result<OpenAiConfig> {
        OpenAiConfig::from_vars(|name| {
            let found = vars.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_environment_gives_key_and_address() {
        let config = from(&[("OPENAI_API_KEY", " sk-1 ")]).unwrap();
        assert_eq!(config.api_key.as_ref().unwrap().expose(), "sk-1");
        assert_eq!((config.base_url.as_str(), config.spoken_dialect()), (OPENAI, Dialect::OpenAi));
        let local = from(&[("OPENAI_BASE_URL", "http://localhost:8000/v1")]).unwrap();
        assert_eq!((local.api_key.is_none(), local.spoken_dialect()), (true, Dialect::Compatible));
        let error = from(&[("OPENAI_API_KEY", "")]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.message().contains("OPENAI_API_KEY"), "{error}");
        assert!(from(&[("OPENAI_BASE_URL", "https://api.groq.com/openai/v1")]).is_err());
    }

    #[test]
    fn the_host_says_which_dialect_it_speaks() {
        for (url, dialect) in [
            ("https://API.openai.com/v1", Dialect::OpenAi),
            ("https://api.groq.com:443/openai/v1", Dialect::Groq),
            ("https://x.openai.azure.com?api-version=1", Dialect::Azure),
            ("http://api.openai.com.evil.test/v1", Dialect::Compatible),
            ("http://[::1]:8000/v1", Dialect::Compatible),
        ] {
            assert_eq!(Dialect::of(url), dialect, "{url}");
        }
    }
}
