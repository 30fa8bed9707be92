//! The three services, on loopback sockets. They answer at once, and note what comes and goes.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::serve::ListenerExt;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::stream;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::sleep;
use voicekit_core::text::{Clauses, ClausesConfig};
use voicekit_testkit::mulaw;
use voicekit_testkit::phone::tone;
use voicekit_testkit::server::{Received, Reply, Script, WebSocketServer};

use super::stamps::{Stamps, now};
use super::tag::{FRAME, Tag};

/// Between two tokens: 50 a second, as fast models write.
const TOKEN: Duration = Duration::from_millis(20);
/// What is said of a clause, in frames: 400 ms.
const CLAUSE_FRAMES: usize = 20;

/// The services as long as they run.
#[derive(Debug)]
pub(super) struct Services {
    recogniser: WebSocketServer,
    voice: WebSocketServer,
    model: String,
}

impl Services {
    /// Starts them on the runtime that this runs on.
    pub(super) async fn start(stamps: Stamps) -> Result<Self> {
        let of_recogniser = stamps.clone();
        let recogniser = WebSocketServer::serving(move |_| {
            let mut hearing = Hearing::new(of_recogniser.clone());
            Some(Script::new().answer(move |received| hearing.answer(received)))
        });
        let of_voice = stamps.clone();
        let voice = WebSocketServer::serving(move |_| {
            let speaking = Speaking::new(of_voice.clone());
            Some(Script::new().answer(move |received| speaking.answer(received)))
        });
        Ok(Self {
            recogniser: recogniser.await.context("no port for the recogniser")?,
            voice: voice.await.context("no port for the voice")?,
            model: serve_model(stamps).await.context("no port for the model")?,
        })
    }

    /// Where Deepgram is.
    pub(super) fn recogniser(&self) -> String {
        self.recogniser.url()
    }

    /// Where OpenAI is.
    pub(super) fn model(&self) -> String {
        self.model.clone()
    }

    /// Where ElevenLabs is.
    pub(super) fn voice(&self) -> String {
        self.voice.url()
    }
}

/// A connection of the recogniser's. It understands whoever has spoken since it was last asked.
struct Hearing {
    stamps: Stamps,
    /// Codes that do not fill a frame yet.
    codes: Vec<u8>,
    /// The latest frame.
    latest: Tag,
    /// Where the last answer ended, in frames.
    answered: u32,
    /// The last turn that was understood.
    understood: u16,
}

impl Hearing {
    fn new(stamps: Stamps) -> Self {
        Self { stamps, codes: Vec::new(), latest: Tag::default(), answered: 0, understood: 0 }
    }

    fn answer(&mut self, received: &Received) -> Vec<Reply> {
        let at = now();
        if let Some(codes) = received.binary() {
            self.codes.extend_from_slice(codes);
            while self.codes.len() >= FRAME {
                let frame: Vec<u8> = self.codes.drain(..FRAME).collect();
                self.latest = Tag::read(&frame).unwrap_or_default();
                self.stamps.frame_received(self.latest, at);
            }
            return Vec::new();
        }
        let text = received.text().unwrap_or_default();
        if text.contains("CloseStream") {
            return vec![
                Reply::Text(r#"{"type":"Metadata"}"#.to_owned()),
                Reply::Close(1000, String::new()),
            ];
        }
        if text.contains("Finalize") { vec![self.result()] } else { Vec::new() }
    }

    fn result(&mut self) -> Reply {
        let is_new = self.latest.turn != self.understood;
        self.understood = self.latest.turn;
        let word = Tag { piece: 0, ..self.latest }.word();
        let text = if is_new { format!("Tell me about {word}.") } else { String::new() };
        let seconds = |frames: u32| f64::from(frames) * 0.02;
        let (start, end) = (seconds(self.answered), seconds(self.latest.frame + 1));
        self.answered = self.latest.frame + 1;
        let words =
            text.split_whitespace().map(|word| json!({ "word": word, "start": start, "end": end }));
        Reply::Text(
            json!({
                "type": "Results", "channel_index": [0, 1], "start": start, "duration": end - start,
                "is_final": true, "speech_final": true, "from_finalize": true,
                "channel": { "alternatives": [{
                    "transcript": text, "confidence": 0.9, "words": words.collect::<Vec<Value>>(),
                }] },
            })
            .to_string(),
        )
    }
}

/// A connection of the voice's: 400 ms of sound for each clause, as soon as it has come.
struct Speaking {
    stamps: Stamps,
    sound: Vec<u8>,
}

impl Speaking {
    fn new(stamps: Stamps) -> Self {
        let length = Duration::from_millis(20) * u32::try_from(CLAUSE_FRAMES).unwrap_or_default();
        Self { stamps, sound: mulaw::encode(&tone(length)) }
    }

