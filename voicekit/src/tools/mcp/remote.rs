//! MCP servers behind a URL: streamable HTTP, specification 2025-06-18, "Transports".

use std::fmt;
use std::future::{pending, ready};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};
use http::{HeaderName, HeaderValue, Uri};
use rmcp::model::{ClientJsonRpcMessage, JsonRpcMessage, ServerJsonRpcMessage};
use rmcp::service::{ClientInitializeError, ServiceError, serve_client};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::common::client_side_sse::FixedInterval;
use rmcp::transport::streamable_http_client::{
    SseError, StreamableHttpClient, StreamableHttpClientTransportConfig, StreamableHttpError,
    StreamableHttpPostResponse,
};
use sse_stream::Sse;
use tokio::time::timeout;
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_net::sse::Event;
use voicekit_net::{
    Connector, Endpoint, HttpClient, HttpConfig, HttpRequest, HttpResponse, Refusal, RetryPolicy,
    Secret,
};

use super::{Connection, McpServer, broken};

const SERVICE: &str = "mcp";
/// What a client of this transport must take.
const ACCEPT: &str = "application/json, text/event-stream";
const EVENTS: &str = "text/event-stream";
const SESSION: &str = "mcp-session-id";
const LAST_EVENT: &str = "last-event-id";

/// How long nothing may come while a call is under way, unless set otherwise: twice what a tool
/// has time for.
const IDLE: Duration = Duration::from_secs(60);
/// The largest answer, in bytes: as large as an event may be.
const LARGEST: usize = 1024 * 1024;
/// How long the end of the events may take after the answer, for the connection to serve the next
/// request.
const REST: Duration = Duration::from_secs(1);
/// How often and after which time an answer that broke off is asked for again, if the server has
/// numbered its events: a call waits for it.
const RESUME: (usize, Duration) = (3, Duration::from_millis(500));

/// Where a server is and how it knows us. Nothing of it appears in logs but the host.
#[derive(Clone)]
#[must_use]
pub struct Remote {
    url: String,
    headers: Vec<(String, Secret)>,
    has_token: bool,
    idle: Duration,
    connector: Option<Connector>,
}

impl Remote {
    /// The server at `url`, which starts with `https://` or `http://`.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), headers: Vec::new(), has_token: false, idle: IDLE, connector: None }
    }

    /// Shows `token` with every request, as `Authorization: Bearer`.
    pub fn with_token(mut self, token: impl Into<Secret>) -> Self {
        let token = token.into();
        self.has_token = true;
        self.with_header("authorization", format!("Bearer {}", token.expose()))
    }

    /// Sends a header with every request: for servers that take a key in one of their own.
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<Secret>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// How long the server may say nothing while a call is under way. Default: 60 s; the time
    /// limit of the tool goes before it.
    pub fn with_idle(mut self, limit: Duration) -> Self {
        self.idle = limit;
        self
    }

    /// Connects by `connector`: for certificates of one's own, proxies and tests.
    pub fn with_connector(mut self, connector: Connector) -> Self {
        self.connector = Some(connector);
        self
    }

    fn endpoint(&self) -> Result<Endpoint> {
        let mut endpoint = Endpoint::new(SERVICE, &self.url)?;
        for (name, value) in &self.headers {
            endpoint = endpoint.with_header(name, value.clone())?;
        }
        Ok(endpoint)
    }

    fn client(self) -> Result<Client> {
        let endpoint = self.endpoint()?;
        let connector = self.connector.map_or_else(Connector::new, Ok)?;
        let config = HttpConfig::default()
            .with_first_byte(self.idle)
            .with_idle(self.idle)
            .with_largest_body(LARGEST)
            .with_retry(RetryPolicy::never());
        let http = HttpClient::new(connector, config).with_classify(classify);
        Ok(Client { http, endpoint })
    }
}

impl<T: Into<String>> From<T> for Remote {
    fn from(url: T) -> Self {
        Self::new(url)
    }
}

/// URLs and headers may hold keys.
impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").field("host", &host(&self.url)).finish_non_exhaustive()
    }
}

