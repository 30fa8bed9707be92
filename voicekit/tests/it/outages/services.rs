//! Services in memory, and parts that stand in for them.

use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::BoxStream;
use voicekit_anthropic::{Anthropic, AnthropicConfig};
use voicekit_core::audio::{AudioChunk, AudioFormat};
use voicekit_core::error::Result;
use voicekit_core::tts::{Spoken, SpokenWord, Tts, TtsInfo, TtsRequest};
use voicekit_deepgram::{Account, Nova, NovaConfig};
use voicekit_elevenlabs::{ElevenLabs, ElevenLabsConfig};
use voicekit_net::{Connector, Dial, Io};
use voicekit_openai::{OpenAi, OpenAiConfig};
use voicekit_testkit::server::http::{Answer, HttpServer};
use voicekit_testkit::server::provider::{
    CHARACTER, Heard, deepgram, elevenlabs as contexts, sound,
};
use voicekit_testkit::server::{Script, WebSocketServer};

use super::QUESTION;
use crate::parts::ms;

/// How services are reached.
#[derive(Clone, Debug)]
pub(super) enum Way {
    /// Over a WebSocket.
    Socket(Arc<WebSocketServer>),
    /// Over HTTP.
    Http(Arc<HttpServer>),
    /// Not at all: its name is unknown.
    Nowhere,
    /// Connections are accepted, and that is all.
    BlackHole,
}

#[async_trait]
impl Dial for Way {
    async fn dial(&self, _: &str, _: u16) -> io::Result<Box<dyn Io>> {
        match self {
            Self::Socket(server) => Ok(Box::new(server.connect())),
            Self::Http(server) => Ok(Box::new(server.connect())),
            Self::Nowhere => Err(io::Error::other("failed to lookup address information")),
            Self::BlackHole => {
                let (ours, theirs) = tokio::io::duplex(64 * 1024);
                tokio::spawn(async move {
                    let _held = theirs;
                    std::future::pending::<()>().await;
                });
                Ok(Box::new(ours))
            }
        }
    }
}

fn connector(way: Way) -> Connector {
    Connector::new().unwrap().with_dial(way)
}

/// A recogniser's service. It understands as much of the question as it hears.
#[derive(Default)]
pub(super) struct Ear {
    /// The first connection ends after so many bytes.
    pub(super) cut_after: Option<usize>,
}

impl Ear {
    pub(super) fn nova(self) -> Nova {
        let Self { mut cut_after } = self;
        let heard = Heard::new([QUESTION; 9]).with_length(ms(1_200));
        let scripts = move |_| {
            Some(match cut_after.take() {
                Some(bytes) => Script::new().until_bytes(bytes).cut(),
                None => deepgram::nova(&heard),
            })
        };
        nova(Way::Socket(Arc::new(WebSocketServer::in_memory_serving(scripts))))
    }
}

pub(super) fn nova(way: Way) -> Nova {
    let account = Account::new("key").with_url("ws://deepgram.test");
    Nova::new(NovaConfig::new(account)).unwrap().with_connector(connector(way))
}

/// A model's service that gives these answers in turn.
pub(super) fn mind(answers: impl IntoIterator<Item = Answer>) -> Arc<OpenAi> {
    openai(Way::Http(Arc::new(HttpServer::in_memory(answers))))
}

pub(super) fn openai(way: Way) -> Arc<OpenAi> {
    let config = OpenAiConfig::new("key").with_base_url("http://openai.test/v1");
    Arc::new(OpenAi::with_connector(config, connector(way)).unwrap())
}

/// Another model's service that gives these answers in turn.
pub(super) fn anthropic(answers: impl IntoIterator<Item = Answer>) -> Anthropic {
    let config = AnthropicConfig::new("key").with_base_url("http://anthropic.test");
    let way = Way::Http(Arc::new(HttpServer::in_memory(answers)));
    Anthropic::with_connector(config, connector(way)).unwrap()
}

/// A voice's service.
#[derive(Default)]
pub(super) struct Mouth {
    /// The first connection breaks amid the sentence, after so many characters.
    pub(super) breaks_after: Option<usize>,
    /// There is only one connection, and nothing else.
    pub(super) once: bool,
}

impl Mouth {
    pub(super) fn elevenlabs(self) -> ElevenLabs {
        let Self { mut breaks_after, once } = self;
        let scripts = move |connection| {
            if once && connection > 0 {
                return Some(Script::refuse(503, &[], ""));
            }
            let breaks = breaks_after.take();
            Some(breaks.map_or_else(contexts::contexts, contexts::contexts_that_break))
        };
        elevenlabs(Way::Socket(Arc::new(WebSocketServer::in_memory_serving(scripts))))
    }
}

pub(super) fn elevenlabs(way: Way) -> ElevenLabs {
    let config = ElevenLabsConfig::new("key").with_url("ws://elevenlabs.test");
    ElevenLabs::with_connector(config, connector(way)).unwrap()
}

/// A voice on this machine: it does not fail. It speaks in capitals, to be told apart.
#[derive(Debug)]
pub(super) struct Spare;

#[async_trait]
impl Tts for Spare {
    fn info(&self) -> TtsInfo {
        TtsInfo::new("spare", [AudioFormat::PHONE]).with_words()
    }

    async fn speak(
        &self,
        _: TtsRequest,
        text: BoxStream<'static, String>,
    ) -> Result<BoxStream<'static, Result<Spoken>>> {
        let mut at = ms(0);
        let spoken = text.flat_map(move |clause| {
            let mut items = Vec::new();
            for word in clause.split_inclusive(' ') {
                let end = at + CHARACTER * u32::try_from(word.len()).unwrap();
                items.push(Ok(Spoken::Word(SpokenWord::new(word.trim(), at, end))));
                let codes = sound(&word.to_uppercase());
                items.push(AudioChunk::new(AudioFormat::PHONE, codes).map(Spoken::Audio));
                at = end;
            }
            futures::stream::iter(items)
        });
        Ok(spoken.boxed())
    }
}
