//! What can be set, and the one check of it.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_net::{Endpoint, HttpConfig, RetryPolicy, Secret};

use crate::SERVICE;

const URL: &str = "https://api.anthropic.com";

/// The version of the API that is spoken here.
const VERSION: &str = "2023-06-01";

/// The least tokens that the service lets a model think (its reference, `thinking`).
const LEAST_THOUGHTS: u32 = 1_024;

/// Where the service is and what is asked of the model.
///
/// [`Anthropic::new`](crate::Anthropic::new) checks it and names the field, the value and the range
/// of what is wrong. Files write durations as milliseconds, in fields named `…_ms`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct AnthropicConfig {
    /// The key. Default: empty, which is refused.
    pub api_key: Secret,
    /// Where the API is, without `/v1/messages`. Default: `https://api.anthropic.com`.
    pub base_url: String,
    /// Features in trial that are switched on, by name. Default: none.
    pub betas: Vec<String>,
    /// Further headers of every request, as a gateway may want. Default: none.
    pub headers: BTreeMap<String, Secret>,
    /// The model. Default: `claude-haiku-4-5`.
    pub model: String,
    /// The most tokens of an answer, at least 1, where the request does not say; thoughts come on
    /// top. Default: 1,024, several minutes of speech.
    pub max_tokens: u32,
    /// Randomness, 0 to 1, where the request does not say; what a request wants beyond 1 is taken
    /// as 1. Not sent while the model thinks. Default: the model's own.
    pub temperature: Option<f32>,
    /// Whether the model thinks before it answers, during which the caller waits. Default: off.
    pub thinking: Thinking,
    /// Whether the model begins inside its reasoning: all text before a closing mark (`</think>`) is
    /// then reasoning. For models behind a compatible server whose chat template writes the opening
    /// mark. Default: false.
    pub starts_in_thoughts: bool,
    /// Whether the model must or must not call a tool. Default: it decides.
    pub tool_choice: ToolChoice,
    /// Whether several tools may be called at once. Default: true.
    pub parallel_tool_calls: bool,
    /// How long the service keeps what stays the same from turn to turn, which it then reads
    /// sooner and more cheaply. Default: five minutes.
    pub cache: Cache,
    /// How long making a connection may take: 0.01 s to 60 s, default 5 s.
    #[serde(rename = "connect_timeout_ms", with = "voicekit_core::time::in_ms")]
    pub connect_timeout: Duration,
    /// How long the head of an answer may take: 0.01 s to 600 s, default 10 s.
    #[serde(rename = "first_byte_timeout_ms", with = "voicekit_core::time::in_ms")]
    pub first_byte_timeout: Duration,
    /// How long nothing may come within an answer, not even a ping: 0.01 s to 600 s, default 20 s.
    #[serde(rename = "idle_timeout_ms", with = "voicekit_core::time::in_ms")]
    pub idle_timeout: Duration,
    /// How long to wait before each further attempt at a request of which no answer has begun; at
    /// most 10. Default: one further attempt, after 250 ms.
    #[serde(rename = "retry_after_ms", with = "voicekit_core::time::all_in_ms")]
    pub retry_after: Vec<Duration>,
}

/// Whether the model thinks before it answers. Thoughts are never heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Thinking {
    /// It does not.
    #[default]
    Off,
    /// As the model does unless told.
    ModelDefault,
    /// As much as it finds useful.
    Adaptive,
    /// With this many tokens at most, at least 1,024: for models that cannot tell themselves.
    Budget(u32),
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
    /// It must call some tool; not while it thinks.
    Required,
    /// It must call the tool of this name; not while it thinks.
    Tool(String),
}

/// How long the service keeps the start of a request: tools and instructions, and the conversation
/// up to the last message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Cache {
    /// Not at all.
    Off,
    /// For five minutes from its last use.
    #[default]
    FiveMinutes,
    /// For an hour, which costs more: for agents that are called now and then.
    OneHour,
}

impl Default for AnthropicConfig {
    fn default() -> Self {
        Self {
            api_key: Secret::new(""),
            base_url: URL.to_owned(),
            betas: Vec::new(),
            headers: BTreeMap::new(),
            model: "claude-haiku-4-5".to_owned(),
            max_tokens: 1_024,
            temperature: None,
            thinking: Thinking::Off,
            starts_in_thoughts: false,
            tool_choice: ToolChoice::Auto,
            parallel_tool_calls: true,
            cache: Cache::FiveMinutes,
            connect_timeout: Duration::from_secs(5),
            first_byte_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(20),
            retry_after: vec![Duration::from_millis(250)],
        }
    }
}

impl AnthropicConfig {
    /// The defaults with this key.
    pub fn new(api_key: impl Into<Secret>) -> Self {
        Self { api_key: api_key.into(), ..Self::default() }
    }

    /// Settings from the environment: `ANTHROPIC_API_KEY`, and `ANTHROPIC_BASE_URL` if it is not
    /// Anthropic itself.
    ///
    /// # Errors
    ///
    /// `Config` if the key is missing.
    pub fn from_env() -> Result<Self> {
        Self::from_vars(|name| std::env::var(name).ok())
    }

    fn from_vars(var: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let var = |name| {
            let text = var(name)?.trim().to_owned();
            (!text.is_empty()).then_some(text)
        };
        let key = var("ANTHROPIC_API_KEY");
        let key = key.ok_or_else(|| wrong("the environment variable ANTHROPIC_API_KEY is not set"));
        let config = Self::new(key?);
        Ok(match var("ANTHROPIC_BASE_URL") {
            Some(url) => config.with_base_url(url),
            None => config,
        })
    }