impl McpServer {
    /// The server at a URL, spoken to over streamable HTTP, whether it answers with JSON or with
    /// events. A session that the server has forgotten is begun again, once a call. What it says
    /// without being asked is not listened to.
    ///
    /// # Errors
    ///
    /// `Config` if it is no URL, or a header cannot be sent.
    pub fn http(remote: impl Into<Remote>) -> Result<Self> {
        let remote = remote.into();
        let name = host(&remote.url);
        if remote.has_token && remote.url.trim().starts_with("http://") && !is_here(&name) {
            tracing::warn!(
                server = name,
                "the token goes to another machine without TLS: use https"
            );
        }
        let client = remote.client()?;
        Ok(Self::new(name.clone(), move || connect(name.clone(), client.clone()).boxed()))
    }
}

async fn connect(name: String, client: Client) -> Result<Connection> {
    // The client knows the URL and the headers: nothing that could log them is told.
    let mut config = StreamableHttpClientTransportConfig::with_uri(name.as_str());
    let mut resume = FixedInterval::default();
    (resume.max_times, resume.duration) = (Some(RESUME.0), RESUME.1);
    config.retry_config = Arc::new(resume);
    let transport = StreamableHttpClientTransport::with_client(client, config);
    let service = serve_client((), transport).await;
    service.map(Arc::new).map_err(|error| match started(&error) {
        Some(cause) => {
            let text = format!("{name} did not start: {}", cause.message());
            let retry = cause.retry();
            Error::new(cause.kind(), SERVICE, text).with_retry(retry).with_source(error)
        }
        None => broken(&name, "did not start", error),
    })
}

/// Why it did not start, if that is known.
fn started(error: &ClientInitializeError) -> Option<&Error> {
    let ClientInitializeError::TransportError { error, .. } = error else { return None };
    cause(&*error.error)
}

/// Why a request did not succeed, if it was made over HTTP.
pub(super) fn failed(error: &ServiceError) -> Option<&Error> {
    let ServiceError::TransportSend(error) = error else { return None };
    cause(&*error.error)
}

fn cause<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a Error> {
    let error = error.downcast_ref::<StreamableHttpError<Error>>()?;
    if let StreamableHttpError::Client(error) = error { Some(error) } else { None }
}

/// The messages of rmcp over the HTTP of voicekit.
#[derive(Clone)]
struct Client {
    http: HttpClient,
    endpoint: Endpoint,
}

type Answered<T> = Result<T, StreamableHttpError<Error>>;
type Events = BoxStream<'static, Result<Sse, SseError>>;
#[expect(clippy::disallowed_types, reason = "rmcp gives headers in one; they are set one by one")]
type Headers = std::collections::HashMap<HeaderName, HeaderValue>;

impl StreamableHttpClient for Client {
    type Error = Error;

    /// Whatever it does is never asked for twice: only who made the call knows whether it may be.
    async fn post_message(
        &self,
        _: Arc<str>,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        _: Option<String>,
        headers: Headers,
    ) -> Answered<StreamableHttpPostResponse> {
        let endpoint = self.endpoint(session.as_deref(), &headers)?;
        let request = HttpRequest::post(endpoint).accept(ACCEPT).once();
        let request = request.json(&message).map_err(StreamableHttpError::Client)?;
        let response = self.http.send(request).await.map_err(|error| {
            let is_unknown = std::error::Error::source(&error).is_some_and(|why| why.is::<Gone>());
            if is_unknown && session.is_some() {
                return StreamableHttpError::SessionExpired;
            }
            StreamableHttpError::Client(error)
        })?;
        if !matches!(message, ClientJsonRpcMessage::Request(_)) {
            return accepted(response).await;
        }
        self.answer(response).await.map_err(StreamableHttpError::Client)
    }

    async fn delete_session(
        &self,
        _: Arc<str>,
        session: Arc<str>,
        _: Option<String>,
        headers: Headers,
    ) -> Answered<()> {
        let request = HttpRequest::delete(self.endpoint(Some(&session), &headers)?);
        match self.http.send(request).await {
            // Not every server lets its sessions be ended.
            Err(error) if error.kind() != ErrorKind::Rejected => {
                Err(StreamableHttpError::Client(error))
            }
            _ => Ok(()),
        }
    }

