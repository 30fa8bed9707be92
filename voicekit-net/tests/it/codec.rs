//! A small protocol in the manner of recognisers.
//!
//! To the service: audio, `flush` (owed), `bye`, `ping`, `abandon`. From it: `final MS TEXT`,
//! `word MS TEXT` (interim, with its position), `flushed`, `end`, `bad`.

use std::time::Duration;

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use tokio::sync::mpsc;
use voicekit_core::audio::{AudioChunk, AudioFormat};
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_net::{Frame, Inbox, Outbox, WireCodec};

#[derive(Clone, Debug, Default)]
pub(crate) struct Recogniser {
    pub(crate) hello: bool,
    pub(crate) owed_finish: bool,
    pub(crate) farewell: bool,
    pub(crate) lenient: bool,
}

pub(crate) enum In {
    Audio(AudioChunk),
    Flush,
    Text(String),
}

impl WireCodec for Recogniser {
    type In = In;
    type Out = String;

    fn service(&self) -> &'static str {
        "test"
    }

    fn open(&mut self, to: &mut Outbox) -> Result<()> {
        if self.hello {
            to.send(Frame::Text(format!("hello {}", to.connection())));
        }
        Ok(())
    }

    fn encode(&mut self, input: In, to: &mut Outbox) -> Result<()> {
        match input {
            In::Audio(chunk) => to.audio(chunk),
            In::Flush => to.send_owed(Frame::text("flush")),
            In::Text(text) => to.send(Frame::text(text)),
        }
        Ok(())
    }

    fn decode(&mut self, frame: Frame, from: &mut Inbox<'_, String>) -> Result<()> {
        let Frame::Text(text) = frame else { return Ok(()) };
        let parts: Vec<&str> = text.splitn(3, ' ').collect();
        match parts[..] {
            ["final", end, words] => {
                let end = Duration::from_millis(end.parse().unwrap());
                from.emit(format!("{words}@{}", millis(from.position(end))));
                from.final_until(end);
            }
            ["word", end, words] => {
                let end = Duration::from_millis(end.parse().unwrap());
                from.emit(format!("{words}?@{}", millis(from.position(end))));
            }
            ["flushed"] => from.answered(),
            ["end"] => from.end(),
            ["bad"] => return Err(Error::new(ErrorKind::Protocol, "test", "malformed")),
            _ => from.emit(text),
        }
        Ok(())
    }

    fn finish(&mut self, to: &mut Outbox) -> Result<()> {
        if self.owed_finish {
            to.send_owed(Frame::text("bye"));
        } else {
            to.send(Frame::text("bye"));
        }
        Ok(())
    }

    fn keep_alive(&mut self, to: &mut Outbox) {
        to.send(Frame::text("ping"));
    }

    fn abandon(&mut self, to: &mut Outbox) {
        if self.farewell {
            to.send(Frame::text("abandon"));
        }
    }

    fn overdue(&mut self, from: &mut Inbox<'_, String>) -> Result<()> {
        if self.lenient {
            from.emit("gave up".to_owned());
            return Ok(());
        }
        Err(Error::new(ErrorKind::Timeout, "test", "no answer in time"))
    }
}

/// An input that is fed by hand. Dropping the sender ends it.
pub(crate) fn feed() -> (mpsc::Sender<In>, BoxStream<'static, In>) {
    let (to, from) = mpsc::channel(10_000);
    let input = stream::unfold(from, |mut from| async move { Some((from.recv().await?, from)) });
    (to, input.boxed())
}

/// As a number, with a fraction only if there is one.
fn millis(at: Duration) -> f64 {
    at.as_secs_f64() * 1_000.0
}

/// 20 ms of mu-law whose bytes count on from chunk `nth`, so that every sample is known.
pub(crate) fn chunk(nth: usize) -> In {
    In::Audio(AudioChunk::new(AudioFormat::PHONE, samples(nth * 160, 160)).unwrap())
}

/// The samples from `start` on.
pub(crate) fn samples(start: usize, count: usize) -> Vec<u8> {
    (0..=250).cycle().skip(start % 251).take(count).collect()
}
