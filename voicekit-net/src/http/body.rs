//! What is answered.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use http_body_util::BodyExt;
use hyper::Response;
use hyper::body::Incoming;
use hyper::http::response::Parts;
use serde::de::DeserializeOwned;
use tokio::time::timeout;
use voicekit_core::error::{Error, ErrorKind, Result};

use super::HttpConfig;
use super::events::Reader;
use super::pool::{Connection, Pool};
use crate::endpoint::Endpoint;
use crate::refusal::Refusal;
use crate::silence::Silence;
use crate::sse;

/// A response whose head has come. Dropping it, or a stream made of it, closes the connection;
/// reading it to its end keeps the connection for the next request.
#[derive(Debug)]
pub struct HttpResponse {
    endpoint: Endpoint,
    head: Parts,
    body: Incoming,
    idle: Duration,
    largest: usize,
    largest_event: usize,
    /// `None` once it went back.
    connection: Option<(Connection, Arc<Pool>)>,
}

impl HttpResponse {
    pub(crate) fn new(
        endpoint: Endpoint,
        response: Response<Incoming>,
        config: &HttpConfig,
        connection: (Connection, Arc<Pool>),
    ) -> Self {
        let (head, body) = response.into_parts();
        let (idle, largest) = (config.idle, config.largest_body);
        let largest_event = config.largest_event;
        Self { endpoint, head, body, idle, largest, largest_event, connection: Some(connection) }
    }

    /// The HTTP status, 200 to 299.
    pub fn status(&self) -> u16 {
        self.head.status.as_u16()
    }

    /// A header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.headers.get(name)?.to_str().ok()
    }

    /// The whole body.
    ///
    /// # Errors
    ///
    /// `Timeout`, `Connection`, or `Protocol` if it is larger than
    /// [`HttpConfig::largest_body`].
    pub async fn bytes(mut self) -> Result<Bytes> {
        let mut whole = BytesMut::new();
        while let Some(piece) = self.piece().await? {
            if whole.len() + piece.len() > self.largest {
                let text = format!("the answer is larger than {} bytes", self.largest);
                return Err(self.endpoint.error(ErrorKind::Protocol, text));
            }
            whole.extend_from_slice(&piece);
        }
        Ok(whole.freeze())
    }

    /// The whole body, read as JSON.
    ///
    /// # Errors
    ///
    /// As [`bytes`](Self::bytes), and `Protocol` if it is not such JSON.
    pub async fn json<T: DeserializeOwned>(self) -> Result<T> {
        let endpoint = self.endpoint.clone();
        let bytes = self.bytes().await?;
        let wrong = |line: usize, column: usize| {
            // What is wrong is not told: it may hold what was said.
            let text = format!("the answer is not the JSON expected: line {line}, column {column}");
            endpoint.error(ErrorKind::Protocol, text)
        };
        let error = match serde_json::from_slice(&bytes) {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        let mended = crate::lenient::parse(&String::from_utf8_lossy(&bytes)).ok();
        let value = mended.and_then(|value| serde_json::from_value(value).ok());
        value.ok_or_else(|| wrong(error.line(), error.column()))
    }

    /// The body as it arrives, in pieces of any length.
    ///
    /// The stream ends after the body or after one error: `Timeout` if nothing came for
    /// [`HttpConfig::idle`], `Connection` if the body was cut off.
    pub fn stream(self) -> BoxStream<'static, Result<Bytes>> {
        stream::try_unfold(self, |mut response| async move {
            Ok(response.piece().await?.map(|piece| (piece, response)))
        })
        .boxed()
    }

    /// The body as server-sent events.
    ///
    /// A body that is JSON instead, as some services answer, is one event for each value in it.
    ///
    /// The stream ends as [`stream`](Self::stream) does, or with `Protocol` if an event is
    /// larger than [`HttpConfig::largest_event`] or JSON larger than [`HttpConfig::largest_body`].
    /// A body that ends within an event just ends: whether that was the service's last word is for
    /// the adapter to know.
    pub fn events(self) -> BoxStream<'static, Result<sse::Event>> {
        let reader = Reader::with_largest_event(self.largest_event);
        let state = (self, reader, false);
        stream::try_unfold(state, |(mut response, mut reader, mut ended)| async move {
            loop {
                if let Some(event) = reader.next_event() {
                    return Ok(Some((event, (response, reader, ended))));
                }
                if ended {
                    return Ok(None);
                }
                let Some(piece) = response.piece().await? else {
                    ended = true;
                    reader.finish();
                    continue;
                };
                reader.feed(&piece, response.largest).map_err(|_| {
                    let text = format!("an event is larger than {} bytes", response.largest_event);
                    response.endpoint.error(ErrorKind::Protocol, text)
                })?;
            }
        })
        .into_stream()
        .boxed()
    }

    pub(crate) fn is_success(&self) -> bool {
        self.head.status.is_success()
    }

    /// Reads as much of the body as an error needs. What keeps it from being read is not the
    /// error to report.
    pub(crate) async fn into_refusal(mut self, largest: usize) -> Refusal {
        let mut body = BytesMut::new();
        while let Ok(Some(piece)) = self.piece().await {
            let room = largest - body.len();
            body.extend_from_slice(&piece[..piece.len().min(room)]);
            if body.len() == largest {
                break;
            }
        }
        Refusal::new(&self.endpoint, self.head.status, self.head.headers, body.freeze())
    }

    /// The next piece of the body. At its end the connection goes back to the pool.
    async fn piece(&mut self) -> Result<Option<Bytes>> {
        loop {
            let mut silence = Silence::begin(self.endpoint.service());
            let frame = timeout(self.idle, self.body.frame()).await;
            silence.end();
            let frame = frame.map_err(|_| self.silent())?;
            let Some(frame) = frame else {
                if let Some((connection, pool)) = self.connection.take() {
                    pool.put(connection);
                }
                return Ok(None);
            };
            let frame = frame.map_err(|error| {
                let text = format!("the answer was cut off: {error}");
                self.endpoint.error(ErrorKind::Connection, text).with_source(error)
            })?;
            match frame.into_data() {
                Ok(bytes) if !bytes.is_empty() => return Ok(Some(bytes)),
                _ => {}
            }
        }
    }

    fn silent(&self) -> Error {
        let text = format!("nothing came for {} ms", self.idle.as_millis());
        self.endpoint.error(ErrorKind::Timeout, text)
    }
}
