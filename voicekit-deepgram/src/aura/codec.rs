//! `/v1/speak` without its I/O.
//!
//! Each clause is sent with a `Flush`, so that it is spoken without waiting for the next, until
//! the service's limit is near. What was not flushed is sent again on a new connection, and as
//! much of it as was already given is left out of what comes back.

use bytes::{Bytes, BytesMut};
use voicekit_core::audio::{AudioChunk, AudioFormat};
use voicekit_core::error::{Error, Result};
use voicekit_core::tts::Spoken;
use voicekit_net::{Frame, Inbox, Outbox, Refusal, WireCodec, plain_word};

use crate::SERVICE;
use crate::config::AuraConfig;
use crate::failure::Failures;
use crate::listen::Message;
use crate::wire::{Complaint, Said};

/// Clauses that are flushed one by one; from then on every fourth is. The service takes 20
/// flushes a minute.
const FLUSHED_SINGLY: usize = 12;

/// The longest text in one message, in characters. The service takes 2,000.
const LONGEST: usize = 1_000;

#[derive(Debug)]
pub(crate) struct AuraCodec {
    failures: Failures,
    format: AudioFormat,
    clauses: usize,
    /// Texts sent since the last `Flush`.
    open_group: usize,
    /// How many frames each `Flush` that was not answered covers, itself included.
    groups: Vec<usize>,
    /// Bytes given since the last `Flushed`.
    given: usize,
    /// Bytes that come again on a new connection.
    skip: usize,
    /// Part of a sample.
    odd: Bytes,
    is_finished: bool,
    /// Whether the last `Flush` was sent because the text is over.
    closes_group: bool,
}

impl AuraCodec {
    pub(crate) fn new(config: &AuraConfig, format: AudioFormat) -> Self {
        Self {
            failures: Failures::new(&config.account),
            format,
            clauses: 0,
            open_group: 0,
            groups: Vec::new(),
            given: 0,
            skip: 0,
            odd: Bytes::new(),
            is_finished: false,
            closes_group: false,
        }
    }

    fn flush(&mut self, to: &mut Outbox) {
        to.send_owed(Said::Flush.frame());
        self.groups.push(self.open_group + 1);
        self.open_group = 0;
    }

    fn audio(&mut self, bytes: &Bytes) -> Result<Option<AudioChunk>> {
        let mut joined = BytesMut::from(&*self.odd);
        joined.extend_from_slice(bytes);
        let mut whole = joined.freeze();
        let size = self.format.encoding.bytes_per_sample();
        self.odd = whole.split_off(whole.len() - whole.len() % size);
        let again = self.skip.min(whole.len());
        self.skip -= again;
        let new = whole.split_off(again);
        self.given += new.len();
        if new.is_empty() {
            return Ok(None);
        }
        AudioChunk::new(self.format, new).map(Some)
    }

    /// All text up to a `Flush` has been spoken.
    fn flushed(&mut self, from: &mut Inbox<'_, Spoken>) {
        (self.given, self.skip, self.odd) = (0, 0, Bytes::new());
        if self.groups.len() == 1 {
            self.closes_group = false;
        }
        if !self.groups.is_empty() {
            (0..self.groups.remove(0)).for_each(|_| from.answered());
        }
        if self.is_finished && self.groups.is_empty() {
            from.end();
        }
    }
}

impl WireCodec for AuraCodec {
    type In = String;
    type Out = Spoken;

    fn service(&self) -> &'static str {
        SERVICE
    }

    fn open(&mut self, _: &mut Outbox) -> Result<()> {
        self.odd = Bytes::new();
        self.skip = self.given;
        // What `finish` sent went with the connection, and will be sent again.
        if std::mem::take(&mut self.closes_group)
            && let Some(frames) = self.groups.pop()
        {
            self.open_group = frames - 1;
        }
        Ok(())
    }

    fn encode(&mut self, clause: String, to: &mut Outbox) -> Result<()> {
        // There is nothing to pronounce in it, and a `Flush` of nothing is not answered.
        if !clause.chars().any(char::is_alphanumeric) {
            return Ok(());
        }
        for piece in pieces(&clause) {
            to.send_owed(Said::Speak { text: piece }.frame());
            self.open_group += 1;
        }
        self.clauses += 1;
        if self.clauses <= FLUSHED_SINGLY || self.clauses.is_multiple_of(4) {
            self.flush(to);
        }
        Ok(())
    }

    fn decode(&mut self, frame: Frame, from: &mut Inbox<'_, Spoken>) -> Result<()> {
        if let Frame::Binary(bytes) = &frame {
            if let Some(chunk) = self.audio(bytes)? {
                from.emit(Spoken::Audio(chunk));
            }
            return Ok(());
        }
        let Some(message) = Message::read(&frame, &self.failures)? else { return Ok(()) };
        let kind = message.envelope.kind.as_str();
        match kind {
            "Flushed" => self.flushed(from),
            "Metadata" => self.failures.note_request(message.envelope.request_id),
            "Warning" => {
                let warning: Complaint = message.body(&self.failures)?;
                let code = warning.code().and_then(plain_word).unwrap_or_default();
                tracing::warn!(service = SERVICE, code, "the service warns");
                tracing::debug!(service = SERVICE, detail = ?warning.text(), "the service warns");
            }
            "Error" => {
                let error: Complaint = message.body(&self.failures)?;
                return Err(self.failures.reported(&error));
            }
            "Cleared" => {}
            _ => tracing::debug!(service = SERVICE, kind, "message skipped"),
        }
        Ok(())
    }

    fn finish(&mut self, to: &mut Outbox) -> Result<()> {
        self.is_finished = true;
        if self.open_group > 0 {
            self.flush(to);
            self.closes_group = true;
        }
        if self.groups.is_empty() {
            to.send(Said::Close.frame());
        }
        Ok(())
    }

    fn abandon(&mut self, to: &mut Outbox) {
        to.send(Said::Clear.frame());
        to.send(Said::Close.frame());
    }

    fn closed(&mut self, code: u16, reason: &str) -> Error {
        self.failures.closed(code, reason)
    }

    fn refused(&mut self, refusal: &Refusal) -> Error {
        self.failures.refused(refusal)
    }
}

/// `text` in pieces that fit into a message, cut between words where that is possible.
fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((most, _)) = rest.char_indices().nth(LONGEST) {
        let at = rest[..most].rfind(char::is_whitespace).filter(|at| *at > 0).unwrap_or(most);
        let (piece, after) = rest.split_at(at);
        pieces.push(piece);
        rest = after;
    }
    pieces.push(rest);
    pieces
}
