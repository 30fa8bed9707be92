//! S3 over voicekit's own connections: hyper, and rustls with ring.

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderValue};
use hyper_util::rt::TokioIo;
use object_store::aws::AmazonS3Builder;
use object_store::client::{
    ClientOptions, HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse,
    HttpResponseBody, HttpService,
};
use object_store::{ObjectStore, RetryConfig};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use url::Url;
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_net::{Connector, Endpoint};

use super::NAME;

/// How long making a connection may take.
const CONNECT: Duration = Duration::from_secs(10);

/// How long the head of an answer may take: 8 MiB at 250 kbit/s are sent in less.
const ANSWER: Duration = Duration::from_secs(300);

pub(super) fn open(url: &Url, options: &BTreeMap<String, String>) -> Result<Arc<dyn ObjectStore>> {
    let wrong = |error: object_store::Error| {
        let what = format!("s3:// cannot be used as it is set up: {error}");
        Error::new(ErrorKind::Config, NAME, what)
    };
    // The bucket is the URL's; the prefix is kept with the keys.
    let bucket = url.host_str().filter(|bucket| !bucket.is_empty());
    let nameless =
        || Error::new(ErrorKind::Config, NAME, "s3:// needs a bucket: s3://bucket/prefix");
    let bucket = bucket.ok_or_else(nameless)?;
    // Uploads are tried again as a whole, by one schedule.
    let no_retries = RetryConfig { max_retries: 0, ..RetryConfig::default() };
    let mut builder = AmazonS3Builder::from_env();
    for (name, value) in options {
        builder = builder.with_config(name.parse().map_err(wrong)?, value);
    }
    let store = builder
        .with_bucket_name(bucket)
        .with_http_connector(Connect(Connector::new()?))
        .with_retry(no_retries)
        .build()
        .map_err(wrong)?;
    Ok(Arc::new(store))
}

#[derive(Debug)]
struct Connect(Connector);

impl HttpConnector for Connect {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(Http(self.0.clone())))
    }
}

/// Sends requests, each over a connection of its own: a recording takes two or three.
#[derive(Debug)]
struct Http(Connector);

#[async_trait]
impl HttpService for Http {
    async fn call(&self, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let uri = request.uri().clone();
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        let origin = format!("{}://{authority}", uri.scheme_str().unwrap_or("https"));
        let endpoint = Endpoint::new(NAME, &origin).map_err(failed(HttpErrorKind::Request))?;
        let host = HeaderValue::from_str(authority).map_err(failed(HttpErrorKind::Request))?;
        request.headers_mut().entry(HOST).or_insert(host);
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        *request.uri_mut() = target.parse().map_err(failed(HttpErrorKind::Request))?;

        let wire = self.0.connect(&endpoint, CONNECT).await;
        let wire = wire.map_err(failed(HttpErrorKind::Connect))?;
        let (mut sender, driver) =
            http1::handshake(TokioIo::new(wire)).await.map_err(failed(HttpErrorKind::Connect))?;
        let driver = Driver(tokio::spawn(async move {
            if let Err(error) = driver.await {
                tracing::debug!(%error, "the connection to the store ended");
            }
        }));
        let answer = timeout(ANSWER, sender.send_request(request)).await;
        let answer = answer.map_err(failed(HttpErrorKind::Timeout))?;
        let answer = answer.map_err(failed(HttpErrorKind::Interrupted))?;
        Ok(answer.map(|body| HttpResponseBody::new(Body { body, _driver: driver })))
    }
}

fn failed<E: StdError + Send + Sync + 'static>(kind: HttpErrorKind) -> impl FnOnce(E) -> HttpError {
    move |error| HttpError::new(kind, error)
}

/// The task that drives a connection, which ends with it.
struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// An answer's body, which keeps its connection.
struct Body {
    body: hyper::body::Incoming,
    _driver: Driver,
}

impl hyper::body::Body for Body {
    type Data = hyper::body::Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Self::Data>, HttpError>>> {
        let frame = std::pin::Pin::new(&mut self.body).poll_frame(cx);
        frame.map(|frame| frame.map(|frame| frame.map_err(failed(HttpErrorKind::Interrupted))))
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.body.size_hint()
    }
}
