//! The voice.

use std::pin::Pin;
use std::task::{Context, Poll};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::future::BoxFuture;
use futures::stream::{BoxStream, Fuse};
use futures::{FutureExt, Stream, StreamExt};
use voicekit_core::audio::{AudioChunk, AudioFormat};
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_core::tts::{Spoken, Tts, TtsInfo, TtsRequest};
use voicekit_net::{Connector, HttpRequest, HttpResponse};

use crate::client::Client;
use crate::config::{OpenAiConfig, SpeechConfig};
use crate::wire::speech_body;

/// What `response_format: pcm` is: 24 kHz, 16 bits, mono, without a header.
const FORMAT: AudioFormat = AudioFormat::pcm16(24_000);

/// The most characters in a request (the API's limit on `input`).
const LONGEST: usize = 4_096;

/// A voice behind `POST /audio/speech`. Clones share their connections.
///
/// Every clause is a request. While one is heard the next is asked for, so that there is no gap
/// between them. The language is the text's own.
#[derive(Clone, Debug)]
pub struct OpenAiTts {
    client: Client,
    config: SpeechConfig,
}

impl OpenAiTts {
    /// A voice as `config` says.
    ///
    /// # Errors
    ///
    /// `Config` if a setting is wrong, `Unsupported` if the service has no raw audio (Groq).
    pub fn new(config: OpenAiConfig) -> Result<Self> {
        Self::with_connector(config, Connector::new()?)
    }

    /// A voice that is reached by `connector`.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn with_connector(config: OpenAiConfig, connector: Connector) -> Result<Self> {
        let client = Client::new(&config, connector, "audio/speech")?;
        config.check_speech()?;
        Ok(Self { client, config: config.speech })
    }

    /// As [`OpenAiConfig::from_env`] says: `OPENAI_API_KEY`, `OPENAI_BASE_URL`.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn from_env() -> Result<Self> {
        Self::new(OpenAiConfig::from_env()?)
    }

    async fn ask(self, voice: String, text: String) -> Result<HttpResponse> {
        let body = speech_body(&self.config, &voice, &text);
        let post = HttpRequest::post(self.client.endpoint.clone()).json(&body)?;
        let response = self.client.http.send(post).await?;
        let content = response.header("content-type").unwrap_or_default();
        let is_raw = ["", "audio/pcm", "audio/l16", "application/octet-stream"]
            .contains(&content.split(';').next().unwrap_or_default().trim());
        if is_raw {
            return Ok(response);
        }
        let text = format!("asked for raw audio, the answer is {content}");
        Err(Error::new(ErrorKind::Protocol, self.client.endpoint.service(), text))
    }
}

#[async_trait]
impl Tts for OpenAiTts {
    fn info(&self) -> TtsInfo {
        TtsInfo::new(self.client.dialect.name(), [FORMAT])
    }

    async fn speak(
        &self,
        request: TtsRequest,
        text: BoxStream<'static, String>,
    ) -> Result<BoxStream<'static, Result<Spoken>>> {
        if request.format != FORMAT {
            let text = format!("it speaks {FORMAT}, not {}", request.format);
            return Err(Error::new(ErrorKind::Unsupported, self.client.endpoint.service(), text));
        }
        let clauses = text.flat_map(|text| futures::stream::iter(utterances(&text)));
        Ok(Speaking {
            voice: request.voice.unwrap_or_else(|| self.config.voice.clone()),
            tts: self.clone(),
            text: clauses.boxed().fuse(),
            next: Next::Unknown,
            body: None,
            odd: None,
        }
        .boxed())
    }

    async fn warm(&self, _: &TtsRequest) -> Result<()> {
        self.client.http.warm(&self.client.endpoint).await
    }
}

