//! What can be set, and the one check of it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_net::Secret;

use crate::account::Account;
use crate::{SERVICE, wire};

/// How calls are accepted and how long the carrier is waited for.
///
/// [`routes`](crate::routes) checks it and names the field, the value and the range of what is
/// wrong. Files write durations as milliseconds, in fields named `…_ms`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct TwilioConfig {
    /// The account's auth tokens, any of which may have signed a request: the primary one, and
    /// the secondary one while it is rotated. Default: none.
    pub auth_tokens: Vec<Secret>,
    /// Where the carrier reaches this server: `https://host[:port][/prefix]`. Signatures are
    /// checked against it, and the media stream is opened at the same place as `wss://`.
    /// Default: unknown, in which case the request's `Host` header is taken, without TLS.
    pub public_url: Option<String>,
    /// Whether `X-Forwarded-Proto` and `X-Forwarded-Host` are believed where
    /// [`public_url`](Self::public_url) is not set. Only for servers that nobody reaches but
    /// through a proxy that sets both. Default: false.
    pub trust_forwarded_headers: bool,
    /// What to do about a webhook request without a valid signature. Default: require.
    pub signature: SignaturePolicy,
    /// The same for the media stream's WebSocket handshake. Which text the carrier signs there is
    /// not published; the likely ones are accepted, and the one-time token is checked in any
    /// case. Default: as [`signature`](Self::signature).
    pub upgrade_signature: Option<SignaturePolicy>,
    /// What to do about a media stream without a one-time token. One with a wrong or used token
    /// is always refused. Default: require.
    pub token: TokenPolicy,
    /// How long after the webhook the media stream may start: 1 s to 1 h, default 60 s.
    #[serde(rename = "token_ttl_ms", with = "voicekit_core::time::in_ms")]
    pub token_ttl: Duration,
    /// How long a new socket may take to say which call it is: 0.1 s to 60 s, default 10 s.
    #[serde(rename = "start_timeout_ms", with = "voicekit_core::time::in_ms")]
    pub start_timeout: Duration,
    /// After how long without any message the line counts as lost; the carrier sends one every
    /// 20 ms: 1 s to 60 s, default 5 s.
    #[serde(rename = "watchdog_ms", with = "voicekit_core::time::in_ms")]
    pub watchdog: Duration,
    /// How long sending waits for room in a full outbound queue before the line counts as
    /// broken: 0.1 s to 60 s, default 5 s.
    #[serde(rename = "write_timeout_ms", with = "voicekit_core::time::in_ms")]
    pub write_timeout: Duration,
    /// The longest message accepted: 1 KiB to 1 MiB, default 64 KiB. The carrier's have some
    /// 300 bytes.
    pub max_frame_bytes: usize,
    /// How many bytes of messages may wait for the network before sending waits, too: 4 KiB to
    /// 1 MiB, default 64 KiB, which is four seconds of speech.
    pub outbound_queue_bytes: usize,
    /// The path of the voice webhook. Default: `/twilio/voice`.
    pub answer_path: String,
    /// The path of the media stream. Default: `/twilio/media`.
    pub media_path: String,
    /// What every call carries in its [`parameters`](voicekit_core::transport::CallInfo): name
    /// and value together have less than 500 characters; `token` is taken. Default: none.
    pub parameters: BTreeMap<String, String>,
    /// The account whose REST interface transfers calls and presses keys. Default: none, and lines
    /// have no [call control](voicekit_core::control::CallControl).
    pub account: Option<Account>,
}

/// What to do about a request that its signature does not vouch for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SignaturePolicy {
    /// Refuse it with status 403.
    Require,
    /// Log a warning and go on.
    Warn,
    /// Do not look.
    Off,
}

/// What to do about a media stream that brings no one-time token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TokenPolicy {
    /// Refuse it: only the webhook's own answer leads to a call.
    #[default]
    Require,
    /// Take the call, as one that no webhook announced: whoever reaches the socket can talk to
    /// the agent.
    IfPresent,
}

impl TwilioConfig {
    /// Calls of the account with this auth token, arriving at `public_url`.
    pub fn new(auth_token: impl Into<Secret>, public_url: impl Into<String>) -> Self {
        Self {
            auth_tokens: vec![auth_token.into()],
            public_url: Some(public_url.into()),
            ..Self::default()
        }
    }

