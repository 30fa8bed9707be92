//! A voice on a server in memory, and what is heard of it.

use std::sync::Arc;

use futures::stream::BoxStream;
use futures::{StreamExt, stream};
use voicekit_core::error::{Error, Result};
use voicekit_core::tts::{Spoken, Tts, TtsRequest};
use voicekit_net::Connector;
use voicekit_piper::{Piper, PiperConfig};
use voicekit_testkit::server::http::{Answer, HttpServer};

use crate::server::Wyoming;

pub(crate) fn config() -> PiperConfig {
    PiperConfig::new("tcp://piper.test")
}

pub(crate) fn wyoming(server: &Wyoming, config: PiperConfig) -> Piper {
    let connector = Connector::new().unwrap().with_dial(server.clone());
    Piper::with_connector(config, connector).unwrap()
}

pub(crate) fn answering(answers: impl IntoIterator<Item = Answer>) -> Arc<HttpServer> {
    Arc::new(HttpServer::in_memory(answers))
}

pub(crate) fn over_http(server: &Arc<HttpServer>, change: impl FnOnce(&mut PiperConfig)) -> Piper {
    let served = Arc::clone(server);
    let connector = Connector::new().unwrap().with_pipe(move || served.connect());
    let mut config = PiperConfig::new("http://piper.test:5000");
    change(&mut config);
    Piper::with_connector(config, connector).unwrap()
}

pub(crate) fn request(piper: &Piper) -> TtsRequest {
    TtsRequest::new(piper.info().formats[0])
}

/// Clauses that come at once, and then no more.
pub(crate) fn clauses(texts: &[&str]) -> BoxStream<'static, String> {
    let texts: Vec<String> = texts.iter().map(|&text| text.to_owned()).collect();
    stream::iter(texts).boxed()
}

pub(crate) async fn speak(
    piper: &Piper,
    text: BoxStream<'static, String>,
) -> BoxStream<'static, Result<Spoken>> {
    piper.speak(request(piper), text).await.unwrap()
}

/// All samples of `texts`, and the error at the end if there is one.
pub(crate) async fn said(piper: &Piper, texts: &[&str]) -> (Vec<i16>, Option<Error>) {
    let mut spoken = speak(piper, clauses(texts)).await;
    let (mut samples, mut error) = (Vec::new(), None);
    while let Some(part) = spoken.next().await {
        assert!(error.is_none(), "an error is the last");
        match part {
            Ok(Spoken::Audio(chunk)) => chunk.decode_into(&mut samples),
            Ok(other) => panic!("{other:?}"),
            Err(last) => error = Some(last),
        }
    }
    (samples, error)
}

/// The samples without repetitions.
pub(crate) fn order(samples: &[i16]) -> Vec<i16> {
    let mut order = samples.to_vec();
    order.dedup();
    order
}

pub(crate) async fn failed(piper: &Piper) -> Error {
    said(piper, &["1"]).await.1.expect("it fails")
}