    /// Sets [`base_url`](Self::base_url).
    #[must_use]
    pub fn with_base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = url.into();
        self
    }

    /// Sets [`model`](Self::model).
    #[must_use]
    pub fn with_model(mut self, model: impl Into<String>) -> Self {
        self.model = model.into();
        self
    }

    /// Sets [`max_tokens`](Self::max_tokens).
    #[must_use]
    pub fn with_max_tokens(mut self, limit: u32) -> Self {
        self.max_tokens = limit;
        self
    }

    /// Sets [`temperature`](Self::temperature).
    #[must_use]
    pub fn with_temperature(mut self, temperature: f32) -> Self {
        self.temperature = Some(temperature);
        self
    }

    /// Sets [`thinking`](Self::thinking).
    #[must_use]
    pub fn with_thinking(mut self, thinking: Thinking) -> Self {
        self.thinking = thinking;
        self
    }

    /// Sets [`starts_in_thoughts`](Self::starts_in_thoughts).
    #[must_use]
    pub fn with_start_in_thoughts(mut self, starts: bool) -> Self {
        self.starts_in_thoughts = starts;
        self
    }

    /// Sets [`tool_choice`](Self::tool_choice).
    #[must_use]
    pub fn with_tool_choice(mut self, choice: ToolChoice) -> Self {
        self.tool_choice = choice;
        self
    }

    /// Sets [`cache`](Self::cache).
    #[must_use]
    pub fn with_cache(mut self, cache: Cache) -> Self {
        self.cache = cache;
        self
    }

    /// Adds one of the [`headers`](Self::headers).
    #[must_use]
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<Secret>) -> Self {
        self.headers.insert(name.into(), value.into());
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

    pub(crate) fn http(&self) -> HttpConfig {
        HttpConfig::default()
            .with_connect(self.connect_timeout)
            .with_first_byte(self.first_byte_timeout)
            .with_idle(self.idle_timeout)
            .with_retry(RetryPolicy::after(self.retry_after.clone()))
    }

    pub(crate) fn endpoint(&self) -> Result<Endpoint> {
        let url = self.base_url.trim().trim_end_matches('/');
        let mut endpoint = Endpoint::new(SERVICE, url.strip_suffix("/v1").unwrap_or(url))?
            .with_path("v1/messages")?
            .with_header("x-api-key", self.api_key.clone())?
            .with_header("anthropic-version", VERSION)?;
        if !self.betas.is_empty() {
            endpoint = endpoint.with_header("anthropic-beta", self.betas.join(","))?;
        }
        for (name, value) in &self.headers {
            endpoint = endpoint.with_header(name, value.clone())?;
        }
        Ok(endpoint)
    }

    pub(crate) fn check(&self) -> Result<()> {
        if self.api_key.expose().trim().is_empty() {
            return Err(wrong("api_key is empty"));
        }
        if self.model.trim().is_empty() {
            return Err(wrong("model is empty"));
        }
        within("max_tokens", self.max_tokens, 1, u32::MAX)?;
        within("temperature", self.temperature.unwrap_or_default(), 0.0, 1.0)?;
        if let Thinking::Budget(tokens) = self.thinking {
            within("thinking.budget", tokens, LEAST_THOUGHTS, u32::MAX)?;
        }
        let is_forced = matches!(self.tool_choice, ToolChoice::Required | ToolChoice::Tool(_));
        if is_forced && self.thinks() {
            return Err(wrong("tool_choice cannot demand a tool while thinking is on"));
        }
        let (least, minute) = (Duration::from_millis(10), Duration::from_secs(60));
        within("connect_timeout", self.connect_timeout, least, minute)?;
        within("first_byte_timeout", self.first_byte_timeout, least, minute * 10)?;
        within("idle_timeout", self.idle_timeout, least, minute * 10)?;
        within("the number of retry_after", self.retry_after.len(), 0, 10)
    }

    /// Whether the model is told to think.
    pub(crate) fn thinks(&self) -> bool {
        matches!(self.thinking, Thinking::Adaptive | Thinking::Budget(_))
    }
}

fn within<T: PartialOrd + Debug>(field: &str, value: T, least: T, most: T) -> Result<()> {
    if value >= least && value <= most {
        return Ok(());
    }
    Err(wrong(format!("{field} is {value:?}, not within {least:?} to {most:?}")))
}

fn wrong(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::Config, SERVICE, what.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_gives_key_and_address() {
        let from = |vars: &[(&str, &str)]| {
            AnthropicConfig::from_vars(|name| {
                let found = vars.iter().find(|(key, _)| *key == name);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        let key = ("ANTHROPIC_API_KEY", " sk-ant-1 ");
        let config = from(&[key]).unwrap();
        assert_eq!((config.api_key.expose(), config.base_url.as_str()), ("sk-ant-1", URL));
        let config = from(&[key, ("ANTHROPIC_BASE_URL", "http://localhost:1/v1/")]).unwrap();
        assert_eq!(config.endpoint().unwrap().url(), "http://localhost:1/v1/messages");
        let error = from(&[("ANTHROPIC_API_KEY", "")]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.message().contains("ANTHROPIC_API_KEY"), "{error}");
    }
}
