//! Where a service is and how it knows us.

use std::fmt;

use hyper::header::{HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use hyper::http::uri::{Authority, PathAndQuery, Scheme};
use hyper::{Request, Uri};
use voicekit_core::error::{Error, ErrorKind, Result};

use crate::secret::Secret;

/// What services see of us. Some front ends refuse requests without it.
const AGENT: &str = concat!("voicekit/", env!("CARGO_PKG_VERSION"));

/// A URL, the headers that go with it, and the name of the service for errors and logs.
///
/// Neither `Debug` nor any error shows a header's value or the query.
#[derive(Clone)]
pub struct Endpoint {
    service: &'static str,
    uri: Uri,
    headers: HeaderMap,
    secrets: Vec<Secret>,
}

impl Endpoint {
    /// The `service` at `url`, which starts with `ws`, `wss`, `http` or `https`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if it is no such URL, or holds a user name or password.
    pub fn new(service: &'static str, url: &str) -> Result<Self> {
        let wrong = |what| Error::new(ErrorKind::Config, service, what);
        let uri: Uri = url.trim().parse().map_err(|_| wrong("the URL cannot be read"))?;
        if !matches!(uri.scheme_str(), Some("ws" | "wss" | "http" | "https")) {
            return Err(wrong("the URL must start with ws://, wss://, http:// or https://"));
        }
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err(wrong("the URL must not hold a user name or password"));
        }
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        Ok(Self { service, uri, headers, secrets: Vec::new() })
    }

    /// Sends a header with every request. Its value is treated as a secret.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if the name or the value cannot stand in a header.
    pub fn with_header(mut self, name: &str, value: impl Into<Secret>) -> Result<Self> {
        let value = value.into();
        let wrong = || self.wrong(format!("the header {name} cannot be sent"));
        let field = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
        let mut content = HeaderValue::from_str(value.expose()).map_err(|_| wrong())?;
        content.set_sensitive(true);
        self.headers.insert(field, content);
        self.remember(&value);
        Ok(self)
    }

    /// Adds `path` behind the URL's own, with one slash between them.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if it cannot stand in a URL.
    pub fn with_path(self, path: &str) -> Result<Self> {
        let own = self.uri.path().trim_end_matches('/');
        let path = format!("{own}/{}", path.trim_start_matches('/'));
        let query = self.uri.query().map(str::to_owned);
        self.with_target(path, query)
    }

    /// Adds a parameter to the query, percent-encoded (a space as `%20`).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if the URL becomes too long.
    pub fn with_query(self, name: &str, value: &str) -> Result<Self> {
        let mut pairs = form_urlencoded::Serializer::new(String::new());
        let pair = pairs.append_pair(name, value).finish().replace('+', "%20");
        let query = match self.uri.query() {
            Some(query) if !query.is_empty() => format!("{query}&{pair}"),
            _ => pair,
        };
        let path = self.uri.path().to_owned();
        self.with_target(path, Some(query))
    }

    /// Adds a parameter to the query whose value is a secret, such as a short-lived token.
    ///
    /// # Errors
    ///
    /// As [`with_query`](Self::with_query).
    pub fn with_secret_query(mut self, name: &str, value: &Secret) -> Result<Self> {
        self.remember(value);
        self.with_query(name, value.expose())
    }

    /// The service's name.
    pub fn service(&self) -> &'static str {
        self.service
    }

    /// The URL, with its query.
    pub fn url(&self) -> String {
        self.uri.to_string()
    }

    pub(crate) fn host(&self) -> &str {
        self.uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']')
    }

    pub(crate) fn port(&self) -> u16 {
        self.uri.port_u16().unwrap_or_else(|| if self.is_secure() { 443 } else { 80 })
    }

    pub(crate) fn is_secure(&self) -> bool {
        matches!(self.uri.scheme_str(), Some("wss" | "https"))
    }

    pub(crate) fn error(&self, kind: ErrorKind, message: impl Into<String>) -> Error {
        Error::new(kind, self.service, self.redact(message.into()))
    }

    /// A request to this endpoint, as a client that talks to the host directly writes it.
    pub(crate) fn request<B>(&self, body: B) -> Request<B> {
        let mut request = Request::new(body);
        if let Some(target) = self.uri.path_and_query() {
            *request.uri_mut() = target.clone().into();
        }
        *request.headers_mut() = self.headers.clone();
        let authority = self.uri.authority().map_or("", Authority::as_str);
        if let Ok(host) = HeaderValue::from_str(authority) {
            request.headers_mut().insert(hyper::header::HOST, host);
        }
        request
    }

    /// `text` without any of the secrets that are sent.
    pub(crate) fn redact(&self, text: String) -> String {
        let seen = self.secrets.iter().filter(|secret| text.contains(secret.expose()));
        let seen: Vec<&Secret> = seen.collect();
        seen.iter().fold(text, |text, secret| text.replace(secret.expose(), Secret::REDACTED))
    }

    /// Of `Bearer abc`, both the whole and `abc` are kept out of errors.
    fn remember(&mut self, secret: &Secret) {
        let text = secret.expose();
        let parts = [Some(text), text.rsplit_once(' ').map(|(_, token)| token)];
        // What is shorter is a setting or a word, and would tear up every message.
        let long = parts.into_iter().flatten().filter(|part| part.len() >= 8);
        self.secrets.extend(long.map(Secret::new));
    }

    fn with_target(mut self, path: String, query: Option<String>) -> Result<Self> {
        let target = query.map_or_else(|| path.clone(), |query| format!("{path}?{query}"));
        let mut parts = self.uri.clone().into_parts();
        let target = PathAndQuery::try_from(target);
        parts.path_and_query = Some(target.map_err(|_| self.wrong("the URL's path is wrong"))?);
        self.uri = Uri::from_parts(parts).map_err(|_| self.wrong("the URL's path is wrong"))?;
        Ok(self)
    }

    fn wrong(&self, what: impl Into<String>) -> Error {
        self.error(ErrorKind::Config, what)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.uri.scheme().map_or("", Scheme::as_str);
        let authority = self.uri.authority().map_or("", Authority::as_str);
        let url = format!("{scheme}://{authority}{}", self.uri.path());
        f.debug_struct("Endpoint").field("service", &self.service).field("url", &url).finish()
    }
}
