//! The older transport of protocol version 2024-11-05, "HTTP with SSE": answers come as events of
//! one long response, whose first event says where requests go.

use std::collections::VecDeque;

use futures::StreamExt;
use futures::stream::BoxStream;
use http::Uri;
use rmcp::RoleClient;
use rmcp::model::{ClientJsonRpcMessage, ServerJsonRpcMessage};
use rmcp::transport::Transport;
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_net::sse::Event;
use voicekit_net::{Endpoint, HttpClient, HttpRequest};

use super::message;

/// A connection over the older transport.
pub(super) struct Legacy {
    http: HttpClient,
    post: Endpoint,
    events: Option<BoxStream<'static, Result<Event>>>,
    ready: VecDeque<ServerJsonRpcMessage>,
}

impl Legacy {
    /// Opens the events at `url` and waits for the address of requests, which `endpoint` makes an
    /// endpoint of. None if the server does not speak this transport.
    pub(super) async fn open(
        http: &HttpClient,
        url: &str,
        endpoint: impl Fn(&str) -> Result<Endpoint>,
    ) -> Result<Option<Self>> {
        let request = HttpRequest::get(endpoint(url)?).accept("text/event-stream");
        let response = http.send(request).await?;
        let kind = response.header("content-type").unwrap_or_default().to_ascii_lowercase();
        if !kind.starts_with("text/event-stream") {
            return Ok(None);
        }
        let mut events = response.events();
        let Some(first) = events.next().await.transpose()? else { return Ok(None) };
        if first.event != "endpoint" {
            return Ok(None);
        }
        let post = endpoint(&resolved(url, first.data.trim())?)?;
        Ok(Some(Self { http: http.clone(), post, events: Some(events), ready: VecDeque::new() }))
    }
}

impl Transport<RoleClient> for Legacy {
    type Error = Error;

    fn send(
        &mut self,
        message: ClientJsonRpcMessage,
    ) -> impl Future<Output = Result<()>> + Send + 'static {
        let (http, post) = (self.http.clone(), self.post.clone());
        async move {
            let request =
                HttpRequest::post(post).accept("application/json").once().json(&message)?;
            http.send(request).await?.bytes().await.map(drop)
        }
    }

    async fn receive(&mut self) -> Option<ServerJsonRpcMessage> {
        loop {
            if let Some(message) = self.ready.pop_front() {
                return Some(message);
            }
            match self.events.as_mut()?.next().await? {
                Ok(event) => self.ready.extend(message::read(event.data.as_bytes())),
                Err(error) => {
                    tracing::debug!(%error, "the events of an MCP server broke off");
                    return None;
                }
            }
        }
    }

    async fn close(&mut self) -> Result<()> {
        self.events = None;
        Ok(())
    }
}

/// The address that `reference` is, seen from `url`. It must be at the same server, which is the
/// only one to get the token.
fn resolved(url: &str, reference: &str) -> Result<String> {
    let wrong = |what: &str| Error::new(ErrorKind::Protocol, "mcp", what.to_owned());
    let base: Uri = url.trim().parse().map_err(|_| wrong("the URL is not one"))?;
    let origin = |uri: &Uri| {
        let scheme = uri.scheme_str().unwrap_or_default().to_ascii_lowercase();
        let host = uri.authority().map(|host| host.as_str().to_ascii_lowercase());
        let host = host.unwrap_or_default();
        let usual = if scheme == "https" { ":443" } else { ":80" };
        format!("{scheme}://{}", host.strip_suffix(usual).unwrap_or(&host))
    };
    if reference.contains("://") {
        let there: Uri = reference.parse().map_err(|_| wrong("sends requests to no URL"))?;
        if origin(&there) != origin(&base) {
            return Err(wrong("sends requests to another server"));
        }
        return Ok(reference.to_owned());
    }
    if reference.starts_with("//") {
        return Err(wrong("sends requests to another server"));
    }
    if reference.starts_with('/') {
        return Ok(format!("{}{reference}", origin(&base)));
    }
    let path = base.path();
    let directory = path.rfind('/').map_or("/", |end| &path[..=end]);
    if reference.starts_with('?') {
        return Ok(format!("{}{path}{reference}", origin(&base)));
    }
    Ok(format!("{}{directory}{reference}", origin(&base)))
}
