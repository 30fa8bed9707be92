//! A Wyoming server in memory, which answers by a function and records what it is told.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream, duplex};
use tokio::time::Instant;
use voicekit_net::{Dial, Io};

/// An event that came.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    pub(crate) connection: usize,
    pub(crate) kind: String,
    pub(crate) data: Value,
    /// When, from the start of the server.
    pub(crate) at: Duration,
}

/// What the server does.
#[derive(Clone, Debug)]
pub(crate) enum Say {
    Event(&'static str, Value, Vec<u8>),
    /// Bytes, one by one.
    Raw(Vec<u8>),
    /// Bytes, at once.
    Whole(Vec<u8>),
    Wait(u64),
    Close,
}

type Answers = Box<dyn FnMut(&Heard) -> Vec<Say> + Send>;

#[derive(Clone)]
pub(crate) struct Wyoming(Arc<Shared>);

struct Shared {
    begun: Instant,
    answers: Mutex<Answers>,
    heard: Mutex<Vec<Heard>>,
    /// For each connection, whether it is open.
    open: Mutex<Vec<bool>>,
    /// How many events are being answered.
    busy: AtomicUsize,
    /// How many connections are still to be refused, and how many were.
    refusals: Mutex<(usize, usize)>,
}

impl Wyoming {
    pub(crate) fn new(answers: impl FnMut(&Heard) -> Vec<Say> + Send + 'static) -> Self {
        Self(Arc::new(Shared {
            begun: Instant::now(),
            answers: Mutex::new(Box::new(answers)),
            heard: Mutex::default(),
            open: Mutex::default(),
            busy: AtomicUsize::new(0),
            refusals: Mutex::default(),
        }))
    }

    /// Refuses the first `count` connections.
    pub(crate) fn refusing(self, count: usize) -> Self {
        self.0.refusals.lock().unwrap().0 = count;
        self
    }

    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.0.heard.lock().unwrap().clone()
    }

    /// The types of what came, in order.
    pub(crate) fn kinds(&self) -> Vec<String> {
        self.heard().into_iter().map(|heard| heard.kind).collect()
    }

    /// For each connection, whether it is open.
    pub(crate) fn open(&self) -> Vec<bool> {
        self.0.open.lock().unwrap().clone()
    }

    pub(crate) fn open_count(&self) -> usize {
        self.open().into_iter().filter(|is_open| *is_open).count()
    }

    /// How many events are being answered.
    pub(crate) fn busy(&self) -> usize {
        self.0.busy.load(Ordering::Acquire)
    }

    pub(crate) fn refused(&self) -> usize {
        self.0.refusals.lock().unwrap().1
    }
}

impl std::fmt::Debug for Wyoming {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Wyoming")
    }
}

#[async_trait]
impl Dial for Wyoming {
    async fn dial(&self, _: &str, _: u16) -> io::Result<Box<dyn Io>> {
        let mut refusals = self.0.refusals.lock().unwrap();
        if refusals.0 > 0 {
            *refusals = (refusals.0 - 1, refusals.1 + 1);
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let (ours, theirs) = duplex(4 * 1024);
        let number = {
            let mut open = self.0.open.lock().unwrap();
            open.push(true);
            open.len() - 1
        };
        let shared = Arc::clone(&self.0);
        tokio::spawn(async move {
            let _ = serve(&shared, number, theirs).await;
            shared.open.lock().unwrap()[number] = false;
        });
        Ok(Box::new(ours))
    }
}

async fn serve(shared: &Shared, connection: usize, socket: DuplexStream) -> io::Result<()> {
    let (reader, mut writer) = tokio::io::split(socket);
    let mut reader = BufReader::new(reader);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let header: Value = serde_json::from_str(&line).unwrap();
        let mut data = vec![0; length(&header["data_length"])];
        reader.read_exact(&mut data).await?;
        let data = serde_json::from_slice(&data).unwrap_or_default();
        let kind = header["type"].as_str().unwrap().to_owned();
        let heard = Heard { connection, kind, data, at: shared.begun.elapsed() };
        shared.heard.lock().unwrap().push(heard.clone());
        let replies = (shared.answers.lock().unwrap())(&heard);
        let _busy = Busy::new(&shared.busy);
        for reply in replies {
            match reply {
                Say::Event(kind, data, payload) => {
                    writer.write_all(&frame(kind, &data, &payload)).await?;
                }
                Say::Raw(bytes) => {
                    for byte in bytes {
                        writer.write_all(&[byte]).await?;
                        tokio::task::yield_now().await;
                    }
                }
                Say::Whole(bytes) => writer.write_all(&bytes).await?,
                Say::Wait(millis) => tokio::time::sleep(Duration::from_millis(millis)).await,
                Say::Close => return Ok(()),
            }
        }
    }
}

