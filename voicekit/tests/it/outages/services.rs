//! Services in memory, in the protocols of their providers, and parts that stand in for them.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use futures::StreamExt;
use futures::stream::BoxStream;
use serde_json::{Value, json};
use voicekit_core::audio::{AudioChunk, AudioFormat};
use voicekit_core::error::Result;
use voicekit_core::tts::{Spoken, SpokenWord, Tts, TtsInfo, TtsRequest};
use voicekit_deepgram::{Account, Nova, NovaConfig};
use voicekit_elevenlabs::{ElevenLabs, ElevenLabsConfig};
use voicekit_net::{Connector, Dial, Io};
use voicekit_openai::{OpenAi, OpenAiConfig};
use voicekit_testkit::server::http::{Answer, HttpServer};
use voicekit_testkit::server::{Received, Reply, Script, WebSocketServer};

use super::QUESTION;
use crate::parts::ms;

/// How long a character is spoken.
const CHARACTER: u64 = 50;

/// How services are reached.
#[derive(Clone, Debug)]
pub(super) enum Way {
    /// Over a WebSocket.
    Socket(Arc<WebSocketServer>),
    /// Over HTTP.
    Http(Arc<HttpServer>),
    /// Not at all: its name is unknown.
    Nowhere,
    /// Connections are accepted, and that is all.
    BlackHole,
}

#[async_trait]
impl Dial for Way {
    async fn dial(&self, _: &str, _: u16) -> io::Result<Box<dyn Io>> {
        match self {
            Self::Socket(server) => Ok(Box::new(server.connect())),
            Self::Http(server) => Ok(Box::new(server.connect())),
            Self::Nowhere => Err(io::Error::other("failed to lookup address information")),
            Self::BlackHole => {
                let (ours, theirs) = tokio::io::duplex(64 * 1024);
                tokio::spawn(async move {
                    let _held = theirs;
                    std::future::pending::<()>().await;
                });
                Ok(Box::new(ours))
            }
        }
    }
}

fn connector(way: Way) -> Connector {
    Connector::new().unwrap().with_dial(way)
}

/// A recogniser's service. It understands the question if it hears all of it.
#[derive(Default)]
pub(super) struct Ear {
    /// The first connection ends after so many bytes.
    pub(super) cut_after: Option<usize>,
}

impl Ear {
    pub(super) fn nova(self) -> Nova {
        let Self { mut cut_after } = self;
        let scripts = move |_| {
            let script = Script::new();
            Some(match cut_after.take() {
                Some(bytes) => script.until_bytes(bytes).cut(),
                None => script.answer(hearing()),
            })
        };
        nova(Way::Socket(Arc::new(WebSocketServer::in_memory_serving(scripts))))
    }
}

pub(super) fn nova(way: Way) -> Nova {
    let account = Account::new("key").with_url("ws://deepgram.test");
    Nova::new(NovaConfig::new(account)).unwrap().with_connector(connector(way))
}

/// Understands the question in 1.2 s of sound, and half of it in less.
fn hearing() -> impl FnMut(&Received) -> Vec<Reply> {
    let (mut all, mut sound) = (0_usize, 0_usize);
    move |received| {
        if let Some(bytes) = received.binary() {
            all += bytes.len();
            sound += bytes.iter().filter(|code| !matches!(code, 0x7f | 0xff)).count();
            return Vec::new();
        }
        let said: Value = serde_json::from_str(received.text().unwrap_or("{}")).unwrap();
        match said["type"].as_str() {
            Some("Finalize") => {
                let whole = QUESTION.len();
                // Codes of the tone that are silent by chance are not counted.
                let share = if sound > 9_000 { whole } else { whole / 2 };
                let text = if sound == 0 { "" } else { &QUESTION[..share] };
                sound = 0;
                vec![Reply::Text(result(text, all as f64 / 8_000.0))]
            }
            Some("CloseStream") => vec![Reply::Close(1000, String::new())],
            _ => Vec::new(),
        }
    }
}

fn result(text: &str, seconds: f64) -> String {
    json!({
        "type": "Results", "channel_index": [0, 1], "start": 0.0, "duration": seconds,
        "is_final": true, "speech_final": false, "from_finalize": true,
        "channel": { "alternatives": [{ "transcript": text, "confidence": 0.9, "words": [] }] },
    })
    .to_string()
}

/// A model's service.
pub(super) struct Mind(Vec<Answer>);

impl Mind {
    /// Gives these answers in turn.
    pub(super) fn new(answers: impl Into<Vec<Answer>>) -> Self {
        Self(answers.into())
    }

    /// Says this.
    pub(super) fn saying(text: &str) -> Self {
        Self::new([tokens(text).then(DONE)])
    }

    pub(super) fn openai(self) -> Arc<OpenAi> {
        openai(Way::Http(Arc::new(HttpServer::in_memory(self.0))))
    }
}

pub(super) fn openai(way: Way) -> Arc<OpenAi> {
    let mut config = OpenAiConfig::new("key");
    config.base_url = "http://openai.test/v1".to_owned();
    Arc::new(OpenAi::with_connector(config, connector(way)).unwrap())
}

/// The last events of an answer.
pub(super) const DONE: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{},\
    \"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";

/// The words of an answer, which is not over.
pub(super) fn tokens(text: &str) -> Answer {
    text.split_inclusive(' ').fold(Answer::events(""), |answer, word| {
        let delta = json!({ "choices": [{ "index": 0, "delta": { "content": word } }] });
        answer.then(format!("data: {delta}\n\n")).then_wait(ms(20))
    })
}

