//! Wyoming over TCP.
//!
//! A clause is one exchange on one connection; connections are kept for the next. Where the server
//! streams (`supports_synthesize_streaming` in its `info`), the exchange is `synthesize-start`,
//! `synthesize-chunk`, `synthesize-stop`, and is over at `synthesize-stopped`; otherwise it is
//! `synthesize`, and over at `audio-stop`. A stream of its own for each clause, since the server
//! holds a sentence back until it has seen the beginning of the next or the stop.

mod connection;
pub(crate) mod event;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use futures::stream;
use serde_json::{Value, json};
use tokio::time::Instant;
use voicekit_core::audio::{AudioChunk, AudioFormat};
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_net::{Connector, Endpoint, Silence, lenient, plain_word};

use self::connection::Connection;
use self::event::Event;
use crate::config::PiperConfig;
use crate::piper::{Answer, retry};
use crate::{SERVICE, error};

/// How long a connection is kept for the next clause.
const KEEP: Duration = Duration::from_secs(60);

/// The longest piece of the server's own words in an error, in characters.
const LONGEST: usize = 300;

#[derive(Debug)]
pub(crate) struct Wyoming {
    config: Arc<PiperConfig>,
    connector: Connector,
    endpoint: Endpoint,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Connections on which nothing is owed, and since when.
    kept: Vec<(Instant, Connection)>,
    /// What the server has said about itself.
    server: Option<Arc<Server>>,
}

/// What a server can.
#[derive(Debug)]
pub(crate) struct Server {
    streams: bool,
    voices: BTreeSet<String>,
}

impl Wyoming {
    pub(crate) fn new(config: Arc<PiperConfig>, connector: Connector, url: &str) -> Result<Self> {
        let endpoint = Endpoint::new(SERVICE, url)?;
        Ok(Self { config, connector, endpoint, shared: Arc::default() })
    }

    pub(crate) async fn ask(&self, voice: Option<String>, text: String) -> Result<Answer> {
        let patience = self.config.patience(&text);
        if let Some(kept) = self.kept() {
            let begun = self.begin(kept, voice.as_deref(), &text, patience).await;
            match begun {
                // It was closed while nobody used it, which shows only now.
                Err(lost) if lost.kind() == ErrorKind::Connection => {}
                begun => return begun,
            }
        }
        let fresh = self.connect().await?;
        let begun = self.begin(fresh, voice.as_deref(), &text, patience).await;
        if begun.is_err() {
            self.lock().server = None;
        }
        begun
    }

    /// A connection that is free, the latest used.
    fn kept(&self) -> Option<Connection> {
        let mut shared = self.lock();
        shared.kept.retain(|(since, _)| since.elapsed() < KEEP);
        shared.kept.pop().map(|(_, connection)| connection)
    }

    /// Asks for `text`, and waits for the first of its audio.
    async fn begin(
        &self,
        mut connection: Connection,
        voice: Option<&str>,
        text: &str,
        patience: Duration,
    ) -> Result<Answer> {
        let server = self.server(&mut connection, patience).await?;
        if let Some(voice) = voice
            && !server.voices.is_empty()
            && !server.voices.contains(voice)
        {
            let text = format!("the server has no voice {voice}");
            return Err(error(ErrorKind::Config, text));
        }
        let voice = voice.map(|name| match &self.config.speaker {
            Some(speaker) => json!({ "name": name, "speaker": speaker }),
            None => json!({ "name": name }),
        });
        for event in request(server.streams, voice, text) {
            connection.send(&event, patience).await?;
        }
        let shared = Arc::clone(&self.shared);
        let most = self.config.concurrency;
        let exchange =
            Exchange { connection, patience, streams: server.streams, format: None, shared, most };
        let Some((first, exchange)) = exchange.next().await? else {
            return Ok(stream::empty().boxed());
        };
        let rest = stream::try_unfold(exchange, Exchange::next);
        Ok(stream::once(std::future::ready(Ok(first))).chain(rest).boxed())
    }

    async fn connect(&self) -> Result<Connection> {
        let policy = retry();
        let (mut failed, mut has_warned) = (0, false);
        loop {
            let lost = match self.connector.connect(&self.endpoint, self.config.connect).await {
                Ok(wire) => return Ok(Connection::over(wire)),
                Err(lost) => lost,
            };
            let Some(wait) = policy.wait(failed, &lost) else { return Err(lost) };
            if lost.kind() == ErrorKind::Timeout && !std::mem::replace(&mut has_warned, true) {
                Silence::warn(SERVICE);
            }
            tracing::debug!(service = SERVICE, error = %lost, ?wait, "trying again");
            failed += 1;
            tokio::time::sleep(wait).await;
        }
    }

