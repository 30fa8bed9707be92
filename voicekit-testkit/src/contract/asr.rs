//! The contract of recognisers.

use std::time::Duration;

use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::time::timeout;
use voicekit_core::asr::{Asr, AsrEvent, AsrInput, AsrRequest};
use voicekit_core::audio::AudioChunk;
use voicekit_core::error::{ErrorKind, Result};

use super::feed::Feed;
use super::{ContractReport, PATIENCE, Verdict, unless};

type Events = BoxStream<'static, Result<AsrEvent>>;

/// Checks the contract of [`Asr`] on `speech`: a second or more of somebody speaking, in one of
/// the recogniser's formats.
pub async fn asr(asr: &dyn Asr, speech: &AudioChunk) -> ContractReport {
    let mut report = ContractReport::new(asr.info().name);
    let request = AsrRequest::new(speech.format());
    report.check(1, opens_without_audio(asr, &request).await);
    let flushed = flush(asr, &request, speech).await;
    report.check(2, flushed.as_ref().err().cloned());
    report.check(3, drops_its_input(asr, &request, speech).await);
    report.add(4, errors_come_last(asr, flushed.as_deref().unwrap_or_default()).await);
    report.add(
        5,
        flushed.map_or(Verdict::Skipped("clause 2 is broken"), |events| ends_final(&events)),
    );
    let (answered, taken) = finalizes(asr, &request, speech).await;
    report.check(6, answered);
    report.check(7, taken);
    report
}

async fn opens_without_audio(asr: &dyn Asr, request: &AsrRequest) -> Option<String> {
    let (_, input) = Feed::new(Vec::new(), false);
    open(asr, request, input).await.err()
}

/// What comes out when the input ends.
async fn flush(
    asr: &dyn Asr,
    request: &AsrRequest,
    speech: &AudioChunk,
) -> Result<Vec<Result<AsrEvent>>, String> {
    let mut items = vec![AsrInput::SpeechStarted];
    items.extend(pieces(speech));
    let (_, input) = Feed::new(items, true);
    let events = open(asr, request, input).await?;
    let events = timeout(PATIENCE, events.collect::<Vec<_>>()).await;
    let events = events.map_err(|_| "the output does not end after the input".to_owned())?;
    let finals = events.iter().filter(|event| matches!(event, Ok(AsrEvent::Final(_)))).count();
    if finals == 0 {
        return Err(format!("speech was not finalised at the end: {events:?}"));
    }
    Ok(events)
}

async fn drops_its_input(
    asr: &dyn Asr,
    request: &AsrRequest,
    speech: &AudioChunk,
) -> Option<String> {
    let (feed, input) = Feed::new(pieces(speech), false);
    let mut events = match open(asr, request, input).await {
        Ok(events) => events,
        Err(seen) => return Some(seen),
    };
    // Work is under way when the output is dropped.
    let _ = timeout(Duration::from_millis(50), events.next()).await;
    drop(events);
    unless(feed.is_dropped().await, || "the input lives on after the output was dropped".to_owned())
}

async fn errors_come_last(asr: &dyn Asr, events: &[Result<AsrEvent>]) -> Verdict {
    if let Some(index) = events.iter().position(Result::is_err)
        && index + 1 < events.len()
    {
        return Verdict::Broken("an error was not the last item".to_owned());
    }
    let formats = asr.info().formats;
    let Some(foreign) = super::tts::foreign_format(&formats) else {
        return Verdict::Skipped("it takes every format, so that no error could be provoked");
    };
    let (_, input) = Feed::new(Vec::new(), true);
    match timeout(PATIENCE, asr.recognize(AsrRequest::new(foreign), input)).await {
        Ok(Err(error)) if error.kind() == ErrorKind::Unsupported => Verdict::Kept,
        Ok(Err(error)) => Verdict::Broken(format!("{foreign} is refused as {:?}", error.kind())),
        Ok(Ok(_)) => Verdict::Broken(format!("{foreign} is not among its formats, yet accepted")),
        Err(_) => Verdict::Broken("it does not answer".to_owned()),
    }
}

fn ends_final(events: &[Result<AsrEvent>]) -> Verdict {
    let last = events.iter().rev().find_map(|event| event.as_ref().ok());
    match last {
        Some(AsrEvent::Interim(_)) => Verdict::Broken("an interim was never finalised".to_owned()),
        _ => Verdict::Kept,
    }
}

/// Whether a `Finalize` is answered once, and whether input was taken while there was no output.
async fn finalizes(
    asr: &dyn Asr,
    request: &AsrRequest,
    speech: &AudioChunk,
) -> (Option<String>, Option<String>) {
    let mut items = vec![AsrInput::SpeechStarted];
    items.extend(pieces(speech));
    items.extend([AsrInput::SpeechEnded, AsrInput::Finalize]);
    let wanted = items.len();
    let (feed, input) = Feed::new(items, false);
    let mut events = match open(asr, request, input).await {
        Ok(events) => events,
        Err(seen) => return (Some(seen.clone()), Some(seen)),
    };
    let mut answers = 0;
    // One more second after the answer, in which no second one may come.
    while let Ok(Some(Ok(event))) =
        timeout(if answers == 0 { PATIENCE } else { Duration::from_secs(1) }, events.next()).await
    {
        answers += usize::from(matches!(event, AsrEvent::Final(t) if t.finalized));
    }
    let answered = unless(answers == 1, || format!("{answers} answers to one Finalize"));
    let taken = feed.taken();
    let taken = unless(taken == wanted, || format!("only {taken} of {wanted} inputs were taken"));
    (answered, taken)
}

async fn open(
    asr: &dyn Asr,
    request: &AsrRequest,
    input: BoxStream<'static, AsrInput>,
) -> Result<Events, String> {
    match timeout(PATIENCE, asr.recognize(request.clone(), input)).await {
        Ok(Ok(events)) => Ok(events),
        Ok(Err(error)) => Err(format!("the stream cannot be opened: {error}")),
        Err(_) => Err("the stream waits for audio before it opens".to_owned()),
    }
}

/// The speech in frames of 20 ms.
fn pieces(speech: &AudioChunk) -> Vec<AsrInput> {
    let mut rest = speech.clone();
    let samples = usize::try_from(rest.format().rate_hz / 50).unwrap_or(1);
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        pieces.push(AsrInput::Audio(rest.split_to(samples)));
    }
    pieces
}
