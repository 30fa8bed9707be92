//! MCP servers behind a URL: streamable HTTP, specification 2025-06-18, "Transports".

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use http::Uri;
use rmcp::service::serve_client;
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::common::client_side_sse::FixedInterval;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use tokio::time::timeout;
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_net::{Connector, Endpoint, HttpClient, HttpConfig, RetryPolicy, Secret};

use super::client::{Client, SERVICE, classify};
use super::failure::{not_started, shortened, started};
use super::legacy::Legacy;
use super::message::LARGEST;
use super::{Connection, McpServer, begin};

/// How long nothing may come while a call is under way, unless set otherwise: twice what a tool
/// has time for.
const IDLE: Duration = Duration::from_secs(60);
/// How often and after which time an answer that broke off is asked for again, if the server has
/// numbered its events: a call waits for it.
const RESUME: (usize, Duration) = (3, Duration::from_millis(500));

/// How long a server may take to send the first event of the older transport. Those that speak it
/// send it at once; others may never answer.
const FIRST_EVENT: Duration = Duration::from_secs(5);

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
        self.endpoint_at(&self.url)
    }

    /// The endpoint at another address of the same server.
    fn endpoint_at(&self, url: &str) -> Result<Endpoint> {
        let mut endpoint = Endpoint::new(SERVICE, url)?;
        for (name, value) in &self.headers {
            endpoint = endpoint.with_header(name, value.clone())?;
        }
        Ok(endpoint)
    }

    fn client(&self) -> Result<Client> {
        let endpoint = self.endpoint()?;
        let connector = self.connector.clone().map_or_else(Connector::new, Ok)?;
        let config = HttpConfig::default()
            .with_first_byte(self.idle)
            .with_idle(self.idle)
            .with_largest_body(LARGEST)
            .with_largest_event(LARGEST)
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
    /// Creates a server behind a URL, spoken to over streamable HTTP, whether it answers with JSON
    /// or with events. A server that rejects that is spoken to over the older transport, HTTP with
    /// SSE of version 2024-11-05. A session that the server has forgotten is begun again, once per
    /// call. Notifications of the server are ignored; redirects are not followed.
    ///
    /// # Errors
    ///
    /// `Config` if it is not a URL, or a header cannot be sent.
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
        let secrets = remote.secrets();
        let place = name.clone();
        let mut server = Self::reached(name, move || {
            connect(place.clone(), client.clone(), remote.clone()).boxed()
        });
        secrets.iter().for_each(|secret| server.hidden.add(secret));
        Ok(server)
    }
}

impl Remote {
    /// What the server may not repeat: headers, with and without their scheme, and the query.
    fn secrets(&self) -> Vec<String> {
        let headers = self.headers.iter().flat_map(|(_, value)| {
            let value = value.expose();
            let bare = value.split_once(' ').map(|(_, bare)| bare.to_owned());
            bare.into_iter().chain([value.to_owned()])
        });
        let query = self.url.split_once('?').map_or("", |(_, query)| query);
        let query = query.split('&').filter_map(|pair| pair.split_once('='));
        headers.chain(query.map(|(_, value)| value.to_owned())).collect()
    }
}

async fn connect(name: String, client: Client, remote: Remote) -> Result<Connection> {
    // The client knows the URL and the headers: nothing that could log them is told.
    let mut config = StreamableHttpClientTransportConfig::with_uri(name.as_str());
    let mut resume = FixedInterval::default();
    (resume.max_times, resume.duration) = (Some(RESUME.0), RESUME.1);
    config.retry_config = Arc::new(resume);
    let http = client.http.clone();
    let transport = StreamableHttpClientTransport::with_client(client, config);
    let error = match serve_client((), transport).await {
        Ok(service) => return Ok(Arc::new(service)),
        Err(error) => error,
    };
    let Some(cause) = started(&error) else { return Err(not_started(&error)) };
    if cause.kind() != ErrorKind::Rejected {
        return Err(unstarted(cause));
    }
    let older = Legacy::open(&http, &remote.url, |url| remote.endpoint_at(url));
    match timeout(FIRST_EVENT, older).await.unwrap_or(Ok(None)) {
        Ok(Some(older)) => begin(older).await,
        // It speaks the older transport, and wrongly.
        Err(wrong) if wrong.kind() == ErrorKind::Protocol => Err(unstarted(&wrong)),
        Ok(None) | Err(_) => Err(unstarted(cause)),
    }
}

fn unstarted(cause: &Error) -> Error {
    let text = shortened(format!("did not start: {}", cause.message()));
    let detail = cause.detail().unwrap_or_default();
    Error::new(cause.kind(), SERVICE, text).with_retry(cause.retry()).with_detail(detail)
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
