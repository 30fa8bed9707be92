//! One call's recognition, by as many recognisers as it takes.

mod log;

use futures::StreamExt;
use futures::future::ready;
use futures::stream::{self, BoxStream};
use std::time::Duration;

use voicekit_core::asr::{Asr, AsrEvent, AsrInfo, AsrInput, AsrRequest, keep_words};
use voicekit_core::dsp::Converter;
use voicekit_core::error::{Error, ErrorKind, Result};

use super::attempts::{Attempts, Tries, supported};
use crate::agent::negotiate;
use log::Log;

/// What is recognised in `input`, as by a recogniser of which `info` is true.
pub(super) fn relay<P, A>(
    attempts: A,
    info: &AsrInfo,
    request: AsrRequest,
    input: BoxStream<'static, AsrInput>,
) -> Result<BoxStream<'static, Result<AsrEvent>>>
where
    P: Asr + ?Sized,
    A: Attempts<P>,
{
    supported(&info.formats, request.format, info.name)?;
    let turns = info.turns;
    let tries = Tries::new(attempts);
    let relay = Relay { tries, request, turns, log: Log::new(input), live: None };
    let events = stream::unfold(Some(relay), |relay| async move {
        let mut relay = relay?;
        match relay.next().await {
            Ok(None) => None,
            Ok(Some(event)) => Some((Ok(event), Some(relay))),
            Err(error) => Some((Err(error), None)),
        }
    });
    // A recognizer that fails may have shown words that the next one does not hear.
    Ok(keep_words(events.boxed()))
}

struct Relay<P: ?Sized, A> {
    tries: Tries<P, A>,
    request: AsrRequest,
    turns: bool,
    log: Log,
    live: Option<Live>,
}

/// A recogniser that is listened to.
struct Live {
    name: &'static str,
    output: BoxStream<'static, Result<AsrEvent>>,
    /// Where in the audio it began.
    base: Duration,
}

impl<P: Asr + ?Sized, A: Attempts<P>> Relay<P, A> {
    async fn next(&mut self) -> Result<Option<AsrEvent>> {
        loop {
            let Some(live) = &mut self.live else {
                self.open().await?;
                continue;
            };
            match live.output.next().await {
                Some(Ok(event)) => {
                    if let Some(event) = self.take(event) {
                        return Ok(Some(event));
                    }
                }
                Some(Err(error)) => self.failed(error)?,
                None if self.log.is_over() => return Ok(None),
                None => {
                    let text = "the recogniser ended before its audio";
                    let error = Error::new(ErrorKind::Protocol, live.name, text);
                    self.failed(error)?;
                }
            }
        }
    }

    async fn open(&mut self) -> Result<()> {
        let part = self.tries.part().await?;
        match listen(&*part, self.request.clone(), &self.log).await {
            Ok(live) => self.live = Some(live),
            Err(error) => self.failed(error)?,
        }
        Ok(())
    }

    fn take(&mut self, event: AsrEvent) -> Option<AsrEvent> {
        let base = self.live.as_ref().map(|live| live.base).unwrap_or_default();
        match event {
            AsrEvent::Interim(mut transcript) => {
                transcript.end = transcript.end.map(|end| base + end);
                if transcript.has_words() {
                    self.log.heard();
                }
                Some(AsrEvent::Interim(transcript))
            }
            AsrEvent::Final(mut transcript) => {
                transcript.end = transcript.end.map(|end| base + end);
                if let Some(waited) = self.log.settle(&transcript) {
                    self.tries.attempts.answered(waited);
                }
                self.tries.attempts.completed();
                Some(AsrEvent::Final(transcript))
            }
            AsrEvent::Turn(_) if !self.turns => None,
            AsrEvent::Turn(_) | _ => Some(event),
        }
    }

    fn failed(&mut self, error: Error) -> Result<()> {
        let begun = self.live.take().is_some();
        self.tries.failed(error, begun)
    }
}

/// Has `part` hear what `log` holds.
async fn listen<P: Asr + ?Sized>(part: &P, mut request: AsrRequest, log: &Log) -> Result<Live> {
    let info = part.info();
    let format = negotiate(&info.formats, request.format);
    let mut converter = Converter::new(request.format, format)?;
    request.format = format;
    let (base, input) = log.reader();
    let input = input.filter_map(move |input| ready(converted(&mut converter, input)));
    let output = part.recognize(request, input.boxed()).await?;
    Ok(Live { name: info.name, output, base })
}

fn converted(converter: &mut Converter, input: AsrInput) -> Option<AsrInput> {
    let AsrInput::Audio(chunk) = input else { return Some(input) };
    // Audio in another format than was asked for is not part of the stream.
    let chunk = converter.process(&chunk).ok()?;
    (!chunk.is_empty()).then_some(AsrInput::Audio(chunk))
}
