//! HTTP servers without sockets.

use std::convert::Infallible;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{DuplexStream, duplex};
use tokio::task::JoinSet;
use tower_service::Service;

/// Bytes in flight each way: more than a carrier's socket buffers, so that neither side waits.
const BUFFER: usize = 256 * 1024;

/// Serves `service` in memory: an `axum::Router` fits, WebSocket upgrades included. No socket is
/// opened, so that a paused clock runs on as soon as everybody waits.
pub fn in_memory<S, B>(service: S) -> InMemory<S>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
{
    InMemory { service, connections: Mutex::new(JoinSet::new()) }
}

/// A server in memory; dropping it ends its connections.
pub struct InMemory<S> {
    service: S,
    connections: Mutex<JoinSet<()>>,
}

impl<S, B> InMemory<S>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// Opens a connection to the server. Must be called within a `tokio` runtime.
    pub fn connect(&self) -> DuplexStream {
        let (client, server) = duplex(BUFFER);
        let service = TowerToHyperService::new(self.service.clone());
        let connection = async move {
            let connection = http1::Builder::new().serve_connection(TokioIo::new(server), service);
            // A client that hangs up in the middle is no fault of the server.
            let _ = connection.with_upgrades().await;
        };
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        connections.spawn(connection);
        client
    }
}

impl<S> fmt::Debug for InMemory<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InMemory").finish_non_exhaustive()
    }
}