/// `text` in pieces that a request may have; none if there is nothing to pronounce.
fn utterances(text: &str) -> Vec<String> {
    if !text.chars().any(char::is_alphanumeric) {
        return Vec::new();
    }
    let mut pieces = vec![String::new()];
    let mut length = 0;
    for word in text.split_inclusive(char::is_whitespace) {
        let characters: Vec<char> = word.chars().collect();
        for part in characters.chunks(LONGEST) {
            if length + part.len() > LONGEST {
                pieces.push(String::new());
                length = 0;
            }
            length += part.len();
            if let Some(piece) = pieces.last_mut() {
                piece.extend(part);
            }
        }
    }
    pieces
}

/// One stream of speech. Nothing happens unless it is polled.
struct Speaking {
    tts: OpenAiTts,
    voice: String,
    text: Fuse<BoxStream<'static, String>>,
    next: Next,
    /// What is heard.
    body: Option<BoxStream<'static, Result<Bytes>>>,
    /// Half a sample, whose other half is in the next piece.
    odd: Option<u8>,
}

/// The clause after the one that is heard.
enum Next {
    /// It is not written yet.
    Unknown,
    /// It is asked for.
    Asked(BoxFuture<'static, Result<HttpResponse>>),
    /// Its audio can be had.
    Answered(Box<Result<HttpResponse>>),
    /// There is none.
    Over,
}

impl Stream for Speaking {
    type Item = Result<Spoken>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            self.poll_ahead(cx);
            if let Some(body) = &mut self.body {
                match body.as_mut().poll_next(cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(None) => (self.body, self.odd) = (None, None),
                    Poll::Ready(Some(Err(error))) => return self.fail(error),
                    Poll::Ready(Some(Ok(piece))) => match self.samples(piece) {
                        Ok(chunk) if chunk.is_empty() => {}
                        Ok(chunk) => return Poll::Ready(Some(Ok(Spoken::Audio(chunk)))),
                        Err(error) => return self.fail(error),
                    },
                }
                continue;
            }
            match std::mem::replace(&mut self.next, Next::Unknown) {
                Next::Answered(answer) => match *answer {
                    Ok(response) => self.body = Some(response.stream()),
                    Err(error) => return self.fail(error),
                },
                Next::Over => {
                    self.next = Next::Over;
                    return Poll::Ready(None);
                }
                waiting @ (Next::Unknown | Next::Asked(_)) => {
                    self.next = waiting;
                    return Poll::Pending;
                }
            }
        }
    }
}

impl Speaking {
    /// Asks for the clause after the one that is heard.
    fn poll_ahead(&mut self, cx: &mut Context<'_>) {
        if let Next::Unknown = self.next {
            match self.text.poll_next_unpin(cx) {
                Poll::Pending => return,
                Poll::Ready(None) => self.next = Next::Over,
                Poll::Ready(Some(text)) => {
                    let asking = self.tts.clone().ask(self.voice.clone(), text);
                    self.next = Next::Asked(asking.boxed());
                }
            }
        }
        if let Next::Asked(asking) = &mut self.next
            && let Poll::Ready(answer) = asking.poll_unpin(cx)
        {
            self.next = Next::Answered(Box::new(answer));
        }
    }

    /// The whole samples of `piece` and what was left of the piece before.
    fn samples(&mut self, piece: Bytes) -> Result<AudioChunk> {
        let mut bytes = match self.odd.take() {
            None => piece,
            Some(odd) => {
                let mut joined = BytesMut::with_capacity(piece.len() + 1);
                joined.extend_from_slice(&[odd]);
                joined.extend_from_slice(&piece);
                joined.freeze()
            }
        };
        if bytes.len() % 2 == 1 {
            self.odd = bytes.split_off(bytes.len() - 1).first().copied();
        }
        AudioChunk::new(FORMAT, bytes)
    }

    fn fail(&mut self, error: Error) -> Poll<Option<Result<Spoken>>> {
        (self.body, self.next) = (None, Next::Over);
        Poll::Ready(Some(Err(error)))
    }
}
