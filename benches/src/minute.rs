//! Calls over a carrier's media stream in memory and in virtual time: all of voicekit, and next to
//! nothing else.
//!
//! A frame comes as a WebSocket message, is decoded from JSON and mu-law, goes through Silero, the
//! echo gate and the turn engine to the recogniser; the agent's frames go back the same way without
//! being decoded. There is no kernel in it and no provider: the caller's end writes bytes that cost
//! nothing to make ready, and [`voicekit_testkit::load`] hears, thinks and speaks.

use std::rc::Rc;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use axum::Router;
use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::runtime::Builder;
use tokio::time::{Instant, sleep_until};
use voicekit::{Agent, Phrases};
use voicekit_core::vad::Vad;
use voicekit_testkit::carrier::in_memory;
use voicekit_testkit::load::{Model, Recogniser, Voice};
use voicekit_twilio::TwilioConfig;

use crate::caller::{Caller, FRAME, MEDIA, what_callers_say};

const MINUTE: Duration = Duration::from_secs(60);
/// How long the agent speaks in each turn.
const REPLY: Duration = Duration::from_secs(6);

/// An agent that takes calls, and a caller's frames.
#[derive(Debug)]
pub struct Minute {
    app: Router,
    /// All that the caller sends, as it is on the wire.
    frames: Vec<Vec<u8>>,
}

impl Minute {
    /// An agent that listens with `vad`.
    ///
    /// # Errors
    ///
    /// If its parts do not fit.
    pub fn new<V: Vad + 'static>(
        vad: impl Fn() -> voicekit_core::error::Result<V> + Send + Sync + 'static,
    ) -> Result<Self> {
        let mut phrases = Phrases::default();
        phrases.greeting = None;
        let agent = Agent::builder()
            .instructions("You answer the telephone.")
            .phrases(phrases)
            .asr(Recogniser::new("When are you open?"))
            .llm(Model::new("We are open from nine to five, and on Saturdays from ten to two."))
            .tts(Voice::new(REPLY))
            .vad(vad)
            .build()?;
        let app = voicekit_twilio::routes(agent, TwilioConfig::local())?;
        let start = Instant::now();
        let mut caller = Caller::new(0, what_callers_say().into(), start);
        let mut frames: Vec<Vec<u8>> = caller.opening().iter().map(|text| frame(text)).collect();
        for number in 0..MINUTE.as_millis() / FRAME.as_millis() {
            let due = start + FRAME * u32::try_from(number)?;
            frames.extend(caller.next(due, |_| ()).iter().map(|text| frame(text)));
        }
        Ok(Self { app, frames })
    }

    /// Holds a call of a minute. How many of the agent's frames were heard.
    ///
    /// # Errors
    ///
    /// If the call breaks.
    pub fn hold(&self) -> Result<usize> {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build()?;
        runtime.block_on(async {
            let server = in_memory(self.app.clone());
            let mut line = Line::open(server.connect()).await?;
            let start = Instant::now();
            let mut caller = Caller::new(0, Rc::from([]), start);
            let mut frames = self.frames.iter();
            for opening in frames.by_ref().take(caller.opening().len()) {
                line.pipe.write_all(opening).await?;
            }
            let (mut due, mut heard) = (start, 0);
            loop {
                tokio::select! {
                    biased;
                    text = line.receive() => {
                        let text = text?;
                        heard += usize::from(text.starts_with(MEDIA));
                        caller.receive(Instant::now(), text)?;
                    }
                    () = sleep_until(caller.returns().map_or(due, |mark| mark.min(due))) => {
                        let now = Instant::now();
                        while let Some(mark) = caller.mark(now) {
                            line.pipe.write_all(&frame(&mark)).await?;
                        }
                        if now >= due {
                            let Some(frame) = frames.next() else { break };
                            line.pipe.write_all(frame).await?;
                            due += FRAME;
                        }
                    }
                }
            }
            line.pipe.write_all(&frame(&caller.closing())).await?;
            Ok(heard)
        })
    }
}

/// A text's frame, masked with zeros.
fn frame(text: &str) -> Vec<u8> {
    let mut frame = Vec::with_capacity(text.len() + 8);
    match u8::try_from(text.len()) {
        Ok(length) if length < MEDIUM => frame.extend([TEXT, MASKED | length]),
        _ => {
            frame.extend([TEXT, MASKED | MEDIUM]);
            let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
            frame.extend(length.to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(text.as_bytes());
    frame
}

/// A WebSocket's client end without a WebSocket: frames as they are on the wire.
struct Line {
    pipe: DuplexStream,
    read: BytesMut,
    text: Bytes,
}

const TEXT: u8 = 0x81;
const MASKED: u8 = 0x80;
/// The length follows in two bytes.
const MEDIUM: u8 = 126;

impl Line {
    async fn open(mut pipe: DuplexStream) -> Result<Self> {
        const END: &[u8] = b"\r\n\r\n";
        let request = "GET /twilio/media HTTP/1.1\r\nHost: agent\r\nConnection: Upgrade\r\n\
                       Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        pipe.write_all(request.as_bytes()).await?;
        let mut read = BytesMut::with_capacity(16 << 10);
        loop {
            ensure!(pipe.read_buf(&mut read).await? > 0, "the call was refused");
            if let Some(end) = read.windows(END.len()).position(|bytes| bytes == END) {
                ensure!(read.starts_with(b"HTTP/1.1 101"), "the call was refused");
                drop(read.split_to(end + END.len()));
                return Ok(Self { pipe, read, text: Bytes::new() });
            }
        }
    }

    /// The next text. Cancel-safe: nothing is taken before all of it is there.
    async fn receive(&mut self) -> Result<&str> {
        loop {
            if let Some((start, end)) = self.whole()? {
                let frame = self.read.split_to(end).freeze();
                self.text = frame.slice(start..);
                return Ok(std::str::from_utf8(&self.text)?);
            }
            ensure!(self.pipe.read_buf(&mut self.read).await? > 0, "the line is dead");
        }
    }

    /// Where the first frame's text lies, if all of it has come.
    fn whole(&self) -> Result<Option<(usize, usize)>> {
        let (start, length) = match *self.read {
            [TEXT, MEDIUM, high, low, ..] => (4, u16::from_be_bytes([high, low]).into()),
            [TEXT, length, ..] if length < MEDIUM => (2, usize::from(length)),
            [TEXT, MEDIUM, ..] | [TEXT] | [] => return Ok(None),
            _ => bail!("no text"),
        };
        Ok((self.read.len() >= start + length).then_some((start, start + length)))
    }
}

#[cfg(test)]
mod tests {
    use voicekit_local::Silero;

    use super::*;

    #[test]
    fn a_minute_is_a_conversation() {
        let minute = Minute::new(Silero::new).unwrap();
        let frames = minute.hold().unwrap();
        // Five answers of six seconds.
        assert!((5 * 295..=5 * 310).contains(&frames), "{frames}");
    }
}
