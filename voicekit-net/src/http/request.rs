//! What is asked.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request};
use serde::Serialize;
use voicekit_core::error::{ErrorKind, Result};

use crate::endpoint::Endpoint;

/// A request: a method, an endpoint and a body, which is kept so that it can be sent again.
#[derive(Clone)]
pub struct HttpRequest {
    pub(crate) endpoint: Endpoint,
    method: Method,
    content: Option<HeaderValue>,
    accept: Option<HeaderValue>,
    body: Bytes,
    pub(crate) once: bool,
}

impl HttpRequest {
    /// `GET` without a body.
    pub fn get(endpoint: Endpoint) -> Self {
        Self::new(Method::GET, endpoint)
    }

    /// `POST`.
    pub fn post(endpoint: Endpoint) -> Self {
        Self::new(Method::POST, endpoint)
    }

    /// `PUT`.
    pub fn put(endpoint: Endpoint) -> Self {
        Self::new(Method::PUT, endpoint)
    }

    /// `PATCH`.
    pub fn patch(endpoint: Endpoint) -> Self {
        Self::new(Method::PATCH, endpoint)
    }

    /// `DELETE`.
    pub fn delete(endpoint: Endpoint) -> Self {
        Self::new(Method::DELETE, endpoint)
    }

    /// Sends `body` as JSON.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Internal`] if it cannot be written as JSON.
    pub fn json(mut self, body: &(impl Serialize + ?Sized)) -> Result<Self> {
        let json = serde_json::to_vec(body).map_err(|error| {
            let text = "the request cannot be written as JSON";
            self.endpoint.error(ErrorKind::Internal, text).with_source(error)
        })?;
        self.body = json.into();
        self.content = Some(HeaderValue::from_static("application/json"));
        Ok(self)
    }

    /// Sends `body` as what `content_type` says.
    #[must_use]
    pub fn body(mut self, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        self.content = Some(HeaderValue::from_static(content_type));
        self.body = body.into();
        self
    }

    /// Asks for an answer of this type, such as `text/event-stream`.
    #[must_use]
    pub fn accept(mut self, content_type: &'static str) -> Self {
        self.accept = Some(HeaderValue::from_static(content_type));
        self
    }

    /// Never sends it a second time after it may have reached the service: for what must not
    /// happen twice. What is lost then is an error, whatever [`HttpConfig::retry`] says.
    ///
    /// [`HttpConfig::retry`]: super::HttpConfig::retry
    #[must_use]
    pub fn once(mut self) -> Self {
        self.once = true;
        self
    }

    pub(crate) fn build(&self) -> Request<Full<Bytes>> {
        let mut request = self.endpoint.request(Full::new(self.body.clone()));
        *request.method_mut() = self.method.clone();
        let headers = [(CONTENT_TYPE, &self.content), (ACCEPT, &self.accept)];
        for (name, value) in headers {
            if let Some(value) = value {
                request.headers_mut().insert(name, value.clone());
            }
        }
        request
    }

    fn new(method: Method, endpoint: Endpoint) -> Self {
        Self { endpoint, method, content: None, accept: None, body: Bytes::new(), once: false }
    }
}

impl std::fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpRequest")
            .field("method", &self.method)
            .field("endpoint", &self.endpoint)
            .field("bytes", &self.body.len())
            .finish()
    }
}
