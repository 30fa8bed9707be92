//! A service in memory that keeps the rules of ElevenLabs, and what is heard of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use futures::StreamExt;
use futures::channel::mpsc;
use futures::stream::BoxStream;
use serde_json::{Value, json};
use tokio::time::timeout;
use voicekit_core::audio::AudioFormat;
use voicekit_core::error::{Error, Result};
use voicekit_core::tts::{Spoken, Tts, TtsRequest};
use voicekit_elevenlabs::{ElevenLabs, ElevenLabsConfig};
use voicekit_net::Connector;
use voicekit_testkit::server::{Opened, Received, Reply, Script, WebSocketServer};

/// The key that no test may find anywhere.
pub(crate) const KEY: &str = "0123456789abcdef-secret";

/// How long a character is spoken.
pub(crate) const CHARACTER: u64 = 50;

pub(crate) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) fn service(scripts: impl IntoIterator<Item = Script>) -> Arc<WebSocketServer> {
    Arc::new(WebSocketServer::in_memory(scripts))
}

/// A service all of whose sockets speak in this manner.
pub(crate) fn speaker(manner: Manner) -> Arc<WebSocketServer> {
    let script = move |_| Some(Script::new().answer(speaking(manner)));
    Arc::new(WebSocketServer::in_memory_serving(script))
}

pub(crate) fn config() -> ElevenLabsConfig {
    // Tests of the fallback say so themselves.
    ElevenLabsConfig::new(KEY).with_url("ws://elevenlabs.test").with_fallback(false)
}

pub(crate) fn voice(server: &Arc<WebSocketServer>) -> ElevenLabs {
    voice_with(server, config())
}

pub(crate) fn voice_with(server: &Arc<WebSocketServer>, config: ElevenLabsConfig) -> ElevenLabs {
    let served = Arc::clone(server);
    let connector = Connector::new().unwrap().with_pipe(move || served.connect());
    ElevenLabs::with_connector(config, connector).unwrap()
}

/// A reply whose text is still to come.
pub(crate) struct Talk {
    text: Option<mpsc::Sender<String>>,
    pub(crate) spoken: BoxStream<'static, Result<Spoken>>,
    pub(crate) heard: Vec<Spoken>,
}

impl Talk {
    pub(crate) async fn begin(voice: &ElevenLabs, clauses: &[&str]) -> Self {
        Self::begin_in(voice, AudioFormat::PHONE, clauses).await
    }

    pub(crate) async fn begin_in(
        voice: &ElevenLabs,
        format: AudioFormat,
        clauses: &[&str],
    ) -> Self {
        let (text, received) = mpsc::channel(1_000);
        let spoken = voice.speak(TtsRequest::new(format), received.boxed()).await.unwrap();
        let mut talk = Self { text: Some(text), spoken, heard: Vec::new() };
        clauses.iter().for_each(|clause| talk.say(clause));
        talk
    }

    /// A reply that has all of its text.
    pub(crate) async fn whole(voice: &ElevenLabs, clauses: &[&str]) -> Self {
        let mut talk = Self::begin(voice, clauses).await;
        talk.end();
        talk
    }

    pub(crate) fn say(&mut self, clause: &str) {
        self.text.as_mut().unwrap().try_send(clause.to_owned()).unwrap();
    }

    pub(crate) fn end(&mut self) {
        self.text = None;
    }

    /// Listens for that long.
    pub(crate) async fn listen(&mut self, time: Duration) {
        let listening = async {
            while let Some(spoken) = self.spoken.next().await {
                self.heard.push(spoken.unwrap());
            }
        };
        let _ = timeout(time, listening).await;
    }

    /// The next piece of audio, in bytes.
    pub(crate) async fn audio(&mut self) -> Vec<u8> {
        loop {
            let next = timeout(ms(60_000), self.spoken.next()).await.unwrap();
            let spoken = next.unwrap().unwrap();
            self.heard.push(spoken.clone());
            if let Spoken::Audio(chunk) = spoken {
                return chunk.bytes().to_vec();
            }
        }
    }

    /// Everything up to the end, which has to be a good one.
    pub(crate) async fn rest(mut self) -> Vec<Spoken> {
        loop {
            match timeout(ms(60_000), self.spoken.next()).await.unwrap() {
                None => return self.heard,
                Some(spoken) => self.heard.push(spoken.unwrap()),
            }
        }
    }

