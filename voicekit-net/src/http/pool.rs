//! Connections that are kept for the next request.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use voicekit_core::error::{ErrorKind, Result};

use crate::connector::Wire;
use crate::endpoint::Endpoint;

/// Connections by host, latest last.
#[derive(Debug)]
pub(crate) struct Pool {
    keep: Duration,
    most: usize,
    kept: Mutex<Vec<(Instant, Connection)>>,
}

impl Pool {
    pub(crate) fn new(keep: Duration, most: usize) -> Self {
        Self { keep, most, kept: Mutex::new(Vec::new()) }
    }

    pub(crate) fn has(&self, endpoint: &Endpoint) -> bool {
        self.alive().iter().any(|(_, connection)| connection.host == Host::of(endpoint))
    }

    /// The latest connection to the endpoint's host: the likeliest to be alive.
    pub(crate) fn take(&self, endpoint: &Endpoint) -> Option<Connection> {
        let mut kept = self.alive();
        let host = Host::of(endpoint);
        let index = kept.iter().rposition(|(_, connection)| connection.host == host)?;
        Some(kept.remove(index).1)
    }

    pub(crate) fn put(&self, connection: Connection) {
        if connection.sender.is_closed() || self.most == 0 {
            return;
        }
        let mut kept = self.alive();
        if kept.len() >= self.most {
            kept.remove(0);
        }
        kept.push((Instant::now(), connection));
    }

    fn alive(&self) -> MutexGuard<'_, Vec<(Instant, Connection)>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        kept.retain(|(since, connection)| {
            !connection.sender.is_closed() && now.duration_since(*since) < self.keep
        });
        kept
    }
}

/// Where a connection leads.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Host {
    name: String,
    port: u16,
    is_secure: bool,
}

impl Host {
    fn of(endpoint: &Endpoint) -> Self {
        let name = endpoint.host().to_owned();
        Self { name, port: endpoint.port(), is_secure: endpoint.is_secure() }
    }
}

/// A connection and the task that drives it, which ends with it.
pub(crate) struct Connection {
    host: Host,
    sender: SendRequest<Full<Bytes>>,
    task: JoinHandle<()>,
}

impl Connection {
    pub(crate) async fn over(endpoint: &Endpoint, io: Wire) -> Result<Self> {
        let (sender, driver) = http1::handshake(TokioIo::new(io)).await.map_err(|error| {
            endpoint.error(ErrorKind::Connection, "no HTTP connection").with_source(error)
        })?;
        let task = tokio::spawn(async move {
            if let Err(error) = driver.await {
                tracing::debug!(%error, "HTTP connection ended");
            }
        });
        Ok(Self { host: Host::of(endpoint), sender, task })
    }

    pub(crate) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> hyper::Result<Response<Incoming>> {
        self.sender.ready().await?;
        self.sender.send_request(request).await
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("host", &self.host).finish_non_exhaustive()
    }
}
