//! One connection, from its first byte until it is closed or becomes a WebSocket.

use std::convert::Infallible;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;
use tokio::time::timeout;
use tower_service::Service as _;
use tracing::debug;

use super::ServerConfig;
use crate::crowd::Place;

/// The largest head of a request. Twilio's have two kilobytes.
const MAX_HEAD_BYTES: usize = 64 << 10;

/// A connection that has been admitted.
pub(super) struct Connection<I> {
    pub(super) io: I,
    pub(super) slot: Slot,
    pub(super) place: Place,
    pub(super) app: Router,
    pub(super) config: ServerConfig,
}

impl<I: AsyncRead + AsyncWrite + Unpin + Send + 'static> Connection<I> {
    /// Serves requests until the peer leaves, its time is over, a newer connection needs the place,
    /// or the server stops. A WebSocket goes on in a task of its own.
    pub(super) async fn run(self, mut stopped: watch::Receiver<bool>) {
        let Self { io, slot, mut place, app, config } = self;
        let io = TokioIo::new(Counted { io, _slot: slot });
        let service = service_fn(|request| answer(app.clone(), request, &config));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(config.header_timeout)
            .max_buf_size(MAX_HEAD_BYTES)
            .serve_connection(io, service)
            .with_upgrades();
        let mut connection = pin!(connection);
        let stopped = async { stopped.wait_for(|stopped| *stopped).await.map(drop) };
        let ended = tokio::select! {
            ended = &mut connection => ended,
            () = place.evicted() => return,
            _ = stopped => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            debug!(%error, "a connection broke");
        }
    }
}

async fn answer(
    mut app: Router,
    request: hyper::Request<Incoming>,
    config: &ServerConfig,
) -> Result<Response, Infallible> {
    let answered = timeout(config.request_timeout, app.call(request.map(Body::new))).await;
    answered.unwrap_or_else(|_| {
        debug!("a request took too long");
        let close = [(CONNECTION, HeaderValue::from_static("close"))];
        Ok((StatusCode::REQUEST_TIMEOUT, close, "the request took too long").into_response())
    })
}

/// One of the connections that may be open, until it is dropped.
pub(super) struct Slot(Arc<AtomicUsize>);

impl Slot {
    pub(super) fn take(open: &Arc<AtomicUsize>, most: usize) -> Option<Self> {
        let add = |open: usize| (open < most).then_some(open + 1);
        open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).ok()?;
        Some(Self(Arc::clone(open)))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A socket that counts as open until it is dropped, also once it is a WebSocket.
struct Counted<I> {
    io: I,
    _slot: Slot,
}

impl<I: AsyncRead + Unpin> AsyncRead for Counted<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Counted<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}