    /// The error with which it ends.
    pub(crate) async fn error(mut self) -> Error {
        loop {
            match timeout(ms(60_000), self.spoken.next()).await.unwrap() {
                None => panic!("it ended well: {:?}", self.heard),
                Some(Ok(spoken)) => self.heard.push(spoken),
                Some(Err(error)) => {
                    assert!(self.spoken.next().await.is_none(), "an error is the end");
                    return error;
                }
            }
        }
    }
}

/// All audio.
pub(crate) fn bytes(spoken: &[Spoken]) -> Vec<u8> {
    let chunks = spoken.iter().filter_map(|item| {
        let Spoken::Audio(chunk) = item else { return None };
        Some(chunk.bytes().to_vec())
    });
    chunks.flatten().collect()
}

/// All audio, which is one of [`sound`], as the text it is of.
pub(crate) fn spelled(spoken: &[Spoken]) -> String {
    spell(&bytes(spoken))
}

/// The text of which these bytes are the [`sound`]. What is no whole character is shown as such.
pub(crate) fn spell(bytes: &[u8]) -> String {
    let length = AudioFormat::PHONE.bytes_in(ms(CHARACTER));
    let runs = bytes.chunk_by(|one, other| one == other).map(|run| {
        let text = char::from(run[0]).to_string().repeat(run.len() / length);
        let part = run.len() % length;
        if part == 0 { text } else { format!("{text}[{part} bytes of {}]", char::from(run[0])) }
    });
    runs.collect()
}

/// All words, as `Hello 0-250`, in milliseconds.
pub(crate) fn words(spoken: &[Spoken]) -> Vec<String> {
    let words = spoken.iter().filter_map(|item| {
        let Spoken::Word(word) = item else { return None };
        let (start, end) = (word.start.as_millis(), word.end.as_millis());
        Some(format!("{} {start}-{end}", word.text))
    });
    words.collect()
}

/// How a service speaks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    /// Says `isFinal` when a context has been closed and spoken.
    pub(crate) finals: bool,
    /// Answers flushes.
    pub(crate) flush_done: bool,
    /// Gives the times of characters.
    pub(crate) aligned: bool,
    /// Spells keys as in `context_id`.
    pub(crate) snake: bool,
    /// Characters in a message.
    pub(crate) chunk: usize,
}

impl Default for Manner {
    fn default() -> Self {
        Self { finals: true, flush_done: false, aligned: true, snake: false, chunk: 1_000 }
    }
}

/// Speaks what is flushed; what breaks the protocol's rules is answered as the service does.
pub(crate) fn speaking(manner: Manner) -> impl FnMut(&Received) -> Vec<Reply> {
    let mut contexts: BTreeMap<String, String> = BTreeMap::new();
    move |received| {
        let Some(text) = received.text() else { return Vec::new() };
        let said: Value = serde_json::from_str(text).unwrap();
        answers(&mut contexts, &said, manner)
    }
}

fn answers(contexts: &mut BTreeMap<String, String>, said: &Value, manner: Manner) -> Vec<Reply> {
    if said["close_socket"] == true {
        return vec![Reply::Close(1000, String::new())];
    }
    let Some(id) = said["context_id"].as_str() else { return policy("no context_id") };
    let text = said["text"].as_str().unwrap_or_default();
    if !contexts.contains_key(id) {
        if text != " " {
            return policy("a context begins with a space");
        }
        if contexts.len() == 5 {
            return policy("max_active_conversations");
        }
        contexts.insert(id.to_owned(), String::new());
        return Vec::new();
    }
    if said.get("voice_settings").is_some() || said.get("generation_config").is_some() {
        return policy("settings come first");
    }
    if !text.is_empty() && !text.ends_with(' ') {
        return policy("text ends in a space");
    }
    let buffer = contexts.get_mut(id).unwrap();
    buffer.push_str(text);
    let mut replies = Vec::new();
    if said["flush"] == true || said["close_context"] == true {
        replies.extend(spoken(&std::mem::take(buffer), id, manner));
    }
    if said["flush"] == true && manner.flush_done {
        replies.push(Reply::Text(json!({ "type": "flush_done", "context_id": id }).to_string()));
    }
    if said["close_context"] == true {
        contexts.remove(id);
        if manner.finals {
            replies.push(last(id, manner));
        }
    }
    replies
}

