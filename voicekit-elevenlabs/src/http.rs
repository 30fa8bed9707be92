//! A reply over HTTP: a request for each clause.
//!
//! While one clause is heard the next is asked for, so that there is no gap between them, with the
//! text before it, so that they sound as one. Nothing happens unless the reply is polled; dropping
//! it closes the connections.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use futures::future::BoxFuture;
use futures::stream::{BoxStream, Fuse};
use futures::{FutureExt, StreamExt};
use serde_json::Value;
use voicekit_core::error::Result;
use voicekit_core::tts::{Spoken, TtsRequest};
use voicekit_net::{Endpoint, HttpRequest, lenient};

use crate::config::VoiceSettings;
use crate::failure::{malformed, naming};
use crate::track::Track;
use crate::tts::Service;
use crate::wire::{Ask, Heard};
use crate::words::is_pronounceable;

/// How much of the text before a clause the service is told, in characters: some sentences.
const BEFORE: usize = 500;

/// The largest value of an answer, in bytes: half a minute of 48 kHz audio in base64 fits.
const LARGEST_LINE: usize = 4 * 1024 * 1024;

pub(crate) struct Reading {
    service: Arc<Service>,
    endpoint: Endpoint,
    voice: String,
    language: Option<String>,
    text: Fuse<BoxStream<'static, String>>,
    /// What was asked for so far.
    before: String,
    track: Track,
    asked: Option<BoxFuture<'static, Result<Answer>>>,
    answered: Option<Answer>,
    heard: Option<Body>,
    is_over: bool,
}

/// The answer that is heard.
struct Body {
    bytes: BoxStream<'static, Result<Bytes>>,
    /// Where its audio begins, in the reply's.
    base: Duration,
    /// Part of a line.
    line: BytesMut,
}