    /// Settings from the environment: `TWILIO_AUTH_TOKEN` (several may be given, with commas
    /// between them) and `PUBLIC_URL`. With `TWILIO_ACCOUNT_SID`, calls can be transferred; the
    /// requests are made with `TWILIO_API_KEY` and `TWILIO_API_SECRET` if these are set, otherwise
    /// with the first auth token.
    ///
    /// # Errors
    ///
    /// `Config` if one of them is missing or wrong.
    pub fn from_env() -> Result<Self> {
        Self::from_vars(|name| std::env::var(name).ok())
    }

    /// For simulated calls on this machine: signatures are not looked at, the media stream may be
    /// called without asking the webhook first, its address is taken from the `Host` header, and
    /// there is no TLS.
    ///
    /// Whoever reaches such a server can talk to the agent: never make it public.
    pub fn local() -> Self {
        Self { signature: SignaturePolicy::Off, token: TokenPolicy::IfPresent, ..Self::default() }
    }

    fn from_vars(var: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let require = |name: &str, remedy: &str| {
            let message = || format!("the environment variable {name} is not set: {remedy}");
            var(name).filter(|value| !value.trim().is_empty()).ok_or_else(|| wrong(message()))
        };
        let tokens = require(
            "TWILIO_AUTH_TOKEN",
            "copy the auth token from the console, or use TwilioConfig::local() for simulated calls",
        )?;
        let public_url =
            require("PUBLIC_URL", "it is where the carrier reaches this server, https://…")?;
        let auth_tokens: Vec<_> =
            tokens.split(',').map(|token| Secret::new(token.trim())).collect();
        let set = |name: &str| var(name).map(|value| value.trim().to_owned());
        let set = |name: &str| set(name).filter(|value| !value.is_empty());
        let account = set("TWILIO_ACCOUNT_SID").zip(auth_tokens.first().cloned());
        let account = account.map(|(sid, token)| Account::new(sid, token));
        let account = match (account, set("TWILIO_API_KEY"), set("TWILIO_API_SECRET")) {
            (Some(account), Some(key), Some(secret)) => Some(account.with_key(key, secret)),
            (_, None, Some(_)) | (_, Some(_), None) => {
                return Err(wrong("TWILIO_API_KEY and TWILIO_API_SECRET go together"));
            }
            (account, _, _) => account,
        };
        let public_url = Some(public_url.trim().to_owned());
        let config = Self { auth_tokens, public_url, account, ..Self::default() };
        config.check()?;
        Ok(config)
    }

    /// Adds an auth token, for the time of a rotation.
    #[must_use]
    pub fn with_auth_token(mut self, token: impl Into<Secret>) -> Self {
        self.auth_tokens.push(token.into());
        self
    }

    /// Sets [`public_url`](Self::public_url).
    #[must_use]
    pub fn with_public_url(mut self, url: impl Into<String>) -> Self {
        self.public_url = Some(url.into());
        self
    }

    /// Sets [`trust_forwarded_headers`](Self::trust_forwarded_headers).
    #[must_use]
    pub fn with_trusted_forwarded_headers(mut self, trust: bool) -> Self {
        self.trust_forwarded_headers = trust;
        self
    }

    /// Sets [`signature`](Self::signature).
    #[must_use]
    pub fn with_signature(mut self, policy: SignaturePolicy) -> Self {
        self.signature = policy;
        self
    }

    /// Sets [`upgrade_signature`](Self::upgrade_signature).
    #[must_use]
    pub fn with_upgrade_signature(mut self, policy: SignaturePolicy) -> Self {
        self.upgrade_signature = Some(policy);
        self
    }

    /// Sets [`token`](Self::token).
    #[must_use]
    pub fn with_token(mut self, policy: TokenPolicy) -> Self {
        self.token = policy;
        self
    }

    /// Sets [`token_ttl`](Self::token_ttl).
    #[must_use]
    pub fn with_token_ttl(mut self, ttl: Duration) -> Self {
        self.token_ttl = ttl;
        self
    }

    /// Sets [`start_timeout`](Self::start_timeout).
    #[must_use]
    pub fn with_start_timeout(mut self, timeout: Duration) -> Self {
        self.start_timeout = timeout;
        self
    }