pub(crate) fn policy(reason: &str) -> Vec<Reply> {
    let error = json!({ "error": reason, "message": reason, "code": 1008 });
    vec![Reply::Text(error.to_string()), Reply::Close(1008, reason.to_owned())]
}

fn last(id: &str, manner: Manner) -> Reply {
    Reply::Text(if manner.snake {
        json!({ "audio": null, "is_final": true, "context_id": id }).to_string()
    } else {
        json!({ "isFinal": true, "contextId": id }).to_string()
    })
}

fn spoken(text: &str, id: &str, manner: Manner) -> Vec<Reply> {
    let characters: Vec<char> = text.chars().collect();
    let chunks = characters.chunks(manner.chunk);
    chunks.map(|chunk| said(&chunk.iter().collect::<String>(), id, manner)).collect()
}

/// Mu-law in which every character is 50 ms of itself.
pub(crate) fn sound(text: &str) -> Vec<u8> {
    let length = AudioFormat::PHONE.bytes_in(ms(CHARACTER));
    text.bytes().flat_map(|byte| vec![byte; length]).collect()
}

/// A message with the audio of `text`.
pub(crate) fn said(text: &str, id: &str, manner: Manner) -> Reply {
    let audio = BASE64_STANDARD.encode(sound(text));
    let alignment = if manner.aligned { alignment(text) } else { Value::Null };
    let message = if manner.snake {
        json!({ "audio": audio, "is_final": false, "alignment": null,
            "normalized_alignment": alignment, "context_id": id })
    } else {
        json!({ "audio": audio, "isFinal": null, "alignment": alignment,
            "normalizedAlignment": null, "contextId": id })
    };
    Reply::Text(message.to_string())
}

pub(crate) fn alignment(text: &str) -> Value {
    let characters: Vec<String> = text.chars().map(String::from).collect();
    let starts: Vec<u64> = (0..characters.len() as u64).map(|nth| nth * CHARACTER).collect();
    let lengths = vec![CHARACTER; characters.len()];
    json!({ "chars": characters, "charStartTimesMs": starts, "charDurationsMs": lengths })
}

/// What came over a connection, without the contexts' ids, which are `#1`, `#2` … in order.
pub(crate) fn told(opened: &Opened) -> Vec<Value> {
    let mut ids: Vec<String> = Vec::new();
    let texts = opened.texts().into_iter();
    let messages = texts.map(|text| {
        let mut message: Value = serde_json::from_str(text).unwrap();
        if let Some(id) = message["context_id"].as_str().map(str::to_owned) {
            if !ids.contains(&id) {
                ids.push(id.clone());
            }
            let nth = ids.iter().position(|other| *other == id).unwrap() + 1;
            message["context_id"] = json!(format!("#{nth}"));
        }
        message
    });
    messages.collect()
}

/// The id of the context that was opened as number `nth`, counted from 0.
pub(crate) fn context(opened: &Opened, nth: usize) -> String {
    let texts = opened.texts().into_iter();
    let opening = texts.filter(|text| text.starts_with(r#"{"text":" ","#)).nth(nth).unwrap();
    let message: Value = serde_json::from_str(opening).unwrap();
    message["context_id"].as_str().unwrap().to_owned()
}

/// How many contexts are open at the service.
pub(crate) fn open_contexts(server: &WebSocketServer) -> usize {
    let open = server.connections().into_iter().filter(|opened| !opened.is_over);
    let contexts = open.map(|opened| {
        let count = |part: &str| opened.texts().iter().filter(|text| text.contains(part)).count();
        count(r#"{"text":" ","#).saturating_sub(count(r#""close_context":true"#))
    });
    contexts.sum()
}

/// Whether a message holds `part`, on connection `nth`.
pub(crate) fn came(nth: usize, part: &'static str) -> impl Fn(&[Opened]) -> bool {
    move |seen| seen.get(nth).is_some_and(|one| one.texts().iter().any(|text| text.contains(part)))
}