    /// What the server can, which is asked once.
    async fn server(&self, connection: &mut Connection, patience: Duration) -> Result<Arc<Server>> {
        let known = self.lock().server.clone();
        if let Some(known) = known {
            return Ok(known);
        }
        connection.send(&Event::new("describe", Value::Null), patience).await?;
        let info = loop {
            let event = connection.receive(patience).await?;
            match event.kind.as_str() {
                "info" => break event,
                "error" => return Err(reported(&event)),
                kind => tracing::debug!(service = SERVICE, kind, "event skipped"),
            }
        };
        let server = Arc::new(Server::of(&info));
        self.lock().server = Some(Arc::clone(&server));
        Ok(server)
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Server {
    pub(crate) fn of(info: &Event) -> Self {
        let list = |value: Option<&Value>| value.and_then(Value::as_array).cloned();
        let programs = list(info.data.get("tts")).unwrap_or_default();
        let is_true = |value: Option<&Value>| value.is_some_and(lenient::flag_of);
        let streams =
            programs.iter().any(|program| is_true(program.get("supports_synthesize_streaming")));
        let voices = programs.iter().flat_map(|program| list(program.get("voices")));
        let names = voices
            .flatten()
            .filter_map(|voice| voice.get("name").and_then(Value::as_str).map(str::to_owned));
        Self { streams, voices: names.collect() }
    }
}

/// The events that ask for `text`.
fn request(streams: bool, voice: Option<Value>, text: &str) -> Vec<Event> {
    let with_voice = |mut data: Value| {
        if let Some(voice) = &voice {
            data["voice"] = voice.clone();
        }
        data
    };
    if !streams {
        return vec![Event::new("synthesize", with_voice(json!({ "text": text })))];
    }
    vec![
        Event::new("synthesize-start", with_voice(json!({}))),
        Event::new("synthesize-chunk", json!({ "text": text })),
        Event::new("synthesize-stop", Value::Null),
    ]
}

/// A clause that is being spoken.
struct Exchange {
    connection: Connection,
    patience: Duration,
    streams: bool,
    /// What `audio-start` has said.
    format: Option<AudioFormat>,
    shared: Arc<Mutex<Shared>>,
    /// The most connections kept.
    most: usize,
}

impl Exchange {
    /// The next audio. At the end the connection is free for the next clause.
    async fn next(mut self) -> Result<Option<(AudioChunk, Self)>> {
        loop {
            let event = self.connection.receive(self.patience).await?;
            match event.kind.as_str() {
                "audio-start" => self.format = format(&event)?,
                "audio-chunk" => {
                    let format = format(&event)?.or(self.format).ok_or_else(|| {
                        error(ErrorKind::Protocol, "audio came without its format")
                    })?;
                    if !event.payload.is_empty() {
                        let chunk = AudioChunk::new(format, event.payload)?;
                        return Ok(Some((chunk, self)));
                    }
                }
                "audio-stop" if !self.streams => return Ok(self.finish()),
                "synthesize-stopped" if self.streams => return Ok(self.finish()),
                "audio-stop" => {}
                "error" => return Err(reported(&event)),
                "ping" => {
                    let text = event.text("text").unwrap_or_default();
                    let pong = Event::new("pong", json!({ "text": text }));
                    self.connection.send(&pong, self.patience).await?;
                }
                kind => tracing::debug!(service = SERVICE, kind, "event skipped"),
            }
        }
    }

    fn finish<T>(self) -> Option<T> {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if shared.kept.len() < self.most {
            shared.kept.push((Instant::now(), self.connection));
        }
        None
    }
}

/// The format that `audio-start` or `audio-chunk` names; `None` if it does not name all of it.
pub(crate) fn format(event: &Event) -> Result<Option<AudioFormat>> {
    let number = |name| event.number(name);
    let (Some(rate), Some(width), Some(channels)) =
        (number("rate"), number("width"), number("channels"))
    else {
        return Ok(None);
    };
    match u32::try_from(rate) {
        Ok(rate @ 8_000..=48_000) if (width, channels) == (2, 1) => {
            Ok(Some(AudioFormat::pcm16(rate)))
        }
        _ => {
            let bits = width.saturating_mul(8);
            let text = format!(
                "the voice has {channels} channels of {bits} bits at {rate} Hz, not one of 16 bits"
            );
            Err(error(ErrorKind::Unsupported, text))
        }
    }
}

/// The server has said `error`, after which it closes the connection.
fn reported(event: &Event) -> Error {
    let said = event.text("text").unwrap_or_default().chars().take(LONGEST).collect::<String>();
    let code = event.text("code").and_then(plain_word);
    let code = code.map(|code| format!(" [{code}]")).unwrap_or_default();
    error(ErrorKind::Rejected, format!("the server reported an error{code}")).with_detail(said)
}
