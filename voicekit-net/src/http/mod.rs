//! HTTP for adapters: JSON out; JSON, events or bytes back.
//!
//! HTTP/1.1 over the same [`Connector`] as WebSockets, with connections kept for the next
//! request. A response is dropped to cancel it, which closes its connection.

mod body;
mod events;
mod pool;
mod request;

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use hyper::Response;
use hyper::body::Incoming;
use tokio::time::{sleep, timeout};
use voicekit_core::error::{Error, ErrorKind, Result};

use crate::connector::Connector;
use crate::endpoint::Endpoint;
use crate::refusal::Refusal;
use crate::silence::Silence;
use crate::websocket::LARGEST_REFUSAL;
use voicekit_core::retry::RetryPolicy;

use pool::{Connection, Pool};

pub use body::HttpResponse;
pub use request::HttpRequest;

/// Time limits and sizes of HTTP requests.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HttpConfig {
    /// How long making a connection may take. Default: 5 s.
    pub connect: Duration,
    /// How long the head of the response may take once there is a connection. Default: 10 s.
    pub first_byte: Duration,
    /// How long nothing may come within the body. Default: 20 s: services send comments or pings
    /// at least every 15 s while they think.
    pub idle: Duration,
    /// How long a connection is kept for the next request. Default: 60 s.
    pub keep: Duration,
    /// How many connections are kept, over all hosts; beyond that the oldest is closed.
    /// Default: 16.
    pub most_kept: usize,
    /// The largest body taken whole, in bytes. Default: 16 MiB.
    pub largest_body: usize,
    /// The largest server-sent event, in bytes. Default: 1 MiB.
    pub largest_event: usize,
    /// Whether and when a request is tried again that failed before the first byte of its
    /// answer, or was refused. Default: [`RetryPolicy::default`].
    pub retry: RetryPolicy,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            first_byte: Duration::from_secs(10),
            idle: Duration::from_secs(20),
            keep: Duration::from_secs(60),
            most_kept: 16,
            largest_body: 16 * 1024 * 1024,
            largest_event: 1024 * 1024,
            retry: RetryPolicy::default(),
        }
    }
}

impl HttpConfig {
    /// Sets [`connect`](Self::connect).
    #[must_use]
    pub fn with_connect(mut self, limit: Duration) -> Self {
        self.connect = limit;
        self
    }

    /// Sets [`first_byte`](Self::first_byte).
    #[must_use]
    pub fn with_first_byte(mut self, limit: Duration) -> Self {
        self.first_byte = limit;
        self
    }

    /// Sets [`idle`](Self::idle).
    #[must_use]
    pub fn with_idle(mut self, limit: Duration) -> Self {
        self.idle = limit;
        self
    }

    /// Sets [`keep`](Self::keep).
    #[must_use]
    pub fn with_keep(mut self, limit: Duration) -> Self {
        self.keep = limit;
        self
    }

    /// Sets [`largest_body`](Self::largest_body).
    #[must_use]
    pub fn with_largest_body(mut self, bytes: usize) -> Self {
        self.largest_body = bytes;
        self
    }

    /// Sets [`largest_event`](Self::largest_event).
    #[must_use]
    pub fn with_largest_event(mut self, bytes: usize) -> Self {
        self.largest_event = bytes;
        self
    }

    /// Sets [`retry`](Self::retry).
    #[must_use]
    pub fn with_retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }
}

/// What an adapter makes of a refusal; `None` for what it usually means.
pub type Classify = fn(&Refusal) -> Option<Error>;

/// Sends requests. Clones share the connections that are kept.
#[derive(Clone, Debug)]
pub struct HttpClient {
    connector: Connector,
    config: HttpConfig,
    classify: Classify,
    pool: Arc<Pool>,
}

impl HttpClient {
    /// A client that connects by `connector`.
    pub fn new(connector: Connector, config: HttpConfig) -> Self {
        let pool = Arc::new(Pool::new(config.keep, config.most_kept));
        Self { connector, config, classify: |_| None, pool }
    }

