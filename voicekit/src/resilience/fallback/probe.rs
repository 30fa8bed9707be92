//! Small questions that show whether a part works.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, stream};
use tokio::time::timeout;
use voicekit_core::answer::{Check, checked};
use voicekit_core::asr::{Asr, AsrEvent, AsrInput, AsrRequest};
use voicekit_core::audio::{AudioChunk, AudioFormat};
use voicekit_core::dsp::Converter;
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_core::llm::{ChatRequest, Llm, Message};
use voicekit_core::tts::{Spoken, Tts, TtsRequest};

/// Asks a part something small. `Ok` if it begins to answer.
pub(super) type Probe<P> = fn(Arc<P>) -> BoxFuture<'static, Result<()>>;

/// How long the answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A second of silence, and what was said in it.
pub(super) fn asr(part: Arc<dyn Asr>) -> BoxFuture<'static, Result<()>> {
    let name = part.info().name;
    within(name, async move {
        let format = part.info().formats.first().copied().unwrap_or(AudioFormat::PHONE);
        let silence = AudioChunk::from_pcm(8_000, &[0; 8_000]);
        let silence = Converter::new(silence.format(), format)?.process(&silence)?;
        let input = stream::iter([AsrInput::Audio(silence), AsrInput::Finalize]);
        let mut events = part.recognize(AsrRequest::new(format), input.boxed()).await?;
        while let Some(event) = events.next().await {
            if matches!(event?, AsrEvent::Final(transcript) if transcript.finalized) {
                break;
            }
        }
        Ok(())
    })
}

/// A greeting, and the first word in answer to it.
pub(super) fn llm(part: Arc<dyn Llm>) -> BoxFuture<'static, Result<()>> {
    let name = part.info().name;
    within(name, async move {
        let mut request = ChatRequest::new("Answer in one word.", [Message::caller("Hello.")]);
        // A model that reasons needs more than the word.
        request.max_tokens = Some(512);
        let check = Check::new(name, &request);
        match checked(part.chat(request).await?, check).next().await {
            Some(event) => event.map(|_| ()),
            None => Err(Error::new(ErrorKind::Protocol, name, "the answer was cut off")),
        }
    })
}

/// A greeting to speak, and its first audio.
pub(super) fn tts(part: Arc<dyn Tts>) -> BoxFuture<'static, Result<()>> {
    let name = part.info().name;
    within(name, async move {
        let format = part.info().formats.first().copied().unwrap_or(AudioFormat::PHONE);
        let text = stream::iter(["Hello.".to_owned()]).boxed();
        let mut spoken = part.speak(TtsRequest::new(format), text).await?;
        while let Some(item) = spoken.next().await {
            if matches!(item?, Spoken::Audio(chunk) if !chunk.is_empty()) {
                return Ok(());
            }
        }
        Err(Error::new(ErrorKind::Protocol, name, "the voice gave no audio"))
    })
}

fn within(
    name: &'static str,
    answer: impl Future<Output = Result<()>> + Send + 'static,
) -> BoxFuture<'static, Result<()>> {
    let late = move |_| Err(Error::new(ErrorKind::Timeout, name, "no answer in time"));
    timeout(PATIENCE, answer).map(move |answer| answer.unwrap_or_else(late)).boxed()
}