struct Busy<'a>(&'a AtomicUsize);

impl<'a> Busy<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::AcqRel);
        Self(count)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

fn length(value: &Value) -> usize {
    value.as_u64().unwrap_or(0).try_into().unwrap()
}

/// An event as servers write it.
pub(crate) fn frame(kind: &str, data: &Value, payload: &[u8]) -> Vec<u8> {
    let data = if data.is_null() { String::new() } else { data.to_string() };
    let mut header = json!({ "type": kind, "version": "1.8.0" });
    if !data.is_empty() {
        header["data_length"] = data.len().into();
    }
    if !payload.is_empty() {
        header["payload_length"] = payload.len().into();
    }
    [header.to_string().as_bytes(), b"\n", data.as_bytes(), payload].concat()
}

/// What a server says about itself.
pub(crate) fn info(streams: bool, voices: &[&str]) -> Say {
    let voices: Vec<Value> = voices.iter().map(|name| json!({ "name": name })).collect();
    let program = json!({
        "name": "piper", "installed": true, "voices": voices,
        "supports_synthesize_streaming": streams,
    });
    Say::Event("info", json!({ "asr": [], "tts": [program] }), Vec::new())
}

pub(crate) fn format() -> Value {
    json!({ "rate": 22_050, "width": 2, "channels": 1 })
}

/// 10 ms of samples that are all `value`.
pub(crate) fn chunk(value: i16) -> Say {
    Say::Event("audio-chunk", format(), value.to_le_bytes().repeat(220))
}

pub(crate) fn start() -> Say {
    Say::Event("audio-start", format(), Vec::new())
}

pub(crate) fn stop() -> Say {
    Say::Event("audio-stop", Value::Null, Vec::new())
}

pub(crate) fn stopped() -> Say {
    Say::Event("synthesize-stopped", Value::Null, Vec::new())
}

/// Speaks the texts `1`, `2` and so on as two chunks of that many, `pause` ms apart.
pub(crate) fn speaking(streams: bool, pause: u64) -> impl FnMut(&Heard) -> Vec<Say> {
    let mut texts: Vec<(usize, String)> = Vec::new();
    move |heard| {
        let text = heard.data["text"].as_str().unwrap_or_default();
        let spoken = match heard.kind.as_str() {
            "describe" => return vec![info(streams, &["joe"])],
            "synthesize" if !streams => text.to_owned(),
            "synthesize-chunk" => {
                texts.push((heard.connection, text.to_owned()));
                return Vec::new();
            }
            "synthesize-stop" => {
                let place = texts.iter().position(|(number, _)| *number == heard.connection);
                texts.remove(place.unwrap()).1
            }
            _ => return Vec::new(),
        };
        let digits: String = spoken.chars().filter(char::is_ascii_digit).collect();
        let value = digits.parse().unwrap_or(7);
        let mut says = vec![start(), chunk(value), Say::Wait(pause), chunk(value), stop()];
        if streams {
            says.push(stopped());
        }
        says
    }
}