    /// Sets [`watchdog`](Self::watchdog).
    #[must_use]
    pub fn with_watchdog(mut self, watchdog: Duration) -> Self {
        self.watchdog = watchdog;
        self
    }

    /// Sets [`write_timeout`](Self::write_timeout).
    #[must_use]
    pub fn with_write_timeout(mut self, timeout: Duration) -> Self {
        self.write_timeout = timeout;
        self
    }

    /// Sets [`max_frame_bytes`](Self::max_frame_bytes).
    #[must_use]
    pub fn with_max_frame_bytes(mut self, bytes: usize) -> Self {
        self.max_frame_bytes = bytes;
        self
    }

    /// Sets [`outbound_queue_bytes`](Self::outbound_queue_bytes).
    #[must_use]
    pub fn with_outbound_queue_bytes(mut self, bytes: usize) -> Self {
        self.outbound_queue_bytes = bytes;
        self
    }

    /// Sets [`answer_path`](Self::answer_path).
    #[must_use]
    pub fn with_answer_path(mut self, path: impl Into<String>) -> Self {
        self.answer_path = path.into();
        self
    }

    /// Sets [`media_path`](Self::media_path).
    #[must_use]
    pub fn with_media_path(mut self, path: impl Into<String>) -> Self {
        self.media_path = path.into();
        self
    }

    /// Adds one of the [`parameters`](Self::parameters).
    #[must_use]
    pub fn with_parameter(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.parameters.insert(name.into(), value.into());
        self
    }

    /// Sets [`account`](Self::account).
    #[must_use]
    pub fn with_account(mut self, account: Account) -> Self {
        self.account = Some(account);
        self
    }

    /// Where the carrier asks what to do with a call, if that is known.
    pub(crate) fn answer_url(&self) -> Option<String> {
        let place = self.public_url.as_ref()?.trim_end_matches('/');
        Some(format!("{place}{}", self.answer_path))
    }

    pub(crate) fn upgrade_policy(&self) -> SignaturePolicy {
        self.upgrade_signature.unwrap_or(self.signature)
    }

    pub(crate) fn check(&self) -> Result<()> {
        self.check_tokens()?;
        self.check_url()?;
        self.account.as_ref().map_or(Ok(()), Account::check)?;
        let (ms, s) = (Duration::from_millis, Duration::from_secs);
        within("token_ttl", self.token_ttl, s(1), s(3_600))?;
        within("start_timeout", self.start_timeout, ms(100), s(60))?;
        within("watchdog", self.watchdog, s(1), s(60))?;
        within("write_timeout", self.write_timeout, ms(100), s(60))?;
        within("max_frame_bytes", self.max_frame_bytes, 1 << 10, 1 << 20)?;
        within("outbound_queue_bytes", self.outbound_queue_bytes, 4 << 10, 1 << 20)?;
        check_path("answer_path", &self.answer_path)?;
        check_path("media_path", &self.media_path)?;
        if self.answer_path == self.media_path {
            let path = &self.media_path;
            return Err(wrong(format!("answer_path and media_path are both `{path}`")));
        }
        self.parameters.iter().try_for_each(|(name, value)| check_parameter(name, value))
    }

    fn check_tokens(&self) -> Result<()> {
        let unfit = |token: &Secret| {
            let token = token.expose();
            token.is_empty() || token == Secret::REDACTED || token.contains(char::is_whitespace)
        };
        if let Some(index) = self.auth_tokens.iter().position(unfit) {
            let message = "is not an auth token: it is empty, redacted, or has spaces in it";
            return Err(wrong(format!("auth_tokens[{index}] {message}")));
        }
        let checks = |policy| policy != SignaturePolicy::Off;
        if !checks(self.signature) && !checks(self.upgrade_policy()) {
            return Ok(());
        }
        if self.auth_tokens.is_empty() {
            return Err(wrong(
                "auth_tokens is empty, so no signature can be checked: set the account's auth \
                 token, or use TwilioConfig::local() for simulated calls",
            ));
        }
        if self.public_url.is_none() && !self.trust_forwarded_headers {
            return Err(wrong(
                "public_url is not set, so no signature can be checked: set it to \
                 https://host[/prefix], or trust_forwarded_headers behind a proxy",
            ));
        }
        Ok(())
    }