    /// Only for the rest of an answer that broke off: what the server says without being asked is
    /// of no use to a call, and would hold a connection open all the while.
    async fn get_stream(
        &self,
        _: Arc<str>,
        session: Option<Arc<str>>,
        last: Option<String>,
        _: Option<String>,
        headers: Headers,
    ) -> Answered<Events> {
        let Some(last) = last else { return Err(StreamableHttpError::ServerDoesNotSupportSse) };
        let endpoint = self.endpoint(session.as_deref(), &headers)?;
        let endpoint = endpoint.with_header(LAST_EVENT, last);
        let request = HttpRequest::get(endpoint.map_err(StreamableHttpError::Client)?);
        let sent = self.http.send(request.accept(EVENTS)).await;
        Ok(events(sent.map_err(StreamableHttpError::Client)?))
    }
}

impl Client {
    fn endpoint(&self, session: Option<&str>, headers: &Headers) -> Answered<Endpoint> {
        let ours =
            headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap_or_default()));
        let all = ours.chain(session.map(|session| (SESSION, session)));
        let mut all = all.map(|(name, value)| (name, value.to_owned()));
        all.try_fold(self.endpoint.clone(), |endpoint, (name, value)| {
            endpoint.with_header(name, value)
        })
        .map_err(StreamableHttpError::Client)
    }

    async fn answer(&self, response: HttpResponse) -> Result<StreamableHttpPostResponse> {
        let session = response.header(SESSION).map(str::to_owned);
        if response.status() == 202 {
            return Ok(StreamableHttpPostResponse::Accepted);
        }
        if is(&response, EVENTS) {
            return Ok(StreamableHttpPostResponse::Sse(events(response), session));
        }
        if is(&response, "application/json") {
            return Ok(StreamableHttpPostResponse::Json(response.json().await?, session));
        }
        let text = "the answer is neither JSON nor events: is it the URL of an MCP server?";
        Err(Error::new(ErrorKind::Protocol, SERVICE, text))
    }
}

/// The end of what needs no answer: read, so that the connection serves the next request.
async fn accepted(response: HttpResponse) -> Answered<StreamableHttpPostResponse> {
    if !is(&response, EVENTS) {
        response.bytes().await.map_err(StreamableHttpError::Client)?;
    }
    Ok(StreamableHttpPostResponse::Accepted)
}

fn is(response: &HttpResponse, content: &str) -> bool {
    let given = response.header("content-type").unwrap_or_default();
    let given = given.split(';').next().unwrap_or_default().trim();
    given.eq_ignore_ascii_case(content)
}

/// The events of an answer. After the answer proper the stream does not end: an end would have the
/// rest asked for, which there is none of.
fn events(response: HttpResponse) -> Events {
    stream::unfold(Some(response.events()), |events| async move {
        let Some(mut events) = events else { return pending().await };
        match events.next().await? {
            Ok(next) if answers(&next) => {
                tokio::spawn(timeout(REST, events.for_each(|_| ready(()))));
                Some((Ok(event(next)), None))
            }
            Ok(next) => Some((Ok(event(next)), Some(events))),
            Err(error) => Some((Err(SseError::Body(Box::new(error))), Some(events))),
        }
    })
    .boxed()
}

fn answers(event: &Event) -> bool {
    let message: Option<ServerJsonRpcMessage> = serde_json::from_str(&event.data).ok();
    matches!(message, Some(JsonRpcMessage::Response(_) | JsonRpcMessage::Error(_)))
}

fn event(Event { event, data, id, .. }: Event) -> Sse {
    let id = Some(id).filter(|id| !id.is_empty());
    Sse { event: Some(event), data: Some(data), id, retry: None }
}

/// There is nothing at the URL; with a session, the server has forgotten it.
#[derive(Debug, thiserror::Error)]
#[error("HTTP 404")]
struct Gone;

fn classify(refusal: &Refusal) -> Option<Error> {
    (refusal.status() == 404).then(|| refusal.error().with_source(Gone))
}

fn host(url: &str) -> String {
    let uri: Option<Uri> = url.trim().parse().ok();
    uri.as_ref().and_then(Uri::host).unwrap_or("the MCP server").to_owned()
}

fn is_here(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    address.is_ok_and(|address| address.is_loopback())
        || host == "localhost"
        || host.ends_with(".localhost")
}
