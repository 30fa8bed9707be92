//! Connections: name resolution, TCP and TLS.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;
use voicekit_core::error::{Error, ErrorKind, Result, Retry};

use crate::endpoint::Endpoint;

/// How long one address has before the next is tried as well: RFC 8305, section 5.
const HEAD_START: Duration = Duration::from_millis(250);

/// A connection: bytes in both directions.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Io for T {}

/// An open connection, with TLS if it was asked for.
pub struct Wire(Box<dyn Io>);

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire")
    }
}

/// How connections are made before TLS: by TCP, through a proxy, in memory.
#[async_trait]
pub trait Dial: fmt::Debug + Send + Sync + 'static {
    /// Connects to `port` of `host`, a name or an IP address without brackets.
    ///
    /// # Errors
    ///
    /// Whatever kept the connection from being made. The time limit is the caller's.
    async fn dial(&self, host: &str, port: u16) -> io::Result<Box<dyn Io>>;
}

/// Makes connections for WebSockets and HTTP. Clones share everything.
///
/// TLS is rustls with its own provider (ring) and the root certificates of Mozilla, whatever the
/// process has chosen as its default. TCP connections have `TCP_NODELAY`, without which small
/// audio frames wait for acknowledgements; addresses of both families are tried, 250 ms apart.
#[derive(Clone)]
pub struct Connector {
    tls: Arc<ClientConfig>,
    dial: Arc<dyn Dial>,
}

impl Connector {
    /// A connector with the defaults.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Internal`] if the TLS library refuses its own defaults.
    pub fn new() -> Result<Self> {
        let roots = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
        Ok(Self { tls: tls(roots)?, dial: Arc::new(Tcp) })
    }

    /// Trusts this certificate (DER) and those it has signed, and no others: for a service of
    /// one's own.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if it is no certificate.
    pub fn with_root(mut self, certificate: &[u8]) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_slice(certificate).into_owned()).map_err(|error| {
            Error::new(ErrorKind::Config, "tls", "the root certificate cannot be read")
                .with_source(error)
        })?;
        self.tls = tls(roots)?;
        Ok(self)
    }

    /// Connects by `dial` instead of TCP.
    #[must_use]
    pub fn with_dial(mut self, dial: impl Dial) -> Self {
        self.dial = Arc::new(dial);
        self
    }

    /// Connects by calling `open`, whatever the host: to a server in memory.
    #[must_use]
    pub fn with_pipe<S: Io>(self, open: impl Fn() -> S + Send + Sync + 'static) -> Self {
        self.with_dial(Pipe(open))
    }

    /// Connects to the endpoint's host, with TLS if its URL asks for it, within `limit`.
    ///
    /// # Errors
    ///
    /// `Timeout`, or `Connection`; the latter is not worth a retry if the certificate is refused.
    pub async fn connect(&self, endpoint: &Endpoint, limit: Duration) -> Result<Wire> {
        timeout(limit, self.establish(endpoint)).await.unwrap_or_else(|_| {
            let host = endpoint.host();
            let text = format!("no connection to {host} within {} ms", limit.as_millis());
            Err(endpoint.error(ErrorKind::Timeout, text))
        })
    }

    async fn establish(&self, endpoint: &Endpoint) -> Result<Wire> {
        let (host, port) = (endpoint.host(), endpoint.port());
        let io = self.dial.dial(host, port).await.map_err(|error| {
            let text = format!("cannot connect to {host}:{port}: {error}");
            endpoint.error(ErrorKind::Connection, text).with_source(error)
        })?;
        if !endpoint.is_secure() {
            return Ok(Wire(io));
        }
        let name = ServerName::try_from(host.to_owned()).map_err(|error| {
            endpoint.error(ErrorKind::Config, "the URL's host is no name").with_source(error)
        })?;
        let secured = TlsConnector::from(Arc::clone(&self.tls)).connect(name, io).await;
        Ok(Wire(Box::new(secured.map_err(|error| refused(endpoint, error))?)))
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").field("dial", &self.dial).finish_non_exhaustive()
    }
}

fn tls(roots: RootCertStore) -> Result<Arc<ClientConfig>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| {
        Error::new(ErrorKind::Internal, "tls", "no protocol version is available")
            .with_source(error)
    })?;
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

fn refused(endpoint: &Endpoint, error: io::Error) -> Error {
    let host = endpoint.host();
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let Some(rustls::Error::InvalidCertificate(reason)) = inner else {
        let text = format!("TLS with {host} failed: {error}");
        return endpoint.error(ErrorKind::Connection, text).with_source(error);
    };
    let text = format!("the certificate of {host} is not trusted: {reason}");
    endpoint.error(ErrorKind::Connection, text).with_retry(Retry::Never).with_source(error)
}

/// Connections that a function opens.
struct Pipe<F>(F);

#[async_trait]
impl<S: Io, F: Fn() -> S + Send + Sync + 'static> Dial for Pipe<F> {
    async fn dial(&self, _: &str, _: u16) -> io::Result<Box<dyn Io>> {
        Ok(Box::new((self.0)()))
    }
}

impl<F> fmt::Debug for Pipe<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pipe")
    }
}

/// TCP without Nagle's algorithm.
#[derive(Debug)]
struct Tcp;

#[async_trait]
impl Dial for Tcp {
    async fn dial(&self, host: &str, port: u16) -> io::Result<Box<dyn Io>> {
        let addresses = interleave(lookup_host((host, port)).await?.collect());
        let attempts = addresses.into_iter().zip(0_u32..).map(|(address, nth)| async move {
            sleep(HEAD_START * nth).await;
            TcpStream::connect(address).await
        });
        let mut attempts: FuturesUnordered<_> = attempts.collect();
        let mut failed = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        while let Some(attempt) = attempts.next().await {
            match attempt {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    return Ok(Box::new(stream));
                }
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }
}

/// The families by turns, beginning with the one the resolver prefers: RFC 8305, section 4.
fn interleave(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (preferred, other): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == first);
    let (mut preferred, mut other) = (preferred.into_iter(), other.into_iter());
    let mut mixed = Vec::new();
    loop {
        let pair = [preferred.next(), other.next()];
        if pair == [None, None] {
            return mixed;
        }
        mixed.extend(pair.into_iter().flatten());
    }
}