    /// Lets `classify` say what a refusal means.
    #[must_use]
    pub fn with_classify(mut self, classify: Classify) -> Self {
        self.classify = classify;
        self
    }

    /// Makes a connection to the endpoint's host and keeps it for the first request, unless
    /// there is one already: saves the round trips for TCP and TLS when a call starts.
    ///
    /// # Errors
    ///
    /// As [`Connector::connect`].
    pub async fn warm(&self, endpoint: &Endpoint) -> Result<()> {
        if self.pool.has(endpoint) {
            return Ok(());
        }
        let connection = self.connect(endpoint).await?;
        self.pool.put(connection);
        Ok(())
    }

    /// Sends `request` and gives the response once its head has come and is a success.
    ///
    /// # Errors
    ///
    /// `Connection` or `Timeout` before there is an answer; what the answer means if it is not a
    /// success ([`Refusal::error`]).
    pub async fn send(&self, request: HttpRequest) -> Result<HttpResponse> {
        let service = request.endpoint.service();
        let (mut failed, mut has_warned) = (0, false);
        loop {
            let mut silence = Silence::begin(service);
            let attempt = self.attempt(&request).await;
            silence.end();
            let error = match attempt {
                Ok(response) => return Ok(response),
                Err(error) => error,
            };
            if request.once && matches!(error.kind(), ErrorKind::Connection | ErrorKind::Timeout) {
                return Err(error);
            }
            let Some(wait) = self.config.retry.wait(failed, &error) else { return Err(error) };
            if error.kind() == ErrorKind::Timeout && !std::mem::replace(&mut has_warned, true) {
                Silence::warn(service);
            }
            let detail = error.detail();
            tracing::debug!(service, %error, ?detail, ?wait, "request failed, trying again");
            failed += 1;
            sleep(wait).await;
        }
    }

    async fn attempt(&self, request: &HttpRequest) -> Result<HttpResponse> {
        let (connection, response) = self.exchange(request).await?;
        let body = HttpResponse::new(
            request.endpoint.clone(),
            response,
            &self.config,
            (connection, Arc::clone(&self.pool)),
        );
        if body.is_success() {
            return Ok(body);
        }
        let refusal = body.into_refusal(LARGEST_REFUSAL).await;
        Err((self.classify)(&refusal).unwrap_or_else(|| refusal.error()))
    }

    /// A connection that was kept may have been closed by the service in this very moment: then
    /// the request goes over a new one, once.
    async fn exchange(&self, request: &HttpRequest) -> Result<(Connection, Response<Incoming>)> {
        if let Some(mut kept) = self.pool.take(&request.endpoint) {
            match self.head(&mut kept, request).await {
                Err(error) if error.kind() == ErrorKind::Connection && !request.once => {}
                Err(error) if is_unsent(&error) => {}
                outcome => return outcome.map(|response| (kept, response)),
            }
        }
        let mut connection = self.connect(&request.endpoint).await?;
        let response = self.head(&mut connection, request).await?;
        Ok((connection, response))
    }

    async fn connect(&self, endpoint: &Endpoint) -> Result<Connection> {
        let io = self.connector.connect(endpoint, self.config.connect).await?;
        Connection::over(endpoint, io).await
    }

    async fn head(
        &self,
        connection: &mut Connection,
        request: &HttpRequest,
    ) -> Result<Response<Incoming>> {
        let (endpoint, limit) = (&request.endpoint, self.config.first_byte);
        let sent = timeout(limit, connection.send(request.build()));
        let answered = sent.await.map_err(|_| {
            let text = format!("no answer within {} ms", limit.as_millis());
            endpoint.error(ErrorKind::Timeout, text)
        })?;
        answered.map_err(|error| {
            let text = format!("the request failed: {error}");
            endpoint.error(ErrorKind::Connection, text).with_source(error)
        })
    }
}

/// The connection was closed before anything of the request was written to it.
fn is_unsent(error: &Error) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<hyper::Error>());
    cause.is_some_and(|cause| cause.is_canceled() || cause.is_closed())
}
