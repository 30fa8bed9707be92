//! A web server that answers by a script.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::server::Service;

pub(crate) type Answer = Response<UnsyncBoxBody<Bytes, Infallible>>;

/// The answers to come, and what was asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) line: String,
    pub(crate) headers: hyper::HeaderMap,
    pub(crate) body: Bytes,
}

impl Script {
    pub(crate) fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self { answers: Arc::new(Mutex::new(answers.into_iter().collect())), ..Self::default() }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// Answers on one connection. When the script is over, never.
    pub(crate) async fn serve(self, io: impl AsyncRead + AsyncWrite + Unpin) {
        let answer = service_fn(|request: Request<Incoming>| async {
            let line = format!("{} {}", request.method(), request.uri());
            let headers = request.headers().clone();
            let body = request.into_body().collect().await.unwrap().to_bytes();
            self.asked.lock().unwrap().push(Asked { line, headers, body });
            let next = self.answers.lock().unwrap().pop_front();
            match next {
                Some(answer) => Ok::<_, Infallible>(answer),
                None => std::future::pending().await,
            }
        });
        let _ = http1::Builder::new().serve_connection(TokioIo::new(io), answer).await;
    }

    /// Answers on all connections of `service`, and counts them.
    pub(crate) fn on(&self, mut service: Service) -> Arc<Mutex<usize>> {
        let count = Arc::new(Mutex::new(0));
        let (script, counted) = (self.clone(), Arc::clone(&count));
        tokio::spawn(async move {
            loop {
                let io = service.raw().await;
                *counted.lock().unwrap() += 1;
                tokio::spawn(script.clone().serve(io));
            }
        });
        count
    }
}

pub(crate) fn plain(status: u16, text: impl Into<Bytes>) -> Answer {
    with_headers(status, &[], text)
}

pub(crate) fn with_headers(
    status: u16,
    headers: &[(&'static str, &str)],
    text: impl Into<Bytes>,
) -> Answer {
    let mut answer = Response::builder().status(status);
    for (name, value) in headers {
        answer = answer.header(*name, *value);
    }
    answer.body(Full::new(text.into()).boxed_unsync()).unwrap()
}

pub(crate) fn streamed(pieces: BoxStream<'static, Bytes>) -> Answer {
    let frames = pieces.map(|piece| Ok(Frame::data(piece)));
    Response::new(StreamBody::new(frames).boxed_unsync())
}