/// A clause and its audio.
type Answer = (String, BoxStream<'static, Result<Bytes>>);

/// What happened.
enum Step {
    Piece(Option<Result<Bytes>>),
    Answer(Result<Answer>),
    Clause(Option<String>),
}

impl Reading {
    /// Continues `track` with `text`.
    pub(crate) fn new(
        service: Arc<Service>,
        request: &TtsRequest,
        text: BoxStream<'static, String>,
        track: Track,
    ) -> Result<Self> {
        Ok(Self {
            endpoint: service.stream(request)?,
            voice: service.voice(request).to_owned(),
            language: service.language(request),
            service,
            text: text.fuse(),
            before: String::new(),
            track,
            asked: None,
            answered: None,
            heard: None,
            is_over: false,
        })
    }

    pub(crate) async fn next(&mut self) -> Option<Result<Spoken>> {
        loop {
            if let Some(spoken) = self.track.next() {
                return Some(Ok(spoken));
            }
            if self.is_over {
                return None;
            }
            let step = self.step().await;
            if let Err(error) = self.take(step) {
                (self.asked, self.answered, self.heard) = (None, None, None);
                self.is_over = true;
                return Some(Err(naming(error, &self.voice)));
            }
        }
    }

    async fn step(&mut self) -> Step {
        let may_ask = self.asked.is_none() && self.answered.is_none();
        tokio::select! {
            biased;
            piece = piece(&mut self.heard) => Step::Piece(piece),
            answer = answer(&mut self.asked) => Step::Answer(answer),
            clause = self.text.next(), if may_ask && !self.text.is_done() => Step::Clause(clause),
        }
    }

    fn take(&mut self, step: Step) -> Result<()> {
        match step {
            Step::Piece(Some(piece)) => self.hear(piece?)?,
            Step::Piece(None) => {
                if self.heard.take().is_some_and(|body| !body.line.trim_ascii().is_empty()) {
                    return Err(malformed("an answer that ends within a line"));
                }
                self.track.finish()?;
            }
            Step::Answer(answer) => {
                self.asked = None;
                self.answered = Some(answer?);
            }
            Step::Clause(Some(clause)) if is_pronounceable(&clause) => self.ask(clause)?,
            Step::Clause(_) => {}
        }
        if self.heard.is_none()
            && let Some((clause, bytes)) = self.answered.take()
        {
            self.track.sent(&clause);
            let base = self.track.end();
            self.heard = Some(Body { bytes, base, line: BytesMut::new() });
        }
        self.is_over = self.heard.is_none() && self.asked.is_none() && self.text.is_done();
        Ok(())
    }

    fn ask(&mut self, clause: String) -> Result<()> {
        let config = &self.service.config;
        let settings = Some(&config.voice_settings);
        // `eleven_v3` and later refuse to be told.
        let knows_before = !self.before.is_empty() && !config.model.starts_with("eleven_v");
        let body = Ask {
            text: clause.trim(),
            model_id: &config.model,
            language_code: self.language.clone(),
            voice_settings: settings.filter(|settings| **settings != VoiceSettings::default()),
            pronunciation_dictionary_locators: &config.pronunciation,
            previous_text: knows_before.then_some(self.before.trim_end()),
            seed: config.seed,
            apply_text_normalization: config.text_normalization,
        };
        let request = HttpRequest::post(self.endpoint.clone()).json(&body)?;
        self.before.push_str(clause.trim());
        self.before.push(' ');
        let most = self.before.chars().count().saturating_sub(BEFORE);
        if most > 0 {
            self.before = self.before.chars().skip(most).collect();
        }
        let http = self.service.http.clone();
        let asking = async move { Ok((clause, http.send(request).await?.stream())) };
        self.asked = Some(asking.boxed());
        Ok(())
    }

    fn hear(&mut self, piece: Bytes) -> Result<()> {
        let Some(body) = &mut self.heard else { return Ok(()) };
        if !self.service.config.words {
            return self.track.add(&piece, body.base, &[]);
        }
        body.line.extend_from_slice(&piece);
        if body.line.len() > LARGEST_LINE {
            return Err(malformed("a value that is larger than 4 MiB"));
        }
        // Audio in base64 has no braces: most pieces of a large value cannot be its end.
        if !piece.contains(&b'}') {
            return Ok(());
        }
        while let Some(value) = next_value(&mut body.line)? {
            let heard = Heard::of(value, self.service.config.alignment)?;
            self.track.add(&heard.audio, body.base, &heard.alignment)?;
        }
        Ok(())
    }
}

async fn piece(body: &mut Option<Body>) -> Option<Result<Bytes>> {
    match body {
        Some(body) => body.bytes.next().await,
        None => pending().await,
    }
}

async fn answer<T>(asked: &mut Option<BoxFuture<'static, T>>) -> T {
    match asked {
        Some(asked) => asked.await,
        None => pending().await,
    }
}

/// Takes the first JSON value off `line`, if it is complete. Values are separated by line breaks,
/// or by nothing.
pub(crate) fn next_value(line: &mut BytesMut) -> Result<Option<Value>> {
    line.advance(line.len() - line.trim_ascii_start().len());
    let mut values = serde_json::Deserializer::from_slice(line).into_iter();
    let value = match values.next() {
        None => return Ok(None),
        Some(Ok(value)) => value,
        Some(Err(error)) if error.is_eof() => return Ok(None),
        Some(Err(_)) if line.contains(&b'\n') => return odd_value(line).map(Some),
        // The line is read as a whole, once its end has come.
        Some(Err(_)) => return Ok(None),
    };
    let end = values.byte_offset();
    line.advance(end);
    Ok(Some(value))
}

/// Takes the first line off `line`, which is almost JSON.
fn odd_value(line: &mut BytesMut) -> Result<Value> {
    let end = line.iter().position(|byte| *byte == b'\n').unwrap_or(line.len());
    let text = line.split_to(end);
    lenient::parse(&String::from_utf8_lossy(&text)).map_err(|_| malformed("a line that is no JSON"))
}
