//! HTTP against servers in memory.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, timeout};
use voicekit_core::error::ErrorKind;
use voicekit_net::{Endpoint, HttpClient, HttpConfig, HttpRequest, RetryPolicy};

use crate::server::{Service, endpoint};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

type Body = http_body_util::combinators::BoxBody<Bytes, Infallible>;
type Answer = Box<dyn Fn(&str) -> Response<Body> + Send>;

/// What a server was asked, and on how many connections.
#[derive(Clone, Debug, Default)]
struct Seen {
    requests: Arc<Mutex<Vec<(String, Vec<u8>)>>>,
    connections: Arc<Mutex<usize>>,
}

fn plain(status: u16, text: &str) -> Answer {
    let text = text.to_owned();
    Box::new(move |_| {
        let body = Full::new(Bytes::from(text.clone())).boxed();
        Response::builder().status(status).body(body).unwrap()
    })
}

fn streamed(pieces: fn() -> BoxStream<'static, Bytes>) -> Answer {
    Box::new(move |_| {
        let frames = pieces().map(|piece| Ok(Frame::data(piece)));
        Response::new(BodyExt::boxed(SyncBody(StreamBody::new(Mutexed(Mutex::new(frames.boxed()))))))
    })
}

/// `BoxBody` wants `Sync`, which boxed streams are not.
struct Mutexed<S>(Mutex<S>);

impl<S: stream::Stream + Unpin> stream::Stream for Mutexed<S> {
    type Item = S::Item;
    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<S::Item>> {
        self.0.get_mut().unwrap().poll_next_unpin(cx)
    }
}

type SyncBody = std::convert::identity<()>;