/// A refusal.
pub(super) fn refusal(status: u16) -> Answer {
    let body = json!({ "error": { "message": "not now", "type": "server_error", "code": null } });
    Answer::json(status, body.to_string())
}

/// A voice's service.
#[derive(Default)]
pub(super) struct Mouth {
    /// The first connection breaks amid the sentence, after so many characters.
    pub(super) breaks_after: Option<usize>,
    /// There is only one connection, and nothing else.
    pub(super) once: bool,
}

impl Mouth {
    pub(super) fn elevenlabs(self) -> ElevenLabs {
        let Self { mut breaks_after, once } = self;
        let scripts = move |connection| {
            if once && connection > 0 {
                return Some(Script::refuse(503, &[], ""));
            }
            Some(Script::new().answer(speaking(breaks_after.take())))
        };
        elevenlabs(Way::Socket(Arc::new(WebSocketServer::in_memory_serving(scripts))))
    }
}

pub(super) fn elevenlabs(way: Way) -> ElevenLabs {
    let config = ElevenLabsConfig::new("key").with_url("ws://elevenlabs.test");
    ElevenLabs::with_connector(config, connector(way)).unwrap()
}

/// Speaks what is flushed, up to so many characters if there is a limit.
fn speaking(mut limit: Option<usize>) -> impl FnMut(&Received) -> Vec<Reply> {
    let mut contexts: BTreeMap<String, String> = BTreeMap::new();
    move |received| {
        let Some(text) = received.text() else { return Vec::new() };
        let said: Value = serde_json::from_str(text).unwrap();
        if said["close_socket"] == true {
            return vec![Reply::Close(1000, String::new())];
        }
        let id = said["context_id"].as_str().unwrap().to_owned();
        let text = said["text"].as_str().unwrap_or_default();
        let Some(buffer) = contexts.get_mut(&id) else {
            contexts.insert(id, String::new());
            return Vec::new();
        };
        buffer.push_str(text);
        let mut replies = Vec::new();
        let closes = said["close_context"] == true;
        if (said["flush"] == true || closes) && !buffer.is_empty() {
            let mut spoken = std::mem::take(buffer);
            let breaks = limit.is_some_and(|limit| limit < spoken.len());
            if let Some(limit) = &mut limit {
                spoken.truncate(*limit);
                *limit -= spoken.len();
            }
            replies.push(Reply::Text(message(&spoken, &id)));
            if breaks {
                replies.push(Reply::Close(1011, "internal error".to_owned()));
                return replies;
            }
        }
        if closes {
            contexts.remove(&id);
            replies.push(Reply::Text(json!({ "isFinal": true, "contextId": id }).to_string()));
        }
        replies
    }
}

fn message(text: &str, id: &str) -> String {
    let characters: Vec<String> = text.chars().map(String::from).collect();
    let starts: Vec<u64> = (0..characters.len() as u64).map(|nth| nth * CHARACTER).collect();
    let lengths = vec![CHARACTER; characters.len()];
    json!({
        "audio": BASE64_STANDARD.encode(sound(text)), "isFinal": null, "contextId": id,
        "alignment": {
            "chars": characters, "charStartTimesMs": starts, "charDurationsMs": lengths,
        },
    })
    .to_string()
}

/// Mu-law in which every character is 50 ms of itself.
fn sound(text: &str) -> Vec<u8> {
    let length = AudioFormat::PHONE.bytes_in(ms(CHARACTER));
    text.bytes().flat_map(|byte| vec![byte; length]).collect()
}

/// The text of which these codes are the sound; silence is left out, what is not a whole
/// character is told.
pub(super) fn spell(codes: &[u8]) -> String {
    let length = AudioFormat::PHONE.bytes_in(ms(CHARACTER));
    let runs = codes.chunk_by(|one, other| one == other).filter(|run| run[0] != 0xff);
    runs.map(|run| {
        let character = char::from(run[0]);
        let text = character.to_string().repeat(run.len() / length);
        // Spaces are pauses, which may be of any length.
        let part = run.len() % length > 0 && character != ' ';
        if part { format!("{text}[part of {character}]") } else { text }
    })
    .collect()
}

/// A voice on this machine: it does not fail. It speaks in capitals, to be told apart.
#[derive(Debug)]
pub(super) struct Spare;

#[async_trait]
impl Tts for Spare {
    fn info(&self) -> TtsInfo {
        TtsInfo::new("spare", [AudioFormat::PHONE]).with_words()
    }

    async fn speak(
        &self,
        _: TtsRequest,
        text: BoxStream<'static, String>,
    ) -> Result<BoxStream<'static, Result<Spoken>>> {
        let mut at = 0;
        let spoken = text.flat_map(move |clause| {
            let mut items = Vec::new();
            for word in clause.split_inclusive(' ') {
                let end = at + word.len() as u64 * CHARACTER;
                items.push(Ok(Spoken::Word(SpokenWord::new(word.trim(), ms(at), ms(end)))));
                let codes = sound(&word.to_uppercase());
                items.push(AudioChunk::new(AudioFormat::PHONE, codes).map(Spoken::Audio));
                at = end;
            }
            futures::stream::iter(items)
        });
        Ok(spoken.boxed())
    }
}