    fn check_url(&self) -> Result<()> {
        let Some(url) = &self.public_url else { return Ok(()) };
        let rest = url.strip_prefix("https://").unwrap_or_default();
        let (host, prefix) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        if is_host(host) && prefix.bytes().all(is_path_byte) {
            return Ok(());
        }
        Err(wrong("public_url must be https://host[:port][/prefix], without user or query"))
    }
}

impl Default for TwilioConfig {
    fn default() -> Self {
        Self {
            auth_tokens: Vec::new(),
            public_url: None,
            trust_forwarded_headers: false,
            signature: SignaturePolicy::Require,
            upgrade_signature: None,
            token: TokenPolicy::Require,
            token_ttl: Duration::from_secs(60),
            start_timeout: Duration::from_secs(10),
            watchdog: Duration::from_secs(5),
            write_timeout: Duration::from_secs(5),
            max_frame_bytes: 64 << 10,
            outbound_queue_bytes: 64 << 10,
            answer_path: "/twilio/voice".to_owned(),
            media_path: "/twilio/media".to_owned(),
            parameters: BTreeMap::new(),
            account: None,
        }
    }
}

/// Whether `host` is `name[:port]`, and nothing that could smuggle a path into a URL.
pub(crate) fn is_host(host: &str) -> bool {
    !host.is_empty()
        && host.len() <= 255
        && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_:[]".contains(&b))
}

fn within<T: PartialOrd + std::fmt::Debug>(name: &str, value: T, min: T, max: T) -> Result<()> {
    if value >= min && value <= max {
        return Ok(());
    }
    Err(wrong(format!("{name} is {value:?}, but must be from {min:?} to {max:?}")))
}

fn check_path(name: &str, path: &str) -> Result<()> {
    if path.len() > 1 && path.starts_with('/') && path.bytes().all(is_path_byte) {
        return Ok(());
    }
    let message = "but must be a plain path such as /twilio/voice, without a query";
    Err(wrong(format!("{name} is `{path}`, {message}")))
}

/// Letters, digits and what needs no escaping in a path or means anything to the router.
fn is_path_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"/-._~".contains(&b)
}

fn check_parameter(name: &str, value: &str) -> Result<()> {
    if name.is_empty() || name == wire::TOKEN_PARAMETER {
        return Err(wrong(format!("parameters has a name that cannot be used: `{name}`")));
    }
    if name.contains(char::is_control) || value.contains(char::is_control) {
        return Err(wrong(format!("parameters[{name:?}] has control characters")));
    }
    let length = name.chars().count() + value.chars().count();
    if length >= wire::MAX_PARAMETER_CHARS {
        let message = format!("has {length} characters with its name, but must have less than 500");
        return Err(wrong(format!("parameters[{name:?}] {message}")));
    }
    Ok(())
}

fn wrong(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Config, SERVICE, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_vars(vars: &[(&str, &str)]) -> Result<TwilioConfig> {
        TwilioConfig::from_vars(|name| {
            vars.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_environment_may_name_several_tokens() {
        let url = ("PUBLIC_URL", "https://agent.example.com");
        let config = from_vars(&[("TWILIO_AUTH_TOKEN", "one, two"), url]).unwrap();
        let tokens: Vec<_> = config.auth_tokens.iter().map(Secret::expose).collect();
        assert_eq!(tokens, ["one", "two"]);
    }

    #[test]
    fn a_missing_variable_is_named_with_its_remedy() {
        let error = from_vars(&[("PUBLIC_URL", "https://agent.example.com")]).unwrap_err();
        assert!(error.message().contains("TWILIO_AUTH_TOKEN"));
        assert!(error.message().contains("TwilioConfig::local()"));
        let error = from_vars(&[("TWILIO_AUTH_TOKEN", "one")]).unwrap_err();
        assert!(error.message().contains("PUBLIC_URL"));
        let vars = [("TWILIO_AUTH_TOKEN", "one,"), ("PUBLIC_URL", "https://agent.example.com")];
        assert!(from_vars(&vars).unwrap_err().message().contains("auth_tokens[1]"));
    }
}