    fn answer(&self, received: &Received) -> Vec<Reply> {
        let at = now();
        let said: Value =
            received.text().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let id = &said["context_id"];
        if said["close_socket"] == true {
            return vec![Reply::Close(1000, String::new())];
        }
        if said["close_context"] == true {
            return vec![Reply::Text(json!({ "isFinal": true, "contextId": id }).to_string())];
        }
        let text = said["text"].as_str().unwrap_or_default();
        let Some(tag) = Tag::in_text(text) else { return Vec::new() };
        self.stamps.clause_received(tag, at);
        let message = self.spoken(tag, text, id);
        self.stamps.audio_sent(tag, CLAUSE_FRAMES, now());
        vec![Reply::Text(message)]
    }

    /// The sound of a clause, with the time of each of its characters.
    fn spoken(&self, tag: Tag, text: &str, id: &Value) -> String {
        let mut sound = self.sound.clone();
        for (frame, codes) in (0..).zip(sound.chunks_mut(FRAME)) {
            Tag { frame, ..tag }.write(codes);
        }
        let characters: Vec<String> = text.chars().map(String::from).collect();
        let each = CLAUSE_FRAMES * 20 / characters.len().max(1);
        let starts: Vec<usize> = (0..characters.len()).map(|nth| nth * each).collect();
        let lengths = vec![each; characters.len()];
        json!({
            "audio": STANDARD.encode(sound), "isFinal": null, "contextId": id,
            "alignment": { "chars": characters, "charStartTimesMs": starts, "charDurationsMs": lengths },
            "normalizedAlignment": null,
        })
        .to_string()
    }
}

async fn serve_model(stamps: Stamps) -> io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let listener = listener.tap_io(|stream| {
        // A socket that is gone is noticed when it is written to.
        let _ = stream.set_nodelay(true);
    });
    let app = Router::new().route("/v1/chat/completions", post(chat)).with_state(Arc::new(stamps));
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(format!("http://{address}/v1"))
}

/// Answers what was said last, a token every 20 ms. The body's end comes so long after its last
/// event, as it may from services behind proxies.
async fn chat(State(stamps): State<Arc<Stamps>>, body: Bytes) -> Response {
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    let last = asked["messages"].as_array().and_then(|messages| messages.last());
    let text = last.and_then(|message| message["content"].as_str()).unwrap_or_default();
    let tag = Tag::in_text(text).unwrap_or_default();
    let words: Vec<String> = reply(tag).split_inclusive(' ').map(str::to_owned).collect();
    let writing = Writing {
        stamps,
        tokens: words.into_iter(),
        ahead: String::new(),
        clauses: Clauses::new(ClausesConfig::default()),
        is_over: false,
    };
    let events = stream::unfold(writing, |mut writing| async move {
        let event = writing.next().await?;
        Some((Ok::<_, io::Error>(event), writing))
    });
    ([("content-type", "text/event-stream")], Body::from_stream(events)).into_response()
}

/// Three clauses, of which the next token tells where they end, or in every other turn a single one,
/// which ends with the answer.
fn reply(tag: Tag) -> String {
    let [first, second, third] = [0, 1, 2].map(|piece| Tag { piece, ..tag }.word());
    if tag.turn.is_multiple_of(2) {
        return format!("That is {first}.");
    }
    format!(
        "Of course about {first}, we are open until six {second}. Come whenever you like {third}."
    )
}

/// An answer of the model's that is being written.
struct Writing {
    stamps: Arc<Stamps>,
    tokens: std::vec::IntoIter<String>,
    /// Spaces begin tokens, they do not end them.
    ahead: String,
    /// The clauses as the agent cuts them, which says which token completes one.
    clauses: Clauses,
    is_over: bool,
}

impl Writing {
    async fn next(&mut self) -> Option<String> {
        sleep(TOKEN).await;
        if self.is_over {
            return None;
        }
        let Some(token) = self.tokens.next() else {
            self.is_over = true;
            let rest = self.clauses.flush();
            self.complete(&rest);
            let stop = json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }] });
            return Some(format!("data: {stop}\n\ndata: [DONE]\n\n"));
        };
        let text = format!("{}{}", self.ahead, token.trim_end());
        self.ahead = token[token.trim_end().len()..].to_owned();
        let event = json!({ "choices": [{ "index": 0, "delta": { "content": text } }] });
        let completed = self.clauses.push(&text);
        self.complete(&completed);
        Some(format!("data: {event}\n\n"))
    }

    /// Notes that these clauses go out now.
    fn complete(&self, clauses: &[String]) {
        let at = now();
        for tag in clauses.iter().filter_map(|clause| Tag::in_text(clause)) {
            self.stamps.clause_sent(tag, at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_clause_of_a_reply_has_its_tag() {
        for (turn, clauses) in [(7, 3), (8, 1)] {
            let tag = Tag { call: 3, turn, ..Tag::default() };
            let mut cut = Clauses::new(ClausesConfig::default());
            let mut pieces = cut.push(&reply(tag));
            pieces.extend(cut.flush());
            let tags: Vec<_> = pieces.iter().map(|clause| Tag::in_text(clause)).collect();
            let expected: Vec<_> = (0..clauses).map(|piece| Some(Tag { piece, ..tag })).collect();
            assert_eq!(tags, expected, "{pieces:?}");
        }
    }
}
