//! A service in memory, what it says, and what is heard of it.

use std::sync::Arc;
use std::time::Duration;

use futures::channel::mpsc;
use futures::stream::BoxStream;
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::time::timeout;
use voicekit_core::asr::{Asr, AsrEvent, AsrInput, AsrRequest, Transcript, TurnSign};
use voicekit_core::audio::{AudioChunk, AudioFormat};
use voicekit_core::error::{Error, Result};
use voicekit_deepgram::{Account, Aura, AuraConfig, Flux, FluxConfig, Nova, NovaConfig};
use voicekit_net::Connector;
use voicekit_testkit::server::{Received, Reply, Script, WebSocketServer};

/// The key that no test may find anywhere.
pub(crate) const KEY: &str = "0123456789abcdef-secret";

pub(crate) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) fn service(scripts: impl IntoIterator<Item = Script>) -> Arc<WebSocketServer> {
    Arc::new(WebSocketServer::in_memory(scripts))
}

pub(crate) fn connector(server: &Arc<WebSocketServer>) -> Connector {
    let served = Arc::clone(server);
    Connector::new().unwrap().with_pipe(move || served.connect())
}

pub(crate) fn account() -> Account {
    Account::new(KEY).with_url("ws://deepgram.test")
}

pub(crate) fn nova(server: &Arc<WebSocketServer>) -> Nova {
    Nova::new(NovaConfig::new(account())).unwrap().with_connector(connector(server))
}

pub(crate) fn flux(server: &Arc<WebSocketServer>) -> Flux {
    Flux::new(FluxConfig::new(account())).unwrap().with_connector(connector(server))
}

pub(crate) fn aura(server: &Arc<WebSocketServer>) -> Aura {
    Aura::new(AuraConfig::new(account())).unwrap().with_connector(connector(server))
}

/// A caller and what is understood of them.
pub(crate) struct Call {
    input: Option<mpsc::Sender<AsrInput>>,
    pub(crate) events: BoxStream<'static, Result<AsrEvent>>,
}

impl Call {
    pub(crate) async fn open(asr: &dyn Asr) -> Self {
        Self::open_with(asr, AsrRequest::new(AudioFormat::PHONE)).await
    }

    pub(crate) async fn open_with(asr: &dyn Asr, request: AsrRequest) -> Self {
        let (input, received) = mpsc::channel(10_000);
        let events = asr.recognize(request, received.boxed()).await.unwrap();
        Self { input: Some(input), events }
    }

    pub(crate) fn send(&mut self, input: AsrInput) {
        self.input.as_mut().unwrap().try_send(input).unwrap();
    }

    /// Audio that lasts `millis`, in frames of 20 ms, at once.
    pub(crate) fn audio(&mut self, millis: u64) {
        for _ in 0..millis / 20 {
            self.send(AsrInput::Audio(AudioChunk::silence(AudioFormat::PHONE, ms(20))));
        }
    }

    /// Audio that lasts `millis`, as fast as it is spoken.
    pub(crate) async fn speak(&mut self, millis: u64) {
        for _ in 0..millis / 20 {
            self.audio(20);
            tokio::time::sleep(ms(20)).await;
        }
    }

    pub(crate) fn hang_up(&mut self) {
        self.input = None;
    }

    /// The next event as a line.
    pub(crate) async fn next(&mut self) -> String {
        let Ok(event) = timeout(ms(60_000), self.events.next()).await else {
            return "nothing".to_owned();
        };
        event.map_or_else(|| "end".to_owned(), |event| line(&event))
    }

    pub(crate) async fn error(&mut self) -> Error {
        loop {
            match timeout(ms(60_000), self.events.next()).await.unwrap() {
                Some(Ok(_)) => {}
                Some(Err(error)) => return error,
                None => panic!("it ended well"),
            }
        }
    }

    /// The events until the end, as lines.
    pub(crate) async fn rest(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let line = self.next().await;
            if line == "end" {
                return lines;
            }
            lines.push(line);
        }
    }
}

/// `~ text` for an interim, `= text` for a final, `! text` for one that was asked for.
pub(crate) fn line(event: &Result<AsrEvent>) -> String {
    match event {
        Ok(AsrEvent::Interim(words)) => format!("~ {}", words.text),
        Ok(AsrEvent::Final(words)) if words.finalized => format!("! {}", words.text),
        Ok(AsrEvent::Final(words)) => format!("= {}", words.text),
        Ok(AsrEvent::Turn(TurnSign::Started)) => "started".to_owned(),
        Ok(AsrEvent::Turn(TurnSign::EagerEnd)) => "eager end".to_owned(),
        Ok(AsrEvent::Turn(TurnSign::Resumed)) => "resumed".to_owned(),
        Ok(AsrEvent::Turn(TurnSign::Ended)) => "ended".to_owned(),
        Ok(other) => format!("{other:?}"),
        Err(error) => format!("{:?}: {error}", error.kind()),
    }
}

pub(crate) fn words_of(event: Result<AsrEvent>) -> Transcript {
    match event {
        Ok(AsrEvent::Interim(words) | AsrEvent::Final(words)) => words,
        other => panic!("no words: {other:?}"),
    }
}

/// A v1 result of the audio from `start` to `end`, in seconds; `flags` are those that are true.
pub(crate) fn result(text: &str, start: f64, end: f64, flags: &[&str]) -> String {
    let words =
        text.split_whitespace().map(|word| json!({ "word": word, "start": start, "end": end }));
    let mut result = json!({
        "type": "Results", "channel_index": [0, 1], "start": start, "duration": end - start,
        "channel": { "alternatives": [{
            "transcript": text, "confidence": 0.9, "words": words.collect::<Vec<Value>>(),
        }] },
        "metadata": { "request_id": "request-1" },
    });
    for flag in flags {
        result[*flag] = Value::Bool(true);
    }
    result.to_string()
}

pub(crate) const METADATA: &str = r#"{"type":"Metadata","request_id":"request-1","duration":1.0}"#;

/// A v2 message about a turn.
pub(crate) fn turn(event: &str, text: &str, end: f64) -> String {
    let info = json!({
        "type": "TurnInfo", "request_id": "request-2", "event": event, "turn_index": 0,
        "audio_window_start": 0.0, "audio_window_end": end, "transcript": text, "words": [],
        "end_of_turn_confidence": 0.5,
    });
    info.to_string()
}

/// Says `last` when the client says `CloseStream`, and closes.
pub(crate) fn closing(last: &'static str) -> impl FnMut(&Received) -> Vec<Reply> {
    move |received| {
        if received.text() != Some(r#"{"type":"CloseStream"}"#) {
            return Vec::new();
        }
        let close = Reply::Close(1000, String::new());
        if last.is_empty() { vec![close] } else { vec![Reply::Text(last.to_owned()), close] }
    }
}

/// Clauses that come at once, and then no more.
pub(crate) fn clauses(texts: &[&str]) -> BoxStream<'static, String> {
    let texts: Vec<String> = texts.iter().map(|&text| text.to_owned()).collect();
    stream::iter(texts).boxed()
}
