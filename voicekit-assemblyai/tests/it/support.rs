//! A service in memory, what it says, and what is heard of it.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::channel::mpsc;
use futures::stream::BoxStream;
use serde_json::{Value, json};
use tokio::time::timeout;
use voicekit_assemblyai::{Account, AssemblyAi, AssemblyAiConfig, Turns};
use voicekit_core::asr::{Asr, AsrEvent, AsrInput, AsrRequest, Transcript, TurnSign};
use voicekit_core::audio::{AudioChunk, AudioFormat};
use voicekit_core::error::{Error, Result};
use voicekit_net::Connector;
use voicekit_testkit::server::{Received, Reply, Script, WebSocketServer};

/// The key that no test may find anywhere.
pub(crate) const KEY: &str = "0123456789abcdef-secret";

pub(crate) const FORCE_ENDPOINT: &str = r#"{"type":"ForceEndpoint"}"#;
pub(crate) const TERMINATE: &str = r#"{"type":"Terminate"}"#;
pub(crate) const TERMINATION: &str =
    r#"{"type":"Termination","audio_duration_seconds":1,"session_duration_seconds":1}"#;

pub(crate) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) fn service(scripts: impl IntoIterator<Item = Script>) -> Arc<WebSocketServer> {
    Arc::new(WebSocketServer::in_memory(scripts))
}

pub(crate) fn account() -> Account {
    Account::new(KEY).with_url("ws://assemblyai.test")
}

pub(crate) fn config() -> AssemblyAiConfig {
    AssemblyAiConfig::new(account())
}

/// Universal-3, which says itself when turns begin and end.
pub(crate) fn turns() -> AssemblyAiConfig {
    config().with_model("u3-rt-pro").with_turns(Turns::Service)
}

pub(crate) fn asr(config: AssemblyAiConfig, server: &Arc<WebSocketServer>) -> AssemblyAi {
    let served = Arc::clone(server);
    let connector = Connector::new().unwrap().with_pipe(move || served.connect());
    AssemblyAi::new(config).unwrap().with_connector(connector)
}

/// A caller and what is understood of them.
pub(crate) struct Call {
    input: Option<mpsc::Sender<AsrInput>>,
    pub(crate) events: BoxStream<'static, Result<AsrEvent>>,
}

impl Call {
    pub(crate) async fn open(config: AssemblyAiConfig, server: &Arc<WebSocketServer>) -> Self {
        Self::open_with(&asr(config, server), AsrRequest::new(AudioFormat::PHONE)).await
    }

    pub(crate) async fn open_with(asr: &dyn Asr, request: AsrRequest) -> Self {
        let (input, received) = mpsc::channel(10_000);
        let events = asr.recognize(request, received.boxed()).await.unwrap();
        Self { input: Some(input), events }
    }

    pub(crate) fn send(&mut self, input: AsrInput) {
        let sent = self.input.as_mut().unwrap().try_send(input);
        assert!(sent.is_ok() || self.input.as_ref().unwrap().is_closed());
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
        self.within(60_000).await
    }

    /// The next event as a line, if it comes in time.
    pub(crate) async fn within(&mut self, millis: u64) -> String {
        let Ok(event) = timeout(ms(millis), self.events.next()).await else {
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

/// A message about the turn number `order`, whose words begin at `start` ms and last 100 ms each.
pub(crate) struct Said(Value);

pub(crate) fn said(order: u64, text: &str, start: u64) -> Said {
    let words = text.split_whitespace().zip(0_u64..).map(|(word, index)| {
        let from = start + 100 * index;
        json!({
            "text": word, "start": from, "end": from + 100, "confidence": 0.9,
            "word_is_final": true,
        })
    });
    Said(json!({
        "type": "Turn", "turn_order": order, "turn_is_formatted": false, "end_of_turn": false,
        "transcript": text, "utterance": "", "end_of_turn_confidence": 0.1,
        "words": words.collect::<Vec<Value>>(),
    }))
}

impl Said {
    /// The last word may change.
    pub(crate) fn unsure(mut self) -> Self {
        let words = self.0["words"].as_array_mut().unwrap();
        words.last_mut().unwrap()["word_is_final"] = false.into();
        let sure: Vec<&str> =
            words[..words.len() - 1].iter().map(|word| word["text"].as_str().unwrap()).collect();
        self.0["transcript"] = sure.join(" ").into();
        self
    }

    /// It ends the turn.
    pub(crate) fn end(mut self) -> Self {
        self.0["end_of_turn"] = true.into();
        self
    }

    /// It ends the turn, as one writes it.
    pub(crate) fn formatted(mut self) -> Self {
        self.0["turn_is_formatted"] = true.into();
        self.0["words"] = json!([]);
        self.end()
    }

    pub(crate) fn text(&self) -> String {
        self.0.to_string()
    }
}

/// Answers `Terminate` with `Termination`, and closes.
pub(crate) fn terminating() -> impl FnMut(&Received) -> Vec<Reply> {
    |received| {
        if received.text() != Some(TERMINATE) {
            return Vec::new();
        }
        vec![Reply::Text(TERMINATION.to_owned()), Reply::Close(1000, String::new())]
    }
}

/// What comes of these messages after a second of audio, up to the end.
pub(crate) async fn heard(
    config: AssemblyAiConfig,
    messages: impl IntoIterator<Item = Said>,
) -> Vec<String> {
    let script = Script::new().until_bytes(8_000);
    let script = messages.into_iter().fold(script, |script, message| script.say(message.text()));
    let server = service([script.answer(terminating())]);
    let mut call = Call::open(config, &server).await;
    call.speak(1_100).await;
    call.hang_up();
    call.rest().await
}
