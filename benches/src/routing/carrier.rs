//! A caller on a simulated carrier's line.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant as Clock};

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};
use voicekit_core::time::Timestamp;
use voicekit_testkit::carrier::{Carrier, CarrierConfig};
use voicekit_testkit::phone::Phone;

use super::stamps::{Stamps, now};
use super::tag::Tag;

/// Before it the recogniser is being connected: the caller is silent, and frames do not count.
const SETTLING: Duration = Duration::from_secs(1);
/// The pause before the caller speaks again.
const GAP: Duration = Duration::from_millis(300);
/// How long a caller waits for an answer before the call has failed.
const PATIENCE: Duration = Duration::from_secs(15);
/// What is sent after the last turn, so that hanging up takes nothing with it that counts.
const TAIL: Duration = Duration::from_millis(500);
/// The length of a frame.
const FRAME: Duration = Duration::from_millis(20);

/// What a call is about.
#[derive(Clone, Debug)]
pub(super) struct Call {
    /// Its number, from 0.
    pub(super) number: u16,
    /// Where the media stream is.
    pub(super) address: SocketAddr,
    /// What the caller says in every turn, 16-bit at 8 kHz.
    pub(super) speech: Arc<[i16]>,
    /// The caller begins no other turn once the call has lasted so long.
    pub(super) length: Duration,
    pub(super) stamps: Stamps,
}

impl Call {
    /// Holds the call, and gives the number of its turns.
    pub(super) async fn hold(self) -> Result<u16> {
        let url = format!("ws://{}/twilio/media", self.address);
        let stream = TcpStream::connect(self.address).await.context("cannot call")?;
        stream.set_nodelay(true)?;
        let (mut socket, _) = client_async(url, stream).await.context("the call was refused")?;
        let mut line = Line::new(&self);
        loop {
            if !line.drive(&mut socket).await? {
                break;
            }
            // Cancel-safe: a message is taken whole or not at all.
            tokio::select! {
                biased;
                message = socket.next() => line.receive(message.context("the line is dead")??)?,
                () = sleep_until(line.due()) => {}
            }
        }
        // The agent has hung up when it answers.
        socket.close(None).await?;
        while socket.next().await.is_some_and(|message| message.is_ok()) {}
        Ok(line.caller.turn)
    }
}

/// The carrier's end of a line, and who speaks on it.
struct Line<'a> {
    call: &'a Call,
    since: Instant,
    carrier: Carrier,
    caller: Caller,
    frames: u32,
}

impl<'a> Line<'a> {
    fn new(call: &'a Call) -> Self {
        Self {
            call,
            since: Instant::now(),
            carrier: Carrier::new(CarrierConfig::new().with_call(call.number.into())),
            caller: Caller::new(call),
            frames: 0,
        }
    }

    fn now(&self) -> Timestamp {
        Timestamp::from(self.since.elapsed())
    }

    fn due(&self) -> Instant {
        let at = self.carrier.poll_timeout().unwrap_or(Timestamp::ZERO);
        self.since + at.since_start()
    }

    /// Does and sends what is due. Whether the call goes on.
    async fn drive(&mut self, socket: &mut WebSocketStream<TcpStream>) -> Result<bool> {
        let now = self.now();
        self.carrier.handle_timeout(now);
        let goes_on = self.caller.drive(now, self.carrier.phone())?;
        if !goes_on {
            self.carrier.stop(now);
        }
        while let Some(text) = self.carrier.poll_output() {
            let text = self.tagged(text)?;
            socket.send(Message::text(text)).await.context("the line is dead")?;
        }
        Ok(goes_on)
    }

    /// The message with its tag, if it is a frame; then it counts as sent.
    fn tagged(&mut self, text: String) -> Result<String> {
        let mut message: Value = serde_json::from_str(&text)?;
        let Some(mut codes) = audio(&message) else { return Ok(text) };
        let start = Timestamp::from(FRAME * self.frames);
        let is_speech = self.caller.turn > 0 && start < self.caller.said;
        let (call, turn) = (self.call.number, self.caller.turn);
        let tag = Tag { call, turn, piece: u16::from(is_speech), frame: self.frames };
        tag.write(&mut codes);
        message["media"]["payload"] = STANDARD.encode(codes).into();
        let text = message.to_string();
        self.frames += 1;
        if start.since_start() >= SETTLING && self.caller.done.is_none() {
            self.call.stamps.frame_sent(tag, now());
        }
        Ok(text)
    }

    fn receive(&mut self, message: Message) -> Result<()> {
        let at = now();
        let Message::Text(text) = message else { bail!("no text but {message:?}") };
        self.stamp(&text, at);
        self.carrier.handle_text(self.now(), &text);
        match self.carrier.violations() {
            [] => Ok(()),
            [first, ..] => bail!("the agent does not keep to the protocol: {}", first.breach),
        }
    }

    fn stamp(&self, text: &str, at: Clock) {
        let message: Value = serde_json::from_str(text).unwrap_or_default();
        let tag = audio(&message).and_then(|codes| Tag::read(&codes));
        if let Some(tag) = tag {
            self.call.stamps.audio_received(tag, at);
        }
    }
}

/// The sound in a message that has some.
fn audio(message: &Value) -> Option<Vec<u8>> {
    STANDARD.decode(message["media"]["payload"].as_str()?).ok()
}

/// Speaks, listens to the end of the answer, and speaks again.
struct Caller {
    speech: Arc<[i16]>,
    length: Timestamp,
    /// The turns so far.
    turn: u16,
    /// The end of what was said last.
    said: Timestamp,
    /// When the last answer had been heard.
    done: Option<Timestamp>,
}

impl Caller {
    fn new(call: &Call) -> Self {
        let length = Timestamp::from(call.length);
        let speech = Arc::clone(&call.speech);
        Self { speech, length, turn: 0, said: Timestamp::from(SETTLING), done: None }
    }

    /// Whether the call goes on.
    fn drive(&mut self, now: Timestamp, phone: &mut Phone) -> Result<bool> {
        if let Some(done) = self.done {
            return Ok(now < done + TAIL);
        }
        if now < self.said || !self.is_answered(now, phone)? {
            return Ok(true);
        }
        if self.turn > 0 && now >= self.length {
            self.done = Some(now);
            return Ok(true);
        }
        self.turn += 1;
        let clip = phone.say(now, "", &self.speech);
        self.said = phone.clips()[clip].speech.end;
        Ok(true)
    }

    fn is_answered(&self, now: Timestamp, phone: &Phone) -> Result<bool> {
        if self.turn == 0 {
            return Ok(true);
        }
        let heard = phone.last_heard().filter(|heard| heard.start >= self.said);
        if let Some(heard) = heard {
            return Ok(phone.queued().is_zero() && now >= heard.end + GAP);
        }
        if now > self.said + PATIENCE {
            bail!("no answer to turn {}", self.turn);
        }
        Ok(false)
    }
}
