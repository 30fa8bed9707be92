//! The messages of `rmcp` over the HTTP client of voicekit.

use std::collections::VecDeque;
use std::future::{Ready, pending, ready};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use http::{HeaderName, HeaderValue};
use rmcp::model::{ClientJsonRpcMessage, JsonRpcMessage, RequestId, ServerJsonRpcMessage};
use rmcp::transport::streamable_http_client::{
    SseError, StreamableHttpClient, StreamableHttpError, StreamableHttpPostResponse,
};
use sse_stream::Sse;
use tokio::time::timeout;
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_net::sse::Event;
use voicekit_net::{Endpoint, HttpClient, HttpRequest, HttpResponse, Refusal};

use super::message;

pub(super) const SERVICE: &str = "mcp";
/// What a client of this transport must take.
const ACCEPT: &str = "application/json, text/event-stream";
const EVENTS: &str = "text/event-stream";
const SESSION: &str = "mcp-session-id";
const LAST_EVENT: &str = "last-event-id";

/// How long the end of the events may take after the answer, for the connection to serve the next
/// request.
const REST: Duration = Duration::from_secs(1);

/// The messages of rmcp over the HTTP of voicekit.
#[derive(Clone)]
pub(super) struct Client {
    pub(super) http: HttpClient,
    pub(super) endpoint: Endpoint,
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
        let id = request_id(&message);
        self.answer(response, id).await.map_err(StreamableHttpError::Client)
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
        Ok(events(sent.map_err(StreamableHttpError::Client)?, None))
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

    async fn answer(
        &self,
        response: HttpResponse,
        id: Option<RequestId>,
    ) -> Result<StreamableHttpPostResponse> {
        let session = response.header(SESSION).map(str::to_owned);
        if response.status() == 202 {
            return Ok(StreamableHttpPostResponse::Accepted);
        }
        if is(&response, EVENTS) {
            return Ok(StreamableHttpPostResponse::Sse(events(response, id), session));
        }
        if is(&response, "application/json") {
            let mut all = message::read(&response.bytes().await?);
            if all.len() > 1 {
                let all = stream::iter(all.into_iter().map(|message| Ok(event_of(&message))));
                return Ok(StreamableHttpPostResponse::Sse(
                    all.chain(stream::pending()).boxed(),
                    session,
                ));
            }
            let Some(message) = all.pop() else {
                let text = "the answer is not the JSON expected: it is not a JSON-RPC message";
                return Err(Error::new(ErrorKind::Protocol, SERVICE, text));
            };
            return Ok(StreamableHttpPostResponse::Json(message, session));
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

/// The events of the answer to the request `id`. After the answer proper the stream does not end:
/// an end would have the rest asked for, which there is none of.
fn events(response: HttpResponse, id: Option<RequestId>) -> Events {
    let start = (Some(response.events()), VecDeque::new());
    stream::unfold(start, move |(mut events, mut ready)| {
        let id = id.clone();
        async move {
            loop {
                if let Some(sse) = ready.pop_front() {
                    return Some((Ok(sse), (events, ready)));
                }
                let Some(mut rest) = events.take() else { return pending().await };
                match rest.next().await? {
                    Ok(next) => {
                        let messages = message::read(next.data.as_bytes());
                        let is_last = messages.iter().any(is_answer);
                        ready.extend(messages.iter().map(|message| sse(message, &next)));
                        if ready.is_empty() {
                            // The place to go on from, without a message.
                            ready.push_back(Sse {
                                event: Some(next.event),
                                data: None,
                                id: named(next.id),
                                retry: None,
                            });
                        }
                        if is_last {
                            tokio::spawn(timeout(REST, rest.for_each(|_| ready_unit())));
                        } else {
                            events = Some(rest);
                        }
                    }
                    Err(error) if error.kind() == ErrorKind::Protocol && id.is_some() => {
                        ready.extend(id.clone().map(|id| event_of(&message::too_large(id))));
                    }
                    Err(error) => {
                        return Some((Err(SseError::Body(Box::new(error))), (Some(rest), ready)));
                    }
                }
            }
        }
    })
    .boxed()
}

fn ready_unit() -> Ready<()> {
    ready(())
}

fn is_answer(message: &ServerJsonRpcMessage) -> bool {
    matches!(message, JsonRpcMessage::Response(_) | JsonRpcMessage::Error(_))
}

fn sse(message: &ServerJsonRpcMessage, event: &Event) -> Sse {
    Sse { id: named(event.id.clone()), ..event_of(message) }
}

fn event_of(message: &ServerJsonRpcMessage) -> Sse {
    let data = serde_json::to_string(message).ok();
    Sse { event: Some("message".to_owned()), data, id: None, retry: None }
}

fn named(id: String) -> Option<String> {
    Some(id).filter(|id| !id.is_empty())
}

fn request_id(message: &ClientJsonRpcMessage) -> Option<RequestId> {
    match message {
        JsonRpcMessage::Request(request) => Some(request.id.clone()),
        JsonRpcMessage::Response(_)
        | JsonRpcMessage::Notification(_)
        | JsonRpcMessage::Error(_) => None,
    }
}

/// There is nothing at the URL; with a session, the server has forgotten it.
#[derive(Debug, thiserror::Error)]
#[error("HTTP 404")]
struct Gone;

/// What a refusal means, where that is not the usual.
pub(super) fn classify(refusal: &Refusal) -> Option<Error> {
    (refusal.status() == 404).then(|| refusal.error().with_source(Gone))
}
